//! Scans: the rows of a narrowing, all of them and no others.
//!
//! Fences say which blocks are read; what they cannot tell is compared row by row, and the columns
//! for that are read only where it is needed.

use super::super::column_cache::ColumnCache;
use super::Part;
use super::coded_texts::{Texts, matching};
use super::content::Narrowing;
use super::fences::Block;
use super::table::{Table, bad};
use super::table_scan::{self, Batches};
use super::values::{column, widened};
use crate::PathSelection;
use crate::projection::{PostingRow, Row as _, TransactionRow};
use arrow_array::{
    BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, SchemaRef};
use arrow_select::filter::filter_record_batch;
use std::io;
use std::ops::Range;

/// What has to be compared row by row.
#[derive(Debug, Default, PartialEq, Eq)]
struct Filter {
    lsn: Option<(u64, u64)>,
    at: Option<(i64, i64)>,
    book: Option<String>,
    path: Option<PathSelection>,
}

impl Filter {
    fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    fn columns(&self) -> impl Iterator<Item = &'static str> {
        [
            self.lsn.is_some().then_some("lsn"),
            self.at.is_some().then_some("committed_at"),
            self.book.is_some().then_some("book"),
            self.path.is_some().then_some("account"),
        ]
        .into_iter()
        .flatten()
    }

    /// The rows that are wanted; `None` for all of them.
    fn mask(&self, batch: &RecordBatch) -> io::Result<Option<BooleanArray>> {
        let mut mask: Option<Vec<bool>> = None;
        let mut narrow = |matches: &dyn Fn(usize) -> bool| {
            let mask = mask.get_or_insert_with(|| vec![true; batch.num_rows()]);
            mask.iter_mut().enumerate().for_each(|(row, wanted)| *wanted &= matches(row));
        };
        if let Some((from, to)) = self.lsn {
            let lsns: &Int64Array = column(batch, "lsn")?;
            narrow(&|row| (from..=to).contains(&lsns.value(row).cast_unsigned()));
        }
        if let Some((from, to)) = self.at {
            let times: &TimestampMicrosecondArray = column(batch, "committed_at")?;
            narrow(&|row| (from..=to).contains(&times.value(row)));
        }
        let texts = |name, is_wanted: &dyn Fn(&str) -> bool| {
            let column = batch.column_by_name(name);
            column.and_then(|texts| matching(texts, is_wanted)).ok_or_else(|| bad("lacks a column"))
        };
        if let Some(book) = &self.book {
            let matches = texts("book", &|text| text == book)?;
            narrow(&|row| matches[row]);
        }
        if let Some(path) = &self.path {
            let matches = texts("account", &|text| path.matches(text))?;
            narrow(&|row| matches[row]);
        }
        Ok(mask.map(BooleanArray::from))
    }
}

