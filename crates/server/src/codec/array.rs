//! One-dimensional arrays in both forms.

use super::cell::CellReader;
use super::{Style, Unencodable, binary, text};
use crate::wire::backend;
use bytes::{BufMut, BytesMut};
use sql::PgType;
use sql::arrow::array::{Array, ArrayRef};

fn element_type(pg_type: PgType) -> Result<PgType, Unencodable> {
    // A list whose column is called text is shown as an array of texts.
    match pg_type {
        PgType::Text | PgType::Unknown => Ok(PgType::Text),
        _ => pg_type.element().ok_or_else(|| Unencodable::new("a list", pg_type)),
    }
}

pub(super) fn write_text(
    out: &mut BytesMut,
    values: &ArrayRef,
    pg_type: PgType,
    style: Style,
) -> Result<(), Unencodable> {
    let element = element_type(pg_type)?;
    let reader = CellReader::new(values.as_ref(), element)?;
    let mut shown = BytesMut::new();
    if is_vector(pg_type) {
        return write_vector(out, values, &reader, element, style);
    }
    out.put_u8(b'{');
    for index in 0..values.len() {
        if index > 0 {
            out.put_u8(b',');
        }
        let Some(cell) = reader.get(index)? else {
            out.put_slice(b"NULL");
            continue;
        };
        shown.clear();
        text::write(&mut shown, &cell, element, style)?;
        write_element(out, &shown);
    }
    out.put_u8(b'}');
    Ok(())
}

fn is_vector(pg_type: PgType) -> bool {
    matches!(pg_type, PgType::Int2Vector | PgType::OidVector)
}

/// `int2vector` and `oidvector`: numbers with spaces between them.
fn write_vector(
    out: &mut BytesMut,
    values: &ArrayRef,
    reader: &CellReader<'_>,
    element: PgType,
    style: Style,
) -> Result<(), Unencodable> {
    for index in 0..values.len() {
        if index > 0 {
            out.put_u8(b' ');
        }
        if let Some(cell) = reader.get(index)? {
            text::write(out, &cell, element, style)?;
        }
    }
    Ok(())
}

fn write_element(out: &mut BytesMut, shown: &[u8]) {
    let needs_quotes = shown.is_empty()
        || shown.eq_ignore_ascii_case(b"null")
        || shown.iter().any(|byte| {
            matches!(
                byte,
                b'{' | b'}' | b',' | b'"' | b'\\' | b' ' | b'\t' | b'\n' | b'\r' | 11 | 12
            )
        });
    if !needs_quotes {
        out.put_slice(shown);
        return;
    }
    out.put_u8(b'"');
    for byte in shown {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

pub(super) fn write_binary(
    out: &mut BytesMut,
    values: &ArrayRef,
    pg_type: PgType,
) -> Result<(), Unencodable> {
    let element = element_type(pg_type)?;
    let reader = CellReader::new(values.as_ref(), element)?;
    let has_nulls = values.null_count() > 0;
    out.put_i32(i32::from(!values.is_empty()));
    out.put_i32(i32::from(has_nulls));
    out.put_u32(element.oid());
    if values.is_empty() {
        return Ok(());
    }
    out.put_i32(
        i32::try_from(values.len()).map_err(|_| Unencodable::new("a huge array", pg_type))?,
    );
    // The lower bound: SQL counts from one, the catalogs' vectors from zero.
    out.put_i32(i32::from(!is_vector(pg_type)));
    for index in 0..values.len() {
        match reader.get(index)? {
            Some(cell) => backend::value(out, |out| binary::write(out, &cell, element))?,
            None => backend::null(out),
        }
    }
    Ok(())
}
