//! What DataFusion and arrow complain about, as the faults Postgres clients know.
//!
//! Typed errors are read as types. Where only a message exists, its beginning decides; a message
//! nobody knows is `internal error` if it came from execution and `not supported` if it came from
//! planning, because a plan that cannot be made is a feature that is missing.

use crate::function::invalid_regex;
use crate::memory_error::out_of_memory;
use crate::planning_error::{from_plan, in_words, outside};
use crate::temporary_files::temporary_file_failed;
use crate::{Error, Fault};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Column, Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use std::error::Error as StdError;
use store::ReadError;

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        match error {
            DataFusionError::Context(_, inner) => Error::from(*inner),
            DataFusionError::Diagnostic(diagnostic, inner) => {
                located(Error::from(*inner), &diagnostic)
            }
            DataFusionError::Collection(errors) => match errors.into_iter().next() {
                Some(first) => Error::from(first),
                None => Error::new(Fault::Internal, "an error without a cause"),
            },
            DataFusionError::External(inner) => from_boxed(inner),
            DataFusionError::Shared(inner) => from_reference(inner.as_ref()),
            DataFusionError::ArrowError(inner, _) => from_arrow(*inner),
            DataFusionError::SchemaError(inner, _) => from_schema(&inner),
            DataFusionError::NotImplemented(message) => {
                Error::unsupported(outside(&first_line(&message)))
            }
            DataFusionError::Plan(message) => from_plan(&message),
            DataFusionError::Execution(message) => from_execution(&message),
            DataFusionError::ResourcesExhausted(message) => out_of_memory(&message),
            DataFusionError::IoError(error) => temporary_file_failed(&error),
            DataFusionError::SQL(error, _) => Error::new(Fault::SyntaxError, error.to_string()),
            other => Error::new(Fault::Internal, first_line(&other.strip_backtrace())),
        }
    }
}

/// Some errors are shared between partitions and can only be looked at.
fn from_reference(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::Context(_, inner) => from_reference(inner),
        DataFusionError::Diagnostic(diagnostic, inner) => {
            located(from_reference(inner), diagnostic)
        }
        DataFusionError::Shared(inner) => from_reference(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => from_reference(first),
            None => Error::new(Fault::Internal, "an error without a cause"),
        },
        DataFusionError::External(inner) => from_std(inner.as_ref()),
        DataFusionError::ArrowError(inner, _) => from_arrow_reference(inner),
        DataFusionError::SchemaError(inner, _) => from_schema(inner),
        DataFusionError::NotImplemented(message) => {
            Error::unsupported(outside(&first_line(message)))
        }
        DataFusionError::Plan(message) => from_plan(message),
        DataFusionError::Execution(message) => from_execution(message),
        DataFusionError::ResourcesExhausted(message) => out_of_memory(message),
        DataFusionError::IoError(error) => temporary_file_failed(error),
        other => Error::new(Fault::Internal, first_line(&other.strip_backtrace())),
    }
}

fn from_boxed(error: Box<dyn StdError + Send + Sync>) -> Error {
    match error.downcast::<DataFusionError>() {
        Ok(error) => Error::from(*error),
        Err(error) => from_std(error.as_ref()),
    }
}

fn from_std(error: &(dyn StdError + 'static)) -> Error {
    if let Some(own) = error.downcast_ref::<Error>() {
        return own.clone();
    }
    if let Some(error) = error.downcast_ref::<ReadError>() {
        return match error {
            ReadError::Unreadable { .. } | ReadError::Unsettled { .. } => {
                Error::new(Fault::Unreadable, error.to_string())
            }
            ReadError::StagedNotShown { .. } => Error::unsupported(error.to_string()),
            ReadError::NotInMemory => Error::new(Fault::Internal, error.to_string()),
        };
    }
    if let Some(error) = error.downcast_ref::<DataFusionError>() {
        return from_reference(error);
    }
    if let Some(error) = error.downcast_ref::<ArrowError>() {
        return from_arrow_reference(error);
    }
    let message = error.to_string();
    if message.to_lowercase().contains("regex") {
        return invalid_regex(&message);
    }
    Error::new(Fault::Internal, first_line(&message))
}

fn from_arrow(error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => from_boxed(inner),
        other => from_arrow_reference(&other),
    }
}

fn from_arrow_reference(error: &ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => from_std(inner.as_ref()),
        ArrowError::DivideByZero => Error::new(Fault::DivisionByZero, "division by zero"),
        ArrowError::ArithmeticOverflow(message) => {
            Error::new(Fault::NumericValueOutOfRange, format!("value out of range: {message}"))
        }
        ArrowError::NotYetImplemented(message) => Error::unsupported(first_line(message)),
        ArrowError::MemoryError(message) => out_of_memory(message),
        ArrowError::IoError(_, error) => temporary_file_failed(error),
        ArrowError::CastError(message)
        | ArrowError::ParseError(message)
        | ArrowError::ComputeError(message)
        | ArrowError::InvalidArgumentError(message) => from_value(message),
        other => Error::new(Fault::Internal, first_line(&other.to_string())),
    }
}

