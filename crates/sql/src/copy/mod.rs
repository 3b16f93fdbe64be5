//! COPY … FROM STDIN: rows of data become drafts, which are committed as one group, all or
//! nothing, or in pieces where the client asks for it. And COPY … TO STDOUT, the way back.
//!
//! Owns the syntax, the two text formats, the bound on what is held until it is committed, and
//! what an error says about the place in the data. Rows go the same way as those of INSERT, so a
//! file loaded twice adds nothing: every row of the second run is a replay. The tag counts the rows
//! that were accepted, replays included.
//!
//! Refuses to know the binary format's bytes: the wire decodes them and gives values.

mod command;
mod intake;
mod options;
mod out;
mod pieces;
mod record;
mod rejected;
mod rows;

pub use command::CopyFormat;
pub(crate) use command::{CopyCommand, parse_copy};
pub use intake::CopyIn;
pub use out::{CopyOut, CopyRowFormat};
pub(crate) use out::{CopyToCommand, CopyToPlan};
pub use pieces::CommittedRows;
pub(crate) use rows::{CopiedRows, in_copied_row};

use crate::insert::{Table, WIDTH_MAX};
use crate::settings::SessionSettings;
use crate::{Error, Fault, Result};
use options::{ColumnList, CopyOptions};

/// A COPY whose names have been looked up.
#[derive(Debug)]
pub(crate) struct CopyPlan {
    table: Table,
    targets: Vec<usize>,
    options: CopyOptions,
    /// By place among the targets.
    force_not_null: Vec<bool>,
    force_null: Vec<bool>,
}

impl CopyPlan {
    pub(crate) fn resolve(command: &CopyCommand, settings: &SessionSettings) -> Result<Self> {
        let table = Table::resolve(&command.table, settings, "COPY")?;
        let targets = table.target_columns(&command.columns)?;
        if table == Table::Postings && command.options.commit_every.is_some() {
            return Err(Error::unsupported("COPY into \"postings\" cannot commit in pieces")
                .with_hint(
                    "Postings complete the transactions of their block: send them in one.",
                ));
        }
        let flags = |list: &ColumnList, option: &str| match list {
            ColumnList::All => Ok(vec![true; targets.len()]),
            ColumnList::Named(names) => flags(names, table, &targets, option),
        };
        Ok(CopyPlan {
            table,
            force_not_null: flags(&command.options.force_not_null, "FORCE_NOT_NULL")?,
            force_null: flags(&command.options.force_null, "FORCE_NULL")?,
            options: command.options.clone(),
            targets,
        })
    }

    /// Whether it commits while data arrives, and so cannot be part of a block.
    pub(crate) fn commits_in_pieces(&self) -> bool {
        self.options.commit_every.is_some()
    }
}

fn flags(names: &[String], table: Table, targets: &[usize], option: &str) -> Result<Vec<bool>> {
    let mut flags = vec![false; targets.len()];
    for name in names {
        let column = table.writable_column(name)?;
        let place = targets.iter().position(|target| *target == column).ok_or_else(|| {
            Error::new(
                Fault::UndefinedColumn,
                format!("{option} column \"{name}\" not referenced by COPY"),
            )
        })?;
        flags[place] = true;
    }
    Ok(flags)
}

#[cfg(test)]
mod tests;
