//! Plans that can be interrupted: joins give way to other tasks, and look whether somebody still
//! reads the query.
//!
//! DataFusion makes the leaves of a plan give way. A join can turn two batches of its leaves into
//! more rows than a day has nanoseconds, so it has to give way by itself; and where its condition
//! holds for none of them, it gives no rows at all between which it could.

use crate::stop::StopSignal;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec,
};
use datafusion::physical_plan::unnest::UnnestExec;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The same plan, as one that ends soon after the signal.
pub(super) fn interruptible(
    plan: Arc<dyn ExecutionPlan>,
    stop: &StopSignal,
) -> Result<Arc<dyn ExecutionPlan>> {
    let checked = plan.transform_up(|plan| {
        let many = checking(&plan, stop)?;
        let multiplies = many.is_some()
            || plan.is::<CrossJoinExec>()
            || plan.is::<SortMergeJoinExec>()
            || plan.is::<UnnestExec>()
            || plan.is::<HashJoinExec>();
        Ok(match multiplies {
            true => Transformed::yes(Arc::new(CooperativeExec::new(many.unwrap_or(plan))) as _),
            false => Transformed::no(plan),
        })
    })?;
    Ok(checked.data)
}

/// A join whose condition looks at the signal, if the plan is a join with one.
fn checking(
    plan: &Arc<dyn ExecutionPlan>,
    stop: &StopSignal,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        let filter = join.filter().map(|filter| checked(filter, stop));
        let join = NestedLoopJoinExecBuilder::from(join).with_filter(filter).build()?;
        return Ok(Some(Arc::new(join)));
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>()
        && let Some(filter) = join.filter()
    {
        let filter = Some(checked(filter, stop));
        return Ok(Some(Arc::new(join.builder().with_filter(filter).build()?)));
    }
    Ok(None)
}

fn checked(filter: &JoinFilter, stop: &StopSignal) -> JoinFilter {
    let condition =
        CheckedCondition { condition: Arc::clone(filter.expression()), stop: stop.clone() };
    let columns = filter.column_indices().to_vec();
    JoinFilter::new(Arc::new(condition), columns, Arc::clone(filter.schema()))
}

/// A condition that is an error once the query is to end.
#[derive(Debug)]
struct CheckedCondition {
    condition: Arc<dyn PhysicalExpr>,
    stop: StopSignal,
}

impl PartialEq for CheckedCondition {
    fn eq(&self, other: &Self) -> bool {
        self.condition.eq(&other.condition)
    }
}

impl Eq for CheckedCondition {}

impl Hash for CheckedCondition {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.condition.hash(state);
    }
}

impl fmt::Display for CheckedCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl PhysicalExpr for CheckedCondition {
    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.condition.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        self.condition.nullable(input)
    }

    fn return_field(&self, input: &Schema) -> Result<FieldRef> {
        self.condition.return_field(input)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.stop.check()?;
        self.condition.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.condition]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let stop = self.stop.clone();
        let condition = children.pop().unwrap_or_else(|| Arc::clone(&self.condition));
        Ok(Arc::new(CheckedCondition { condition, stop }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt_sql(f)
    }
}
