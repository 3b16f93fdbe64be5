//! From the conditions of a query to what the store is asked for.
//!
//! Every understood condition narrows; the rest is ignored, because DataFusion checks all
//! conditions again on the rows that come back.
//!
//! Invariant: a selection never excludes a row that its conditions let through.

use super::Narrows;
use crate::provider::LedgerTable;
use datafusion::arrow::datatypes::TimeUnit;
use datafusion::logical_expr::{BinaryExpr, Expr, Like, Operator};
use datafusion::scalar::ScalarValue;
use ledger::Uuid;
use std::ops::RangeInclusive;
use store::{OneOf, PathSelection, Selection};

/// Whether a condition would narrow a scan of the table.
pub(super) fn narrows(table: &dyn LedgerTable, filter: &Expr) -> bool {
    let mut selection = Selection::default();
    apply(table, filter, &mut selection);
    selection != Selection::default()
}

pub(super) fn selection(table: &dyn LedgerTable, filters: &[Expr]) -> Selection {
    let mut selection = Selection::default();
    for filter in filters {
        apply(table, filter, &mut selection);
    }
    selection
}

fn apply(table: &dyn LedgerTable, filter: &Expr, selection: &mut Selection) {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            apply(table, left, selection);
            apply(table, right, selection);
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let alone = |side: &Expr| {
                let mut alone = Selection::default();
                apply(table, side, &mut alone);
                alone
            };
            let wanted = match (is_never(left), is_never(right)) {
                (true, _) => alone(right),
                (_, true) => alone(left),
                _ => alone(left).or(&alone(right)),
            };
            narrow_to(wanted, selection);
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            if let (Some(narrows), Some(value)) = (column(table, left), literal(right)) {
                compare(narrows, *op, value, selection);
            } else if let (Some(narrows), Some(value), Some(op)) =
                (column(table, right), literal(left), op.swap())
            {
                compare(narrows, op, value, selection);
            }
        }
        Expr::InList(list) if !list.negated => {
            if let Some(narrows) = column(table, &list.expr)
                && let Some(wanted) = listed(narrows, &list.list)
            {
                narrow_to(wanted, selection);
            }
        }
        Expr::Between(between) if !between.negated => {
            let Some(narrows) = column(table, &between.expr) else { return };
            if let Some(low) = literal(&between.low) {
                compare(narrows, Operator::GtEq, low, selection);
            }
            if let Some(high) = literal(&between.high) {
                compare(narrows, Operator::LtEq, high, selection);
            }
        }
        Expr::Like(like) => apply_like(table, like, selection),
        _ => {}
    }
}

/// What any of the values of a list lets through; `None` if not all are known.
fn listed(narrows: Narrows, list: &[Expr]) -> Option<Selection> {
    // NULL is equal to nothing.
    let values = list.iter().filter(|item| !is_null(item)).map(literal);
    let values: Vec<&ScalarValue> = values.collect::<Option<_>>()?;
    let texts = || values.iter().map(|value| text(value)).collect::<Option<Vec<&str>>>();
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
    let mut wanted = Selection::default();
    match narrows {
        Narrows::Path => wanted.path = Some(PathSelection::OneOf(owned(texts()?))),
        Narrows::IdempotencyKey => wanted.idempotency_key = Some(owned(texts()?)),
        Narrows::TxId => {
            let ids = texts()?.into_iter().map(|text| Uuid::try_parse(text).ok());
            wanted.tx_id = Some(ids.collect::<Option<_>>()?);
        }
        Narrows::Seq => {
            let seqs = values.iter().map(|value| position(value)).collect::<Option<Vec<_>>>()?;
            wanted.seqs = Some(seqs.into_iter().flatten().collect());
        }
        Narrows::Book | Narrows::Lsn | Narrows::CommittedAt => {
            let each = values.iter().map(|value| {
                let mut alone = Selection::default();
                compare(narrows, Operator::Eq, value, &mut alone);
                alone
            });
            wanted = each.reduce(|a, b| a.or(&b))?;
        }
    }
    // A list is bounded where it is joined with another one.
    Some(wanted.or(&wanted))
}

