//! Two lists of which a value is in one and the other, or not: DataFusion would make one list of
//! them, and a constant where they have nothing in common. For NULL it is neither true nor false.

use super::nullable::may_be_null;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, binary_expr};

/// What a value is compared with for being equal or not, and whether for not.
fn list_of(expr: &Expr) -> Option<(&Expr, bool)> {
    match expr {
        Expr::InList(list) => Some((list.expr.as_ref(), list.negated)),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, .. }) => Some((left, false)),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::NotEq, .. }) => Some((left, true)),
        _ => None,
    }
}

/// Whether DataFusion would take what two lists have in common.
pub(super) fn merged(left: &Expr, op: Operator, right: &Expr) -> bool {
    let (Some((a, not_a)), Some((b, not_b))) = (list_of(left), list_of(right)) else {
        return false;
    };
    // What is in one or the other is in both together.
    let together = not_a == not_b && not_a == (op == Operator::And);
    let listed = [left, right].into_iter().any(|each| matches!(each, Expr::InList(_)));
    a == b && !together && listed
}

/// The same comparison, of a value that DataFusion takes for another one.
pub(super) fn with_own_subject(expr: Expr) -> Expr {
    match expr {
        Expr::InList(InList { expr, list, negated }) => {
            Expr::InList(InList { expr: Box::new(may_be_null(*expr)), list, negated })
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            binary_expr(may_be_null(*left), op, *right)
        }
        other => other,
    }
}
