//! What the session's zone has to do with instants: their local time, and days and months that are
//! added to them.
//!
//! An instant beside a date or a local time is compared as an instant: the other is taken as local
//! time of the session, as Postgres does.

use super::cast::{session_zone, timestamptz, timestamptz_type};
use super::own;
use super::simple::{answer, arrays, undefined};
use crate::timestamp::{instant_of_local, local_of_instant};
use crate::{Error, Fault};
use chrono::{DateTime, Days, Months, NaiveDateTime};
use chrono_tz::Tz;
use datafusion::arrow::array::{Array, AsArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{
    DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::common::{DFSchema, ExprSchema, Result};
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

const LOCAL: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);
const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

pub(super) fn local_time() -> ScalarUDF {
    udf(Operation::LocalTime)
}

pub(super) fn plus() -> ScalarUDF {
    udf(Operation::Plus)
}

pub(super) fn minus() -> ScalarUDF {
    udf(Operation::Minus)
}

fn udf(operation: Operation) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Stable);
    ScalarUDF::from(Zoned { operation, signature })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    /// The local time of an instant.
    LocalTime,
    /// An instant and an interval.
    Plus,
    Minus,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Zoned {
    operation: Operation,
    signature: Signature,
}

impl ScalarUDFImpl for Zoned {
    fn name(&self) -> &str {
        match self.operation {
            Operation::LocalTime => "local_time",
            Operation::Plus => "instant_plus",
            Operation::Minus => "instant_minus",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.operation, types) {
            (Operation::LocalTime, [_]) => Ok(vec![timestamptz_type()]),
            (Operation::Plus | Operation::Minus, [_, _]) => Ok(vec![timestamptz_type(), INTERVAL]),
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(match self.operation {
            Operation::LocalTime => LOCAL,
            Operation::Plus | Operation::Minus => timestamptz_type(),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = session_zone(&args.config_options);
        let (arrays, constant) = arrays(&args)?;
        let (instants, intervals) = match arrays.as_slice() {
            [instants] => (instants, None),
            [instants, intervals] => {
                (instants, Some(intervals.as_primitive::<IntervalMonthDayNanoType>()))
            }
            _ => return Err(undefined(self.name(), &[])),
        };
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        let times = (0..instants.len())
            .map(|row| match intervals {
                _ if instants.is_null(row) => Ok(None),
                None => local_of_instant(instants.value(row), zone).map(Some),
                Some(intervals) if intervals.is_null(row) => Ok(None),
                Some(intervals) => {
                    let interval = intervals.value(row);
                    let forth = self.operation == Operation::Plus;
                    moved(instants.value(row), interval, forth, zone).map(Some)
                }
            })
            .collect::<crate::Result<TimestampMicrosecondArray>>()
            .map_err(own)?;
        match self.operation {
            Operation::LocalTime => answer(Arc::new(times), constant),
            Operation::Plus | Operation::Minus => {
                answer(Arc::new(times.with_timezone("UTC")), constant)
            }
        }
    }
}

fn out_of_range() -> Error {
    Error::new(Fault::DatetimeFieldOverflow, "timestamp out of range")
}

/// Months, then days on the calendar of the zone, then the time that passes.
fn moved(micros: i64, by: IntervalMonthDayNano, forth: bool, zone: Tz) -> crate::Result<i64> {
    let mut at = micros;
    if by.months != 0 {
        let months = Months::new(by.months.unsigned_abs());
        at = on_calendar(at, zone, |local| match (by.months > 0) == forth {
            true => local.checked_add_months(months),
            false => local.checked_sub_months(months),
        })?;
    }
    if by.days != 0 {
        let days = Days::new(by.days.unsigned_abs().into());
        at = on_calendar(at, zone, |local| match (by.days > 0) == forth {
            true => local.checked_add_days(days),
            false => local.checked_sub_days(days),
        })?;
    }
    let time = by.nanoseconds / 1_000;
    let moved = if forth { at.checked_add(time) } else { at.checked_sub(time) };
    moved.filter(|at| crate::timestamp::is_in_range(*at)).ok_or_else(out_of_range)
}

fn on_calendar(
    micros: i64,
    zone: Tz,
    moved: impl FnOnce(NaiveDateTime) -> Option<NaiveDateTime>,
) -> crate::Result<i64> {
    let local = DateTime::from_timestamp_micros(local_of_instant(micros, zone)?);
    let moved = local.and_then(|local| moved(local.naive_utc())).ok_or_else(out_of_range)?;
    instant_of_local(moved.and_utc().timestamp_micros(), zone)
}

fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(_)))
}

