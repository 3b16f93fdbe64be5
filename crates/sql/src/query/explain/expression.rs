//! Expressions of a plan as SQL.
//!
//! Owns the spelling alone: columns by their names, literals in quotes where they need them,
//! Postgres' names of types, parentheses where the operators ask for them. What it does not know
//! is shown as DataFusion writes it.

use super::super::typing::from_field;
use crate::exact;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr,
    Literal, NegativeExpr, NotExpr,
};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr, ScalarFunctionExpr};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// A text, and how strongly its outermost operator binds.
struct Spelled {
    text: String,
    precedence: u8,
}

/// Binds more than any operator.
const ATOM: u8 = u8::MAX;

pub(in crate::query) fn spelled(expr: &dyn PhysicalExpr) -> String {
    spell(expr).text
}

pub(super) fn list<'a>(exprs: impl IntoIterator<Item = &'a Arc<dyn PhysicalExpr>>) -> String {
    exprs.into_iter().map(|expr| spelled(expr.as_ref())).collect::<Vec<_>>().join(", ")
}

/// `x DESC NULLS LAST`, without what goes without saying in Postgres.
pub(super) fn sort_key(key: &PhysicalSortExpr) -> String {
    let order = match (key.options.descending, key.options.nulls_first) {
        (false, false) => "",
        (false, true) => " NULLS FIRST",
        (true, true) => " DESC",
        (true, false) => " DESC NULLS LAST",
    };
    format!("{}{order}", spelled(key.expr.as_ref()))
}

fn spell(expr: &dyn PhysicalExpr) -> Spelled {
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        return infix(binary.op(), binary.left(), binary.right());
    }
    if let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() {
        return match (exact::operator_of(function.name()), function.args()) {
            (Some(operator), [left, right]) => infix(&operator, left, right),
            (Some(operator), [only]) => prefix(&operator.to_string(), only),
            (None, [document, keys @ .., last]) => match function.name() {
                "json_as_text" => look_up(document, keys, "->>", last),
                "json_get_json" => look_up(document, keys, "->", last),
                name => atom(format!("{name}({})", list(function.args()))),
            },
            (_, args) => atom(format!("{}({})", function.name(), list(args))),
        };
    }
    atom(if let Some(column) = expr.downcast_ref::<Column>() {
        column.name().to_owned()
    } else if let Some(value) = expr.downcast_ref::<Literal>() {
        literal(value.value())
    } else if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        format!("{}::{}", operand(cast.expr(), ATOM), type_name(cast.target_field()))
    } else if let Some(not) = expr.downcast_ref::<NotExpr>() {
        return prefix("NOT ", not.arg());
    } else if let Some(negative) = expr.downcast_ref::<NegativeExpr>() {
        return prefix("-", negative.arg());
    } else if let Some(null) = expr.downcast_ref::<IsNullExpr>() {
        return suffix(null.arg(), "IS NULL");
    } else if let Some(null) = expr.downcast_ref::<IsNotNullExpr>() {
        return suffix(null.arg(), "IS NOT NULL");
    } else if let Some(within) = expr.downcast_ref::<InListExpr>() {
        let not = if within.negated() { "NOT " } else { "" };
        return suffix(within.expr(), &format!("{not}IN ({})", list(within.list())));
    } else if let Some(like) = expr.downcast_ref::<LikeExpr>() {
        let not = if like.negated() { "NOT " } else { "" };
        let word = if like.case_insensitive() { "ILIKE" } else { "LIKE" };
        return suffix(like.expr(), &format!("{not}{word} {}", operand(like.pattern(), ATOM)));
    } else if let Some(case) = expr.downcast_ref::<CaseExpr>() {
        cases(case)
    } else {
        expr.to_string()
    })
}

fn atom(text: String) -> Spelled {
    Spelled { text, precedence: ATOM }
}

fn infix(
    operator: &Operator,
    left: &Arc<dyn PhysicalExpr>,
    right: &Arc<dyn PhysicalExpr>,
) -> Spelled {
    let precedence = operator.precedence();
    // Of operators that bind alike, the left one goes first.
    let (left, right) = (operand(left, precedence), operand(right, precedence + 1));
    Spelled { text: format!("{left} {operator} {right}"), precedence }
}

fn prefix(word: &str, expr: &Arc<dyn PhysicalExpr>) -> Spelled {
    atom(format!("{word}{}", operand(expr, ATOM)))
}

