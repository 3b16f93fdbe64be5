//! `avg`: an exact sum, divided once at the end.

use super::decimal::{DIVISION_SCALE, divide, numeric_out_of_range};
use super::interval_sum::{self, INTERVAL, IntervalTotal};
use super::sum::{
    ExactGroups, only, scalar, summand_type, unscaled, wide_state, wide_state_fields, wide_states,
};
use super::wide::Wide;
use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::Result;
use datafusion::functions_aggregate::average::Avg as FloatAverage;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use std::collections::HashSet;
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Average {
    signature: Signature,
    floats: FloatAverage,
}

impl Average {
    pub(super) fn new() -> Self {
        Average {
            signature: Signature::user_defined(Volatility::Immutable),
            floats: FloatAverage::new(),
        }
    }
}

fn scale_of(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

fn finish(total: Wide, count: i64, from: i8, to: i8) -> Result<i128> {
    total
        .exact()
        .and_then(|sum| divide((sum, from), (i128::from(count), 0), to))
        .ok_or_else(numeric_out_of_range)
}

impl AggregateUDFImpl for Average {
    fn name(&self) -> &str {
        "avg"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(vec![summand_type("avg", only(types, "avg")?)?])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match summand_type("avg", only(types, "avg")?)? {
            unsized_type @ (DataType::Float64 | INTERVAL) => unsized_type,
            other => DataType::Decimal128(38, scale_of(&other).max(DIVISION_SCALE)),
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.return_field.data_type() == &DataType::Float64 {
            return self.floats.accumulator(args);
        }
        if args.return_field.data_type() == &INTERVAL {
            return match args.is_distinct {
                true => Err(interval_sum::no_distinct()),
                false => Ok(Box::new(IntervalTotal::average())),
            };
        }
        let from = scale_of(only(args.expr_fields, "avg")?.data_type());
        Ok(Box::new(ExactAverage {
            total: Wide::default(),
            count: 0,
            seen: args.is_distinct.then(HashSet::new),
            from,
            target: args.return_field.data_type().clone(),
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if args.return_field.data_type() == &DataType::Float64 {
            return self.floats.state_fields(args);
        }
        if args.return_field.data_type() == &INTERVAL {
            return Ok(interval_sum::state_fields(args.name));
        }
        if args.is_distinct {
            return Ok(vec![Arc::new(Field::new_list(
                format_state_name(args.name, "distinct"),
                Field::new_list_field(DataType::Decimal128(38, 0), true),
                true,
            ))]);
        }
        Ok(wide_state_fields(args.name))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        let target = args.return_field.data_type();
        !args.is_distinct && target != &DataType::Float64 && target != &INTERVAL
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let from = scale_of(only(args.expr_fields, "avg")?.data_type());
        let to = scale_of(args.return_field.data_type());
        let average = move |total, count| finish(total, count, from, to);
        Ok(Box::new(ExactGroups::new(average, args)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

#[derive(Debug)]
struct ExactAverage {
    total: Wide,
    count: i64,
    /// With DISTINCT: the values so far, instead of the running total.
    seen: Option<HashSet<i128>>,
    from: i8,
    target: DataType,
}

impl Accumulator for ExactAverage {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in unscaled(only(values, "avg")?)?.iter().flatten() {
            if self.seen.as_mut().is_none_or(|seen| seen.insert(value)) {
                self.total.add(value);
                self.count += 1;
            }
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in unscaled(only(values, "avg")?)?.iter().flatten() {
            self.total.subtract(value);
            self.count -= 1;
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        self.seen.is_none()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.count == 0 {
            return scalar(None, &self.target);
        }
        let average = finish(self.total, self.count, self.from, scale_of(&self.target))?;
        scalar(Some(average), &self.target)
    }

    fn size(&self) -> usize {
        let seen = self.seen.as_ref().map_or(0, HashSet::capacity);
        size_of_val(self) + seen * size_of::<i128>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let Some(seen) = &self.seen else {
            return Ok(wide_state(self.total, self.count));
        };
        let values: Vec<ScalarValue> =
            seen.iter().map(|value| ScalarValue::Decimal128(Some(*value), 38, 0)).collect();
        let list = ScalarValue::new_list_nullable(&values, &DataType::Decimal128(38, 0));
        Ok(vec![ScalarValue::List(list)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        if self.seen.is_some() {
            let lists = only(states, "avg")?.as_list::<i32>();
            for values in lists.iter().flatten() {
                self.update_batch(&[values])?;
            }
            return Ok(());
        }
        for (total, count) in wide_states(states)?.into_iter().flatten() {
            self.total.merge(total);
            self.count += count;
        }
        Ok(())
    }
}
