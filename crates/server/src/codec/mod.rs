//! Values on the wire: results from arrow columns, parameters from a Bind message.
//!
//! Owns the text and the binary form of every type in [`sql::PgType`]. Refuses to know: messages,
//! statements, where a value goes.
//!
//! Invariant: nothing is rounded. A value that has no form in the asked type and format is an
//! error, never something near it.

mod array;
mod binary;
mod cell;
mod datetime;
mod float;
mod interval;
mod numeric;
mod parameter;
mod parameter_array;
mod text;

use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::backend::{self, Format};
use bytes::{BufMut, BytesMut};
use cell::CellReader;
use chrono_tz::Tz;
use interval::IntervalStyle;
pub(crate) use parameter::{decode as decode_parameter, decode_binary};
use sql::arrow::record_batch::RecordBatch;
use sql::{Column, CopyRowFormat, PgType, SessionSettings};

/// How a session wants its values shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    zone: Tz,
    interval: IntervalStyle,
    /// Digits of a float, as `extra_float_digits` has them: above zero means "all that matter".
    extra_float_digits: i32,
}

impl Style {
    pub(crate) fn of(settings: &SessionSettings) -> Self {
        Style {
            zone: settings.time_zone(),
            interval: match settings.shows_iso_intervals() {
                true => IntervalStyle::Iso8601,
                false => IntervalStyle::Postgres,
            },
            extra_float_digits: settings.extra_float_digits(),
        }
    }
}

/// A value that cannot be shown as what its column promised: a bug of ours, and never sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unencodable {
    what: String,
    pg_type: PgType,
}

impl Unencodable {
    fn new(what: impl Into<String>, pg_type: PgType) -> Self {
        Unencodable { what: what.into(), pg_type }
    }
}

impl From<Unencodable> for Report {
    fn from(problem: Unencodable) -> Self {
        let Unencodable { what, pg_type } = problem;
        tracing::error!(what, pg_type = pg_type.name(), "a value does not fit its column's type");
        Report::new(SqlState::INTERNAL_ERROR, "internal error")
            .with_detail("The server's log has more.")
    }
}

/// Writes rows of one result.
#[derive(Debug)]
pub(crate) struct RowWriter {
    types: Vec<PgType>,
    formats: Vec<Format>,
    style: Style,
}

impl RowWriter {
    /// `formats` has one entry per column, or is empty for all text.
    pub(crate) fn new(columns: &[Column], formats: &[Format], style: Style) -> Self {
        let types: Vec<PgType> = columns.iter().map(|column| column.pg_type).collect();
        let formats = (0..types.len()).map(|index| formats.get(index).copied().unwrap_or_default());
        RowWriter { formats: formats.collect(), types, style }
    }

    /// Resolves the arrow types of a batch once, so that rows need not.
    pub(crate) fn read<'a>(&self, batch: &'a RecordBatch) -> Result<BatchReader<'a>, Unencodable> {
        if batch.num_columns() != self.types.len() {
            let what = format!("{} columns for {}", batch.num_columns(), self.types.len());
            return Err(Unencodable::new(what, PgType::Unknown));
        }
        let columns = batch.columns().iter().zip(&self.types);
        let readers = columns.map(|(array, pg_type)| CellReader::new(array.as_ref(), *pg_type));
        Ok(BatchReader { columns: readers.collect::<Result<_, _>>()? })
    }

    pub(crate) fn write_row(
        &self,
        out: &mut BytesMut,
        batch: &BatchReader<'_>,
        row: usize,
    ) -> Result<(), Unencodable> {
        backend::data_row(out, self.types.len(), |out| {
            let formats = self.types.iter().zip(&self.formats);
            for (column, (pg_type, format)) in batch.columns.iter().zip(formats) {
                let Some(cell) = column.get(row)? else {
                    backend::null(out);
                    continue;
                };
                backend::value(out, |out| match format {
                    Format::Text => text::write(out, &cell, *pg_type, self.style),
                    Format::Binary => binary::write(out, &cell, *pg_type),
                })?;
            }
            Ok(())
        })
    }
}

impl RowWriter {
    /// Writes a row as a line of COPY data.
    pub(crate) fn write_copy_line(
        &self,
        line: &mut Vec<u8>,
        batch: &BatchReader<'_>,
        row: usize,
        format: &CopyRowFormat,
    ) -> Result<(), Unencodable> {
        let mut field = BytesMut::new();
        for (place, (column, pg_type)) in batch.columns.iter().zip(&self.types).enumerate() {
            match column.get(row)? {
                None => format.write_field(line, place, None),
                Some(cell) => {
                    field.clear();
                    text::write(&mut field, &cell, *pg_type, self.style)?;
                    format.write_field(line, place, Some(&field));
                }
            }
        }
        format.end_row(line);
        Ok(())
    }

    /// Writes a row as a tuple of binary COPY data.
    pub(crate) fn write_copy_tuple(
        &self,
        out: &mut BytesMut,
        batch: &BatchReader<'_>,
        row: usize,
    ) -> Result<(), Unencodable> {
        out.put_i16(i16::try_from(self.types.len()).unwrap_or(i16::MAX));
        for (column, pg_type) in batch.columns.iter().zip(&self.types) {
            match column.get(row)? {
                None => backend::null(out),
                Some(cell) => backend::value(out, |out| binary::write(out, &cell, *pg_type))?,
            }
        }
        Ok(())
    }
}

/// The columns of one batch, ready to be read by row.
#[derive(Debug)]
pub(crate) struct BatchReader<'a> {
    columns: Vec<CellReader<'a>>,
}

#[cfg(test)]
mod tests;
