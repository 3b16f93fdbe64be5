//! Operators on json and jsonb as functions, and comparisons of jsonb.

use super::functions::all;
use crate::function::numeric_cast::numeric;
use crate::function::own;
use crate::query::{from_arrow, from_field};
use crate::{Error, Fault, PgType};
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
                return looked_up(raw, schema).map(PlannerResult::Planned);
            }
            BinaryOperator::Question => "jsonb_exists",
            BinaryOperator::QuestionPipe => "jsonb_exists_any",
            BinaryOperator::QuestionAnd => "jsonb_exists_all",
            BinaryOperator::HashArrow if has_type(&raw.left, schema, PgType::Json) => {
                "json_at_path"
            }
            BinaryOperator::HashLongArrow if has_type(&raw.left, schema, PgType::Json) => {
                "json_text_at_path"
            }
            BinaryOperator::HashArrow => "jsonb_at_path",
            BinaryOperator::HashLongArrow => "jsonb_text_at_path",
            BinaryOperator::HashMinus => "jsonb_delete_path",
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
fn looked_up(raw: RawBinaryExpr, schema: &DFSchema) -> Result<Expr> {
    let key = raw.right.get_type(schema)?;
    let is_key = key.is_integer() || key.is_null() || key.is_string();
    if !is_key || is_jsonb(&raw.right, schema) {
        let key = from_arrow(&key).map_or("another type", PgType::name);
        let key = if is_jsonb(&raw.right, schema) { "jsonb" } else { key };
        let message = format!("operator does not exist: jsonb {} {key}", raw.op);
        return Err(own(Error::new(Fault::UndefinedFunction, message)
            .with_hint("You might need to add explicit type casts.")));
    }
    let json = has_type(&raw.left, schema, PgType::Json);
    let mut args = earlier_keys(raw.left);
    // Positions are int8 to the functions.
    args.push(match raw.right.get_type(schema) {
        Ok(DataType::Int16 | DataType::Int32) => {
            Expr::Cast(Cast::new(Box::new(raw.right), DataType::Int64))
        }
        _ => raw.right,
    });
    Ok(match (&raw.op, json) {
        (BinaryOperator::Arrow, true) => {
            call(named("json_value"), vec![call(json_get_json_udf(), args)])
        }
        (BinaryOperator::Arrow, false) => {
            call(named("jsonb_value"), vec![call(json_get_json_udf(), args)])
        }
        _ => call(json_as_text_udf(), args),
    })
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
            Expr::Cast(Cast { expr, field }) if is_jsonb(&expr, schema) => {
                let name = |of: PgType| match of {
                    PgType::Int2 => "smallint",
                    PgType::Int4 => "integer",
                    PgType::Int8 => "bigint",
                    PgType::Float4 => "real",
                    PgType::Float8 => "double precision",
                    _ => "numeric",
                };
                let value = match field.data_type() {
                    DataType::Boolean => {
                        return Ok(Transformed::yes(call(named("jsonb_bool"), vec![*expr])));
                    }
                    other if other.is_numeric() => {
                        let wanted = from_arrow(other).map_or("numeric", name);
                        let digits = call(named("jsonb_number"), vec![*expr, lit(wanted)]);
                        // An integer is rounded to, by way of all the digits.
                        match other.is_integer() {
                            true => call(Arc::new(numeric()), vec![digits]),
                            false => digits,
                        }
                    }
                    _ => return Ok(Transformed::no(Expr::Cast(Cast { expr, field }))),
                };
                Ok(Transformed::yes(Expr::Cast(Cast { expr: Box::new(value), field })))
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
