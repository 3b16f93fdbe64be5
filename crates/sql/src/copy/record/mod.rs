//! From the text of a COPY to records of fields.
//!
//! Written here and not taken from a CSV crate, because those hide what Postgres tells apart: an
//! empty field is NULL and a quoted empty one is an empty text. It also has to stop and go on at
//! any byte, because the wire cuts the data wherever it likes.
//!
//! Owns where records and fields end, and the rule that all lines of a file end alike. Every byte
//! is looked at once, and a field without escapes stays where it arrived.

mod csv;
mod input;
mod text;

use super::command::CopyFormat;
use super::options::CopyOptions;
use crate::{Error, Fault, Result};
use input::Input;
use std::ops::Range;

/// Reads records from text that arrives in pieces.
#[derive(Debug)]
pub(super) struct RecordReader {
    format: CopyFormat,
    delimiter: u8,
    null: String,
    quote: u8,
    escape: u8,
    /// Bytes at which there is something to do, outside of quotes and inside.
    stops: Stops,
    quoted_stops: Stops,
    input: Input,
    line_end: Option<LineEnd>,
    /// `\.` has been read: the rest is not data.
    ended: bool,
    /// The record in the making is whole and has been given out.
    is_given: bool,
    /// Where the record starts.
    start: usize,
    /// How far it has been looked at.
    at: usize,
    /// Where its line ends.
    end: usize,
    /// The line of the data on which it starts, from 1.
    line: u64,
    /// Line breaks inside of it.
    breaks_inside: u64,
    fields: Vec<Field>,
    /// The fields that are not written as they read.
    unescaped: String,
    field: FieldState,
}

/// The field that is being read.
#[derive(Debug, Default)]
struct FieldState {
    start: usize,
    /// It is not simply what was written: there are escapes in it, or quotes in odd places.
    is_rough: bool,
    is_quoted: bool,
    in_quotes: bool,
    /// Where its last quotes closed.
    closed_at: usize,
}

#[derive(Debug)]
struct Field {
    /// In the input behind the record's start, or in the unescaped text.
    range: Range<usize>,
    is_unescaped: bool,
    /// Written as the null string and not in quotes.
    is_null: bool,
}

/// How lines end: as the first one did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Lf,
    CrLf,
    Cr,
}

/// What looking at the input came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scanned {
    Record,
    /// A record without a line end before the end mark.
    LastRecord,
    EndMark,
    NeedsMore,
}

/// A set of bytes.
struct Stops([bool; 256]);

impl std::fmt::Debug for Stops {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = (0..=u8::MAX).filter(|byte| self.0[usize::from(*byte)]).map(char::from);
        f.debug_set().entries(bytes).finish()
    }
}

impl Stops {
    fn new(bytes: &[u8]) -> Self {
        let mut stops = [false; 256];
        bytes.iter().for_each(|byte| stops[usize::from(*byte)] = true);
        Stops(stops)
    }

    fn find(&self, text: &str, from: usize) -> Option<usize> {
        let found = text.as_bytes()[from..].iter().position(|byte| self.0[usize::from(*byte)]);
        found.map(|step| from + step)
    }
}

impl RecordReader {
    pub(super) fn new(options: &CopyOptions) -> Self {
        let CopyOptions { format, delimiter, quote, escape, .. } = *options;
        let stops = match format {
            CopyFormat::Csv => Stops::new(&[delimiter, quote, b'\n', b'\r', b'\\']),
            CopyFormat::Text | CopyFormat::Binary => Stops::new(&[delimiter, b'\n', b'\r', b'\\']),
        };
        RecordReader {
            format,
            delimiter,
            null: options.null.clone(),
            quote,
            escape,
            stops,
            quoted_stops: Stops::new(&[quote, escape, b'\n', b'\r']),
            input: Input::default(),
            line_end: None,
            ended: false,
            is_given: false,
            start: 0,
            at: 0,
            end: 0,
            line: 1,
            breaks_inside: 0,
            fields: Vec::new(),
            unescaped: String::new(),
            field: FieldState::default(),
        }
    }

