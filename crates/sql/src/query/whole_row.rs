//! A table's name where a value is wanted: its whole row, or the value of a function in FROM.
//!
//! Asked only about names that are no column: a column of the same name comes first. What columns
//! the table has is asked of the planner, with a query of its own.

use super::normalize::call;
use super::set_functions::select;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, Select, SelectItem, SetExpr, Statement, TableFactor, Value, VisitMut,
    VisitorMut, WildcardAdditionalOptions, With,
};
use std::ops::ControlFlow;

/// A function of one column in FROM: the name it goes by, and the column's.
#[derive(Debug, Clone)]
pub(super) struct ScalarFunction {
    pub(super) table: String,
    pub(super) column: Ident,
}

/// Rewrites `name` where it is a table's; false if it is none's.
///
/// `columns` tells the columns of what a query gives.
pub(super) fn rewrite(
    statement: &mut Statement,
    name: &str,
    functions: &[ScalarFunction],
    columns: &dyn Fn(Query) -> Option<Vec<String>>,
) -> bool {
    let mut rows =
        Rows { name, functions, columns, with: Vec::new(), scopes: Vec::new(), found: false };
    let _ = statement.visit(&mut rows);
    rows.found
}

struct Rows<'a> {
    name: &'a str,
    functions: &'a [ScalarFunction],
    columns: &'a dyn Fn(Query) -> Option<Vec<String>>,
    with: Vec<Option<With>>,
    /// For each SELECT around, what the name means in it.
    scopes: Vec<Option<Expr>>,
    found: bool,
}

impl VisitorMut for Rows<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.with.push(query.with.clone());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.with.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let joined = select.from.iter().flat_map(|from| {
            std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
        });
        let table = joined.filter_map(|table| Some((named(table)?, table)));
        let table = table.into_iter().find(|(alias, _)| folded(alias) == self.name);
        let meaning = table.and_then(|(alias, table)| self.meaning(&alias, table));
        self.scopes.push(meaning);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &mut Select) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = &*expr
            && folded(name) == self.name
            && let Some(Some(meaning)) = self.scopes.iter().rev().find(|scope| scope.is_some())
        {
            *expr = meaning.clone();
            self.found = true;
        }
        ControlFlow::Continue(())
    }
}

impl Rows<'_> {
    fn meaning(&self, alias: &Ident, table: &TableFactor) -> Option<Expr> {
        if let Some(function) = self.functions.iter().find(|each| each.table == self.name) {
            return Some(Expr::CompoundIdentifier(vec![alias.clone(), function.column.clone()]));
        }
        let star = SelectItem::Wildcard(WildcardAdditionalOptions::default());
        let mut query = select(vec![star], Some(table.clone())).ok()?;
        query.with = self.with.iter().rev().flatten().next().cloned();
        let mut arguments = Vec::new();
        for column in (self.columns)(query)? {
            let key = Value::SingleQuotedString(column.clone()).with_empty_span();
            arguments.push(Expr::Value(key));
            let column = Ident::with_quote('"', column);
            arguments.push(Expr::CompoundIdentifier(vec![alias.clone(), column]));
        }
        Some(call("row_of", arguments))
    }
}

fn named(table: &TableFactor) -> Option<Ident> {
    match table {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, alias: None, .. } => name.0.last()?.as_ident().cloned(),
        _ => None,
    }
}

pub(super) fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The functions of one column among the query's tables, by what [`super::table_functions`] made
/// of them.
pub(super) fn only_column(query: &Query) -> Option<Ident> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    match select.projection.as_slice() {
        [SelectItem::ExprWithAlias { alias, .. }] => Some(alias.clone()),
        _ => None,
    }
}
