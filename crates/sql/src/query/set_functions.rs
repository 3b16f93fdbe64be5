//! Functions and subqueries that give rows where DataFusion plans only lists and single values.
//!
//! `_pg_expandarray` becomes `unnest` of a list. `ARRAY(SELECT …)` becomes `array_agg`,

use super::syntax::call;
use crate::Error;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, GroupByExpr, Ident, ObjectNamePart, OrderByExpr, OrderByKind, Query, Select,
    SelectItem, SetExpr, TableFactor, TableWithJoins, Value,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// Functions that give the same rows whatever they are asked.
const KEPT_AS_TABLES: [&str; 3] = ["pg_get_keywords", "pg_options_to_table", "pg_partition_tree"];

/// Functions in FROM: `pg_catalog.f(…)` is `f(…)`.
pub(super) fn table_function(table: &mut TableFactor) {
    let name = match table {
        TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => name,
        _ => return,
    };
    let schema = name.0.first().and_then(ObjectNamePart::as_ident);
    if name.0.len() == 2 && schema.is_some_and(|schema| schema.value == "pg_catalog") {
        name.0.remove(0);
    }
    if let TableFactor::Table { name, args, .. } = table
        && let [ObjectNamePart::Identifier(function)] = name.0.as_slice()
        && KEPT_AS_TABLES.contains(&function.value.as_str())
    {
        name.0.insert(0, ObjectNamePart::Identifier(Ident::new("pg_catalog")));
        *args = None;
    }
}

fn argument(arg: &FunctionArg) -> Option<&Expr> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// A query of our own words.
pub(super) fn query(text: &str) -> Option<Query> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?.parse_query().ok().map(|each| *each)
}

/// `SELECT items FROM table`.
pub(super) fn select(items: Vec<SelectItem>, from: Option<TableFactor>) -> Result<Query, Error> {
    let mut query = query("SELECT 1").ok_or_else(|| Error::unsupported("a query of our own"))?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = items;
        select.from = from
            .into_iter()
            .map(|relation| TableWithJoins { relation, joins: Vec::new() })
            .collect();
    }
    Ok(query)
}

fn only_item(query: &mut Query) -> Option<&mut Expr> {
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    match select.projection.as_mut_slice() {
        [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] => Some(expr),
        _ => None,
    }
}

/// `(row).field`.
pub(super) fn field_of_row(expr: &mut Expr) {
    let Expr::CompoundFieldAccess { root, access_chain } = expr else { return };
    let [AccessExpr::Dot(Expr::Identifier(field))] = access_chain.as_slice() else { return };
    let name = Expr::Value(Value::SingleQuotedString(field.value.clone()).with_empty_span());
    let mut root = std::mem::replace(root.as_mut(), name.clone());
    while let Expr::Nested(inner) = root {
        root = *inner;
    }
    *expr = call("get_field", vec![root, name]);
}

/// A function that gives rows, in a select list.
pub(super) fn select_list_function(expr: &mut Expr) {
    let Expr::Function(Function { name, args: FunctionArguments::List(args), .. }) = expr else {
        return;
    };
    let list = match name.0.last().and_then(ObjectNamePart::as_ident).map(|name| &*name.value) {
        Some("_pg_expandarray") => "array_numbered",
        _ => return,
    };
    let arguments = args.args.iter().filter_map(argument).cloned().collect();
    *expr = call("unnest", vec![call(list, arguments)]);
}

/// `ARRAY(SELECT x … ORDER BY y)` as `(SELECT array_agg(x ORDER BY y) …)`, if its rows are neither
/// grouped nor limited.
pub(super) fn array_of_rows(query: &Query) -> Option<Expr> {
    let mut query = query.clone();
    if query.limit_clause.is_some() || query.fetch.is_some() || query.with.is_some() {
        return None;
    }
    let ordering = match query.order_by.take() {
        None => Vec::new(),
        Some(order_by) => match order_by.kind {
            OrderByKind::Expressions(exprs) => exprs,
            OrderByKind::All(_) => return None,
        },
    };
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    if !is_plain(select) {
        return None;
    }
    let item = only_item(&mut query)?;
    let ordering = ordering.into_iter().map(|each| by_the_item(each, item)).collect();
    let mut aggregate = call("array_agg", vec![item.clone()]);
    if let Expr::Function(Function { args: FunctionArguments::List(list), .. }) = &mut aggregate {
        list.clauses.push(FunctionArgumentClause::OrderBy(ordering));
        list.clauses.retain(
            |clause| !matches!(clause, FunctionArgumentClause::OrderBy(exprs) if exprs.is_empty()),
        );
    }
    *item = aggregate;
    Some(call("array_or_empty", vec![Expr::Subquery(Box::new(query))]))
}

fn is_plain(select: &Select) -> bool {
    let ungrouped =
        matches!(&select.group_by, GroupByExpr::Expressions(exprs, _) if exprs.is_empty());
    ungrouped && select.having.is_none() && select.distinct.is_none()
}

/// `ORDER BY 1` is by the only item there is.
fn by_the_item(mut ordering: OrderByExpr, item: &Expr) -> OrderByExpr {
    if matches!(&ordering.expr, Expr::Value(value) if matches!(value.value, Value::Number(..))) {
        ordering.expr = item.clone();
    }
    ordering
}

/// The tables of a SELECT by the names they have in it.
pub(super) fn tables_of(select: &Select) -> Vec<(Ident, String)> {
    let joined = select.from.iter().flat_map(|from| {
        std::iter::once(&from.relation).chain(from.joins.iter().map(|j| &j.relation))
    });
    joined
        .filter_map(|table| match table {
            TableFactor::Table { name, alias, args: None, .. } => {
                let own = name.0.last().and_then(ObjectNamePart::as_ident)?;
                let shown = alias.as_ref().map_or(own, |alias| &alias.name);
                Some((shown.clone(), name.to_string()))
            }
            _ => None,
        })
        .collect()
}

/// `c.tableoid`: the oid of the table that `c` stands for, in the scopes around it.
pub(super) fn oid_of_table(expr: &Expr, scopes: &[Vec<(Ident, String)>]) -> Option<Expr> {
    let table = match expr {
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [.., table, column] if column.value.eq_ignore_ascii_case("tableoid") => scopes
                .iter()
                .rev()
                .flatten()
                .find(|(name, _)| name.value == table.value)
                .map(|(_, table)| table)?,
            _ => return None,
        },
        Expr::Identifier(column) if column.value.eq_ignore_ascii_case("tableoid") => {
            match scopes.last()?.as_slice() {
                [(_, only)] => only,
                _ => return None,
            }
        }
        _ => return None,
    };
    let name = Value::SingleQuotedString(table.clone()).with_empty_span();
    // As an oid, or a select list would show its name.
    Some(call("oid", vec![call("regclass", vec![Expr::Value(name)])]))
}
