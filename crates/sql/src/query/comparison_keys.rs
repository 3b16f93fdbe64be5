//! Operators that sort, group or match rows do it by a key where arrow compares a value otherwise
//! than Postgres: texts of jsonb are neither equal where the documents are (`1.0` and `1`), nor in
//! their order; an interval of a day equals one of 24 hours.
//!
//! Owns: which values have a key, and every operator that compares. What the keys are is for
//! [`jsonb_key`] and [`interval_order`].

use super::typing::type_of;
use crate::function::{fields_comparable, interval_order, joinable, jsonb_key, jsonb_value, own};
use crate::{Error, Fault, PgType};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::functions_aggregate::first_last::first_value;
use datafusion::functions_aggregate::min_max::min;
use datafusion::logical_expr::expr::{AggregateFunction, Sort as SortExpr, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, ExprSchemable, Join, JoinConstraint, LogicalPlan,
    LogicalPlanBuilder, Operator, Window, cast,
};
use std::sync::Arc;

/// The plan with keys in the place of values that have them, where values are compared.
pub(super) fn by_key(plan: LogicalPlan) -> Result<LogicalPlan> {
    Ok(plan.transform_up_with_subqueries(keyed)?.data)
}

fn keyed(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match node {
        LogicalPlan::Sort(mut sort) => {
            sort.expr = sorted(sort.expr, &sort.input)?;
            Ok(Transformed::yes(LogicalPlan::Sort(sort)))
        }
        LogicalPlan::Window(window) => windowed(window).map(Transformed::yes),
        LogicalPlan::Distinct(Distinct::All(input)) if has_keyed(&input) => {
            let columns = input.schema().columns().into_iter().map(Expr::Column).collect();
            let aggregate = Aggregate::try_new(input, columns, Vec::new())?;
            grouped(aggregate).map(Transformed::yes)
        }
        LogicalPlan::Distinct(Distinct::On(mut on)) => {
            on.on_expr = keys_of(on.on_expr, &on.input)?;
            on.sort_expr = on.sort_expr.map(|exprs| sorted(exprs, &on.input)).transpose()?;
            Ok(Transformed::yes(LogicalPlan::Distinct(Distinct::On(on))))
        }
        LogicalPlan::Aggregate(aggregate) => grouped(aggregate).map(Transformed::yes),
        LogicalPlan::RecursiveQuery(query)
            if query.is_distinct && has_keyed(&query.static_term) =>
        {
            Err(own(Error::unsupported(
                "WITH RECURSIVE … UNION of jsonb or interval is not supported",
            )
            .with_hint("Use UNION ALL, or the value as text.")))
        }
        LogicalPlan::Join(join) => matched(join).map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    }
}

/// What is compared by a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keyed {
    Jsonb,
    Interval,
}

impl Keyed {
    fn of(expr: &Expr, input: &LogicalPlan) -> Option<Keyed> {
        Keyed::of_type(type_of(expr, input)?)
    }

    /// What the elements of an array are.
    fn of_elements(array: &Expr, input: &LogicalPlan) -> Option<Keyed> {
        Keyed::of_type(type_of(array, input)?.element()?)
    }

    fn of_type(pg_type: PgType) -> Option<Keyed> {
        match pg_type {
            PgType::Jsonb => Some(Keyed::Jsonb),
            PgType::Interval => Some(Keyed::Interval),
            _ => None,
        }
    }

    fn key(self, value: Expr) -> Expr {
        match self {
            Keyed::Jsonb => jsonb_key().call(vec![value]),
            Keyed::Interval => interval_order().call(vec![value]),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Keyed::Jsonb => PgType::Jsonb.name(),
            Keyed::Interval => PgType::Interval.name(),
        }
    }

    /// An aggregate that takes one of the equal values of a group.
    fn of_group(self, value: Expr) -> Expr {
        match self {
            Keyed::Jsonb => min(cast(value, DataType::Utf8)),
            Keyed::Interval => first_value(value, Vec::new()),
        }
    }

    /// What that aggregate has taken, with the type it had.
    fn shown(self, taken: Expr) -> Expr {
        match self {
            Keyed::Jsonb => jsonb_value().call(vec![taken]),
            Keyed::Interval => taken,
        }
    }
}

/// Whether values may be equal that are not the same.
pub(super) fn has_key(expr: &Expr, input: &LogicalPlan) -> bool {
    Keyed::of(expr, input).is_some()
}

fn is_jsonb(expr: &Expr, input: &LogicalPlan) -> bool {
    Keyed::of(expr, input) == Some(Keyed::Jsonb)
}

fn has_keyed(plan: &LogicalPlan) -> bool {
    plan.schema().columns().into_iter().any(|column| is_compared(&Expr::Column(column), plan))
}

/// Whether it has a key, or is an array of what has one.
fn is_compared(expr: &Expr, input: &LogicalPlan) -> bool {
    Keyed::of(expr, input).is_some() || Keyed::of_elements(expr, input).is_some()
}

