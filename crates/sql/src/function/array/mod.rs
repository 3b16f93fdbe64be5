//! Arrays: `@> <@ &&`, comparisons with all elements, and what makes arrays of others.

mod containing;
mod making;
mod membership;
mod uuids;

pub(super) use containing::{ArrayOperators, contains};
pub(crate) use membership::compares_elements;
pub(super) use membership::equals_any;

use super::interval;
use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::datatypes::{DataType, FieldRef, IntervalMonthDayNanoType};
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;
use std::sync::Arc;

pub(super) fn all() -> Vec<ScalarUDF> {
    let mut all = membership::all();
    all.extend(containing::all());
    all.extend(making::all());
    all.push(uuids::uuid_array());
    all
}

/// The element of an array type.
fn element(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(element) => Some(element),
        _ => None,
    }
}

/// The type in which values of both are compared. A text beside anything else is read as that.
fn compared_as(function: &str, left: &DataType, right: &DataType) -> Result<DataType> {
    let is_text = |each: &DataType| matches!(each, DataType::Utf8);
    let common = match (left, right) {
        (left, right) if left == right || right.is_null() => Some(left.clone()),
        (left, right) if left.is_null() || is_text(left) => Some(right.clone()),
        (left, right) if is_text(right) => Some(left.clone()),
        (left, right) => comparison_coercion(left, right),
    };
    common.ok_or_else(|| super::undefined(function, &[left.clone(), right.clone()]))
}

/// Values as what they are compared by.
fn keys(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Interval(_) => {
            let intervals = values.as_primitive::<IntervalMonthDayNanoType>().iter();
            let keys = intervals.map(|interval| interval.map(interval::micros));
            Arc::new(keys.collect::<Decimal128Array>())
        }
        _ => Arc::clone(values),
    }
}
