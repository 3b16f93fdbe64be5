//! Casts that are functions here: uuid, json, varchar, bytea, timestamptz.
//!
//! They check and canonicalise texts; a value that is none of its type is 22P02 as in Postgres.

use super::own;
use super::row_function::{Out, Takes, row_function};
use super::simple::{TextFunction, answer, arrays, undefined};
use crate::timestamp::{instant_of_local, parse_date, parse_timestamp, parse_timestamptz};
use crate::{Error, Fault, PgType};
use chrono_tz::Tz;
use datafusion::arrow::array::{
    Array, AsArray, BinaryArray, Date32Array, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
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
        row_function("json", &[Takes::Text], PgType::Json, |args| {
            checked_json(args[0].text(), "json").map(|()| Out::Text(args[0].text().to_owned()))
        }),
        ScalarUDF::from(Bytea { signature: Signature::user_defined(Volatility::Immutable) }),
        row_function("varchar", &[Takes::Text], PgType::Varchar, |args| {
            Ok(Out::Text(args[0].text().to_owned()))
        }),
        row_function("varchar_of", &[Takes::Text, Takes::Int], PgType::Varchar, |args| {
            let length = usize::try_from(args[1].int()).unwrap_or(0);
            Ok(Out::Text(args[0].text().chars().take(length).collect()))
        }),
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

/// `\xdeadbeef`, or text without a backslash as it is.
fn bytes(text: &str) -> Result<Vec<u8>> {
    let Some(hex) = text.strip_prefix("\\x") else {
        return match text.contains('\\') {
            true => Err(own(Error::unsupported("bytea in the escape format"))),
            false => Ok(text.as_bytes().to_vec()),
        };
    };
    let digits: Option<Vec<u8>> =
        hex.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0);
    let digits = digits.ok_or_else(|| malformed("bytea", text))?;
    Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bytea {
    signature: Signature,
}

impl ScalarUDFImpl for Bytea {
    fn name(&self) -> &str {
        "bytea"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Binary | DataType::LargeBinary | DataType::BinaryView] => {
                Ok(vec![DataType::Binary])
            }
            [DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null] => {
                Ok(vec![DataType::Utf8])
            }
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [values] = arrays.as_slice() else { return Err(undefined(self.name(), &[])) };
        if values.data_type() == &DataType::Binary {
            return answer(values.clone(), constant);
        }
        let texts = values.as_string::<i32>().iter();
        let bytes = texts.map(|text| text.map(bytes).transpose()).collect::<Result<Vec<_>>>()?;
        answer(Arc::new(bytes.into_iter().collect::<BinaryArray>()), constant)
    }
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
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        if matches!(values.data_type(), DataType::Timestamp(_, Some(_))) {
            return answer(cast_with_options(values, &timestamptz_type(), &strict)?, constant);
        }
        // A time without a zone is local time of the session, also where its clocks skip or repeat.
        let local = DataType::Timestamp(TimeUnit::Microsecond, None);
        let instants = cast_with_options(values, &local, &strict)?
            .as_primitive::<TimestampMicrosecondType>()
            .iter()
            .map(|local| local.map(|local| instant_of_local(local, zone)).transpose())
            .collect::<crate::Result<TimestampMicrosecondArray>>()
            .map_err(own)?;
        answer(Arc::new(instants.with_timezone("UTC")), constant)
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

/// Texts as points in time without a zone, and as days.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ReadTime {
    to_date: bool,
    signature: Signature,
}

pub(super) fn text_to_timestamp() -> ScalarUDF {
    read_time(false)
}

pub(super) fn text_to_date() -> ScalarUDF {
    read_time(true)
}

fn read_time(to_date: bool) -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::Utf8], Volatility::Immutable);
    ScalarUDF::from(ReadTime { to_date, signature })
}

impl ScalarUDFImpl for ReadTime {
    fn name(&self) -> &str {
        if self.to_date { "text_to_date" } else { "text_to_timestamp" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(match self.to_date {
            true => DataType::Date32,
            false => DataType::Timestamp(TimeUnit::Microsecond, None),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [texts] = arrays.as_slice() else { return Err(undefined(self.name(), &[])) };
        let texts = texts.as_string::<i32>().iter();
        if self.to_date {
            let days = texts.map(|text| text.map(parse_date).transpose());
            let days = days.collect::<crate::Result<Date32Array>>().map_err(own)?;
            return answer(Arc::new(days), constant);
        }
        let micros = texts.map(|text| text.map(parse_timestamp).transpose());
        let micros = micros.collect::<crate::Result<TimestampMicrosecondArray>>().map_err(own)?;
        answer(Arc::new(micros), constant)
    }
}
