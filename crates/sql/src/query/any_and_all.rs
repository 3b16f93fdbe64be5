//! `x = ANY (…)`, `x > ALL (…)`, `x LIKE ANY (…)` over lists, arrays and subqueries.
//!
//! What is written out is compared one by one; of a subquery the comparisons are counted up.

use super::operators::{array_literal, cast_items, text_or_null};
use super::syntax::{call, null};
use crate::Error;
use datafusion::sql::sqlparser::ast::{
    Array, ArrayElemTypeDef, BinaryOperator, DataType, Expr, Query, UnaryOperator, Value, Visit,
    Visitor,
};
use std::ops::ControlFlow;

/// More than so many are not written out as a chain of comparisons.
const WRITTEN_OUT_MAX: usize = 200;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    Any,
    All,
}

/// Before what is inside of the expression is visited.
pub(super) fn plain(expr: &mut Expr) -> Result<(), Error> {
    let plain = match expr {
        Expr::AnyOp { left, compare_op, right, .. } => {
            compared(left, compare_op, right, Quantifier::Any)?
        }
        Expr::AllOp { left, compare_op, right } => {
            compared(left, compare_op, right, Quantifier::All)?
        }
        Expr::Like { any: true, pattern, .. } | Expr::ILike { any: true, pattern, .. } => {
            let Some(items) = items(pattern)? else {
                return Err(Error::unsupported("LIKE ANY of a computed array is not supported"));
            };
            let liked = items.into_iter().map(|item| like(expr.clone(), item));
            liked.reduce(|a, b| binary(a, BinaryOperator::Or, b)).map(nested)
        }
        _ => None,
    };
    if let Some(plain) = plain {
        *expr = plain;
    }
    Ok(())
}

fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// `x LIKE ANY (…)` for one of the patterns.
fn like(mut like: Expr, item: Expr) -> Expr {
    if let Expr::Like { any, pattern, .. } | Expr::ILike { any, pattern, .. } = &mut like {
        *any = false;
        **pattern = item;
    }
    like
}

/// The elements of an array that is written out.
fn items(expr: &Expr) -> Result<Option<Vec<Expr>>, Error> {
    match expr {
        Expr::Nested(inner) => items(inner),
        Expr::Array(Array { elem, .. }) if !elem.iter().any(|e| matches!(e, Expr::Array(_))) => {
            Ok(Some(elem.clone()))
        }
        Expr::Cast {
            expr: inner,
            data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)),
            ..
        } => cast_items(inner, element),
        _ => Ok(array_literal(expr)?.map(|items| items.into_iter().map(text_or_null).collect())),
    }
}

fn subquery(expr: &Expr) -> Option<&Query> {
    match expr {
        Expr::Nested(inner) => subquery(inner),
        Expr::Subquery(query) => Some(query),
        _ => None,
    }
}

fn compared(
    left: &Expr,
    op: &BinaryOperator,
    right: &Expr,
    quantifier: Quantifier,
) -> Result<Option<Expr>, Error> {
    if let Some(query) = subquery(right) {
        return Ok(Some(with_subquery(left, op, query, quantifier)));
    }
    let Some(items) = items(right)? else { return with_array(left, op, right, quantifier) };
    let negated = quantifier == Quantifier::All;
    let in_list = matches!(
        (op, quantifier),
        (BinaryOperator::Eq, Quantifier::Any) | (BinaryOperator::NotEq, Quantifier::All)
    );
    if items.is_empty() {
        return Ok(Some(Expr::Value(Value::Boolean(negated).with_empty_span())));
    }
    if in_list {
        let expr = Box::new(left.clone());
        return Ok(Some(Expr::InList { expr, list: items, negated }));
    }
    if items.len() > WRITTEN_OUT_MAX {
        return with_array(left, op, right, quantifier);
    }
    let joined = if negated { BinaryOperator::And } else { BinaryOperator::Or };
    let each = items.into_iter().map(|item| binary(left.clone(), op.clone(), item));
    Ok(each.reduce(|a, b| binary(a, joined.clone(), b)).map(nested))
}

