//! The columns of postings, transactions and events, as readers scan them.
//!
//! A row whose event has lsn 0 is staged: its seq, lsn and time are NULL. Staged rows come in
//! batches of their own.

use super::{Row, transaction_of};
use crate::log::record::{event_payload, postings_json};
use arrow_array::{
    ArrayRef, Decimal128Array, FixedSizeBinaryArray, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use ledger::{AccountKind, Event, Lsn, Posting, Seq, Timestamp, Totals, Uuid};
use std::sync::{Arc, LazyLock};

/// One leg of a transaction, with its account's sums after it.
#[derive(Debug, Clone)]
pub(crate) struct PostingRow {
    pub(crate) event: Arc<Event>,
    pub(crate) index: u16,
    pub(crate) kind: AccountKind,
    /// Lifetime sums of the account after this leg: what makes old cuts cheap.
    pub(crate) totals_after: Totals,
}

impl PostingRow {
    pub(crate) fn posting(&self) -> &Posting {
        &transaction_of(&self.event).postings[usize::from(self.index)]
    }
}

#[derive(Debug, Clone)]
pub(crate) struct TransactionRow(pub(crate) Arc<Event>);

#[derive(Debug, Clone)]
pub(crate) struct EventRow(pub(crate) Arc<Event>);

fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn schema(fields: &[(&str, DataType, bool)]) -> SchemaRef {
    let fields: Vec<Field> = fields
        .iter()
        .map(|(name, data_type, nullable)| Field::new(*name, data_type.clone(), *nullable))
        .collect();
    Arc::new(Schema::new(fields))
}

static POSTINGS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(&[
        ("tx_id", DataType::FixedSizeBinary(16), false),
        ("idx", DataType::Int32, false),
        ("book", DataType::Utf8, false),
        ("seq", DataType::Int64, false),
        ("lsn", DataType::Int64, false),
        ("account", DataType::Utf8, false),
        ("asset", DataType::Utf8, false),
        ("amount", DataType::Decimal128(38, 0), false),
        ("direction", DataType::Utf8, false),
        ("balance_after", DataType::Decimal128(38, 0), false),
        ("occurred_at", timestamp_type(), true),
        ("committed_at", timestamp_type(), false),
    ])
});

static TRANSACTIONS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(&[
        ("tx_id", DataType::FixedSizeBinary(16), false),
        ("book", DataType::Utf8, false),
        ("seq", DataType::Int64, false),
        ("lsn", DataType::Int64, false),
        ("idempotency_key", DataType::Utf8, false),
        ("occurred_at", timestamp_type(), true),
        ("committed_at", timestamp_type(), false),
        ("metadata", DataType::Utf8, false),
        ("external_refs", DataType::Utf8, false),
        ("reverses", DataType::FixedSizeBinary(16), true),
        ("postings", DataType::Utf8, false),
    ])
});

static EVENTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(&[
        ("lsn", DataType::Int64, false),
        ("book", DataType::Utf8, false),
        ("seq", DataType::Int64, false),
        ("at", timestamp_type(), false),
        ("kind", DataType::Utf8, false),
        ("payload", DataType::Utf8, false),
    ])
});

/// The same columns, of which a staged row has no place and time.
fn shown(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let is_place = matches!(field.name().as_str(), "seq" | "lsn" | "committed_at");
        let nullable = field.is_nullable() || is_place;
        field.as_ref().clone().with_nullable(nullable)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

static SHOWN_POSTINGS: LazyLock<SchemaRef> = LazyLock::new(|| shown(&POSTINGS));
static SHOWN_TRANSACTIONS: LazyLock<SchemaRef> = LazyLock::new(|| shown(&TRANSACTIONS));

impl Row for PostingRow {
    fn schema() -> SchemaRef {
        POSTINGS.clone()
    }

    fn shown_schema() -> SchemaRef {
        SHOWN_POSTINGS.clone()
    }

    fn lsn(&self) -> Lsn {
        self.event.lsn
    }

    fn at(&self) -> Timestamp {
        self.event.at
    }

    fn column(rows: &[Self], index: usize) -> ArrayRef {
        match index {
            0 => uuids(rows.iter().map(|row| Some(transaction_of(&row.event).tx_id))),
            1 => {
                Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| i32::from(row.index))))
            }
            2 => texts(rows.iter().map(|row| row.event.book.as_str())),
            3 | 4 | 11 if is_staged(rows.first().map(|row| &row.event)) => {
                nulls(&SHOWN_POSTINGS, index, rows.len())
            }
            3 => seqs(rows.iter().map(|row| row.event.seq)),
            4 => lsns(rows.iter().map(|row| row.event.lsn)),
            5 => texts(rows.iter().map(|row| row.posting().account.as_str())),
            6 => texts(rows.iter().map(|row| row.posting().asset.as_str())),
            7 => money(rows.iter().map(|row| row.posting().amount)),
            8 => texts(rows.iter().map(|row| row.posting().direction.as_str())),
            9 => money(rows.iter().map(|row| row.kind.effective(&row.totals_after))),
            10 => times(rows.iter().map(|row| transaction_of(&row.event).occurred_at)),
            11 => times(rows.iter().map(|row| Some(row.event.at))),
            _ => unreachable!("postings have 12 columns"),
        }
    }
}