/// Whether a condition is a constant that lets nothing through.
fn is_never(condition: &Expr) -> bool {
    is_null(condition) || matches!(condition, Expr::Literal(ScalarValue::Boolean(Some(false)), _))
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}

/// Adds conditions that hold too.
fn narrow_to(wanted: Selection, selection: &mut Selection) {
    let Selection { book, path, tx_id, idempotency_key, seq, seqs, lsn, committed_at } = wanted;
    keep(&mut selection.book, book.as_deref());
    both(&mut selection.path, path, PathSelection::and);
    both(&mut selection.tx_id, tx_id, OneOf::and);
    both(&mut selection.idempotency_key, idempotency_key, OneOf::and);
    both(&mut selection.seqs, seqs, OneOf::and);
    if let Some(range) = seq {
        narrow(&mut selection.seq, range);
    }
    if let Some(range) = lsn {
        narrow(&mut selection.lsn, range);
    }
    if let Some(range) = committed_at {
        narrow(&mut selection.committed_at, range);
    }
}

fn both<T>(slot: &mut Option<T>, value: Option<T>, and: impl Fn(&T, &T) -> T) {
    if let Some(value) = value {
        *slot = Some(match slot {
            Some(before) => and(before, &value),
            None => value,
        });
    }
}

fn apply_like(table: &dyn LedgerTable, like: &Like, selection: &mut Selection) {
    if like.negated || like.case_insensitive || like.escape_char.is_some() {
        return;
    }
    let (Some(Narrows::Path), Some(pattern)) =
        (column(table, &like.expr), literal(&like.pattern).and_then(text))
    else {
        return;
    };
    let end = pattern.find(['%', '_', '\\']).unwrap_or(pattern.len());
    let prefix = &pattern[..end];
    if !prefix.is_empty() {
        let wanted = PathSelection::Prefix(prefix.to_owned());
        both(&mut selection.path, Some(wanted), PathSelection::and);
    }
}

fn column(table: &dyn LedgerTable, expr: &Expr) -> Option<Narrows> {
    match expr {
        Expr::Column(column) => {
            let all = table.narrows();
            all.iter().find(|(name, _)| *name == column.name).map(|(_, narrows)| *narrows)
        }
        // A cast between texts, integers or instants keeps equality and order; what it could
        // change is the value's precision, and values are read exactly below.
        Expr::Cast(cast) if keeps_order(cast.field.data_type()) => column(table, &cast.expr),
        Expr::Alias(alias) => column(table, &alias.expr),
        _ => None,
    }
}

fn keeps_order(data_type: &datafusion::arrow::datatypes::DataType) -> bool {
    use datafusion::arrow::datatypes::DataType;
    matches!(
        data_type,
        DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Int64
            | DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, Some(_))
            | DataType::Decimal128(_, 0..)
    )
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) if !value.is_null() => Some(value),
        Expr::Alias(alias) => literal(&alias.expr),
        _ => None,
    }
}

/// Narrows a selection by `column op value`.
pub(crate) fn compare(
    narrows: Narrows,
    op: Operator,
    value: &ScalarValue,
    selection: &mut Selection,
) {
    match narrows {
        Narrows::Book if op == Operator::Eq => keep(&mut selection.book, text(value)),
        Narrows::IdempotencyKey if op == Operator::Eq => {
            let key = text(value).map(|key| OneOf::value(key.to_owned()));
            both(&mut selection.idempotency_key, key, OneOf::and);
        }
        Narrows::Path if op == Operator::Eq => {
            both(&mut selection.path, text(value).map(PathSelection::exact), PathSelection::and);
        }
        Narrows::TxId if op == Operator::Eq => {
            let id = text(value).and_then(|text| Uuid::try_parse(text).ok());
            both(&mut selection.tx_id, id.map(OneOf::value), OneOf::and);
        }
        Narrows::Seq => narrow_positions(&mut selection.seq, op, value),
        Narrows::Lsn => narrow_positions(&mut selection.lsn, op, value),
        Narrows::CommittedAt => {
            if let Some(range) = instants(op, value) {
                narrow(&mut selection.committed_at, range);
            }
        }
        Narrows::Book | Narrows::IdempotencyKey | Narrows::Path | Narrows::TxId => {}
    }
}

