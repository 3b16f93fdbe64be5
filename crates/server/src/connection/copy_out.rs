//! COPY … TO STDOUT: rows as CopyData, as fast as the client takes them.

use super::rows::{Interruption, RowSink};
use super::{Connection, Failure};
use crate::codec::RowWriter;
use crate::report::Report;
use crate::wire::backend::{self, Format};
use bytes::{BufMut, BytesMut};
use sql::arrow::record_batch::RecordBatch;
use sql::{CopyFormat, CopyOut, CopyRowFormat, CursorStep, RowsTag, StatementKind};

/// Signature, flags and length of the extension of the binary format.
const BINARY_HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const BINARY_TRAILER: i16 = -1;

/// How the rows of a COPY are written.
#[derive(Debug)]
pub(super) struct CopyRows {
    writer: RowWriter,
    format: CopyRowFormat,
    /// The line that is being written, kept for its memory.
    line: Vec<u8>,
    /// What goes before the next tuple, and the tuple.
    tuple: BytesMut,
}

impl Connection {
    /// Sends all rows; gives the tag.
    pub(super) async fn copy_out(
        &mut self,
        copy: CopyOut,
        interruption: Interruption,
    ) -> Result<String, Failure> {
        let CopyOut { columns, rows, format } = copy;
        let is_binary = format.format() == CopyFormat::Binary;
        let wire_format = if is_binary { Format::Binary } else { Format::Text };
        backend::copy_out_response(self.out(), columns.len(), wire_format);
        let writer = self.row_writer(&columns, &[]);
        let mut sent = CopyRows { writer, format, line: Vec::new(), tuple: BytesMut::new() };
        if is_binary {
            sent.tuple.put_slice(BINARY_HEADER);
        } else {
            sent.format.write_header(&mut sent.line, &columns);
            if !sent.line.is_empty() {
                backend::copy_data(self.out(), &sent.line);
            }
        }
        let tag = RowsTag::Counted("COPY");
        let mut cursor = self.cursor(StatementKind::CopyTo, columns, rows, tag);
        let (all, sink) = (CursorStep::Forward(None), RowSink::Copy(&mut sent));
        let count = self.step(&mut cursor, all, sink, interruption).await?;
        if is_binary {
            sent.tuple.put_i16(BINARY_TRAILER);
            backend::copy_data(self.out(), &sent.tuple);
        }
        backend::copy_done(self.out());
        Ok(cursor.tag(count))
    }

    pub(super) async fn copy_rows(
        &mut self,
        batch: &RecordBatch,
        rows: &mut CopyRows,
        interruption: Interruption,
    ) -> Result<(), Failure> {
        let CopyRows { writer, format, line, tuple } = rows;
        let reader = writer.read(batch).map_err(Report::from)?;
        for row in 0..batch.num_rows() {
            if format.format() == CopyFormat::Binary {
                writer.write_copy_tuple(tuple, &reader, row).map_err(Report::from)?;
                backend::copy_data(self.out(), tuple);
                tuple.clear();
            } else {
                line.clear();
                writer.write_copy_line(line, &reader, row, format).map_err(Report::from)?;
                backend::copy_data(self.out(), line);
            }
            self.send_if_much(interruption).await?;
        }
        Ok(())
    }
}
