//! Rows on their way out: a stream of batches, written row by row.
//!
//! Invariant: memory stays flat however long the result is. Output beyond a bound is sent before
//! the next row is written, and the query runs only as fast as the client reads.

use super::{Connection, Failure};
use crate::codec::{RowWriter, Style};
use crate::query_runtime::{Batches, RunningQuery};
use crate::report::Report;
use crate::wire::backend::{self, Format};
use futures::{Stream, StreamExt};
use sql::arrow::record_batch::RecordBatch;
use sql::{Column, Prepared, RowsTag, StatementKind};
use std::fmt;
use tokio::time::Instant;

/// A result that is being sent.
pub(super) struct RowCursor {
    source: Source,
    writer: RowWriter,
    tag: RowsTag,
    /// What is left of the last batch, from this row on.
    rest: Option<(RecordBatch, usize)>,
}

/// Where batches come from.
enum Source {
    /// They are there already, or cost nothing to make.
    Here(Batches),
    Query(RunningQuery),
}

impl fmt::Debug for RowCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowCursor").field("tag", &self.tag).finish_non_exhaustive()
    }
}

/// How a run over a cursor ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RowsEnd {
    /// As many rows as were asked for are sent; there may be more.
    LimitReached,
    /// All are sent; the command tag for those of this run.
    Complete { tag: String },
}

/// Whether a run over rows may be cancelled. The rows of a write's RETURNING may not: the client
/// has to learn what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interruption {
    Allowed { deadline: Option<Instant> },
    Never,
}

impl RowCursor {
    /// Over rows of a SELECT that are there.
    pub(super) fn over(writer: RowWriter, batches: Vec<RecordBatch>) -> Self {
        let source = Source::Here(futures::stream::iter(batches.into_iter().map(Ok)).boxed());
        RowCursor { source, writer, tag: RowsTag::Counted("SELECT"), rest: None }
    }

    /// The command tag of a run that sent `count` rows.
    pub(super) fn tag(&self, count: u64) -> String {
        match &self.tag {
            RowsTag::Counted(word) => format!("{word} {count}"),
            RowsTag::Plain(word) => (*word).to_owned(),
        }
    }
}

impl Connection {
    /// A cursor over the rows that a statement answered with.
    pub(super) fn cursor<E: 'static>(
        &self,
        prepared: &Prepared,
        columns: &[Column],
        rows: impl Stream<Item = Result<RecordBatch, E>> + Send + 'static,
        tag: RowsTag,
        formats: &[Format],
    ) -> RowCursor
    where
        sql::Error: From<E>,
    {
        let batches = rows.map(|batch| batch.map_err(sql::Error::from)).boxed();
        let source = match prepared.kind() {
            StatementKind::Query => Source::Query(self.query_threads.run(batches)),
            _ => Source::Here(batches),
        };
        let writer = RowWriter::new(columns, formats, Style::of(self.session.settings()));
        RowCursor { source, writer, tag, rest: None }
    }

    /// Sends rows until the limit (0: none) or the end.
    pub(super) async fn send_rows(
        &mut self,
        cursor: &mut RowCursor,
        max_rows: u64,
        interruption: Interruption,
    ) -> Result<RowsEnd, Failure> {
        let mut sent = 0;
        loop {
            if let Some((batch, mut row)) = cursor.rest.take() {
                let reader = cursor.writer.read(&batch).map_err(Report::from)?;
                while row < batch.num_rows() {
                    if max_rows != 0 && sent == max_rows {
                        drop(reader);
                        cursor.rest = Some((batch, row));
                        return Ok(RowsEnd::LimitReached);
                    }
                    cursor.writer.write_row(self.out(), &reader, row).map_err(Report::from)?;
                    row += 1;
                    sent += 1;
                    if self.socket.wants_flush() {
                        self.socket.flush().await?;
                    } else if self.replies.holds_too_much() {
                        // As if the client had asked for what there is so far.
                        self.answer_held().await?;
                    }
                }
            }
            if max_rows != 0 && sent == max_rows {
                return Ok(RowsEnd::LimitReached);
            }
            match self.next_batch(cursor, interruption).await? {
                Some(batch) => cursor.rest = Some((batch, 0)),
                None => return Ok(RowsEnd::Complete { tag: cursor.tag(sent) }),
            }
        }
    }

    async fn next_batch(
        &mut self,
        cursor: &mut RowCursor,
        interruption: Interruption,
    ) -> Result<Option<RecordBatch>, Failure> {
        let next = async {
            match &mut cursor.source {
                Source::Here(batches) => batches.next().await.transpose().map_err(Report::from),
                Source::Query(query) => query.next().await,
            }
        };
        match interruption {
            Interruption::Allowed { deadline } => {
                Ok(self.registration.interrupt.guard(deadline, next).await?)
            }
            Interruption::Never => Ok(next.await?),
        }
    }

    pub(super) fn complete(&mut self, tag: &str) {
        backend::command_complete(self.out(), tag);
    }
}
