//! `extract` and `date_part`: fields of dates, times and intervals.
//!
//! `extract` gives an exact numeric, with six decimals where seconds may have a fraction;
//! `date_part` the same as float8.

use super::own;
use super::simple::undefined;
use crate::exact::exact_rescale;
use crate::{Error, Fault};
use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};
use chrono_tz::Tz;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, IntervalMonthDayNanoArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, IntervalUnit, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

const SECOND: i128 = 1_000_000;
const DAY: i128 = 86_400 * SECOND;

pub(super) fn extract() -> ScalarUDF {
    function("extract", false)
}

pub(super) fn date_part() -> ScalarUDF {
    function("date_part", true)
}

fn function(name: &'static str, as_float: bool) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(Extract { name, as_float, signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extract {
    name: &'static str,
    as_float: bool,
    signature: Signature,
}

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// Decimals of a field.
fn scale(field: &str, of: &DataType) -> i8 {
    match field {
        "second" | "seconds" => 6,
        "epoch" if of != &DataType::Date32 => 6,
        "milliseconds" | "millisecond" => 3,
        _ => 0,
    }
}

impl ScalarUDFImpl for Extract {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [DataType::Utf8, of] = types else { return Err(undefined(self.name, types)) };
        let of = match of {
            DataType::Timestamp(_, zone) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
            DataType::Interval(_) | DataType::Duration(_) => INTERVAL,
            DataType::Date32 | DataType::Null => DataType::Date32,
            _ => return Err(undefined(self.name, types)),
        };
        Ok(vec![DataType::Utf8, of])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the type follows from the field".to_owned()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let data_type = match (self.as_float, args.arg_fields) {
            (true, _) => DataType::Float64,
            (false, [_, of]) => {
                let field = args.scalar_arguments.first().copied().flatten();
                let field = field.and_then(|field| field.try_as_str().flatten());
                let field =
                    field.ok_or_else(|| own(Error::unsupported("extract of a variable field")))?;
                DataType::Decimal128(38, scale(&field.to_lowercase(), of.data_type()))
            }
            _ => return Err(undefined(self.name, &[])),
        };
        Ok(Arc::new(Field::new(self.name, data_type, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ColumnarValue::Scalar(field), value] = args.args.as_slice() else {
            return Err(own(Error::unsupported("a field of a time that is not a constant")));
        };
        let Some(field) = field.try_as_str().flatten() else {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from(
                args.return_field.data_type(),
            )?));
        };
        let field = field.to_lowercase();
        let constant = matches!(value, ColumnarValue::Scalar(_));
        let array = value.to_array(if constant { 1 } else { args.number_rows })?;
        let decimals = scale(&field, array.data_type());
        let numbers = (0..array.len())
            .map(|row| match array.is_null(row) {
                true => Ok(None),
                false => part(&array, row, &field, decimals).map(Some),
            })
            .collect::<Result<Decimal128Array>>()?;
        let numbers: ArrayRef = Arc::new(numbers.with_precision_and_scale(38, decimals)?);
        let numbers = cast(&numbers, args.return_field.data_type())?;
        match constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&numbers, 0)?)),
            false => Ok(ColumnarValue::Array(numbers)),
        }
    }
}

