//! `sum` and `avg` of intervals: months, days and microseconds each on their own.

use super::sum::only;
use crate::Error;
use crate::function::{interval_divided, interval_of_parts};
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
    IntervalUnit,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::utils::format_state_name;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

pub(super) const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

const PARTS: [&str; 4] = ["months", "days", "micros", "count"];

pub(super) fn state_fields(name: &str) -> Vec<FieldRef> {
    let field = |part: &&str| Field::new(format_state_name(name, part), DataType::Int64, true);
    PARTS.iter().map(|part| Arc::new(field(part))).collect()
}

pub(super) fn no_distinct() -> DataFusionError {
    let message = "sum and avg of distinct intervals are not supported";
    DataFusionError::External(Box::new(Error::unsupported(message)))
}

/// A running total of intervals.
#[derive(Debug, Default)]
pub(super) struct IntervalTotal {
    /// Months, days, microseconds, and how many there were.
    parts: [i64; 4],
    averaged: bool,
}

impl IntervalTotal {
    pub(super) fn sum() -> Self {
        IntervalTotal::default()
    }

    pub(super) fn average() -> Self {
        IntervalTotal { averaged: true, ..IntervalTotal::default() }
    }

    fn add(&mut self, parts: [i64; 4], sign: i64) -> Result<()> {
        for (total, part) in self.parts.iter_mut().zip(parts) {
            let added = part.checked_mul(sign).and_then(|part| total.checked_add(part));
            *total = added
                .ok_or_else(|| DataFusionError::Execution("interval out of range".to_owned()))?;
        }
        Ok(())
    }

    fn add_all(&mut self, values: &[ArrayRef], sign: i64) -> Result<()> {
        let values = only(values, "sum")?.as_primitive::<IntervalMonthDayNanoType>();
        for IntervalMonthDayNano { months, days, nanoseconds } in values.iter().flatten() {
            self.add([months.into(), days.into(), nanoseconds / 1_000, 1], sign)?;
        }
        Ok(())
    }
}

impl Accumulator for IntervalTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add_all(values, 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add_all(values, -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let [months, days, micros, count] = self.parts;
        if count == 0 {
            return Ok(ScalarValue::IntervalMonthDayNano(None));
        }
        let total = interval_of_parts(months, days, micros)?;
        let answer = if self.averaged { interval_divided(total, count as f64)? } else { total };
        Ok(ScalarValue::IntervalMonthDayNano(Some(answer)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(self.parts.iter().map(|part| ScalarValue::Int64(Some(*part))).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |column| column.len());
        for row in 0..rows {
            let mut parts = [0; 4];
            for (part, column) in parts.iter_mut().zip(states) {
                *part = column.as_primitive::<Int64Type>().value(row);
            }
            self.add(parts, 1)?;
        }
        Ok(())
    }
}
