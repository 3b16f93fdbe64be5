//! An append-only table: rows for point reads, columns for scans, prefixes for cuts. Its oldest
//! rows may have been evicted, because they are sealed in a part.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use ledger::{Lsn, Timestamp};
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

/// Rows in a full chunk, and so in the batches of a scan.
pub(crate) const CHUNK_ROWS: usize = 8_192;

/// A row of a table in log order.
pub(crate) trait Row: Clone + Send + Sync + 'static {
    /// The columns as they are kept: everything in the log has a place and a time.
    fn schema() -> SchemaRef;
    /// The columns as readers see them, who may see rows that are staged and have none.
    fn shown_schema() -> SchemaRef {
        Self::schema()
    }
    /// One column of these rows.
    fn column(rows: &[Self], index: usize) -> ArrayRef;
    fn lsn(&self) -> Lsn;
    fn at(&self) -> Timestamp;
}

#[derive(Debug)]
pub(crate) struct Chunk<R> {
    pub(crate) rows: Vec<R>,
    /// Columns of a full chunk, made when a scan first asks for them.
    columns: Vec<OnceLock<ArrayRef>>,
}

#[derive(Debug)]
pub(crate) struct Rows<R> {
    /// How many rows were evicted.
    evicted: u64,
    /// Rows up to here are not to be seen any more, even if some are still held: an event whose
    /// first rows were evicted is gone whole.
    floor: Lsn,
    full: VecDeque<Arc<Chunk<R>>>,
    tail: Vec<R>,
}

impl<R> Default for Rows<R> {
    fn default() -> Self {
        Rows { evicted: 0, floor: Lsn(0), full: VecDeque::new(), tail: Vec::new() }
    }
}

impl<R: Row> Rows<R> {
    /// A table whose first `evicted` rows, up to `floor`, are sealed already.
    pub(crate) fn behind(evicted: u64, floor: Lsn) -> Self {
        Rows { evicted, floor, ..Rows::default() }
    }

    /// Evicted rows included.
    pub(crate) fn len(&self) -> u64 {
        self.evicted + (self.full.len() * CHUNK_ROWS + self.tail.len()) as u64
    }

    /// Rows up to here are not in this table any more.
    pub(crate) fn floor(&self) -> Lsn {
        self.floor
    }

    pub(crate) fn push(&mut self, row: R) {
        self.tail.push(row);
        if self.tail.len() == CHUNK_ROWS {
            let rows = std::mem::take(&mut self.tail);
            let columns = R::schema().fields().iter().map(|_| OnceLock::new()).collect();
            self.full.push_back(Arc::new(Chunk { rows, columns }));
        }
    }

    /// `None` for a row that was evicted too.
    pub(crate) fn get(&self, index: u64) -> Option<&R> {
        let index = usize::try_from(index.checked_sub(self.evicted)?).ok()?;
        let row = match self.full.get(index / CHUNK_ROWS) {
            Some(chunk) => chunk.rows.get(index % CHUNK_ROWS),
            None => self.tail.get(index - self.full.len() * CHUNK_ROWS),
        };
        row.filter(|row| row.lsn() > self.floor)
    }

    /// The first row that is not evicted.
    pub(crate) fn first_row(&self) -> u64 {
        self.evicted
    }

    /// Lets go of the oldest chunk if it is full and ends with `through` or before it.
    pub(crate) fn evict_one(&mut self, through: Lsn) -> Option<Arc<Chunk<R>>> {
        let last = self.full.front()?.rows.last()?.lsn();
        if last > through {
            return None;
        }
        self.evicted += CHUNK_ROWS as u64;
        self.floor = last;
        self.full.pop_front()
    }

    /// Lets go of all full chunks that end with `through` or before it.
    pub(crate) fn evict(&mut self, through: Lsn) -> Vec<Arc<Chunk<R>>> {
        std::iter::from_fn(|| self.evict_one(through)).collect()
    }

    /// The rows whose lsn and time lie in the bounds, as pieces that need no lock.
    pub(crate) fn pieces(&self, bounds: &Bounds) -> Vec<Piece<R>> {
        let mut pieces = Vec::new();
        let bounds = &bounds.behind(self.floor);
        let first =
            self.full.partition_point(|chunk| bounds.range(&chunk.rows).start == CHUNK_ROWS);
        for chunk in self.full.range(first..) {
            let range = bounds.range(&chunk.rows);
            if range.is_empty() {
                // Rows rise in lsn and time: what follows lies behind the bounds too.
                return pieces;
            }
            if range.len() == CHUNK_ROWS {
                pieces.push(Piece::Chunk(chunk.clone()));
            } else {
                pieces.push(Piece::Rows(chunk.rows[range].to_vec()));
            }
        }
        let range = bounds.range(&self.tail);
        if !range.is_empty() {
            pieces.push(Piece::Rows(self.tail[range].to_vec()));
        }
        pieces
    }
}

/// Inclusive bounds on the two things every table is sorted by.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    pub(crate) lsn: (u64, u64),
    pub(crate) at: (i64, i64),
}

impl Bounds {
    fn range<R: Row>(&self, rows: &[R]) -> std::ops::Range<usize> {
        let start = rows.partition_point(|row| row.lsn().0 < self.lsn.0 || row.at().0 < self.at.0);
        let end = rows.partition_point(|row| row.lsn().0 <= self.lsn.1 && row.at().0 <= self.at.1);
        start..end.max(start)
    }

    /// The part of these bounds that lies behind `floor`.
    pub(crate) fn behind(&self, floor: Lsn) -> Bounds {
        Bounds { lsn: (self.lsn.0.max(floor.0 + 1), self.lsn.1), at: self.at }
    }

    /// The part of these bounds that ends with `floor`.
    pub(crate) fn up_to(&self, floor: Lsn) -> Bounds {
        Bounds { lsn: (self.lsn.0, self.lsn.1.min(floor.0)), at: self.at }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lsn.0 > self.lsn.1 || self.at.0 > self.at.1
    }

    pub(crate) fn contain(&self, lsn: Lsn, at: Timestamp) -> bool {
        (self.lsn.0..=self.lsn.1).contains(&lsn.0) && (self.at.0..=self.at.1).contains(&at.0)
    }
}

/// Some rows of a table, to be turned into one batch.
#[derive(Debug)]
pub(crate) enum Piece<R> {
    /// A full chunk, whose columns are shared by all scans.
    Chunk(Arc<Chunk<R>>),
    Rows(Vec<R>),
}

impl<R: Row> Piece<R> {
    pub(crate) fn len(&self) -> usize {
        self.rows().len()
    }

    pub(crate) fn rows(&self) -> &[R] {
        match self {
            Piece::Chunk(chunk) => &chunk.rows,
            Piece::Rows(rows) => rows,
        }
    }

    /// All rows of pieces, copied.
    pub(crate) fn into_rows(pieces: Vec<Self>) -> Vec<R> {
        pieces.iter().flat_map(Piece::rows).cloned().collect()
    }

    pub(crate) fn batch(&self, schema: &SchemaRef, projection: &[usize]) -> RecordBatch {
        let columns = projection
            .iter()
            .map(|index| match self {
                Piece::Chunk(chunk) => {
                    chunk.columns[*index].get_or_init(|| R::column(&chunk.rows, *index)).clone()
                }
                Piece::Rows(rows) => R::column(rows, *index),
            })
            .collect();
        // A projection of no columns still has rows: COUNT(*) asks for them.
        let options = RecordBatchOptions::new().with_row_count(Some(self.len()));
        RecordBatch::try_new_with_options(schema.clone(), columns, &options)
            .expect("columns are built to the schema")
    }
}