fn is_local(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, None) | DataType::Date32)
}

/// Values that are compared, or alternatives of one value, as one type: instants if one of them is,
/// else local times if one is. Numerics beside a float are floats.
pub(super) fn unified(exprs: Vec<Expr>, schema: &dyn ExprSchema) -> Result<Vec<Expr>> {
    let types = exprs.iter().map(|expr| expr.get_type(schema)).collect::<Result<Vec<_>>>()?;
    let times = types.iter().filter(|each| is_instant(each) || is_local(each));
    if types.iter().any(is_instant) {
        return Ok(exprs.into_iter().zip(&types).map(|(expr, of)| instant(expr, of)).collect());
    }
    let is_float = |each: &DataType| matches!(each, DataType::Float32 | DataType::Float64);
    if types.iter().any(is_float) {
        let as_floats = exprs.into_iter().zip(&types).map(|(expr, of)| match of {
            DataType::Decimal128(..) => Expr::Cast(Cast::new(Box::new(expr), DataType::Float64)),
            _ => expr,
        });
        return Ok(as_floats.collect());
    }
    let dates = times.clone().filter(|each| *each == &DataType::Date32).count();
    if dates == 0 || dates == times.count() {
        return Ok(exprs);
    }
    let midnight = |expr: Expr| Expr::Cast(Cast::new(Box::new(expr), LOCAL));
    let as_times = exprs.into_iter().zip(&types).map(|(expr, of)| match of {
        DataType::Date32 => midnight(expr),
        _ => expr,
    });
    Ok(as_times.collect())
}

/// What stands beside an instant, as one. Other types than times are left as they are.
pub(super) fn instant(expr: Expr, data_type: &DataType) -> Expr {
    let is_text = matches!(&expr, Expr::Literal(ScalarValue::Utf8(Some(_)), _));
    if !is_text && !is_local(data_type) {
        return expr;
    }
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(timestamptz()), vec![expr]))
}

/// The operator between an instant and an interval of days or months, in the session's zone.
pub(super) fn arithmetic(
    left: Expr,
    right: Expr,
    is_minus: bool,
    schema: &DFSchema,
) -> Result<Option<Expr>> {
    let (left_type, right_type) = (left.get_type(schema)?, right.get_type(schema)?);
    let is_interval = |data_type: &DataType| matches!(data_type, DataType::Interval(_));
    let (function, args) = match is_minus {
        true if is_instant(&left_type) && is_interval(&right_type) => (minus(), vec![left, right]),
        false if is_instant(&left_type) && is_interval(&right_type) => (plus(), vec![left, right]),
        false if is_interval(&left_type) && is_instant(&right_type) => (plus(), vec![right, left]),
        _ => return Ok(None),
    };
    Ok(Some(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), args))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::{format_timestamptz, parse_timestamptz};

    #[test]
    fn days_and_months_are_those_of_the_zone() {
        let interval = IntervalMonthDayNano::new;
        const HOUR: i64 = 3_600_000_000_000;
        for (from, by, forth, to) in [
            ("2026-07-01 00:00+02", interval(1, 0, 0), false, "2026-06-01 00:00:00+02"),
            ("2026-03-28 12:00+01", interval(0, 1, 0), true, "2026-03-29 12:00:00+02"),
            ("2026-03-28 12:00+01", interval(0, 0, 24 * HOUR), true, "2026-03-29 13:00:00+02"),
            // The clocks skip this time, or show it twice.
            ("2026-03-28 02:30+01", interval(0, 1, 0), true, "2026-03-29 03:30:00+02"),
            ("2026-10-24 02:30+02", interval(0, 1, 0), true, "2026-10-25 02:30:00+01"),
            ("2026-03-31 12:00+02", interval(1, -1, HOUR), true, "2026-04-29 13:00:00+02"),
        ] {
            let zone = chrono_tz::Europe::Prague;
            let from = parse_timestamptz(from, zone).unwrap();
            let moved = moved(from, by, forth, zone).unwrap();
            assert_eq!(format_timestamptz(moved, zone), to);
        }
        assert!(moved(0, interval(i32::MAX, 0, 0), true, Tz::UTC).is_err());
    }
}
