//! Rows that are no longer in memory: from parts, and from the log itself.

use crate::ReadError;
use crate::history::{BadPart, Narrowing, Part};
use crate::projection::{Bounds, CHUNK_ROWS, EventRow, Piece, Projections, Row};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use ledger::{Event, Lsn};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// Which table of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SealedTable {
    Postings,
    Transactions,
}

type PartBatches = Box<dyn Iterator<Item = io::Result<RecordBatch>> + Send>;

/// The rows of parts that a narrowing lets through.
///
/// A part that turns out bad half way is made again with the same rows in the same order, and the
/// scan goes on behind the rows it has given already.
pub(super) struct SealedBatches {
    projections: Arc<Projections>,
    table: SealedTable,
    narrowing: Narrowing,
    projection: Vec<usize>,
    parts: VecDeque<Arc<Part>>,
    open: Option<OpenPart>,
}

struct OpenPart {
    part: Arc<Part>,
    batches: PartBatches,
    /// Rows given already.
    given: usize,
    /// Rows to pass over, because they were given before the part was made again.
    skip: usize,
}

impl SealedBatches {
    pub(super) fn new(
        projections: &Arc<Projections>,
        table: SealedTable,
        narrowing: Narrowing,
        projection: &[usize],
    ) -> Self {
        let chain = projections.history.chain();
        SealedBatches {
            projections: projections.clone(),
            table,
            parts: chain.within(narrowing.lsn).iter().cloned().collect(),
            narrowing,
            projection: projection.to_vec(),
            open: None,
        }
    }

    /// Rows at most: all rows of the parts, however few the narrowing lets through.
    pub(super) fn rows_max(&self) -> usize {
        let rows = |part: &Arc<Part>| match self.table {
            SealedTable::Postings => part.postings_count(),
            SealedTable::Transactions => part.transactions_count(),
        };
        usize::try_from(self.parts.iter().map(rows).sum::<u64>()).unwrap_or(usize::MAX)
    }

    fn open_part(&self, part: &Arc<Part>) -> io::Result<PartBatches> {
        match self.table {
            SealedTable::Postings => part.scan_postings(&self.narrowing, &self.projection),
            SealedTable::Transactions => part.scan_transactions(&self.narrowing, &self.projection),
        }
    }

    /// The next batch of the part at hand, or of the next one.
    fn step(&mut self) -> Result<Option<RecordBatch>, BadPart> {
        loop {
            let Some(open) = &mut self.open else {
                let Some(part) = self.parts.front().cloned() else { return Ok(None) };
                let batches = self
                    .open_part(&part)
                    .map_err(|source| BadPart { part: part.clone(), source })?;
                self.parts.pop_front();
                self.open = Some(OpenPart { part, batches, given: 0, skip: 0 });
                continue;
            };
            match open.batches.next() {
                None => self.open = None,
                Some(Ok(batch)) => {
                    let skipped = open.skip.min(batch.num_rows());
                    open.skip -= skipped;
                    if skipped < batch.num_rows() {
                        open.given += batch.num_rows() - skipped;
                        return Ok(Some(batch.slice(skipped, batch.num_rows() - skipped)));
                    }
                }
                Some(Err(source)) => return Err(BadPart { part: open.part.clone(), source }),
            }
        }
    }

    /// Goes on with the part that stands in a bad one's place.
    fn go_on(&mut self, bad: &BadPart) -> Result<(), ReadError> {
        let part = self.projections.reseal(bad)?;
        match self.open.take() {
            None => {
                self.parts[0] = part;
            }
            Some(open) => {
                let batches = self.open_part(&part).map_err(|source| {
                    ReadError::new(std::path::Path::new("history"), source.to_string())
                })?;
                self.open = Some(OpenPart { part, batches, given: open.given, skip: open.given });
            }
        }
        Ok(())
    }
}

impl Iterator for SealedBatches {
    type Item = Result<RecordBatch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.step() {
                Ok(batch) => return batch.map(Ok),
                Err(bad) => {
                    if let Err(error) = self.go_on(&bad) {
                        self.parts.clear();
                        self.open = None;
                        return Some(Err(error));
                    }
                }
            }
        }
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
