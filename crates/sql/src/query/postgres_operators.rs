//! Operators and forms of Postgres that DataFusion has as functions, or in other words.

use super::syntax::call;
use crate::Error;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

/// After what is inside of the expression has been visited.
pub(super) fn plain(expr: &mut Expr) -> Result<(), Error> {
    let plain = match expr {
        Expr::UnaryOp { op, expr: inner } => unary(op, inner),
        Expr::Value(value) => match &value.value {
            Value::UnicodeStringLiteral(text) => Some(string(text)),
            _ => None,
        },
        Expr::BinaryOp { left, op: BinaryOperator::PGStartsWith, right } => {
            Some(call("starts_with", vec![left.as_ref().clone(), right.as_ref().clone()]))
        }
        Expr::SimilarTo { negated, expr: text, pattern, escape_char } => {
            let escape = match escape_char.take() {
                Some(escape) => Expr::Value(escape),
                None => string("\\"),
            };
            let pattern = call("similar_pattern", vec![pattern.as_ref().clone(), escape]);
            let op = match negated {
                true => BinaryOperator::PGRegexNotMatch,
                false => BinaryOperator::PGRegexMatch,
            };
            Some(Expr::BinaryOp { left: text.clone(), op, right: Box::new(pattern) })
        }
        Expr::Substring { expr: text, substring_from: Some(from), substring_for: None, .. }
            if is_string(from) =>
        {
            Some(call("substring_match", vec![text.as_ref().clone(), from.as_ref().clone()]))
        }
        Expr::Substring {
            expr: text,
            substring_from: Some(from),
            substring_for: Some(escape),
            ..
        } if is_string(from) && is_string(escape) => {
            let args = [text, from, escape].map(|each| each.as_ref().clone());
            Some(call("substring_similar", args.into()))
        }
        _ => None,
    };
    if let Some(plain) = plain {
        *expr = plain;
    }
    Ok(())
}

fn unary(op: &UnaryOperator, operand: &Expr) -> Option<Expr> {
    let function = match op {
        UnaryOperator::PGSquareRoot => "sqrt",
        UnaryOperator::PGCubeRoot => "cbrt",
        UnaryOperator::PGAbs => "abs",
        UnaryOperator::BitwiseNot => "bit_not",
        _ => return None,
    };
    Some(call(function, vec![operand.clone()]))
}

fn string(text: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.to_owned()).with_empty_span())
}

fn is_string(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_string(inner),
        Expr::Value(value) => {
            matches!(value.value, Value::SingleQuotedString(_) | Value::EscapedStringLiteral(_))
        }
        _ => false,
    }
}
