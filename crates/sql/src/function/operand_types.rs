//! Operators on dates, intervals and untyped literals, with the types that Postgres gives them.

use super::row_function::typed_field;
use crate::PgType;
use crate::exact::checked_subtract;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable};
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
    let taken = compares && beside == &DataType::Boolean || computes && small;
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
        if raw.op == BinaryOperator::Plus && matches!(left, DataType::Timestamp(..)) {
            raw.right = interval_parameter(raw.right);
        } else if raw.op == BinaryOperator::Plus && matches!(right, DataType::Timestamp(..)) {
            raw.left = interval_parameter(raw.left);
        }
        let midnight = DataType::Timestamp(TimeUnit::Microsecond, None);
        let adds = matches!(raw.op, BinaryOperator::Plus | BinaryOperator::Minus);
        match (left, right) {
            (DataType::Date32, DataType::Interval(_)) if adds => {
                raw.left = cast(raw.left, midnight);
            }
            (DataType::Interval(_), DataType::Date32) if adds => {
                raw.right = cast(raw.right, midnight);
            }
            (DataType::Date32, DataType::Date32) if raw.op == BinaryOperator::Minus => {
                let days = |expr| cast(expr, DataType::Int32);
                let args = vec![days(raw.left), days(raw.right)];
                let call = ScalarFunction::new_udf(checked_subtract(), args);
                return Ok(PlannerResult::Planned(Expr::ScalarFunction(call)));
            }
            _ => {}
        }
        Ok(PlannerResult::Original(raw))
    }
}
