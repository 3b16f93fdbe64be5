//! What a statement comes back with, before it is put on a wire.

use crate::arrow::array::RecordBatch;
use crate::{CopyIn, CopyOut, CursorCommand, PgType, Rows};

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub pg_type: PgType,
    /// -1 where the type has none.
    pub typmod: i32,
    /// Oid of the table and number of the column it comes from unchanged, else zeros.
    pub table_oid: u32,
    pub attribute_number: i16,
}

/// The answer to one statement.
pub enum Answer {
    /// Rows, one arrow column per [`Column`]; `tag` counts them.
    Rows { columns: Vec<Column>, rows: Rows, tag: RowsTag },
    /// A command tag such as `BEGIN` or `INSERT 0 1`.
    Command { tag: String },
    /// A write of a block that was checked: what it will have done if the block commits.
    Written(WriteAnswer),
    /// A write outside of BEGIN … COMMIT: it is answered when its implicit block ends, see
    /// [`crate::Session::submit_held`].
    Held,
    /// The statement wants the client's COPY data.
    CopyIn(Box<CopyIn>),
    /// Rows that go to the client as COPY data.
    CopyOut(CopyOut),
    /// The statement wants something of the session's cursors.
    Cursor(CursorCommand),
    /// An empty statement.
    Empty,
}

/// What a write is answered with.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteAnswer {
    /// `INSERT 0`, `UPDATE` or `COPY`: the count of rows follows it.
    pub verb: &'static str,
    pub count: usize,
    /// What RETURNING shows, in the columns of the prepared statement.
    pub rows: Option<RecordBatch>,
}

impl WriteAnswer {
    pub fn tag(&self) -> String {
        format!("{} {}", self.verb, self.count)
    }
}

/// How the command tag of a row answer is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowsTag {
    /// `SELECT n`, `INSERT 0 n`: the number of rows follows it.
    Counted(&'static str),
    Plain(&'static str),
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Answer::Rows { columns, tag, .. } => {
                f.debug_struct("Rows").field("columns", columns).field("tag", tag).finish()
            }
            Answer::Command { tag } => f.debug_struct("Command").field("tag", tag).finish(),
            Answer::Written(answer) => f.debug_tuple("Written").field(answer).finish(),
            Answer::Held => f.write_str("Held"),
            Answer::CopyIn(copy) => f.debug_tuple("CopyIn").field(copy).finish(),
            Answer::CopyOut(copy) => f.debug_tuple("CopyOut").field(copy).finish(),
            Answer::Cursor(command) => f.debug_tuple("Cursor").field(command).finish(),
            Answer::Empty => f.write_str("Empty"),
        }
    }
}
