//! Bound parameters: bytes of a client to a [`Value`].
//!
//! Invariant: the bytes are hostile until this module has read them. A length, a count or a text
//! that is wrong is an error with its SQLSTATE.

use super::datetime::{self, EPOCH_DAYS, EPOCH_MICROS};
use super::interval::{Interval, IntervalStyle};
use super::{numeric, parameter_array};
use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::backend::Format;
use crate::wire::{Body, Malformed, decode_text};
use bytes::BytesMut;
use chrono::{DateTime, NaiveDate};
use sql::{PgType, Value};
use uuid::Uuid;

/// Reads parameter `number`, counted from 1.
pub(crate) fn decode(
    bytes: Option<&[u8]>,
    pg_type: PgType,
    format: Format,
    number: usize,
) -> Result<Value, Report> {
    let Some(bytes) = bytes else { return Ok(Value::Null) };
    let value = match format {
        Format::Text => {
            decode_text(bytes).map_err(Report::from).and_then(|text| from_text(text, pg_type))
        }
        Format::Binary => from_binary(bytes, pg_type),
    };
    value.map_err(|report| report.with_context(format!("bind parameter ${number}")))
}

/// Reads a value that stands alone, in its binary form.
pub(crate) fn decode_binary(bytes: Option<&[u8]>, pg_type: PgType) -> Result<Value, Report> {
    bytes.map_or(Ok(Value::Null), |bytes| from_binary(bytes, pg_type))
}

pub(super) fn invalid_text(pg_type: PgType, text: &str) -> Report {
    Report::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!("invalid input syntax for type {}: \"{text}\"", sql_name(pg_type)),
    )
}

fn out_of_range(pg_type: PgType, text: &str) -> Report {
    Report::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("value \"{text}\" is out of range for type {}", sql_name(pg_type)),
    )
}

fn unsupported(pg_type: PgType, form: &str) -> Report {
    Report::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        format!("{form} parameters of type {} are not supported", sql_name(pg_type)),
    )
}

/// The type as error messages call it.
fn sql_name(pg_type: PgType) -> &'static str {
    match pg_type {
        PgType::Bool => "boolean",
        PgType::Int2 => "smallint",
        PgType::Int4 => "integer",
        PgType::Int8 => "bigint",
        PgType::Float4 => "real",
        PgType::Float8 => "double precision",
        other => other.name(),
    }
}

pub(super) fn from_text(text: &str, pg_type: PgType) -> Result<Value, Report> {
    if pg_type.element().is_some() {
        return parameter_array::from_text(text, pg_type);
    }
    Ok(match pg_type {
        PgType::Bool => Value::Bool(parse_bool(text).ok_or_else(|| invalid_text(pg_type, text))?),
        PgType::Int2 => Value::Int(integer(text, pg_type, i16::MIN.into(), i16::MAX.into())?),
        PgType::Int4 => Value::Int(integer(text, pg_type, i32::MIN.into(), i32::MAX.into())?),
        PgType::Int8 => Value::Int(integer(text, pg_type, i64::MIN, i64::MAX)?),
        PgType::Oid => Value::Int(integer(text, pg_type, 0, u32::MAX.into())?),
        PgType::Float4 | PgType::Float8 => Value::Float(float(text, pg_type)?),
        PgType::Numeric => Value::Numeric(numeric::parse_text(text)?),
        PgType::Uuid => {
            Value::Uuid(Uuid::try_parse(text.trim()).map_err(|_| invalid_text(pg_type, text))?)
        }
        PgType::Json | PgType::Jsonb => Value::Json(text.to_owned()),
        PgType::Date => Value::Date(date(text)?),
        PgType::Bytea => Value::Bytes(bytea(text)?),
        PgType::Void => return Err(unsupported(pg_type, "text")),
        // Whoever takes these knows the session's time zone, or wants them as they are.
        _ => Value::Text(text.to_owned()),
    })
}

fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    let is_start_of =
        |word: &str, at_least: usize| text.len() >= at_least && word.starts_with(&text);
    if is_start_of("true", 1) || is_start_of("yes", 1) || text == "on" || text == "1" {
        return Some(true);
    }
    let is_false =
        is_start_of("false", 1) || is_start_of("no", 1) || is_start_of("off", 2) || text == "0";
    is_false.then_some(false)
}

fn integer(text: &str, pg_type: PgType, min: i64, max: i64) -> Result<i64, Report> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid_text(pg_type, text));
    }
    let value = trimmed.parse::<i64>().ok().filter(|value| (min..=max).contains(value));
    value.ok_or_else(|| out_of_range(pg_type, text))
}

fn float(text: &str, pg_type: PgType) -> Result<f64, Report> {
    let trimmed = text.trim();
    let value: f64 = trimmed.parse().map_err(|_| invalid_text(pg_type, text))?;
    let narrowed_fits = pg_type != PgType::Float4 || (value as f32).is_finite();
    let says_infinity = trimmed.to_ascii_lowercase().contains("inf");
    if (value.is_infinite() || !narrowed_fits) && !says_infinity && !value.is_nan() {
        return Err(out_of_range(pg_type, text));
    }
    Ok(value)
}

