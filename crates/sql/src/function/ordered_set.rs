//! `percentile_disc` and `mode`: one of the values themselves, by their order.

use super::own;
use super::simple::undefined;
use crate::{Error, Fault};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, new_empty_array};
use datafusion::arrow::compute::kernels::cmp::not_distinct;
use datafusion::arrow::compute::{SortOptions, concat, filter, is_not_null, sort};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Wanted {
    Percentile,
    Mode,
}

pub(super) fn all() -> Vec<AggregateUDF> {
    let function = |wanted| {
        let signature = Signature::user_defined(Volatility::Immutable);
        AggregateUDF::from(OrderedSet { wanted, signature })
    };
    vec![function(Wanted::Percentile), function(Wanted::Mode)]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OrderedSet {
    wanted: Wanted,
    signature: Signature,
}

impl AggregateUDFImpl for OrderedSet {
    fn name(&self) -> &str {
        match self.wanted {
            Wanted::Percentile => "percentile_disc",
            Wanted::Mode => "mode",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.wanted, types) {
            (Wanted::Mode, [value]) => Ok(vec![value.clone()]),
            (Wanted::Percentile, [_, DataType::List(_)]) => {
                Err(own(Error::unsupported("several percentiles at once are not supported")))
            }
            (Wanted::Percentile, [value, fraction]) if fraction.is_numeric() => {
                Ok(vec![value.clone(), DataType::Float64])
            }
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        types.first().cloned().ok_or_else(|| undefined(self.name(), types))
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let item = Field::new_list_field(args.return_field.data_type().clone(), true);
        let name = format_state_name(args.name, "values");
        Ok(vec![Arc::new(Field::new(name, DataType::List(Arc::new(item)), true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let fraction = match self.wanted {
            Wanted::Mode => None,
            Wanted::Percentile => Some(fraction(&args)?),
        };
        let order = args.order_bys.first().map(|sort| sort.options).unwrap_or_default();
        Ok(Box::new(Values {
            fraction,
            order,
            data_type: args.return_field.data_type().clone(),
            batches: Vec::new(),
        }))
    }
}

/// The constant between 0 and 1.
fn fraction(args: &AccumulatorArgs) -> Result<Option<f64>> {
    let constant = || {
        let schema = Arc::new(datafusion::arrow::datatypes::Schema::empty());
        let row = datafusion::arrow::array::RecordBatch::new_empty(schema);
        match args.exprs.get(1)?.evaluate(&row).ok()? {
            ColumnarValue::Scalar(ScalarValue::Float64(value)) => Some(value),
            _ => None,
        }
    };
    let fraction = constant().ok_or_else(|| {
        own(Error::unsupported("a percentile that is not a constant is not supported"))
    })?;
    match fraction {
        Some(value) if !(0.0..=1.0).contains(&value) => {
            let message = format!("percentile value {value} is not between 0 and 1");
            Err(own(Error::new(Fault::NumericValueOutOfRange, message)))
        }
        other => Ok(other),
    }
}

/// All values that are not NULL.
#[derive(Debug)]
struct Values {
    /// The mode, or the value at this part of them.
    fraction: Option<Option<f64>>,
    order: SortOptions,
    data_type: DataType,
    batches: Vec<ArrayRef>,
}

impl Values {
    fn all(&self) -> Result<ArrayRef> {
        let batches: Vec<&dyn Array> = self.batches.iter().map(AsRef::as_ref).collect();
        match batches.is_empty() {
            true => Ok(new_empty_array(&self.data_type)),
            false => Ok(concat(&batches)?),
        }
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if let Some(values) = values.first() {
            let known = filter(values, &is_not_null(values)?)?;
            if !known.is_empty() {
                self.batches.push(known);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sorted = sort(&self.all()?, Some(self.order))?;
        let place = match self.fraction {
            _ if sorted.is_empty() => None,
            Some(None) => None,
            Some(Some(fraction)) => {
                let rows = (fraction * sorted.len() as f64).ceil() as usize;
                Some(rows.max(1) - 1)
            }
            None => Some(longest_run(&sorted)?),
        };
        match place {
            Some(place) => ScalarValue::try_from_array(&sorted, place),
            None => ScalarValue::try_from(&self.data_type),
        }
    }

    fn size(&self) -> usize {
        let values: usize = self.batches.iter().map(|batch| batch.get_array_memory_size()).sum();
        size_of_val(self) + values
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = self.all()?;
        Ok(vec![SingleRowListArrayBuilder::new(values).build_list_scalar()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(lists) = states.first() else { return Ok(()) };
        for values in lists.as_list::<i32>().iter().flatten() {
            self.update_batch(&[values])?;
        }
        Ok(())
    }
}

/// Where the first of the longest runs of equal values begins.
fn longest_run(sorted: &ArrayRef) -> Result<usize> {
    let rows = sorted.len();
    let same = not_distinct(&sorted.slice(1, rows - 1), &sorted.slice(0, rows - 1))?;
    let (mut best, mut best_length) = (0, 1);
    let (mut start, mut length) = (0, 1);
    for (row, same) in same.iter().enumerate() {
        if same == Some(true) {
            length += 1;
        } else {
            (start, length) = (row + 1, 1);
        }
        if length > best_length {
            (best, best_length) = (start, length);
        }
    }
    Ok(best)
}
