//! `->` and `->>` on json: JSON text out of JSON text, numbers as they are written.

use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ScalarUDF};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use datafusion_functions_json::udfs::{
    json_as_text_udf, json_contains_udf, json_get_json_udf, json_length_udf, json_object_keys_udf,
};
use std::sync::Arc;

pub(super) fn all() -> Vec<ScalarUDF> {
    [
        json_as_text_udf(),
        json_get_json_udf(),
        json_contains_udf(),
        json_length_udf(),
        json_object_keys_udf(),
    ]
    .into_iter()
    .map(|function| function.as_ref().clone())
    .collect()
}

#[derive(Debug)]
pub(super) struct JsonOperators;

impl ExprPlanner for JsonOperators {
    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        _schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let function: Arc<ScalarUDF> = match raw.op {
            BinaryOperator::Arrow => json_get_json_udf(),
            BinaryOperator::LongArrow => json_as_text_udf(),
            BinaryOperator::Question => json_contains_udf(),
            _ => return Ok(PlannerResult::Original(raw)),
        };
        // `a -> 'b' ->> 'c'` is one look-up with two keys: the text is read once.
        let mut args = match raw.left {
            Expr::ScalarFunction(inner) if inner.func.name() == "json_get_json" => inner.args,
            left => vec![left],
        };
        args.push(raw.right);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(function, args))))
    }
}
