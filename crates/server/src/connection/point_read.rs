//! Reads that are answered at once, on the connection's own task: no other thread is asked, and
//! nothing is waited for but the client.

use super::rows::RowCursor;
use super::{Connection, Failure};
use crate::codec::{RowWriter, Style};
use crate::report::Report;
use crate::wire::backend::{self, Format};
use sql::arrow::record_batch::RecordBatch;
use sql::{Prepared, Value};

impl Connection {
    /// The rows of a point read, if they are there already.
    pub(super) async fn serve(
        &mut self,
        prepared: &Prepared,
        parameters: &[Value],
    ) -> Result<Option<Vec<RecordBatch>>, Failure> {
        if !prepared.is_point_read() {
            return Ok(None);
        }
        // A read sees what its own session wrote.
        self.await_in_flight().await;
        Ok(self.session.serve(prepared, parameters).await?)
    }

    /// Writes rows that are there; says how many.
    pub(super) async fn send_batches(
        &mut self,
        prepared: &Prepared,
        formats: &[Format],
        batches: &[RecordBatch],
    ) -> Result<u64, Failure> {
        let columns = prepared.columns().unwrap_or_default();
        let writer = RowWriter::new(columns, formats, Style::of(self.session.settings()));
        let mut sent = 0;
        for batch in batches {
            let reader = writer.read(batch).map_err(Report::from)?;
            for row in 0..batch.num_rows() {
                writer.write_row(self.out(), &reader, row).map_err(Report::from)?;
                sent += 1;
                if self.socket.wants_flush() {
                    self.socket.flush().await?;
                } else if self.replies.holds_too_much() {
                    // As if the client had asked for what there is so far.
                    self.answer_held().await?;
                }
            }
        }
        Ok(sent)
    }

    /// A cursor over rows that are there, for a client that fetches them in pieces.
    pub(super) fn cursor_over(
        &self,
        prepared: &Prepared,
        formats: &[Format],
        batches: Vec<RecordBatch>,
    ) -> RowCursor {
        let columns = prepared.columns().unwrap_or_default();
        let writer = RowWriter::new(columns, formats, Style::of(self.session.settings()));
        RowCursor::over(writer, batches)
    }

    pub(super) fn complete_select(&mut self, rows: u64) {
        backend::command_complete(self.out(), &select_tag(rows));
    }
}

pub(super) fn select_tag(rows: u64) -> String {
    format!("SELECT {rows}")
}
