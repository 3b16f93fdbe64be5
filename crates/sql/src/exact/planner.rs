//! Turns arithmetic operators into checked functions while a statement is planned.
//!
//! This must happen before types are coerced: a division's scale is ours, and everything around
//! it has to see it. Operands that are not integers or decimals stay DataFusion's.

use super::operator::{Operation, function, operand_type};
use super::rule::both_checked;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::sql::sqlparser::ast::BinaryOperator;

#[derive(Debug)]
pub(crate) struct ExactArithmetic;

impl ExprPlanner for ExactArithmetic {
    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let Some(operation) = operation(&raw.op) else {
            return Ok(PlannerResult::Original(raw));
        };
        let left = with_type_of(raw.left.clone(), &raw.right, schema);
        let right = with_type_of(raw.right.clone(), &raw.left, schema);
        if !both_checked(&left, &right, schema) {
            return Ok(PlannerResult::Original(raw));
        }
        Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(
            function(operation),
            vec![left, right],
        ))))
    }
}

fn operation(operator: &BinaryOperator) -> Option<Operation> {
    match operator {
        BinaryOperator::Plus => Some(Operation::Add),
        BinaryOperator::Minus => Some(Operation::Subtract),
        BinaryOperator::Multiply => Some(Operation::Multiply),
        BinaryOperator::Divide => Some(Operation::Divide),
        BinaryOperator::Modulo => Some(Operation::Modulo),
        _ => None,
    }
}

/// A parameter without a type takes the other operand's.
fn with_type_of(mut expr: Expr, other: &Expr, schema: &DFSchema) -> Expr {
    if let Expr::Placeholder(placeholder) = &mut expr
        && placeholder.field.is_none()
        && let Ok((_, field)) = other.to_field(schema)
        && operand_type(field.data_type()).is_some()
    {
        placeholder.field = Some(field);
    }
    expr
}
