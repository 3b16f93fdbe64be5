//! SQL type names to arrow types, where DataFusion's reading of them is not Postgres'.
//!
//! uuid, json, numeric without a size and the reg* types do not come here: casts to them have
//! become functions before ([`super::normalize`]).

use crate::catalog::arrow_type;
use crate::{Error, Fault, PgType};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{
    DataType as SqlType, ExactNumberInfo, ObjectName, TimezoneInfo,
};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct PostgresTypes;

impl TypePlanner for PostgresTypes {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let data_type = match sql_type {
            SqlType::Numeric(size) | SqlType::Decimal(size) | SqlType::Dec(size) => decimal(size)?,
            SqlType::Float(_) | SqlType::Float8 => DataType::Float64,
            SqlType::Timestamp(_, zone) => match zone {
                TimezoneInfo::Tz | TimezoneInfo::WithTimeZone => arrow_type(PgType::TimestampTz),
                TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => {
                    DataType::Timestamp(TimeUnit::Microsecond, None)
                }
            },
            SqlType::JSON | SqlType::JSONB | SqlType::Uuid => DataType::Utf8,
            SqlType::Regclass => DataType::Int32,
            SqlType::Custom(name, arguments) if arguments.is_empty() => match pg_type(name) {
                Some(pg_type) => arrow_type(pg_type),
                None => return Err(unknown_type(name)),
            },
            SqlType::Custom(name, _) => return Err(unknown_type(name)),
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Field::new("", data_type, true))))
    }
}

fn unknown_type(name: &ObjectName) -> DataFusionError {
    DataFusionError::External(Box::new(Error::new(
        Fault::UndefinedObject,
        format!("type \"{name}\" does not exist"),
    )))
}

fn decimal(size: &ExactNumberInfo) -> Result<DataType> {
    let (precision, scale) = match size {
        ExactNumberInfo::None => (38, 0),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    if !(1..=1_000).contains(&precision) {
        let message = format!("NUMERIC precision {precision} must be between 1 and 1000");
        return Err(DataFusionError::External(Box::new(Error::new(
            Fault::InvalidParameterValue,
            message,
        ))));
    }
    let fits = (1..=38).contains(&precision) && (0..=precision as i64).contains(&scale);
    if !fits {
        return Err(DataFusionError::External(Box::new(Error::unsupported(format!(
            "numeric({precision},{scale}) is not supported: at most 38 digits"
        )))));
    }
    Ok(DataType::Decimal128(precision as u8, scale as i8))
}

/// The type a name means, with or without `pg_catalog.` in front.
pub(super) fn pg_type(name: &ObjectName) -> Option<PgType> {
    let parts: Vec<String> = name
        .0
        .iter()
        .filter_map(|part| part.as_ident().map(|ident| ident.value.to_ascii_lowercase()))
        .collect();
    let name = match parts.as_slice() {
        [name] => name,
        [schema, name] if schema == "pg_catalog" => name,
        _ => return None,
    };
    match name.as_str() {
        "boolean" => Some(PgType::Bool),
        "smallint" => Some(PgType::Int2),
        "int" | "integer" => Some(PgType::Int4),
        "bigint" => Some(PgType::Int8),
        "real" => Some(PgType::Float4),
        "bpchar" => Some(PgType::Text),
        "decimal" => Some(PgType::Numeric),
        name => PgType::from_name(name),
    }
}
