//! Rows that are compared: with rows, lists of rows, and the rows of a subquery.

use super::operators::{binary, nested};
use super::set_functions::select;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Ident, Query, SelectItem, SetExpr, TableAlias,
    TableAliasColumnDef, TableFactor, UnaryOperator, Value, ValueWithSpan,
    helpers::attached_token::AttachedToken,
};

fn row(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Tuple(items) => Some(items),
        Expr::Nested(inner) => row(inner),
        _ => None,
    }
}

/// Rows are compared column by column, with NULL as in any comparison.
pub(super) fn compared_rows(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Expr> {
    let (left, right) = (row(left)?, row(right)?);
    if left.is_empty() || left.len() != right.len() {
        return None;
    }
    let pairs = left.iter().cloned().zip(right.iter().cloned());
    match op {
        BinaryOperator::Eq => {
            let equal = pairs.map(|(l, r)| binary(l, BinaryOperator::Eq, r));
            equal.reduce(|a, b| binary(a, BinaryOperator::And, b)).map(nested)
        }
        BinaryOperator::NotEq => {
            let differ = pairs.map(|(l, r)| binary(l, BinaryOperator::NotEq, r));
            differ.reduce(|a, b| binary(a, BinaryOperator::Or, b)).map(nested)
        }
        BinaryOperator::Lt | BinaryOperator::LtEq => {
            ordered(pairs.collect(), &BinaryOperator::Lt, op)
        }
        BinaryOperator::Gt | BinaryOperator::GtEq => {
            ordered(pairs.collect(), &BinaryOperator::Gt, op)
        }
        _ => None,
    }
}

/// `a < c OR a = c AND (b < d)`, and so on; the last pair decides whether equal is enough.
fn ordered(
    pairs: Vec<(Expr, Expr)>,
    strict: &BinaryOperator,
    last: &BinaryOperator,
) -> Option<Expr> {
    pairs.into_iter().rev().fold(None, |rest, (l, r)| {
        Some(nested(match rest {
            None => binary(l, last.clone(), r),
            Some(rest) => {
                let equal = binary(l.clone(), BinaryOperator::Eq, r.clone());
                let first = binary(l, strict.clone(), r);
                let then = binary(equal, BinaryOperator::And, rest);
                binary(first, BinaryOperator::Or, then)
            }
        }))
    })
}

/// What is asked of `(a, b) IN (SELECT …)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    /// True or not: a condition takes NULL for false.
    Only,
    /// True, false, or NULL.
    OrUnknown,
}

/// In a condition's AND, a row in a subquery is a row that exists.
pub(super) fn rows_in_subquery(condition: &mut Expr) {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            rows_in_subquery(left);
            rows_in_subquery(right);
        }
        Expr::Nested(inner) => rows_in_subquery(inner),
        Expr::InSubquery { expr: row, subquery, negated: false } => {
            if let Some(exists) = row_in_subquery(row, subquery, Truth::Only) {
                *condition = exists;
            }
        }
        _ => {}
    }
}

/// `(a, b) IN (SELECT x, y …)`: there is a row of the subquery that is equal.
pub(super) fn row_in_subquery(left: &Expr, subquery: &Query, truth: Truth) -> Option<Expr> {
    let values = row(left)?;
    let names: Vec<Ident> =
        (0..values.len()).map(|index| Ident::with_quote('"', format!("\u{2}{index}"))).collect();
    let columns: Vec<Expr> = names.iter().cloned().map(Expr::Identifier).collect();
    let equal = compared_rows(left, &BinaryOperator::Eq, &Expr::Tuple(columns))?;
    let exists = |condition: Expr| {
        let one = SelectItem::UnnamedExpr(Expr::Value(
            Value::Number("1".to_owned(), false).with_empty_span(),
        ));
        let columns =
            names.iter().map(|name| TableAliasColumnDef { name: name.clone(), data_type: None });
        let alias = TableAlias {
            explicit: true,
            name: Ident::with_quote('"', "\u{2}rows"),
            columns: columns.collect(),
            at: None,
        };
        let rows = TableFactor::Derived {
            lateral: false,
            subquery: Box::new(subquery.clone()),
            alias: Some(alias),
            sample: None,
        };
        let mut query = select(vec![one], Some(rows)).ok()?;
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.selection = Some(condition);
        }
        Some(Expr::Exists { subquery: Box::new(query), negated: false })
    };
    let found = exists(equal.clone())?;
    if truth == Truth::Only {
        return Some(found);
    }
    let unknown = exists(Expr::IsNull(Box::new(equal)))?;
    let constant = |value| Expr::Value(value_of(value));
    let when = |condition, result| CaseWhen { condition, result };
    Some(nested(Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![
            when(found, constant(Value::Boolean(true))),
            when(unknown, constant(Value::Null)),
        ],
        else_result: Some(Box::new(constant(Value::Boolean(false)))),
    }))
}

fn value_of(value: Value) -> ValueWithSpan {
    value.with_empty_span()
}

pub(super) fn negated_if(expr: Expr, negated: bool) -> Expr {
    match negated {
        true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expr) },
        false => expr,
    }
}

/// `(a, b) IN ((1, 2), (3, 4))` is `(a, b) = (1, 2) OR (a, b) = (3, 4)`.
pub(super) fn row_in_list(left: &Expr, list: &[Expr], negated: bool) -> Option<Expr> {
    row(left)?;
    let equal: Option<Vec<Expr>> =
        list.iter().map(|each| compared_rows(left, &BinaryOperator::Eq, each)).collect();
    let any = nested(equal?.into_iter().reduce(|a, b| binary(a, BinaryOperator::Or, b))?);
    Some(negated_if(any, negated))
}
