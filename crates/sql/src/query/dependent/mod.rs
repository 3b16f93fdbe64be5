//! LATERAL and correlated subqueries that DataFusion cannot plan, as joins.
//!
//! DataFusion turns a subquery that depends on the row around it into a join where the dependence
//! is an equality in its WHERE. Everything else is done here, before it sees the plan: the rows
//! around ([`Outer`]) are pushed down into the subquery, operator by operator ([`push`]), until the
//! columns it asked for are its own.
//!
//! Two ways. Where every operator gives its rows one by one, the outer rows themselves go down and
//! no join is left. Otherwise only their different values go down, and what comes up is joined
//! with the outer rows again; NULLs match there.
//!
//! Invariant: a plan is rewritten completely or not at all.

mod outer;
mod push;
mod scalar;

pub(super) use scalar::expr_outside;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, TableReference};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Distinct, Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator,
    Subquery, SubqueryAlias, lit,
};
use outer::{Outer, refers_outside};
use push::Pusher;
use std::sync::Arc;

/// The plan with all its dependent joins and values as plain joins, as far as they can be.
pub(super) fn unnested(plan: LogicalPlan) -> Result<LogicalPlan> {
    if !depends(&plan)? {
        return Ok(plan);
    }
    let mut pusher = Pusher::default();
    let rewritten = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(join) => Ok(match lateral(&join, &mut pusher)? {
            Some(plan) => Transformed::yes(plan),
            None => Transformed::no(LogicalPlan::Join(join)),
        }),
        node => scalar::joined(node, &mut pusher),
    })?;
    Ok(rewritten.data)
}

