//! FULL and RIGHT JOIN with USING: the column that both sides have in common is the one that is
//! there, where DataFusion takes the left one.
//!
//! The join becomes one with ON, and the common column what Postgres makes of it: of a RIGHT JOIN
//! the right one, of a FULL JOIN whichever is not NULL. Two tables with names are joined like that;
//! with more of them it is refused.

use super::syntax::call;
use crate::Error;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ExceptSelectItem, Expr, Ident, JoinConstraint, JoinOperator, ObjectName,
    ObjectNamePart, OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind,
    SetExpr, TableFactor, TableWithJoins, VisitMut, VisitorMut, WildcardAdditionalOptions,
};
use std::ops::ControlFlow;

fn unsupported() -> Error {
    Error::unsupported("FULL and RIGHT JOIN with USING or NATURAL among several tables")
        .with_hint("Use ON, and coalesce of both columns.")
}

/// A common column: its name, and what it is.
struct Merged {
    name: Ident,
    value: Expr,
}

/// Writes such a join of the query's tables in other words.
pub(super) fn rewrite(query: &mut Query) -> Result<(), Error> {
    let SetExpr::Select(select) = query.body.as_mut() else { return Ok(()) };
    let outer = select.from.iter().flat_map(|from| &from.joins).any(|join| using(join).is_some());
    if !outer {
        return Ok(());
    }
    let [TableWithJoins { relation, joins }] = select.from.as_mut_slice() else {
        return Err(unsupported());
    };
    let [join] = joins.as_mut_slice() else { return Err(unsupported()) };
    let (Some(left), Some(right)) = (name_of(relation), name_of(&join.relation)) else {
        return Err(unsupported());
    };
    let Some((names, full)) = using(join) else { return Ok(()) };
    let names = names.ok_or_else(unsupported)?;
    let column =
        |table: &Ident, name: &Ident| Expr::CompoundIdentifier(vec![table.clone(), name.clone()]);
    let merged: Vec<Merged> = names
        .iter()
        .map(|name| {
            let (left, right) = (column(&left, name), column(&right, name));
            let value = if full { call("coalesce", vec![left, right]) } else { right };
            Merged { name: name.clone(), value }
        })
        .collect();
    let equal = names.iter().map(|name| Expr::BinaryOp {
        left: Box::new(column(&left, name)),
        op: BinaryOperator::Eq,
        right: Box::new(column(&right, name)),
    });
    let on = equal.reduce(|a, b| Expr::BinaryOp {
        left: Box::new(a),
        op: BinaryOperator::And,
        right: Box::new(b),
    });
    let constraint = JoinConstraint::On(on.ok_or_else(unsupported)?);
    join.join_operator = match full {
        true => JoinOperator::FullOuter(constraint),
        false => JoinOperator::RightOuter(constraint),
    };
    replace_in_order(query, &merged);
    if let SetExpr::Select(select) = query.body.as_mut() {
        replace_in_select(select, &merged, [left, right]);
    }
    Ok(())
}

/// The columns of USING, and whether the join is a full one; no columns are known of NATURAL.
fn using(join: &datafusion::sql::sqlparser::ast::Join) -> Option<(Option<Vec<Ident>>, bool)> {
    let (constraint, full) = match &join.join_operator {
        JoinOperator::FullOuter(constraint) => (constraint, true),
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
            (constraint, false)
        }
        _ => return None,
    };
    match constraint {
        JoinConstraint::Using(names) => {
            let names = names.iter().map(|name| match name.0.as_slice() {
                [ObjectNamePart::Identifier(name)] => Some(name.clone()),
                _ => None,
            });
            Some((names.collect(), full))
        }
        JoinConstraint::Natural => Some((None, full)),
        _ => None,
    }
}

fn name_of(table: &TableFactor) -> Option<Ident> {
    match table {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, alias: None, args: None, .. } => {
            name.0.last()?.as_ident().cloned()
        }
        _ => None,
    }
}

fn is(name: &Ident, other: &Ident) -> bool {
    match (name.quote_style, other.quote_style) {
        (None, None) => name.value.eq_ignore_ascii_case(&other.value),
        _ => name.value == other.value,
    }
}

fn replace_in_select(select: &mut Select, merged: &[Merged], tables: [Ident; 2]) {
    let mut projection = Vec::new();
    for item in select.projection.drain(..) {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(name))
                if merged.iter().any(|column| is(&column.name, &name)) =>
            {
                let value = replaced(Expr::Identifier(name.clone()), merged);
                projection.push(SelectItem::ExprWithAlias { expr: value, alias: name });
            }
            SelectItem::UnnamedExpr(expr) => {
                projection.push(SelectItem::UnnamedExpr(replaced(expr, merged)));
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                projection.push(SelectItem::ExprWithAlias { expr: replaced(expr, merged), alias });
            }
            SelectItem::Wildcard(_) => {
                projection.extend(merged.iter().map(|column| SelectItem::ExprWithAlias {
                    expr: column.value.clone(),
                    alias: column.name.clone(),
                }));
                projection.extend(tables.iter().map(|table| others(table, merged)));
            }
            other => projection.push(other),
        }
    }
    select.projection = projection;
    let mut visitor = Replace { merged, depth: 0 };
    if let Some(selection) = &mut select.selection {
        let _ = selection.visit(&mut visitor);
    }
    if let Some(having) = &mut select.having {
        let _ = having.visit(&mut visitor);
    }
    let _ = select.group_by.visit(&mut visitor);
}

/// `t.*` without the common columns.
fn others(table: &Ident, merged: &[Merged]) -> SelectItem {
    let mut names = merged.iter().map(|column| column.name.clone());
    let except = names.next().map(|first_element| ExceptSelectItem {
        first_element,
        additional_elements: names.collect(),
    });
    SelectItem::QualifiedWildcard(
        SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![table.clone()])),
        WildcardAdditionalOptions { opt_except: except, ..WildcardAdditionalOptions::default() },
    )
}

/// `ORDER BY n` is by the column of the result if there is one.
fn replace_in_order(query: &mut Query, merged: &[Merged]) {
    let shown = |name: &Ident| match query.body.as_ref() {
        SetExpr::Select(select) => select.projection.iter().any(|item| match item {
            SelectItem::UnnamedExpr(Expr::Identifier(own)) => is(own, name),
            SelectItem::ExprWithAlias { alias, .. } => is(alias, name),
            SelectItem::Wildcard(_) => true,
            _ => false,
        }),
        _ => false,
    };
    let merged: Vec<&Merged> = merged.iter().filter(|column| !shown(&column.name)).collect();
    let Some(order_by) = &mut query.order_by else { return };
    let OrderByKind::Expressions(exprs) = &mut order_by.kind else { return };
    for each in exprs {
        if let Expr::Identifier(name) = &each.expr
            && let Some(column) = merged.iter().find(|column| is(&column.name, name))
        {
            each.expr = column.value.clone();
        }
    }
}

fn replaced(mut expr: Expr, merged: &[Merged]) -> Expr {
    let _ = expr.visit(&mut Replace { merged, depth: 0 });
    expr
}

/// Leaves subqueries alone: a name may be of their own tables.
struct Replace<'a> {
    merged: &'a [Merged],
    depth: usize,
}

impl VisitorMut for Replace<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(name) = &*expr
            && let Some(column) = self.merged.iter().find(|column| is(&column.name, name))
        {
            *expr = column.value.clone();
        }
        ControlFlow::Continue(())
    }
}