/// A function of the array, which is only known when the statement runs.
fn with_array(
    left: &Expr,
    op: &BinaryOperator,
    right: &Expr,
    quantifier: Quantifier,
) -> Result<Option<Expr>, Error> {
    let name = match (op, quantifier) {
        // DataFusion finds what an index may be asked for in this one.
        (BinaryOperator::Eq, Quantifier::Any) => return Ok(None),
        (BinaryOperator::NotEq, Quantifier::Any) => "any_not_equal",
        (BinaryOperator::Lt, Quantifier::Any) => "any_greater",
        (BinaryOperator::LtEq, Quantifier::Any) => "any_greater_or_equal",
        (BinaryOperator::Gt, Quantifier::Any) => "any_less",
        (BinaryOperator::GtEq, Quantifier::Any) => "any_less_or_equal",
        (BinaryOperator::Eq, Quantifier::All) => "all_equal",
        (BinaryOperator::NotEq, Quantifier::All) => "all_not_equal",
        (BinaryOperator::Lt, Quantifier::All) => "all_greater",
        (BinaryOperator::LtEq, Quantifier::All) => "all_greater_or_equal",
        (BinaryOperator::Gt, Quantifier::All) => "all_less",
        (BinaryOperator::GtEq, Quantifier::All) => "all_less_or_equal",
        (op, _) => {
            let message = format!("{op} ANY or ALL of a computed array is not supported");
            return Err(Error::unsupported(message));
        }
    };
    Ok(Some(call(name, vec![right.clone(), left.clone()])))
}

fn is_constant(expr: &Expr) -> bool {
    struct Columns;
    impl Visitor for Columns {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Subquery(_) => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Columns).is_continue()
}

/// A membership where it is one; else how the comparisons with all rows come out together.
fn with_subquery(left: &Expr, op: &BinaryOperator, query: &Query, quantifier: Quantifier) -> Expr {
    let membership = match (op, quantifier) {
        (BinaryOperator::Eq, Quantifier::Any) => Some(false),
        (BinaryOperator::NotEq, Quantifier::All) => Some(true),
        _ => None,
    };
    if let Some(negated) = membership.filter(|_| !is_constant(left)) {
        let (expr, subquery) = (Box::new(left.clone()), Box::new(query.clone()));
        return Expr::InSubquery { expr, subquery, negated };
    }
    over_rows(left, op, query, quantifier)
}

/// `(SELECT CASE … FROM (query) AS compared (value))`
fn over_rows(left: &Expr, op: &BinaryOperator, query: &Query, quantifier: Quantifier) -> Expr {
    const SHAPE: &str = "SELECT CASE WHEN bool_or(decides) THEN true \
        WHEN bool_or(decides IS NULL) THEN NULL ELSE false END FROM (SELECT 1) AS compared (value)";
    let mut shape = super::set_functions::query(SHAPE);
    let value = Expr::Identifier("value".into());
    let compared = nested(binary(left.clone(), op.clone(), value));
    let decides = match quantifier {
        Quantifier::Any => compared,
        Quantifier::All => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(compared) },
    };
    let Some(shape) = shape.as_mut() else { return null() };
    fill(shape, &decides, query);
    let found = Expr::Subquery(Box::new(shape.clone()));
    match quantifier {
        Quantifier::Any => found,
        Quantifier::All => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(found) },
    }
}

/// Puts the comparison and the rows into their places.
fn fill(shape: &mut Query, decides: &Expr, rows: &Query) {
    use datafusion::sql::sqlparser::ast::{SetExpr, TableFactor, VisitMut, VisitorMut};
    struct Decides<'a>(&'a Expr);
    impl VisitorMut for Decides<'_> {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if matches!(expr, Expr::Identifier(name) if name.value == "decides") {
                *expr = self.0.clone();
            }
            ControlFlow::Continue(())
        }
    }
    let SetExpr::Select(select) = shape.body.as_mut() else { return };
    let _: ControlFlow<()> = VisitMut::visit(&mut select.projection, &mut Decides(decides));
    for table in &mut select.from {
        if let TableFactor::Derived { subquery, .. } = &mut table.relation {
            **subquery = rows.clone();
        }
    }
}