impl Row for TransactionRow {
    fn schema() -> SchemaRef {
        TRANSACTIONS.clone()
    }

    fn shown_schema() -> SchemaRef {
        SHOWN_TRANSACTIONS.clone()
    }

    fn lsn(&self) -> Lsn {
        self.0.lsn
    }

    fn at(&self) -> Timestamp {
        self.0.at
    }

    fn column(rows: &[Self], index: usize) -> ArrayRef {
        let transactions = || rows.iter().map(|row| transaction_of(&row.0));
        let events = || rows.iter().map(|row| &row.0);
        match index {
            0 => uuids(transactions().map(|transaction| Some(transaction.tx_id))),
            1 => texts(events().map(|event| event.book.as_str())),
            2 | 3 | 6 if is_staged(rows.first().map(|row| &row.0)) => {
                nulls(&SHOWN_TRANSACTIONS, index, rows.len())
            }
            2 => seqs(events().map(|event| event.seq)),
            3 => lsns(events().map(|event| event.lsn)),
            4 => texts(transactions().map(|transaction| transaction.idempotency_key.as_str())),
            5 => times(transactions().map(|transaction| transaction.occurred_at)),
            6 => times(events().map(|event| Some(event.at))),
            7 => texts(transactions().map(|transaction| transaction.metadata.as_str())),
            8 => texts(transactions().map(|transaction| transaction.external_refs.as_str())),
            9 => uuids(transactions().map(|transaction| transaction.reverses)),
            10 => texts(transactions().map(|transaction| postings_json(&transaction.postings))),
            _ => unreachable!("transactions have 11 columns"),
        }
    }
}

impl Row for EventRow {
    fn schema() -> SchemaRef {
        EVENTS.clone()
    }

    fn lsn(&self) -> Lsn {
        self.0.lsn
    }

    fn at(&self) -> Timestamp {
        self.0.at
    }

    fn column(rows: &[Self], index: usize) -> ArrayRef {
        let events = || rows.iter().map(|row| &row.0);
        match index {
            0 => lsns(events().map(|event| event.lsn)),
            1 => texts(events().map(|event| event.book.as_str())),
            2 => seqs(events().map(|event| event.seq)),
            3 => times(events().map(|event| Some(event.at))),
            4 => texts(events().map(|event| event.body.kind())),
            5 => texts(events().map(|event| event_payload(event))),
            _ => unreachable!("events have 6 columns"),
        }
    }
}

pub(crate) fn texts<T: AsRef<str>>(values: impl Iterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

pub(crate) fn money(values: impl Iterator<Item = i128>) -> ArrayRef {
    let array = Decimal128Array::from_iter_values(values);
    Arc::new(array.with_precision_and_scale(38, 0).expect("38 digits and no decimals are valid"))
}

pub(crate) fn seqs(values: impl Iterator<Item = Seq>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values.map(|seq| seq.0.cast_signed())))
}

pub(crate) fn lsns(values: impl Iterator<Item = Lsn>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values.map(|lsn| lsn.0.cast_signed())))
}

fn is_staged(event: Option<&Arc<Event>>) -> bool {
    event.is_some_and(|event| event.lsn == Lsn(0))
}

fn nulls(schema: &Schema, index: usize, rows: usize) -> ArrayRef {
    new_null_array(schema.field(index).data_type(), rows)
}

pub(crate) fn times(values: impl Iterator<Item = Option<Timestamp>>) -> ArrayRef {
    let array: TimestampMicrosecondArray = values.map(|time| time.map(|time| time.0)).collect();
    Arc::new(array.with_timezone("UTC"))
}

pub(crate) fn uuids(values: impl Iterator<Item = Option<Uuid>>) -> ArrayRef {
    let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(
        values.map(|uuid| uuid.map(Uuid::into_bytes)),
        16,
    );
    Arc::new(array.expect("every uuid has 16 bytes"))
}
