//! LIMIT, OFFSET and FETCH FIRST: one clause, with numbers in it.

use super::ties;
use crate::{Error, Fault};
use datafusion::sql::sqlparser::ast::{Expr, LimitClause, Query, Value};

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
pub(super) fn plain_limit(query: &mut Query) -> Result<(), Error> {
    let Some(fetch) = query.fetch.take() else { return Ok(()) };
    if fetch.percent {
        return Err(Error::unsupported("FETCH FIRST … PERCENT is not supported"));
    }
    let one = Expr::Value(Value::Number("1".to_owned(), false).with_empty_span());
    let rows = fetch.quantity.unwrap_or(one);
    if fetch.with_ties {
        return ties::rewrite(query, rows);
    }
    let rows = Some(rows);
    match &mut query.limit_clause {
        None => {
            let (offset, limit_by) = (None, Vec::new());
            query.limit_clause = Some(LimitClause::LimitOffset { limit: rows, offset, limit_by });
            Ok(())
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => {
            *limit = rows;
            Ok(())
        }
        Some(_) => Err(Error::new(Fault::SyntaxError, "LIMIT and FETCH FIRST at once")),
    }
}

/// A text where rows are counted is read as a number.
pub(super) fn read_count(limit: &mut Expr) -> Result<(), Error> {
    let Expr::Value(value) = limit else { return Ok(()) };
    let Value::SingleQuotedString(text) = &value.value else { return Ok(()) };
    let Ok(count) = text.trim().parse::<i64>() else {
        let message = format!("invalid input syntax for type bigint: \"{text}\"");
        return Err(Error::new(Fault::InvalidTextRepresentation, message));
    };
    value.value = Value::Number(count.to_string(), false);
    Ok(())
}

pub(super) fn limits_mut(query: &mut Query) -> Vec<&mut Expr> {
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            limit.iter_mut().chain(offset.as_mut().map(|offset| &mut offset.value)).collect()
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => vec![offset, limit],
        None => Vec::new(),
    }
}
