//! What catalogs are asked through: names and definitions by oid, visibility, privileges, sizes.

use super::own;
use super::simple::{answer, arrays, integers, undefined};
use super::visible::pg_table_is_visible;
use crate::catalog::{ByOid, Catalog, sql_name};
use crate::{Error, Fault, PgType};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use datafusion_pg_catalog::pg_catalog::{array_bounds_udf, quote_ident_udf};
use std::sync::Arc;

/// Types by oid, for `format_type` and `regtype`.
fn types() -> ByOid {
    let known = (0..=5_000u32).filter_map(PgType::from_oid);
    Arc::new(known.map(|each| (i64::from(each.oid()), type_text(each))).collect())
}

fn type_text(pg_type: PgType) -> String {
    match pg_type.element() {
        Some(element) => format!("{}[]", sql_name(element)),
        None => sql_name(pg_type).to_owned(),
    }
}

pub(crate) fn register_catalog_functions(
    state: &mut SessionState,
    catalog: &Catalog,
) -> crate::Result<()> {
    let known = catalog.definitions()?;
    let types = types();
    let mut functions = constants();
    functions.push(pg_table_is_visible(&known.classes));
    for (name, texts) in [
        ("pg_get_userbyid", &known.roles),
        ("pg_get_indexdef", &known.indexes),
        ("pg_get_constraintdef", &known.constraints),
        ("pg_get_viewdef", &known.views),
        ("regclass_name", &known.classes),
        ("regtype_name", &types),
        ("regnamespace_name", &known.namespaces),
        ("regrole_name", &known.roles),
    ] {
        functions.push(ScalarUDF::from(TextByOid {
            name,
            texts: Arc::clone(texts),
            signature: any(),
        }));
    }
    for (name, texts, fault) in [
        ("regclass", &known.classes, Fault::UndefinedTable),
        ("regtype", &types, Fault::UndefinedObject),
        ("regnamespace", &known.namespaces, Fault::UndefinedObject),
        ("regrole", &known.roles, Fault::UndefinedObject),
    ] {
        functions.push(ScalarUDF::from(OidByText {
            name,
            texts: Arc::clone(texts),
            missing: if fault == Fault::UndefinedTable { "relation" } else { "name" },
            signature: any(),
        }));
    }
    functions.push(ScalarUDF::from(OidByText {
        name: "oid",
        texts: ByOid::default(),
        missing: "oid",
        signature: any(),
    }));
    functions.push(ScalarUDF::from(FormatType { types, signature: any() }));
    functions.push(quote_ident_udf::create_quote_ident_udf());
    functions.push(quote_ident_udf::create_parse_ident_udf());
    functions.push(array_bounds_udf::create_array_upper_udf());
    functions.push(array_bounds_udf::create_array_lower_udf());
    for function in functions {
        state.register_udf(Arc::new(function))?;
    }
    Ok(())
}

fn any() -> Signature {
    Signature::user_defined(Volatility::Immutable)
}

/// Functions with one answer, whatever they are asked.
fn constants() -> Vec<ScalarUDF> {
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
        ("pg_type_is_visible", yes.clone()),
        ("pg_function_is_visible", yes.clone()),
        ("pg_relation_is_publishable", no),
        ("has_table_privilege", yes.clone()),
        ("has_schema_privilege", yes.clone()),
        ("has_database_privilege", yes.clone()),
        ("has_column_privilege", yes.clone()),
        ("has_any_column_privilege", yes.clone()),
        ("has_function_privilege", yes.clone()),
        ("pg_has_role", yes),
        ("pg_get_expr", text(None)),
        ("pg_get_ruledef", text(None)),
        ("pg_get_partkeydef", text(None)),
        ("pg_get_statisticsobjdef_columns", text(None)),
        ("pg_get_serial_sequence", text(None)),
        ("pg_get_function_result", text(None)),
        ("pg_get_function_arguments", text(None)),
        ("pg_get_function_identity_arguments", text(None)),
        ("obj_description", text(None)),
        ("col_description", text(None)),
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

/// A text by the oid that is the first argument; an unknown oid gives NULL.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TextByOid {
    name: &'static str,
    texts: ByOid,
    signature: Signature,
}

fn oid_types(types: &[DataType]) -> Vec<DataType> {
    let oid = |each: &DataType| match each {
        other if other.is_integer() => DataType::Int64,
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        other => other.clone(),
    };
    types.iter().map(oid).collect()
}

