//! Rows on their way out: a stream of batches, read in steps and written row by row.
//!
//! Invariant: memory stays flat however long the result is. Output beyond a bound is sent before
//! the next row is written, and the query runs only as fast as the client reads. Rows that are to
//! be read again are kept within the memory of queries.

use super::copy_out::CopyRows;
use super::{Connection, Failure, while_client_stays};
use crate::codec::{RowWriter, Style};
use crate::query_runtime::{Batches, RunningQuery};
use crate::report::Report;
use crate::wire::backend::{self, Format};
use futures::StreamExt;
use sql::arrow::record_batch::RecordBatch;
use sql::{Column, CursorPosition, CursorStep, KeptRows, Rows, RowsTag, StatementKind};
use std::fmt;
use tokio::time::Instant;

/// A result that is being read.
pub(super) struct RowCursor {
    columns: Vec<Column>,
    tag: RowsTag,
    source: Source,
    /// What is left of the last batch, where nothing is kept.
    rest: Option<RecordBatch>,
    kept: Option<Kept>,
    position: CursorPosition,
}

/// Where batches come from.
enum Source {
    /// They are there already, or cost nothing to make.
    Here(Batches),
    Query(RunningQuery),
    Exhausted,
}

/// The rows from a place on, as far as they have been read.
struct Kept {
    first: u64,
    rows: KeptRows,
}

impl fmt::Debug for RowCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowCursor").field("tag", &self.tag).finish_non_exhaustive()
    }
}

/// Whether a run over rows may be cancelled. The rows of a write's RETURNING may not: the client
/// has to learn what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interruption {
    Allowed { deadline: Option<Instant> },
    Never,
}

impl Interruption {
    fn is_allowed(self) -> bool {
        matches!(self, Interruption::Allowed { .. })
    }
}

