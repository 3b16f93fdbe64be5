//! Scans: which rows a selection can be narrowed to, and by which index.

use super::View;
use crate::projection::{
    Bounds, CHUNK_ROWS, EventRow, Piece, PostingRow, Row, Rows, TransactionRow,
};
use crate::{PathSelection, Selection};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use ledger::Lsn;
use std::sync::Arc;

/// A scan in batches of at most 8,192 rows. It holds no lock.
pub struct Scan {
    access_path: &'static str,
    rows_max: usize,
    batches: Box<dyn Iterator<Item = RecordBatch> + Send>,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan")
            .field("access_path", &self.access_path)
            .field("rows_max", &self.rows_max)
            .finish_non_exhaustive()
    }
}

impl Scan {
    /// How the rows are found, for EXPLAIN.
    pub fn access_path(&self) -> &'static str {
        self.access_path
    }

    /// Rows at most, before filters.
    pub fn rows_max(&self) -> usize {
        self.rows_max
    }

    fn new<R: Row>(access_path: &'static str, pieces: Vec<Piece<R>>, projection: &[usize]) -> Self {
        let schema = Arc::new(
            R::schema().project(projection).expect("a projection names columns of the table"),
        );
        let projection = projection.to_vec();
        Scan {
            access_path,
            rows_max: pieces.iter().map(Piece::len).sum(),
            batches: Box::new(
                pieces.into_iter().map(move |piece| piece.batch(&schema, &projection)),
            ),
        }
    }

    /// The rows an index found: few, so they are copied.
    fn of_rows<R: Row>(
        access_path: &'static str,
        rows: Vec<R>,
        bounds: &Bounds,
        projection: &[usize],
    ) -> Self {
        let rows: Vec<R> =
            rows.into_iter().filter(|row| bounds.contain(row.lsn(), row.at())).collect();
        let pieces = rows.chunks(CHUNK_ROWS).map(|rows| Piece::Rows(rows.to_vec())).collect();
        Scan::new(access_path, pieces, projection)
    }
}

impl Iterator for Scan {
    type Item = RecordBatch;

    fn next(&mut self) -> Option<RecordBatch> {
        self.batches.next()
    }
}

/// tx_id FixedSizeBinary(16), idx Int32, book Utf8, seq Int64, lsn Int64, account Utf8, asset Utf8,
/// amount Decimal128(38,0), direction Utf8, balance_after Decimal128(38,0),
/// occurred_at Timestamp(us, "UTC") nullable, committed_at Timestamp(us, "UTC").
pub fn postings_schema() -> SchemaRef {
    PostingRow::schema()
}

/// tx_id FixedSizeBinary(16), book Utf8, seq Int64, lsn Int64, idempotency_key Utf8,
/// occurred_at Timestamp(us, "UTC") nullable, committed_at Timestamp(us, "UTC"), metadata Utf8,
/// external_refs Utf8, reverses FixedSizeBinary(16) nullable, postings Utf8 (JSON array of
/// {"account","asset","direction","amount" (a string)}).
pub fn transactions_schema() -> SchemaRef {
    TransactionRow::schema()
}

/// lsn Int64, book Utf8, seq Int64, at Timestamp(us, "UTC"), kind Utf8, payload Utf8 (JSON).
pub fn events_schema() -> SchemaRef {
    EventRow::schema()
}

fn bounds(view: &View, selection: &Selection) -> Bounds {
    let lsn = selection.lsn.as_ref().map_or((1, u64::MAX), |range| (*range.start(), *range.end()));
    let at = selection
        .committed_at
        .as_ref()
        .map_or((i64::MIN, i64::MAX), |range| (*range.start(), *range.end()));
    Bounds { lsn: (lsn.0, lsn.1.min(view.cut.0)), at }
}

pub(super) fn postings(view: &View, selection: &Selection, projection: &[usize]) -> Scan {
    let bounds = bounds(view, selection);
    if let (Some(book), Some(PathSelection::Exact(path))) = (&selection.book, &selection.path) {
        let places =
            view.projections.book(book).map_or_else(Vec::new, |book| book.posting_rows(path));
        let table = view.projections.postings();
        let rows = places.iter().filter_map(|place| table.get(*place).cloned()).collect();
        return Scan::of_rows("account index", rows, &bounds, projection);
    }
    if let Some((access_path, lsns)) = transaction_lsns(view, selection) {
        let table = view.projections.postings();
        let rows = lsns.into_iter().flat_map(|lsn| rows_at(&table, lsn)).collect();
        return Scan::of_rows(access_path, rows, &bounds, projection);
    }
    let pieces = view.projections.postings().pieces(&bounds);
    Scan::new(full_path(selection), pieces, projection)
}

pub(super) fn transactions(view: &View, selection: &Selection, projection: &[usize]) -> Scan {
    let bounds = bounds(view, selection);
    if let Some((access_path, lsns)) = transaction_lsns(view, selection) {
        let table = view.projections.transactions();
        let rows = lsns.into_iter().flat_map(|lsn| rows_at(&table, lsn)).collect();
        return Scan::of_rows(access_path, rows, &bounds, projection);
    }
    let pieces = view.projections.transactions().pieces(&bounds);
    Scan::new(full_path(selection), pieces, projection)
}

pub(super) fn events(view: &View, selection: &Selection, projection: &[usize]) -> Scan {
    let bounds = bounds(view, selection);
    if let Some(lsns) = seq_lsns(view, selection) {
        let table = view.projections.events();
        let rows = lsns.into_iter().filter_map(|lsn| table.get(lsn.0 - 1).cloned()).collect();
        return Scan::of_rows("book and seq index", rows, &bounds, projection);
    }
    let pieces = view.projections.events().pieces(&bounds);
    Scan::new(full_path(selection), pieces, projection)
}

fn full_path(selection: &Selection) -> &'static str {
    match (&selection.lsn, &selection.committed_at) {
        (None, None) => "full scan",
        (Some(_), _) => "lsn range",
        (None, Some(_)) => "committed_at range",
    }
}

/// Lsns of the only transactions a selection can mean, if an index knows them.
fn transaction_lsns(view: &View, selection: &Selection) -> Option<(&'static str, Vec<Lsn>)> {
    if let Some(tx_id) = &selection.tx_id {
        return Some(("tx_id index", view.projections.lsns_of_tx_id(tx_id)));
    }
    if let (Some(book), Some(key)) = (&selection.book, &selection.idempotency_key) {
        let lsn = view.projections.book(book).and_then(|book| book.lsn_of_key(key));
        return Some(("idempotency_key index", lsn.into_iter().collect()));
    }
    seq_lsns(view, selection).map(|lsns| ("book and seq index", lsns))
}

fn seq_lsns(view: &View, selection: &Selection) -> Option<Vec<Lsn>> {
    let (Some(book), Some(seqs)) = (&selection.book, &selection.seq) else { return None };
    Some(view.projections.book(book).map_or_else(Vec::new, |book| book.lsns(seqs)))
}

/// The rows of one event in a table that is sorted by lsn.
fn rows_at<R: Row>(table: &Rows<R>, lsn: Lsn) -> Vec<R> {
    let bounds = Bounds { lsn: (lsn.0, lsn.0), at: (i64::MIN, i64::MAX) };
    table
        .pieces(&bounds)
        .into_iter()
        .flat_map(|piece| match piece {
            Piece::Rows(rows) => rows,
            Piece::Chunk(_) => unreachable!("one event has fewer rows than a chunk"),
        })
        .collect()
}

const _: () = assert!(ledger::POSTINGS_MAX < CHUNK_ROWS);
