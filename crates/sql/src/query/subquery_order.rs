//! The order of a subquery is the order in which an aggregate around it takes the rows, as in
//! Postgres: `SELECT json_agg(x) FROM (SELECT … ORDER BY …) s`.
//!
//! DataFusion knows an order only where it is asked for. So the keys of the subquery's ORDER BY are
//! handed up to the aggregate as columns, and the aggregate asks for it. Values that are aggregated
//! DISTINCT come in their own order.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{AggregateFunction, Sort as SortKey};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder, Sort};
use std::sync::Arc;

/// The plan in which such aggregates have an ORDER BY.
pub(super) fn handed_up(plan: LogicalPlan) -> Result<LogicalPlan> {
    let ordered = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Aggregate(aggregate) => ordered(aggregate),
        other => Ok(Transformed::no(other)),
    })?;
    Ok(ordered.data)
}

fn ordered(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let Aggregate { input, group_expr, aggr_expr, .. } = &aggregate;
    if !any(aggr_expr, takes_order)? {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let asks = any(aggr_expr, |function| takes_order(function) && !function.params.distinct)?;
    let keyed = if asks { with_keys(input)? } else { None };
    let (input, keys) = keyed.unwrap_or_else(|| (input.as_ref().clone(), Vec::new()));
    let names = NamePreserver::new_for_projection();
    let exprs = aggr_expr.iter().cloned().map(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|each| match each {
            Expr::AggregateFunction(mut function) if takes_order(&function) => {
                function.params.order_by = match function.params.distinct {
                    true => own_order(&function),
                    false => keys.clone(),
                };
                Ok(Transformed::yes(Expr::AggregateFunction(function)))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(name.restore(expr.data))
    });
    let exprs = exprs.collect::<Result<Vec<_>>>()?;
    let aggregate = Aggregate::try_new(Arc::new(input), group_expr.clone(), exprs)?;
    Ok(Transformed::yes(LogicalPlan::Aggregate(aggregate)))
}

fn any(exprs: &[Expr], is: impl Fn(&AggregateFunction) -> bool) -> Result<bool> {
    exprs.iter().try_fold(false, |found, expr| {
        let here = expr
            .exists(|each| Ok(matches!(each, Expr::AggregateFunction(function) if is(function))))?;
        Ok(found || here)
    })
}

/// Whether what the aggregate gives depends on the order of the rows, and it names none itself.
fn takes_order(function: &AggregateFunction) -> bool {
    matches!(function.func.name(), "array_agg" | "string_agg")
        && function.params.order_by.is_empty()
}

fn own_order(function: &AggregateFunction) -> Vec<SortKey> {
    function.params.args.first().map(|value| value.clone().sort(true, false)).into_iter().collect()
}

/// The name of a key that is handed up.
fn key(index: usize) -> String {
    format!("\u{2}key {index}")
}

/// The plan with the keys of its order as further columns, and the order by them. `None` where it
/// has no order.
fn with_keys(plan: &LogicalPlan) -> Result<Option<(LogicalPlan, Vec<SortKey>)>> {
    match plan {
        LogicalPlan::Sort(sort) => keys_of(sort).map(Some),
        LogicalPlan::Projection(projection) => {
            let Some((input, keys)) = with_keys(&projection.input)? else { return Ok(None) };
            let carried = keys.iter().map(|key| key.expr.clone());
            let exprs = projection.expr.iter().cloned().chain(carried);
            let plan = LogicalPlanBuilder::from(input).project(exprs.collect::<Vec<_>>())?;
            Ok(Some((plan.build()?, keys)))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let Some((input, keys)) = with_keys(&alias.input)? else { return Ok(None) };
            let plan = LogicalPlanBuilder::from(input).alias(alias.alias.clone())?.build()?;
            Ok(Some((plan, renamed(keys, &alias.alias))))
        }
        LogicalPlan::Filter(filter) => {
            let Some((input, keys)) = with_keys(&filter.input)? else { return Ok(None) };
            let plan = LogicalPlanBuilder::from(input).filter(filter.predicate.clone())?.build()?;
            Ok(Some((plan, keys)))
        }
        LogicalPlan::Limit(limit) => {
            let Some((input, keys)) = with_keys(&limit.input)? else { return Ok(None) };
            let bound = |expr: &Option<Box<Expr>>| expr.as_deref().cloned();
            let plan = LogicalPlanBuilder::from(input)
                .sort(keys.clone())?
                .limit_by_expr(bound(&limit.skip), bound(&limit.fetch))?
                .build()?;
            Ok(Some((plan, keys)))
        }
        _ => Ok(None),
    }
}

fn keys_of(sort: &Sort) -> Result<(LogicalPlan, Vec<SortKey>)> {
    let columns = sort.input.schema().columns().into_iter().map(Expr::Column);
    let keys = sort.expr.iter().enumerate();
    let keys = keys.map(|(index, each)| each.expr.clone().alias(key(index)));
    let plan = LogicalPlanBuilder::from(sort.input.as_ref().clone())
        .project(columns.chain(keys).collect::<Vec<_>>())?;
    let keys = sort.expr.iter().enumerate().map(|(index, each)| SortKey {
        expr: Expr::Column(Column::new_unqualified(key(index))),
        ..each.clone()
    });
    Ok((plan.build()?, keys.collect()))
}

/// The keys as columns of the table that a subquery is called.
fn renamed(keys: Vec<SortKey>, table: &TableReference) -> Vec<SortKey> {
    let renamed = keys.into_iter().map(|mut each| {
        if let Expr::Column(column) = &mut each.expr {
            column.relation = Some(table.clone());
        }
        each
    });
    renamed.collect()
}
