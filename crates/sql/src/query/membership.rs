//! `x IN (SELECT …)` with its three values.
//!
//! DataFusion makes a join of it, which knows who is in and who is not, but not who may be: where
//! either side is NULL. That is enough for a condition that holds or does not. Everywhere else in a
//! filter it is put in words that cannot be misread: there is an equal row; if not, there is a NULL.

use super::dependent::expr_outside;
use super::typing::from_field;
use crate::function::own;
use crate::{Error, PgType};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Subquery, lit, not, when,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// What the subquery's only column is called.
const ITEM: &str = "\u{2}item";

/// The plan in which every filter means what it says of NULL.
pub(super) fn three_valued(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Filter(filter) => filtered(filter),
        node => Ok(Transformed::no(node)),
    })?;
    Ok(rewritten.data)
}

fn filtered(filter: Filter) -> Result<Transformed<LogicalPlan>> {
    let schema = Arc::clone(filter.input.schema());
    let mut rewritten = false;
    let mut conditions = Vec::new();
    for condition in split_conjunction_owned(filter.predicate.clone()) {
        if is_join(&condition, &schema)? {
            conditions.push(condition);
            continue;
        }
        let spelled = condition.transform_up(|expr| match expr {
            Expr::InSubquery(membership) => spelled_out(membership, &schema).map(Transformed::yes),
            other => Ok(Transformed::no(other)),
        })?;
        rewritten |= spelled.transformed;
        conditions.push(spelled.data);
    }
    let Some(predicate) = conjunction(conditions).filter(|_| rewritten) else {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    };
    Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?)))
}

/// Whether a join answers the condition rightly.
fn is_join(condition: &Expr, schema: &DFSchema) -> Result<bool> {
    let (membership, negated) = match condition {
        Expr::InSubquery(membership) => (membership, membership.negated),
        Expr::Not(inner) => match inner.as_ref() {
            Expr::InSubquery(membership) => (membership, !membership.negated),
            _ => return Ok(false),
        },
        _ => return Ok(false),
    };
    let (_, field) = membership.expr.to_field(schema)?;
    let item = membership.subquery.subquery.schema().field(0);
    let has_key = |field| {
        from_field(field).is_ok_and(|found| matches!(found, PgType::Jsonb | PgType::Interval))
    };
    if has_key(&field) || has_key(item) {
        // It would compare texts, or days with days.
        return Ok(false);
    }
    if !negated {
        return Ok(true);
    }
    let without_null = !field.is_nullable() && !item.is_nullable();
    let plain = matches!(*membership.expr, Expr::Column(_));
    // A join that looks for NULL has one pair of columns, and no other condition.
    Ok(plain && (without_null || membership.subquery.outer_ref_columns.is_empty()))
}

/// True where a row is equal; NULL where one may be; else false.
fn spelled_out(membership: InSubquery, schema: &DFSchema) -> Result<Expr> {
    let InSubquery { expr, subquery, negated } = membership;
    if expr.exists(|each| Ok(matches!(each, Expr::Exists(_) | Expr::ScalarSubquery(_))))? {
        return Err(own(Error::unsupported("a subquery on the left of IN is not supported here")));
    }
    let item = Expr::Column(Column::new_unqualified(ITEM));
    let equal = exists_where(&subquery, item.clone().eq(expr_outside(&expr, schema)?))?;
    let mut spelled = when(equal, lit(true));
    let unknown = lit(ScalarValue::Boolean(None));
    if subquery.subquery.schema().field(0).is_nullable() {
        spelled = spelled.when(exists_where(&subquery, item.is_null())?, unknown.clone());
    }
    if expr.nullable(schema)? {
        spelled = spelled.when(expr.is_null().and(exists(&subquery)?), unknown);
    }
    let spelled = spelled.otherwise(lit(false))?;
    Ok(if negated { not(spelled) } else { spelled })
}

/// Whether the subquery has a row of which the condition is true.
fn exists_where(subquery: &Subquery, condition: Expr) -> Result<Expr> {
    let looks_outside = condition.contains_outer();
    let plan = subquery.subquery.as_ref().clone();
    let item = Column::from(plan.schema().qualified_field(0));
    // Under a name of its own: the outer column may have the same one.
    let items = LogicalPlanBuilder::from(plan).project([Expr::Column(item).alias(ITEM)])?;
    there_is(items.filter(condition)?, subquery, looks_outside)
}

fn exists(subquery: &Subquery) -> Result<Expr> {
    there_is(LogicalPlanBuilder::from(subquery.subquery.as_ref().clone()), subquery, false)
}

fn there_is(plan: LogicalPlanBuilder, subquery: &Subquery, looks_outside: bool) -> Result<Expr> {
    // One row is enough, where all outer rows ask for the same.
    let plan = match subquery.outer_ref_columns.is_empty() && !looks_outside {
        true => plan.limit(0, Some(1))?.build()?,
        false => plan.build()?,
    };
    let outer_ref_columns = plan.all_out_ref_exprs();
    let spans = subquery.spans.clone();
    let subquery = Subquery { subquery: Arc::new(plan), outer_ref_columns, spans };
    Ok(Expr::Exists(Exists { subquery, negated: false }))
}
