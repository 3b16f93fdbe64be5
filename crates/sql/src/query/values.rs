//! `VALUES` whose rows mix float8 and numeric: such a column is float8 in Postgres, and a numeric in
//! DataFusion.

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType as SqlType, Expr, SetExpr, Value, Values,
};

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
