//! The rows that a COPY took in, and where an error about one of them is.

use super::rejected::rejected_column;
use crate::insert::{RowWrite, Table};
use crate::{Error, Fault};

/// What a COPY took in.
#[derive(Debug)]
pub(crate) struct CopiedRows {
    pub(crate) table: Table,
    pub(crate) rows: Vec<RowWrite>,
    /// The line on which each row starts; lines are not rows where a field holds a line break. In
    /// the binary format: the number of the tuple.
    pub(crate) lines: Vec<u64>,
}

impl CopiedRows {
    pub(super) fn new(table: Table) -> Self {
        CopiedRows { table, rows: Vec::new(), lines: Vec::new() }
    }

    pub(super) fn push(&mut self, row: RowWrite, line: u64) {
        self.rows.push(row);
        self.lines.push(line);
    }

    /// Gives up the rows so far, and has room for as many again.
    pub(super) fn take(&mut self) -> CopiedRows {
        let room = self.rows.len();
        let next = CopiedRows {
            table: self.table,
            rows: Vec::with_capacity(room),
            lines: Vec::with_capacity(room),
        };
        std::mem::replace(self, next)
    }
}

/// An error about a row of a COPY, with its line, and with column and value where it is about one.
pub(crate) fn in_copied_row(error: Error, table: Table, line: u64, row: &RowWrite) -> Error {
    let column = match error.fault() {
        Fault::Rejected(rejection) => rejected_column(table, row, rejection),
        _ => None,
    };
    let place = format!("COPY {}, line {line}", table.name());
    error.with_context(match column {
        Some((column, Some(value))) => format!("{place}, column {column}: \"{value}\""),
        Some((column, None)) => format!("{place}, column {column}"),
        None => place,
    })
}
