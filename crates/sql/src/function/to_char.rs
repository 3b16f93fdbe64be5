//! `to_char(timestamp, pattern)` with Postgres' patterns.
//!
//! DataFusion's own `to_char` takes chrono patterns, under which `'YYYY-MM'` would be copied to
//! the result as it is. A pattern that is not known here is an error, not a wrong text.

use super::own;
use super::simple::{answer, arrays, undefined};
use crate::Error;
use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};
use chrono_tz::Tz;
use datafusion::arrow::array::{Array, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

pub(super) fn to_char() -> ScalarUDF {
    ScalarUDF::from(ToChar { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToChar {
    signature: Signature,
}

fn microseconds(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Timestamp(_, zone) => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        DataType::Date32 | DataType::Date64 | DataType::Null => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, None))
        }
        _ => None,
    }
}

impl ScalarUDFImpl for ToChar {
    fn name(&self) -> &str {
        "to_char"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [instant, _] => match microseconds(instant) {
                Some(instant) => Ok(vec![instant, DataType::Utf8]),
                None => Err(own(Error::unsupported("to_char of anything but a timestamp"))),
            },
            _ => Err(undefined("to_char", types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [instants, patterns] = arrays.as_slice() else { return Err(undefined("to_char", &[])) };
        let zone = zone_of(instants.data_type()).unwrap_or(Tz::UTC);
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        let patterns = patterns.as_string::<i32>();
        let texts = (0..instants.len())
            .map(|row| match (instants.is_valid(row), patterns.is_valid(row)) {
                (true, true) => format(instants.value(row), zone, patterns.value(row)).map(Some),
                _ => Ok(None),
            })
            .collect::<Result<StringArray>>()?;
        answer(Arc::new(texts), constant)
    }
}

/// Longest first where one begins with another.
const PATTERNS: [&str; 32] = [
    "SSSS", "HH24", "HH12", "Month", "MONTH", "month", "YYYY", "IYYY", "DDD", "Mon", "MON", "mon",
    "Day", "DAY", "day", "FM", "HH", "MI", "SS", "MS", "US", "YY", "MM", "DD", "Dy", "DY", "dy",
    "IW", "ID", "AM", "PM", "Q",
];

fn format(micros: i64, zone: Tz, pattern: &str) -> Result<String> {
    let time = DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| own(Error::unsupported("a timestamp beyond the calendar")))?
        .with_timezone(&zone)
        .naive_local();
    let mut text = String::new();
    let mut rest = pattern;
    let mut pad = true;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let quoted = &rest[1..];
            let end = quoted.find('"').unwrap_or(quoted.len());
            text.push_str(&quoted[..end]);
            rest = quoted.get(end + 1..).unwrap_or_default();
        } else if let Some(found) = PATTERNS.iter().find(|known| rest.starts_with(**known)) {
            if *found == "FM" {
                pad = false;
            } else {
                text.push_str(&part(&time, found, pad));
                pad = true;
            }
            rest = &rest[found.len()..];
        } else if first.is_ascii_alphabetic() {
            return Err(own(Error::unsupported(format!(
                "to_char pattern \"{pattern}\": \"{first}\" is not supported"
            ))));
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(text)
}

fn part(time: &NaiveDateTime, pattern: &str, pad: bool) -> String {
    let number = |value: i64, width: usize| match pad {
        true => format!("{value:0width$}"),
        false => value.to_string(),
    };
    let name = |name: String, width: usize| match pad {
        true => format!("{name:<width$}"),
        false => name,
    };
    match pattern {
        "YYYY" => number(i64::from(time.year()), 4),
        "IYYY" => number(i64::from(time.iso_week().year()), 4),
        "YY" => number(i64::from(time.year().rem_euclid(100)), 2),
        "MM" => number(i64::from(time.month()), 2),
        "DD" => number(i64::from(time.day()), 2),
        "DDD" => number(i64::from(time.ordinal()), 3),
        "HH24" => number(i64::from(time.hour()), 2),
        "HH12" | "HH" => number(i64::from(time.hour12().1), 2),
        "MI" => number(i64::from(time.minute()), 2),
        "SSSS" => time.num_seconds_from_midnight().to_string(),
        "SS" => number(i64::from(time.second()), 2),
        "MS" => number(i64::from(time.nanosecond() / 1_000_000), 3),
        "US" => number(i64::from(time.nanosecond() / 1_000), 6),
        "IW" => number(i64::from(time.iso_week().week()), 2),
        "ID" => time.weekday().number_from_monday().to_string(),
        "Q" => ((time.month() - 1) / 3 + 1).to_string(),
        "AM" | "PM" => time.format("%p").to_string(),
        "Month" => name(time.format("%B").to_string(), 9),
        "MONTH" => name(time.format("%B").to_string().to_uppercase(), 9),
        "month" => name(time.format("%B").to_string().to_lowercase(), 9),
        "Mon" => time.format("%b").to_string(),
        "MON" => time.format("%b").to_string().to_uppercase(),
        "mon" => time.format("%b").to_string().to_lowercase(),
        "Day" => name(time.format("%A").to_string(), 9),
        "DAY" => name(time.format("%A").to_string().to_uppercase(), 9),
        "day" => name(time.format("%A").to_string().to_lowercase(), 9),
        "Dy" => time.format("%a").to_string(),
        "DY" => time.format("%a").to_string().to_uppercase(),
        _ => time.format("%a").to_string().to_lowercase(),
    }
}

/// The zone in which an instant is to be read, if it has one.
fn zone_of(data_type: &DataType) -> Option<Tz> {
    match data_type {
        DataType::Timestamp(_, Some(zone)) => Some(zone.parse().unwrap_or(Tz::UTC)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_postgres_patterns() {
        let micros = 725_846_400_000_000 + 3_723_000_456; // 1993-01-01 01:02:03.000456
        assert_eq!(format(micros, Tz::UTC, "YYYY-MM").unwrap(), "1993-01");
        assert_eq!(
            format(micros, Tz::UTC, "DD.MM.YY HH24:MI:SS.US").unwrap(),
            "01.01.93 01:02:03.000456"
        );
        assert_eq!(format(micros, Tz::UTC, "FMDD Mon YYYY \"Q\"Q").unwrap(), "1 Jan 1993 Q1");
        assert!(format(micros, Tz::UTC, "YYYY J").is_err());
    }
}
