//! The data of a COPY on its way from messages to rows, in whatever format.

use super::copy_binary::{BinaryColumn, TupleReader};
use crate::report::Report;
use crate::wire::backend::{self, Format};
use bytes::BytesMut;
use sql::{CommittedRows, CopyFormat, CopyIn, Value};

/// A COPY that takes in its data.
#[derive(Debug)]
pub(super) struct CopyStream {
    copy: Box<CopyIn>,
    /// In the binary format.
    tuples: Option<TupleReader>,
    /// The last tuple, kept for its memory.
    values: Vec<Value>,
}

impl CopyStream {
    pub(super) fn new(copy: Box<CopyIn>) -> Self {
        let tuples = (copy.format() == CopyFormat::Binary).then(|| {
            let types = copy.column_types().into_iter().enumerate();
            let columns = types
                .map(|(place, pg_type)| BinaryColumn { name: copy.column_name(place), pg_type });
            TupleReader::new(copy.table_name(), columns.collect())
        });
        CopyStream { copy, tuples, values: Vec::new() }
    }

    /// Asks the client for the data.
    pub(super) fn write_response(&self, out: &mut BytesMut) {
        let format = if self.tuples.is_some() { Format::Binary } else { Format::Text };
        backend::copy_in_response(out, self.copy.column_types().len(), format);
    }

    pub(super) async fn push(&mut self, bytes: &[u8]) -> Result<(), Report> {
        let Some(tuples) = &mut self.tuples else { return Ok(self.copy.push(bytes).await?) };
        tuples.push(bytes);
        loop {
            match tuples.next(&mut self.values) {
                Ok(Some(bytes)) => self.copy.push_row(&self.values, bytes).await?,
                Ok(None) => return Ok(()),
                Err(report) => return Err(self.failed(report).await),
            }
        }
    }

    /// All data has come; what is left is to commit it.
    pub(super) async fn complete(mut self) -> Result<Box<CopyIn>, Report> {
        match self.tuples.as_ref().map(TupleReader::end) {
            Some(Err(report)) => Err(self.failed(report).await),
            _ => Ok(self.copy),
        }
    }

    /// Ends it with `report`, which tells what pieces had been committed before; or with the error
    /// of a piece that failed earlier.
    pub(super) async fn failed(&mut self, report: Report) -> Report {
        match self.copy.abandon().await {
            Ok(Some(committed)) => {
                report.with_detail(committed.detail()).with_hint(CommittedRows::HINT)
            }
            Ok(None) => report,
            Err(earlier) => earlier.into(),
        }
    }
}