/// Where the rows of a step go.
#[derive(Debug)]
pub(super) enum RowSink<'a> {
    /// They are stepped over.
    Nowhere,
    Client(&'a RowWriter),
    Memory(&'a mut KeptRows),
    /// The client, as COPY data.
    Copy(&'a mut CopyRows),
}

/// Which end of a batch is written first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    FirstToLast,
    LastToFirst,
}

impl RowCursor {
    /// Over rows that are there.
    pub(super) fn over(columns: Vec<Column>, batches: Vec<RecordBatch>, tag: RowsTag) -> Self {
        RowCursor {
            columns,
            tag,
            source: Source::Here(futures::stream::iter(batches.into_iter().map(Ok)).boxed()),
            rest: None,
            kept: None,
            position: CursorPosition::default(),
        }
    }

    /// Behind the rows of a SELECT, which have been sent.
    pub(super) fn at_end(columns: Vec<Column>, rows: u64) -> Self {
        let mut cursor = Self::over(columns, Vec::new(), RowsTag::Counted("SELECT"));
        cursor.position.went_forward(None, rows);
        cursor
    }

    /// Over rows that are there already.
    pub(super) fn over_kept(columns: Vec<Column>, rows: KeptRows, tag: RowsTag) -> Self {
        RowCursor {
            columns,
            tag,
            source: Source::Exhausted,
            rest: None,
            kept: Some(Kept { first: 0, rows }),
            position: CursorPosition::default(),
        }
    }

    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub(super) fn position(&self) -> CursorPosition {
        self.position
    }

    /// The command tag of a run that sent `count` rows.
    pub(super) fn tag(&self, count: u64) -> String {
        match &self.tag {
            RowsTag::Counted(word) => format!("{word} {count}"),
            RowsTag::Plain(word) => (*word).to_owned(),
        }
    }

    /// Keeps rows from now on. Those that were read before are gone.
    pub(super) fn keep(&mut self, mut rows: KeptRows) -> Result<(), Report> {
        if self.kept.is_some() {
            return Ok(());
        }
        if let Some(rest) = self.rest.take() {
            rows.push(rest)?;
        }
        self.kept = Some(Kept { first: self.position.next_row(), rows });
        Ok(())
    }

    /// Rows that need not be waited for, at most `most`; the step has read `read` before them.
    fn ready(&mut self, read: u64, most: usize) -> Option<RecordBatch> {
        if let Some(Kept { first, rows }) = &self.kept {
            let place = usize::try_from(self.position.next_row() + read - first).ok()?;
            return rows.from(place, most);
        }
        let rest = self.rest.take()?;
        if rest.num_rows() <= most {
            return Some(rest);
        }
        self.rest = Some(rest.slice(most, rest.num_rows() - most));
        Some(rest.slice(0, most))
    }

    fn has_ready(&self) -> bool {
        match &self.kept {
            Some(Kept { first, rows }) => self.position.next_row() - first < rows.count() as u64,
            None => self.rest.is_some(),
        }
    }

    /// Rows before the last step's, nearest last.
    fn behind(&self, read: u64, most: usize) -> Option<RecordBatch> {
        let Kept { first, rows } = self.kept.as_ref()?;
        let place = (self.position.rows_behind() - read).checked_sub(*first)?;
        rows.before(usize::try_from(place).ok()?, most)
    }

    /// Reads one batch more. `false` at the end of the rows. Safe to drop while it waits.
    async fn pull(&mut self) -> Result<bool, Report> {
        let next = match &mut self.source {
            Source::Here(batches) => batches.next().await.transpose().map_err(Report::from)?,
            Source::Query(query) => query.next().await?,
            Source::Exhausted => None,
        };
        match next {
            None => {
                // What the query held is free.
                self.source = Source::Exhausted;
                Ok(false)
            }
            Some(batch) => {
                match &mut self.kept {
                    Some(kept) => kept.rows.push(batch)?,
                    None => self.rest = Some(batch),
                }
                Ok(true)
            }
        }
    }
}

impl Connection {
    /// A cursor over the rows that a statement answered with.
    pub(super) fn cursor(
        &self,
        kind: StatementKind,
        columns: Vec<Column>,
        rows: Rows,
        tag: RowsTag,
    ) -> RowCursor {
        let stop = rows.stop_signal().clone();
        let batches = rows.map(|batch| batch.map_err(sql::Error::from)).boxed();
        let source = match kind {
            StatementKind::Query | StatementKind::Declare { .. } | StatementKind::CopyTo => {
                Source::Query(self.query_threads.run(batches, stop))
            }
            _ => Source::Here(batches),
        };
        let position = CursorPosition::default();
        RowCursor { columns, tag, source, rest: None, kept: None, position }
    }

    /// How the rows of a cursor are written now.
    pub(super) fn row_writer(&self, columns: &[Column], formats: &[Format]) -> RowWriter {
        RowWriter::new(columns, formats, Style::of(self.session.settings()))
    }

    /// Moves a cursor; the rows go where `sink` says. Gives how many there were.
    pub(super) async fn step(
        &mut self,
        cursor: &mut RowCursor,
        step: CursorStep,
        mut sink: RowSink<'_>,
        interruption: Interruption,
    ) -> Result<u64, Failure> {
        let interrupt = self.registration.interrupt.clone();
        // Also while rows are written, a cancel request is for this statement.
        let _running = interruption.is_allowed().then(|| interrupt.start());
        let mut read = 0;
        match step {
            CursorStep::Rewind => cursor.position = CursorPosition::default(),
            CursorStep::Forward(wanted) => {
                while !cursor.position.is_at_end() && wanted.is_none_or(|wanted| read < wanted) {
                    match cursor.ready(read, rows_left(wanted, read)) {
                        Some(batch) => {
                            read += batch.num_rows() as u64;
                            self.give(&batch, &mut sink, Order::FirstToLast, interruption).await?;
                        }
                        None if self.pull(cursor, interruption).await? => {}
                        None => break,
                    }
                }
                cursor.position.went_forward(wanted, read);
            }
            CursorStep::Backward(wanted) => {
                while let Some(batch) = cursor.behind(read, rows_left(wanted, read)) {
                    read += batch.num_rows() as u64;
                    self.give(&batch, &mut sink, Order::LastToFirst, interruption).await?;
                }
                cursor.position.went_back(wanted, read);
            }
        }
        Ok(read)
    }

    /// Waits for the first rows of a step forward, or for the error that comes in their place.
    pub(super) async fn await_rows(
        &mut self,
        cursor: &mut RowCursor,
        step: CursorStep,
        interruption: Interruption,
    ) -> Result<(), Failure> {
        let needs_rows = matches!(step, CursorStep::Forward(wanted) if wanted != Some(0));
        if needs_rows && !cursor.position.is_at_end() && !cursor.has_ready() {
            self.pull(cursor, interruption).await?;
        }
        Ok(())
    }

    /// Reads all that a cursor has, so that it needs neither its query nor its block any more.
    pub(super) async fn keep_all(
        &mut self,
        cursor: &mut RowCursor,
        interruption: Interruption,
    ) -> Result<(), Failure> {
        while self.pull(cursor, interruption).await? {}
        Ok(())
    }

    pub(super) async fn give(
        &mut self,
        batch: &RecordBatch,
        sink: &mut RowSink<'_>,
        order: Order,
        interruption: Interruption,
    ) -> Result<(), Failure> {
        let writer = match sink {
            RowSink::Nowhere => return Ok(()),
            RowSink::Memory(rows) => {
                match order {
                    Order::FirstToLast => rows.push(batch.clone())?,
                    Order::LastToFirst => rows.push_reversed(batch)?,
                }
                return Ok(());
            }
            RowSink::Copy(rows) => return self.copy_rows(batch, rows, interruption).await,
            RowSink::Client(writer) => writer,
        };
        let reader = writer.read(batch).map_err(Report::from)?;
        let count = batch.num_rows();
        for index in 0..count {
            let row = match order {
                Order::FirstToLast => index,
                Order::LastToFirst => count - 1 - index,
            };
            writer.write_row(self.out(), &reader, row).map_err(Report::from)?;
            self.send_if_much(interruption).await?;
        }
        Ok(())
    }

    /// Sends what is written so far if it is more than should wait.
    pub(super) async fn send_if_much(&mut self, interruption: Interruption) -> Result<(), Failure> {
        if self.socket.wants_flush() {
            match interruption {
                Interruption::Allowed { deadline } => {
                    // A client that reads slowly, or not at all, does not keep the query. What is
                    // not sent by then still goes before the error.
                    let interrupt = self.registration.interrupt.clone();
                    let flushing = async { Ok::<_, Report>(self.socket.flush().await) };
                    interrupt.guard(deadline, flushing).await??;
                }
                Interruption::Never => self.socket.flush().await?,
            }
        } else if self.replies.holds_too_much() {
            // As if the client had asked for what there is so far.
            self.answer_held().await?;
        }
        Ok(())
    }

    async fn pull(
        &mut self,
        cursor: &mut RowCursor,
        interruption: Interruption,
    ) -> Result<bool, Failure> {
        match interruption {
            Interruption::Allowed { deadline } => {
                let pulled = self.registration.interrupt.guard(deadline, cursor.pull());
                while_client_stays(&self.socket, pulled).await
            }
            Interruption::Never => Ok(cursor.pull().await?),
        }
    }

    pub(super) fn complete(&mut self, tag: &str) {
        backend::command_complete(self.out(), tag);
    }
}

/// How many rows of a step are still to come, as a number for one batch.
fn rows_left(wanted: Option<u64>, read: u64) -> usize {
    wanted.map_or(usize::MAX, |wanted| usize::try_from(wanted - read).unwrap_or(usize::MAX))
}
