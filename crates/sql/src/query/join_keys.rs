//! Keys of a join that decide nothing: both sides have the same one value in all their rows.
//!
//! In one book, transactions and postings belong together where their seqs are equal; that their
//! books are equal too need not be found out for each pair. And a join by one integer looks rows up
//! in an array, where DataFusion needs a hash table for two keys.
//!
//! Knows where a column comes from, and refuses to know what a book is.

use super::nullable_side::{Untold, has_grouping_sets};
use crate::provider::LedgerScan;
use datafusion::common::JoinType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{AcrossPartitions, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// Comes before the rules that distribute rows by the keys.
#[derive(Debug)]
pub(super) struct DecidingKeys;

impl PhysicalOptimizerRule for DecidingKeys {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let decided = plan.transform_up(|plan| {
            let Some(join) = plan.downcast_ref::<HashJoinExec>() else {
                return Ok(Transformed::no(plan));
            };
            let decides = |(left, right): &&(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)| {
                let left = only_value(join.left(), left);
                left.is_none() || left != only_value(join.right(), right)
            };
            let on: Vec<_> = join.on().iter().filter(decides).cloned().collect();
            // A hash join has a key.
            if on.is_empty() || on.len() == join.on().len() {
                return Ok(Transformed::no(plan));
            }
            Ok(Transformed::yes(join.builder().with_on(on).build_exec()?))
        })?;
        Ok(decided.data)
    }

    fn name(&self) -> &str {
        "deciding_keys"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The value that an expression has in every row of a plan, if it is known and not NULL.
fn only_value(plan: &Arc<dyn ExecutionPlan>, expr: &Arc<dyn PhysicalExpr>) -> Option<ScalarValue> {
    // It tells of its input's rows what does not hold for its own.
    if has_grouping_sets(plan.as_ref()) {
        return None;
    }
    let told = plan.equivalence_properties().is_expr_constant(expr);
    if let Some(AcrossPartitions::Uniform(Some(value))) = told {
        return Some(value).filter(|value| !value.is_null());
    }
    let column = expr.downcast_ref::<Column>()?.index();
    if let Some(scan) = plan.downcast_ref::<LedgerScan>() {
        return scan.only_value(column);
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        return only_value(projection.input(), &projection.expr().get(column)?.expr);
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        return only_value(filter.input(), expr).filter(|_| filter.projection().is_none());
    }
    if let Some(side) = plan.downcast_ref::<Untold>() {
        return only_value(side.input(), expr);
    }
    // What comes out of an outer join may be NULL instead.
    let join = plan.downcast_ref::<HashJoinExec>()?;
    if *join.join_type() != JoinType::Inner || join.contains_projection() {
        return None;
    }
    let name = plan.schema().field(column).name().clone();
    let left = join.left().schema().fields().len();
    let (side, index) = match column.checked_sub(left) {
        None => (join.left(), column),
        Some(index) => (join.right(), index),
    };
    only_value(side, &(Arc::new(Column::new(&name, index)) as _))
}
