//! Values as text, as Postgres shows them: floats, times, intervals, arrays.
//!
//! Owns: what casts to text and functions that take anything (`concat`, `format`) make of a value.
//! Truth values are `t` and `f` here; a cast writes them out.

use super::interval;
use super::simple::{answer, undefined};
use crate::Numeric;
use crate::timestamp::format_timestamptz;
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike};
use chrono_tz::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int64Type,
    IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::fmt::Write;
use std::sync::Arc;

/// The values of an array as text, in the session's zone.
pub(super) fn texts(array: &ArrayRef, zone: Tz) -> Result<StringArray> {
    let micros = |zone: &Option<Arc<str>>| DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
    let array = match array.data_type() {
        DataType::Duration(_) => interval::of_durations(array)?,
        DataType::Interval(_) => cast(array, &DataType::Interval(IntervalUnit::MonthDayNano))?,
        DataType::Timestamp(_, zone) => cast(array, &micros(zone))?,
        DataType::Time32(_) | DataType::Time64(_) => {
            cast(array, &DataType::Time64(TimeUnit::Microsecond))?
        }
        other if other.is_integer() && other != &DataType::UInt64 => cast(array, &DataType::Int64)?,
        DataType::LargeUtf8 | DataType::Utf8View => cast(array, &DataType::Utf8)?,
        _ => Arc::clone(array),
    };
    if array.data_type().is_null() {
        return Ok(StringArray::new_null(array.len()));
    }
    (0..array.len())
        .map(|row| if array.is_null(row) { Ok(None) } else { text(&array, row, zone).map(Some) })
        .collect()
}

fn text(array: &ArrayRef, row: usize, zone: Tz) -> Result<String> {
    Ok(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Boolean => if array.as_boolean().value(row) { "t" } else { "f" }.to_owned(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float32 => float4(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => float8(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => Numeric {
            unscaled: array.as_primitive::<Decimal128Type>().value(row),
            scale: scale.unsigned_abs(),
        }
        .to_string(),
        DataType::Date32 => date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Time64(_) => time(array.as_primitive::<Time64MicrosecondType>().value(row)),
        DataType::Timestamp(_, Some(_)) => {
            format_timestamptz(array.as_primitive::<TimestampMicrosecondType>().value(row), zone)
        }
        DataType::Timestamp(_, None) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let shown = format_timestamptz(micros, Tz::UTC);
            shown.strip_suffix("+00").unwrap_or(&shown).to_owned()
        }
        DataType::Interval(_) => {
            interval::written(array.as_primitive::<IntervalMonthDayNanoType>().value(row))
        }
        DataType::Binary => {
            let bytes = array.as_binary::<i32>().value(row);
            bytes.iter().fold("\\x".to_owned(), |mut hex, byte| {
                write!(hex, "{byte:02x}").expect("a String takes any text");
                hex
            })
        }
        DataType::List(_) => list(&texts(&array.as_list::<i32>().value(row), zone)?),
        _ => cast(array, &DataType::Utf8)?.as_string::<i32>().value(row).to_owned(),
    })
}

/// `{a,NULL,"b c"}`
fn list(items: &StringArray) -> String {
    let quoted = |item: &str| {
        item.is_empty()
            || item.eq_ignore_ascii_case("null")
            || item
                .contains(|c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || c.is_whitespace())
    };
    let items = items.iter().map(|item| match item {
        None => "NULL".to_owned(),
        Some(item) if quoted(item) => {
            format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""))
        }
        Some(item) => item.to_owned(),
    });
    format!("{{{}}}", items.collect::<Vec<_>>().join(","))
}

fn float8(value: f64) -> String {
    special(value).unwrap_or_else(|| shortest(&format!("{value:e}"), 15))
}

fn float4(value: f32) -> String {
    special(value.into()).unwrap_or_else(|| shortest(&format!("{value:e}"), 6))
}

fn special(value: f64) -> Option<String> {
    if value.is_nan() {
        return Some("NaN".to_owned());
    }
    let sign = if value < 0.0 { "-" } else { "" };
    value.is_infinite().then(|| format!("{sign}Infinity"))
}

/// `1.5e20` as `1.5e+20`, or plain where the exponent is small enough.
fn shortest(scientific: &str, most: i32) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    if exponent < -4 || exponent >= most {
        let point = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{mantissa}e{point}{:02}", exponent.abs());
    }
    if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    match digits.len() <= whole {
        true => format!("{sign}{digits:0<whole$}"),
        false => format!("{sign}{}.{}", &digits[..whole], &digits[whole..]),
    }
}

fn date(days: i32) -> String {
    const DAYS_CE_TO_1970: i32 = 719_163;
    let date = NaiveDate::from_num_days_from_ce_opt(days.saturating_add(DAYS_CE_TO_1970));
    date.map_or_else(
        || days.to_string(),
        |date| match date.year() {
            year @ ..=0 => format!("{:04}-{:02}-{:02} BC", 1 - year, date.month(), date.day()),
            year => format!("{year:04}-{:02}-{:02}", date.month(), date.day()),
        },
    )
}

fn time(micros: i64) -> String {
    let at = DateTime::from_timestamp_micros(micros).map(|at| at.time());
    let at = at.unwrap_or(NaiveTime::MIN);
    let mut text = format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second());
    let fraction = at.nanosecond() / 1_000;
    if fraction != 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    text
}

/// What a value is cast to text with, where arrow writes it otherwise.
pub(super) fn text_of() -> ScalarUDF {
    ScalarUDF::from(TextOf { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TextOf {
    signature: Signature,
}

impl ScalarUDFImpl for TextOf {
    fn name(&self) -> &str {
        "text_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_] => Ok(types.to_vec()),
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = super::cast::session_zone(&args.config_options);
        let (arrays, constant) = super::simple::arrays(&args)?;
        let [values] = arrays.as_slice() else { return Err(undefined(self.name(), &[])) };
        answer(Arc::new(texts(values, zone)?), constant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_postgres_writes_them() {
        for (value, text) in [
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e20, "1e+20"),
            (1.5e-7, "1.5e-07"),
            (0.000_1, "0.0001"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e15, "1e+15"),
            (f64::INFINITY, "Infinity"),
        ] {
            assert_eq!(float8(value), text);
        }
        assert_eq!(float4(1e6), "1e+06");
    }
}
