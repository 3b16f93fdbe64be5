//! Scans: which rows a selection can be narrowed to, by which index, and where they are.
//!
//! Rows in memory and rows in parts are told apart by each table's floor: memory is looked at
//! first, parts second, so that nothing is missed that is evicted in between.

use super::View;
use super::sealed::{LoggedEvents, SealedBatches, SealedTable};
use crate::history::Narrowing;
use crate::projection::{Bounds, CHUNK_ROWS, EventRow, Piece, PostingRow, Row, TransactionRow};
use crate::{PathSelection, ReadError, Selection};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use ledger::{Event, EventBody, Lsn};
use std::sync::Arc;

/// A scan in batches of at most 8,192 rows. It holds no lock.
pub struct Scan {
    access_path: &'static str,
    rows_max: usize,
    batches: Box<dyn Iterator<Item = Result<RecordBatch, ReadError>> + Send>,
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
        let schema = shown::<R>(projection);
        let projection = projection.to_vec();
        Scan {
            access_path,
            rows_max: pieces.iter().map(Piece::len).sum(),
            batches: Box::new(
                pieces.into_iter().map(move |piece| Ok(piece.batch(&schema, &projection))),
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

    /// Rows of a block's own behind all others.
    pub(super) fn before<R: Row>(self, staged: &[R], projection: &[usize]) -> Self {
        let pieces = staged.chunks(CHUNK_ROWS).map(|rows| Piece::Rows(rows.to_vec())).collect();
        let staged = Scan::new(self.access_path, pieces, projection);
        let rows_max = self.rows_max;
        staged.behind(rows_max, self)
    }

    /// Older rows first.
    fn behind(
        self,
        rows_max: usize,
        older: impl Iterator<Item = Result<RecordBatch, ReadError>> + Send + 'static,
    ) -> Self {
        Scan {
            access_path: self.access_path,
            rows_max: self.rows_max + rows_max,
            batches: Box::new(older.chain(self.batches)),
        }
    }
}

/// The schema of a scan's batches.
fn shown<R: Row>(projection: &[usize]) -> SchemaRef {
    let schema = R::shown_schema().project(projection);
    Arc::new(schema.expect("a projection names columns of the table"))
}

impl Iterator for Scan {
    type Item = Result<RecordBatch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.next()
    }
}

/// tx_id FixedSizeBinary(16), idx Int32, book Utf8, seq Int64, lsn Int64, account Utf8, asset Utf8,
/// amount Decimal128(38,0), direction Utf8, balance_after Decimal128(38,0),
/// occurred_at Timestamp(us, "UTC") nullable, committed_at Timestamp(us, "UTC").
///
/// seq, lsn and committed_at are NULL in a block's staged rows and nowhere else.
pub fn postings_schema() -> SchemaRef {
    PostingRow::shown_schema()
}

/// tx_id FixedSizeBinary(16), book Utf8, seq Int64, lsn Int64, idempotency_key Utf8,
/// occurred_at Timestamp(us, "UTC") nullable, committed_at Timestamp(us, "UTC"), metadata Utf8,
/// external_refs Utf8, reverses FixedSizeBinary(16) nullable, postings Utf8 (JSON array of
/// {"account","asset","direction","amount" (a string)}).
///
/// seq, lsn and committed_at are NULL in a block's staged rows and nowhere else.
pub fn transactions_schema() -> SchemaRef {
    TransactionRow::shown_schema()
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

fn narrowing(bounds: &Bounds, selection: &Selection) -> Narrowing {
    Narrowing {
        lsn: bounds.lsn,
        at: bounds.at,
        book: selection.book.clone(),
        path: selection.path.clone(),
    }
}

pub(super) fn postings(
    view: &View,
    selection: &Selection,
    projection: &[usize],
) -> Result<Scan, ReadError> {
    let bounds = bounds(view, selection);
    if let (Some(book), Some(PathSelection::Exact(path))) = (&selection.book, &selection.path) {
        let places = view
            .projections
            .book(book)
            .and_then(|book| book.with_account(path, |account| account.posting_rows()))
            .unwrap_or_default();
        let (rows, floor) = {
            let table = view.projections.postings();
            let rows = places.iter().filter_map(|place| table.get(*place).cloned()).collect();
            (rows, table.floor())
        };
        let recent = Scan::of_rows("account index", rows, &bounds, projection);
        let sealed = bounds.up_to(floor);
        return with_sealed::<PostingRow>(view, selection, recent, &sealed, projection);
    }
    if let Some((access_path, events)) = named_transactions(view, selection)? {
        let mut rows = Vec::with_capacity(2 * events.len());
        for event in &events {
            rows.extend(view.postings_of(event)?);
        }
        return Ok(Scan::of_rows(access_path, rows, &bounds, projection));
    }
    let (pieces, floor) = {
        let table = view.projections.postings();
        (table.pieces(&bounds), table.floor())
    };
    let recent = Scan::new(full_path(selection), pieces, projection);
    let sealed = bounds.up_to(floor);
    with_sealed::<PostingRow>(view, selection, recent, &sealed, projection)
}

pub(super) fn transactions(
    view: &View,
    selection: &Selection,
    projection: &[usize],
) -> Result<Scan, ReadError> {
    let bounds = bounds(view, selection);
    if let Some((access_path, events)) = named_transactions(view, selection)? {
        let rows = events.into_iter().map(TransactionRow).collect();
        return Ok(Scan::of_rows(access_path, rows, &bounds, projection));
    }
    let (pieces, floor) = {
        let table = view.projections.transactions();
        (table.pieces(&bounds), table.floor())
    };
    let recent = Scan::new(full_path(selection), pieces, projection);
    let sealed = bounds.up_to(floor);
    with_sealed::<TransactionRow>(view, selection, recent, &sealed, projection)
}

/// Puts the rows of parts in front of those in memory.
fn with_sealed<R: SealedRow>(
    view: &View,
    selection: &Selection,
    recent: Scan,
    bounds: &Bounds,
    projection: &[usize],
) -> Result<Scan, ReadError> {
    if bounds.is_empty() {
        return Ok(recent);
    }
    view.may_read_disk()?;
    let narrowing = narrowing(bounds, selection);
    let sealed = SealedBatches::new(&view.projections, R::TABLE, narrowing, projection);
    let schema = shown::<R>(projection);
    let shown = move |batch: Result<RecordBatch, ReadError>| {
        batch.map(|batch| {
            batch.with_schema(schema.clone()).expect("what is shown may be NULL in more columns")
        })
    };
    Ok(recent.behind(sealed.rows_max(), sealed.map(shown)))
}

/// A row that parts have a table of.
trait SealedRow: Row {
    const TABLE: SealedTable;
}

impl SealedRow for PostingRow {
    const TABLE: SealedTable = SealedTable::Postings;
}

impl SealedRow for TransactionRow {
    const TABLE: SealedTable = SealedTable::Transactions;
}

pub(super) fn events(
    view: &View,
    selection: &Selection,
    projection: &[usize],
) -> Result<Scan, ReadError> {
    let bounds = bounds(view, selection);
    if let Some(lsns) = seq_lsns(view, selection)? {
        let rows = view.events_at(&lsns)?.into_iter().map(EventRow).collect();
        return Ok(Scan::of_rows("book and seq index", rows, &bounds, projection));
    }
    let (pieces, floor) = {
        let table = view.projections.events();
        (table.pieces(&bounds), table.floor())
    };
    let recent = Scan::new(full_path(selection), pieces, projection);
    let sealed = bounds.up_to(floor);
    if sealed.is_empty() {
        return Ok(recent);
    }
    view.may_read_disk()?;
    let logged = LoggedEvents::new(&view.projections, sealed, projection);
    Ok(recent.behind(logged.rows_max(), logged))
}

/// What of the sealed history a scan reads, as far as is known before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedReach {
    pub parts: usize,
    pub parts_all: usize,
    /// Blocks of rows, of the parts that are read.
    pub blocks: usize,
    pub blocks_all: usize,
}

/// `None` if rows are found by name, or all of them are in memory.
pub(super) fn sealed_reach(
    view: &View,
    selection: &Selection,
    table: SealedTable,
) -> Option<SealedReach> {
    let is_named = selection.tx_id.is_some()
        || selection.book.is_some()
            && (selection.seq.is_some() || selection.idempotency_key.is_some());
    let floor = match table {
        SealedTable::Postings => view.projections.postings().floor(),
        SealedTable::Transactions => view.projections.transactions().floor(),
    };
    let bounds = bounds(view, selection);
    if is_named || floor == Lsn(0) {
        return None;
    }
    let chain = view.projections.history.chain();
    let sealed = bounds.up_to(floor);
    let narrowing = narrowing(&sealed, selection);
    let parts_all = chain.within((1, floor.0)).len();
    let mut reach = SealedReach { parts: 0, parts_all, blocks: 0, blocks_all: 0 };
    let within = if sealed.is_empty() { &[] } else { chain.within(narrowing.lsn) };
    for part in within {
        let (blocks, all) = match table {
            SealedTable::Postings => part.posting_blocks(&narrowing),
            SealedTable::Transactions => part.transaction_blocks(&narrowing),
        };
        reach.parts += usize::from(blocks > 0);
        reach.blocks += blocks;
        reach.blocks_all += all;
    }
    Some(reach)
}

fn full_path(selection: &Selection) -> &'static str {
    match (&selection.lsn, &selection.committed_at) {
        (None, None) => "full scan",
        (Some(_), _) => "lsn range",
        (None, Some(_)) => "committed_at range",
    }
}

