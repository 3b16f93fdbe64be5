//! `+ - * /` where one side is a time or an interval, as the functions that Postgres means.

use super::interval;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::{Expr, Operator, ScalarUDF};
use std::sync::{Arc, LazyLock};

static FUNCTIONS: LazyLock<Vec<Arc<ScalarUDF>>> =
    LazyLock::new(|| interval::operators().into_iter().map(Arc::new).collect());

fn is_interval(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(_) | DataType::Duration(_))
}

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Time64(_))
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// The function of an operator between values of these types, if one of them is a time.
fn function(operator: Operator, left: &DataType, right: &DataType) -> Option<&'static str> {
    match operator {
        Operator::Plus if is_interval(left) && is_interval(right) => Some("interval_add"),
        Operator::Minus if is_interval(left) && is_interval(right) => Some("interval_subtract"),
        Operator::Plus if is_time(left) && is_interval(right) => Some("time_plus"),
        Operator::Plus if is_interval(left) && is_time(right) => Some("time_plus"),
        Operator::Minus if is_time(left) && is_interval(right) => Some("time_minus"),
        Operator::Multiply if is_interval(left) && is_number(right) => Some("interval_multiply"),
        Operator::Multiply if is_number(left) && is_interval(right) => Some("interval_multiply"),
        Operator::Divide if is_interval(left) && is_number(right) => Some("interval_divide"),
        Operator::Plus => match (left, right) {
            (DataType::Date32, DataType::Time64(_)) | (DataType::Time64(_), DataType::Date32) => {
                Some("date_and_time")
            }
            (DataType::Timestamp(..), DataType::Time64(_))
            | (DataType::Time64(_), DataType::Timestamp(..)) => Some("time_plus"),
            _ => None,
        },
        Operator::Minus => match (left, right) {
            (DataType::Timestamp(..), DataType::Timestamp(..) | DataType::Date32)
            | (DataType::Date32, DataType::Timestamp(..))
            | (DataType::Time64(_), DataType::Time64(_)) => Some("times_between"),
            (DataType::Timestamp(..), DataType::Time64(_)) => Some("time_minus"),
            _ => None,
        },
        _ => None,
    }
}

/// The call that computes it, if it is one with times. A date beside an interval is its midnight,
/// without a zone.
pub(super) fn call(
    operator: Operator,
    (left, left_type): (&Expr, &DataType),
    (right, right_type): (&Expr, &DataType),
) -> Option<Expr> {
    let name = function(operator, left_type, right_type)?;
    let function = FUNCTIONS.iter().find(|each| each.name() == name)?;
    let midnight = |expr: &Expr, data_type: &DataType, beside: &DataType| {
        if data_type != &DataType::Date32 || !is_interval(beside) {
            return expr.clone();
        }
        let local = DataType::Timestamp(TimeUnit::Microsecond, None);
        Expr::Cast(Cast::new(Box::new(expr.clone()), local))
    };
    let args = vec![midnight(left, left_type, right_type), midnight(right, right_type, left_type)];
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), args)))
}

/// `- interval`.
pub(super) fn negated(interval: Expr) -> Option<Expr> {
    let function = FUNCTIONS.iter().find(|each| each.name() == "interval_negate")?;
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), vec![interval])))
}
