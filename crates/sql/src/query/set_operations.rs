//! Set operations that DataFusion answers otherwise than Postgres.
//!
//! `EXCEPT ALL` and `INTERSECT ALL` count equal rows: each row gets its number among those that are
//! equal to it, and the numbers are compared too. Columns of different kinds do not go together,
//! and an untyped literal is of the type of what it goes with.

use crate::function::{may_be_null, not_matched};
use crate::query::from_arrow;
use crate::{Error, PgType};
use datafusion::arrow::datatypes::Field;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, NullEquality};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_window::row_number::row_number;
use datafusion::logical_expr::binary::type_union_coercion;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{
    Distinct, Expr, ExprFunctionExt, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Union,
    WindowFrame,
};
use datafusion::sql::sqlparser::ast::SetExpr;
use std::sync::Arc;

/// `TABLE t` is refused where the parser has lost what is behind it.
pub(super) fn check_body(body: &SetExpr) -> Result<(), Error> {
    match body {
        SetExpr::Table(_) => {
            Err(Error::unsupported("TABLE is not supported here").with_hint("Use SELECT * FROM."))
        }
        SetExpr::SetOperation { left, right, .. } => {
            check_body(left)?;
            check_body(right)
        }
        _ => Ok(()),
    }
}

/// The plan with set operations as Postgres means them.
pub(super) fn counted(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(mut join) if is_set_operation(&join) => {
            let counting = !matches!(*join.left, LogicalPlan::Distinct(Distinct::All(_)));
            join.left = Arc::new(of_common_types(&join)?);
            let joined = if counting { numbered_join(&join)? } else { rejoined(&join)? };
            Ok(Transformed::yes(joined))
        }
        LogicalPlan::Union(union) => {
            check_union(&union)?;
            with_distinct_columns(union)
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(plan.data)
}

/// INTERSECT and EXCEPT are joins in which NULLs are equal.
fn is_set_operation(join: &Join) -> bool {
    matches!(join.join_type, JoinType::LeftAnti | JoinType::LeftSemi)
        && join.null_equality == NullEquality::NullEqualsNull
}

/// The left side with columns of the types that both sides have in common.
fn of_common_types(join: &Join) -> Result<LogicalPlan> {
    let (left, right) = (join.left.schema(), join.right.schema());
    let mut exprs = Vec::new();
    let mut changed = false;
    let operation = if join.join_type == JoinType::LeftAnti { "EXCEPT" } else { "INTERSECT" };
    for ((qualifier, field), other_field) in left.iter().zip(right.fields()) {
        let (own, other) = (field.data_type(), other_field.data_type());
        go_together(field, other_field, operation)?;
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let common = type_union_coercion(own, other).filter(|common| common != own);
        exprs.push(match common.filter(|_| own.is_numeric() && other.is_numeric()) {
            Some(common) => {
                changed = true;
                Expr::Cast(Cast::new(Box::new(column), common))
                    .alias_qualified(qualifier.cloned(), field.name())
            }
            None => column,
        });
    }
    match changed {
        true => LogicalPlanBuilder::from(join.left.as_ref().clone()).project(exprs)?.build(),
        false => Ok(join.left.as_ref().clone()),
    }
}

/// The join over its left side of today.
fn rejoined(join: &Join) -> Result<LogicalPlan> {
    let Some(keys) = keys_of(join) else { return Ok(LogicalPlan::Join(join.clone())) };
    LogicalPlanBuilder::from(join.left.as_ref().clone())
        .join_detailed(
            join.right.as_ref().clone(),
            join.join_type,
            keys.into_iter().unzip::<Column, Column, Vec<_>, Vec<_>>(),
            None,
            NullEquality::NullEqualsNull,
        )?
        .build()
}

fn keys_of(join: &Join) -> Option<Vec<(Column, Column)>> {
    let pair = |(l, r): &(Expr, Expr)| match (l, r) {
        (Expr::Column(l), Expr::Column(r)) => Some((l.clone(), r.clone())),
        _ => None,
    };
    join.on.iter().map(pair).collect()
}

fn numbered_join(join: &Join) -> Result<LogicalPlan> {
    let (left, left_number) = numbered(&join.left, "\u{2}left")?;
    let (right, right_number) = numbered(&join.right, "\u{2}right")?;
    let Some(mut keys) = keys_of(join) else { return Ok(LogicalPlan::Join(join.clone())) };
    keys.push((left_number, right_number));
    let columns = join.left.schema().columns().into_iter().map(Expr::Column);
    LogicalPlanBuilder::from(left)
        .join_detailed(
            right,
            join.join_type,
            keys.into_iter().unzip::<Column, Column, Vec<_>, Vec<_>>(),
            None,
            NullEquality::NullEqualsNull,
        )?
        .project(columns.collect::<Vec<_>>())?
        .build()
}

/// The rows with a column that numbers those that are equal.
fn numbered(plan: &LogicalPlan, name: &str) -> Result<(LogicalPlan, Column)> {
    let columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let number =
        row_number().partition_by(columns.clone()).window_frame(WindowFrame::new(None)).build()?;
    let plan = LogicalPlanBuilder::from(plan.clone()).window([number])?;
    let number = plan.schema().columns().pop().map(Expr::Column);
    let named = number.map(|number| number.alias(name));
    let plan = plan.project(columns.into_iter().chain(named).collect::<Vec<_>>())?.build()?;
    Ok((plan, Column::new_unqualified(name)))
}

fn check_union(union: &Union) -> Result<()> {
    let Some((first, rest)) = union.inputs.split_first() else { return Ok(()) };
    for (index, field) in first.schema().fields().iter().enumerate() {
        for other in rest {
            if is_literal(first, index) || is_literal(other, index) {
                continue;
            }
            go_together(field, other.schema().field(index), "UNION")?;
        }
    }
    Ok(())
}

/// Inputs in which no column is twice: DataFusion loses the order of a sorted union otherwise.
fn with_distinct_columns(mut union: Union) -> Result<Transformed<LogicalPlan>> {
    let mut changed = false;
    for input in &mut union.inputs {
        let LogicalPlan::Projection(projection) = input.as_ref() else { continue };
        let mut repeated = false;
        let mut seen: Vec<Expr> = Vec::new();
        let mut exprs = Vec::new();
        for expr in &projection.expr {
            let value = expr.clone().unalias();
            let (qualifier, name) = expr.qualified_name();
            exprs.push(match seen.contains(&value) {
                true => {
                    repeated = true;
                    may_be_null(value).alias_qualified(qualifier, name)
                }
                false => {
                    seen.push(value);
                    expr.clone()
                }
            });
        }
        if repeated {
            let plan =
                LogicalPlanBuilder::from(projection.input.as_ref().clone()).project(exprs)?;
            *input = Arc::new(plan.build()?);
            changed = true;
        }
    }
    let union = LogicalPlan::Union(union);
    Ok(if changed { Transformed::yes(union) } else { Transformed::no(union) })
}

/// Whether a column is an untyped literal, which may become of another type.
fn is_literal(plan: &LogicalPlan, index: usize) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => match projection.expr.get(index) {
            Some(Expr::Alias(alias)) => {
                matches!(*alias.expr, Expr::Literal(..) | Expr::Placeholder(_))
            }
            Some(expr) => matches!(expr, Expr::Literal(..) | Expr::Placeholder(_)),
            None => false,
        },
        LogicalPlan::SubqueryAlias(alias) => is_literal(&alias.input, index),
        LogicalPlan::Union(union) => union.inputs.iter().any(|input| is_literal(input, index)),
        LogicalPlan::Values(_) => true,
        LogicalPlan::Distinct(Distinct::All(input)) => is_literal(input, index),
        _ => false,
    }
}

fn go_together(a: &Field, b: &Field, operation: &str) -> Result<()> {
    // NULL is of any type.
    if a.data_type().is_null() || b.data_type().is_null() {
        return Ok(());
    }
    let (Ok(left), Ok(right)) = (from_arrow(a.data_type()), from_arrow(b.data_type())) else {
        return Ok(());
    };
    let is_number = |of: PgType| {
        matches!(
            of,
            PgType::Int2
                | PgType::Int4
                | PgType::Int8
                | PgType::Numeric
                | PgType::Float4
                | PgType::Float8
                | PgType::Oid
        )
    };
    let is_time = |of: PgType| matches!(of, PgType::Date | PgType::Timestamp | PgType::TimestampTz);
    if left == right || is_number(left) && is_number(right) || is_time(left) && is_time(right) {
        return Ok(());
    }
    Err(DataFusionError::External(Box::new(not_matched(operation, a, b))))
}
