//! Reads that are answered at once, on the connection's own task: no other thread is asked, and
//! nothing is waited for but the client.

use super::rows::{Interruption, Order, RowSink};
use super::{Connection, Failure};
use crate::wire::backend::{self, Format};
use sql::arrow::record_batch::RecordBatch;
use sql::{Prepared, Served, Value};

impl Connection {
    /// The rows of a point read, if they are there already.
    pub(super) async fn serve(
        &mut self,
        prepared: &Prepared,
        parameters: &[Value],
    ) -> Result<Served, Failure> {
        if !prepared.is_point_read() {
            return Ok(Served::Elsewhere);
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
        let writer = self.row_writer(prepared.columns().unwrap_or_default(), formats);
        let mut sent = 0;
        for batch in batches {
            let sink = &mut RowSink::Client(&writer);
            self.give(batch, sink, Order::FirstToLast, Interruption::Never).await?;
            sent += batch.num_rows() as u64;
        }
        Ok(sent)
    }

    pub(super) fn complete_select(&mut self, rows: u64) {
        backend::command_complete(self.out(), &select_tag(rows));
    }
}

pub(super) fn select_tag(rows: u64) -> String {
    format!("SELECT {rows}")
}
