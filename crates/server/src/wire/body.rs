//! Reading the body of one message. Every read says whether the bytes were there.

use std::fmt;

/// Why a message, or a part of it, is not what its kind promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// The message ends before its parts do.
    TooShort,
    /// The message goes on behind its last part.
    TooLong,
    /// A text has no zero byte at its end.
    UnterminatedText,
    /// Not UTF-8, or a zero byte in a value; the first bytes that are wrong.
    InvalidText { bytes: [u8; 4], length: u8 },
    /// A Describe or Close of neither a statement nor a portal.
    UnknownTarget(u8),
    /// A number that makes no sense where it stands.
    InvalidCount,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::TooShort => f.write_str("insufficient data left in message"),
            Malformed::TooLong => f.write_str("invalid message format"),
            Malformed::UnterminatedText => f.write_str("invalid string in message"),
            Malformed::InvalidText { bytes, length } => {
                f.write_str("invalid byte sequence for encoding \"UTF8\":")?;
                bytes
                    .iter()
                    .take(usize::from(*length))
                    .try_for_each(|byte| write!(f, " 0x{byte:02x}"))
            }
            Malformed::UnknownTarget(target) => {
                write!(f, "invalid target {target} of a Describe or Close message")
            }
            Malformed::InvalidCount => f.write_str("invalid count in message"),
        }
    }
}

/// The bytes of one message that are not read yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body<'a> {
    rest: &'a [u8],
}

impl<'a> Body<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Body { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::TooShort)?;
        self.rest = rest;
        Ok(*array)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn int16(&mut self) -> Result<i16, Malformed> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn int32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn int64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    /// How many parts follow, each of at least `part_bytes`: never more than there is room for,
    /// so that a list can be allocated for them.
    pub(crate) fn count(&mut self, part_bytes: usize) -> Result<usize, Malformed> {
        let count = usize::from(self.array().map(u16::from_be_bytes)?);
        if count * part_bytes > self.rest.len() {
            return Err(Malformed::TooShort);
        }
        Ok(count)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed::TooShort)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// A value with its length before it; length -1 is null.
    pub(crate) fn nullable(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.int32()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| Malformed::InvalidCount)?;
                self.bytes(length).map(Some)
            }
        }
    }

    /// A text with a zero byte behind it.
    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        let end = self.rest.iter().position(|byte| *byte == 0);
        let end = end.ok_or(Malformed::UnterminatedText)?;
        let text = self.bytes(end)?;
        self.byte()?;
        utf8(text)
    }

    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::TooLong) }
    }
}

/// Text as Postgres takes it: UTF-8 without zero bytes.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    let wrong_at = match std::str::from_utf8(bytes) {
        Ok(text) => match bytes.iter().position(|byte| *byte == 0) {
            None => return Ok(text),
            Some(zero) => return Err(invalid_text(&bytes[zero..=zero])),
        },
        Err(error) => error.valid_up_to(),
    };
    // Postgres shows the whole sequence that the first byte announces.
    let announced = match bytes[wrong_at] {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => 1,
    };
    let end = bytes.len().min(wrong_at + announced);
    Err(invalid_text(&bytes[wrong_at..end]))
}

fn invalid_text(wrong: &[u8]) -> Malformed {
    let mut bytes = [0; 4];
    let length = wrong.len().min(4);
    bytes[..length].copy_from_slice(&wrong[..length]);
    Malformed::InvalidText { bytes, length: length as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_utf8_is_named_byte_by_byte() {
        let cases: [(&[u8], &str); 4] = [
            (b"ok\xff", "invalid byte sequence for encoding \"UTF8\": 0xff"),
            (b"\xe2\x28\xa1", "invalid byte sequence for encoding \"UTF8\": 0xe2 0x28 0xa1"),
            (b"\xc3", "invalid byte sequence for encoding \"UTF8\": 0xc3"),
            (b"a\0b", "invalid byte sequence for encoding \"UTF8\": 0x00"),
        ];
        for (bytes, message) in cases {
            assert_eq!(utf8(bytes).unwrap_err().to_string(), message);
        }
        assert_eq!(utf8("naïve €".as_bytes()).unwrap(), "naïve €");
    }

    #[test]
    fn nothing_is_read_past_the_end() {
        let mut body = Body::new(&[0, 0, 0, 9, 1]);
        assert_eq!(body.nullable(), Err(Malformed::TooShort));
        let mut body = Body::new(&[0xff, 0xff, 0xff, 0xfe]);
        assert_eq!(body.nullable(), Err(Malformed::InvalidCount));
        let mut body = Body::new(&[0xff, 0xff, 1, 2]);
        assert_eq!(body.count(2), Err(Malformed::TooShort));
        let mut body = Body::new(b"no end");
        assert_eq!(body.text(), Err(Malformed::UnterminatedText));
    }
}
