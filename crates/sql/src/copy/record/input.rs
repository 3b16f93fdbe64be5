//! The text that has arrived and is not read yet.
//!
//! Invariant: it is UTF-8 without zero bytes up to the first byte that is not, and what lies behind
//! that byte is never looked at.

use crate::{Error, Fault};

#[derive(Debug, Default)]
pub(super) struct Input {
    text: String,
    /// The start of a character whose other bytes have not arrived.
    partial: Vec<u8>,
    /// What ended the text early.
    invalid: Option<Error>,
    is_complete: bool,
}

impl Input {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn invalid(&self) -> Option<&Error> {
        self.invalid.as_ref()
    }

    /// Whether no more will come.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Drops the first `length` bytes.
    pub(super) fn forget(&mut self, length: usize) {
        if length == self.text.len() {
            self.text.clear();
        } else {
            self.text.drain(..length);
        }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while !self.partial.is_empty() && self.invalid.is_none() {
            let Some((first, rest)) = bytes.split_first() else { return };
            bytes = rest;
            self.partial.push(*first);
            let character = std::mem::take(&mut self.partial);
            self.take_in(&character);
        }
        if self.invalid.is_none() {
            self.take_in(bytes);
        }
    }

    pub(super) fn complete(&mut self) {
        self.is_complete = true;
        if self.invalid.is_none() && !self.partial.is_empty() {
            self.invalid = Some(not_utf8(&self.partial));
        }
    }

    fn take_in(&mut self, bytes: &[u8]) {
        let (bytes, has_zero) = match bytes.iter().position(|byte| *byte == 0) {
            Some(zero) => (&bytes[..zero], true),
            None => (bytes, false),
        };
        // Nearly all data is text without a flaw, and this is the fast way to see it.
        if let (Ok(text), false) = (std::str::from_utf8(bytes), has_zero) {
            self.text.push_str(text);
            return;
        }
        let mut chunks = bytes.utf8_chunks();
        if let Some(chunk) = chunks.next() {
            self.text.push_str(chunk.valid());
            let behind = &bytes[chunk.valid().len()..];
            let may_go_on = behind.len() == chunk.invalid().len()
                && std::str::from_utf8(behind).is_err_and(|error| error.error_len().is_none());
            match behind {
                [] => {}
                behind if may_go_on && !has_zero => self.partial = behind.to_vec(),
                behind => self.invalid = Some(not_utf8(behind)),
            }
        }
        if has_zero && self.invalid.is_none() {
            self.invalid = Some(not_utf8(&[0]));
        }
    }
}

/// `bytes` start with what is no character; Postgres shows as many as the first one announces.
pub(super) fn not_utf8(bytes: &[u8]) -> Error {
    let announced = match bytes.first() {
        Some(0xC0..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF7) => 4,
        _ => 1,
    };
    let shown: String = bytes.iter().take(announced).map(|byte| format!(" 0x{byte:02x}")).collect();
    Error::new(
        Fault::CharacterNotInRepertoire,
        format!("invalid byte sequence for encoding \"UTF8\":{shown}"),
    )
}
