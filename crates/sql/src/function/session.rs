//! Functions that ask the session. They are planned here and answered by
//! `query::session_values`; none of them can run as a function.

use crate::PgType;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

const FUNCTIONS: [(&str, PgType); 10] = [
    ("current_user", PgType::Name),
    ("session_user", PgType::Name),
    ("current_role", PgType::Name),
    ("user", PgType::Name),
    ("current_database", PgType::Name),
    ("current_catalog", PgType::Name),
    ("current_schema", PgType::Name),
    ("current_schemas", PgType::TextArray),
    ("current_setting", PgType::Text),
    ("statement_timestamp", PgType::TimestampTz),
];

/// The result of a function that asks the session.
pub(crate) fn session_function_type(name: &str) -> Option<PgType> {
    FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, pg_type)| *pg_type)
}

pub(super) fn all() -> Vec<ScalarUDF> {
    FUNCTIONS
        .iter()
        .map(|(name, pg_type)| {
            let signature = Signature::user_defined(Volatility::Stable);
            ScalarUDF::from(SessionFunction { name, pg_type: *pg_type, signature })
        })
        .collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SessionFunction {
    name: &'static str,
    pg_type: PgType,
    signature: Signature,
}

impl ScalarUDFImpl for SessionFunction {
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
        Ok(crate::catalog::arrow_type(self.pg_type))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(DataFusionError::Internal(format!("{} was not answered by its session", self.name)))
    }
}
