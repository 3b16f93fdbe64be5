//! `min` and `max` of intervals, by the order in which Postgres compares them.

use super::interval_sum::INTERVAL;
use super::sum::only;
use crate::function::interval_micros;
use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalMonthDayNanoType};
use datafusion::error::Result;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

/// The aggregate that stands for `min` or `max`, if it is one of them.
pub(crate) fn interval_extreme(name: &str) -> Option<AggregateUDF> {
    let (name, greatest) = match name {
        "min" => ("interval_min", false),
        "max" => ("interval_max", true),
        _ => return None,
    };
    let signature = Signature::exact(vec![INTERVAL], Volatility::Immutable);
    Some(AggregateUDF::from(Extreme { name, greatest, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    name: &'static str,
    greatest: bool,
    signature: Signature,
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(INTERVAL)
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Found { greatest: self.greatest, best: None }))
    }
}

#[derive(Debug)]
struct Found {
    greatest: bool,
    best: Option<IntervalMonthDayNano>,
}

impl Accumulator for Found {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = only(values, "min")?.as_primitive::<IntervalMonthDayNanoType>();
        for value in values.iter().flatten() {
            let better = self.best.is_none_or(|best| {
                let (value, best) = (interval_micros(value), interval_micros(best));
                if self.greatest { value > best } else { value < best }
            });
            if better {
                self.best = Some(value);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::IntervalMonthDayNano(self.best))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}
