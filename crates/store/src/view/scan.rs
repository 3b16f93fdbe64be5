//! Scans: which rows a selection can be narrowed to, by which index, and where they are.
//!
//! Rows in memory and rows in parts are told apart by each table's floor: memory is looked at
//! first, parts second, so that nothing is missed that is evicted in between.

use super::View;
use super::sealed::{LoggedEvents, SealedRows, SealedTable};
use super::seqs::{are_looked_up, seq_lsns, within_seqs};
use crate::history::Narrowing;
use crate::projection::{
    Bounds, CHUNK_ROWS, EventRow, Piece, PostingRow, Row, Rows, TransactionRow,
};
use crate::{PathSelection, ReadError, Selection};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use ledger::{Event, EventBody, Lsn};
use std::collections::VecDeque;
use std::sync::{Arc, RwLockReadGuard};

/// Batches of a scan, of at most 8,192 rows each.
pub type ScanPiece = Box<dyn Iterator<Item = Result<RecordBatch, ReadError>> + Send>;

/// A scan in batches of at most 8,192 rows. It holds no lock.
///
/// It is made of pieces, which several threads may read beside each other; read as an iterator, it
/// gives them one after the other.
pub struct Scan {
    access_path: &'static str,
    rows_max: usize,
    is_exact: bool,
    pieces: VecDeque<ScanPiece>,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan")
            .field("access_path", &self.access_path)
            .field("rows_max", &self.rows_max)
            .field("is_exact", &self.is_exact)
            .field("pieces", &self.pieces.len())
            .finish()
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

    /// Whether the scan gives exactly [`Self::rows_max`] rows.
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// What can be read apart, each piece by a thread of its own. Together they are the scan.
    pub fn into_pieces(self) -> VecDeque<ScanPiece> {
        self.pieces
    }

