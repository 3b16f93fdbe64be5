//! Operators on json and jsonb as functions, and comparisons of jsonb.

use super::functions::all;
use crate::PgType;
use crate::query::from_field;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF, binary_expr, lit,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use datafusion_functions_json::udfs::{json_as_text_udf, json_get_json_udf};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

fn named(name: &str) -> Arc<ScalarUDF> {
    static FUNCTIONS: LazyLock<HashMap<String, Arc<ScalarUDF>>> = LazyLock::new(|| {
        all().into_iter().map(|each| (each.name().to_owned(), Arc::new(each))).collect()
    });
    Arc::clone(&FUNCTIONS[name])
}

fn call(function: Arc<ScalarUDF>, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(function, args))
}

fn is_jsonb(expr: &Expr, schema: &DFSchema) -> bool {
    has_type(expr, schema, PgType::Jsonb)
}

fn has_type(expr: &Expr, schema: &DFSchema, pg_type: PgType) -> bool {
    let field = expr.to_field(schema);
    field.is_ok_and(|(_, field)| from_field(&field).is_ok_and(|found| found == pg_type))
}

#[derive(Debug)]
pub(in crate::function) struct JsonbOperators;

impl ExprPlanner for JsonbOperators {
    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let name = match raw.op {
            BinaryOperator::Arrow | BinaryOperator::LongArrow => {
                return Ok(PlannerResult::Planned(looked_up(raw, schema)));
            }
            BinaryOperator::Question => "jsonb_exists",
            BinaryOperator::QuestionPipe => "jsonb_exists_any",
            BinaryOperator::QuestionAnd => "jsonb_exists_all",
            BinaryOperator::HashArrow => "jsonb_at_path",
            BinaryOperator::HashLongArrow => "jsonb_text_at_path",
            BinaryOperator::AtArrow | BinaryOperator::ArrowAt
                if is_jsonb(&raw.left, schema) || is_jsonb(&raw.right, schema) =>
            {
                "jsonb_contains"
            }
            BinaryOperator::StringConcat
                if is_jsonb(&raw.left, schema) && is_jsonb(&raw.right, schema) =>
            {
                "jsonb_concat"
            }
            BinaryOperator::Minus if is_jsonb(&raw.left, schema) => {
                match raw.right.get_type(schema) {
                    Ok(right) if right.is_integer() => "jsonb_without_item",
                    _ => "jsonb_without_key",
                }
            }
            _ => return Ok(PlannerResult::Original(raw)),
        };
        let args = match raw.op {
            BinaryOperator::ArrowAt => vec![raw.right, raw.left],
            _ => vec![raw.left, raw.right],
        };
        Ok(PlannerResult::Planned(call(named(name), args)))
    }
}

/// `a -> 'b' ->> 'c'` is one look-up with two keys: the text is read once.
fn looked_up(raw: RawBinaryExpr, schema: &DFSchema) -> Expr {
    let json = has_type(&raw.left, schema, PgType::Json);
    let mut args = earlier_keys(raw.left);
    // Positions are int8 to the functions.
    args.push(match raw.right.get_type(schema) {
        Ok(DataType::Int16 | DataType::Int32) => {
            Expr::Cast(Cast::new(Box::new(raw.right), DataType::Int64))
        }
        _ => raw.right,
    });
    match (&raw.op, json) {
        (BinaryOperator::Arrow, true) => {
            call(named("json_value"), vec![call(json_get_json_udf(), args)])
        }
        (BinaryOperator::Arrow, false) => {
            call(named("jsonb_value"), vec![call(json_get_json_udf(), args)])
        }
        _ => call(json_as_text_udf(), args),
    }
}

/// The document and the keys of the look-ups that the expression is.
fn earlier_keys(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::ScalarFunction(mut outer)
            if matches!(outer.func.name(), "jsonb_value" | "json_value") =>
        {
            match outer.args.pop() {
                Some(Expr::ScalarFunction(inner)) => inner.args,
                Some(other) => vec![other],
                None => Vec::new(),
            }
        }
        other => vec![other],
    }
}

/// Compares jsonb as jsonb: `1.0` equals `1`, and objects do not have an order of keys.
#[derive(Debug)]
pub(in crate::function) struct JsonbComparison;

impl FunctionRewrite for JsonbComparison {
    fn name(&self) -> &'static str {
        "jsonb_comparison"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if compares(op) && (is_jsonb(&left, schema) || is_jsonb(&right, schema)) =>
            {
                let order = call(named("jsonb_order"), vec![*left, *right]);
                Ok(Transformed::yes(binary_expr(order, op, lit(0i32))))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

fn compares(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
    )
}
