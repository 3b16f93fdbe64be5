//! Rows of VALUES: a literal is of the type of its column.
//!
//! The planner gives a column the type of its first row. Where a type is one that it does not know
//! of, literals and NULLs of the same column are cast to it too; and a column that mixes float8 and
//! numeric is float8 in Postgres, where it would be a numeric.

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType as SqlType, Expr, SetExpr, Value, Values,
};

pub(super) fn type_columns(body: &mut SetExpr) {
    let SetExpr::Values(values) = body else { return };
    let width = values.rows.iter().map(|row| row.content.len()).max().unwrap_or(0);
    for column in 0..width {
        let typed = values.rows.iter().filter_map(|row| row.content.get(column)).find_map(own_type);
        let Some(data_type) = typed else { continue };
        for row in &mut values.rows {
            if let Some(expr) = row.content.get_mut(column)
                && is_untyped(expr)
            {
                *expr = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(expr.clone()),
                    data_type: data_type.clone(),
                    array: false,
                    format: None,
                };
            }
        }
    }
}

/// A type that only Postgres has.
fn own_type(expr: &Expr) -> Option<SqlType> {
    match expr {
        Expr::Nested(inner) => own_type(inner),
        Expr::Cast {
            data_type: data_type @ (SqlType::JSON | SqlType::JSONB | SqlType::Uuid),
            ..
        } => Some(data_type.clone()),
        Expr::TypedString(typed)
            if matches!(typed.data_type, SqlType::JSON | SqlType::JSONB | SqlType::Uuid) =>
        {
            Some(typed.data_type.clone())
        }
        _ => None,
    }
}

fn is_untyped(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value)
        if matches!(value.value, Value::Null | Value::SingleQuotedString(_) | Value::Placeholder(_)))
}

/// Reads the numbers beside a float as floats.
pub(super) fn with_floats(body: &mut SetExpr) {
    let SetExpr::Values(Values { rows, .. }) = body else { return };
    let columns = rows.first().map_or(0, |row| row.content.len());
    for column in 0..columns {
        if !rows.iter().any(|row| row.content.get(column).is_some_and(is_float)) {
            continue;
        }
        for row in rows.iter_mut() {
            if let Some(number) = row.content.get_mut(column).filter(|cell| is_number(cell)) {
                let expr = Box::new(number.clone());
                *number = Expr::Cast {
                    kind: CastKind::Cast,
                    expr,
                    data_type: SqlType::Float8,
                    array: false,
                    format: None,
                };
            }
        }
    }
}

fn is_float(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => is_float(inner),
        Expr::Cast { data_type, .. } => matches!(
            data_type,
            SqlType::Float8 | SqlType::Float(_) | SqlType::DoublePrecision | SqlType::Double(_)
        ),
        _ => false,
    }
}

fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => is_number(inner),
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        _ => false,
    }
}