fn date(text: &str) -> Result<i32, Report> {
    let parsed = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").map_err(|_| {
        Report::new(
            SqlState::INVALID_DATETIME_FORMAT,
            format!("invalid input syntax for type date: \"{text}\""),
        )
        .with_hint("Dates are read as YYYY-MM-DD.")
    })?;
    Ok(parsed.to_epoch_days())
}

/// `\x0a0b`, or the older form in which `\\` and `\012` stand for bytes.
fn bytea(text: &str) -> Result<Vec<u8>, Report> {
    let malformed = || invalid_text(PgType::Bytea, text);
    let bytes = text.as_bytes();
    if let Some(hex) = bytes.strip_prefix(b"\\x") {
        let digits: Option<Vec<u8>> = hex
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace())
            .map(|byte| char::from(*byte).to_digit(16).map(|digit| digit as u8))
            .collect();
        let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or_else(malformed)?;
        return Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect());
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'\\' {
            decoded.push(*byte);
        } else if let Some(tail) = rest.strip_prefix(b"\\") {
            decoded.push(b'\\');
            rest = tail;
        } else {
            let (octal, tail) = rest.split_first_chunk::<3>().ok_or_else(malformed)?;
            let octal = octal.iter().try_fold(0u16, |value, digit| {
                (b'0'..=b'7').contains(digit).then(|| value * 8 + u16::from(digit - b'0'))
            });
            decoded.push(octal.and_then(|value| u8::try_from(value).ok()).ok_or_else(malformed)?);
            rest = tail;
        }
    }
    Ok(decoded)
}

pub(super) fn from_binary(bytes: &[u8], pg_type: PgType) -> Result<Value, Report> {
    if pg_type.element().is_some() {
        return parameter_array::from_binary(bytes, pg_type);
    }
    let mut body = Body::new(bytes);
    let value = match pg_type {
        PgType::Bool => Value::Bool(body.byte()? != 0),
        PgType::Int2 => Value::Int(body.int16()?.into()),
        PgType::Int4 => Value::Int(body.int32()?.into()),
        PgType::Int8 => Value::Int(body.int64()?),
        PgType::Oid => Value::Int(body.int32()?.cast_unsigned().into()),
        PgType::Float4 => Value::Float(f32::from_bits(body.int32()?.cast_unsigned()).into()),
        PgType::Float8 => Value::Float(f64::from_bits(body.int64()?.cast_unsigned())),
        PgType::Numeric => Value::Numeric(numeric::parse_binary(body.rest())?),
        PgType::Uuid => {
            let id: &[u8] = body.bytes(16)?;
            Value::Uuid(Uuid::from_slice(id).map_err(|_| Malformed::TooShort)?)
        }
        PgType::Json => Value::Json(decode_text(body.rest())?.to_owned()),
        PgType::Jsonb => {
            let version = body.byte()?;
            if version != 1 {
                return Err(invalid_binary(&format!("unsupported jsonb version number {version}")));
            }
            Value::Json(decode_text(body.rest())?.to_owned())
        }
        PgType::Date => {
            let days = body.int32()?.checked_add(EPOCH_DAYS).ok_or_else(date_out_of_range)?;
            Value::Date(days)
        }
        PgType::TimestampTz => Value::TimestampTz(timestamp(body.int64()?)?),
        // A local time: it becomes a point in time in the session's zone, as its text form does.
        PgType::Timestamp => Value::Text(local_time(timestamp(body.int64()?)?)?),
        PgType::Time => Value::Text(time(body.int64()?)?),
        PgType::Interval => {
            let (micros, days, months) = (body.int64()?, body.int32()?, body.int32()?);
            Value::Text(shown(|out| {
                Interval { months, days, micros }.write(out, IntervalStyle::Postgres);
            }))
        }
        PgType::Bytea => Value::Bytes(body.rest().to_owned()),
        PgType::Void => return Err(unsupported(pg_type, "binary")),
        _ => Value::Text(decode_text(body.rest())?.to_owned()),
    };
    if !body.is_empty() {
        return Err(invalid_binary("incorrect binary data format"));
    }
    Ok(value)
}

pub(super) fn invalid_binary(message: &str) -> Report {
    Report::new(SqlState::INVALID_BINARY_REPRESENTATION, message)
}

fn date_out_of_range() -> Report {
    Report::new(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range")
}

fn timestamp(micros: i64) -> Result<i64, Report> {
    // The two ends of the range stand for infinity.
    let finite = (micros != i64::MAX && micros != i64::MIN).then_some(micros);
    finite
        .and_then(|micros| micros.checked_add(EPOCH_MICROS))
        .ok_or_else(|| Report::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range"))
}

fn local_time(micros: i64) -> Result<String, Report> {
    let time = DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| Report::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range"))?;
    Ok(time.format("%Y-%m-%d %H:%M:%S%.6f").to_string())
}

fn time(micros: i64) -> Result<String, Report> {
    let mut text = BytesMut::new();
    datetime::write_time(&mut text, micros)
        .map_err(|_| Report::new(SqlState::DATETIME_FIELD_OVERFLOW, "time out of range"))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn shown(write: impl FnOnce(&mut BytesMut)) -> String {
    let mut text = BytesMut::new();
    write(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}
