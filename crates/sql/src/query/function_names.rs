//! Which functions a statement may call: those that Postgres 15 has, and the ledger's own.
//!
//! What DataFusion has beside them, and what statements are rewritten to here, is not for clients:
//! their numbers would be other numbers.

use super::grammar;
use super::sql_function;
use crate::function::check_known;
use crate::{Error, Fault};
use datafusion::sql::sqlparser::ast::{
    Expr, Function, ObjectName, Statement, TableFactor, TableSampleKind, Visit, Visitor,
};
use std::ops::ControlFlow;

/// Functions that are computed over windows only.
const OF_WINDOWS: [&str; 7] =
    ["row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value"];

/// Looks at a statement as it was written.
pub(super) fn check(statement: &Statement) -> Result<(), Error> {
    match Visit::visit(statement, &mut Names) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Names;

impl Visitor for Names {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<Error> {
        match table {
            TableFactor::Table {
                sample:
                    Some(
                        TableSampleKind::BeforeTableAlias(sample)
                        | TableSampleKind::AfterTableAlias(sample),
                    ),
                ..
            } => ControlFlow::Break(grammar::sample_error(sample)),
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                match named(name) {
                    Some(known) if !sql_function::is_one(name) => told(check_known(&known)),
                    _ => ControlFlow::Continue(()),
                }
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        match expr {
            Expr::Function(function) => told(check_call(function)),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn told(checked: Result<(), Error>) -> ControlFlow<Error> {
    match checked {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

fn check_call(function: &Function) -> Result<(), Error> {
    let Some(name) = named(&function.name) else { return Ok(()) };
    if function.over.is_none() && OF_WINDOWS.contains(&name.as_str()) {
        let message = format!("window function {name} requires an OVER clause");
        return Err(Error::new(Fault::WrongObjectType, message));
    }
    check_known(&name)
}

/// The name of a function that is looked up in `pg_catalog`.
fn named(name: &ObjectName) -> Option<String> {
    let part = match name.0.as_slice() {
        [name] => name,
        [schema, name]
            if schema.as_ident().is_some_and(|s| s.value.eq_ignore_ascii_case("pg_catalog")) =>
        {
            name
        }
        _ => return None,
    };
    let name = part.as_ident()?;
    Some(match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    })
}
