//! `sum`: exact over integers and decimals, DataFusion's own over floats.
//!
//! As in Postgres, the sum of int2 and int4 is int8, that of int8 is numeric. Every value is added
//! into a [`Wide`], so a sum is out of range only if its final value is.

use super::decimal::{bigint_out_of_range, numeric_out_of_range};
use super::interval_sum::{self, INTERVAL, IntervalTotal};
use super::wide::Wide;
use crate::function::undefined;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_aggregate::sum::Sum as FloatSum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use std::collections::HashSet;
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Sum {
    signature: Signature,
    floats: FloatSum,
}

impl Sum {
    pub(super) fn new() -> Self {
        Sum { signature: Signature::user_defined(Volatility::Immutable), floats: FloatSum::new() }
    }
}

/// The type a summand is added as; small integers stay small so that their sum is int8.
pub(super) fn summand_type(name: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => Ok(DataType::Int32),
        DataType::Int32 | DataType::Decimal128(..) | DataType::Float64 => Ok(data_type.clone()),
        DataType::Null
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Int64 => Ok(DataType::Decimal128(20, 0)),
        DataType::Float16 | DataType::Float32 => Ok(DataType::Float64),
        DataType::Interval(_) | DataType::Duration(_) if matches!(name, "sum" | "avg") => {
            Ok(INTERVAL)
        }
        other => Err(undefined(name, std::slice::from_ref(other))),
    }
}

pub(super) fn only<'a, T>(values: &'a [T], what: &str) -> Result<&'a T> {
    match values {
        [value] => Ok(value),
        _ => Err(DataFusionError::Plan(format!("{what} takes exactly one argument"))),
    }
}

impl AggregateUDFImpl for Sum {
    fn name(&self) -> &str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(vec![summand_type("sum", only(types, "sum")?)?])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match summand_type("sum", only(types, "sum")?)? {
            DataType::Int32 => DataType::Int64,
            DataType::Decimal128(_, scale) => DataType::Decimal128(38, scale),
            other => other,
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.return_field.data_type() == &DataType::Float64 {
            return self.floats.accumulator(args);
        }
        if args.return_field.data_type() == &INTERVAL {
            return match args.is_distinct {
                true => Err(interval_sum::no_distinct()),
                false => Ok(Box::new(IntervalTotal::sum())),
            };
        }
        let target = args.return_field.data_type().clone();
        if args.is_distinct {
            return Ok(Box::new(DistinctSum { seen: HashSet::new(), target }));
        }
        Ok(Box::new(ExactSum { total: Wide::default(), count: 0, target }))
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
        let target = args.return_field.data_type().clone();
        Ok(Box::new(ExactGroups::new(move |total, _count| finish(total, &target), args)))
    }

    fn order_sensitivity(&self) -> datafusion::logical_expr::utils::AggregateOrderSensitivity {
        datafusion::logical_expr::utils::AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> datafusion::logical_expr::ReversedUDAF {
        datafusion::logical_expr::ReversedUDAF::Identical
    }
}

/// low, high and count of a partial sum.
pub(super) fn wide_state_fields(name: &str) -> Vec<FieldRef> {
    vec![
        Arc::new(Field::new(format_state_name(name, "low"), DataType::Decimal128(38, 0), true)),
        Arc::new(Field::new(format_state_name(name, "high"), DataType::Int64, true)),
        Arc::new(Field::new(format_state_name(name, "count"), DataType::Int64, true)),
    ]
}

/// The summands as unscaled integers.
pub(super) fn unscaled(array: &ArrayRef) -> Result<Decimal128Array> {
    let decimals = match array.data_type() {
        DataType::Decimal128(..) => Arc::clone(array),
        _ => cast(array, &DataType::Decimal128(20, 0))?,
    };
    Ok(decimals.as_primitive::<Decimal128Type>().clone())
}

fn finish(total: Wide, target: &DataType) -> Result<i128> {
    match target {
        DataType::Int64 => {
            total.exact().filter(|sum| i64::try_from(*sum).is_ok()).ok_or_else(bigint_out_of_range)
        }
        _ => total.exact().ok_or_else(numeric_out_of_range),
    }
}

/// `value` of the target type; `None` is NULL.
pub(super) fn scalar(value: Option<i128>, target: &DataType) -> Result<ScalarValue> {
    match target {
        DataType::Decimal128(precision, scale) => {
            Ok(ScalarValue::Decimal128(value, *precision, *scale))
        }
        _ => value
            .map(|value| i64::try_from(value).map_err(|_| bigint_out_of_range()))
            .transpose()
            .map(ScalarValue::Int64),
    }
}

#[derive(Debug)]
struct ExactSum {
    total: Wide,
    count: i64,
    target: DataType,
}

impl Accumulator for ExactSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = unscaled(only(values, "sum")?)?;
        if values.null_count() == 0 {
            // Without a look at each for NULL, the sum is as fast as memory.
            values.values().iter().for_each(|value| self.total.add(*value));
            self.count += values.len() as i64;
            return Ok(());
        }
        for value in values.iter().flatten() {
            self.total.add(value);
            self.count += 1;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in unscaled(only(values, "sum")?)?.iter().flatten() {
            self.total.subtract(value);
            self.count -= 1;
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.count == 0 {
            return scalar(None, &self.target);
        }
        scalar(Some(finish(self.total, &self.target)?), &self.target)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(wide_state(self.total, self.count))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for (total, count) in wide_states(states)?.into_iter().flatten() {
            self.total.merge(total);
            self.count += count;
        }
        Ok(())
    }
}

pub(super) fn wide_state(total: Wide, count: i64) -> Vec<ScalarValue> {
    vec![
        ScalarValue::Decimal128(Some(total.low), 38, 0),
        ScalarValue::Int64(Some(total.high)),
        ScalarValue::Int64(Some(count)),
    ]
}

pub(super) fn wide_states(states: &[ArrayRef]) -> Result<Vec<Option<(Wide, i64)>>> {
    let [low, high, count] = states else {
        return Err(DataFusionError::Internal("a partial sum has three columns".to_owned()));
    };
    let low = low.as_primitive::<Decimal128Type>();
    let high = high.as_primitive::<Int64Type>();
    let count = count.as_primitive::<Int64Type>();
    Ok((0..low.len())
        .map(|row| {
            let known = low.is_valid(row) && high.is_valid(row) && count.is_valid(row);
            known.then(|| (Wide { low: low.value(row), high: high.value(row) }, count.value(row)))
        })
        .collect())
}

#[derive(Debug)]
struct DistinctSum {
    seen: HashSet<i128>,
    target: DataType,
}

impl Accumulator for DistinctSum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.seen.extend(unscaled(only(values, "sum")?)?.iter().flatten());
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.seen.is_empty() {
            return scalar(None, &self.target);
        }
        let mut total = Wide::default();
        self.seen.iter().for_each(|value| total.add(*value));
        scalar(Some(finish(total, &self.target)?), &self.target)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.seen.capacity() * size_of::<i128>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<ScalarValue> =
            self.seen.iter().map(|value| ScalarValue::Decimal128(Some(*value), 38, 0)).collect();
        let list = ScalarValue::new_list_nullable(&values, &DataType::Decimal128(38, 0));
        Ok(vec![ScalarValue::List(list)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = only(states, "sum")?.as_list::<i32>();
        for values in lists.iter().flatten() {
            self.seen.extend(values.as_primitive::<Decimal128Type>().iter().flatten());
        }
        Ok(())
    }
}

/// Sums and counts for many groups at once; `finish` makes a group's result of them.
pub(super) struct ExactGroups<F> {
    groups: Vec<(Wide, i64)>,
    finish: F,
    target: DataType,
}

impl<F: Fn(Wide, i64) -> Result<i128> + Send + 'static> ExactGroups<F> {
    pub(super) fn new(finish: F, args: AccumulatorArgs) -> Self {
        ExactGroups { groups: Vec::new(), finish, target: args.return_field.data_type().clone() }
    }
}

