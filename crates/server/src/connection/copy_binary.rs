//! The binary format of COPY: from bytes, cut anywhere, to tuples of values.
//!
//! Owns the frame around the values: signature, header, lengths and trailer, refused in the words
//! of Postgres. Refuses to know what a tuple means.
//!
//! Invariant: no length is trusted. A tuple is decoded once all its bytes are there, and what it may
//! hold in memory is bounded.

use crate::codec::decode_binary;
use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::Body;
use sql::{PgType, Value};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, length of the extension.
const HEADER_BYTES: usize = SIGNATURE.len() + 8;
/// Bits of the flags that must be understood, and the one of them that had a meaning once.
const CRITICAL_FLAGS: u32 = 0xffff_0000;
const WITH_OIDS: u32 = 1 << 16;
/// A field longer than this could not be committed.
const FIELD_BYTES_MAX: usize = 64 * 1024 * 1024;
const TRAILER: i16 = -1;

/// A column as errors name it and values are read for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BinaryColumn {
    pub(super) name: &'static str,
    pub(super) pg_type: PgType,
}

/// Reads tuples from bytes that arrive in pieces.
#[derive(Debug)]
pub(super) struct TupleReader {
    table: &'static str,
    columns: Vec<BinaryColumn>,
    pending: Vec<u8>,
    /// Where the next thing starts in `pending`.
    start: usize,
    expects: Expects,
    /// The tuple that is being read, from 1.
    number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    Header,
    /// The rest of the header's extension, which nobody reads.
    Extension {
        bytes: usize,
    },
    Tuple,
    /// The trailer was there.
    Nothing,
}

/// A tuple whose bytes are all there, or what is missing to tell.
enum Extent {
    Whole {
        bytes: usize,
    },
    Trailer,
    /// The bytes end inside of a field of this column, or between fields.
    Partial {
        column: Option<usize>,
    },
}

impl TupleReader {
    pub(super) fn new(table: &'static str, columns: Vec<BinaryColumn>) -> Self {
        TupleReader {
            table,
            columns,
            pending: Vec::new(),
            start: 0,
            expects: Expects::Header,
            number: 1,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.start);
        self.start = 0;
        self.pending.extend_from_slice(bytes);
    }

    /// Reads the next tuple into `values` and gives its length in bytes; `None` when more must
    /// arrive first.
    pub(super) fn next(&mut self, values: &mut Vec<Value>) -> Result<Option<usize>, Report> {
        if !self.read_header()? {
            return Ok(None);
        }
        if self.expects == Expects::Nothing {
            return match self.rest().is_empty() {
                true => Ok(None),
                false => Err(self.at_tuple(bad_format("received copy data after EOF marker"))),
            };
        }
        match self.extent()? {
            Extent::Partial { .. } => Ok(None),
            Extent::Trailer => {
                self.start += size_of::<i16>();
                self.expects = Expects::Nothing;
                self.next(values)
            }
            Extent::Whole { bytes } => {
                values.clear();
                self.decode(values)?;
                self.start += bytes;
                self.number += 1;
                Ok(Some(bytes))
            }
        }
    }

    /// No more comes: whether it may end here. Postgres takes an end without a trailer too.
    pub(super) fn end(&self) -> Result<(), Report> {
        let rest = self.rest();
        match self.expects {
            Expects::Header => Err(bad_format(if !rest.starts_with(SIGNATURE) {
                "COPY file signature not recognized"
            } else if rest.len() < SIGNATURE.len() + 4 {
                "invalid COPY file header (missing flags)"
            } else {
                "invalid COPY file header (missing length)"
            })),
            Expects::Extension { .. } => Err(bad_format("invalid COPY file header (wrong length)")),
            Expects::Tuple if !rest.is_empty() => match self.extent()? {
                Extent::Partial { column } => {
                    let error = bad_format("unexpected EOF in COPY data");
                    Err(match column {
                        Some(column) => self.at_column(error, column),
                        None => self.at_tuple(error),
                    })
                }
                Extent::Whole { .. } | Extent::Trailer => Ok(()),
            },
            Expects::Tuple | Expects::Nothing => Ok(()),
        }
    }

