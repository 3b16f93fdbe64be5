//! Subqueries that stand for a value, where DataFusion makes no join of them: one that is limited,
//! not aggregated or computes with outer columns; EXISTS, IN, ANY and ALL in a select list.
//!
//! Each becomes a column of the operator's input, joined from the left: no row is lost by it, and
//! none is doubled.

use super::outer::refers_outside;
use super::push::Pusher;
use super::{bare, columns, datafusion_can, datafusion_can_ask, joined_again};
use crate::function::one_row;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::functions_aggregate::count::{count, count_all};
use datafusion::functions_aggregate::first_last::first_value;
use datafusion::logical_expr::expr::{InSubquery, SetComparison, SetQuantifier};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, ExprSchemable, JoinType, LogicalPlan, LogicalPlanBuilder, Operator,
    binary_expr, lit, not, when,
};
use datafusion::scalar::ScalarValue;

/// The operator with such values as columns of its input.
pub(super) fn joined(node: LogicalPlan, pusher: &mut Pusher) -> Result<Transformed<LogicalPlan>> {
    let in_filter = match &node {
        LogicalPlan::Filter(_) => true,
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => false,
        _ => return Ok(Transformed::no(node)),
    };
    let mut values: Vec<Expr> = Vec::new();
    for expr in node.expressions() {
        for part in split_conjunction(&expr) {
            if in_filter && is_condition(part)? {
                continue;
            }
            part.apply(|each| {
                if is_ours(each)? && !values.contains(each) {
                    values.push(each.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
    }
    let [input] = node.inputs()[..] else { return Ok(Transformed::no(node)) };
    if values.is_empty() {
        return Ok(Transformed::no(node));
    }
    let mut plan = input.clone();
    let mut replaced = Vec::new();
    for value in values {
        let Some((with, column)) = with_value(&plan, &value, pusher)? else {
            return Ok(Transformed::no(node));
        };
        plan = with;
        replaced.push((value, column));
    }
    rebuilt(&node, plan, &replaced).map(Transformed::yes)
}

/// Whether DataFusion has a join for the whole condition.
fn is_condition(part: &Expr) -> Result<bool> {
    Ok(match part {
        Expr::Not(inner) => match inner.as_ref() {
            Expr::InSubquery(within) => !refers_outside(&within.subquery.subquery)?,
            inner => is_condition(inner)?,
        },
        Expr::Exists(exists) => datafusion_can_ask(&exists.subquery.subquery)?,
        // Of the negated one, DataFusion compares a single column.
        Expr::InSubquery(within) => {
            let body = &within.subquery.subquery;
            datafusion_can_ask(body)? && !(within.negated && refers_outside(body)?)
        }
        _ => false,
    })
}

/// Whether the expression is a subquery that only we make a join of.
fn is_ours(expr: &Expr) -> Result<bool> {
    Ok(match expr {
        Expr::ScalarSubquery(subquery) => {
            let body = &subquery.subquery;
            refers_outside(body)? && !(datafusion_can(body)? && is_one_row(body))
        }
        Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => true,
        _ => false,
    })
}

/// Whether the plan gives at most one row for each outer row.
fn is_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => is_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_one_row(&alias.input),
        LogicalPlan::Sort(sort) => is_one_row(&sort.input),
        LogicalPlan::Filter(filter) => is_one_row(&filter.input),
        LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Limit(limit) => {
            matches!(
                limit.fetch.as_deref(),
                Some(Expr::Literal(ScalarValue::Int64(Some(0 | 1)), _))
            ) || is_one_row(&limit.input)
        }
        _ => false,
    }
}

/// `input` with one more column, and the value that the column tells.
fn with_value(
    input: &LogicalPlan,
    value: &Expr,
    pusher: &mut Pusher,
) -> Result<Option<(LogicalPlan, Expr)>> {
    let name = pusher.name();
    let (body, told) = match value {
        Expr::ScalarSubquery(subquery) => (one_value(&subquery.subquery, &name)?, None),
        Expr::Exists(exists) => {
            // A count: that a constant is there or not, DataFusion takes for a constant.
            let rows = exists.subquery.subquery.as_ref().clone();
            let counted =
                LogicalPlanBuilder::from(rows).aggregate(Vec::<Expr>::new(), [count(lit(1i64))])?;
            let any = columns(counted.plan()).next().map(|count| count.gt(lit(0i64)));
            let body = counted.project(any.map(|any| any.alias(name.as_str())))?.build()?;
            let found = Expr::Column(bare(&name));
            (body, Some(if exists.negated { not(found) } else { found }))
        }
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            let equal = |item| expr_outside(expr, input.schema()).map(|e| e.eq(item));
            let body = any(&subquery.subquery, &name, equal)?;
            let found = Expr::Column(bare(&name));
            (body, Some(if *negated { not(found) } else { found }))
        }
        Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
            let all = matches!(quantifier, SetQuantifier::All);
            let compare = |item| {
                let compared = compared(expr_outside(expr, input.schema())?, *op, item);
                Ok(if all { not(compared) } else { compared })
            };
            let body = any(&subquery.subquery, &name, compare)?;
            let found = Expr::Column(bare(&name));
            (body, Some(if all { not(found) } else { found }))
        }
        _ => return Ok(None),
    };
    let checked = matches!(value, Expr::ScalarSubquery(_)) && !is_one_row(&body);
    let plan = match checked {
        false => joined_again(input, &body, JoinType::Left, None, pusher)?,
        true => joined_checked(input, &body, &name, pusher)?,
    };
    Ok(plan.map(|plan| (plan, told.unwrap_or_else(|| Expr::Column(bare(&name))))))
}

fn compared(left: Expr, op: Operator, right: Expr) -> Expr {
    binary_expr(left, op, right)
}

/// The only column of a subquery under a name of ours.
fn one_value(body: &LogicalPlan, name: &str) -> Result<LogicalPlan> {
    let column = columns(body).next().unwrap_or_else(|| lit(ScalarValue::Null));
    LogicalPlanBuilder::from(body.clone()).project([column.alias(name)])?.build()
}

/// Whether `matches` is true of any row; NULL if it is of none but NULL of one.
fn any(
    body: &LogicalPlan,
    name: &str,
    matches: impl Fn(Expr) -> Result<Expr>,
) -> Result<LogicalPlan> {
    let item = columns(body).next().unwrap_or_else(|| lit(ScalarValue::Null));
    let matched = format!("{name} matched");
    let plan = LogicalPlanBuilder::from(body.clone())
        .project([matches(item)?.alias(matched.as_str())])?
        .build()?;
    let matched = Expr::Column(bare(&matched));
    let hits = count(lit(1i64)).filter(matched.clone()).build()?;
    let unknown = count(lit(1i64)).filter(matched.is_null()).build()?;
    let plan = LogicalPlanBuilder::from(plan).aggregate(Vec::<Expr>::new(), [hits, unknown])?;
    let [hits, unknown] =
        plan.schema().columns().try_into().unwrap_or_else(|_| [bare(""), bare("")]);
    let (hits, unknown) = (Expr::Column(hits), Expr::Column(unknown));
    let told = when(hits.gt(lit(0i64)), lit(true))
        .when(unknown.gt(lit(0i64)), lit(ScalarValue::Boolean(None)))
        .otherwise(lit(false))?;
    plan.project([told.alias(name)])?.build()
}

/// An expression of the input's columns, as a subquery sees it.
pub(in crate::query) fn expr_outside(expr: &Expr, schema: &DFSchema) -> Result<Expr> {
    let outside = expr.clone().transform_up(|each| {
        Ok(match each {
            Expr::Column(column) => {
                let (_, field) = Expr::Column(column.clone()).to_field(schema)?;
                Transformed::yes(Expr::OuterReferenceColumn(field, column))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(outside.data)
}

/// The value of each outer row, or an error where there are several.
fn joined_checked(
    input: &LogicalPlan,
    body: &LogicalPlan,
    name: &str,
    pusher: &mut Pusher,
) -> Result<Option<LogicalPlan>> {
    let value = first_value(Expr::Column(bare(name)), Vec::new());
    let grouped = LogicalPlanBuilder::from(body.clone())
        .aggregate(Vec::<Expr>::new(), [value, count_all()])?;
    let [value, count] =
        grouped.schema().columns().try_into().unwrap_or_else(|_| [bare(""), bare("")]);
    let checked = one_row().call(vec![Expr::Column(value), Expr::Column(count)]);
    let body = grouped.project([checked.alias(name)])?.build()?;
    joined_again(input, &body, JoinType::Left, None, pusher)
}

/// The operator over another input, with values for its subqueries and the names it had.
fn rebuilt(
    node: &LogicalPlan,
    input: LogicalPlan,
    replaced: &[(Expr, Expr)],
) -> Result<LogicalPlan> {
    let exprs = node
        .expressions()
        .into_iter()
        .map(|expr| {
            let expr = expr.transform_down(|each| {
                let found = replaced.iter().find(|(value, _)| *value == each);
                Ok(match found {
                    Some((_, column)) => {
                        Transformed::new(column.clone(), true, TreeNodeRecursion::Jump)
                    }
                    None => Transformed::no(each),
                })
            })?;
            Ok(expr.data)
        })
        .collect::<Result<Vec<_>>>()?;
    let schema = node.schema();
    let names =
        || schema.iter().map(|(qualifier, field)| Column::new(qualifier.cloned(), field.name()));
    match node {
        LogicalPlan::Projection(_) => {
            let exprs = exprs.into_iter().zip(names()).map(|(expr, name)| match expr {
                Expr::Column(column) if column == name => Expr::Column(column),
                expr => expr.unalias().alias_qualified(name.relation, name.name),
            });
            LogicalPlanBuilder::from(input).project(exprs.collect::<Vec<_>>())?.build()
        }
        LogicalPlan::Filter(_) => {
            let kept = names().map(Expr::Column).collect::<Vec<_>>();
            exprs
                .into_iter()
                .try_fold(LogicalPlanBuilder::from(input), |plan, predicate| {
                    plan.filter(predicate)
                })?
                .project(kept)?
                .build()
        }
        other => {
            let plan = other.with_new_exprs(exprs, vec![input])?;
            let results = plan.schema().columns();
            let exprs = results.into_iter().zip(names()).map(|(column, name)| {
                Expr::Column(column).alias_qualified(name.relation, name.name)
            });
            LogicalPlanBuilder::from(plan).project(exprs.collect::<Vec<_>>())?.build()
        }
    }
}
