//! What a client is told, written straight into its output buffer.
//!
//! The rare messages are pgwire's; the ones that every post and every row needs are written here.

use bytes::{BufMut, BytesMut};
use pgwire::messages::Message;
use pgwire::messages::copy::{
    MESSAGE_TYPE_BYTE_COPY_DATA, MESSAGE_TYPE_BYTE_COPY_DONE, MESSAGE_TYPE_BYTE_COPY_IN_RESPONSE,
    MESSAGE_TYPE_BYTE_COPY_OUT_RESPONSE,
};
use pgwire::messages::data::{
    FieldDescription, MESSAGE_TYPE_BYTE_DATA_ROW, MESSAGE_TYPE_BYTE_NO_DATA,
    MESSAGE_TYPE_BYTE_PARAMETER_DESCRITION, RowDescription,
};
use pgwire::messages::extendedquery::{
    MESSAGE_TYPE_BYTE_BIND_COMPLETE, MESSAGE_TYPE_BYTE_CLOSE_COMPLETE,
    MESSAGE_TYPE_BYTE_PARSE_COMPLETE, MESSAGE_TYPE_BYTE_PORTAL_SUSPENDED,
};
use pgwire::messages::response::{
    ErrorResponse, MESSAGE_TYPE_BYTE_COMMAND_COMPLETE, MESSAGE_TYPE_BYTE_EMPTY_QUERY_RESPONSE,
    MESSAGE_TYPE_BYTE_READY_FOR_QUERY, NoticeResponse,
};
use pgwire::messages::startup::{
    Authentication, MESSAGE_TYPE_BYTE_BACKEND_KEY_DATA,
    MESSAGE_TYPE_BYTE_NEGOTIATE_PROTOCOL_VERSION, ParameterStatus,
};
use sql::{BlockStatus, Column, PgType};

/// The byte of a format: text or binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    #[default]
    Text,
    Binary,
}

impl Format {
    pub(crate) fn code(self) -> i16 {
        match self {
            Format::Text => 0,
            Format::Binary => 1,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Format::Text),
            1 => Some(Format::Binary),
            _ => None,
        }
    }
}

/// Writes one message: its kind, its length and what `write_body` writes.
pub(crate) fn message(out: &mut BytesMut, kind: u8, write_body: impl FnOnce(&mut BytesMut)) {
    out.put_u8(kind);
    let length_at = out.len();
    out.put_i32(0);
    write_body(out);
    patch_length(out, length_at, out.len() - length_at);
}

/// Lengths are i32 on the wire. Nothing written here comes near: rows are made of values that fit
/// a batch of arrow columns, whose offsets are i32 themselves.
fn patch_length(out: &mut BytesMut, at: usize, length: usize) {
    let length = i32::try_from(length).expect("a message is shorter than 2 GiB");
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

fn text(out: &mut BytesMut, text: &str) {
    // A zero byte would end the text early; no text of ours needs one.
    let end = text.find('\0').unwrap_or(text.len());
    out.put_slice(&text.as_bytes()[..end]);
    out.put_u8(0);
}

/// Writes a message of pgwire's.
fn rare<M: Message>(out: &mut BytesMut, message: &M) {
    message.encode(out).expect("encoding into memory fails only for texts of gigabytes");
}

pub(crate) fn authentication_ok(out: &mut BytesMut) {
    rare(out, &Authentication::Ok);
}

pub(crate) fn parameter_status(out: &mut BytesMut, name: &str, value: &str) {
    rare(out, &ParameterStatus::new(name.to_owned(), value.replace('\0', "")));
}

pub(crate) fn backend_key_data(out: &mut BytesMut, pid: i32, secret: &[u8]) {
    message(out, MESSAGE_TYPE_BYTE_BACKEND_KEY_DATA, |out| {
        out.put_i32(pid);
        out.put_slice(secret);
    });
}

/// `version` is what the session goes on with.
pub(crate) fn negotiate_protocol_version(out: &mut BytesMut, version: u32, unknown: &[&str]) {
    message(out, MESSAGE_TYPE_BYTE_NEGOTIATE_PROTOCOL_VERSION, |out| {
        out.put_u32(version);
        out.put_u32(u32::try_from(unknown.len()).expect("a startup packet has 10 kB"));
        for option in unknown {
            text(out, option);
        }
    });
}

pub(crate) fn error_response(out: &mut BytesMut, fields: Vec<(u8, String)>) {
    rare(out, &ErrorResponse::new(fields));
}

pub(crate) fn notice_response(out: &mut BytesMut, fields: Vec<(u8, String)>) {
    rare(out, &NoticeResponse::new(fields));
}

pub(crate) fn ready_for_query(out: &mut BytesMut, status: BlockStatus) {
    let status = match status {
        BlockStatus::Idle => b'I',
        BlockStatus::InBlock => b'T',
        BlockStatus::Failed => b'E',
    };
    out.put_slice(&[MESSAGE_TYPE_BYTE_READY_FOR_QUERY, 0, 0, 0, 5, status]);
}

pub(crate) fn command_complete(out: &mut BytesMut, tag: &str) {
    message(out, MESSAGE_TYPE_BYTE_COMMAND_COMPLETE, |out| text(out, tag));
}

fn bare(out: &mut BytesMut, kind: u8) {
    out.put_slice(&[kind, 0, 0, 0, 4]);
}

pub(crate) fn parse_complete(out: &mut BytesMut) {
    bare(out, MESSAGE_TYPE_BYTE_PARSE_COMPLETE);
}

pub(crate) fn bind_complete(out: &mut BytesMut) {
    bare(out, MESSAGE_TYPE_BYTE_BIND_COMPLETE);
}

pub(crate) fn close_complete(out: &mut BytesMut) {
    bare(out, MESSAGE_TYPE_BYTE_CLOSE_COMPLETE);
}

pub(crate) fn no_data(out: &mut BytesMut) {
    bare(out, MESSAGE_TYPE_BYTE_NO_DATA);
}

pub(crate) fn portal_suspended(out: &mut BytesMut) {
    bare(out, MESSAGE_TYPE_BYTE_PORTAL_SUSPENDED);
}

pub(crate) fn empty_query_response(out: &mut BytesMut) {
    bare(out, MESSAGE_TYPE_BYTE_EMPTY_QUERY_RESPONSE);
}

pub(crate) fn parameter_description(out: &mut BytesMut, types: &[PgType]) {
    message(out, MESSAGE_TYPE_BYTE_PARAMETER_DESCRITION, |out| {
        out.put_u16(u16::try_from(types.len()).unwrap_or(u16::MAX));
        for pg_type in types {
            out.put_u32(pg_type.oid());
        }
    });
}

/// `formats` has one entry per column, or is empty where they are not known yet.
pub(crate) fn row_description(out: &mut BytesMut, columns: &[Column], formats: &[Format]) {
    let fields = columns.iter().enumerate().map(|(index, column)| {
        FieldDescription::new(
            column.name.replace('\0', ""),
            column.table_oid.cast_signed(),
            column.attribute_number,
            column.pg_type.oid(),
            column.pg_type.size(),
            column.typmod,
            formats.get(index).copied().unwrap_or_default().code(),
        )
    });
    rare(out, &RowDescription::new(fields.collect()));
}

/// Writes a DataRow of `columns` values; `write_values` writes each with [`value`] or [`null`].
pub(crate) fn data_row<E>(
    out: &mut BytesMut,
    columns: usize,
    write_values: impl FnOnce(&mut BytesMut) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    out.put_u8(MESSAGE_TYPE_BYTE_DATA_ROW);
    out.put_i32(0);
    out.put_u16(u16::try_from(columns).unwrap_or(u16::MAX));
    if let Err(error) = write_values(out) {
        // A half row must not be seen.
        out.truncate(start);
        return Err(error);
    }
    let length = out.len() - start - 1;
    patch_length(out, start + 1, length);
    Ok(())
}

/// Writes a value with its length before it.
pub(crate) fn value<E>(
    out: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut) -> Result<(), E>,
) -> Result<(), E> {
    let length_at = out.len();
    out.put_i32(0);
    write(out)?;
    let length = out.len() - length_at - 4;
    patch_length(out, length_at, length);
    Ok(())
}

