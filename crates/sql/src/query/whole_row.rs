//! A table's name where a value is wanted: its whole row, or the value of a function in FROM.
//!
//! Asked only about names that are no column: a column of the same name comes first. What columns
//! the table has is asked of the planner, with a query of its own.

use super::set_functions::select;
use super::syntax::call;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, JoinOperator,
    ObjectName, Query, Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins, Value,
    VisitMut, VisitorMut, WildcardAdditionalOptions, With,
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
        let joined = select.from.iter().flat_map(tables);
        let table = joined.filter_map(|(table, outer)| Some((named(table)?, table, outer)));
        let table = table.into_iter().find(|(alias, ..)| folded(alias) == self.name);
        let meaning = table.and_then(|(alias, table, outer)| self.meaning(&alias, table, outer));
        self.scopes.push(meaning);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &mut Select) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let is_row = |expr: &Expr| matches!(expr, Expr::Identifier(name) if folded(name) == self.name || folded(name) == row_name(self.name));
        let Some(Some(meaning)) = self.scopes.iter().rev().find(|scope| scope.is_some()) else {
            return ControlFlow::Continue(());
        };
        let rewritten = match &*expr {
            // Of a row, it is asked of all its fields.
            Expr::IsNull(row) if is_row(row) => all_fields(meaning, Expr::IsNull),
            Expr::IsNotNull(row) if is_row(row) => all_fields(meaning, Expr::IsNotNull),
            row if is_row(row) => Some(meaning.clone()),
            _ => None,
        };
        if let Some(rewritten) = rewritten {
            *expr = rewritten;
            self.found = true;
        }
        ControlFlow::Continue(())
    }
}

impl Rows<'_> {
    fn meaning(&self, alias: &Ident, table: &TableFactor, outer: bool) -> Option<Expr> {
        if let Some(function) = self.functions.iter().find(|each| each.table == self.name) {
            return Some(Expr::CompoundIdentifier(vec![alias.clone(), function.column.clone()]));
        }
        let star = SelectItem::Wildcard(WildcardAdditionalOptions::default());
        let mut query = select(vec![star], Some(table.clone())).ok()?;
        query.with = self.with.iter().rev().flatten().next().cloned();
        let mut arguments = Vec::new();
        for column in written_columns(table).or_else(|| (self.columns)(query))? {
            let key = Value::SingleQuotedString(column.clone()).with_empty_span();
            arguments.push(Expr::Value(key));
            let column = Ident::with_quote('"', column);
            arguments.push(Expr::CompoundIdentifier(vec![alias.clone(), column]));
        }
        match (outer, table) {
            (false, _) => Some(call("row_of", arguments)),
            // A table of the ledger has a column that is never NULL.
            (true, TableFactor::Table { args: None, .. })
                if self.with.iter().all(Option::is_none) =>
            {
                Some(call("outer_row_of", arguments))
            }
            (true, _) => None,
        }
    }
}

/// The names that a subquery gives all its columns, where it does: one that depends on the rows
/// around it cannot be planned alone.
fn written_columns(table: &TableFactor) -> Option<Vec<String>> {
    let TableFactor::Derived { subquery, alias: Some(alias), .. } = table else { return None };
    let SetExpr::Select(select) = subquery.body.as_ref() else { return None };
    if !alias.columns.is_empty() {
        return None;
    }
    let name = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(folded(name)),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().map(folded),
        _ => None,
    };
    select.projection.iter().map(name).collect()
}

/// The tables of FROM, and whether an outer join may leave them without a row.
fn tables(from: &TableWithJoins) -> Vec<(&TableFactor, bool)> {
    let mut tables = vec![(&from.relation, false)];
    for join in &from.joins {
        let (left, right) = match join.join_operator {
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => (false, true),
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => (true, false),
            JoinOperator::FullOuter(_) => (true, true),
            _ => (false, false),
        };
        tables.iter_mut().for_each(|(_, outer)| *outer |= left);
        tables.push((&join.relation, right));
    }
    tables
}

/// `t.*` as a value, under a name that no column has.
pub(super) fn row_name(table: &str) -> String {
    format!("\u{2}{table}.*")
}

/// `t.*` where a value is wanted, as the name that [`rewrite`] looks for.
pub(super) fn name_row(expr: &mut Expr) {
    let row = |name: &ObjectName| match name.0.as_slice() {
        [part] => part.as_ident().map(|table| Ident::with_quote('"', row_name(&folded(table)))),
        _ => None,
    };
    match expr {
        Expr::QualifiedWildcard(name, _) => {
            if let Some(name) = row(name) {
                *expr = Expr::Identifier(name);
            }
        }
        Expr::Function(function) => {
            let FunctionArguments::List(list) = &mut function.args else { return };
            for arg in &mut list.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) = arg
                    && let Some(name) = row(name)
                {
                    *arg = FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name)));
                }
            }
        }
        _ => {}
    }
}

/// Whether something is true of every field of the row that [`Rows::meaning`] made.
fn all_fields(row: &Expr, is: fn(Box<Expr>) -> Expr) -> Option<Expr> {
    let Expr::Function(function) = row else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    let fields = list.args.iter().skip(1).step_by(2).map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(field)) => Some(is(Box::new(field.clone()))),
        _ => None,
    });
    let fields = fields.collect::<Option<Vec<Expr>>>()?;
    let all = fields.into_iter().reduce(|a, b| Expr::BinaryOp {
        left: Box::new(a),
        op: BinaryOperator::And,
        right: Box::new(b),
    });
    all.map(|all| Expr::Nested(Box::new(all)))
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