impl Part {
    /// The rows of postings, in the pieces that a scan may read by themselves.
    pub(crate) fn postings_pieces(&self) -> impl Iterator<Item = Range<u64>> + use<'_> {
        self.postings.groups()
    }

    /// The rows of transactions, in the pieces that a scan may read by themselves.
    pub(crate) fn transactions_pieces(&self) -> impl Iterator<Item = Range<u64>> + use<'_> {
        self.transactions.groups()
    }

    /// Whether every row of the part is inside a narrowing.
    pub(crate) fn is_inside(&self, narrowing: &Narrowing) -> bool {
        narrowing.book.is_none()
            && narrowing.path.is_none()
            && self.bounds_filter(narrowing).is_empty()
    }

    /// Rows of [`postings_schema`](crate::postings_schema), by book, account and lsn, as far as they
    /// are among `rows`, counted from the beginning of the part.
    pub(crate) fn scan_postings(
        &self,
        narrowing: &Narrowing,
        rows: &Range<u64>,
        projection: &[usize],
        cache: &ColumnCache,
    ) -> io::Result<Batches> {
        let mut filter = self.bounds_filter(narrowing);
        let mut ranges = Ranges::default();
        if self.may_hold(narrowing) {
            for block in self.postings.fences().blocks(rows) {
                if may_hold_posting(&block, narrowing) {
                    ranges.add(block.rows.clone());
                    if let Some(book) = &narrowing.book
                        && filter.book.is_none()
                        && !(block.is_of_one_book() && *block.low.book == **book)
                    {
                        filter.book = Some(book.clone());
                    }
                    if let Some(path) = &narrowing.path
                        && filter.path.is_none()
                        && !is_all_of_path(&block, path)
                    {
                        filter.path = Some(path.clone());
                    }
                }
            }
        }
        scan(&self.postings, PostingRow::schema(), &ranges.0, projection, filter, cache)
    }

    /// Rows of [`transactions_schema`](crate::transactions_schema), by lsn, as far as they are among
    /// `rows`.
    pub(crate) fn scan_transactions(
        &self,
        narrowing: &Narrowing,
        rows: &Range<u64>,
        projection: &[usize],
        cache: &ColumnCache,
    ) -> io::Result<Batches> {
        let mut filter = self.bounds_filter(narrowing);
        filter.book.clone_from(&narrowing.book);
        let mut ranges = Ranges::default();
        if self.may_hold(narrowing) {
            for block in self.transactions.fences().blocks(rows) {
                if overlaps_bounds(&block, narrowing) {
                    ranges.add(block.rows);
                }
            }
        }
        scan(&self.transactions, TransactionRow::schema(), &ranges.0, projection, filter, cache)
    }

    /// How many of the blocks of postings a scan reads, and how many there are.
    pub(crate) fn posting_blocks(&self, narrowing: &Narrowing) -> (usize, usize) {
        let may_hold = |block: &Block<'_>| may_hold_posting(block, narrowing);
        self.blocks(&self.postings, narrowing, may_hold)
    }

    /// The same for transactions.
    pub(crate) fn transaction_blocks(&self, narrowing: &Narrowing) -> (usize, usize) {
        let may_hold = |block: &Block<'_>| overlaps_bounds(block, narrowing);
        self.blocks(&self.transactions, narrowing, may_hold)
    }

    fn blocks(
        &self,
        table: &Table,
        narrowing: &Narrowing,
        may_hold: impl Fn(&Block<'_>) -> bool,
    ) -> (usize, usize) {
        let rows = 0..u64::MAX;
        let all = table.fences().blocks(&rows).count();
        let read = match self.may_hold(narrowing) {
            true => table.fences().blocks(&rows).filter(may_hold).count(),
            false => 0,
        };
        (read, all)
    }

    /// Bounds that cut the part's range have to be compared.
    fn bounds_filter(&self, narrowing: &Narrowing) -> Filter {
        let (lsn, at) = (narrowing.lsn, narrowing.at);
        let range = &self.range;
        let is_within = lsn.0 <= range.first.0 && lsn.1 >= range.last.0;
        let is_within_time = at.0 <= range.first_at.0 && at.1 >= range.last_at.0;
        Filter {
            lsn: (!is_within).then_some(lsn),
            at: (!is_within_time).then_some(at),
            ..Filter::default()
        }
    }

    fn may_hold(&self, narrowing: &Narrowing) -> bool {
        let range = &self.range;
        narrowing.lsn.0 <= range.last.0
            && narrowing.lsn.1 >= range.first.0
            && narrowing.at.0 <= range.last_at.0
            && narrowing.at.1 >= range.first_at.0
    }
}

/// For a block whose rows are in order of lsn.
fn overlaps_bounds(block: &Block<'_>, narrowing: &Narrowing) -> bool {
    narrowing.lsn.0 <= block.high.lsn
        && narrowing.lsn.1 >= block.low.lsn
        && narrowing.at.0 <= block.high.at
        && narrowing.at.1 >= block.low.at
}

fn may_hold_posting(block: &Block<'_>, narrowing: &Narrowing) -> bool {
    let (low, high) = (block.low, block.high);
    let may_hold_book = match &narrowing.book {
        Some(book) => *low.book <= **book && **book <= *high.book,
        None => true,
    };
    let may_hold_path = match &narrowing.path {
        Some(path) => {
            // The fences bound paths only on the side where the book is theirs.
            let is_lowest = match &narrowing.book {
                Some(book) => *low.book == **book,
                None => block.is_of_one_book(),
            };
            let is_highest = match &narrowing.book {
                Some(book) => *high.book == **book,
                None => block.is_of_one_book(),
            };
            let low = if is_lowest { Some(&*low.path) } else { None };
            let high = if is_highest { Some(&*high.path) } else { None };
            may_lie_between(path, low, high)
        }
        None => true,
    };
    may_hold_book
        && may_hold_path
        && (!block.is_of_one_account() || overlaps_bounds(block, narrowing))
}

