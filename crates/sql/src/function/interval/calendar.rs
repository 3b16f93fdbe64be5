//! Intervals and the calendar: times moved by them, ages, and intervals made of numbers.

use super::super::own;
use super::super::typed::{Body, Datum, Kind, Overload, Row, immutable, overload, zoned};
use super::{Answer, DAY_MICROS, gives_interval, interval, out_of_range, parts, with_parts};
use crate::timestamp::{instant_of_local, local_of_instant};
use crate::{Error, Fault, PgType};
use chrono::{DateTime, Datelike, Days, Months, NaiveDateTime};
use chrono_tz::Tz;
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;

fn beyond() -> DataFusionError {
    own(Error::new(Fault::DatetimeFieldOverflow, "timestamp out of range"))
}

fn local_time(micros: i64) -> Result<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|at| at.naive_utc()).ok_or_else(beyond)
}

/// Local time moved by months, and then by days.
fn moved(local: i64, months: i64, days: i64) -> Result<i64> {
    if months == 0 && days == 0 {
        return Ok(local);
    }
    let from = local_time(local)?;
    let months_by = Months::new(u32::try_from(months.unsigned_abs()).map_err(|_| beyond())?);
    let days_by = Days::new(days.unsigned_abs());
    let in_month = if months < 0 {
        from.checked_sub_months(months_by)
    } else {
        from.checked_add_months(months_by)
    };
    let on_day = in_month.and_then(|at| match days < 0 {
        true => at.checked_sub_days(days_by),
        false => at.checked_add_days(days_by),
    });
    let micros = on_day.ok_or_else(beyond)?.and_utc().timestamp_micros();
    match crate::timestamp::is_in_range(micros) {
        true => Ok(micros),
        false => Err(beyond()),
    }
}

fn local_moved(row: &Row<'_>, time: usize, by: usize, sign: i64) -> Answer {
    let (months, days, micros) = parts(row.interval(by));
    let local = moved(row.micros(time), sign * i64::from(months), sign * i64::from(days))?;
    let at = local.checked_add(sign * micros).ok_or_else(beyond)?;
    Ok(Some(Datum::Timestamp(at)))
}

/// Months and days are those of the session's zone; hours pass whatever its clocks do.
fn instant_moved(row: &Row<'_>, time: usize, by: usize, sign: i64) -> Answer {
    let (months, days, micros) = parts(row.interval(by));
    let mut at = row.micros(time);
    if months != 0 || days != 0 {
        let (months, days) = (sign * i64::from(months), sign * i64::from(days));
        at = match row.zone {
            Tz::UTC => moved(at, months, days)?,
            zone => {
                let local = local_of_instant(at, zone).map_err(own)?;
                instant_of_local(moved(local, months, days)?, zone).map_err(own)?
            }
        };
    }
    let at = at.checked_add(sign * micros).ok_or_else(beyond)?;
    Ok(Some(Datum::Timestamp(at)))
}

fn clock_moved(row: &Row<'_>, time: usize, by: usize, sign: i64) -> Answer {
    let (_, _, micros) = parts(row.interval(by));
    Ok(Some(Datum::Time((row.micros(time) + sign * (micros % DAY_MICROS)).rem_euclid(DAY_MICROS))))
}

pub(super) fn time_plus() -> ScalarUDF {
    zoned(
        "time_plus",
        &[
            overload(&[Kind::Timestamp, Kind::Interval], PgType::Timestamp, |row| {
                local_moved(row, 0, 1, 1)
            }),
            overload(&[Kind::TimestampTz, Kind::Interval], PgType::TimestampTz, |row| {
                instant_moved(row, 0, 1, 1)
            }),
            overload(&[Kind::Time, Kind::Interval], PgType::Time, |row| clock_moved(row, 0, 1, 1)),
            overload(&[Kind::Interval, Kind::Timestamp], PgType::Timestamp, |row| {
                local_moved(row, 1, 0, 1)
            }),
            overload(&[Kind::Interval, Kind::TimestampTz], PgType::TimestampTz, |row| {
                instant_moved(row, 1, 0, 1)
            }),
            overload(&[Kind::Interval, Kind::Time], PgType::Time, |row| clock_moved(row, 1, 0, 1)),
        ],
    )
}

