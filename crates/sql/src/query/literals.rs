//! Integer literals as Postgres types them: int4 if they fit, else int8, else numeric.
//!
//! DataFusion reads every integer as int8. Where a number is not a value but a place or a count
//! (`ORDER BY 1`, `LIMIT 5`, frames of windows) the planner wants it bare, so it becomes so again.

use super::syntax::call;
use crate::PgType;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType as SqlType, Expr, FunctionArguments, GroupByExpr, LimitClause,
    NamedWindowExpr, OrderBy, OrderByKind, Query, Select, UnaryOperator, Value, WindowFrameBound,
    WindowSpec, WindowType,
};

/// Types a number, once what is inside of it has been visited.
pub(super) fn type_number(expr: &mut Expr) {
    match expr {
        Expr::Value(value) => {
            let Value::Number(digits, _) = &value.value else { return };
            if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return;
            }
            if digits.parse::<i32>().is_ok() {
                *expr = int4(expr.clone());
            } else if digits.parse::<i64>().is_err() {
                let text = Value::SingleQuotedString(digits.clone()).with_empty_span();
                *expr = call("numeric", vec![Expr::Value(text)]);
            }
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => {
            if is_least(inner, "2147483648") {
                *expr = int4(expr.clone());
            } else if let Some(number) = bare_number(inner) {
                **inner = number;
                *expr = int4(expr.clone());
            } else if is_numeric_of(inner, "9223372036854775808") {
                **inner = Expr::Value(
                    Value::Number("9223372036854775808".to_owned(), false).with_empty_span(),
                );
            }
        }
        Expr::Interval(interval) => make_bare(&mut interval.value),
        Expr::Function(function) => {
            if let Some(WindowType::WindowSpec(window)) = &mut function.over {
                bare_frame(window);
            }
        }
        _ => {}
    }
}

/// A number that is cast to a float is read as one: as a decimal it may be too long.
pub(super) fn float_as_text(number: &mut Expr, cast_to: PgType) {
    if !matches!(cast_to, PgType::Float4 | PgType::Float8) {
        return;
    }
    if let Some(text) = number_text(number) {
        *number = Expr::Value(Value::SingleQuotedString(text).with_empty_span());
    }
}

fn number_text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => number_text(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => {
            let text = number_text(inner)?;
            Some(text.strip_prefix('-').map_or_else(|| format!("-{text}"), str::to_owned))
        }
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => Some(digits.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// `ORDER BY`, `LIMIT` and `OFFSET` count places and rows.
pub(super) fn bare_in_query(query: &mut Query) {
    if let Some(OrderBy { kind: OrderByKind::Expressions(exprs), .. }) = &mut query.order_by {
        exprs.iter_mut().for_each(|each| make_bare(&mut each.expr));
    }
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            let offset = offset.iter_mut().map(|offset| &mut offset.value);
            limit.iter_mut().chain(offset).for_each(make_bare);
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
            make_bare(offset);
            make_bare(limit);
        }
        None => {}
    }
}

/// So does `GROUP BY`, and the frames of named windows.
pub(super) fn bare_in_select(select: &mut Select) {
    if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
        exprs.iter_mut().for_each(make_bare);
    }
    for window in &mut select.named_window {
        if let NamedWindowExpr::WindowSpec(window) = &mut window.1 {
            bare_frame(window);
        }
    }
}

fn bare_frame(window: &mut WindowSpec) {
    let Some(frame) = &mut window.window_frame else { return };
    for bound in std::iter::once(&mut frame.start_bound).chain(&mut frame.end_bound) {
        if let WindowFrameBound::Preceding(Some(rows)) | WindowFrameBound::Following(Some(rows)) =
            bound
        {
            make_bare(rows);
        }
    }
}

fn int4(number: Expr) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(number),
        data_type: SqlType::Int4(None),
        array: false,
        format: None,
    }
}

/// The number inside of a cast that [`int4`] made.
fn bare_number(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Cast { expr: inner, data_type: SqlType::Int4(None), .. } => match inner.as_ref() {
            Expr::Value(value) if matches!(value.value, Value::Number(..)) => {
                Some(inner.as_ref().clone())
            }
            Expr::UnaryOp { op: UnaryOperator::Minus, .. } => Some(inner.as_ref().clone()),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn make_bare(expr: &mut Expr) {
    if let Some(number) = bare_number(expr) {
        *expr = number;
    }
}

fn is_least(expr: &Expr, digits: &str) -> bool {
    matches!(expr, Expr::Value(value)
        if matches!(&value.value, Value::Number(found, _) if found == digits))
}

/// Whether it is the call that [`type_number`] makes of these digits.
fn is_numeric_of(expr: &Expr, digits: &str) -> bool {
    let Expr::Function(function) = expr else { return false };
    let FunctionArguments::List(list) = &function.args else { return false };
    function.name.to_string() == "numeric"
        && list.args.iter().any(|arg| arg.to_string() == format!("'{digits}'"))
}
