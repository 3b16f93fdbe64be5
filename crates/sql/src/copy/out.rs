//! COPY … TO STDOUT: a table or a query, and how its rows are written as text or CSV.
//!
//! Refuses to know how a value becomes text or bytes: the wire does that, as for every result.
//!
//! Invariant: what it writes, COPY FROM with the same options reads as the same rows.

use super::command::CopyFormat;
use super::options::{ColumnList, CopyOptions, Header};
use crate::insert::Table;
use crate::query::{PreparedQuery, QueryEngine};
use crate::settings::SessionSettings;
use crate::statement::{Body, parse};
use crate::{Column, Error, Fault, Result, Rows};
use datafusion::sql::sqlparser::ast;
use std::fmt;

/// `COPY table (columns) TO STDOUT …` or `COPY (query) TO STDOUT …`, not looked up yet.
#[derive(Debug, Clone)]
pub(crate) struct CopyToCommand {
    pub(super) source: CopySource,
    pub(super) options: CopyOptions,
}

#[derive(Debug, Clone)]
pub(super) enum CopySource {
    Table { name: Vec<String>, columns: Vec<String> },
    Query(Box<ast::Statement>),
}

/// A COPY TO whose query is planned.
#[derive(Debug)]
pub(crate) struct CopyToPlan {
    pub(crate) query: PreparedQuery,
    pub(crate) format: CopyRowFormat,
}

/// The rows of a COPY TO, and how they are written.
pub struct CopyOut {
    pub columns: Vec<Column>,
    pub rows: Rows,
    pub format: CopyRowFormat,
}

impl fmt::Debug for CopyOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyOut").field("format", &self.format).finish_non_exhaustive()
    }
}

impl CopyToPlan {
    pub(crate) async fn resolve(
        command: &CopyToCommand,
        engine: &QueryEngine,
        settings: &SessionSettings,
    ) -> Result<Self> {
        let CopyToCommand { source, options } = command;
        let statement = match source {
            CopySource::Query(query) => query.clone(),
            CopySource::Table { name, columns } => {
                if engine.is_view(name, settings) {
                    let name = name.join(".");
                    return Err(Error::new(
                        Fault::WrongObjectType,
                        format!("cannot copy from view \"{name}\""),
                    )
                    .with_hint("Try the COPY (SELECT query) TO variant."));
                }
                select(name, columns, settings)?
            }
        };
        let query = engine.prepare(&statement, &[], settings).await?;
        if !query.parameter_types.is_empty() {
            return Err(Error::unsupported("COPY takes no parameters")
                .with_hint("Write the values into its query, or use a cursor."));
        }
        let force_quote = forced(&options.force_quote, &query.columns)?;
        Ok(CopyToPlan { format: CopyRowFormat { options: options.clone(), force_quote }, query })
    }
}

/// The rows of a table as its COPY FROM takes them: without what the ledger assigns, as Postgres
/// leaves out generated columns.
fn select(
    name: &[String],
    columns: &[String],
    settings: &SessionSettings,
) -> Result<Box<ast::Statement>> {
    let mut chosen: Vec<String> = Vec::new();
    for column in columns {
        if chosen.contains(column) {
            return Err(Error::new(
                Fault::DuplicateColumn,
                format!("column \"{column}\" specified more than once"),
            ));
        }
        chosen.push(column.clone());
    }
    if chosen.is_empty()
        && let Ok(table) = Table::resolve(name, settings, "COPY")
    {
        let writable = table.target_columns(&[])?.into_iter();
        chosen = writable.map(|index| table.column_name(index).to_owned()).collect();
    }
    let list = match chosen.is_empty() {
        true => "*".to_owned(),
        false => quoted(&chosen, ", "),
    };
    match parse(&format!("SELECT {list} FROM {}", quoted(name, ".")))?.pop() {
        Some(statement) => match statement.body {
            Body::Query(query) => Ok(query),
            _ => Err(Error::new(Fault::Internal, "a SELECT was read as something else")),
        },
        None => Err(Error::new(Fault::Internal, "a SELECT was read as nothing")),
    }
}

fn quoted(names: &[String], between: &str) -> String {
    let names = names.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\"")));
    names.collect::<Vec<_>>().join(between)
}

/// The columns that FORCE_QUOTE names, by place.
fn forced(list: &ColumnList, columns: &[Column]) -> Result<Vec<bool>> {
    let ColumnList::Named(names) = list else { return Ok(vec![true; columns.len()]) };
    let mut forced = vec![false; columns.len()];
    for name in names {
        let place = columns.iter().position(|column| column.name == *name).ok_or_else(|| {
            Error::new(Fault::UndefinedColumn, format!("column \"{name}\" does not exist"))
        })?;
        forced[place] = true;
    }
    Ok(forced)
}

/// How a row is written.
#[derive(Debug, Clone)]
pub struct CopyRowFormat {
    options: CopyOptions,
    /// By place among the columns.
    force_quote: Vec<bool>,
}

impl CopyRowFormat {
    pub fn format(&self) -> CopyFormat {
        self.options.format
    }

    /// Writes the line of names, if there is to be one.
    pub fn write_header(&self, out: &mut Vec<u8>, columns: &[Column]) {
        if self.options.header == Header::None {
            return;
        }
        for (place, column) in columns.iter().enumerate() {
            self.begin_field(out, place);
            match self.options.format {
                CopyFormat::Csv => self.write_csv(out, column.name.as_bytes(), false),
                _ => self.write_text(out, column.name.as_bytes()),
            }
        }
        out.push(b'\n');
    }

    /// Writes the text of one field; `None` is null. The caller ends the row with [`Self::end_row`].
    pub fn write_field(&self, out: &mut Vec<u8>, place: usize, field: Option<&[u8]>) {
        self.begin_field(out, place);
        match (field, self.options.format) {
            (None, _) => out.extend_from_slice(self.options.null.as_bytes()),
            (Some(field), CopyFormat::Csv) => {
                let forced = self.force_quote.get(place).copied().unwrap_or(false);
                self.write_csv(out, field, forced || field == self.options.null.as_bytes());
            }
            (Some(field), _) => self.write_text(out, field),
        }
    }

    pub fn end_row(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
    }

    fn begin_field(&self, out: &mut Vec<u8>, place: usize) {
        if place > 0 {
            out.push(self.options.delimiter);
        }
    }

    fn write_text(&self, out: &mut Vec<u8>, field: &[u8]) {
        let delimiter = self.options.delimiter;
        let needs_none = |byte: &u8| *byte >= b' ' && *byte != b'\\' && *byte != delimiter;
        if field.iter().all(needs_none) {
            return out.extend_from_slice(field);
        }
        for byte in field {
            let escaped = match *byte {
                0x08 => b'b',
                0x0c => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0x0b => b'v',
                byte if byte == b'\\' || byte == delimiter => byte,
                byte => {
                    out.push(byte);
                    continue;
                }
            };
            out.extend_from_slice(&[b'\\', escaped]);
        }
    }

    fn write_csv(&self, out: &mut Vec<u8>, field: &[u8], forced: bool) {
        let CopyOptions { delimiter, quote, escape, .. } = self.options;
        // A line that is only `\.` would end the data.
        let is_end_mark = self.force_quote.len() == 1 && field == b"\\.";
        let special = |byte: &u8| [delimiter, quote, b'\n', b'\r'].contains(byte);
        if !forced && !is_end_mark && !field.iter().any(special) {
            return out.extend_from_slice(field);
        }
        out.push(quote);
        for byte in field {
            if *byte == quote || *byte == escape {
                out.push(escape);
            }
            out.push(*byte);
        }
        out.push(quote);
    }
}