pub(crate) fn null(out: &mut BytesMut) {
    out.put_i32(-1);
}

/// COPY data may start; all columns come in this format.
pub(crate) fn copy_in_response(out: &mut BytesMut, columns: usize, format: Format) {
    copy_response(out, MESSAGE_TYPE_BYTE_COPY_IN_RESPONSE, columns, format);
}

/// COPY data follows; all columns come in this format.
pub(crate) fn copy_out_response(out: &mut BytesMut, columns: usize, format: Format) {
    copy_response(out, MESSAGE_TYPE_BYTE_COPY_OUT_RESPONSE, columns, format);
}

fn copy_response(out: &mut BytesMut, kind: u8, columns: usize, format: Format) {
    message(out, kind, |out| {
        out.put_u8(u8::from(format == Format::Binary));
        out.put_u16(u16::try_from(columns).unwrap_or(u16::MAX));
        for _ in 0..columns {
            out.put_i16(format.code());
        }
    });
}

pub(crate) fn copy_data(out: &mut BytesMut, data: &[u8]) {
    message(out, MESSAGE_TYPE_BYTE_COPY_DATA, |out| out.put_slice(data));
}

pub(crate) fn copy_done(out: &mut BytesMut) {
    bare(out, MESSAGE_TYPE_BYTE_COPY_DONE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_cover_themselves_and_the_body() {
        let mut out = BytesMut::new();
        command_complete(&mut out, "INSERT 0 1");
        assert_eq!(&out[..], b"C\0\0\0\x0fINSERT 0 1\0");
        out.clear();
        data_row::<()>(&mut out, 2, |out| {
            value(out, |out| {
                out.put_slice(b"ab");
                Ok(())
            })?;
            null(out);
            Ok(())
        })
        .unwrap();
        assert_eq!(&out[..], b"D\0\0\0\x10\0\x02\0\0\0\x02ab\xff\xff\xff\xff");
    }

    #[test]
    fn a_row_that_fails_leaves_nothing_behind() {
        let mut out = BytesMut::from(&b"before"[..]);
        let failed = data_row(&mut out, 1, |out| {
            out.put_slice(b"half");
            Err("no")
        });
        assert_eq!((failed, &out[..]), (Err("no"), &b"before"[..]));
    }

    #[test]
    fn a_zero_byte_cannot_cut_a_message() {
        let mut out = BytesMut::new();
        command_complete(&mut out, "A\0B");
        assert_eq!(&out[..], b"C\0\0\0\x06A\0");
    }
}
