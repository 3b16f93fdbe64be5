//! From the bytes of a COPY to records of fields.
//!
//! Written here and not taken from a CSV crate, because those hide what Postgres tells apart:
//! an empty field is NULL and a quoted empty one is an empty text. It also has to stop and go on
//! at any byte, because the wire cuts the data wherever it likes.

use super::command::{CopyFormat, CopyOptions};
use crate::{Error, Fault, Result};
use std::ops::Range;

/// One record, reused for the next.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// All fields, one behind the other, without quotes and escapes.
    text: String,
    fields: Vec<Field>,
    /// The line of the data on which it starts, from 1.
    line: u64,
}

#[derive(Debug, Clone)]
struct Field {
    range: Range<usize>,
    /// Written as the null string and not in quotes.
    is_null: bool,
}

impl Record {
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Bytes of all fields together.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn is_null(&self, index: usize) -> bool {
        self.fields[index].is_null
    }

    pub(super) fn text(&self, index: usize) -> &str {
        &self.text[self.fields[index].range.clone()]
    }
}

#[derive(Debug)]
pub(super) struct RecordReader {
    format: CopyFormat,
    delimiter: u8,
    null: Vec<u8>,
    quote: u8,
    /// `None` where it is the quote itself: then doubling escapes it.
    escape: Option<u8>,
    pending: Vec<u8>,
    /// Where the next record starts in `pending`.
    start: usize,
    /// How far the search for its end has come.
    scanned: usize,
    in_quotes: bool,
    after_escape: bool,
    line: u64,
    /// Line breaks inside the record that is being read.
    breaks_inside: u64,
    /// `\.` has been read: the rest is not data.
    ended: bool,
}

