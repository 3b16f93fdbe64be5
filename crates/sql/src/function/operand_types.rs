//! Operators on dates, intervals and untyped literals, with the types that Postgres gives them.

use super::row_function::typed_field;
use super::temporal_operators;
use crate::PgType;
use crate::exact::checked_subtract;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::BinaryOperator;

#[derive(Debug)]
pub(super) struct OperandTypes;

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), data_type))
}

fn is_untyped(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(ScalarValue::Utf8(Some(_)), _))
}

/// What an untyped literal becomes beside an operand of this type.
fn taken_type(operator: &BinaryOperator, beside: &DataType) -> Option<DataType> {
    let compares = matches!(
        operator,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    );
    let computes = matches!(
        operator,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
    );
    let small = matches!(beside, DataType::Int16 | DataType::Int32 | DataType::Int64);
    let adds = matches!(operator, BinaryOperator::Plus | BinaryOperator::Minus);
    let is_interval = matches!(beside, DataType::Interval(_));
    let taken = compares && (beside == &DataType::Boolean || is_interval)
        || computes && small
        || adds && is_interval;
    taken.then(|| beside.clone())
}

/// What a parameter of no type is that is added to an instant.
fn interval_parameter(expr: Expr) -> Expr {
    match expr {
        Expr::Placeholder(mut placeholder)
            if placeholder.field.as_ref().is_none_or(|field| field.data_type().is_null()) =>
        {
            placeholder.field = Some(typed_field("", PgType::Interval));
            Expr::Placeholder(placeholder)
        }
        other => other,
    }
}

fn arithmetic(operator: &BinaryOperator) -> Option<Operator> {
    Some(match operator {
        BinaryOperator::Plus => Operator::Plus,
        BinaryOperator::Minus => Operator::Minus,
        BinaryOperator::Multiply => Operator::Multiply,
        BinaryOperator::Divide => Operator::Divide,
        _ => return None,
    })
}

/// float4 beside another number is float8.
fn widened(left: &DataType, right: &DataType) -> bool {
    let single = |each: &DataType| each == &DataType::Float32;
    single(left) && right.is_numeric() && !single(right)
        || single(right) && left.is_numeric() && !single(left)
}

impl ExprPlanner for OperandTypes {
    fn plan_binary_op(
        &self,
        mut raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let (Ok(left), Ok(right)) = (raw.left.get_type(schema), raw.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(raw));
        };
        if is_untyped(&raw.right)
            && let Some(taken) = taken_type(&raw.op, &left)
        {
            raw.right = cast(raw.right, taken);
        } else if is_untyped(&raw.left)
            && let Some(taken) = taken_type(&raw.op, &right)
        {
            raw.left = cast(raw.left, taken);
        }
        let (Ok(left), Ok(right)) = (raw.left.get_type(schema), raw.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(raw));
        };
        if raw.op == BinaryOperator::Plus && matches!(left, DataType::Timestamp(..)) {
            raw.right = interval_parameter(raw.right);
        } else if raw.op == BinaryOperator::Plus && matches!(right, DataType::Timestamp(..)) {
            raw.left = interval_parameter(raw.left);
        }
        let is_text = |each: &DataType| matches!(each, DataType::Utf8);
        let joined = |each: &DataType| !is_text(each) && !matches!(each, DataType::List(_));
        if raw.op == BinaryOperator::StringConcat && is_text(&left) && joined(&right) {
            raw.right = cast(raw.right, DataType::Utf8);
            return Ok(PlannerResult::Original(raw));
        }
        if raw.op == BinaryOperator::StringConcat && is_text(&right) && joined(&left) {
            raw.left = cast(raw.left, DataType::Utf8);
            return Ok(PlannerResult::Original(raw));
        }
        if widened(&left, &right) {
            raw.left = cast(raw.left, DataType::Float64);
            raw.right = cast(raw.right, DataType::Float64);
            return Ok(PlannerResult::Original(raw));
        }
        let days = (DataType::Date32, DataType::Date32);
        if raw.op == BinaryOperator::Minus && (&left, &right) == (&days.0, &days.1) {
            let args = vec![cast(raw.left, DataType::Int32), cast(raw.right, DataType::Int32)];
            let call = ScalarFunction::new_udf(checked_subtract(), args);
            return Ok(PlannerResult::Planned(Expr::ScalarFunction(call)));
        }
        let Some(operator) = arithmetic(&raw.op) else { return Ok(PlannerResult::Original(raw)) };
        Ok(match temporal_operators::call(operator, (&raw.left, &left), (&raw.right, &right)) {
            Some(call) => PlannerResult::Planned(call),
            None => PlannerResult::Original(raw),
        })
    }
}