    /// Takes in a piece of the data, cut anywhere. Ends the record given out last.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.ended {
            return;
        }
        self.begin_after_given();
        self.input.forget(self.start);
        self.at -= self.start;
        self.field.start -= self.start;
        self.field.closed_at = self.field.closed_at.saturating_sub(self.start);
        self.start = 0;
        self.input.push(bytes);
    }

    /// No more data comes: what is left is the last record.
    pub(super) fn complete(&mut self) {
        self.input.complete();
    }

    /// Reads the next record; `false` when there is none, or not all of it yet.
    pub(super) fn next(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.begin_after_given();
        let scanned = match self.format {
            CopyFormat::Csv => self.scan_csv()?,
            CopyFormat::Text | CopyFormat::Binary => self.scan_text()?,
        };
        self.is_given = matches!(scanned, Scanned::Record | Scanned::LastRecord);
        self.ended = matches!(scanned, Scanned::EndMark | Scanned::LastRecord);
        Ok(self.is_given)
    }

    /// The line on which the record starts.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The record as it was written, without its line end.
    pub(super) fn written(&self) -> &str {
        &self.input.text()[self.start..self.end]
    }

    pub(super) fn is_null(&self, index: usize) -> bool {
        self.fields[index].is_null
    }

    pub(super) fn text(&self, index: usize) -> &str {
        let Field { range, is_unescaped, .. } = &self.fields[index];
        match is_unescaped {
            true => &self.unescaped[range.clone()],
            false => &self.input.text()[self.start + range.start..self.start + range.end],
        }
    }

    fn begin_after_given(&mut self) {
        if !std::mem::take(&mut self.is_given) {
            return;
        }
        self.line += 1 + std::mem::take(&mut self.breaks_inside);
        self.start = self.at;
        self.fields.clear();
        self.unescaped.clear();
        self.field = FieldState { start: self.at, ..FieldState::default() };
    }

    /// Waits for what comes behind `at`.
    fn wait_at(&mut self, at: usize) -> Result<Scanned> {
        self.at = at;
        match self.input.invalid() {
            Some(invalid) => Err(invalid.clone()),
            None => Ok(Scanned::NeedsMore),
        }
    }

    /// Everything that is there has been looked at.
    fn at_end(&mut self) -> Result<Scanned> {
        let length = self.input.text().len();
        if self.input.invalid().is_some() || !self.input.is_complete() || self.start == length {
            return self.wait_at(length);
        }
        if self.field.in_quotes {
            return Err(bad_format("unterminated CSV quoted field"));
        }
        self.end_record(length, length)
    }

    /// Ends the record, whose line ends at `end`; the next one starts at `next`.
    fn end_record(&mut self, end: usize, next: usize) -> Result<Scanned> {
        self.end_field(end)?;
        self.end = end;
        self.at = next;
        Ok(Scanned::Record)
    }

    fn end_field(&mut self, end: usize) -> Result<()> {
        match self.format {
            CopyFormat::Csv => self.end_csv_field(end),
            CopyFormat::Text | CopyFormat::Binary => self.end_text_field(end)?,
        }
        self.field = FieldState { start: end + 1, ..FieldState::default() };
        Ok(())
    }

    /// A field that reads as it is written.
    fn push_plain(&mut self, range: Range<usize>, is_null: bool) {
        let range = range.start - self.start..range.end - self.start;
        self.fields.push(Field { range, is_unescaped: false, is_null });
    }

    /// Where the line after a line break at `at` starts. `None`: the next byte decides.
    fn line_after(&mut self, at: usize) -> Result<Option<usize>> {
        let bytes = self.input.text().as_bytes();
        let (line_end, next) = match (bytes[at], self.line_end) {
            (b'\n', None | Some(LineEnd::Lf)) => (LineEnd::Lf, at + 1),
            (b'\r', Some(LineEnd::Cr)) => (LineEnd::Cr, at + 1),
            (b'\r', None | Some(LineEnd::CrLf)) => match bytes.get(at + 1) {
                None if !self.input.is_complete() => return Ok(None),
                Some(b'\n') => (LineEnd::CrLf, at + 2),
                _ if self.line_end.is_none() => (LineEnd::Cr, at + 1),
                _ => return Err(self.other_line_end("carriage return", "\\r")),
            },
            (b'\n', _) => return Err(self.other_line_end("newline", "\\n")),
            _ => return Err(self.other_line_end("carriage return", "\\r")),
        };
        self.line_end = Some(line_end);
        Ok(Some(next))
    }

    fn other_line_end(&self, name: &str, escape: &str) -> Error {
        match self.format {
            CopyFormat::Csv => bad_format(&format!("unquoted {name} found in data"))
                .with_hint(format!("Use quoted CSV field to represent {name}.")),
            CopyFormat::Text | CopyFormat::Binary => {
                bad_format(&format!("literal {name} found in data"))
                    .with_hint(format!("Use \"{escape}\" to represent {name}."))
            }
        }
    }

    /// Whether `\.` at `at` is the end mark: a line end like the others must follow. `None`: the
    /// next byte decides.
    fn end_mark(&self, at: usize) -> Option<EndMark> {
        let bytes = self.input.text().as_bytes();
        let mut next = at + 2;
        if self.line_end == Some(LineEnd::CrLf) {
            match bytes.get(next) {
                None if !self.input.is_complete() => return None,
                Some(b'\r') => next += 1,
                Some(b'\n') => return Some(EndMark::OtherLineEnd),
                _ => return Some(EndMark::Corrupt),
            }
        }
        Some(match (bytes.get(next), self.line_end) {
            (None, _) if !self.input.is_complete() => return None,
            (Some(b'\n' | b'\r'), None)
            | (Some(b'\n'), Some(LineEnd::Lf | LineEnd::CrLf))
            | (Some(b'\r'), Some(LineEnd::Cr)) => EndMark::Ends,
            (Some(b'\n' | b'\r'), _) => EndMark::OtherLineEnd,
            _ => EndMark::Corrupt,
        })
    }
}

/// What follows a `\.`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndMark {
    Ends,
    OtherLineEnd,
    Corrupt,
}

fn bad_format(message: &str) -> Error {
    Error::new(Fault::BadCopyFileFormat, message)
}
