//! Intervals: months, days and microseconds, which turn into each other only where Postgres says so.
//!
//! Owns: reading and writing them, arithmetic with them, comparison, `justify_*`, `age`,
//! `make_interval`. Arrow counts nanoseconds; no interval here has parts of a microsecond.

mod arithmetic;
mod calendar;
mod justify;
mod parsing;
mod writing;

pub(super) use arithmetic::{of_durations, of_micros, parts};
pub(crate) use arithmetic::{order as micros, with_parts};
pub(crate) use parsing::{parse, parse_fields};
pub(super) use writing::written;

use super::own;
use super::typed::{Body, Datum, Kind, Overload, Row, immutable, overload, zoned};
use crate::exact::division_by_zero;
use crate::timestamp::local_of_instant;
use crate::{Error, Fault, Numeric, PgType};
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;

pub(super) const DAY_MICROS: i64 = 86_400_000_000;

fn out_of_range() -> DataFusionError {
    own(Error::new(Fault::DatetimeFieldOverflow, "interval out of range"))
}

type Answer = Result<Option<Datum<'static>>>;

fn interval(value: IntervalMonthDayNano) -> Answer {
    Ok(Some(Datum::Interval(value)))
}

const fn gives_interval(takes: &'static [Kind], body: Body) -> Overload {
    overload(takes, PgType::Interval, body)
}

/// What a text is cast with.
pub(crate) fn interval_of_text() -> ScalarUDF {
    immutable("interval", &[gives_interval(&[Kind::Interval], |row| interval(row.interval(0)))])
}

/// A number that orders intervals as Postgres compares them.
pub(crate) fn interval_order() -> ScalarUDF {
    let order: Body =
        |row| Ok(Some(Datum::Numeric(Numeric::integer(arithmetic::order(row.interval(0))))));
    immutable("interval_order", &[overload(&[Kind::Interval], PgType::Numeric, order)])
}

fn sum(row: &Row<'_>) -> Answer {
    interval(arithmetic::add(row.interval(0), row.interval(1))?)
}

fn difference(row: &Row<'_>) -> Answer {
    interval(arithmetic::add(row.interval(0), arithmetic::negate(row.interval(1))?)?)
}

fn quotient(row: &Row<'_>) -> Answer {
    interval(divided(row.interval(0), row.float(1))?)
}

/// An interval by a number.
pub(crate) fn divided(by: IntervalMonthDayNano, divisor: f64) -> Result<IntervalMonthDayNano> {
    match divisor {
        0.0 => Err(division_by_zero()),
        divisor => arithmetic::divide(by, divisor),
    }
}

fn apart(row: &Row<'_>) -> Answer {
    let micros = row.micros(0).checked_sub(row.micros(1)).ok_or_else(out_of_range)?;
    interval(justify::hours(of_micros(micros))?)
}

fn local_age(row: &Row<'_>) -> Answer {
    let local = |index| local_of_instant(row.micros(index), row.zone).map_err(own);
    interval(calendar::age(local(0)?, local(1)?)?)
}

/// Operators with intervals and times, as functions.
pub(super) fn operators() -> Vec<ScalarUDF> {
    const PAIR: &[Kind] = &[Kind::Interval, Kind::Interval];
    vec![
        immutable("interval_add", &[gives_interval(PAIR, sum)]),
        immutable("interval_subtract", &[gives_interval(PAIR, difference)]),
        immutable(
            "interval_negate",
            &[gives_interval(&[Kind::Interval], |row| {
                interval(arithmetic::negate(row.interval(0))?)
            })],
        ),
        immutable(
            "interval_multiply",
            &[
                gives_interval(&[Kind::Interval, Kind::Float], |row| {
                    interval(arithmetic::multiply(row.interval(0), row.float(1))?)
                }),
                gives_interval(&[Kind::Float, Kind::Interval], |row| {
                    interval(arithmetic::multiply(row.interval(1), row.float(0))?)
                }),
            ],
        ),
        immutable("interval_divide", &[gives_interval(&[Kind::Interval, Kind::Float], quotient)]),
        zoned(
            "times_between",
            &[
                gives_interval(&[Kind::Timestamp, Kind::Timestamp], apart),
                gives_interval(&[Kind::TimestampTz, Kind::TimestampTz], apart),
                gives_interval(&[Kind::Time, Kind::Time], |row| {
                    interval(of_micros(row.micros(0) - row.micros(1)))
                }),
            ],
        ),
        calendar::time_plus(),
        calendar::time_minus(),
        calendar::date_and_time(),
    ]
}

pub(super) fn all() -> Vec<ScalarUDF> {
    let mut all = operators();
    all.extend([
        interval_of_text(),
        interval_order(),
        calendar::make_interval(),
        immutable(
            "justify_hours",
            &[gives_interval(&[Kind::Interval], |row| interval(justify::hours(row.interval(0))?))],
        ),
        immutable(
            "justify_days",
            &[gives_interval(&[Kind::Interval], |row| interval(justify::days(row.interval(0))?))],
        ),
        immutable(
            "justify_interval",
            &[gives_interval(&[Kind::Interval], |row| interval(justify::both(row.interval(0))?))],
        ),
        zoned(
            "age",
            &[
                gives_interval(&[Kind::TimestampTz, Kind::TimestampTz], local_age),
                gives_interval(&[Kind::Timestamp, Kind::Timestamp], |row| {
                    interval(calendar::age(row.micros(0), row.micros(1))?)
                }),
            ],
        ),
    ]);
    all
}
