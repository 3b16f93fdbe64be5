//! Casts that DataFusion puts in where types differ, and what they have to mean.
//!
//! Between numeric and float8 a cast is exact or correctly rounded. Between an instant and a time
//! without a zone it goes through the session's zone.

use super::cast::{timestamptz, timestamptz_type};
use super::float_cast::{float_of_numeric, numeric_of_float};
use super::own;
use super::shown::{is_shown_otherwise, text_of};
use crate::Error;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::function_rewrite::ApplyFunctionRewrites;
use std::sync::Arc;

/// Runs once types are coerced.
pub(super) fn rule() -> Arc<dyn AnalyzerRule + Send + Sync> {
    Arc::new(ApplyFunctionRewrites::new(vec![Arc::new(CoercedCasts)]))
}

#[derive(Debug)]
struct CoercedCasts;

impl FunctionRewrite for CoercedCasts {
    fn name(&self) -> &'static str {
        "coerced_casts"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let Expr::Cast(cast) = expr else { return Ok(Transformed::no(expr)) };
        let from = cast.expr.get_type(schema)?;
        match (&from, cast.field.data_type().clone()) {
            (DataType::Decimal128(..), DataType::Float64) => {
                Ok(Transformed::yes(call(float_of_numeric(), *cast.expr)))
            }
            (DataType::Decimal128(..), DataType::Float32) => {
                let expr = Box::new(call(float_of_numeric(), *cast.expr));
                Ok(Transformed::yes(Expr::Cast(Cast { expr, field: cast.field })))
            }
            (DataType::Float64 | DataType::Float32, DataType::Decimal128(precision, scale)) => {
                let function = numeric_of_float(precision, scale);
                Ok(Transformed::yes(call(function, *cast.expr)))
            }
            (shown, DataType::Utf8) if is_shown_otherwise(shown) => {
                Ok(Transformed::yes(call(text_of(), *cast.expr)))
            }
            (DataType::Utf8, DataType::Timestamp(_, Some(_))) => as_instant(cast),
            (DataType::Date32 | DataType::Timestamp(_, None), DataType::Timestamp(_, Some(_))) => {
                as_instant(cast)
            }
            (DataType::Timestamp(_, Some(_)), DataType::Timestamp(_, None)) => {
                let message = "a timestamptz beside a date or a timestamp is not supported here";
                Err(own(Error::unsupported(message).with_hint("Cast one of them.")))
            }
            _ => Ok(Transformed::no(Expr::Cast(cast))),
        }
    }
}

/// In the session's zone.
fn as_instant(cast: Cast) -> Result<Transformed<Expr>> {
    let instant = call(timestamptz(), *cast.expr);
    Ok(Transformed::yes(match cast.field.data_type() == &timestamptz_type() {
        true => instant,
        false => Expr::Cast(Cast { expr: Box::new(instant), field: cast.field }),
    }))
}

fn call(function: ScalarUDF, arg: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![arg]))
}
