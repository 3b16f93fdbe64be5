//! Functions in FROM whose bodies are SQL: `accounts_at(book, t)` and its kin.
//!
//! A call is replaced by its body, as a subquery, with the arguments in the places of `$1`, `$2`, …;
//! so an argument may be whatever an expression may be, parameters and, with LATERAL, columns of
//! tables before it. The bodies are in `sql/functions/`.
//!
//! Invariant: a name in an argument never means something inside of the body. Bodies give their
//! tables names with a space in them, and a column of another table must be written with that
//! table's name.

use crate::catalog::{FUNCTIONS, LedgerFunction};
use crate::{Error, Fault, PgType};
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, Statement, TableAlias,
    TableFactor, Value, Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use std::ops::ControlFlow;
use std::sync::LazyLock;

/// A function with its body read.
struct SqlFunction {
    declared: &'static LedgerFunction,
    body: Query,
}

static PARSED: LazyLock<Vec<SqlFunction>> =
    LazyLock::new(|| FUNCTIONS.iter().filter_map(parsed).collect());

/// `None` for a function that is not SQL.
fn parsed(declared: &'static LedgerFunction) -> Option<SqlFunction> {
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, declared.body()?);
    let statement = statements.ok().and_then(|mut statements| statements.pop());
    let Some(Statement::Query(body)) = statement else {
        unreachable!("the body of {} is one query: a test parses them all", declared.name);
    };
    Some(SqlFunction { declared, body: *body })
}

/// Puts the body of a function in the place of its call, if it is one of these.
pub(super) fn expand(table: &mut TableFactor) -> Result<(), Error> {
    let Some((name, arguments, alias)) = call(table) else { return Ok(()) };
    let Some(SqlFunction { declared: function, body }) = function(&name) else { return Ok(()) };
    let arguments = arguments
        .into_iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => Ok(argument),
            _ => Err(Error::unsupported(format!("arguments of {} by name", function.name))),
        })
        .collect::<Result<Vec<_>, _>>()?;
    if arguments.len() != function.parameters.len() {
        return Err(Error::new(
            Fault::UndefinedFunction,
            format!("function {} with {} arguments does not exist", function.name, arguments.len()),
        )
        .with_hint(format!("It is {}.", signature(function))));
    }
    let mut lateral = false;
    for argument in &arguments {
        lateral |= names_columns(argument)?;
    }
    let mut body = body.clone();
    // A body has no parameters but those that are replaced.
    let _ = VisitMut::visit(&mut body, &mut Arguments(&arguments));
    let alias = alias.unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::new(function.name),
        columns: Vec::new(),
        at: None,
    });
    *table = TableFactor::Derived {
        lateral,
        subquery: Box::new(body),
        alias: Some(alias),
        sample: None,
    };
    Ok(())
}

/// Whether there is a function of this name, which can stand in FROM only.
pub(crate) fn is_function_of_from(name: &str) -> bool {
    FUNCTIONS.iter().any(|function| function.name == name)
}

/// Whether a function in FROM is one of these.
pub(super) fn is_one(name: &ObjectName) -> bool {
    function(name).is_some()
}

fn function(name: &ObjectName) -> Option<&'static SqlFunction> {
    let parts: Vec<String> =
        name.0.iter().map(|part| part.as_ident().map(folded)).collect::<Option<_>>()?;
    let name = match parts.as_slice() {
        [name] => name,
        [schema, name] if schema == "public" => name,
        _ => return None,
    };
    PARSED.iter().find(|function| function.declared.name == name)
}

/// `trial_balance_on(text, date)`.
fn signature(function: &LedgerFunction) -> String {
    let types = function.parameters.iter().map(|(_, pg_type)| match pg_type {
        PgType::Int8 => "bigint",
        other => other.name(),
    });
    format!("{}({})", function.name, types.collect::<Vec<_>>().join(", "))
}

fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The parts of a call of a function in FROM.
fn call(table: &TableFactor) -> Option<(ObjectName, Vec<FunctionArg>, Option<TableAlias>)> {
    match table {
        TableFactor::Table { name, args: Some(args), alias, .. } => {
            Some((name.clone(), args.args.clone(), alias.clone()))
        }
        TableFactor::Function { name, args, alias, .. } => {
            Some((name.clone(), args.clone(), alias.clone()))
        }
        _ => None,
    }
}

/// Whether an argument looks at other tables, which makes the call lateral.
fn names_columns(argument: &Expr) -> Result<bool, Error> {
    struct Finder(bool);
    impl Visitor for Finder {
        type Break = Error;

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<Error> {
            ControlFlow::Break(Error::unsupported(
                "a subquery as an argument of a function in FROM",
            ))
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
            match expr {
                Expr::CompoundIdentifier(_) => self.0 = true,
                Expr::Identifier(name) => {
                    return ControlFlow::Break(
                        Error::unsupported(format!(
                            "column \"{}\" without its table as an argument of a function in FROM",
                            name.value
                        ))
                        .with_hint("Write the name of its table before it."),
                    );
                }
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut finder = Finder(false);
    match Visit::visit(argument, &mut finder) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(finder.0),
    }
}

/// Replaces `$n` by the argument of that number.
struct Arguments<'a>(&'a [Expr]);

impl VisitorMut for Arguments<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(value) = expr
            && let Value::Placeholder(name) = &value.value
            && let Some(number) = name.strip_prefix('$').and_then(|digits| digits.parse().ok())
            && let Some(argument) = usize::checked_sub(number, 1).and_then(|at| self.0.get(at))
        {
            *expr = argument.clone();
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_is_a_query_of_all_its_parameters() {
        for SqlFunction { declared, body } in PARSED.iter() {
            let text = body.to_string();
            for number in 1..=declared.parameters.len() {
                assert!(text.contains(&format!("${number}")), "{} ${number}", declared.name);
            }
        }
    }
}
