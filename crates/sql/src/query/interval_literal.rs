//! `interval '1.5 hours'`, `interval '1' day`: what is written as Postgres reads it, in the one form
//! that DataFusion reads alike.

use crate::Error;
use crate::function::{parse_interval, parse_interval_fields};
use datafusion::sql::sqlparser::ast::{Expr, UnaryOperator, Value};

/// Writes an interval literal anew.
pub(super) fn plain(expr: &mut Expr) -> Result<(), Error> {
    if let Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } = expr
        && matches!(inner.as_ref(), Expr::Interval(_))
    {
        // DataFusion would turn the first of its parts only.
        let inner = Expr::Nested(inner.clone());
        *expr = Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(inner) };
        return Ok(());
    }
    let Expr::Interval(interval) = expr else { return Ok(()) };
    let Expr::Value(value) = interval.value.as_mut() else {
        return Err(Error::unsupported("an interval of anything but a text is not supported"));
    };
    let Value::SingleQuotedString(text) = &value.value else {
        return Err(Error::unsupported("an interval of anything but a text is not supported"));
    };
    let read = match (&interval.leading_field, &interval.last_field) {
        (None, _) => parse_interval(text)?,
        (Some(first), None) => parse_interval_fields(text, &first.to_string())?,
        (Some(first), Some(last)) => parse_interval_fields(text, &format!("{first} to {last}"))?,
    };
    let plain =
        format!("{} months {} days {} nanoseconds", read.months, read.days, read.nanoseconds);
    value.value = Value::SingleQuotedString(plain);
    interval.leading_field = None;
    interval.leading_precision = None;
    interval.last_field = None;
    interval.fractional_seconds_precision = None;
    Ok(())
}
