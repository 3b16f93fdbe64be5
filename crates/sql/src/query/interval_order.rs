//! Intervals are sorted as Postgres compares them: a month has 30 days, a day 24 hours. DataFusion
//! would compare months first, then days, then the rest; so would its `min` and `max`.

use crate::Result;
use crate::exact::interval_extreme;
use crate::function::interval_order;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::{ScalarFunction, WindowFunctionDefinition};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Sort, SortExpr};
use std::sync::Arc;

/// Sorts intervals by what they are compared by, and takes the least and greatest of them so.
pub(super) fn sorted(plan: LogicalPlan) -> Result<LogicalPlan> {
    let sorted = plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Sort(mut sort) if has_interval(&sort) => {
            let schema = Arc::clone(sort.input.schema());
            by_order(&mut sort.expr, &schema);
            Ok(Transformed::yes(LogicalPlan::Sort(sort)))
        }
        LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) => with_extremes(plan),
        other => Ok(Transformed::no(other)),
    })?;
    Ok(sorted.data)
}

fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Interval(_)))
}

/// Sorts by the numbers that intervals are compared by. Says whether there was one.
fn by_order(keys: &mut [SortExpr], schema: &DFSchema) -> bool {
    let mut found = false;
    for key in keys.iter_mut().filter(|key| is_interval(&key.expr, schema)) {
        let args = vec![key.expr.clone()];
        let order = ScalarFunction::new_udf(Arc::new(interval_order()), args);
        key.expr = Expr::ScalarFunction(order);
        found = true;
    }
    found
}

fn has_interval(sort: &Sort) -> bool {
    sort.expr.iter().any(|key| is_interval(&key.expr, sort.input.schema()))
}

fn with_extremes(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>, DataFusionError> {
    let schema = plan.inputs().first().map(|input| Arc::clone(input.schema()));
    let Some(schema) = schema else { return Ok(Transformed::no(plan)) };
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let replaced = expr.transform_up(|expr| Ok(extreme(expr, &schema)))?;
        Ok(replaced.update_data(|expr| name.restore(expr)))
    })
}

fn extreme(mut expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let of_interval = |args: &[Expr]| args.iter().any(|arg| is_interval(arg, schema));
    match &mut expr {
        Expr::AggregateFunction(call) if of_interval(&call.params.args) => {
            if let Some(extreme) = interval_extreme(call.func.name()) {
                call.func = Arc::new(extreme);
                return Transformed::yes(expr);
            }
        }
        Expr::WindowFunction(call) => {
            let sorted = by_order(&mut call.params.order_by, schema);
            let extreme = interval_extreme(call.fun.name());
            let extreme = extreme.filter(|_| of_interval(&call.params.args));
            let replaced = extreme.is_some();
            if let Some(extreme) = extreme {
                call.fun = WindowFunctionDefinition::AggregateUDF(Arc::new(extreme));
            }
            if sorted || replaced {
                return Transformed::yes(expr);
            }
        }
        _ => {}
    }
    Transformed::no(expr)
}
