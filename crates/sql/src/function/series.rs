//! `series(start, stop [, step])`: what `generate_series` gives, as a list that is unnested.
//!
//! Integers, numerics, timestamps and instants; an instant goes on by days and months of the
//! session's zone. A list is held in memory, so its length has a bound; series of constants do not
//! come here.

use super::cast::session_zone;
use super::own;
use super::simple::{answer, undefined};
use crate::{Error, Fault};
use chrono::{DateTime, Days, Months, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int64Array, ListArray, TimestampMicrosecondArray,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
    IntervalUnit, TimeUnit, TimestampMicrosecondType,
};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// How long a list may be.
const LENGTH_MAX: usize = 4_000_000;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

pub(super) fn series() -> ScalarUDF {
    ScalarUDF::from(Series { signature: Signature::user_defined(Volatility::Stable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Series {
    signature: Signature,
}

impl ScalarUDFImpl for Series {
    fn name(&self) -> &str {
        "series"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let item = item_type(types)?;
        let mut coerced = vec![item.clone(); types.len()];
        if let (DataType::Timestamp(..), Some(step)) = (&item, coerced.get_mut(2)) {
            *step = INTERVAL;
        }
        Ok(coerced)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(DataType::new_list(item_type(types)?, true))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = super::simple::arrays(&args)?;
        let zone = session_zone(&args.config_options);
        let item = arrays.first().map_or(DataType::Null, |array| array.data_type().clone());
        let lists: ArrayRef = match &item {
            DataType::Int32 | DataType::Int64 => {
                let arrays = arrays.iter().map(|a| cast(a, &DataType::Int64));
                let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
                let bounds: Vec<&Int64Array> =
                    arrays.iter().map(|array| array.as_primitive::<Int64Type>()).collect();
                let numbers = gathered(bounds.first().map_or(0, |first| first.len()), |row| {
                    row_of(&bounds, row).map(|(from, to, step)| {
                        numbers(from.into(), to.into(), step.unwrap_or(1).into())
                    })
                })?;
                let values = numbers.values.iter().filter_map(|value| i64::try_from(*value).ok());
                let values: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
                numbers.offsets.list(cast(&values, &item)?, &item)?
            }
            DataType::Decimal128(precision, scale) => {
                let bounds: Vec<&Decimal128Array> =
                    arrays.iter().map(|array| array.as_primitive::<Decimal128Type>()).collect();
                let one = 10i128.checked_pow(u32::from(scale.unsigned_abs())).unwrap_or(1);
                let numbers = gathered(bounds.first().map_or(0, |first| first.len()), |row| {
                    row_of(&bounds, row)
                        .map(|(from, to, step)| numbers(from, to, step.unwrap_or(one)))
                })?;
                let values = Decimal128Array::from_iter_values(numbers.values)
                    .with_precision_and_scale(*precision, *scale)?;
                numbers.offsets.list(Arc::new(values), &item)?
            }
            DataType::Timestamp(_, zoned) => {
                let [from, to, steps] = arrays.as_slice() else {
                    return Err(undefined("generate_series", &[]));
                };
                let (from, to) = (
                    from.as_primitive::<TimestampMicrosecondType>(),
                    to.as_primitive::<TimestampMicrosecondType>(),
                );
                let steps = steps.as_primitive::<IntervalMonthDayNanoType>();
                let zone = if zoned.is_some() { zone } else { Tz::UTC };
                let times = gathered(from.len(), |row| {
                    let there = from.is_valid(row) && to.is_valid(row) && steps.is_valid(row);
                    there.then(|| times(from.value(row), to.value(row), steps.value(row), zone))
                })?;
                let values = times.values.iter().filter_map(|value| i64::try_from(*value).ok());
                let values = TimestampMicrosecondArray::from_iter_values(values)
                    .with_timezone_opt(zoned.clone());
                times.offsets.list(Arc::new(values), &item)?
            }
            _ => return Err(undefined("generate_series", &[])),
        };
        answer(lists, constant)
    }
}

/// What a series of such bounds is made of.
fn item_type(types: &[DataType]) -> Result<DataType> {
    if !(2..=3).contains(&types.len()) {
        return Err(undefined("generate_series", types));
    }
    let bounds = &types[..2];
    let micros = |zone| DataType::Timestamp(TimeUnit::Microsecond, zone);
    let has = |wanted: fn(&DataType) -> bool| bounds.iter().any(wanted);
    let step_is_time = types.get(2).is_some_and(|step| {
        matches!(step, DataType::Interval(_) | DataType::Utf8 | DataType::Null)
    });
    if has(|each| matches!(each, DataType::Timestamp(..) | DataType::Date32)) {
        if !step_is_time {
            return Err(undefined("generate_series", types));
        }
        // A date alone is an instant: the type that Postgres prefers.
        let plain = bounds.iter().any(|each| matches!(each, DataType::Timestamp(_, None)));
        let zoned = bounds.iter().any(|each| matches!(each, DataType::Timestamp(_, Some(_))));
        return Ok(micros((zoned || !plain).then(|| "UTC".into())));
    }
    let known = |each: &DataType| {
        each.is_integer()
            || each.is_null()
            || matches!(each, DataType::Decimal128(..) | DataType::Utf8)
    };
    if !types.iter().all(known) {
        return Err(undefined("generate_series", types));
    }
    let scales = types.iter().filter_map(|each| match each {
        DataType::Decimal128(_, scale) => Some(*scale),
        _ => None,
    });
    if let Some(scale) = scales.max() {
        return Ok(DataType::Decimal128(38, scale));
    }
    Ok(match types.contains(&DataType::Int64) {
        true => DataType::Int64,
        false => DataType::Int32,
    })
}

trait Bounds<T> {
    fn at(&self, row: usize) -> Option<T>;
}

impl Bounds<i64> for &Int64Array {
    fn at(&self, row: usize) -> Option<i64> {
        self.is_valid(row).then(|| self.value(row))
    }
}

impl Bounds<i128> for &Decimal128Array {
    fn at(&self, row: usize) -> Option<i128> {
        self.is_valid(row).then(|| self.value(row))
    }
}

/// From, to and step of a row; none if one of them is NULL.
fn row_of<T, B: Bounds<T>>(bounds: &[B], row: usize) -> Option<(T, T, Option<T>)> {
    let (from, to) = (bounds.first()?.at(row)?, bounds.get(1)?.at(row)?);
    match bounds.get(2) {
        Some(step) => Some((from, to, Some(step.at(row)?))),
        None => Some((from, to, None)),
    }
}

fn too_long() -> Error {
    Error::new(Fault::ProgramLimitExceeded, "a computed series is too long")
        .with_detail(format!("It has more than {LENGTH_MAX} values."))
        .with_hint("A series of integer constants in FROM may be longer.")
}

fn no_step() -> Error {
    Error::new(Fault::InvalidParameterValue, "step size cannot equal zero")
}

fn numbers(from: i128, to: i128, step: i128) -> crate::Result<Vec<i128>> {
    if step == 0 {
        return Err(no_step());
    }
    let mut values = Vec::new();
    let mut next = Some(from);
    while let Some(value) = next.filter(|value| if step > 0 { *value <= to } else { *value >= to })
    {
        values.push(value);
        if values.len() > LENGTH_MAX {
            return Err(too_long());
        }
        next = value.checked_add(step);
    }
    Ok(values)
}

fn times(from: i64, to: i64, step: IntervalMonthDayNano, zone: Tz) -> crate::Result<Vec<i128>> {
    let days = i128::from(step.months) * 30 + i128::from(step.days);
    let length = days * 86_400_000_000_000 + i128::from(step.nanoseconds);
    if length == 0 {
        return Err(no_step());
    }
    let mut values = Vec::new();
    let mut next = Some(from);
    while let Some(value) =
        next.filter(|value| if length > 0 { *value <= to } else { *value >= to })
    {
        values.push(i128::from(value));
        if values.len() > LENGTH_MAX {
            return Err(too_long());
        }
        next = later(value, step, zone);
    }
    Ok(values)
}

/// Months and days on the calendar of the zone, then the time.
fn later(micros: i64, step: IntervalMonthDayNano, zone: Tz) -> Option<i64> {
    let mut instant = micros;
    if step.months != 0 || step.days != 0 {
        let utc = DateTime::<Utc>::from_timestamp_micros(micros)?;
        let mut local: NaiveDateTime = utc.with_timezone(&zone).naive_local();
        let months = Months::new(step.months.unsigned_abs());
        let days = Days::new(step.days.unsigned_abs().into());
        local = if step.months < 0 {
            local.checked_sub_months(months)?
        } else {
            local.checked_add_months(months)?
        };
        local = if step.days < 0 {
            local.checked_sub_days(days)?
        } else {
            local.checked_add_days(days)?
        };
        let zoned = zone.from_local_datetime(&local);
        // A time that the zone leaves out is that of before the gap, an hour on.
        instant = match zoned.earliest() {
            Some(zoned) => zoned.timestamp_micros(),
            None => {
                let before = local.checked_sub_signed(chrono::TimeDelta::hours(1))?;
                zone.from_local_datetime(&before).earliest()?.timestamp_micros() + 3_600_000_000
            }
        };
    }
    instant.checked_add(step.nanoseconds / 1_000)
}

struct Gathered {
    values: Vec<i128>,
    offsets: Offsets,
}

struct Offsets {
    lengths: Vec<usize>,
    there: Vec<bool>,
}

impl Offsets {
    fn list(self, values: ArrayRef, item: &DataType) -> Result<ArrayRef> {
        let field = Arc::new(Field::new_list_field(item.clone(), true));
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        let nulls = NullBuffer::from(self.there);
        Ok(Arc::new(ListArray::try_new(field, offsets, values, Some(nulls))?))
    }
}

fn gathered(
    rows: usize,
    values_of: impl Fn(usize) -> Option<crate::Result<Vec<i128>>>,
) -> Result<Gathered> {
    let mut values = Vec::new();
    let mut offsets =
        Offsets { lengths: Vec::with_capacity(rows), there: Vec::with_capacity(rows) };
    for row in 0..rows {
        let own_values = values_of(row).transpose().map_err(own)?;
        offsets.there.push(own_values.is_some());
        let own_values = own_values.unwrap_or_default();
        offsets.lengths.push(own_values.len());
        values.extend(own_values);
    }
    Ok(Gathered { values, offsets })
}