/// Events that an index has found, and how.
type Found = (&'static str, Vec<Arc<Event>>);

/// The only transactions a selection can mean, if an index knows them.
fn named_transactions(view: &View, selection: &Selection) -> Result<Option<Found>, ReadError> {
    if let Some(tx_id) = &selection.tx_id {
        return Ok(Some(("tx_id index", view.recorded_by_id(*tx_id)?)));
    }
    if let (Some(book), Some(key)) = (&selection.book, &selection.idempotency_key) {
        let event = view.recorded_by_key(book, key)?;
        return Ok(Some(("idempotency_key index", event.into_iter().collect())));
    }
    let Some(lsns) = seq_lsns(view, selection)? else { return Ok(None) };
    let mut events = view.events_at(&lsns)?;
    events.retain(|event| matches!(event.body, EventBody::TransactionPosted(_)));
    Ok(Some(("book and seq index", events)))
}

fn seq_lsns(view: &View, selection: &Selection) -> Result<Option<Vec<Lsn>>, ReadError> {
    let (Some(book), Some(seqs)) = (&selection.book, &selection.seq) else { return Ok(None) };
    let Some(book) = view.projections.book(book) else { return Ok(Some(Vec::new())) };
    let mut lsns = view.lsns_of(&book, seqs)?;
    lsns.retain(|lsn| *lsn <= view.cut);
    Ok(Some(lsns))
}
