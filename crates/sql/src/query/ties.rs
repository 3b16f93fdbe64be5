//! `FETCH FIRST n ROWS WITH TIES`: the rows whose rank in the order is at most n.

use super::syntax::call;
use crate::{Error, Fault};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, LimitClause, Offset, OrderBy, OrderByExpr, OrderByKind, Query,
    Select, SelectItem, SetExpr, Value, WindowSpec, WindowType,
};

/// Puts the condition on the rank in the place of the FETCH that was taken from the query.
pub(super) fn rewrite(query: &mut Query, rows: Expr) -> Result<(), Error> {
    let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = &query.order_by else {
        let message = "WITH TIES cannot be specified without ORDER BY clause";
        return Err(Error::new(Fault::SyntaxError, message));
    };
    let offset = match &query.limit_clause {
        None => None,
        Some(LimitClause::LimitOffset { limit: None, offset, limit_by }) if limit_by.is_empty() => {
            offset.as_ref().map(|Offset { value, .. }| value.clone())
        }
        Some(_) => return Err(Error::new(Fault::SyntaxError, "LIMIT and FETCH FIRST at once")),
    };
    let keys = keys.clone();
    let SetExpr::Select(select) = query.body.as_mut() else { return Err(unsupported()) };
    if select.distinct.is_some() || select.qualify.is_some() {
        return Err(unsupported());
    }
    let order_by = keys
        .into_iter()
        .map(|key| by_value(key, select).ok_or_else(unsupported))
        .collect::<Result<Vec<_>, _>>()?;
    let mut rank = call("rank", Vec::new());
    if let Expr::Function(Function { over, .. }) = &mut rank {
        *over = Some(WindowType::WindowSpec(WindowSpec {
            window_name: None,
            partition_by: Vec::new(),
            order_by,
            window_frame: None,
        }));
    }
    // Rows before the offset count too.
    let rows = match offset {
        Some(offset) => binary(rows, BinaryOperator::Plus, offset),
        None => rows,
    };
    select.qualify = Some(binary(rank, BinaryOperator::LtEq, rows));
    Ok(())
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn unsupported() -> Error {
    Error::unsupported("FETCH FIRST … WITH TIES of DISTINCT or of a set operation")
        .with_hint("Make it a subquery, and FETCH from that.")
}

/// `ORDER BY 2` and `ORDER BY name` mean what the select list has there.
fn by_value(mut key: OrderByExpr, select: &Select) -> Option<OrderByExpr> {
    let item = match &key.expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => {
                let at = digits.parse::<usize>().ok()?.checked_sub(1)?;
                Some(select.projection.get(at)?)
            }
            _ => None,
        },
        Expr::Identifier(name) => select.projection.iter().find(|item| {
            matches!(item, SelectItem::ExprWithAlias { alias, .. }
                if alias.value.eq_ignore_ascii_case(&name.value))
        }),
        _ => None,
    };
    match item {
        None => {}
        Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => {
            key.expr = expr.clone();
        }
        Some(_) => return None,
    }
    Some(key)
}
