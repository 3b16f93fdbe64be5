//! Rows that are no longer in memory: from parts, and from the log itself.

use crate::ReadError;
use crate::history::{BadPart, Narrowing, Part};
use crate::projection::{Bounds, CHUNK_ROWS, EventRow, Piece, Projections, Row};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use ledger::{Event, Lsn};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Which table of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SealedTable {
    Postings,
    Transactions,
}

type PartBatches = Box<dyn Iterator<Item = io::Result<RecordBatch>> + Send>;

/// The rows of parts that a narrowing lets through.
pub(super) struct SealedRows {
    wanted: Arc<Wanted>,
    parts: Vec<Arc<Part>>,
}

/// What all pieces of a scan have in common.
struct Wanted {
    projections: Arc<Projections>,
    table: SealedTable,
    narrowing: Narrowing,
    projection: Vec<usize>,
}

impl SealedRows {
    pub(super) fn new(
        projections: &Arc<Projections>,
        table: SealedTable,
        narrowing: Narrowing,
        projection: &[usize],
    ) -> Self {
        let chain = projections.history.chain();
        let parts = chain.within(narrowing.lsn).to_vec();
        let projections = projections.clone();
        let wanted = Wanted { projections, table, narrowing, projection: projection.to_vec() };
        SealedRows { wanted: Arc::new(wanted), parts }
    }

    /// Rows at most: all rows of the parts, however few the narrowing lets through.
    pub(super) fn rows_max(&self) -> usize {
        let rows = |part: &Arc<Part>| match self.wanted.table {
            SealedTable::Postings => part.postings_count(),
            SealedTable::Transactions => part.transactions_count(),
        };
        usize::try_from(self.parts.iter().map(rows).sum::<u64>()).unwrap_or(usize::MAX)
    }

    /// Whether the narrowing lets all rows through.
    pub(super) fn is_exact(&self) -> bool {
        self.parts.iter().all(|part| part.is_inside(&self.wanted.narrowing))
    }

    /// Each for itself.
    pub(super) fn into_pieces(self) -> impl Iterator<Item = SealedPiece> {
        self.parts.into_iter().flat_map(move |part| {
            let pieces: Vec<Range<u64>> = match self.wanted.table {
                SealedTable::Postings => part.postings_pieces().collect(),
                SealedTable::Transactions => part.transactions_pieces().collect(),
            };
            let wanted = self.wanted.clone();
            pieces.into_iter().map(move |rows| SealedPiece {
                wanted: wanted.clone(),
                part: part.clone(),
                rows,
                batches: None,
                given: 0,
                skip: 0,
                is_over: false,
            })
        })
    }
}

/// Some rows of one part, read when they are asked for.
///
/// A part that turns out bad half way is made again with the same rows in the same order, and the
/// piece goes on behind the rows it has given already.
pub(super) struct SealedPiece {
    wanted: Arc<Wanted>,
    part: Arc<Part>,
    rows: Range<u64>,
    batches: Option<PartBatches>,
    /// Rows given already.
    given: usize,
    /// Rows to pass over, because they were given before the part was made again.
    skip: usize,
    is_over: bool,
}

impl SealedPiece {
    fn open(&self) -> io::Result<PartBatches> {
        let Wanted { table, narrowing, projection, projections } = &*self.wanted;
        let cache = &projections.history.columns;
        match table {
            SealedTable::Postings => {
                self.part.scan_postings(narrowing, &self.rows, projection, cache)
            }
            SealedTable::Transactions => {
                self.part.scan_transactions(narrowing, &self.rows, projection, cache)
            }
        }
    }

    fn step(&mut self) -> io::Result<Option<RecordBatch>> {
        let mut batches = match self.batches.take() {
            Some(batches) => batches,
            None => self.open()?,
        };
        while let Some(batch) = batches.next().transpose()? {
            let skipped = self.skip.min(batch.num_rows());
            self.skip -= skipped;
            if skipped < batch.num_rows() {
                self.given += batch.num_rows() - skipped;
                self.batches = Some(batches);
                return Ok(Some(batch.slice(skipped, batch.num_rows() - skipped)));
            }
        }
        Ok(None)
    }

    /// Goes on with the part that stands in a bad one's place.
    fn go_on(&mut self, source: io::Error) -> Result<(), ReadError> {
        let bad = BadPart { part: self.part.clone(), source };
        self.part = self.wanted.projections.reseal(&bad)?;
        self.skip = self.given;
        self.batches = None;
        Ok(())
    }
}

impl Iterator for SealedPiece {
    type Item = Result<RecordBatch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            match self.step() {
                Ok(Some(batch)) => return Some(Ok(batch)),
                Ok(None) => self.is_over = true,
                Err(source) => {
                    if let Err(error) = self.go_on(source) {
                        self.is_over = true;
                        return Some(Err(error));
                    }
                }
            }
        }
        None
    }
}

/// Evicted events, read from the log.
pub(super) struct LoggedEvents {
    projections: Arc<Projections>,
    bounds: Bounds,
    next: Lsn,
    schema: SchemaRef,
    projection: Vec<usize>,
}

/// Log frames are read for a batch until it has this many events.
const LOGGED_ROWS: usize = 1_024;

const _: () = assert!(LOGGED_ROWS <= CHUNK_ROWS);

impl LoggedEvents {
    pub(super) fn new(
        projections: &Arc<Projections>,
        bounds: Bounds,
        projection: &[usize],
    ) -> Self {
        // Parts whose time is all before the wanted one need not be read.
        let chain = projections.history.chain();
        let parts = chain.parts();
        let early = parts.partition_point(|part| part.last_at().0 < bounds.at.0);
        let first = early.checked_sub(1).map_or(1, |index| parts[index].last().0 + 1);
        LoggedEvents {
            projections: projections.clone(),
            next: Lsn(bounds.lsn.0.max(first)),
            bounds,
            schema: Arc::new(
                EventRow::schema().project(projection).expect("a projection names columns"),
            ),
            projection: projection.to_vec(),
        }
    }

    pub(super) fn rows_max(&self) -> usize {
        usize::try_from((self.bounds.lsn.1 + 1).saturating_sub(self.next.0)).unwrap_or(usize::MAX)
    }

    /// The next events, in frames; empty when there are no more.
    fn read(&mut self) -> Result<Vec<Arc<Event>>, ReadError> {
        let mut events: Vec<Arc<Event>> = Vec::with_capacity(LOGGED_ROWS);
        if self.next.0 > self.bounds.lsn.1 {
            return Ok(events);
        }
        for frame in self.projections.history.log.frames_from(self.next)? {
            events.extend(frame?.into_iter().filter(|event| event.lsn >= self.next));
            let last = events.last().map_or(Lsn(0), |event| event.lsn);
            if events.len() >= LOGGED_ROWS || last.0 >= self.bounds.lsn.1 {
                break;
            }
        }
        Ok(events)
    }
}

impl Iterator for LoggedEvents {
    type Item = Result<RecordBatch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let events = match self.read() {
                Ok(events) => events,
                Err(error) => {
                    self.next = Lsn(u64::MAX);
                    return Some(Err(error));
                }
            };
            let last = events.last()?;
            let beyond = last.at.0 > self.bounds.at.1;
            self.next = if beyond { Lsn(u64::MAX) } else { last.lsn.next() };
            let rows: Vec<EventRow> = events
                .into_iter()
                .filter(|event| self.bounds.contain(event.lsn, event.at))
                .map(EventRow)
                .collect();
            if !rows.is_empty() {
                return Some(Ok(Piece::Rows(rows).batch(&self.schema, &self.projection)));
            }
        }
    }
}
