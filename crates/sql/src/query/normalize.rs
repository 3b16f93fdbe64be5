//! Postgres syntax that DataFusion does not plan, put into words it does, on the syntax tree.
//!
//! Never by printing and parsing again: the tree keeps its positions for error messages.
//!
//! Owns the one walk through the tree and the order of the rewrites, which are files beside this
//! one; and the small ones: COLLATE, OPERATOR(), ESCAPE, functions without parentheses.

use super::calls;
use super::casts::{self, written_type};
use super::catalog_query;
use super::grammar;
use super::limits;
use super::literals;
use super::merged_columns;
use super::naming::{check_ambiguous, name_columns};
use super::operators;
use super::rows;
use super::set_functions;
use super::set_operations::check_body;
use super::sql_function;
use super::syntax::{call, null};
use super::table_functions;
use super::values;
use super::whole_row::{self, ScalarFunction};
use crate::{Error, PgType};
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Expr, Function, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Query, Select, SelectItem, Statement, TableAliasColumnDef, TableFactor,
    TableSampleKind, Value, VisitMut, VisitorMut,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Types that the statement itself gives to its parameters, by number.
pub(super) type ParameterHints = BTreeMap<usize, PgType>;

/// What a statement says of itself.
#[derive(Debug)]
pub(super) struct Normalized {
    pub(super) hints: ParameterHints,
    /// Functions in FROM whose name is also that of their value.
    pub(super) functions: Vec<ScalarFunction>,
}

/// Rewrites the statement in place.
pub(super) fn normalize(statement: &mut Statement) -> Result<Normalized, Error> {
    let (hints, functions) = (ParameterHints::new(), Vec::new());
    let mut rewriter = Rewriter { hints, functions, scopes: Vec::new() };
    match statement.visit(&mut rewriter) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => {
            Ok(Normalized { hints: rewriter.hints, functions: rewriter.functions })
        }
    }
}

struct Rewriter {
    hints: ParameterHints,
    functions: Vec<ScalarFunction>,
    /// The tables of each SELECT around what is visited, by the names they have there.
    scopes: Vec<Vec<(Ident, String)>>,
}

