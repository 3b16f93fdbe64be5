//! Sums, multiples and the order of intervals, with the rounding that Postgres has.

use super::{DAY_MICROS, out_of_range};
use datafusion::arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, DurationMicrosecondType, IntervalMonthDayNano, TimeUnit,
};
use datafusion::error::Result;
use std::sync::Arc;

const MONTH_DAYS: f64 = 30.0;
const DAY_SECONDS: f64 = 86_400.0;

/// Months, days and microseconds.
pub(crate) fn parts(interval: IntervalMonthDayNano) -> (i32, i32, i64) {
    (interval.months, interval.days, interval.nanoseconds / 1_000)
}

/// The interval of so many of each, if it can be held.
pub(crate) fn with_parts(months: i64, days: i64, micros: i64) -> Result<IntervalMonthDayNano> {
    let interval = || {
        let (months, days) = (i32::try_from(months).ok()?, i32::try_from(days).ok()?);
        Some(IntervalMonthDayNano::new(months, days, micros.checked_mul(1_000)?))
    };
    interval().ok_or_else(out_of_range)
}

/// A time of day as an interval.
pub(crate) fn of_micros(micros: i64) -> IntervalMonthDayNano {
    let days = micros / DAY_MICROS;
    match i32::try_from(days) {
        // Only what arrow cannot hold as a time becomes days.
        Ok(days) if micros.checked_mul(1_000).is_none() => {
            IntervalMonthDayNano::new(0, days, micros % DAY_MICROS * 1_000)
        }
        _ => IntervalMonthDayNano::new(0, 0, micros.saturating_mul(1_000)),
    }
}

/// Differences that DataFusion made, in whole days and the rest.
pub(crate) fn of_durations(durations: &ArrayRef) -> Result<ArrayRef> {
    let micros = cast(durations, &DataType::Duration(TimeUnit::Microsecond))?;
    let intervals = micros
        .as_primitive::<DurationMicrosecondType>()
        .iter()
        .map(|micros| {
            let split = |micros: i64| with_parts(0, micros / DAY_MICROS, micros % DAY_MICROS);
            micros.map(split).transpose()
        })
        .collect::<Result<IntervalMonthDayNanoArray>>()?;
    Ok(Arc::new(intervals))
}

pub(super) fn add(
    left: IntervalMonthDayNano,
    right: IntervalMonthDayNano,
) -> Result<IntervalMonthDayNano> {
    let added = || {
        Some(IntervalMonthDayNano::new(
            left.months.checked_add(right.months)?,
            left.days.checked_add(right.days)?,
            left.nanoseconds.checked_add(right.nanoseconds)?,
        ))
    };
    added().ok_or_else(out_of_range)
}

pub(super) fn negate(interval: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    let negated = || {
        Some(IntervalMonthDayNano::new(
            interval.months.checked_neg()?,
            interval.days.checked_neg()?,
            interval.nanoseconds.checked_neg()?,
        ))
    };
    negated().ok_or_else(out_of_range)
}

/// Rounded to what a microsecond of a day is.
fn settled(value: f64) -> f64 {
    (value * 1e6).round_ties_even() / 1e6
}

/// Every part by a number: `scaled(part)`. Parts of months become days of thirty to the month,
/// parts of days become time.
fn scale(
    interval: IntervalMonthDayNano,
    scaled: impl Fn(f64) -> f64,
) -> Result<IntervalMonthDayNano> {
    let (months, days, micros) = parts(interval);
    let (all_months, all_days) = (scaled(f64::from(months)), scaled(f64::from(days)));
    let (whole_months, mut whole_days) = (all_months.trunc(), all_days.trunc());
    let month_days = settled((all_months - whole_months) * MONTH_DAYS);
    let mut seconds =
        settled((all_days - whole_days + month_days - month_days.trunc()) * DAY_SECONDS);
    if seconds.abs() >= DAY_SECONDS {
        let more = (seconds / DAY_SECONDS).trunc();
        whole_days += more;
        seconds -= more * DAY_SECONDS;
    }
    whole_days += month_days.trunc();
    let micros = (scaled(micros as f64) + seconds * 1e6).round_ties_even();
    let fits = |value: f64, most: f64| value.is_finite() && value.abs() <= most;
    let small = fits(whole_months, f64::from(i32::MAX)) && fits(whole_days, f64::from(i32::MAX));
    if !small || !fits(micros, 9.2e15) {
        return Err(out_of_range());
    }
    with_parts(whole_months as i64, whole_days as i64, micros as i64)
}

pub(super) fn multiply(
    interval: IntervalMonthDayNano,
    factor: f64,
) -> Result<IntervalMonthDayNano> {
    scale(interval, |part| part * factor)
}

/// The divisor is not zero.
pub(super) fn divide(interval: IntervalMonthDayNano, divisor: f64) -> Result<IntervalMonthDayNano> {
    scale(interval, |part| part / divisor)
}

/// Microseconds, with 30 days to the month and 24 hours to the day.
pub(crate) fn order(interval: IntervalMonthDayNano) -> i128 {
    let (months, days, micros) = parts(interval);
    let days = i128::from(months) * 30 + i128::from(days);
    days * i128::from(DAY_MICROS) + i128::from(micros)
}
