//! Shapes of catalog queries that DataFusion cannot plan and whose answer is known beforehand.
//!
//! Some catalogs are always empty here: there are no policies, publications, triggers, column
//! defaults, inheritance or roles inside roles. What is selected from them is nothing, so the
//! correlated subqueries and arrays that tools compute over them need no plan. A column with a
//! collation of its own does not exist either.
//!
//! Invariant: only what is provably empty is simplified; nothing else is touched.

use super::syntax::{as_select, call, null};
use crate::catalog::ALWAYS_EMPTY;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArguments, Join, JoinOperator, Query, Select,
    SelectItem, SetExpr, TableFactor, Value, Visit, Visitor,
};
use std::ops::ControlFlow;

/// Takes out of the select list what needs no computing because there are no rows.
pub(super) fn simplify(query: &mut Query) {
    simplify_body(&mut query.body);
}

fn simplify_body(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => simplify_select(select),
        SetExpr::SetOperation { left, right, .. } => {
            simplify_body(left);
            simplify_body(right);
        }
        _ => {}
    }
}

fn simplify_select(select: &mut Select) {
    if !is_empty(select) {
        return;
    }
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item
            && needs_planning(expr)
        {
            *expr = null();
        }
    }
}

/// What an expression over an always-empty catalog is, if it is one.
pub(super) fn known_value(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Subquery(query) => {
            let select = as_select(&query.body)?;
            (is_empty(select) || never_matches(select)).then(null)
        }
        Expr::Function(_) => {
            let select = as_select(&array_of(expr)?.body)?;
            (is_empty(select) || never_matches(select) || of_options(select))
                .then(|| call("empty_text_array", Vec::new()))
        }
        _ => None,
    }
}

/// `CASE WHEN t.typtype = 'd' THEN …`: there are no domains and no row types, so the branch is
/// never taken.
pub(super) fn without_types_nothing_has(expr: &mut Expr) {
    let Expr::Case { operand: None, conditions, else_result, .. } = expr else { return };
    if !conditions.iter().any(|branch| is_domain_or_row_type(&branch.condition)) {
        return;
    }
    conditions.retain(|branch| !is_domain_or_row_type(&branch.condition));
    if conditions.is_empty() {
        *expr = else_result.take().map_or_else(null, |otherwise| *otherwise);
    }
}

fn is_domain_or_row_type(condition: &Expr) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = condition else { return false };
    let kind = match right.as_ref() {
        Expr::Value(value) => matches!(&value.value,
            Value::SingleQuotedString(kind) if kind == "d" || kind == "c"),
        _ => false,
    };
    kind && last_name(left) == Some("typtype")
}

/// The query of `ARRAY(SELECT …)`.
pub(super) fn array_of(expr: &Expr) -> Option<&Query> {
    match expr {
        Expr::Function(Function { name, args: FunctionArguments::Subquery(query), .. })
            if name.to_string().eq_ignore_ascii_case("array") =>
        {
            Some(query)
        }
        _ => None,
    }
}

/// `FROM unnest(c.reloptions)`: no table has storage options.
fn of_options(select: &Select) -> bool {
    select.from.iter().any(|from| {
        let text = from.relation.to_string();
        text.contains("unnest(") && text.contains("reloptions")
    })
}

/// A correlated subquery over one catalog by its oid finds at most one row, which DataFusion can
/// only plan once it is told so: as the largest of one.
pub(super) fn at_most_one(expr: &mut Expr) {
    let Expr::Subquery(query) = expr else { return };
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let of_one_catalog = match select.from.as_slice() {
        [from] if from.joins.is_empty() => is_catalog(&from.relation),
        _ => false,
    };
    let by_oid =
        select.selection.as_ref().is_some_and(|condition| conjuncts(condition).any(is_by_oid));
    if !of_one_catalog || !by_oid {
        return;
    }
    if let [SelectItem::UnnamedExpr(only)] = select.projection.as_mut_slice()
        && !matches!(only, Expr::Function(_))
    {
        let value = std::mem::replace(only, null());
        *only = call("max", vec![value]);
    }
}

fn is_catalog(table: &TableFactor) -> bool {
    let TableFactor::Table { name, args: None, .. } = table else { return false };
    name.0.last().and_then(|part| part.as_ident()).is_some_and(|name| name.value.starts_with("pg_"))
}

fn is_by_oid(condition: &Expr) -> bool {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            last_name(left) == Some("oid") || last_name(right) == Some("oid")
        }
        _ => false,
    }
}

fn is_empty(select: &Select) -> bool {
    let inner =
        |join: &Join| matches!(join.join_operator, JoinOperator::Join(_) | JoinOperator::Inner(_));
    select.from.iter().filter(|from| from.joins.iter().all(inner)).any(|from| {
        always_empty(&from.relation) || from.joins.iter().any(|join| always_empty(&join.relation))
    })
}

fn always_empty(table: &TableFactor) -> bool {
    let TableFactor::Table { name, args: None, .. } = table else { return false };
    let Some(last) = name.0.last().and_then(|part| part.as_ident()) else { return false };
    let in_catalog = match name.0.as_slice() {
        [_] => true,
        [schema, _] => schema.as_ident().is_some_and(|schema| schema.value == "pg_catalog"),
        _ => false,
    };
    in_catalog && ALWAYS_EMPTY.contains(&last.value.as_str())
}

/// `WHERE … AND a.attcollation <> t.typcollation` and the like.
fn never_matches(select: &Select) -> bool {
    select.selection.as_ref().is_some_and(|condition| conjuncts(condition).any(never_true))
}

fn conjuncts(expr: &Expr) -> Box<dyn Iterator<Item = &Expr> + '_> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            Box::new(conjuncts(left).chain(conjuncts(right)))
        }
        other => Box::new(std::iter::once(other)),
    }
}

/// No column has privileges or a collation of its own.
fn never_true(condition: &Expr) -> bool {
    match condition {
        Expr::IsNotNull(expr) => last_name(expr) == Some("attacl"),
        other => own_collation(other),
    }
}

fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Identifier(name) => Some(name.value.as_str()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.as_str()),
        _ => None,
    }
}

fn own_collation(expr: &Expr) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } = expr else { return false };
    let pair = (last_name(left), last_name(right));
    matches!(
        pair,
        (Some("attcollation" | "typcollation"), Some("typcollation"))
            | (Some("typcollation"), Some("attcollation"))
    )
}

/// Subqueries, arrays of them and quantified comparisons.
fn needs_planning(expr: &Expr) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();

        fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::AnyOp { .. } | Expr::AllOp { .. } => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Finder).is_break()
}
