//! `greatest`, `least` and `nullif` of intervals, which are compared by a number of their own.

use super::interval::{interval_of_text, interval_order};
use super::own;
use crate::Error;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, binary_expr, lit, when};
use datafusion::scalar::ScalarValue;

/// The function, in words that compare intervals rightly.
pub(super) fn chosen(function: ScalarFunction, schema: &DFSchema) -> Result<Expr> {
    const INTERVALS_MAX: usize = 16;
    let operator = match function.name() {
        "greatest" => Operator::GtEq,
        "least" => Operator::LtEq,
        "nullif" => Operator::Eq,
        _ => return Ok(Expr::ScalarFunction(function)),
    };
    if !function.args.iter().any(|arg| is_interval(arg, schema)) {
        return Ok(Expr::ScalarFunction(function));
    }
    let args: Vec<Expr> = function.args.iter().cloned().map(as_interval).collect();
    match (function.name(), args.as_slice()) {
        ("nullif", [value, other]) => {
            let equal = binary_expr(order(value.clone()), operator, order(other.clone()));
            let null = lit(ScalarValue::IntervalMonthDayNano(None));
            when(equal, null).otherwise(value.clone())
        }
        (_, values) if values.len() > INTERVALS_MAX => {
            let message = format!("{} of so many intervals is not supported", function.name());
            Err(own(Error::unsupported(message)))
        }
        (_, values) => extreme(values, operator),
    }
}

/// The first of the values that is as great as any, or as little. NULLs do not count.
fn extreme(values: &[Expr], operator: Operator) -> Result<Expr> {
    if let [value] = values {
        return Ok(value.clone());
    }
    let (left, right) = values.split_at(values.len() / 2);
    let (left, right) = (extreme(left, operator)?, extreme(right, operator)?);
    let kept = binary_expr(order(left.clone()), operator, order(right.clone()));
    when(right.clone().is_null().or(kept), left).otherwise(right)
}

/// A literal without a type is of the type of what stands beside it.
fn as_interval(arg: Expr) -> Expr {
    match arg {
        Expr::Literal(ScalarValue::Utf8(Some(_)), _) => interval_of_text().call(vec![arg]),
        other => other,
    }
}

fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Interval(_) | DataType::Duration(_)))
}

fn order(interval: Expr) -> Expr {
    interval_order().call(vec![interval])
}