impl VisitorMut for Rewriter {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        if !query.locks.is_empty() {
            return ControlFlow::Break(Error::unsupported(
                "SELECT … FOR UPDATE/SHARE is not supported",
            ));
        }
        let checked = limits::plain_limit(query)
            .and_then(|()| check_body(&query.body))
            .and_then(|()| check_ambiguous(query))
            .and_then(|()| merged_columns::rewrite(query));
        if let Err(error) = checked {
            return ControlFlow::Break(error);
        }
        values::type_columns(&mut query.body);
        for limit in limits::limits_mut(query) {
            self.hint(limit, PgType::Int8);
            if let Err(error) = limits::read_count(limit) {
                return ControlFlow::Break(error);
            }
        }
        values::with_floats(&mut query.body);
        catalog_query::simplify(query);
        // Before casts become functions: the names of columns come from what was written.
        name_columns(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        literals::bare_in_query(query);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        self.scopes.pop();
        literals::bare_in_select(select);
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                casts::show_name_of_oid(expr);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        if let Err(error) = grammar::check_select(select) {
            return ControlFlow::Break(error);
        }
        self.scopes.push(set_functions::tables_of(select));
        if let Some(selection) = &mut select.selection {
            rows::rows_in_subquery(selection);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<Error> {
        let checked = grammar::check_table(table);
        if let Err(error) = checked.and_then(|()| sql_function::expand(table)) {
            return ControlFlow::Break(error);
        }
        set_functions::table_function(table);
        match table_functions::rewrite(table) {
            Ok(function) => self.functions.extend(function),
            Err(error) => return ControlFlow::Break(error),
        }
        name_column_of_function(table);
        // The planner would leave these out without a word.
        if let TableFactor::Table {
            sample:
                Some(
                    TableSampleKind::BeforeTableAlias(sample)
                    | TableSampleKind::AfterTableAlias(sample),
                ),
            ..
        }
        | TableFactor::Derived {
            sample:
                Some(
                    TableSampleKind::BeforeTableAlias(sample)
                    | TableSampleKind::AfterTableAlias(sample),
                ),
            ..
        } = table
        {
            return ControlFlow::Break(grammar::sample_error(sample));
        }
        let left_out = match table {
            TableFactor::Table { with_ordinality: true, .. }
            | TableFactor::Function { with_ordinality: true, .. } => Some("WITH ORDINALITY"),
            TableFactor::Table { version: Some(_), .. } => Some("FOR SYSTEM_TIME AS OF"),
            TableFactor::Table { partitions, with_hints, index_hints, .. }
                if !(partitions.is_empty() && with_hints.is_empty() && index_hints.is_empty()) =>
            {
                Some("a hint behind a table")
            }
            TableFactor::Table { json_path: Some(_), .. } => Some("a path behind a table"),
            _ => None,
        };
        match left_out {
            Some(what) => {
                ControlFlow::Break(Error::unsupported(format!("{what} is not supported")))
            }
            None => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        whole_row::name_row(expr);
        if let Err(error) = grammar::check_expr(expr) {
            return ControlFlow::Break(error);
        }
        if let Some(known) = catalog_query::known_value(expr) {
            *expr = known;
            return ControlFlow::Continue(());
        }
        catalog_query::without_types_nothing_has(expr);
        if let Some(query) = catalog_query::array_of(expr) {
            if let Some(rows) = set_functions::array_of_rows(query) {
                *expr = rows;
                return ControlFlow::Continue(());
            }
            return ControlFlow::Break(
                Error::unsupported(
                    "ARRAY(SELECT …) of a grouped or limited query is not supported",
                )
                .with_hint("Use array_agg over a subquery."),
            );
        }
        catalog_query::at_most_one(expr);
        if let Some(oid) = set_functions::oid_of_table(expr, &self.scopes) {
            *expr = oid;
            return ControlFlow::Continue(());
        }
        set_functions::select_list_function(expr);
        set_functions::field_of_row(expr);
        if let Err(error) = operators::before(expr) {
            return ControlFlow::Break(error);
        }
        match expr {
            Expr::Collate { expr: inner, collation } => {
                if let Err(error) = known_collation(collation) {
                    return ControlFlow::Break(error);
                }
                let inner = std::mem::replace(inner.as_mut(), null());
                *expr = inner;
                return self.pre_visit_expr(expr);
            }
            Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
                plain_escape(pattern, escape_char);
            }
            Expr::BinaryOp { op: op @ BinaryOperator::PGCustomBinaryOperator(_), .. } => {
                if let Err(error) = plain_operator(op) {
                    return ControlFlow::Break(error);
                }
            }
            Expr::Cast { expr: inner, data_type, .. } => {
                casts::float_as_written(inner, data_type);
                if let Some(pg_type) = written_type(data_type) {
                    self.hint(inner, pg_type);
                    literals::float_as_text(inner, pg_type);
                }
            }
            Expr::Identifier(ident) if ident.quote_style.is_none() => {
                if let Some(name) = parenthesisless(&ident.value) {
                    *expr = call(name, Vec::new());
                }
            }
            Expr::Function(function) => qualified_function(function),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        literals::type_number(expr);
        if let Err(error) = operators::after(expr) {
            return ControlFlow::Break(error);
        }
        calls::rewrite(expr);
        match casts::rewrite(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Rewriter {
    fn hint(&mut self, expr: &Expr, pg_type: PgType) {
        if let Expr::Value(value) = expr
            && let Value::Placeholder(name) = &value.value
            && let Some(number) = name.strip_prefix('$').and_then(|digits| digits.parse().ok())
        {
            self.hints.entry(number).or_insert(pg_type);
        }
    }
}

/// Texts have one order here, that of their bytes.
fn known_collation(collation: &ObjectName) -> Result<(), Error> {
    const BYTES: [&str; 5] = ["C", "POSIX", "default", "ucs_basic", "C.UTF-8"];
    let name = collation.0.last().and_then(|part| part.as_ident());
    match name.is_some_and(|name| BYTES.contains(&name.value.as_str())) {
        true => Ok(()),
        false => Err(Error::unsupported(format!("the collation {collation} is not supported"))
            .with_hint("Texts are ordered as by the collation \"C\".")),
    }
}

/// `FROM generate_series(1, 3) AS n`: the alias of a function that gives one column names that too.
fn name_column_of_function(table: &mut TableFactor) {
    let (TableFactor::Table { name, args: Some(_), alias: Some(alias), .. }
    | TableFactor::Function { name, alias: Some(alias), .. }) = table
    else {
        return;
    };
    let function = name.0.last().and_then(|part| part.as_ident());
    let gives_one_column =
        function.is_some_and(|name| name.value.eq_ignore_ascii_case("generate_series"));
    if gives_one_column && alias.columns.is_empty() {
        alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
    }
}

/// A pattern with an escape of its own, as one whose escape is the backslash.
fn plain_escape(pattern: &mut Expr, escape: &mut Option<ast::ValueWithSpan>) {
    let is_plain = match escape.as_ref().map(|escape| &escape.value) {
        None => true,
        Some(Value::SingleQuotedString(text)) => text == "\\",
        Some(_) => false,
    };
    if is_plain {
        return;
    }
    if let Some(escape) = escape.take() {
        let written = std::mem::replace(pattern, null());
        *pattern = call("like_pattern", vec![written, Expr::Value(escape)]);
    }
}

/// `OPERATOR(pg_catalog.~)` is `~`.
fn plain_operator(op: &mut BinaryOperator) -> Result<(), Error> {
    let BinaryOperator::PGCustomBinaryOperator(parts) = op else { return Ok(()) };
    let plain = match parts.last().map(String::as_str) {
        Some("~") => BinaryOperator::PGRegexMatch,
        Some("~*") => BinaryOperator::PGRegexIMatch,
        Some("!~") => BinaryOperator::PGRegexNotMatch,
        Some("!~*") => BinaryOperator::PGRegexNotIMatch,
        Some("~~") => BinaryOperator::PGLikeMatch,
        Some("!~~") => BinaryOperator::PGNotLikeMatch,
        Some("=") => BinaryOperator::Eq,
        Some("<>") => BinaryOperator::NotEq,
        Some("<") => BinaryOperator::Lt,
        Some(">") => BinaryOperator::Gt,
        Some("<=") => BinaryOperator::LtEq,
        Some(">=") => BinaryOperator::GtEq,
        Some("||") => BinaryOperator::StringConcat,
        Some("+") => BinaryOperator::Plus,
        Some("-") => BinaryOperator::Minus,
        Some("*") => BinaryOperator::Multiply,
        Some("/") => BinaryOperator::Divide,
        _ => {
            return Err(Error::unsupported(format!(
                "OPERATOR({}) is not supported",
                parts.join(".")
            )));
        }
    };
    *op = plain;
    Ok(())
}

/// Functions that the grammar lets stand without parentheses.
fn parenthesisless(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 7] = [
        "current_user",
        "session_user",
        "current_role",
        "user",
        "current_catalog",
        "current_schema",
        "current_database",
    ];
    NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// `pg_catalog.f(…)` is `f(…)`; a function without parentheses gets them.
fn qualified_function(function: &mut Function) {
    let parts = &mut function.name.0;
    let in_catalog = parts.len() == 2
        && parts[0]
            .as_ident()
            .is_some_and(|schema| schema.value.eq_ignore_ascii_case("pg_catalog"));
    if in_catalog {
        parts.remove(0);
    }
    let bare =
        parts.last().and_then(|part| part.as_ident()).and_then(|name| parenthesisless(&name.value));
    if bare.is_some() && matches!(function.args, FunctionArguments::None) {
        function.args = FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: Vec::new(),
            clauses: Vec::new(),
        });
    }
}
