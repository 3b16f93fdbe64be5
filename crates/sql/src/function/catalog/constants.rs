//! Functions with one answer, whatever they are asked: nothing here has what they ask for, or
//! everybody may do everything.

use super::any;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::scalar::ScalarValue;

/// Functions with one answer, whatever they are asked.
pub(super) fn constants() -> Vec<ScalarUDF> {
    let version = format!(
        "PostgreSQL 15.18 (tallybook {}) on {}-{}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS
    );
    let text = |value: Option<&str>| ScalarValue::Utf8(value.map(str::to_owned));
    let yes = ScalarValue::Boolean(Some(true));
    let no = ScalarValue::Boolean(Some(false));
    let no_size = ScalarValue::Int64(None);
    let no_texts = ScalarValue::List(ScalarValue::new_list_nullable(&[], &DataType::Utf8));
    [
        ("version", ScalarValue::from(version)),
        ("pg_backend_pid", ScalarValue::Int32(i32::try_from(std::process::id()).ok())),
        ("pg_is_in_recovery", no.clone()),
        ("pg_client_encoding", text(Some("UTF8"))),
        ("pg_encoding_to_char", text(Some("UTF8"))),
        ("getdatabaseencoding", text(Some("UTF8"))),
        ("pg_type_is_visible", yes.clone()),
        ("pg_function_is_visible", yes.clone()),
        ("pg_operator_is_visible", yes.clone()),
        ("pg_opclass_is_visible", yes.clone()),
        ("pg_opfamily_is_visible", yes.clone()),
        ("pg_collation_is_visible", yes.clone()),
        ("pg_conversion_is_visible", yes.clone()),
        ("pg_statistics_obj_is_visible", yes.clone()),
        ("pg_ts_config_is_visible", yes.clone()),
        ("pg_ts_dict_is_visible", yes.clone()),
        ("pg_ts_parser_is_visible", yes.clone()),
        ("pg_ts_template_is_visible", yes.clone()),
        ("pg_relation_is_publishable", no.clone()),
        ("pg_is_other_temp_schema", no.clone()),
        ("row_security_active", no),
        ("pg_char_to_encoding", ScalarValue::Int32(Some(6))),
        ("pg_my_temp_schema", ScalarValue::Int32(Some(0))),
        // There are no advisory locks to give up.
        ("pg_advisory_unlock_all", text(Some(""))),
        ("has_table_privilege", yes.clone()),
        ("has_schema_privilege", yes.clone()),
        ("has_database_privilege", yes.clone()),
        ("has_column_privilege", yes.clone()),
        ("has_any_column_privilege", yes.clone()),
        ("has_function_privilege", yes.clone()),
        ("has_language_privilege", yes.clone()),
        ("has_sequence_privilege", yes.clone()),
        ("has_tablespace_privilege", yes.clone()),
        ("has_type_privilege", yes.clone()),
        ("pg_has_role", yes),
        ("pg_get_expr", text(None)),
        ("pg_get_ruledef", text(None)),
        ("pg_get_partkeydef", text(None)),
        ("pg_get_statisticsobjdef_columns", text(None)),
        ("pg_get_serial_sequence", text(None)),
        ("pg_get_function_sqlbody", text(None)),
        ("pg_get_partition_constraintdef", text(None)),
        ("pg_get_statisticsobjdef", text(None)),
        ("pg_get_triggerdef", text(None)),
        ("shobj_description", text(None)),
        // All books share one log: no table has a size of its own.
        ("pg_table_size", no_size.clone()),
        ("pg_relation_size", no_size.clone()),
        ("pg_total_relation_size", no_size.clone()),
        ("pg_indexes_size", no_size.clone()),
        ("pg_database_size", no_size.clone()),
        ("pg_tablespace_size", no_size),
        ("pg_size_pretty", text(None)),
        ("pg_tablespace_location", text(None)),
        ("empty_text_array", no_texts),
    ]
    .into_iter()
    .map(|(name, value)| ScalarUDF::from(Constant { name, value, signature: any() }))
    .collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}
