//! Where in a sorted table a row can be, without reading the table.
//!
//! A fence is the key of a row at the beginning of a block of rows. Fences are exact and in the
//! table's order, so the rows of a key are found by binary search and none is ever left out.
//!
//! Refuses to know files: the fences of a table are kept in its part's manifest.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, RecordBatch};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::ops::Range;

/// The key of one row; what a table does not have is left at its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "FenceRecord", into = "FenceRecord")]
pub(super) struct Fence {
    pub(super) row: u64,
    pub(super) book: Box<str>,
    pub(super) path: Box<str>,
    pub(super) seq: u64,
    pub(super) lsn: u64,
    pub(super) at: i64,
}

/// A fence as a JSON array: there are many.
type FenceRecord = (u64, Box<str>, Box<str>, u64, u64, i64);

impl From<FenceRecord> for Fence {
    fn from((row, book, path, seq, lsn, at): FenceRecord) -> Self {
        Fence { row, book, path, seq, lsn, at }
    }
}

impl From<Fence> for FenceRecord {
    fn from(fence: Fence) -> Self {
        (fence.row, fence.book, fence.path, fence.seq, fence.lsn, fence.at)
    }
}

impl Fence {
    fn key_of(row: u64, batch: &RecordBatch, index: usize) -> Self {
        let text = |column: Option<&ArrayRef>| match column.and_then(|c| c.as_string_opt::<i32>()) {
            Some(values) => values.value(index).into(),
            None => Box::default(),
        };
        let number = |name| {
            let column = batch.column_by_name(name);
            column
                .and_then(|column| column.as_primitive_opt::<Int64Type>())
                .map_or(0, |values| values.value(index).cast_unsigned())
        };
        let at = batch.column_by_name("at").or_else(|| batch.column_by_name("committed_at"));
        Fence {
            row,
            book: text(batch.column_by_name("book")),
            path: text(batch.column_by_name("account")),
            seq: number("seq"),
            lsn: number("lsn"),
            at: at
                .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
                .map_or(0, |values| values.value(index)),
        }
    }

    fn account(&self) -> (&str, &str) {
        (&self.book, &self.path)
    }
}

/// The fences of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fences {
    /// Rows of the table.
    rows: u64,
    fences: Vec<Fence>,
    /// The table's last row.
    last: Fence,
}

/// Some rows next to each other, and the keys between which theirs lie, both inclusive.
#[derive(Debug, Clone)]
pub(super) struct Block<'a> {
    pub(super) rows: Range<u64>,
    pub(super) low: &'a Fence,
    pub(super) high: &'a Fence,
}

impl Block<'_> {
    pub(super) fn is_of_one_book(&self) -> bool {
        self.low.book == self.high.book
    }

    pub(super) fn is_of_one_account(&self) -> bool {
        self.low.account() == self.high.account()
    }
}

impl Fences {
    /// Notes that the row at `index` of a batch, the table's next one, begins a block.
    pub(super) fn begin_block(&mut self, batch: &RecordBatch, index: usize) {
        self.fences.push(Fence::key_of(self.rows, batch, index));
    }

    /// Notes that rows of a batch were added to the table.
    pub(super) fn add_rows(&mut self, batch: &RecordBatch) {
        if batch.num_rows() > 0 {
            self.rows += batch.num_rows() as u64;
            self.last = Fence::key_of(self.rows - 1, batch, batch.num_rows() - 1);
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether blocks follow each other from the first row to the last.
    pub(super) fn are_sound(&self) -> bool {
        let begins = self.fences.first().map(|fence| fence.row);
        begins == (self.rows > 0).then_some(0)
            && self.fences.is_sorted_by(|a, b| a.row < b.row)
            && self.fences.last().is_none_or(|fence| fence.row < self.rows)
    }

    /// Whether the fences among the rows of a batch, the first of which is `first_row` of the
    /// table, are those rows.
    pub(super) fn agree_with(&self, first_row: u64, batch: &RecordBatch) -> bool {
        let end = first_row + batch.num_rows() as u64;
        let from = self.fences.partition_point(|fence| fence.row < first_row);
        let begin = self.fences[from..].iter().take_while(|fence| fence.row < end);
        let last = [&self.last].into_iter().filter(|last| (first_row..end).contains(&last.row));
        begin.chain(last).all(|fence| {
            *fence == Fence::key_of(fence.row, batch, (fence.row - first_row) as usize)
        })
    }

    /// The blocks that have some of these rows, and only those rows of them.
    pub(super) fn blocks(&self, rows: &Range<u64>) -> impl Iterator<Item = Block<'_>> + use<'_> {
        let rows = rows.clone();
        let first = self.fences.partition_point(|fence| fence.row <= rows.start).saturating_sub(1);
        let end = self.fences.partition_point(|fence| fence.row < rows.end);
        (first..end.max(first)).map(move |index| {
            let block = self.block(index);
            let rows = block.rows.start.max(rows.start)..block.rows.end.min(rows.end);
            Block { rows, ..block }
        })
    }

    fn block(&self, index: usize) -> Block<'_> {
        let low = &self.fences[index];
        match self.fences.get(index + 1) {
            Some(high) => Block { rows: low.row..high.row, low, high },
            None => Block { rows: low.row..self.rows, low, high: &self.last },
        }
    }

    /// The blocks that can hold rows of an account, in a table sorted by book and account.
    pub(super) fn of_account(
        &self,
        book: &str,
        path: &str,
    ) -> impl DoubleEndedIterator<Item = Block<'_>> + use<'_> {
        self.around(|fence| fence.account().cmp(&(book, path))).map(|index| self.block(index))
    }

    /// The blocks that can hold rows of a book, in a table sorted by book.
    pub(super) fn of_book(
        &self,
        book: &str,
    ) -> impl DoubleEndedIterator<Item = Block<'_>> + use<'_> {
        self.around(|fence| (*fence.book).cmp(book)).map(|index| self.block(index))
    }

    /// Indexes of the blocks whose fences enclose a key, given how a fence compares with it.
    fn around(&self, compare: impl Fn(&Fence) -> Ordering) -> Range<usize> {
        // The key's first row may stand in the block before the first fence that has the key.
        let first = self.fences.partition_point(|fence| compare(fence).is_lt()).saturating_sub(1);
        let end = self.fences.partition_point(|fence| compare(fence).is_le());
        first..end.max(first)
    }
}