/// Two different values for one column let nothing through; the first is as good as any.
fn keep(slot: &mut Option<String>, value: Option<&str>) {
    if let (None, Some(value)) = (&slot, value) {
        *slot = Some(value.to_owned());
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

fn narrow_positions(slot: &mut Option<RangeInclusive<u64>>, op: Operator, value: &ScalarValue) {
    let Some(value) = integer(value) else { return };
    let range = match op {
        Operator::Eq => value..=value,
        Operator::Lt => i128::MIN..=value.saturating_sub(1),
        Operator::LtEq => i128::MIN..=value,
        Operator::Gt => value.saturating_add(1)..=i128::MAX,
        Operator::GtEq => value..=i128::MAX,
        _ => return,
    };
    let clamp = |bound: i128| u64::try_from(bound.clamp(0, i128::from(u64::MAX))).unwrap_or(0);
    narrow(slot, clamp(*range.start())..=clamp(*range.end()));
}

fn narrow<T: PartialOrd + Copy>(slot: &mut Option<RangeInclusive<T>>, range: RangeInclusive<T>) {
    let (mut start, mut end) = (*range.start(), *range.end());
    if let Some(before) = slot {
        if *before.start() > start {
            start = *before.start();
        }
        if *before.end() < end {
            end = *before.end();
        }
    }
    *slot = Some(start..=end);
}

/// The position that a number is: none if it is no whole number or out of range. `None` if it is
/// not known what it is.
fn position(value: &ScalarValue) -> Option<Option<u64>> {
    match (integer(value), value) {
        (Some(integer), _) => Some(u64::try_from(integer).ok()),
        (None, ScalarValue::Decimal128(Some(_), _, 0..)) => Some(None),
        _ => None,
    }
}

/// The integer a literal is, if it is one.
fn integer(value: &ScalarValue) -> Option<i128> {
    match value {
        ScalarValue::Int8(Some(value)) => Some(i128::from(*value)),
        ScalarValue::Int16(Some(value)) => Some(i128::from(*value)),
        ScalarValue::Int32(Some(value)) => Some(i128::from(*value)),
        ScalarValue::Int64(Some(value)) => Some(i128::from(*value)),
        ScalarValue::UInt8(Some(value)) => Some(i128::from(*value)),
        ScalarValue::UInt16(Some(value)) => Some(i128::from(*value)),
        ScalarValue::UInt32(Some(value)) => Some(i128::from(*value)),
        ScalarValue::UInt64(Some(value)) => Some(i128::from(*value)),
        ScalarValue::Decimal128(Some(value), _, scale) => {
            let power = 10i128.checked_pow(u32::try_from(*scale).ok()?)?;
            (value % power == 0).then_some(value / power)
        }
        _ => None,
    }
}

/// Microseconds that satisfy `committed_at <op> value`. A value between two microseconds widens
/// the range by one, which is allowed.
fn instants(op: Operator, value: &ScalarValue) -> Option<RangeInclusive<i64>> {
    let (floor, exact) = match value {
        ScalarValue::TimestampSecond(Some(value), _) => (value.checked_mul(1_000_000)?, true),
        ScalarValue::TimestampMillisecond(Some(value), _) => (value.checked_mul(1_000)?, true),
        ScalarValue::TimestampMicrosecond(Some(value), _) => (*value, true),
        ScalarValue::TimestampNanosecond(Some(value), _) => {
            (value.div_euclid(1_000), value.rem_euclid(1_000) == 0)
        }
        _ => return None,
    };
    match op {
        Operator::Eq => Some(floor..=floor),
        Operator::Lt if exact => Some(i64::MIN..=floor.saturating_sub(1)),
        Operator::Lt | Operator::LtEq => Some(i64::MIN..=floor),
        Operator::Gt => Some(floor.saturating_add(1)..=i64::MAX),
        Operator::GtEq => Some(floor..=i64::MAX),
        _ => None,
    }
}