    fn new<R: Row>(access_path: &'static str, pieces: Vec<Piece<R>>, projection: &[usize]) -> Self {
        let schema = shown::<R>(projection);
        let projection: Arc<[usize]> = projection.into();
        let batches = |piece: Piece<R>| {
            let (schema, projection) = (schema.clone(), projection.clone());
            let batch = move || Ok(piece.batch(&schema, &projection));
            Box::new(std::iter::once_with(batch)) as ScanPiece
        };
        Scan {
            access_path,
            rows_max: pieces.iter().map(Piece::len).sum(),
            is_exact: true,
            pieces: pieces.into_iter().map(batches).collect(),
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
    pub(super) fn before<R: Row>(mut self, staged: &[R], projection: &[usize]) -> Self {
        let pieces = staged.chunks(CHUNK_ROWS).map(|rows| Piece::Rows(rows.to_vec())).collect();
        let staged = Scan::new(self.access_path, pieces, projection);
        self.rows_max += staged.rows_max;
        self.pieces.extend(staged.pieces);
        self
    }

    /// Older rows first.
    fn behind(mut self, rows_max: usize, is_exact: bool, older: Vec<ScanPiece>) -> Self {
        self.rows_max += rows_max;
        self.is_exact &= is_exact;
        for piece in older.into_iter().rev() {
            self.pieces.push_front(piece);
        }
        self
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
        loop {
            match self.pieces.front_mut()?.next() {
                Some(batch) => return Some(batch),
                None => drop(self.pieces.pop_front()),
            }
        }
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
    if let Some((access_path, events)) = named_transactions(view, selection)? {
        let mut rows = Vec::with_capacity(2 * events.len());
        for event in &events {
            rows.extend(view.postings_of(event)?);
        }
        return Ok(Scan::of_rows(access_path, rows, &bounds, projection));
    }
    let bounds = within_seqs(view, selection, bounds)?;
    let indexed =
        of_accounts(selection).and_then(|(book, paths)| recent_postings(view, book, paths));
    let (recent, floor) = match indexed {
        Some((rows, floor)) => (Scan::of_rows("account index", rows, &bounds, projection), floor),
        None => {
            let (pieces, floor) = recent_pieces(view, &bounds, || view.projections.postings());
            (Scan::new(full_path(selection), pieces, projection), floor)
        }
    };
    let sealed = bounds.up_to(floor);
    with_sealed::<PostingRow>(view, selection, recent, &sealed, projection)
}

/// The accounts of a selection that wants no others.
pub(super) fn of_accounts(selection: &Selection) -> Option<(&str, &[String])> {
    match (&selection.book, &selection.path) {
        (Some(book), Some(PathSelection::OneOf(paths))) => Some((book, paths.values())),
        _ => None,
    }
}

/// More postings of accounts are not taken one by one: the publisher waits while they are.
const ACCOUNT_ROWS_MAX: usize = 8_192;

/// The postings of accounts that are in memory, and where those from parts end; `None` if they are
/// too many.
fn recent_postings(view: &View, book: &str, paths: &[String]) -> Option<(Vec<PostingRow>, Lsn)> {
    let book = view.projections.book(book);
    let places =
        |path: &String| book.as_ref()?.with_account(path, |account| account.posting_rows());
    let mut found = Vec::new();
    for places in paths.iter().filter_map(places) {
        found.extend(places);
        if found.len() > ACCOUNT_ROWS_MAX {
            return None;
        }
    }
    let table = view.projections.postings();
    let rows = found.iter().filter_map(|place| table.get(*place).cloned());
    Some((rows.collect(), table.floor()))
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
    let bounds = within_seqs(view, selection, bounds)?;
    let (pieces, floor) = recent_pieces(view, &bounds, || view.projections.transactions());
    let recent = Scan::new(full_path(selection), pieces, projection);
    let sealed = bounds.up_to(floor);
    with_sealed::<TransactionRow>(view, selection, recent, &sealed, projection)
}

/// The rows that are to be read from memory, and where those from parts end.
///
/// Memory holds rows of the last part too. A part that would have to be read in any case is read
/// whole: that needs no comparing of lsns.
fn recent_pieces<'a, R: Row>(
    view: &View,
    bounds: &Bounds,
    table: impl FnOnce() -> RwLockReadGuard<'a, Rows<R>>,
) -> (Vec<Piece<R>>, Lsn) {
    let chain = view.projections.history.chain();
    let table = table();
    let floor = table.floor();
    let whole = chain.holding(floor).map(|part| part.last());
    let is_read_whole = |last: &Lsn| bounds.lsn.0 <= floor.0 && last.0 <= bounds.lsn.1;
    let floor = whole.filter(is_read_whole).unwrap_or(floor);
    (table.pieces(&bounds.behind(floor)), floor)
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
    let schema = shown::<R>(projection);
    let shown = move |batch: Result<RecordBatch, ReadError>| {
        batch.map(|batch| {
            batch.with_schema(schema.clone()).expect("what is shown may be NULL in more columns")
        })
    };
    let sealed = SealedRows::new(&view.projections, R::TABLE, narrowing, projection);
    let (rows_max, is_exact) = (sealed.rows_max(), sealed.is_exact());
    let pieces = sealed.into_pieces();
    let pieces = pieces.map(|piece| Box::new(piece.map(shown.clone())) as ScanPiece).collect();
    Ok(recent.behind(rows_max, is_exact, pieces))
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
    if are_looked_up(view, selection)
        && let Some(lsns) = seq_lsns(view, selection)?
    {
        let rows = view.events_at(&lsns)?.into_iter().map(EventRow).collect();
        return Ok(Scan::of_rows("book and seq index", rows, &bounds, projection));
    }
    let bounds = within_seqs(view, selection, bounds)?;
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
    Ok(recent.behind(logged.rows_max(), false, vec![Box::new(logged)]))
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
    let floor = match table {
        SealedTable::Postings => view.projections.postings().floor(),
        SealedTable::Transactions => view.projections.transactions().floor(),
    };
    if floor == Lsn(0) || has_names(selection) || are_looked_up(view, selection) {
        return None;
    }
    let bounds = within_seqs(view, selection, bounds(view, selection)).ok()?;
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
    let is_by_seq = selection.seq.is_some() || selection.seqs.is_some();
    match (&selection.lsn, &selection.committed_at, &selection.book) {
        (_, _, Some(_)) if is_by_seq => "seq range",
        (Some(_), ..) => "lsn range",
        (None, Some(_), _) => "committed_at range",
        (None, None, _) => "full scan",
    }
}

/// Events that an index has found, and how.
type Found = (&'static str, Vec<Arc<Event>>);

/// Whether the transactions of a selection are known by their ids or keys.
fn has_names(selection: &Selection) -> bool {
    selection.tx_id.is_some() || selection.book.is_some() && selection.idempotency_key.is_some()
}

/// The only transactions a selection can mean, if an index knows them and they are few.
fn named_transactions(view: &View, selection: &Selection) -> Result<Option<Found>, ReadError> {
    if let Some(tx_ids) = &selection.tx_id {
        return Ok(Some(("tx_id index", view.recorded_by_ids(tx_ids.values())?)));
    }
    if let (Some(book), Some(keys)) = (&selection.book, &selection.idempotency_key) {
        let events = view.recorded_by_keys(book, keys.values())?;
        return Ok(Some(("idempotency_key index", events)));
    }
    if !are_looked_up(view, selection) {
        return Ok(None);
    }
    let Some(lsns) = seq_lsns(view, selection)? else { return Ok(None) };
    let mut events = view.events_at(&lsns)?;
    events.retain(|event| matches!(event.body, EventBody::TransactionPosted(_)));
    Ok(Some(("book and seq index", events)))
}
