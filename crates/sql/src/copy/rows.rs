//! The rows that a COPY took in, as drafts, and where an error about one of them is.

use super::rejected::rejected_column;
use crate::insert::Table;
use crate::{Error, Fault};
use ledger::Draft;

/// Rows as drafts, each with the line that it comes from.
#[derive(Debug)]
pub(crate) struct CopiedRows {
    table: Table,
    drafts: Vec<Draft>,
    /// Lines are not rows where a field holds a line break. In the binary format: tuples, from 1.
    lines: Vec<u64>,
}

impl CopiedRows {
    pub(super) fn new(table: Table) -> Self {
        CopiedRows { table, drafts: Vec::new(), lines: Vec::new() }
    }

    pub(super) fn push(&mut self, draft: Draft, line: u64) {
        self.drafts.push(draft);
        self.lines.push(line);
    }

    /// Gives up the rows so far, and has room for as many again.
    pub(super) fn take(&mut self) -> CopiedRows {
        let room = self.drafts.len();
        let next = CopiedRows {
            table: self.table,
            drafts: Vec::with_capacity(room),
            lines: Vec::with_capacity(room),
        };
        std::mem::replace(self, next)
    }

    pub(crate) fn len(&self) -> usize {
        self.drafts.len()
    }

    /// The command tag once they are accepted.
    pub(crate) fn tag(&self) -> String {
        format!("COPY {}", self.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    pub(crate) fn drafts(&self) -> &[Draft] {
        &self.drafts
    }

    pub(super) fn last_line(&self) -> u64 {
        self.lines.last().copied().unwrap_or_default()
    }

    /// An error about the row at `index`, with its line, and with column and value where it is
    /// about one.
    pub(crate) fn in_row(&self, index: usize, error: Error) -> Error {
        let (Some(draft), Some(line)) = (self.drafts.get(index), self.lines.get(index)) else {
            return error;
        };
        let table = self.table.name();
        let column = match error.fault() {
            Fault::Rejected(rejection) => rejected_column(self.table, draft, rejection),
            _ => None,
        };
        error.with_context(match column {
            Some((column, Some(value))) => {
                format!("COPY {table}, line {line}, column {column}: \"{value}\"")
            }
            Some((column, None)) => format!("COPY {table}, line {line}, column {column}"),
            None => format!("COPY {table}, line {line}"),
        })
    }
}
