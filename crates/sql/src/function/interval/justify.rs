//! `justify_hours`, `justify_days`, `justify_interval`: 24 hours to the day, 30 days to the month.

use super::{DAY_MICROS, parts, with_parts};
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::error::Result;

const MONTH_DAYS: i64 = 30;

/// Moves one unit from `large` to `small` where their signs differ.
fn same_sign(large: &mut i64, small: &mut i64, unit: i64) {
    if *large > 0 && *small < 0 {
        *small += unit;
        *large -= 1;
    } else if *large < 0 && *small > 0 {
        *small -= unit;
        *large += 1;
    }
}

pub(crate) fn hours(interval: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    let (months, days, mut micros) = parts(interval);
    let mut days = i64::from(days) + micros / DAY_MICROS;
    micros %= DAY_MICROS;
    same_sign(&mut days, &mut micros, DAY_MICROS);
    with_parts(months.into(), days, micros)
}

pub(super) fn days(interval: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    let (months, days, micros) = parts(interval);
    let mut months = i64::from(months) + i64::from(days) / MONTH_DAYS;
    let mut days = i64::from(days) % MONTH_DAYS;
    same_sign(&mut months, &mut days, MONTH_DAYS);
    with_parts(months, days, micros)
}

pub(super) fn both(interval: IntervalMonthDayNano) -> Result<IntervalMonthDayNano> {
    let (months, days, mut micros) = parts(interval);
    let all_days = i64::from(days) + micros / DAY_MICROS;
    micros %= DAY_MICROS;
    let mut months = i64::from(months) + all_days / MONTH_DAYS;
    let mut days = all_days % MONTH_DAYS;
    if months > 0 && (days < 0 || days == 0 && micros < 0) {
        days += MONTH_DAYS;
        months -= 1;
    } else if months < 0 && (days > 0 || days == 0 && micros > 0) {
        days -= MONTH_DAYS;
        months += 1;
    }
    same_sign(&mut days, &mut micros, DAY_MICROS);
    with_parts(months, days, micros)
}
