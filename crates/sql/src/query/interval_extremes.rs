//! The least and the greatest interval are those by Postgres' comparison: a month has 30 days, a
//! day 24 hours. DataFusion's `min` and `max` would compare months first, then days, then the rest.

use crate::Result;
use crate::exact::interval_extreme;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::WindowFunctionDefinition;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use std::sync::Arc;

/// The plan with such aggregates where there are intervals.
pub(super) fn taken(plan: LogicalPlan) -> Result<LogicalPlan> {
    let taken = plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Aggregate(_) | LogicalPlan::Window(_) => with_extremes(plan),
        other => Ok(Transformed::no(other)),
    })?;
    Ok(taken.data)
}

fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Interval(_)))
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
        Expr::WindowFunction(call) if of_interval(&call.params.args) => {
            if let Some(extreme) = interval_extreme(call.fun.name()) {
                call.fun = WindowFunctionDefinition::AggregateUDF(Arc::new(extreme));
                return Transformed::yes(expr);
            }
        }
        _ => {}
    }
    Transformed::no(expr)
}
