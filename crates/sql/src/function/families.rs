//! Which types go together, and what is said of those that do not.
//!
//! A text is never read as a number, a time or a truth value unless it is an untyped literal or
//! parameter. Texts, uuids and documents are one family here: arrow keeps them alike.

use super::own;
use super::type_of::written;
use crate::query::from_field;
use crate::{Error, Fault};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Text,
    Number,
    Bool,
    Time,
    TimeOfDay,
    Interval,
    Bytes,
    Array,
}

fn family(data_type: &DataType) -> Option<Family> {
    Some(match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Family::Text,
        DataType::Boolean => Family::Bool,
        DataType::Date32 | DataType::Timestamp(..) => Family::Time,
        DataType::Time64(_) => Family::TimeOfDay,
        DataType::Interval(_) | DataType::Duration(_) => Family::Interval,
        DataType::Binary => Family::Bytes,
        DataType::List(_) => Family::Array,
        other if other.is_numeric() => Family::Number,
        _ => return None,
    })
}

/// The field of a value that has a type of its own.
fn typed(expr: &Expr, schema: &DFSchema) -> Option<Field> {
    match expr {
        Expr::Literal(value, _) if family(&value.data_type()) == Some(Family::Text) => None,
        Expr::Placeholder(_) => None,
        Expr::Alias(alias) => typed(&alias.expr, schema),
        _ => {
            let (_, field) = expr.to_field(schema).ok()?;
            (!field.data_type().is_null()).then(|| field.as_ref().clone())
        }
    }
}

fn apart(left: &Field, right: &Field) -> bool {
    match (family(left.data_type()), family(right.data_type())) {
        (Some(left), Some(right)) => left != right,
        _ => false,
    }
}

fn name(field: &Field) -> String {
    from_field(field).map_or_else(|_| "another type".to_owned(), written)
}

/// That there is no such operator on these types.
pub(crate) fn no_operator(left: &str, operator: &str, right: &str) -> Error {
    let message = format!("operator does not exist: {left} {operator} {right}");
    Error::new(Fault::UndefinedFunction, message).with_hint(
        "No operator matches the given name and argument types. \
         You might need to add explicit type casts.",
    )
}

/// Whether values of the fields are compared.
pub(crate) fn fields_comparable(left: &Field, operator: Operator, right: &Field) -> Result<()> {
    if !apart(left, right) {
        return Ok(());
    }
    let operator = match operator {
        Operator::IsDistinctFrom | Operator::IsNotDistinctFrom => Operator::Eq,
        other => other,
    };
    let operator = match operator {
        Operator::NotEq => "<>".to_owned(),
        other => other.to_string(),
    };
    Err(own(no_operator(&name(left), &operator, &name(right))))
}

/// Whether the values are compared.
pub(crate) fn comparable(
    left: &Expr,
    operator: Operator,
    right: &Expr,
    schema: &DFSchema,
) -> Result<()> {
    match (typed(left, schema), typed(right, schema)) {
        (Some(left), Some(right)) => fields_comparable(&left, operator, &right),
        _ => Ok(()),
    }
}

/// Whether the values are alternatives of one, in what is called `construct`.
pub(super) fn alternatives<'a>(
    construct: &str,
    values: impl IntoIterator<Item = &'a Expr>,
    schema: &DFSchema,
) -> Result<()> {
    let mut fields = values.into_iter().filter_map(|value| typed(value, schema));
    let Some(first) = fields.next() else { return Ok(()) };
    match fields.find(|other| apart(&first, other)) {
        Some(other) => Err(own(not_matched(construct, &first, &other))),
        None => Ok(()),
    }
}

/// That columns or values of these types cannot stand for one.
pub(crate) fn not_matched(construct: &str, first: &Field, other: &Field) -> Error {
    let (first, other) = (name(first), name(other));
    let message = format!("{construct} types {first} and {other} cannot be matched");
    Error::new(Fault::DatatypeMismatch, message)
}

/// Whether columns of these types are joined by one name.
pub(crate) fn joinable(left: &Field, right: &Field) -> Result<()> {
    match apart(left, right) {
        true => Err(own(not_matched("JOIN/USING", left, right))),
        false => Ok(()),
    }
}
