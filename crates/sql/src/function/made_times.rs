//! Times made of numbers, the clock, and `isfinite`.

use super::own;
use super::typed::{Datum, Kind, Row, immutable, overload, zoned};
use crate::timestamp::{instant_of_local, named_zone};
use crate::{Error, Fault, PgType};
use chrono::{Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

const DAYS_CE_TO_1970: i32 = 719_163;
const DAY_MICROS: i64 = 86_400_000_000;

/// What a text is cast to a time of day with.
pub(super) fn time_of_text() -> ScalarUDF {
    immutable(
        "time_of_text",
        &[overload(&[Kind::Time], PgType::Time, |row| Ok(Some(Datum::Time(row.micros(0)))))],
    )
}

type Answer = Result<Option<Datum<'static>>>;

fn beyond(what: &str, value: &str) -> DataFusionError {
    let message = format!("{what} field value out of range: {value}");
    own(Error::new(Fault::DatetimeFieldOverflow, message))
}

/// Days since 1970 of the first three arguments.
fn date(row: &Row<'_>) -> Result<i32> {
    let (year, month, day) = (row.int(0), row.int(1), row.int(2));
    // Before 1 AD comes 1 BC, which is -1 here and 0 to the calendar.
    let in_calendar = if year < 0 { year + 1 } else { year };
    let found = i32::try_from(in_calendar).ok().filter(|_| year != 0).and_then(|year| {
        NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
    });
    let found = found.ok_or_else(|| beyond("date", &format!("{year}-{month:02}-{day:02}")))?;
    Ok(found.num_days_from_ce() - DAYS_CE_TO_1970)
}

/// Microseconds since midnight of three arguments.
fn time(row: &Row<'_>, from: usize) -> Result<i64> {
    let (hour, minute, second) = (row.int(from), row.int(from + 1), row.float(from + 2));
    let within =
        (0..24).contains(&hour) && (0..60).contains(&minute) && (0.0..=60.0).contains(&second)
            || hour == 24 && minute == 0 && second == 0.0;
    if !within {
        return Err(beyond("time", &format!("{hour}:{minute:02}:{second:02}")));
    }
    Ok((hour * 3_600 + minute * 60) * 1_000_000 + (second * 1e6).round_ties_even() as i64)
}

fn local(row: &Row<'_>) -> Result<i64> {
    Ok(i64::from(date(row)?) * DAY_MICROS + time(row, 3)?)
}

fn instant(row: &Row<'_>, zone: Tz) -> Answer {
    let micros = instant_of_local(local(row)?, zone).map_err(own)?;
    Ok(Some(Datum::Timestamp(micros)))
}

pub(super) fn all() -> Vec<ScalarUDF> {
    use Kind::{Date, Float, Int, Interval, Text, Timestamp, TimestampTz};
    const FINITE: fn(&Row<'_>) -> Answer = |_| Ok(Some(Datum::Bool(true)));
    vec![
        immutable(
            "make_date",
            &[overload(&[Int, Int, Int], PgType::Date, |row| Ok(Some(Datum::Date(date(row)?))))],
        ),
        immutable(
            "make_time",
            &[overload(&[Int, Int, Float], PgType::Time, |row| {
                Ok(Some(Datum::Time(time(row, 0)?)))
            })],
        ),
        immutable(
            "make_timestamp",
            &[overload(&[Int, Int, Int, Int, Int, Float], PgType::Timestamp, |row| {
                Ok(Some(Datum::Timestamp(local(row)?)))
            })],
        ),
        zoned(
            "make_timestamptz",
            &[
                overload(&[Int, Int, Int, Int, Int, Float], PgType::TimestampTz, |row| {
                    instant(row, row.zone)
                }),
                overload(&[Int, Int, Int, Int, Int, Float, Text], PgType::TimestampTz, |row| {
                    let zone = named_zone(row.text(6)).ok_or_else(|| {
                        let message = format!("time zone \"{}\" not recognized", row.text(6));
                        own(Error::new(Fault::InvalidParameterValue, message))
                    })?;
                    instant(row, zone)
                }),
            ],
        ),
        // No time here is infinite.
        immutable(
            "isfinite",
            &[
                overload(&[TimestampTz], PgType::Bool, FINITE),
                overload(&[Timestamp], PgType::Bool, FINITE),
                overload(&[Date], PgType::Bool, FINITE),
                overload(&[Interval], PgType::Bool, FINITE),
            ],
        ),
        ScalarUDF::from(Clock { signature: Signature::nullary(Volatility::Volatile) }),
    ]
}

/// `clock_timestamp()`: the time that it is when it is asked.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Clock {
    signature: Signature,
}

impl ScalarUDFImpl for Clock {
    fn name(&self) -> &str {
        "clock_timestamp"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(super::cast::timestamptz_type())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let now = Utc::now().timestamp_micros();
        let zone = Some("UTC".into());
        Ok(ColumnarValue::Scalar(ScalarValue::TimestampMicrosecond(Some(now), zone)))
    }
}
