//! The text format: fields between delimiters, with backslash escapes.

use super::input::not_utf8;
use super::{EndMark, Field, RecordReader, Scanned, bad_format};
use crate::Result;

impl RecordReader {
    pub(super) fn scan_text(&mut self) -> Result<Scanned> {
        loop {
            let text = self.input.text();
            let Some(at) = self.stops.find(text, self.at) else { return self.at_end() };
            let bytes = text.as_bytes();
            match bytes[at] {
                b'\n' | b'\r' => {
                    return match self.line_after(at)? {
                        Some(next) => self.end_record(at, next),
                        None => self.wait_at(at),
                    };
                }
                b'\\' => match bytes.get(at + 1) {
                    None if !self.input.is_complete() => return self.wait_at(at),
                    Some(b'.') => {
                        return match self.end_mark(at) {
                            None => self.wait_at(at),
                            Some(mark) => self.end_at_mark(at, mark),
                        };
                    }
                    next => {
                        self.breaks_inside += u64::from(next == Some(&b'\n'));
                        self.field.is_rough = true;
                        self.at = text.len().min(at + 2);
                    }
                },
                _ => {
                    self.end_field(at)?;
                    self.at = at + 1;
                }
            }
        }
    }

    /// In this format the mark ends the data wherever it stands.
    fn end_at_mark(&mut self, at: usize, mark: EndMark) -> Result<Scanned> {
        match mark {
            EndMark::Corrupt => Err(bad_format("end-of-copy marker corrupt")),
            EndMark::OtherLineEnd => {
                Err(bad_format("end-of-copy marker does not match previous newline style"))
            }
            EndMark::Ends if at == self.start => Ok(Scanned::EndMark),
            EndMark::Ends => self.end_record(at, at).map(|_| Scanned::LastRecord),
        }
    }

    pub(super) fn end_text_field(&mut self, end: usize) -> Result<()> {
        let range = self.field.start..end;
        let raw = &self.input.text()[range.clone()];
        let is_null = raw == self.null;
        if is_null || !self.field.is_rough {
            self.push_plain(range, is_null);
            return Ok(());
        }
        let bytes = unescape(raw.as_bytes());
        // Escapes such as \303 can build what is no character.
        let text =
            std::str::from_utf8(&bytes).map_err(|error| not_utf8(&bytes[error.valid_up_to()..]))?;
        if text.contains('\0') {
            return Err(not_utf8(&[0]));
        }
        let start = self.unescaped.len();
        self.unescaped.push_str(text);
        let range = start..self.unescaped.len();
        self.fields.push(Field { range, is_unescaped: true, is_null: false });
        Ok(())
    }
}

fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        bytes.extend_from_slice(&rest[..at]);
        rest = unescape_one(&rest[at + 1..], &mut bytes);
    }
    bytes.extend_from_slice(rest);
    bytes
}

/// Reads the escape behind a backslash; gives what follows it.
fn unescape_one<'a>(raw: &'a [u8], bytes: &mut Vec<u8>) -> &'a [u8] {
    let Some((first, rest)) = raw.split_first() else { return raw };
    bytes.push(match first {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'0'..=b'7' => return digits(raw, 8, 3, bytes),
        b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
            return digits(rest, 16, 2, bytes);
        }
        other => *other,
    });
    rest
}

/// A byte written in digits, at most `max` of them.
fn digits<'a>(raw: &'a [u8], radix: u32, max: usize, bytes: &mut Vec<u8>) -> &'a [u8] {
    let mut value = 0;
    let mut rest = raw;
    for _ in 0..max {
        let Some((first, behind)) = rest.split_first() else { break };
        let Some(digit) = char::from(*first).to_digit(radix) else { break };
        value = value * radix + digit;
        rest = behind;
    }
    bytes.push((value & 0xff) as u8);
    rest
}