fn key_of(expr: Expr, input: &LogicalPlan) -> Result<Expr> {
    if let Some(keyed) = Keyed::of_elements(&expr, input) {
        let message = format!("comparing arrays of {} is not supported", keyed.name());
        return Err(own(Error::unsupported(message)));
    }
    Ok(match Keyed::of(&expr, input) {
        Some(keyed) => keyed.key(expr),
        None => expr,
    })
}

fn keys_of(exprs: Vec<Expr>, input: &LogicalPlan) -> Result<Vec<Expr>> {
    exprs.into_iter().map(|each| key_of(each, input)).collect()
}

fn sorted(exprs: Vec<SortExpr>, input: &LogicalPlan) -> Result<Vec<SortExpr>> {
    let by_key = |mut sort: SortExpr| {
        sort.expr = key_of(sort.expr, input)?;
        Ok(sort)
    };
    exprs.into_iter().map(by_key).collect()
}

fn matched(mut join: Join) -> Result<LogicalPlan> {
    let (left, right) = (&join.left, &join.right);
    for (a, b) in &join.on {
        let (a, b) = (a.to_field(left.schema())?.1, b.to_field(right.schema())?.1);
        match join.join_constraint {
            JoinConstraint::Using => joinable(&a, &b)?,
            JoinConstraint::On => fields_comparable(&a, Operator::Eq, &b)?,
        }
    }
    let pairs = join.on.into_iter().map(|(a, b)| Ok((key_of(a, left)?, key_of(b, right)?)));
    join.on = pairs.collect::<Result<_>>()?;
    Ok(LogicalPlan::Join(join))
}

fn windowed(window: Window) -> Result<LogicalPlan> {
    let names = NamePreserver::new_for_projection();
    let Window { input, window_expr, .. } = window;
    let exprs = window_expr.into_iter().map(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|each| {
            let Expr::WindowFunction(function) = each else { return Ok(Transformed::no(each)) };
            let WindowFunction { fun, mut params } = *function;
            params.partition_by = keys_of(params.partition_by, &input)?;
            params.order_by = sorted(params.order_by, &input)?;
            let function = Expr::WindowFunction(Box::new(WindowFunction { fun, params }));
            Ok(Transformed::yes(function))
        })?;
        Ok(name.restore(expr.data))
    });
    let exprs = exprs.collect::<Result<Vec<_>>>()?;
    Ok(LogicalPlan::Window(Window::try_new(exprs, input)?))
}

/// Groups by keys; one of the equal values of each group is shown.
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
        && let Some(keyed) =
            set.distinct_expr().into_iter().find_map(|expr| Keyed::of(expr, &input))
    {
        let message = format!("grouping sets of {} are not supported", keyed.name());
        return Err(own(Error::unsupported(message).with_hint("Group by the value as text.")));
    }
    let kept = group_expr.len();
    let keyed: Vec<Option<Keyed>> = group_expr.iter().map(|expr| Keyed::of(expr, &input)).collect();
    let results = aggregates.len();
    for (expr, keyed) in group_expr.iter().zip(&keyed) {
        aggregates.extend(keyed.map(|keyed| keyed.of_group(expr.clone())));
    }
    let groups = keys_of(group_expr, &input)?;
    let grouped = LogicalPlan::Aggregate(Aggregate::try_new(input, groups, aggregates)?);
    if keyed.iter().all(Option::is_none) {
        return Ok(grouped);
    }
    let columns: Vec<Expr> = grouped.schema().columns().into_iter().map(Expr::Column).collect();
    let mut taken = columns.iter().skip(kept + results);
    let shown = schema.iter().enumerate().map(|(index, (qualifier, field))| {
        let keyed = keyed.get(index).copied().flatten();
        let name = Column::new(qualifier.cloned(), field.name());
        match keyed.and_then(|keyed| Some(keyed.shown(taken.next()?.clone()))) {
            Some(value) => value,
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
    params.order_by = sorted(std::mem::take(&mut params.order_by), input)?;
    let keyed = params.args.iter().find_map(|arg| Keyed::of(arg, input));
    let of_jsonb = params.args.iter().any(|arg| is_jsonb(arg, input));
    match (function.func.name(), keyed) {
        (name @ ("min" | "max"), Some(_)) if of_jsonb => {
            let message = format!("function {name}(jsonb) does not exist");
            Err(own(Error::new(Fault::UndefinedFunction, message)))
        }
        // Of equal values one is as little as the other.
        ("min" | "max" | "interval_min" | "interval_max", _) => Ok(function),
        ("count", _) if params.distinct => {
            params.args = keys_of(std::mem::take(&mut params.args), input)?;
            Ok(function)
        }
        ("mode" | "percentile_disc", Some(keyed)) => Err(own(Error::unsupported(format!(
            "{} of {} is not supported",
            function.func.name(),
            keyed.name()
        )))),
        // What a value is turned into jsonb for is the same where the value is.
        (_, Some(keyed)) if params.distinct && !params.args.iter().all(is_made_of_value) => {
            let message = format!("an aggregate of DISTINCT {} is not supported", keyed.name());
            Err(own(Error::unsupported(message)
                .with_hint("Aggregate over a subquery with SELECT DISTINCT.")))
        }
        _ => Ok(function),
    }
}

fn is_made_of_value(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(function) if function.name() == "to_jsonb")
}
