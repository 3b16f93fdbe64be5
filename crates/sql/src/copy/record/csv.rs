//! The CSV format: fields between delimiters, in quotes where they hold delimiters or line breaks.

use super::{EndMark, Field, LineEnd, RecordReader, Scanned};
use crate::Result;

impl RecordReader {
    pub(super) fn scan_csv(&mut self) -> Result<Scanned> {
        loop {
            let text = self.input.text();
            let stops = if self.field.in_quotes { &self.quoted_stops } else { &self.stops };
            let Some(at) = stops.find(text, self.at) else { return self.at_end() };
            let byte = text.as_bytes()[at];
            if self.field.in_quotes {
                match self.after_quoted_stop(at) {
                    Some(next) => self.at = next,
                    None => return self.wait_at(at),
                }
            } else if byte == self.delimiter {
                self.end_field(at)?;
                self.at = at + 1;
            } else if byte == self.quote {
                self.field.is_rough |= at != self.field.start;
                self.field.is_quoted = true;
                self.field.in_quotes = true;
                self.at = at + 1;
            } else if matches!(byte, b'\n' | b'\r') {
                return match self.line_after(at)? {
                    Some(next) => self.end_record(at, next),
                    None => self.wait_at(at),
                };
            } else {
                match self.is_end_mark(at) {
                    Some(true) => return Ok(Scanned::EndMark),
                    Some(false) => self.at = at + 1,
                    None => return self.wait_at(at),
                }
            }
        }
    }

    /// Whether the backslash at `at` begins the end mark, which has a line of its own. `None`: the
    /// next byte decides.
    fn is_end_mark(&self, at: usize) -> Option<bool> {
        if at != self.start {
            return Some(false);
        }
        match self.input.text().as_bytes().get(at + 1) {
            None if !self.input.is_complete() => None,
            Some(b'.') => self.end_mark(at).map(|mark| mark == EndMark::Ends),
            _ => Some(false),
        }
    }

    /// Where to go on behind a quote, an escape or a line break inside of quotes. `None`: the next
    /// byte decides.
    fn after_quoted_stop(&mut self, at: usize) -> Option<usize> {
        let bytes = self.input.text().as_bytes();
        let byte = bytes[at];
        if byte == self.escape {
            match bytes.get(at + 1) {
                None if !self.input.is_complete() => return None,
                Some(next) if *next == self.quote || *next == self.escape => {
                    self.field.is_rough = true;
                    return Some(at + 2);
                }
                _ => {}
            }
        }
        if byte == self.quote {
            self.field.in_quotes = false;
            self.field.closed_at = at;
        } else if byte != self.escape {
            let counted = if self.line_end == Some(LineEnd::Cr) { b'\r' } else { b'\n' };
            self.breaks_inside += u64::from(byte == counted);
        }
        Some(at + 1)
    }

    pub(super) fn end_csv_field(&mut self, end: usize) {
        let range = self.field.start..end;
        if !self.field.is_quoted {
            let is_null = self.input.text()[range.clone()] == self.null;
            return self.push_plain(range, is_null);
        }
        if !self.field.is_rough && self.field.closed_at + 1 == end {
            return self.push_plain(range.start + 1..end - 1, false);
        }
        let start = self.unescaped.len();
        let raw = &self.input.text()[range];
        unquote(raw, self.quote, self.escape, &mut self.unescaped);
        let range = start..self.unescaped.len();
        self.fields.push(Field { range, is_unescaped: true, is_null: false });
    }
}

/// Quotes and escapes are ASCII, so the text between them is whole.
fn unquote(raw: &str, quote: u8, escape: u8, out: &mut String) {
    let bytes = raw.as_bytes();
    let mut in_quotes = false;
    let mut run = 0;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let next = bytes.get(at + 1).copied();
        if in_quotes && byte == escape && next.is_some_and(|next| next == quote || next == escape) {
            out.push_str(&raw[run..at]);
            run = at + 1;
            at += 2;
        } else {
            if byte == quote {
                in_quotes = !in_quotes;
                out.push_str(&raw[run..at]);
                run = at + 1;
            }
            at += 1;
        }
    }
    out.push_str(&raw[run..]);
}
