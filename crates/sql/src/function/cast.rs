//! Casts that are functions here: uuid, json, jsonb, timestamptz.
//!
//! They check and canonicalise texts; a value that is none of its type is 22P02 as in Postgres.

use super::own;
use super::simple::{TextFunction, answer, arrays, undefined};
use crate::timestamp::parse_timestamptz;
use crate::{Error, Fault};
use chrono_tz::Tz;
use datafusion::arrow::array::{AsArray, TimestampMicrosecondArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use ledger::Uuid;
use std::sync::Arc;

pub(super) fn all() -> Vec<ScalarUDF> {
    vec![
        TextFunction::udf("uuid", |text| uuid_text(text).map(Some)),
        TextFunction::udf("json", |text| {
            checked_json(text, "json").map(|()| Some(text.to_owned()))
        }),
        TextFunction::udf("jsonb", jsonb),
        timestamptz(),
    ]
}

fn malformed(type_name: &str, text: &str) -> DataFusionError {
    own(Error::new(
        Fault::InvalidTextRepresentation,
        format!("invalid input syntax for type {type_name}: \"{text}\""),
    ))
}

/// The one spelling a uuid has in comparisons.
pub(super) fn uuid_text(text: &str) -> Result<String> {
    Uuid::try_parse(text.trim())
        .map(|id| id.hyphenated().to_string())
        .map_err(|_| malformed("uuid", text))
}

fn checked_json(text: &str, type_name: &str) -> Result<()> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).map(|_| ()).map_err(|error| {
        own(Error::new(
            Fault::InvalidTextRepresentation,
            format!("invalid input syntax for type {type_name}"),
        )
        .with_detail(error.to_string()))
    })
}

/// Without the spaces that carry nothing; numbers stay as they are written.
fn jsonb(text: &str) -> Result<Option<String>> {
    checked_json(text, "jsonb")?;
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| DataFusionError::External(Box::new(error)))?;
    Ok(Some(value.to_string()))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TimestampTz {
    signature: Signature,
}

pub(super) fn timestamptz_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

impl ScalarUDFImpl for TimestampTz {
    fn name(&self) -> &str {
        "timestamptz"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Utf8View | DataType::LargeUtf8 | DataType::Null] => Ok(vec![DataType::Utf8]),
            [only @ (DataType::Utf8 | DataType::Date32 | DataType::Timestamp(..))] => {
                Ok(vec![only.clone()])
            }
            _ => Err(undefined("timestamptz", types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(timestamptz_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = session_zone(&args.config_options);
        let (arrays, constant) = arrays(&args)?;
        let [values] = arrays.as_slice() else { return Err(undefined("timestamptz", &[])) };
        if values.data_type() == &DataType::Utf8 {
            let instants = values
                .as_string::<i32>()
                .iter()
                .map(|text| text.map(|text| parse_timestamptz(text, zone)).transpose())
                .collect::<crate::Result<TimestampMicrosecondArray>>()
                .map_err(own)?;
            return answer(Arc::new(instants.with_timezone("UTC")), constant);
        }
        // A time without a zone is local time of the session.
        let local = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.name().into()));
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let zoned = match values.data_type() {
            DataType::Date32 => {
                let midnight = DataType::Timestamp(TimeUnit::Microsecond, None);
                cast_with_options(&cast_with_options(values, &midnight, &strict)?, &local, &strict)?
            }
            DataType::Timestamp(_, None) => cast_with_options(values, &local, &strict)?,
            _ => Arc::clone(values),
        };
        answer(cast_with_options(&zoned, &timestamptz_type(), &strict)?, constant)
    }
}

/// The zone of the session, as the execution's configuration carries it.
pub(super) fn session_zone(options: &ConfigOptions) -> Tz {
    let name = options.execution.time_zone.as_deref().unwrap_or("UTC");
    name.parse().unwrap_or(Tz::UTC)
}

pub(super) fn timestamptz() -> ScalarUDF {
    ScalarUDF::from(TimestampTz { signature: Signature::user_defined(Volatility::Stable) })
}