impl RecordReader {
    pub(super) fn new(options: &CopyOptions) -> Self {
        RecordReader {
            format: options.format,
            delimiter: options.delimiter,
            null: options.null.clone().into_bytes(),
            quote: options.quote,
            escape: (options.escape != options.quote).then_some(options.escape),
            pending: Vec::new(),
            start: 0,
            scanned: 0,
            in_quotes: false,
            after_escape: false,
            line: 1,
            breaks_inside: 0,
            ended: false,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.pending.extend_from_slice(bytes);
    }

    /// Reads the next record that is complete; `false` when more bytes are needed.
    pub(super) fn next(&mut self, record: &mut Record) -> Result<bool> {
        while self.scanned < self.pending.len() {
            let byte = self.pending[self.scanned];
            self.scanned += 1;
            let ends = match self.format {
                CopyFormat::Text => self.ends_text(byte),
                CopyFormat::Csv => self.ends_csv(byte),
            };
            if ends {
                let range = self.start..self.scanned - 1;
                self.start = self.scanned;
                if self.read(range, record)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Reads what is left when no more bytes come: a last line without its end.
    pub(super) fn finish(&mut self, record: &mut Record) -> Result<bool> {
        let range = self.start..self.pending.len();
        self.start = self.pending.len();
        self.scanned = self.start;
        if range.is_empty() {
            return Ok(false);
        }
        self.read(range, record)
    }

    fn ends_text(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.after_escape => {
                self.after_escape = false;
                self.breaks_inside += u64::from(byte == b'\n');
                false
            }
            b'\\' => {
                self.after_escape = true;
                false
            }
            byte => byte == b'\n',
        }
    }

    fn ends_csv(&mut self, byte: u8) -> bool {
        if Some(byte) == self.escape && self.in_quotes {
            self.after_escape = !self.after_escape;
            // An escape that is also no quote can end nothing.
            return false;
        }
        if byte == self.quote && !self.after_escape {
            self.in_quotes = !self.in_quotes;
        }
        self.after_escape = false;
        let breaks = byte == b'\n';
        self.breaks_inside += u64::from(breaks && self.in_quotes);
        breaks && !self.in_quotes
    }

    /// Splits one record; `false` if it is the end mark or comes behind it.
    fn read(&mut self, range: Range<usize>, record: &mut Record) -> Result<bool> {
        record.line = self.line;
        self.line += 1 + self.breaks_inside;
        self.breaks_inside = 0;
        let mut raw = &self.pending[range];
        if let [rest @ .., b'\r'] = raw {
            raw = rest;
        }
        self.ended |= raw == b"\\.";
        if self.ended {
            return Ok(false);
        }
        let mut bytes = std::mem::take(&mut record.text).into_bytes();
        bytes.clear();
        record.fields.clear();
        let split = match self.format {
            CopyFormat::Text => self.split_text(raw, &mut bytes, &mut record.fields),
            CopyFormat::Csv => self.split_csv(raw, &mut bytes, &mut record.fields),
        };
        split.map_err(|error| error.with_context(format!("line {}", record.line)))?;
        record.text = String::from_utf8(bytes).map_err(|error| {
            let bad = error.utf8_error().valid_up_to();
            not_utf8(error.as_bytes().get(bad).copied(), record.line)
        })?;
        // Escapes such as \303 can build a character across a delimiter.
        let whole = |field: &Field| record.text.is_char_boundary(field.range.end);
        if !record.fields.iter().all(whole) {
            return Err(not_utf8(None, record.line));
        }
        Ok(true)
    }

    fn split_text(&self, raw: &[u8], bytes: &mut Vec<u8>, fields: &mut Vec<Field>) -> Result<()> {
        let mut raw_start = 0;
        let mut start = 0;
        let mut at = 0;
        loop {
            match raw.get(at) {
                None => {
                    fields.push(self.field(&raw[raw_start..at], start..bytes.len(), false));
                    return Ok(());
                }
                Some(byte) if *byte == self.delimiter => {
                    fields.push(self.field(&raw[raw_start..at], start..bytes.len(), false));
                    at += 1;
                    raw_start = at;
                    start = bytes.len();
                }
                Some(b'\r') => {
                    return Err(bad_format("literal carriage return found in data")
                        .with_hint("Use \"\\r\" to represent carriage return."));
                }
                Some(b'\\') => at = unescape(raw, at + 1, bytes),
                Some(byte) => {
                    bytes.push(*byte);
                    at += 1;
                }
            }
        }
    }

    fn split_csv(&self, raw: &[u8], bytes: &mut Vec<u8>, fields: &mut Vec<Field>) -> Result<()> {
        let mut raw_start = 0;
        let mut start = 0;
        let mut quoted = false;
        let mut in_quotes = false;
        let mut at = 0;
        while let Some(&byte) = raw.get(at) {
            if in_quotes {
                let escape = self.escape.unwrap_or(self.quote);
                let next = raw.get(at + 1).copied();
                let escapes =
                    byte == escape && next.is_some_and(|next| next == self.quote || next == escape);
                if escapes {
                    bytes.extend(next);
                    at += 1;
                } else if byte == self.quote {
                    in_quotes = false;
                } else {
                    bytes.push(byte);
                }
            } else if byte == self.delimiter {
                fields.push(self.field(&raw[raw_start..at], start..bytes.len(), quoted));
                raw_start = at + 1;
                start = bytes.len();
                quoted = false;
            } else if byte == self.quote {
                in_quotes = true;
                quoted = true;
            } else if byte == b'\r' {
                return Err(bad_format("unquoted carriage return found in data")
                    .with_hint("Use quoted CSV field to represent carriage return."));
            } else {
                bytes.push(byte);
            }
            at += 1;
        }
        if in_quotes {
            return Err(bad_format("unterminated CSV quoted field"));
        }
        fields.push(self.field(&raw[raw_start..], start..bytes.len(), quoted));
        Ok(())
    }

    fn field(&self, raw: &[u8], range: Range<usize>, quoted: bool) -> Field {
        Field { range, is_null: !quoted && raw == self.null }
    }
}

/// Reads the escape behind a backslash at `at - 1`; gives where to go on.
fn unescape(raw: &[u8], at: usize, bytes: &mut Vec<u8>) -> usize {
    let Some(&byte) = raw.get(at) else {
        bytes.push(b'\\');
        return at;
    };
    match byte {
        b'b' => bytes.push(0x08),
        b'f' => bytes.push(0x0c),
        b'n' => bytes.push(b'\n'),
        b'r' => bytes.push(b'\r'),
        b't' => bytes.push(b'\t'),
        b'v' => bytes.push(0x0b),
        b'0'..=b'7' => return digits(raw, at, 8, 3, bytes),
        b'x' if raw.get(at + 1).is_some_and(u8::is_ascii_hexdigit) => {
            return digits(raw, at + 1, 16, 2, bytes);
        }
        other => bytes.push(other),
    }
    at + 1
}

/// A byte written in digits, at most `max` of them.
fn digits(raw: &[u8], at: usize, radix: u32, max: usize, bytes: &mut Vec<u8>) -> usize {
    let mut value = 0;
    let mut end = at;
    while let Some(digit) = raw.get(end).and_then(|digit| char::from(*digit).to_digit(radix)) {
        if end - at == max {
            break;
        }
        value = value * radix + digit;
        end += 1;
    }
    bytes.push((value & 0xff) as u8);
    end
}

fn bad_format(message: &str) -> Error {
    Error::new(Fault::BadCopyFileFormat, message)
}

fn not_utf8(byte: Option<u8>, line: u64) -> Error {
    let shown = byte.map(|byte| format!(": 0x{byte:02x}")).unwrap_or_default();
    Error::new(
        Fault::UntranslatableCharacter,
        format!("invalid byte sequence for encoding \"UTF8\"{shown}"),
    )
    .with_context(format!("line {line}"))
}
