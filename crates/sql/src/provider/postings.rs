//! The tables the store keeps in columns already: postings, transactions, events.

use super::columns::{batch, jsonb_texts, uuid_texts};
use super::{LedgerTable, Narrows, Page, TableScan, page, unreadable};
use crate::catalog::{self, Relation};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;
use store::{ReadError, Scan, SealedReach, Selection, View};

#[derive(Debug)]
pub(super) struct Postings;

impl LedgerTable for Postings {
    fn relation(&self) -> &'static Relation {
        &catalog::POSTINGS
    }

    fn narrows(&self) -> &'static [(&'static str, Narrows)] {
        &[
            ("book", Narrows::Book),
            ("account", Narrows::Path),
            ("tx_id", Narrows::TxId),
            ("seq", Narrows::Seq),
            ("lsn", Narrows::Lsn),
            ("committed_at", Narrows::CommittedAt),
        ]
    }

    fn open(&self, view: &View, selection: &Selection, projection: &[usize]) -> Result<TableScan> {
        columnar(self.relation(), projection, |columns| view.scan_postings(selection, columns))
    }

    fn page(&self, view: &View, page: &Page<'_>, projection: &[usize]) -> Result<TableScan> {
        page::postings(view, page, projection)
    }

    fn only_value(&self, view: &View, column: usize) -> Option<ScalarValue> {
        only_book(self.relation(), view, column)
    }

    fn sealed(&self, view: &View, selection: &Selection) -> Option<SealedReach> {
        view.sealed_postings(selection)
    }
}

#[derive(Debug)]
pub(super) struct Transactions;

pub(super) const TRANSACTION_NARROWS: &[(&str, Narrows)] = &[
    ("book", Narrows::Book),
    ("tx_id", Narrows::TxId),
    ("idempotency_key", Narrows::IdempotencyKey),
    ("seq", Narrows::Seq),
    ("lsn", Narrows::Lsn),
    ("committed_at", Narrows::CommittedAt),
];

impl LedgerTable for Transactions {
    fn relation(&self) -> &'static Relation {
        &catalog::TRANSACTIONS
    }

    fn narrows(&self) -> &'static [(&'static str, Narrows)] {
        TRANSACTION_NARROWS
    }

    fn open(&self, view: &View, selection: &Selection, projection: &[usize]) -> Result<TableScan> {
        columnar(self.relation(), projection, |columns| view.scan_transactions(selection, columns))
    }

    fn only_value(&self, view: &View, column: usize) -> Option<ScalarValue> {
        only_book(self.relation(), view, column)
    }

    fn sealed(&self, view: &View, selection: &Selection) -> Option<SealedReach> {
        view.sealed_transactions(selection)
    }
}

#[derive(Debug)]
pub(super) struct Events;

impl LedgerTable for Events {
    fn relation(&self) -> &'static Relation {
        &catalog::EVENTS
    }

    fn narrows(&self) -> &'static [(&'static str, Narrows)] {
        &[
            ("book", Narrows::Book),
            ("seq", Narrows::Seq),
            ("lsn", Narrows::Lsn),
            ("at", Narrows::CommittedAt),
        ]
    }

    fn open(&self, view: &View, selection: &Selection, projection: &[usize]) -> Result<TableScan> {
        columnar(self.relation(), projection, |columns| view.scan_events(selection, columns))
    }
}

fn only_book(relation: &Relation, view: &View, column: usize) -> Option<ScalarValue> {
    if relation.column_index("book") != Some(column) {
        return None;
    }
    view.only_book().map(|book| ScalarValue::Utf8(Some(book.as_str().to_owned())))
}

/// A scan of the store whose columns are the relation's, in the same order.
fn columnar(
    relation: &'static Relation,
    projection: &[usize],
    open: impl FnOnce(&[usize]) -> Result<Scan, ReadError>,
) -> Result<TableScan> {
    // Counting rows needs a column to count by; `seq` is the narrowest every table has.
    let counted = [relation.column_index("seq").unwrap_or_default()];
    let wanted: &[usize] = if projection.is_empty() { &counted } else { projection };
    let scan = open(wanted).map_err(unreadable)?;
    let (access_path, rows_max, is_exact) = (scan.access_path(), scan.rows_max(), scan.is_exact());
    let schema = projected(relation, projection);
    let pieces = scan.into_pieces().into_iter().map(|piece| {
        let schema = Arc::clone(&schema);
        Box::new(piece.map(move |stored| presented(&schema, &stored.map_err(unreadable)?))) as _
    });
    Ok(TableScan { access_path, rows_max, is_exact, pieces: pieces.collect() })
}

fn presented(schema: &SchemaRef, stored: &RecordBatch) -> Result<RecordBatch> {
    let columns = stored
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| match field.name().as_str() {
            // The log's own JSON, in the spelling that jsonb has everywhere.
            "postings" | "payload" => jsonb_texts(column),
            _ => uuid_texts(column),
        })
        .collect::<Result<Vec<_>>>()?;
    batch(schema, columns, stored.num_rows())
}

pub(super) fn projected(relation: &Relation, projection: &[usize]) -> SchemaRef {
    let schema = relation.schema().project(projection);
    Arc::new(schema.expect("a projection holds columns of its own table"))
}