/// Whether anything in the plan looks at rows around it, or compares with a subquery where
/// DataFusion has no join for it.
fn depends(plan: &LogicalPlan) -> Result<bool> {
    let found = plan.apply_with_subqueries(|node| {
        let compares = match node {
            LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => {
                node.expressions().iter().try_fold(false, |any, each| {
                    Ok::<bool, DataFusionError>(any || holds_subquery(each)?)
                })?
            }
            _ => false,
        };
        Ok(match compares || node.contains_outer_reference() {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(found == TreeNodeRecursion::Stop)
}

/// The subquery on the right of a lateral join, and the name it goes by.
fn subquery_of(plan: &LogicalPlan) -> Option<(&Subquery, Option<&TableReference>)> {
    match plan {
        LogicalPlan::Subquery(subquery) => Some((subquery, None)),
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => match input.as_ref() {
            LogicalPlan::Subquery(subquery) => Some((subquery, Some(alias))),
            // An alias of columns stands between.
            LogicalPlan::Projection(projection) => match projection.input.as_ref() {
                LogicalPlan::Subquery(subquery) => Some((subquery, Some(alias))),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn lateral(join: &Join, pusher: &mut Pusher) -> Result<Option<LogicalPlan>> {
    let Some((subquery, _)) = subquery_of(&join.right) else { return Ok(None) };
    let body = without_subquery(&join.right)?;
    if !refers_outside(&body)? || datafusion_can(&subquery.subquery)? {
        return Ok(None);
    }
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) || !join.on.is_empty() {
        return Ok(None);
    }
    let left = join.left.as_ref();
    let plan = match join.join_type {
        JoinType::Inner if is_row_by_row(&body)? => {
            let outer = Outer::rows(left, pusher.name())?;
            let Some(pushed) = pusher.push(&body, &outer)? else { return Ok(None) };
            let plan = restored(&outer, left, &body, pushed.plan)?;
            match &join.filter {
                Some(filter) => LogicalPlanBuilder::from(plan).filter(filter.clone())?.build()?,
                None => plan,
            }
        }
        _ => {
            let Some(plan) =
                joined_again(left, &body, join.join_type, join.filter.as_ref(), pusher)?
            else {
                return Ok(None);
            };
            plan
        }
    };
    Ok(Some(plan))
}

/// The right side of a lateral join without the mark of a subquery on it.
fn without_subquery(plan: &LogicalPlan) -> Result<LogicalPlan> {
    let plain = plan.clone().transform_down(|node| match node {
        LogicalPlan::Subquery(subquery) => {
            let body = Arc::unwrap_or_clone(subquery.subquery);
            Ok(Transformed::new(body, true, TreeNodeRecursion::Jump))
        }
        node => Ok(Transformed::no(node)),
    })?;
    Ok(plain.data)
}

/// `left` joined with what `body` gives for its rows: its columns, then those of the body.
fn joined_again(
    left: &LogicalPlan,
    body: &LogicalPlan,
    join_type: JoinType,
    filter: Option<&Expr>,
    pusher: &mut Pusher,
) -> Result<Option<LogicalPlan>> {
    let outer = Outer::values(left, body, pusher.name())?;
    let Some(pushed) = pusher.push(body, &outer)? else { return Ok(None) };
    let mut conditions: Vec<Expr> = outer.same_values().chain(filter.cloned()).collect();
    if conditions.is_empty() {
        conditions.push(lit(true));
    }
    let plan = LogicalPlanBuilder::from(left.clone())
        .join_on(pushed.plan, join_type, conditions)?
        .project(columns(left).chain(columns(body)))?
        .build()?;
    Ok(Some(plan))
}

/// The columns of a plan as expressions.
fn columns(plan: &LogicalPlan) -> impl Iterator<Item = Expr> + use<> {
    plan.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>().into_iter()
}

/// Outer rows that have gone down get their names back.
fn restored(
    outer: &Outer,
    left: &LogicalPlan,
    body: &LogicalPlan,
    pushed: LogicalPlan,
) -> Result<LogicalPlan> {
    let names = left.schema().iter();
    let own = outer.columns().iter().zip(names).map(|(column, (qualifier, field))| {
        Expr::Column(column.clone()).alias_qualified(qualifier.cloned(), field.name())
    });
    LogicalPlanBuilder::from(pushed).project(own.chain(columns(body)))?.build()
}

/// Whether each row of the plan comes from one outer row, so that equal outer rows do no harm.
fn is_row_by_row(plan: &LogicalPlan) -> Result<bool> {
    if !refers_outside(plan)? {
        return Ok(true);
    }
    match plan {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::Values(_) => {
            plan.inputs().into_iter().try_fold(true, |all, input| Ok(all && is_row_by_row(input)?))
        }
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner => {
            let one_side = !(refers_outside(&join.left)? && refers_outside(&join.right)?);
            Ok(one_side && is_row_by_row(&join.left)? && is_row_by_row(&join.right)?)
        }
        _ => Ok(false),
    }
}

/// Whether DataFusion's own rules make a join of the subquery: it looks outside in conditions only,
/// and nothing in it counts rows.
fn datafusion_can(body: &LogicalPlan) -> Result<bool> {
    let mut can = true;
    body.apply(|node| {
        let plain = match node {
            LogicalPlan::Filter(filter) => {
                !holds_subquery(&filter.predicate)? && looks_out_by_equality(&filter.predicate)
            }
            // What is pulled up through an alias loses its name.
            LogicalPlan::SubqueryAlias(alias) => !refers_outside(&alias.input)?,
            LogicalPlan::Projection(_)
            | LogicalPlan::TableScan(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Sort(_) => !node.contains_outer_reference(),
            LogicalPlan::Join(join) => {
                join.join_type == JoinType::Inner && !node.contains_outer_reference()
            }
            LogicalPlan::Distinct(Distinct::All(_)) => true,
            _ => false,
        };
        can &= plain;
        Ok(match can {
            true => TreeNodeRecursion::Continue,
            false => TreeNodeRecursion::Stop,
        })
    })?;
    Ok(can)
}

/// Whether outer columns stand in equalities with columns only.
fn looks_out_by_equality(predicate: &Expr) -> bool {
    split_conjunction(predicate).into_iter().all(|condition| match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let plain =
                |expr: &Expr| matches!(expr, Expr::Column(_) | Expr::OuterReferenceColumn(..));
            !condition.contains_outer() || plain(left) && plain(right)
        }
        other => !other.contains_outer(),
    })
}

/// The same of a subquery that only has rows or none, or is compared with as a whole.
fn datafusion_can_ask(body: &LogicalPlan) -> Result<bool> {
    let mut can = true;
    body.apply(|node| {
        can &= match node {
            LogicalPlan::SubqueryAlias(alias) => !refers_outside(&alias.input)?,
            LogicalPlan::Filter(_) => true,
            node => !node.contains_outer_reference(),
        };
        can &= !matches!(node, LogicalPlan::Aggregate(_) | LogicalPlan::Limit(_))
            || !refers_outside(node)?;
        Ok(match can {
            true => TreeNodeRecursion::Continue,
            false => TreeNodeRecursion::Stop,
        })
    })?;
    Ok(can)
}

fn holds_subquery(expr: &Expr) -> Result<bool> {
    expr.exists(|each| {
        Ok(matches!(
            each,
            Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
        ))
    })
}

/// A column without a table.
fn bare(name: &str) -> Column {
    Column::new_unqualified(name)
}
