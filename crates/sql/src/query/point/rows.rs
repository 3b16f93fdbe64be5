//! The rows of a point read: conditions checked, columns in order, counted off.

use super::{Bound, PointRead};
use crate::provider::Batches;
use datafusion::arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::kernels::cmp;
use datafusion::arrow::compute::{and, filter_record_batch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Operator;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// What a scan gives, as it is shown.
pub(super) struct Checked {
    batches: Batches,
    checks: Vec<(usize, Operator, ScalarValue)>,
    shown: Vec<usize>,
    schema: SchemaRef,
    skip: usize,
    left: usize,
}

impl Checked {
    pub(super) fn new(read: &PointRead, bound: &Bound, batches: Batches) -> Self {
        let checks = read.conditions.iter().zip(&bound.values);
        let checks = checks.filter_map(|(condition, value)| {
            Some((condition.checked?, condition.op, value.clone()))
        });
        Checked {
            batches,
            checks: checks.collect(),
            shown: read.shown.clone(),
            schema: Arc::clone(&read.schema),
            skip: bound.offset,
            left: bound.limit.unwrap_or(usize::MAX),
        }
    }

    fn show(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let mut batch = batch;
        let mut mask: Option<BooleanArray> = None;
        for (column, op, value) in &self.checks {
            let passed = compare(&batch, *column, *op, value)?;
            mask = Some(match mask {
                Some(mask) => and(&mask, &passed)?,
                None => passed,
            });
        }
        if let Some(mask) = mask
            && mask.true_count() < mask.len()
        {
            batch = filter_record_batch(&batch, &mask)?;
        }
        let skipped = self.skip.min(batch.num_rows());
        let rows = (batch.num_rows() - skipped).min(self.left);
        self.skip -= skipped;
        self.left -= rows;
        if rows < batch.num_rows() {
            batch = batch.slice(skipped, rows);
        }
        let columns = self.shown.iter().map(|index| Arc::clone(batch.column(*index))).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

/// As DataFusion compares: by the same kernels.
fn compare(
    batch: &RecordBatch,
    column: usize,
    op: Operator,
    value: &ScalarValue,
) -> Result<BooleanArray> {
    let column = batch.column(column);
    let value = value.to_scalar()?;
    Ok(match op {
        Operator::Eq => cmp::eq(column, &value),
        Operator::NotEq => cmp::neq(column, &value),
        Operator::Lt => cmp::lt(column, &value),
        Operator::LtEq => cmp::lt_eq(column, &value),
        Operator::Gt => cmp::gt(column, &value),
        Operator::GtEq => cmp::gt_eq(column, &value),
        other => {
            return Err(DataFusionError::Internal(format!("{other} in a point read")));
        }
    }?)
}

impl Iterator for Checked {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.left == 0 {
                return None;
            }
            let shown = match self.batches.next()? {
                Ok(batch) => self.show(batch),
                Err(error) => Err(error),
            };
            match shown {
                Ok(batch) if batch.num_rows() == 0 => {}
                shown => return Some(shown),
            }
        }
    }
}
