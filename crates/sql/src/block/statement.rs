//! One writing statement of a block: how it is answered, and how an error names its place.

use crate::clock::Clock;
use crate::copy::in_copied_row;
use crate::insert::{Recorded, RowWrite, Table};
use crate::prepared::Action;
use crate::write_plan::WritePlan;
use crate::{Error, Fault, Prepared, Result, Value, WriteAnswer};
use store::Conflict;

/// What a statement takes in memory at the least.
const STATEMENT_BYTES: usize = 200;

/// A statement whose rows are in a block.
#[derive(Debug)]
pub(crate) enum WriteStatement {
    Plan { prepared: Prepared, parameters: Vec<Value>, clock: Clock },
    Copy { table: Table, lines: Vec<u64> },
}

impl WriteStatement {
    /// Parameters are kept where RETURNING may show them.
    pub(crate) fn of_plan(prepared: &Prepared, parameters: &[Value], clock: Clock) -> Self {
        let parameters = match prepared.columns() {
            Some(_) => parameters.to_vec(),
            None => Vec::new(),
        };
        WriteStatement::Plan { prepared: prepared.clone(), parameters, clock }
    }

    /// About what it takes in memory beside its rows.
    pub(super) fn bytes(&self) -> usize {
        STATEMENT_BYTES
            + match self {
                WriteStatement::Plan { parameters, .. } => {
                    parameters.iter().map(Value::bytes).sum()
                }
                WriteStatement::Copy { .. } => 0,
            }
    }

    fn plan(prepared: &Prepared) -> Result<&WritePlan> {
        match prepared.action() {
            Action::Write(plan) => Ok(plan),
            _ => Err(Error::new(Fault::Internal, "a statement that writes nothing was staged")),
        }
    }

    /// What a row does when it is there already, if that is not to be an error.
    pub(super) fn skips(&self) -> Option<Conflict> {
        match self {
            WriteStatement::Plan { prepared, .. } => Self::plan(prepared).ok()?.skips(),
            WriteStatement::Copy { .. } => None,
        }
    }

    /// Says which row of the statement an error is about, of how many.
    pub(super) fn place(&self, error: Error, row: usize, rows: usize, write: &RowWrite) -> Error {
        match self {
            WriteStatement::Plan { prepared, .. } => match Self::plan(prepared) {
                Ok(plan) if rows > 1 => plan.in_row(error, row),
                _ => error,
            },
            WriteStatement::Copy { table, lines } => match lines.get(row) {
                Some(line) => in_copied_row(error, *table, *line, write),
                None => error,
            },
        }
    }

    /// Names the statement in a message about all of it.
    pub(super) fn verb(&self) -> &'static str {
        match self {
            WriteStatement::Plan { prepared, .. } => {
                Self::plan(prepared).map_or("INSERT", WritePlan::verb)
            }
            WriteStatement::Copy { .. } => "COPY",
        }
    }

    /// Whether the answer shows more than how many rows there were.
    pub(super) fn returns_rows(&self) -> bool {
        match self {
            WriteStatement::Plan { prepared, .. } => prepared.columns().is_some(),
            WriteStatement::Copy { .. } => false,
        }
    }

    /// `recorded` has what each row came to, if the statement returns rows; `count` how many rows
    /// count in its tag.
    pub(super) fn answer(&self, recorded: &[Recorded], count: usize) -> Result<WriteAnswer> {
        match self {
            WriteStatement::Plan { prepared, parameters, clock } => {
                Self::plan(prepared)?.answer(recorded, count, parameters, *clock)
            }
            WriteStatement::Copy { .. } => Ok(WriteAnswer { verb: "COPY", count, rows: None }),
        }
    }
}