    fn rest(&self) -> &[u8] {
        &self.pending[self.start..]
    }

    /// Whether the header is behind us.
    fn read_header(&mut self) -> Result<bool, Report> {
        if self.expects == Expects::Header {
            let rest = self.rest();
            let signature = &rest[..rest.len().min(SIGNATURE.len())];
            if !SIGNATURE.starts_with(signature) {
                return Err(bad_format("COPY file signature not recognized"));
            }
            if rest.len() < HEADER_BYTES {
                return Ok(false);
            }
            let mut body = Body::new(&rest[SIGNATURE.len()..]);
            let flags = body.int32()?.cast_unsigned();
            if flags & WITH_OIDS != 0 {
                return Err(bad_format("invalid COPY file header (WITH OIDS)"));
            }
            if flags & CRITICAL_FLAGS != 0 {
                return Err(bad_format("unrecognized critical flags in COPY file header"));
            }
            let bytes = usize::try_from(body.int32()?)
                .map_err(|_| bad_format("invalid COPY file header (missing length)"))?;
            self.start += HEADER_BYTES;
            self.expects = Expects::Extension { bytes };
        }
        if let Expects::Extension { bytes } = self.expects {
            let here = bytes.min(self.rest().len());
            self.start += here;
            self.expects = match bytes - here {
                0 => Expects::Tuple,
                bytes => Expects::Extension { bytes },
            };
        }
        Ok(!matches!(self.expects, Expects::Extension { .. }))
    }

    /// How far the tuple goes that starts here, by its lengths alone.
    fn extent(&self) -> Result<Extent, Report> {
        let rest = self.rest();
        let mut body = Body::new(rest);
        let Ok(count) = body.int16() else { return Ok(Extent::Partial { column: None }) };
        if count == TRAILER {
            return Ok(Extent::Trailer);
        }
        let expected = self.columns.len();
        if usize::try_from(count) != Ok(expected) {
            let message = format!("row field count is {count}, expected {expected}");
            return Err(self.at_tuple(bad_format(message)));
        }
        let mut bytes = size_of::<i16>();
        for column in 0..expected {
            let Ok(length) = body.int32() else {
                return Ok(Extent::Partial { column: Some(column) });
            };
            let length = match length {
                -1 => 0,
                length => usize::try_from(length)
                    .ok()
                    .filter(|length| *length <= FIELD_BYTES_MAX)
                    .ok_or_else(|| self.at_column(bad_format("invalid field size"), column))?,
            };
            if body.bytes(length).is_err() {
                return Ok(Extent::Partial { column: Some(column) });
            }
            bytes += size_of::<i32>() + length;
        }
        Ok(Extent::Whole { bytes })
    }

    /// The values of a tuple that is whole.
    fn decode(&self, values: &mut Vec<Value>) -> Result<(), Report> {
        let mut body = Body::new(self.rest());
        body.int16()?;
        for (column, BinaryColumn { pg_type, .. }) in self.columns.iter().enumerate() {
            let value = decode_binary(body.nullable()?, *pg_type);
            values.push(value.map_err(|error| self.at_column(error, column))?);
        }
        Ok(())
    }

    fn at_tuple(&self, error: Report) -> Report {
        error.with_context(format!("COPY {}, line {}", self.table, self.number))
    }

    fn at_column(&self, error: Report, column: usize) -> Report {
        let name = self.columns[column].name;
        error.with_context(format!("COPY {}, line {}, column {name}", self.table, self.number))
    }
}

fn bad_format(message: impl Into<String>) -> Report {
    Report::new(SqlState::BAD_COPY_FILE_FORMAT, message)
}

#[cfg(test)]
mod tests;