pub(super) fn time_minus() -> ScalarUDF {
    zoned(
        "time_minus",
        &[
            overload(&[Kind::Timestamp, Kind::Interval], PgType::Timestamp, |row| {
                local_moved(row, 0, 1, -1)
            }),
            overload(&[Kind::TimestampTz, Kind::Interval], PgType::TimestampTz, |row| {
                instant_moved(row, 0, 1, -1)
            }),
            overload(&[Kind::Time, Kind::Interval], PgType::Time, |row| clock_moved(row, 0, 1, -1)),
        ],
    )
}

pub(super) fn date_and_time() -> ScalarUDF {
    immutable(
        "date_and_time",
        &[
            overload(&[Kind::Date, Kind::Time], PgType::Timestamp, |row| {
                Ok(Some(Datum::Timestamp(i64::from(row.date(0)) * DAY_MICROS + row.micros(1))))
            }),
            overload(&[Kind::Time, Kind::Date], PgType::Timestamp, |row| {
                Ok(Some(Datum::Timestamp(i64::from(row.date(1)) * DAY_MICROS + row.micros(0))))
            }),
        ],
    )
}

fn days_of_month(at: &NaiveDateTime) -> i64 {
    let first = at.date().with_day(1);
    let next = first.and_then(|first| first.checked_add_months(Months::new(1)));
    first.zip(next).map_or(30, |(first, next)| next.signed_duration_since(first).num_days())
}

/// Years, months and days between two local times, as people count them: what is missing of a
/// month is taken from the month of the earlier one.
pub(super) fn age(one: i64, other: i64) -> Result<IntervalMonthDayNano> {
    let sign = if one < other { -1 } else { 1 };
    let (later, earlier) = (local_time(one.max(other))?, local_time(one.min(other))?);
    let time = |at: &NaiveDateTime| at.and_utc().timestamp_micros().rem_euclid(DAY_MICROS);
    let mut micros = time(&later) - time(&earlier);
    let mut days = i64::from(later.day()) - i64::from(earlier.day());
    let month = |at: &NaiveDateTime| i64::from(at.year()) * 12 + i64::from(at.month0());
    let mut months = month(&later) - month(&earlier);
    if micros < 0 {
        micros += DAY_MICROS;
        days -= 1;
    }
    while days < 0 {
        days += days_of_month(&earlier);
        months -= 1;
    }
    with_parts(sign * months, sign * days, sign * micros)
}

/// Years, months, weeks, days, hours, minutes; seconds come last and may have parts.
const MADE_OF: &[Kind] =
    &[Kind::Int, Kind::Int, Kind::Int, Kind::Int, Kind::Int, Kind::Int, Kind::Float];

fn made(row: &Row<'_>) -> Answer {
    let given = |index| if index < row.len() { row.int(index) } else { 0 };
    let seconds = if row.len() == MADE_OF.len() { row.float(MADE_OF.len() - 1) } else { 0.0 };
    let months = given(0).checked_mul(12).and_then(|months| months.checked_add(given(1)));
    let days = given(2).checked_mul(7).and_then(|days| days.checked_add(given(3)));
    let minutes = given(4).checked_mul(60).and_then(|minutes| minutes.checked_add(given(5)));
    let micros = minutes.and_then(|minutes| minutes.checked_mul(60_000_000));
    let fraction = (seconds * 1e6).round_ties_even();
    if !fraction.is_finite() || fraction.abs() > 9.2e15 {
        return Err(out_of_range());
    }
    let micros = micros.and_then(|micros| micros.checked_add(fraction as i64));
    match (months, days, micros) {
        (Some(months), Some(days), Some(micros)) => interval(with_parts(months, days, micros)?),
        _ => Err(out_of_range()),
    }
}

pub(super) fn make_interval() -> ScalarUDF {
    let body: Body = made;
    let lists: Vec<Overload> =
        (1..=MADE_OF.len()).map(|given| gives_interval(&MADE_OF[..given], body)).collect();
    immutable("make_interval", &lists)
}
