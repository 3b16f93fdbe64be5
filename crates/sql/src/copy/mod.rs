//! COPY … FROM STDIN: lines become one group of drafts, all or nothing.
//!
//! Owns the syntax, the two text formats and the bound on what is held until the end. Rows go the
//! same way as those of INSERT, so a file loaded twice adds nothing: every row of the second run
//! is a replay. The tag counts the rows that were accepted, replays included.

mod command;
mod record;

pub(crate) use command::CopyCommand;
pub use command::CopyFormat;

use crate::insert::{Datum, DraftContext, RowWrite, Table, WIDTH_MAX};
use crate::settings::SessionSettings;
use crate::{Error, Fault, Result};
use command::{ColumnList, CopyOptions, Header};
use record::{Record, RecordReader};
use std::borrow::Cow;
use std::sync::Arc;
use store::Ledger;

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

/// The most bytes of data that one COPY takes: those of one frame of the log.
const DATA_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What an event takes in the log at the least, beside its values. Counting it bounds what short
/// rows take in memory before the store says that they do not fit; it refuses nothing that would.
const ROW_BYTES_MIN: usize = 100;

/// What a COPY took in.
#[derive(Debug)]
pub(crate) struct CopiedRows {
    pub(crate) table: Table,
    pub(crate) rows: Vec<RowWrite>,
    /// The line on which each row starts.
    pub(crate) lines: Vec<u64>,
}

/// A COPY that takes in its data. Nothing is written before [`crate::Session::finish_copy`].
#[derive(Debug)]
pub struct CopyIn {
    plan: Arc<CopyPlan>,
    context: DraftContext,
    reader: RecordReader,
    record: Record,
    header_pending: bool,
    bytes: usize,
    row_bytes: usize,
    drafts: Vec<RowWrite>,
    /// The line on which each draft starts; lines are not rows where a field holds a line break.
    lines: Vec<u64>,
}

impl CopyIn {
    pub(crate) fn new(plan: &Arc<CopyPlan>, ledger: &Ledger, settings: &SessionSettings) -> Self {
        CopyIn {
            plan: plan.clone(),
            context: DraftContext::new(ledger, settings),
            reader: RecordReader::new(&plan.options),
            record: Record::default(),
            header_pending: plan.options.header != Header::None,
            bytes: 0,
            row_bytes: 0,
            drafts: Vec::new(),
            lines: Vec::new(),
        }
    }

    pub fn column_count(&self) -> usize {
        self.plan.targets.len()
    }

    pub fn format(&self) -> CopyFormat {
        self.plan.options.format
    }

    /// Takes in a piece of the data, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > DATA_BYTES_MAX {
            return Err(too_large());
        }
        self.reader.push(bytes);
        loop {
            match self.reader.next(&mut self.record) {
                Ok(true) => self.take_record()?,
                Ok(false) => return Ok(()),
                Err(error) => return Err(self.in_copy(error)),
            }
        }
    }

    /// Takes in what is left; gives the rows.
    pub(crate) fn finish(mut self) -> Result<CopiedRows> {
        match self.reader.finish(&mut self.record) {
            Ok(true) => self.take_record()?,
            Ok(false) => {}
            Err(error) => return Err(self.in_copy(error)),
        }
        Ok(CopiedRows { table: self.plan.table, rows: self.drafts, lines: self.lines })
    }

    fn in_copy(&self, error: Error) -> Error {
        let table = self.plan.table.name();
        match error.context().map(str::to_owned) {
            Some(place) => error.with_context(format!("COPY {table}, {place}")),
            None => error.with_context(format!("COPY {table}")),
        }
    }

    fn take_record(&mut self) -> Result<()> {
        let line = self.record.line();
        let taken = match std::mem::take(&mut self.header_pending) {
            true => self.check_header(),
            false => self.take_row(),
        };
        taken.map_err(|error| {
            let place = match error.context() {
                Some(column) => format!("line {line}, {column}"),
                None => format!("line {line}"),
            };
            self.in_copy(error.with_context(place))
        })
    }

    fn check_header(&self) -> Result<()> {
        if self.plan.options.header == Header::Skip {
            return Ok(());
        }
        self.check_width()?;
        for (place, target) in self.plan.targets.iter().enumerate() {
            let expected = self.plan.table.column_name(*target);
            let found = self.record.text(place);
            if self.record.is_null(place) || found != expected {
                return Err(Error::new(
                    Fault::BadCopyFileFormat,
                    format!(
                        "column name mismatch in header line field {}: got \"{found}\", expected \
                         \"{expected}\"",
                        place + 1
                    ),
                ));
            }
        }
        Ok(())
    }

    fn check_width(&self) -> Result<()> {
        let (found, expected) = (self.record.len(), self.plan.targets.len());
        if found > expected {
            return Err(Error::new(
                Fault::BadCopyFileFormat,
                "extra data after last expected column",
            ));
        }
        if found < expected {
            let column = self.plan.table.column_name(self.plan.targets[found]);
            return Err(Error::new(
                Fault::BadCopyFileFormat,
                format!("missing data for column \"{column}\""),
            ));
        }
        Ok(())
    }

    fn take_row(&mut self) -> Result<()> {
        self.check_width()?;
        let plan = &self.plan;
        let mut row: [Datum<'_>; WIDTH_MAX] = [const { Datum::Absent }; WIDTH_MAX];
        for (place, target) in plan.targets.iter().enumerate() {
            let text = self.record.text(place);
            let is_null = (self.record.is_null(place) && !plan.force_not_null[place])
                || (plan.force_null[place] && text == plan.options.null);
            row[*target] = if is_null { Datum::Null } else { Datum::Text(Cow::Borrowed(text)) };
        }
        self.row_bytes += self.record.bytes() + ROW_BYTES_MIN;
        if self.row_bytes > DATA_BYTES_MAX {
            return Err(too_large());
        }
        self.drafts.push(self.context.draft(plan.table, &row)?);
        self.lines.push(self.record.line());
        Ok(())
    }
}

fn too_large() -> Error {
    Error::new(
        Fault::ProgramLimitExceeded,
        format!("a COPY that takes more than {DATA_BYTES_MAX} bytes of the log is too large"),
    )
    .with_hint("Nothing was written. A COPY is atomic: load the file in several COPYs.")
}

#[cfg(test)]
mod tests;
