//! Operators whose meaning DataFusion has otherwise, rewritten on the syntax tree: rows that are
//! compared, `IS DISTINCT FROM` before AND, `= ANY` of an array literal, `AT TIME ZONE`, extract.

use super::any_and_all;
use super::interval_literal;
use super::rows::{Truth, compared_rows, negated_if, row_in_list, row_in_subquery};
use super::syntax::call;
use super::{postgres_calls, postgres_operators};
use crate::Error;
use crate::function::{MAY_BE_NULL, parse_array};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, ArrayElemTypeDef, BinaryOperator, CastKind, DataType as SqlType, Expr,
    ObjectNamePart, Subscript, Value,
};

/// Before what is inside of the expression is visited.
pub(super) fn before(expr: &mut Expr) -> Result<(), Error> {
    interval_literal::plain(expr)?;
    any_and_all::plain(expr)?;
    postgres_calls::before(expr)?;
    if let Some(rotated) = distinct_before_and(expr) {
        *expr = rotated;
    }
    match expr {
        Expr::CompoundFieldAccess { root, access_chain } => {
            access_chain.iter_mut().for_each(index_from_one);
            // DataFusion knows another aggregate for an element of this one, which takes fewer
            // arguments; it does not look behind a call.
            if is_array_agg(root) {
                **root = call(MAY_BE_NULL, vec![root.as_ref().clone()]);
            }
        }
        Expr::BinaryOp { left, op, right } => {
            if let Some(compared) = compared_rows(left, op, right) {
                *expr = compared;
            }
        }
        Expr::InList { expr: row, list, negated } => {
            if let Some(any) = row_in_list(row, list, *negated) {
                *expr = any;
            }
        }
        Expr::InSubquery { expr: row, subquery, negated } => {
            if let Some(any) = row_in_subquery(row, subquery, Truth::OrUnknown) {
                *expr = negated_if(any, *negated);
            }
        }
        Expr::Cast { expr: inner, data_type: SqlType::Array(element), .. } => {
            let ArrayElemTypeDef::SquareBracket(element, _) = element else { return Ok(()) };
            if let Some(elem) = cast_items(inner, element)? {
                if elem.is_empty() {
                    **inner = Expr::Array(Array { elem, named: true });
                } else {
                    *expr = Expr::Array(Array { elem, named: true });
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// The elements of an array that is written out, each cast for itself: what a text means to a type
/// is known for texts, not for arrays of them.
pub(super) fn cast_items(array: &Expr, element: &SqlType) -> Result<Option<Vec<Expr>>, Error> {
    let items = match array {
        Expr::Nested(inner) => return cast_items(inner, element),
        Expr::Array(Array { elem, .. }) if !elem.iter().any(|e| matches!(e, Expr::Array(_))) => {
            elem.clone()
        }
        literal => match array_literal(literal)? {
            Some(items) => items.into_iter().map(text_or_null).collect(),
            None => return Ok(None),
        },
    };
    let cast = |item| Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(item),
        data_type: element.clone(),
        array: false,
        format: None,
    };
    Ok(Some(items.into_iter().map(cast).collect()))
}

fn is_array_agg(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_array_agg(inner),
        Expr::Function(function) => function
            .name
            .0
            .last()
            .and_then(ObjectNamePart::as_ident)
            .is_some_and(|name| name.value.eq_ignore_ascii_case("array_agg")),
        _ => false,
    }
}

/// There is nothing before the first element; DataFusion counts from the end there.
fn index_from_one(access: &mut AccessExpr) {
    let AccessExpr::Subscript(Subscript::Index { index }) = access else { return };
    let from_one = matches!(index, Expr::Value(value) if matches!(value.value, Value::Number(..)));
    if !from_one {
        let zero = Value::Number("0".to_owned(), false).with_empty_span();
        *index = call("greatest", vec![index.clone(), Expr::Value(zero)]);
    }
}

/// After what is inside of the expression has been visited.
pub(super) fn after(expr: &mut Expr) -> Result<(), Error> {
    postgres_operators::plain(expr)?;
    postgres_calls::after(expr);
    let rewritten = match expr {
        Expr::AtTimeZone { timestamp, time_zone } => {
            call("timezone", vec![time_zone.as_ref().clone(), timestamp.as_ref().clone()])
        }
        Expr::Extract { field, expr: time, .. } => {
            let field = Value::SingleQuotedString(field.to_string().to_lowercase());
            let field = Expr::Value(field.with_empty_span());
            call("extract", vec![field, time.as_ref().clone()])
        }
        Expr::Subquery(_) => call(MAY_BE_NULL, vec![expr.clone()]),
        // The planner looks for a column of an array among its own tables only.
        Expr::Array(array) if array.elem.iter().any(is_column) => {
            call("make_array", std::mem::take(&mut array.elem))
        }
        _ => return Ok(()),
    };
    *expr = rewritten;
    Ok(())
}

fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::CompoundIdentifier(_))
}

pub(super) fn text_or_null(item: Option<String>) -> Expr {
    let value = item.map_or(Value::Null, Value::SingleQuotedString);
    Expr::Value(value.with_empty_span())
}

/// The elements of `'{a,b}'`.
pub(super) fn array_literal(expr: &Expr) -> Result<Option<Vec<Option<String>>>, Error> {
    match expr {
        Expr::Nested(inner) => array_literal(inner),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Ok(Some(parse_array(text)?)),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// `a IS DISTINCT FROM b AND c`: the parser takes all of `b AND c` as the right side, which only
/// parentheses would make it.
fn distinct_before_and(expr: &Expr) -> Option<Expr> {
    let (left, right, negated) = match expr {
        Expr::IsDistinctFrom(left, right) => (left, right, false),
        Expr::IsNotDistinctFrom(left, right) => (left, right, true),
        _ => return None,
    };
    let distinct = |right: Expr| match negated {
        false => Expr::IsDistinctFrom(left.clone(), Box::new(right)),
        true => Expr::IsNotDistinctFrom(left.clone(), Box::new(right)),
    };
    let Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. } = right.as_ref() else {
        return None;
    };
    Some(with_first_operand(right.as_ref().clone(), &distinct))
}

/// A chain of AND and OR with its first operand replaced.
fn with_first_operand(chain: Expr, replace: &dyn Fn(Expr) -> Expr) -> Expr {
    match chain {
        Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
            let left = Box::new(with_first_operand(*left, replace));
            Expr::BinaryOp { left, op, right }
        }
        first => replace(first),
    }
}

pub(super) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    let left = Box::new(left);
    Expr::BinaryOp { left, op, right: Box::new(right) }
}

pub(super) fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}