/// Whether a wanted path may lie between two paths, both included, as far as they are known.
fn may_lie_between(path: &PathSelection, low: Option<&str>, high: Option<&str>) -> bool {
    match path {
        PathSelection::OneOf(paths) => {
            let paths = paths.values();
            let from = low.map_or(0, |low| paths.partition_point(|path| path.as_str() < low));
            let to = high
                .map_or(paths.len(), |high| paths.partition_point(|path| path.as_str() <= high));
            from < to
        }
        PathSelection::Prefix(prefix) => {
            low.is_none_or(|low| low <= prefix.as_str() || low.starts_with(prefix.as_str()))
                && high.is_none_or(|high| prefix.as_str() <= high)
        }
    }
}

/// Whether every row of the block is of the path.
fn is_all_of_path(block: &Block<'_>, path: &PathSelection) -> bool {
    let is_of_wanted = match path {
        PathSelection::OneOf(_) => block.is_of_one_account(),
        // What lies between two texts with the same beginning begins with it too.
        PathSelection::Prefix(_) => block.is_of_one_book() && path.matches(&block.high.path),
    };
    is_of_wanted && path.matches(&block.low.path)
}

/// Rising ranges of rows, joined where they touch.
#[derive(Debug, Default)]
struct Ranges(Vec<Range<u64>>);

impl Ranges {
    fn add(&mut self, rows: Range<u64>) {
        match self.0.last_mut() {
            Some(last) if last.end == rows.start => last.end = rows.end,
            _ => self.0.push(rows),
        }
    }
}

fn scan(
    table: &Table,
    public: SchemaRef,
    ranges: &[Range<u64>],
    projection: &[usize],
    filter: Filter,
    cache: &ColumnCache,
) -> io::Result<Batches> {
    let schema = public.project(projection).map_err(io::Error::other)?;
    if ranges.is_empty() {
        return Ok(Box::new(std::iter::empty()));
    }
    let mut columns = projection.to_vec();
    for name in filter.columns() {
        columns.push(table.schema().index_of(name).map_err(|_| bad("lacks a column"))?);
    }
    columns.sort_unstable();
    columns.dedup();
    // Batches come with the columns in the file's order.
    let places = projection
        .iter()
        .map(|wanted| columns.binary_search(wanted).map_err(|_| bad("lacks a column")))
        .collect::<io::Result<Vec<usize>>>()?;
    let batches = table_scan::scan(table, ranges, &columns, cache)?;
    let texts = places.iter().map(|_| Texts::default()).collect();
    let schema = schema.into();
    Ok(Box::new(ScanBatches { batches, filter, places, texts, schema, is_over: false }))
}

struct ScanBatches {
    batches: Batches,
    filter: Filter,
    places: Vec<usize>,
    texts: Vec<Texts>,
    schema: SchemaRef,
    is_over: bool,
}

impl ScanBatches {
    fn project(&mut self, batch: &RecordBatch) -> io::Result<RecordBatch> {
        let columns = self
            .places
            .iter()
            .zip(self.schema.fields())
            .zip(&mut self.texts)
            .map(|((place, field), texts)| match field.data_type() {
                DataType::Decimal128(..) => widened(batch.column(*place).clone(), true),
                _ => texts.of(batch.column(*place)),
            })
            .collect::<io::Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn wanted(&mut self, batch: RecordBatch) -> io::Result<RecordBatch> {
        let batch = match self.filter.mask(&batch)? {
            None => batch,
            Some(mask) if mask.true_count() == mask.len() => batch,
            Some(mask) => filter_record_batch(&batch, &mask)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?,
        };
        self.project(&batch)
    }
}

impl Iterator for ScanBatches {
    type Item = io::Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            let batch = self.batches.next()?;
            let batch = batch.and_then(|batch| self.wanted(batch));
            match batch {
                Ok(batch) if batch.num_rows() == 0 => {}
                Ok(batch) => return Some(Ok(batch)),
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
