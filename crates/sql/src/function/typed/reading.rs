//! Arguments of typed functions: which arrow types a kind takes, and a row's value of an array.

use super::{Datum, Kind};
use crate::function::interval;
use crate::function::own;
use crate::timestamp::{
    instant_of_local, parse_date, parse_timestamp, parse_timestamptz, start_of_day,
};
use crate::{Error, Fault, Numeric};
use chrono_tz::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, IntervalMonthDayNanoType,
    IntervalUnit, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use datafusion::error::Result;
use std::borrow::Cow;

const UNTYPED: u32 = 4;

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

impl Kind {
    /// How far a type is from what the parameter takes; `None` where nothing leads there.
    pub(super) fn distance(self, data_type: &DataType) -> Option<u32> {
        if data_type.is_null() {
            return Some(0);
        }
        if is_text(data_type) {
            return Some(if self == Kind::Text { 0 } else { UNTYPED });
        }
        match (self, data_type) {
            (Kind::Date, DataType::Date32) => Some(0),
            (Kind::Int4, DataType::Int16 | DataType::Int32) => Some(0),
            (Kind::Int, DataType::Int64) => Some(0),
            (Kind::Int, other) if other.is_integer() => Some(1),
            (Kind::Numeric, DataType::Decimal128(..)) => Some(0),
            (Kind::Numeric, other) if other.is_integer() => Some(2),
            (Kind::Float, DataType::Float32 | DataType::Float64) => Some(0),
            (Kind::Float, DataType::Decimal128(..)) => Some(3),
            (Kind::Float, other) if other.is_integer() => Some(1),
            (Kind::Time, DataType::Time64(_)) => Some(0),
            (Kind::Timestamp, DataType::Timestamp(_, None)) => Some(0),
            (Kind::Timestamp, DataType::Date32) => Some(2),
            (Kind::TimestampTz, DataType::Timestamp(_, Some(_))) => Some(0),
            (Kind::TimestampTz, DataType::Date32) => Some(1),
            (Kind::TimestampTz, DataType::Timestamp(_, None)) => Some(2),
            (Kind::Interval, DataType::Interval(_) | DataType::Duration(_)) => Some(0),
            (Kind::Interval, DataType::Time64(_)) => Some(2),
            _ => None,
        }
    }

    /// The type in which an argument comes to its function.
    pub(super) fn carried(self, data_type: &DataType) -> DataType {
        match (self, data_type) {
            (_, other) if is_text(other) => DataType::Utf8,
            (Kind::Int4, _) => DataType::Int32,
            (Kind::Int, _) => DataType::Int64,
            (Kind::Numeric, other) if other.is_integer() => DataType::Decimal128(20, 0),
            (Kind::Numeric, DataType::Null) => DataType::Decimal128(38, 0),
            (Kind::Numeric, other) => other.clone(),
            (Kind::Float, _) => DataType::Float64,
            (Kind::Text, _) => DataType::Utf8,
            (Kind::Date, _) => DataType::Date32,
            (Kind::Time, _) => DataType::Time64(TimeUnit::Microsecond),
            (Kind::Timestamp | Kind::TimestampTz, DataType::Date32) => DataType::Date32,
            (Kind::Timestamp | Kind::TimestampTz, DataType::Timestamp(_, zone)) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            (Kind::Timestamp, _) => DataType::Timestamp(TimeUnit::Microsecond, None),
            (Kind::TimestampTz, _) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            (Kind::Interval, DataType::Time64(_)) => DataType::Time64(TimeUnit::Microsecond),
            (Kind::Interval, _) => DataType::Interval(IntervalUnit::MonthDayNano),
        }
    }
}

/// An argument for all rows.
pub(super) struct Column {
    array: ArrayRef,
    kind: Kind,
}

impl Column {
    pub(super) fn new(array: &ArrayRef, kind: Kind) -> Result<Column> {
        let array = match array.data_type() {
            DataType::Duration(_) => interval::of_durations(array)?,
            other if kind == Kind::Int4 && other.is_integer() => cast(array, &DataType::Int64)?,
            other => cast(array, &kind.carried(other))?,
        };
        Ok(Column { array, kind })
    }

    pub(super) fn get(&self, row: usize, zone: Tz) -> Result<Option<Datum<'_>>> {
        if self.array.is_null(row) {
            return Ok(None);
        }
        let datum = match self.array.data_type() {
            DataType::Utf8 => {
                return read(self.array.as_string::<i32>().value(row), self.kind, zone).map(Some);
            }
            DataType::Int64 => Datum::Int(self.array.as_primitive::<Int64Type>().value(row)),
            DataType::Float64 => Datum::Float(self.array.as_primitive::<Float64Type>().value(row)),
            DataType::Decimal128(_, scale) => Datum::Numeric(Numeric {
                unscaled: self.array.as_primitive::<Decimal128Type>().value(row),
                scale: u8::try_from(*scale).unwrap_or(0),
            }),
            DataType::Date32 => {
                self.day(self.array.as_primitive::<Date32Type>().value(row), zone)?
            }
            DataType::Time64(_) => {
                let micros = self.array.as_primitive::<Time64MicrosecondType>().value(row);
                match self.kind {
                    Kind::Interval => Datum::Interval(interval::of_micros(micros)),
                    _ => Datum::Time(micros),
                }
            }
            DataType::Timestamp(_, from) => {
                let micros = self.array.as_primitive::<TimestampMicrosecondType>().value(row);
                match (self.kind, from) {
                    (Kind::TimestampTz, None) => {
                        Datum::Timestamp(instant_of_local(micros, zone).map_err(own)?)
                    }
                    _ => Datum::Timestamp(micros),
                }
            }
            _ => Datum::Interval(self.array.as_primitive::<IntervalMonthDayNanoType>().value(row)),
        };
        Ok(Some(datum))
    }

    /// A day, or its beginning.
    fn day(&self, days: i32, zone: Tz) -> Result<Datum<'static>> {
        Ok(match self.kind {
            Kind::Timestamp => Datum::Timestamp(start_of_day(days, Tz::UTC).map_err(own)?),
            Kind::TimestampTz => Datum::Timestamp(start_of_day(days, zone).map_err(own)?),
            _ => Datum::Date(days),
        })
    }
}

/// A text as a value of the kind.
fn read(text: &str, kind: Kind, zone: Tz) -> Result<Datum<'_>> {
    let malformed = |type_name: &str| {
        own(Error::new(
            Fault::InvalidTextRepresentation,
            format!("invalid input syntax for type {type_name}: \"{text}\""),
        ))
    };
    Ok(match kind {
        Kind::Text => Datum::Text(Cow::Borrowed(text)),
        Kind::Int4 | Kind::Int => {
            Datum::Int(text.trim().parse().map_err(|_| malformed("integer"))?)
        }
        Kind::Numeric => Datum::Numeric(Numeric::parse(text).map_err(|_| malformed("numeric"))?),
        Kind::Float => {
            Datum::Float(text.trim().parse().map_err(|_| malformed("double precision"))?)
        }
        Kind::Date => Datum::Date(parse_date(text).map_err(own)?),
        Kind::Time => Datum::Time(crate::timestamp::parse_time(text).map_err(own)?),
        Kind::Timestamp => Datum::Timestamp(parse_timestamp(text).map_err(own)?),
        Kind::TimestampTz => Datum::Timestamp(parse_timestamptz(text, zone).map_err(own)?),
        Kind::Interval => Datum::Interval(interval::parse(text).map_err(own)?),
    })
}