impl<F: Fn(Wide, i64) -> Result<i128> + Send + 'static> GroupsAccumulator for ExactGroups<F> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, (Wide::default(), 0));
        let values = unscaled(only(values, "sum")?)?;
        if filter.is_none() && values.null_count() == 0 {
            for (value, group) in values.values().iter().zip(group_indices) {
                let (total, count) = &mut self.groups[*group];
                total.add(*value);
                *count += 1;
            }
            return Ok(());
        }
        for (row, group) in group_indices.iter().enumerate() {
            let wanted = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if wanted && values.is_valid(row) {
                let (total, count) = &mut self.groups[*group];
                total.add(values.value(row));
                *count += 1;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let results = emit_to
            .take_needed(&mut self.groups)
            .into_iter()
            .map(|(total, count)| match count {
                0 => Ok(None),
                count => (self.finish)(total, count).map(Some),
            })
            .collect::<Result<Vec<Option<i128>>>>()?;
        match &self.target {
            DataType::Decimal128(precision, scale) => Ok(Arc::new(
                results
                    .into_iter()
                    .collect::<Decimal128Array>()
                    .with_precision_and_scale(*precision, *scale)?,
            )),
            _ => {
                let integers = results
                    .into_iter()
                    .map(|each| {
                        each.map(|sum| i64::try_from(sum).map_err(|_| bigint_out_of_range()))
                    })
                    .map(Option::transpose)
                    .collect::<Result<Int64Array>>()?;
                Ok(Arc::new(integers))
            }
        }
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = emit_to.take_needed(&mut self.groups);
        let low: Decimal128Array = groups.iter().map(|(total, _)| Some(total.low)).collect();
        let high: Int64Array = groups.iter().map(|(total, _)| Some(total.high)).collect();
        let count: Int64Array = groups.iter().map(|(_, count)| Some(*count)).collect();
        Ok(vec![Arc::new(low.with_precision_and_scale(38, 0)?), Arc::new(high), Arc::new(count)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, (Wide::default(), 0));
        for (state, group) in wide_states(values)?.into_iter().zip(group_indices) {
            if let Some((total, count)) = state {
                let (group_total, group_count) = &mut self.groups[*group];
                group_total.merge(total);
                *group_count += count;
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = unscaled(only(values, "sum")?)?;
        let wanted = |row: usize| {
            values.is_valid(row)
                && filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
        };
        let rows = 0..values.len();
        let low: Decimal128Array =
            rows.clone().map(|row| Some(if wanted(row) { values.value(row) } else { 0 })).collect();
        let high: Int64Array = rows.clone().map(|_| Some(0)).collect();
        let count: Int64Array = rows.map(|row| Some(i64::from(wanted(row)))).collect();
        Ok(vec![Arc::new(low.with_precision_and_scale(38, 0)?), Arc::new(high), Arc::new(count)])
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<(Wide, i64)>()
    }
}
