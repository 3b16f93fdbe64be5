//! Several sorted streams of batches into one, by runs of rows that share a key.
//!
//! Refuses to know which tables these are. Streams are given in the order in which their rows of
//! one key follow each other.
//!
//! Invariant: at most one batch of each stream, and the rows of one batch to come, are in memory.

use super::values::column;
use arrow_array::{RecordBatch, StringArray};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use arrow_select::interleave::interleave_record_batch;
use std::io;
use std::ops::Range;

/// Rows of the batches that come out.
const ROWS_OUT: usize = 4_096;

/// Runs of at least this length, on average, are copied as pieces; shorter ones row by row.
const PIECE_ROWS: usize = 16;

/// What becomes of rows that have one key in several streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duplicates {
    /// They follow each other.
    All,
    /// The one of the last stream stands for all. Each stream has one row of a key at most.
    Newest,
}

/// One stream and where it stands.
struct Source<I> {
    batches: I,
    /// The columns of the key, in the current batch; `None` at the end.
    current: Option<Current>,
}

struct Current {
    batch: RecordBatch,
    key: Vec<StringArray>,
    row: usize,
    /// Place of the batch among those that rows were picked from.
    picked_as: Option<usize>,
}

impl Current {
    fn key(&self) -> impl Iterator<Item = &str> {
        self.key_at(self.row)
    }

    fn key_at(&self, row: usize) -> impl Iterator<Item = &str> {
        self.key.iter().map(move |column| column.value(row))
    }

    /// The end of the run of rows that have the key of the current row.
    fn run_end(&self) -> usize {
        let rows = self.batch.num_rows();
        let is_same = |row: usize| self.key_at(row).eq(self.key());
        // Runs are short or long: look further and further ahead, then search between.
        let (mut same, mut step) = (self.row, 1);
        while same + step < rows && is_same(same + step) {
            same += step;
            step *= 2;
        }
        let (mut low, mut high) = (same + 1, (same + step).min(rows));
        while low < high {
            let middle = low.midpoint(high);
            if is_same(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

pub(super) struct RunMerge<I> {
    sources: Vec<Source<I>>,
    schema: SchemaRef,
    key: Vec<String>,
    /// Batches that picks refer to, and the rows picked of them, in order.
    batches: Vec<RecordBatch>,
    picks: Vec<(usize, Range<usize>)>,
    rows: usize,
}

impl<I: Iterator<Item = io::Result<RecordBatch>>> RunMerge<I> {
    /// The key is made of text columns.
    pub(super) fn new(streams: Vec<I>, schema: SchemaRef, key: &[&str]) -> io::Result<Self> {
        let mut merge = RunMerge {
            sources: Vec::with_capacity(streams.len()),
            schema,
            key: key.iter().map(|name| (*name).to_owned()).collect(),
            batches: Vec::new(),
            picks: Vec::new(),
            rows: 0,
        };
        for batches in streams {
            let mut source = Source { batches, current: None };
            advance(&mut source, &merge.key)?;
            merge.sources.push(source);
        }
        Ok(merge)
    }

    /// Hands the rows over in order.
    pub(super) fn run(
        mut self,
        duplicates: Duplicates,
        mut write: impl FnMut(RecordBatch) -> io::Result<()>,
    ) -> io::Result<()> {
        while let Some(next) = self.next_source(duplicates) {
            self.pick(next)?;
            if self.rows >= ROWS_OUT {
                write(self.take_batch()?)?;
            }
        }
        if self.rows > 0 {
            write(self.take_batch()?)?;
        }
        Ok(())
    }

    /// The source whose run comes next. Rows that another stands for are skipped.
    fn next_source(&mut self, duplicates: Duplicates) -> Option<NextRun> {
        let mut least: Option<usize> = None;
        let mut superseded = Vec::new();
        for (index, source) in self.sources.iter().enumerate() {
            let Some(current) = &source.current else { continue };
            let Some(least_index) = least else {
                least = Some(index);
                continue;
            };
            let Some(least_current) = &self.sources[least_index].current else { continue };
            match current.key().cmp(least_current.key()) {
                std::cmp::Ordering::Less => {
                    least = Some(index);
                    superseded.clear();
                }
                std::cmp::Ordering::Equal if duplicates == Duplicates::Newest => {
                    superseded.push(least_index);
                    least = Some(index);
                }
                _ => {}
            }
        }
        least.map(|source| NextRun { source, superseded })
    }

    fn pick(&mut self, next: NextRun) -> io::Result<()> {
        for index in next.superseded {
            if let Some(current) = &mut self.sources[index].current {
                current.row += 1;
            }
            advance(&mut self.sources[index], &self.key)?;
        }
        let source = &mut self.sources[next.source];
        let Some(current) = &mut source.current else { return Ok(()) };
        let batch = *current.picked_as.get_or_insert_with(|| {
            self.batches.push(current.batch.clone());
            self.batches.len() - 1
        });
        let end = current.run_end().min(current.row + ROWS_OUT);
        self.picks.push((batch, current.row..end));
        self.rows += end - current.row;
        current.row = end;
        advance(source, &self.key)
    }

    /// The rows that were picked, as one batch.
    fn take_batch(&mut self) -> io::Result<RecordBatch> {
        let batch = if self.rows >= PIECE_ROWS * self.picks.len() {
            let pieces: Vec<RecordBatch> = self
                .picks
                .iter()
                .map(|(batch, rows)| self.batches[*batch].slice(rows.start, rows.len()))
                .collect();
            concat_batches(&self.schema, &pieces)
        } else {
            let batches: Vec<&RecordBatch> = self.batches.iter().collect();
            let rows: Vec<(usize, usize)> = self
                .picks
                .iter()
                .flat_map(|(batch, rows)| rows.clone().map(|row| (*batch, row)))
                .collect();
            interleave_record_batch(&batches, &rows)
        };
        self.batches.clear();
        self.picks.clear();
        self.rows = 0;
        for current in self.sources.iter_mut().filter_map(|source| source.current.as_mut()) {
            current.picked_as = None;
        }
        batch.map_err(io::Error::other)
    }
}

struct NextRun {
    source: usize,
    superseded: Vec<usize>,
}

/// Goes on to the next batch that has rows when the current one is used up.
fn advance<I: Iterator<Item = io::Result<RecordBatch>>>(
    source: &mut Source<I>,
    key: &[String],
) -> io::Result<()> {
    while source.current.as_ref().is_none_or(|current| current.row == current.batch.num_rows()) {
        let Some(batch) = source.batches.next().transpose()? else {
            source.current = None;
            return Ok(());
        };
        let columns = key.iter().map(|name| Ok(column::<StringArray>(&batch, name)?.clone()));
        let key = columns.collect::<io::Result<_>>()?;
        source.current = Some(Current { batch, key, row: 0, picked_as: None });
    }
    Ok(())
}
