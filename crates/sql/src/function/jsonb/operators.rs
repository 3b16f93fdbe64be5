//! Operators on json and jsonb as functions.

use super::comparison::{has_type, is_jsonb};
use super::functions::all;
use crate::function::own;
use crate::function::row_function::typed_field;
use crate::query::from_arrow;
use crate::{Error, Fault, PgType};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::BinaryOperator;
use datafusion_functions_json::udfs::{json_as_text_udf, json_get_json_udf};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

pub(super) fn named(name: &str) -> Arc<ScalarUDF> {
    static FUNCTIONS: LazyLock<HashMap<String, Arc<ScalarUDF>>> = LazyLock::new(|| {
        all().into_iter().map(|each| (each.name().to_owned(), Arc::new(each))).collect()
    });
    Arc::clone(&FUNCTIONS[name])
}

pub(super) fn call(function: Arc<ScalarUDF>, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(function, args))
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
                if is_jsonb(&raw.left, schema) || is_jsonb(&raw.right, schema) =>
            {
                let typed = |side| is_jsonb(side, schema) || is_untyped(side);
                if !(typed(&raw.left) && typed(&raw.right)) {
                    concatenable(&raw, schema)?;
                    return Ok(PlannerResult::Original(raw));
                }
                let args = [raw.left, raw.right].map(as_jsonb);
                return Ok(PlannerResult::Planned(call(named("jsonb_concat"), args.to_vec())));
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

fn is_untyped(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(ScalarValue::Utf8(_) | ScalarValue::Null, _) => true,
        Expr::Placeholder(placeholder) => {
            placeholder.field.as_ref().is_none_or(|field| field.data_type().is_null())
        }
        _ => false,
    }
}

/// An untyped literal or parameter beside jsonb is jsonb.
fn as_jsonb(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Utf8(Some(_)), _) => call(named("jsonb"), vec![expr]),
        Expr::Placeholder(mut placeholder)
            if is_untyped(&Expr::Placeholder(placeholder.clone())) =>
        {
            placeholder.field = Some(typed_field("", PgType::Jsonb));
            Expr::Placeholder(placeholder)
        }
        other => other,
    }
}

/// A text takes a document behind it as text, and no other type does.
fn concatenable(raw: &RawBinaryExpr, schema: &DFSchema) -> Result<()> {
    let name = |side: &Expr| -> Result<&'static str> {
        if is_jsonb(side, schema) {
            return Ok("jsonb");
        }
        Ok(from_arrow(&side.get_type(schema)?).map_or("another type", PgType::name))
    };
    let (left, right) = (name(&raw.left)?, name(&raw.right)?);
    if [left, right].contains(&"text") {
        return Ok(());
    }
    let message = format!("operator does not exist: {left} || {right}");
    Err(own(Error::new(Fault::UndefinedFunction, message)
        .with_hint("You might need to add explicit type casts.")))
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
