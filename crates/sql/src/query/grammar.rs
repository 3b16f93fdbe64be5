//! What Postgres refuses for its grammar, or for where it stands, and the parser takes.
//!
//! Looks only at the syntax tree, before anything is rewritten.

use crate::catalog::is_reserved_word;
use crate::{Error, Fault};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, ObjectName, Query, Select,
    Subscript, TableFactor, TableSample, TableSampleQuantity, UnaryOperator, Value, Visit, Visitor,
};
use std::ops::ControlFlow;

/// Aggregates that DataFusion has and Postgres 15 does not.
const NOT_OF_POSTGRES: [&str; 5] =
    ["any_value", "approx_distinct", "approx_median", "approx_percentile_cont", "median"];

fn syntax(message: impl Into<String>) -> Error {
    Error::new(Fault::SyntaxError, message)
}

/// A table, subquery or function in FROM.
pub(super) fn check_table(table: &TableFactor) -> Result<(), Error> {
    match table {
        TableFactor::Derived { alias: None, .. } => {
            Err(syntax("subquery in FROM must have an alias")
                .with_hint("For example, FROM (SELECT ...) [AS] foo."))
        }
        TableFactor::Table { name, .. } => check_name(name),
        _ => Ok(()),
    }
}

/// Why a sample of a table is not taken.
pub(super) fn sample_error(sample: &TableSample) -> Error {
    if let (None, Some(TableSampleQuantity { value: Expr::Function(method), .. })) =
        (&sample.name, &sample.quantity)
    {
        let message = format!("tablesample method {} does not exist", method.name);
        return Error::new(Fault::UndefinedObject, message);
    }
    Error::unsupported("TABLESAMPLE is not supported")
}

fn check_name(name: &ObjectName) -> Result<(), Error> {
    match name.0.first().and_then(|part| part.as_ident()) {
        Some(first) if name.0.len() == 1 => check_word(first),
        _ => Ok(()),
    }
}

/// A word of the grammar that stands where a name is wanted.
fn check_word(word: &Ident) -> Result<(), Error> {
    // These are values, though reserved.
    let value = ["current_", "localtime", "session_user", "user", "default"];
    let lower = word.value.to_ascii_lowercase();
    if word.quote_style.is_some()
        || value.iter().any(|start| lower.starts_with(start))
        || !is_reserved_word(&lower)
    {
        return Ok(());
    }
    let error = syntax(format!("syntax error at or near \"{}\"", word.value));
    match usize::try_from(word.span.start.column) {
        Ok(column) if word.span.start.line == 1 && column > 0 => Err(error.at_position(column)),
        _ => Err(error),
    }
}

/// Windows are computed after WHERE, GROUP BY and HAVING.
pub(super) fn check_select(select: &Select) -> Result<(), Error> {
    let mut places: Vec<(&Expr, &str)> = Vec::new();
    places.extend(select.selection.iter().map(|expr| (expr, "WHERE")));
    places.extend(select.having.iter().map(|expr| (expr, "HAVING")));
    if let GroupByExpr::Expressions(exprs, _) = &select.group_by {
        places.extend(exprs.iter().map(|expr| (expr, "GROUP BY")));
    }
    match places.into_iter().find(|(expr, _)| has_window(expr)) {
        Some((_, place)) => {
            let message = format!("window functions are not allowed in {place}");
            Err(Error::new(Fault::WindowingError, message))
        }
        None => Ok(()),
    }
}

fn has_window(expr: &Expr) -> bool {
    struct Finder {
        queries: usize,
    }
    impl Visitor for Finder {
        type Break = ();

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.queries += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.queries -= 1;
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(Function { over: Some(_), .. }) if self.queries == 0 => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    Visit::visit(expr, &mut Finder { queries: 0 }).is_break()
}

pub(super) fn check_expr(expr: &Expr) -> Result<(), Error> {
    match expr {
        Expr::Identifier(word) => check_word(word),
        Expr::Function(function) => check_call(function),
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } if is_number(right) => {
            let message = "op ANY/ALL (array) requires array on right side";
            Err(Error::new(Fault::WrongObjectType, message))
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } if is_text(expr) => {
            Err(ambiguous("- unknown"))
        }
        Expr::BinaryOp {
            left,
            op:
                op @ (BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo),
            right,
        } if is_text(left) && is_text(right) => Err(ambiguous(&format!("unknown {op} unknown"))),
        Expr::BinaryOp { left, op: BinaryOperator::Arrow | BinaryOperator::LongArrow, .. }
            if is_text(left) || is_null(left) =>
        {
            Err(ambiguous("unknown -> unknown"))
        }
        Expr::Extract { expr, field, .. } if is_text(expr) => {
            let message = format!("function extract({field}, unknown) is not unique");
            Err(Error::new(Fault::AmbiguousFunction, message)
                .with_hint("You might need to add explicit type casts."))
        }
        Expr::CompoundFieldAccess { root, access_chain }
            if matches!(**root, Expr::Array(_))
                || matches!(&**root, Expr::Nested(inner) if matches!(**inner, Expr::Array(_))) =>
        {
            access_chain.iter().try_for_each(check_index)
        }
        _ => Ok(()),
    }
}

/// An index of an array is an integer.
fn check_index(access: &AccessExpr) -> Result<(), Error> {
    let AccessExpr::Subscript(Subscript::Index { index: Expr::Value(value) }) = access else {
        return Ok(());
    };
    match &value.value {
        Value::SingleQuotedString(text) if text.trim().parse::<i32>().is_err() => {
            let message = format!("invalid input syntax for type integer: \"{text}\"");
            Err(Error::new(Fault::InvalidTextRepresentation, message))
        }
        _ => Ok(()),
    }
}

fn ambiguous(operator: &str) -> Error {
    Error::new(Fault::AmbiguousFunction, format!("operator is not unique: {operator}"))
        .with_hint("You might need to add explicit type casts.")
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
}

fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_number(inner),
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        _ => false,
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::Null))
}

fn check_call(function: &Function) -> Result<(), Error> {
    let FunctionArguments::List(list) = &function.args else { return Ok(()) };
    let name = function.name.0.last().and_then(|part| part.as_ident());
    let Some(name) = name.map(|name| name.value.to_ascii_lowercase()) else { return Ok(()) };
    let FunctionArgumentList { duplicate_treatment, args, .. } = list;
    let star = |arg: &FunctionArg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
    match (name.as_str(), args.len()) {
        ("count", 2..) => {
            let message = "function count with several arguments does not exist";
            Err(Error::new(Fault::UndefinedFunction, message))
        }
        (of_datafusion, _) if NOT_OF_POSTGRES.contains(&of_datafusion) => {
            let message = format!("function {of_datafusion} does not exist");
            Err(Error::new(Fault::UndefinedFunction, message))
        }
        ("count", 0) => Err(Error::new(
            Fault::WrongObjectType,
            "count(*) must be used to call a parameterless aggregate function",
        )),
        (_, 1) if *duplicate_treatment == Some(DuplicateTreatment::Distinct) && star(&args[0]) => {
            Err(syntax("syntax error at or near \"*\""))
        }
        ("nullif", count) if count != 2 => Err(syntax("syntax error at or near \")\"")),
        ("coalesce" | "greatest" | "least", 0) => Err(syntax("syntax error at or near \")\"")),
        ("generate_series", 2 | 3)
            if args.iter().take(2).all(|arg| {
                matches!(arg,
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) if is_text(expr))
            }) =>
        {
            Err(Error::new(
                Fault::AmbiguousFunction,
                "function generate_series(unknown, unknown) is not unique",
            ))
        }
        _ => Ok(()),
    }
}