/// A field of one value, in units of its last decimal.
fn part(array: &ArrayRef, row: usize, field: &str, decimals: i8) -> Result<i128> {
    // The numbers below count microseconds.
    let scaled = |micros: i128| exact_rescale(micros, 6, decimals).unwrap_or(micros);
    let found = match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<datafusion::arrow::datatypes::Date32Type>().value(row);
            let midnight = DateTime::from_timestamp_micros(i64::from(days) * DAY as i64);
            let midnight = midnight.ok_or_else(beyond)?.naive_utc();
            match field {
                "epoch" => Some(i128::from(days) * 86_400),
                "hour" | "minute" | "second" | "milliseconds" | "microseconds" => None,
                "julian" => Some(i128::from(days) + 2_440_588),
                _ => of_date(midnight, field),
            }
        }
        DataType::Timestamp(_, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let zone: Tz = zone.as_ref().and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
            let at = DateTime::from_timestamp_micros(micros).ok_or_else(beyond)?;
            let local = at.with_timezone(&zone).naive_local();
            match field {
                "epoch" => Some(i128::from(micros)),
                "julian" | "timezone" | "timezone_hour" | "timezone_minute" => {
                    return Err(own(Error::unsupported(format!(
                        "extract({field} from timestamp)"
                    ))));
                }
                _ => of_date(local, field).or_else(|| {
                    let day = i128::from(local.num_seconds_from_midnight()) * SECOND
                        + i128::from(local.nanosecond() / 1_000);
                    of_clock(day, field).map(scaled)
                }),
            }
        }
        DataType::Time64(_) => {
            let micros = i128::from(array.as_primitive::<Time64MicrosecondType>().value(row));
            match field {
                "epoch" => Some(micros),
                _ => of_clock(micros, field).map(scaled),
            }
        }
        _ => {
            let intervals: &IntervalMonthDayNanoArray = array.as_primitive();
            let interval = intervals.value(row);
            let micros = i128::from(interval.nanoseconds / 1_000);
            of_interval(interval.months, interval.days, micros, field)
                .or_else(|| of_clock(micros, field).map(scaled))
        }
    };
    found.ok_or_else(|| {
        own(Error::new(Fault::InvalidParameterValue, format!("unit \"{field}\" not recognized")))
    })
}

fn beyond() -> DataFusionError {
    own(Error::new(Fault::DatetimeFieldOverflow, "timestamp out of range"))
}

fn of_date(at: NaiveDateTime, field: &str) -> Option<i128> {
    let year = i128::from(at.year());
    // There is no year zero: 1 BC comes before 1 AD.
    let shown_year = if year > 0 { year } else { year - 1 };
    Some(match field {
        "year" | "years" => shown_year,
        "month" | "months" => at.month().into(),
        "day" | "days" => at.day().into(),
        "quarter" => i128::from((at.month() - 1) / 3 + 1),
        "week" | "weeks" => at.iso_week().week().into(),
        "isoyear" => at.iso_week().year().into(),
        "dow" => at.weekday().num_days_from_sunday().into(),
        "isodow" => at.weekday().number_from_monday().into(),
        "doy" => at.ordinal().into(),
        "decade" | "decades" => year.div_euclid(10),
        "century" | "centuries" if year > 0 => (year - 1) / 100 + 1,
        "millennium" | "millenniums" if year > 0 => (year - 1) / 1_000 + 1,
        _ => return None,
    })
}

/// Of the time since midnight. Seconds and less are answered in microseconds.
fn of_clock(micros: i128, field: &str) -> Option<i128> {
    Some(match field {
        "hour" | "hours" => micros / (3_600 * SECOND) * SECOND,
        "minute" | "minutes" => micros / (60 * SECOND) % 60 * SECOND,
        "second" | "seconds" => micros % (60 * SECOND),
        "milliseconds" | "millisecond" => micros % (60 * SECOND) * 1_000,
        "microseconds" | "microsecond" => micros % (60 * SECOND) * SECOND,
        _ => return None,
    })
}

fn of_interval(months: i32, days: i32, micros: i128, field: &str) -> Option<i128> {
    let (years, months) = (i128::from(months / 12), i128::from(months % 12));
    Some(match field {
        "year" | "years" => years,
        "month" | "months" => months,
        "day" | "days" => days.into(),
        "quarter" => months / 3 + 1,
        "decade" | "decades" => years / 10,
        "century" | "centuries" => years / 100,
        "millennium" | "millenniums" => years / 1_000,
        // A year has 365.25 days here, and a month 30.
        "epoch" => {
            years * (DAY * 36_525 / 100) + months * 30 * DAY + i128::from(days) * DAY + micros
        }
        _ => return None,
    })
}
