//! The columns of a part's tables.
//!
//! Postings and transactions have the columns that readers see, under the same names and in the
//! same places, and behind them what only the store needs.

use super::names::TableName;
use crate::projection::{PostingRow, Row as _, TransactionRow};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

/// How a table keeps amounts and sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Money {
    /// All of them fit 64 bits, which is smaller and several times faster.
    Narrow,
    Wide,
}

/// Places of the postings columns.
pub(super) mod posting {
    pub(crate) const TX_ID: usize = 0;
    pub(crate) const IDX: usize = 1;
    pub(crate) const BOOK: usize = 2;
    pub(crate) const SEQ: usize = 3;
    pub(crate) const LSN: usize = 4;
    pub(crate) const ACCOUNT: usize = 5;
    pub(crate) const ASSET: usize = 6;
    pub(crate) const AMOUNT: usize = 7;
    pub(crate) const DIRECTION: usize = 8;
    pub(crate) const OCCURRED_AT: usize = 10;
    pub(crate) const COMMITTED_AT: usize = 11;
    pub(crate) const DEBITS_AFTER: usize = 12;
    pub(crate) const CREDITS_AFTER: usize = 13;
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::Int64, false)
}

fn time(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false)
}

fn money(name: &str) -> Field {
    Field::new(name, DataType::Decimal128(38, 0), false)
}

pub(super) fn postings(width: Money) -> SchemaRef {
    let public = PostingRow::schema();
    let own = [money("debits_after"), money("credits_after")];
    let fields = public.fields().iter().map(|field| field.as_ref().clone()).chain(own);
    let fields: Vec<Field> = fields
        .map(|field| match (width, field.data_type()) {
            (Money::Narrow, DataType::Decimal128(..)) => number(field.name()),
            _ => field,
        })
        .collect();
    Arc::new(Schema::new(fields))
}

pub(super) fn transactions() -> SchemaRef {
    TransactionRow::schema()
}

pub(super) fn sequence() -> SchemaRef {
    Arc::new(Schema::new(vec![text("book"), number("seq"), number("lsn"), time("at")]))
}

pub(super) fn accounts() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("book"),
        text("account"),
        text("asset"),
        text("kind"),
        money("min_balance").with_nullable(true),
        text("metadata"),
        number("opened_lsn"),
        number("opened_seq"),
        time("opened_at"),
        text("changes").with_nullable(true),
        money("debits"),
        money("credits"),
        number("last_posting_lsn").with_nullable(true),
        number("last_posting_seq").with_nullable(true),
    ]))
}

pub(super) fn positions() -> SchemaRef {
    Arc::new(Schema::new(vec![number("lsn"), number("segment"), number("offset")]))
}

/// The schemas that a table may have.
pub(super) fn of_table(table: TableName) -> Vec<SchemaRef> {
    match table {
        TableName::Postings => vec![postings(Money::Narrow), postings(Money::Wide)],
        TableName::Transactions => vec![transactions()],
        TableName::Sequence => vec![sequence()],
        TableName::Accounts => vec![accounts()],
        TableName::Positions => vec![positions()],
    }
}
