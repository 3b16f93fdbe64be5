//! Arithmetic that is right or an error, never wrapped.
//!
//! DataFusion wraps integers and lets decimals grow past their 38 digits without a word. So `+ - *
//! / %` and unary minus on integers and decimals are planned as functions of this module
//! ([`planner`], [`rule`]), and `sum` and `avg` are this module's aggregates under their usual
//! names, so that no query can reach the unchecked ones.
//!
//! Refuses to know: tables, sessions. Floats are none of its business: money never is one.
//!
//! Invariant: a numeric result is exact, or rounded half away from zero at a documented scale by a
//! division, or `value out of range`.

mod average;
mod decimal;
mod deviation;
mod interval_extreme;
mod interval_sum;
mod operator;
mod planner;
mod rule;
mod sum;
mod wide;

pub(crate) use decimal::{DIVISION_SCALE, division_by_zero, exact_rescale, numeric_out_of_range};
pub(crate) use interval_extreme::interval_extreme;
pub(crate) use planner::ExactArithmetic;
pub(crate) use rule::CheckedRemainder;

pub(crate) use operator::{is_checked, operator_of};

use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use std::sync::Arc;

/// Puts the checked functions where the unchecked ones of the same name were.
pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> datafusion::error::Result<()> {
    for function in operator::all() {
        registry.register_udf(function)?;
    }
    registry.register_udaf(Arc::new(AggregateUDF::from(sum::Sum::new())))?;
    registry.register_udaf(Arc::new(AggregateUDF::from(average::Average::new())))?;
    for aggregate in deviation::all() {
        registry.register_udaf(Arc::new(aggregate))?;
    }
    Ok(())
}

/// `-` on integers and decimals, for planners of other operators.
pub(crate) fn checked_subtract() -> Arc<ScalarUDF> {
    operator::function(operator::Operation::Subtract)
}
