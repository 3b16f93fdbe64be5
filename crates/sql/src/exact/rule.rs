//! Checks what the planner hook cannot see: unary minus, which has no hook, and operators whose
//! operands had no type before the parameters were bound.

use super::operator::{Operation, function, operand_type};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

#[derive(Debug)]
pub(crate) struct CheckedRemainder;

impl FunctionRewrite for CheckedRemainder {
    fn name(&self) -> &'static str {
        "checked_arithmetic"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        match expr {
            Expr::Negative(inner) if checked(&inner, schema) == Some(true) => {
                Ok(Transformed::yes(call(Operation::Negate, vec![*inner])))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if operation(op).is_some() && both_checked(&left, &right, schema) =>
            {
                let operation = operation(op).expect("the guard just found it");
                Ok(Transformed::yes(call(operation, vec![*left, *right])))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

fn call(operation: Operation, operands: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(function(operation), operands))
}

fn operation(operator: Operator) -> Option<Operation> {
    match operator {
        Operator::Plus => Some(Operation::Add),
        Operator::Minus => Some(Operation::Subtract),
        Operator::Multiply => Some(Operation::Multiply),
        Operator::Divide => Some(Operation::Divide),
        Operator::Modulo => Some(Operation::Modulo),
        _ => None,
    }
}

/// `Some(false)`: a NULL that takes the other side's type.
fn checked(expr: &Expr, schema: &DFSchema) -> Option<bool> {
    match expr.get_type(schema).ok()? {
        DataType::Null => Some(false),
        other => operand_type(&other).map(|_| true),
    }
}

pub(super) fn both_checked(left: &Expr, right: &Expr, schema: &DFSchema) -> bool {
    matches!((checked(left, schema), checked(right, schema)), (Some(l), Some(r)) if l || r)
}
