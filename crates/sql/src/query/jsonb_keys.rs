//! Operators that sort, group or match rows by jsonb do it by [`jsonb_key`]: texts of jsonb are
//! neither equal where the documents are (`1.0` and `1`), nor in their order.

use super::typing::type_of;
use crate::function::{jsonb_key, jsonb_value, own};
use crate::{Error, Fault, PgType};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::functions_aggregate::min_max::min;
use datafusion::logical_expr::expr::{AggregateFunction, Sort as SortExpr, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Join, LogicalPlan, LogicalPlanBuilder, Window, cast,
};
use std::sync::Arc;

/// The plan with keys in the place of documents, where documents are compared.
pub(super) fn by_key(plan: LogicalPlan) -> Result<LogicalPlan> {
    Ok(plan.transform_up_with_subqueries(keyed)?.data)
}

fn keyed(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match node {
        LogicalPlan::Sort(mut sort) => {
            sort.expr = sort.expr.into_iter().map(|each| sorted(each, &sort.input)).collect();
            Ok(Transformed::yes(LogicalPlan::Sort(sort)))
        }
        LogicalPlan::Window(window) => windowed(window).map(Transformed::yes),
        LogicalPlan::Distinct(Distinct::All(input)) if has_jsonb(&input) => {
            let columns = input.schema().columns().into_iter().map(Expr::Column).collect();
            let aggregate = Aggregate::try_new(input, columns, Vec::new())?;
            grouped(aggregate).map(Transformed::yes)
        }
        LogicalPlan::Distinct(Distinct::On(mut on)) => {
            on.on_expr = on.on_expr.into_iter().map(|each| key_of(each, &on.input)).collect();
            on.sort_expr = on
                .sort_expr
                .map(|exprs| exprs.into_iter().map(|each| sorted(each, &on.input)).collect());
            Ok(Transformed::yes(LogicalPlan::Distinct(Distinct::On(on))))
        }
        LogicalPlan::Aggregate(aggregate) => grouped(aggregate).map(Transformed::yes),
        LogicalPlan::Join(join) => Ok(Transformed::yes(matched(join))),
        other => Ok(Transformed::no(other)),
    }
}

fn is_jsonb(expr: &Expr, input: &LogicalPlan) -> bool {
    type_of(expr, input) == Some(PgType::Jsonb)
}

fn has_jsonb(plan: &LogicalPlan) -> bool {
    plan.schema().columns().into_iter().any(|column| is_jsonb(&Expr::Column(column), plan))
}

fn key_of(expr: Expr, input: &LogicalPlan) -> Expr {
    match is_jsonb(&expr, input) {
        true => jsonb_key().call(vec![expr]),
        false => expr,
    }
}

fn sorted(mut sort: SortExpr, input: &LogicalPlan) -> SortExpr {
    sort.expr = key_of(sort.expr, input);
    sort
}

fn matched(mut join: Join) -> LogicalPlan {
    let (left, right) = (&join.left, &join.right);
    join.on = join.on.into_iter().map(|(a, b)| (key_of(a, left), key_of(b, right))).collect();
    LogicalPlan::Join(join)
}

fn windowed(window: Window) -> Result<LogicalPlan> {
    let names = NamePreserver::new_for_projection();
    let Window { input, window_expr, .. } = window;
    let exprs = window_expr.into_iter().map(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|each| {
            let Expr::WindowFunction(function) = each else { return Ok(Transformed::no(each)) };
            let WindowFunction { fun, mut params } = *function;
            let keys = params.partition_by.into_iter().map(|each| key_of(each, &input));
            params.partition_by = keys.collect();
            params.order_by =
                params.order_by.into_iter().map(|each| sorted(each, &input)).collect();
            let function = Expr::WindowFunction(Box::new(WindowFunction { fun, params }));
            Ok(Transformed::yes(function))
        })?;
        Ok(name.restore(expr.data))
    });
    let exprs = exprs.collect::<Result<Vec<_>>>()?;
    Ok(LogicalPlan::Window(Window::try_new(exprs, input)?))
}

/// Groups by keys; a document of each group is shown.
fn grouped(aggregate: Aggregate) -> Result<LogicalPlan> {
    let Aggregate { input, group_expr, aggr_expr, schema, .. } = aggregate;
    let names = NamePreserver::new_for_projection();
    let aggregates = aggr_expr.into_iter().map(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|each| match each {
            Expr::AggregateFunction(function) => {
                Ok(Transformed::yes(Expr::AggregateFunction(aggregated(function, &input)?)))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(name.restore(expr.data))
    });
    let mut aggregates = aggregates.collect::<Result<Vec<_>>>()?;
    if let [Expr::GroupingSet(set)] = group_expr.as_slice()
        && set.distinct_expr().into_iter().any(|expr| is_jsonb(expr, &input))
    {
        return Err(own(Error::unsupported("grouping sets of jsonb are not supported")
            .with_hint("Group by the document as text.")));
    }
    let kept = group_expr.len();
    let is_document: Vec<bool> = group_expr.iter().map(|expr| is_jsonb(expr, &input)).collect();
    if !is_document.contains(&true) {
        return Ok(LogicalPlan::Aggregate(Aggregate::try_new(input, group_expr, aggregates)?));
    }
    let results = aggregates.len();
    for (expr, _) in group_expr.iter().zip(&is_document).filter(|(_, is)| **is) {
        aggregates.push(min(cast(expr.clone(), DataType::Utf8)));
    }
    let groups = group_expr.into_iter().map(|expr| key_of(expr, &input)).collect();
    let grouped = LogicalPlan::Aggregate(Aggregate::try_new(input, groups, aggregates)?);
    let columns: Vec<Expr> = grouped.schema().columns().into_iter().map(Expr::Column).collect();
    let mut documents = columns.iter().skip(kept + results);
    let shown = schema.iter().enumerate().map(|(index, (qualifier, field))| {
        let document = match is_document.get(index) {
            Some(true) => documents.next(),
            _ => None,
        };
        let name = Column::new(qualifier.cloned(), field.name());
        match document {
            Some(document) => jsonb_value().call(vec![document.clone()]),
            None => columns[index].clone(),
        }
        .alias_qualified(name.relation, name.name)
    });
    LogicalPlanBuilder::from(grouped.clone()).project(shown.collect::<Vec<_>>())?.build()
}

fn aggregated(
    mut function: AggregateFunction,
    input: &Arc<LogicalPlan>,
) -> Result<AggregateFunction> {
    let params = &mut function.params;
    params.order_by = params.order_by.drain(..).map(|each| sorted(each, input)).collect();
    let of_jsonb = params.args.iter().any(|arg| is_jsonb(arg, input));
    match function.func.name() {
        name @ ("min" | "max") if of_jsonb => {
            let message = format!("function {name}(jsonb) does not exist");
            Err(own(Error::new(Fault::UndefinedFunction, message)))
        }
        "count" if of_jsonb && params.distinct => {
            params.args = params.args.drain(..).map(|arg| key_of(arg, input)).collect();
            Ok(function)
        }
        // What a value is turned into jsonb for is the same where the value is.
        _ if of_jsonb && params.distinct && !params.args.iter().all(is_made_of_value) => {
            Err(own(Error::unsupported("an aggregate of DISTINCT jsonb is not supported")
                .with_hint("Aggregate over a subquery with SELECT DISTINCT.")))
        }
        _ => Ok(function),
    }
}

fn is_made_of_value(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(function) if function.name() == "to_jsonb")
}
