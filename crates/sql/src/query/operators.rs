//! Operators whose meaning DataFusion has otherwise, rewritten on the syntax tree: rows that are
//! compared, `IS DISTINCT FROM` before AND, `= ANY` of an array literal, `AT TIME ZONE`, extract.

use super::normalize::call;
use super::set_functions::select;
use crate::Error;
use crate::function::{MAY_BE_NULL, parse_array};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, ArrayElemTypeDef, BinaryOperator, CaseWhen, CastKind, DataType as SqlType,
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Query, SelectItem, SetExpr,
    Subscript, TableAlias, TableAliasColumnDef, TableFactor, UnaryOperator, Value, ValueWithSpan,
    helpers::attached_token::AttachedToken,
};

/// Before what is inside of the expression is visited.
pub(super) fn before(expr: &mut Expr) -> Result<(), Error> {
    if let Some(rotated) = distinct_before_and(expr) {
        *expr = rotated;
    }
    match expr {
        Expr::CompoundFieldAccess { access_chain, .. } => {
            access_chain.iter_mut().for_each(index_from_one);
        }
        Expr::SimilarTo { .. } => {
            return Err(Error::unsupported("SIMILAR TO is not supported")
                .with_hint("Use LIKE or a regular expression (~)."));
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
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => {
            if let Some(items) = array_literal(right)? {
                let list = items.into_iter().map(text_or_null).collect();
                *expr = Expr::InList { expr: left.clone(), list, negated: false };
            }
        }
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => {
            if let Some(items) = array_literal(right)? {
                let list = items.into_iter().map(text_or_null).collect();
                *expr = Expr::InList { expr: left.clone(), list, negated: true };
            }
        }
        Expr::Cast { expr: inner, data_type: SqlType::Array(element), .. } => {
            let ArrayElemTypeDef::SquareBracket(element, _) = element else { return Ok(()) };
            if let Some(items) = array_literal(inner)? {
                let cast = |item| Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(text_or_null(item)),
                    data_type: element.as_ref().clone(),
                    array: false,
                    format: None,
                };
                let elem: Vec<Expr> = items.into_iter().map(cast).collect();
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
pub(super) fn after(expr: &mut Expr) {
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
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => {
            bare_subquery(right);
            return;
        }
        _ => return,
    };
    *expr = rewritten;
}

/// What is compared with all rows of a subquery is no value.
fn bare_subquery(expr: &mut Expr) {
    let Expr::Function(function) = &*expr else { return };
    let FunctionArguments::List(list) = &function.args else { return };
    if let [FunctionArg::Unnamed(FunctionArgExpr::Expr(subquery @ Expr::Subquery(_)))] =
        list.args.as_slice()
    {
        *expr = subquery.clone();
    }
}

fn text_or_null(item: Option<String>) -> Expr {
    let value = item.map_or(Value::Null, Value::SingleQuotedString);
    Expr::Value(value.with_empty_span())
}

/// The elements of `'{a,b}'`.
fn array_literal(expr: &Expr) -> Result<Option<Vec<Option<String>>>, Error> {
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

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    let left = Box::new(left);
    Expr::BinaryOp { left, op, right: Box::new(right) }
}

fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

fn row(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Tuple(items) => Some(items),
        Expr::Nested(inner) => row(inner),
        _ => None,
    }
}

/// Rows are compared column by column, with NULL as in any comparison.
fn compared_rows(left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Expr> {
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
enum Truth {
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
fn row_in_subquery(left: &Expr, subquery: &Query, truth: Truth) -> Option<Expr> {
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

fn negated_if(expr: Expr, negated: bool) -> Expr {
    match negated {
        true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expr) },
        false => expr,
    }
}

/// `(a, b) IN ((1, 2), (3, 4))` is `(a, b) = (1, 2) OR (a, b) = (3, 4)`.
fn row_in_list(left: &Expr, list: &[Expr], negated: bool) -> Option<Expr> {
    row(left)?;
    let equal: Option<Vec<Expr>> =
        list.iter().map(|each| compared_rows(left, &BinaryOperator::Eq, each)).collect();
    let any = nested(equal?.into_iter().reduce(|a, b| binary(a, BinaryOperator::Or, b))?);
    Some(negated_if(any, negated))
}