fn suffix(expr: &Arc<dyn PhysicalExpr>, words: &str) -> Spelled {
    let precedence = Operator::Eq.precedence();
    Spelled { text: format!("{} {words}", operand(expr, precedence + 1)), precedence }
}

/// In parentheses, unless it binds at least so strongly.
fn operand(expr: &Arc<dyn PhysicalExpr>, precedence: u8) -> String {
    let spelled = spell(expr.as_ref());
    match spelled.precedence >= precedence {
        true => spelled.text,
        false => format!("({})", spelled.text),
    }
}

/// `metadata -> 'order' ->> 'channel'`.
fn look_up(
    document: &Arc<dyn PhysicalExpr>,
    keys: &[Arc<dyn PhysicalExpr>],
    operator: &str,
    last: &Arc<dyn PhysicalExpr>,
) -> Spelled {
    // As any operator that is none of arithmetic, it binds more than a comparison.
    let precedence = Operator::Eq.precedence() + 1;
    let mut text = operand(document, precedence);
    for key in keys {
        text.push_str(&format!(" -> {}", operand(key, ATOM)));
    }
    text.push_str(&format!(" {operator} {}", operand(last, ATOM)));
    Spelled { text, precedence }
}

fn cases(case: &CaseExpr) -> String {
    let mut text = "CASE".to_owned();
    let mut push = |word: &str, expr: &Arc<dyn PhysicalExpr>| {
        text.push_str(&format!(" {word}{}", spelled(expr.as_ref())));
    };
    case.expr().into_iter().for_each(|expr| push("", expr));
    for (when, then) in case.when_then_expr() {
        push("WHEN ", when);
        push("THEN ", then);
    }
    case.else_expr().into_iter().for_each(|expr| push("ELSE ", expr));
    text + " END"
}

fn type_name(field: &FieldRef) -> String {
    match from_field(field) {
        Ok(pg_type) => pg_type.name().to_owned(),
        Err(_) => field.data_type().to_string(),
    }
}

fn literal(value: &ScalarValue) -> String {
    if value.is_null() {
        return "NULL".to_owned();
    }
    let shown = value.to_array().and_then(|array| Ok(array_value_to_string(&array, 0)?));
    let Ok(shown) = shown else { return value.to_string() };
    let is_bare = value.data_type().is_numeric() || value.data_type() == DataType::Boolean;
    match is_bare {
        true => shown,
        false => format!("'{}'", shown.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::physical_expr::expressions::{binary, cast, col, is_null, lit, not};

    #[test]
    fn expressions_are_spelled_as_sql() {
        let schema = Schema::new(vec![
            Field::new("path", DataType::Utf8, false),
            Field::new("seq", DataType::Int64, false),
        ]);
        let column = |name: &str| col(name, &schema).unwrap();
        let with = |left: &Arc<dyn PhysicalExpr>, operator, right: &Arc<dyn PhysicalExpr>| {
            binary(Arc::clone(left), operator, Arc::clone(right), &schema).unwrap()
        };
        let named = with(&column("path"), Operator::Eq, &lit("it's"));
        let late = with(&column("seq"), Operator::GtEq, &lit(5_i64));
        let either = with(&named, Operator::Or, &late);
        let difference = with(&column("seq"), Operator::Minus, &lit(1_i64));
        let nested = with(&column("seq"), Operator::Minus, &difference);
        let numeric = cast(column("seq"), &schema, DataType::Decimal128(38, 0)).unwrap();
        let cases = [
            (Arc::clone(&named), "path = 'it''s'"),
            (with(&either, Operator::And, &late), "(path = 'it''s' OR seq >= 5) AND seq >= 5"),
            (not(Arc::clone(&either)).unwrap(), "NOT (path = 'it''s' OR seq >= 5)"),
            (with(&difference, Operator::Minus, &lit(2_i64)), "seq - 1 - 2"),
            (nested, "seq - (seq - 1)"),
            (is_null(numeric).unwrap(), "seq::numeric IS NULL"),
            (lit(ScalarValue::Decimal128(Some(-1234), 10, 2)), "-12.34"),
            (lit(ScalarValue::Int32(None)), "NULL"),
            (lit(true), "true"),
        ];
        for (expr, expected) in cases {
            assert_eq!(spelled(expr.as_ref()), expected);
        }
    }
}