/// Complaints about a value: too large, or not of its type.
fn from_value(message: &str) -> Error {
    let message = first_line(message);
    if message.to_lowercase().contains("syntax for type interval") {
        return match message.contains(|c: char| c.is_ascii_digit()) {
            true => Error::unsupported("this way to write an interval is not supported")
                .with_hint("Write an interval as '1 year 2 months 3 days 4 hours'."),
            false => Error::new(Fault::InvalidDatetimeFormat, message),
        };
    }
    if message.contains("square root of a negative") || message.contains("zero raised to") {
        let message = message.trim_start_matches("Execution error: ");
        return Error::new(Fault::InvalidArgumentForPower, message);
    }
    if let Some((text, data_type)) = not_cast(&message) {
        let data_type = in_words(data_type);
        return match text.trim().parse::<i128>().is_ok() && message.contains("to value of Int") {
            true => Error::new(
                Fault::NumericValueOutOfRange,
                format!("value \"{text}\" is out of range for type {data_type}"),
            ),
            false => Error::new(
                Fault::InvalidTextRepresentation,
                format!("invalid input syntax for type {data_type}: \"{text}\""),
            ),
        };
    }
    let too_large =
        ["too large", "too small to store", "overflow", "out of range", "Can't cast value"];
    if too_large.iter().any(|part| message.to_lowercase().contains(&part.to_lowercase())) {
        return Error::new(Fault::NumericValueOutOfRange, format!("value out of range: {message}"));
    }
    Error::new(Fault::InvalidTextRepresentation, message)
}

/// The text that is no value, and the type of which it is none.
fn not_cast(message: &str) -> Option<(&str, &str)> {
    let (text, rest) =
        message.strip_prefix("Cannot cast string '")?.rsplit_once("' to value of ")?;
    Some((text, rest.strip_suffix(" type")?))
}

fn from_schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            if let Some(table) = &field.relation
                && !valid_fields.iter().any(|valid| valid.relation.as_ref() == Some(table))
            {
                let message = format!("missing FROM-clause entry for table \"{}\"", table.table());
                return Error::new(Fault::UndefinedTable, message);
            }
            Error::new(Fault::UndefinedColumn, format!("column {} does not exist", shown(field)))
        }
        SchemaError::AmbiguousReference { field } => Error::new(
            Fault::AmbiguousColumn,
            format!("column reference \"{}\" is ambiguous", field.name),
        ),
        SchemaError::DuplicateQualifiedField { qualifier, .. } => Error::new(
            Fault::DuplicateAlias,
            format!("table name \"{}\" specified more than once", qualifier.table()),
        ),
        SchemaError::DuplicateUnqualifiedField { name } => Error::new(
            Fault::DuplicateColumn,
            format!("column name \"{name}\" appears more than once"),
        ),
    }
}

/// As Postgres shows it: quoted alone, bare with its table.
fn shown(column: &Column) -> String {
    match &column.relation {
        Some(table) => format!("{}.{}", table.table(), column.name),
        None => format!("\"{}\"", column.name),
    }
}

fn from_execution(message: &str) -> Error {
    let line = first_line(message);
    let lower = line.to_lowercase();
    let known = [
        ("returned more than one row", Fault::CardinalityViolation),
        ("negative count not allowed", Fault::SubstringError),
        ("negative substring length", Fault::SubstringError),
        ("regular expression", Fault::InvalidRegularExpression),
        ("square root of a negative", Fault::InvalidArgumentForPower),
        ("zero raised to a negative", Fault::InvalidArgumentForPower),
    ];
    if let Some((_, fault)) = known.into_iter().find(|(part, _)| lower.contains(part)) {
        let line = line.trim_start_matches("Execution error: ");
        return match fault {
            Fault::CardinalityViolation => {
                Error::new(fault, "more than one row returned by a subquery used as an expression")
            }
            fault => Error::new(fault, line),
        };
    }
    if lower.contains("overflow") || lower.contains("out of range") {
        return Error::new(Fault::NumericValueOutOfRange, line);
    }
    if lower.contains("divide by zero") || lower.contains("division by zero") {
        return Error::new(Fault::DivisionByZero, "division by zero");
    }
    if lower.contains("pars") || lower.contains("cast") {
        return Error::new(Fault::InvalidTextRepresentation, line);
    }
    if lower.contains("unsupported") || lower.contains("not supported") {
        return Error::unsupported(line);
    }
    Error::new(Fault::InvalidParameterValue, line)
}

/// The place is known only on the first line of a statement: the plan does not keep the text.
fn located(error: Error, diagnostic: &Diagnostic) -> Error {
    match diagnostic.span {
        Some(span) if span.start.line == 1 && error.position().is_none() => {
            match usize::try_from(span.start.column) {
                Ok(column) if column > 0 => error.at_position(column),
                _ => error,
            }
        }
        _ => error,
    }
}

pub(crate) fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}

/// Messages may carry backtraces and internal notes behind the first line.
pub(crate) fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or(message).trim().to_owned()
}
