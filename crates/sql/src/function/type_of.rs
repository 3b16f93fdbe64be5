//! `pg_typeof`: the name of a type, known when the statement is planned.

use crate::PgType;
use crate::query::{from_arrow, from_field};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};
use datafusion::scalar::ScalarValue;

pub(super) const TYPE_OF: &str = "pg_typeof";

pub(super) fn pg_typeof() -> ScalarUDF {
    ScalarUDF::from(TypeOf { signature: Signature::any(1, Volatility::Immutable) })
}

/// What the call answers.
pub(super) fn type_name(args: &[Expr], schema: &DFSchema) -> Result<Expr> {
    let [arg] = args else { return Err(DataFusionError::Internal("one argument".to_owned())) };
    if let Expr::Literal(ScalarValue::Utf8(_) | ScalarValue::Null, _) = arg {
        return Ok(lit("unknown"));
    }
    let pg_type = match arg.to_field(schema) {
        Ok((_, field)) => from_field(&field),
        Err(_) => from_arrow(&arg.get_type(schema)?),
    };
    let function = match arg {
        Expr::ScalarFunction(function) => super::result_type(function.name()),
        _ => None,
    };
    Ok(lit(written(function.map_or(pg_type, Ok).map_err(super::own)?)))
}

/// As SQL writes it.
pub(super) fn written(pg_type: PgType) -> String {
    if let Some(element) = pg_type.element().filter(|_| pg_type.name().starts_with('_')) {
        return format!("{}[]", written(element));
    }
    match pg_type {
        PgType::Bool => "boolean",
        PgType::Int2 => "smallint",
        PgType::Int4 => "integer",
        PgType::Int8 => "bigint",
        PgType::Float4 => "real",
        PgType::Float8 => "double precision",
        PgType::Varchar => "character varying",
        PgType::Char => "\"char\"",
        PgType::Time => "time without time zone",
        PgType::Timestamp => "timestamp without time zone",
        PgType::TimestampTz => "timestamp with time zone",
        other => other.name(),
    }
    .to_owned()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TypeOf {
    signature: Signature,
}

impl ScalarUDFImpl for TypeOf {
    fn name(&self) -> &str {
        TYPE_OF
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(DataFusionError::Internal("pg_typeof is answered when it is planned".to_owned()))
    }
}
