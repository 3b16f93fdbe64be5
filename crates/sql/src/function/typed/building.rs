//! Results of typed functions as arrays.

use super::Datum;
use crate::exact::{exact_rescale, numeric_out_of_range};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int16Array,
    Int32Array, Int64Array, IntervalMonthDayNanoArray, ListBuilder, StringArray, StringBuilder,
    Time64MicrosecondArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use std::sync::Arc;

fn broken() -> DataFusionError {
    DataFusionError::Internal("a function answered another type".to_owned())
}

/// The values that `pick` finds in the data.
fn picked<T, A: FromIterator<Option<T>>>(
    values: impl Iterator<Item = Result<Option<Datum<'static>>>>,
    pick: impl Fn(Datum<'static>) -> Option<T>,
) -> Result<A> {
    values
        .map(|value| match value? {
            None => Ok(None),
            Some(datum) => pick(datum).map(Some).ok_or_else(broken),
        })
        .collect()
}

fn decimals(
    values: impl Iterator<Item = Result<Option<Datum<'static>>>>,
    scale: i8,
) -> Result<Decimal128Array> {
    values
        .map(|value| match value? {
            None => Ok(None),
            Some(Datum::Numeric(number)) => {
                exact_rescale(number.unscaled, number.scale as i8, scale)
                    .map(Some)
                    .ok_or_else(numeric_out_of_range)
            }
            Some(_) => Err(broken()),
        })
        .collect()
}

fn text_lists(values: impl Iterator<Item = Result<Option<Datum<'static>>>>) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for value in values {
        match value? {
            None => lists.append_null(),
            Some(Datum::TextList(items)) => lists.append_value(items),
            Some(_) => return Err(broken()),
        }
    }
    Ok(Arc::new(lists.finish()))
}

pub(super) fn array(
    values: impl Iterator<Item = Result<Option<Datum<'static>>>>,
    target: &DataType,
) -> Result<ArrayRef> {
    let int = |datum| match datum {
        Datum::Int(value) => Some(value),
        _ => None,
    };
    let float = |datum| match datum {
        Datum::Float(value) => Some(value),
        _ => None,
    };
    let time = |datum| match datum {
        Datum::Time(micros) | Datum::Timestamp(micros) => Some(micros),
        _ => None,
    };
    Ok(match target {
        DataType::Boolean => Arc::new(picked::<_, BooleanArray>(values, |datum| match datum {
            Datum::Bool(value) => Some(value),
            _ => None,
        })?),
        DataType::Int16 => {
            Arc::new(picked::<_, Int16Array>(values, |each| i16::try_from(int(each)?).ok())?)
        }
        DataType::Int32 => {
            Arc::new(picked::<_, Int32Array>(values, |each| i32::try_from(int(each)?).ok())?)
        }
        DataType::Int64 => Arc::new(picked::<_, Int64Array>(values, int)?),
        DataType::Float32 => {
            Arc::new(picked::<_, Float32Array>(values, |each| float(each).map(|it| it as f32))?)
        }
        DataType::Float64 => Arc::new(picked::<_, Float64Array>(values, float)?),
        DataType::Decimal128(_, scale) => {
            Arc::new(decimals(values, *scale)?.with_data_type(target.clone()))
        }
        DataType::Date32 => Arc::new(picked::<_, Date32Array>(values, |datum| match datum {
            Datum::Date(days) => Some(days),
            _ => None,
        })?),
        DataType::Time64(_) => Arc::new(picked::<_, Time64MicrosecondArray>(values, time)?),
        DataType::Timestamp(_, zone) => Arc::new(
            picked::<_, TimestampMicrosecondArray>(values, time)?.with_timezone_opt(zone.clone()),
        ),
        DataType::Interval(_) => {
            Arc::new(picked::<_, IntervalMonthDayNanoArray>(values, |datum| match datum {
                Datum::Interval(interval) => Some(interval),
                _ => None,
            })?)
        }
        DataType::List(_) => text_lists(values)?,
        _ => Arc::new(picked::<_, StringArray>(values, |datum| match datum {
            Datum::Text(text) => Some(text.into_owned()),
            _ => None,
        })?),
    })
}