impl ScalarUDFImpl for TextByOid {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(oid_types(types))
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let oids = arrays.first().ok_or_else(|| undefined(self.name, &[]))?;
        let texts: StringArray = match oids.data_type() {
            // A name is what it is already, once its oid can be found.
            DataType::Utf8 => {
                let numbers = oids.as_string::<i32>().iter().map(|text| {
                    let text = text?;
                    let number = text.parse().ok().or_else(|| oid_of(&self.texts, text))?;
                    self.texts.get(&number).map(String::as_str)
                });
                numbers.collect()
            }
            _ => integers(oids)?
                .into_iter()
                .map(|oid| oid.and_then(|oid| self.texts.get(&oid)).map(String::as_str))
                .collect(),
        };
        answer(Arc::new(texts), constant)
    }
}

fn oid_of(texts: &ByOid, name: &str) -> Option<i64> {
    let name = name.trim_matches('"');
    let bare = name
        .strip_prefix("public.")
        .or_else(|| name.strip_prefix("pg_catalog."))
        .unwrap_or(name)
        .trim_matches('"');
    let canonical = PgType::from_name(bare).map(type_text);
    texts
        .iter()
        .find(|(_, text)| text.as_str() == bare || Some(text.as_str()) == canonical.as_deref())
        .map(|(oid, _)| *oid)
}

/// `'accounts'::regclass`: a name, or a number in a text, as an oid.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OidByText {
    name: &'static str,
    texts: ByOid,
    missing: &'static str,
    signature: Signature,
}

impl OidByText {
    fn oid(&self, text: &str) -> Result<i32> {
        text.trim()
            .parse::<i64>()
            .ok()
            .or_else(|| oid_of(&self.texts, text))
            .and_then(|oid| i32::try_from(oid).ok())
            .ok_or_else(|| match self.missing {
                "relation" => own(Error::new(
                    Fault::UndefinedTable,
                    format!("relation \"{text}\" does not exist"),
                )),
                "oid" => own(Error::new(
                    Fault::InvalidTextRepresentation,
                    format!("invalid input syntax for type oid: \"{text}\""),
                )),
                _ => own(Error::new(
                    Fault::UndefinedObject,
                    format!("{} \"{text}\" does not exist", self.name.trim_start_matches("reg")),
                )),
            })
    }
}

impl ScalarUDFImpl for OidByText {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(oid_types(types))
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let values = arrays.first().ok_or_else(|| undefined(self.name, &[]))?;
        let oids: Int32Array = match values.data_type() {
            DataType::Utf8 => values
                .as_string::<i32>()
                .iter()
                .map(|text| text.map(|text| self.oid(text)).transpose())
                .collect::<Result<_>>()?,
            _ => narrow(values)?,
        };
        answer(Arc::new(oids), constant)
    }
}

fn narrow(values: &ArrayRef) -> Result<Int32Array> {
    integers(values)?
        .into_iter()
        .map(|oid| {
            oid.map(|oid| {
                i32::try_from(oid).map_err(|_| {
                    DataFusionError::External(Box::new(Error::new(
                        Fault::NumericValueOutOfRange,
                        "OID out of range",
                    )))
                })
            })
            .transpose()
        })
        .collect()
}

/// `format_type(oid, typmod)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FormatType {
    types: ByOid,
    signature: Signature,
}

impl ScalarUDFImpl for FormatType {
    fn name(&self) -> &str {
        "format_type"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_, _] => Ok(vec![DataType::Int64, DataType::Int64]),
            _ => Err(undefined("format_type", types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [oids, typmods] = arrays.as_slice() else {
            return Err(undefined("format_type", &[]));
        };
        let texts: StringArray = integers(oids)?
            .into_iter()
            .zip(integers(typmods)?)
            .map(|(oid, typmod)| oid.map(|oid| self.format(oid, typmod)))
            .collect();
        answer(Arc::new(texts), constant)
    }
}

impl FormatType {
    fn format(&self, oid: i64, typmod: Option<i64>) -> String {
        let Some(name) = self.types.get(&oid) else { return "???".to_owned() };
        match typmod {
            Some(typmod) if typmod >= 4 && oid == i64::from(PgType::Numeric.oid()) => {
                format!("numeric({},{})", (typmod - 4) >> 16, (typmod - 4) & 0xffff)
            }
            Some(typmod) if typmod >= 4 && oid == i64::from(PgType::Varchar.oid()) => {
                format!("character varying({})", typmod - 4)
            }
            _ => name.clone(),
        }
    }
}
