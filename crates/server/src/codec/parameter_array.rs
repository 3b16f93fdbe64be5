//! Arrays as parameters: `{1,NULL,"a b"}` or their binary form, one dimension.

use super::parameter::{from_binary as element_from_binary, from_text as element_from_text};
use super::parameter::{invalid_binary, invalid_text};
use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::{Body, Malformed};
use sql::{PgType, Value};

fn many_dimensions() -> Report {
    Report::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        "arrays of more than one dimension are not supported",
    )
}

fn element_of(pg_type: PgType) -> Result<PgType, Report> {
    pg_type.element().ok_or_else(|| invalid_binary("not an array type"))
}

pub(super) fn from_binary(bytes: &[u8], pg_type: PgType) -> Result<Value, Report> {
    let element = element_of(pg_type)?;
    let mut body = Body::new(bytes);
    let (dimensions, _has_nulls, oid) = (body.int32()?, body.int32()?, body.int32()?);
    let oid = oid.cast_unsigned();
    let sent = PgType::from_oid(oid).filter(|sent| is_same(*sent, element));
    let sent = sent.ok_or_else(|| {
        Report::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "binary data has array element type {oid} instead of expected {}",
                element.oid()
            ),
        )
    })?;
    match dimensions {
        0 if body.is_empty() => return Ok(Value::Array(Vec::new())),
        1 => {}
        2.. => return Err(many_dimensions()),
        _ => return Err(invalid_binary("invalid number of dimensions")),
    }
    let length = usize::try_from(body.int32()?).map_err(|_| Malformed::InvalidCount)?;
    let _lower_bound = body.int32()?;
    // Not allocated by the client's word: an element takes four bytes at least.
    let mut elements = Vec::new();
    for _ in 0..length {
        elements.push(match body.nullable()? {
            Some(bytes) => element_from_binary(bytes, sent)?,
            None => Value::Null,
        });
    }
    if !body.is_empty() {
        return Err(invalid_binary("incorrect binary data format in an array"));
    }
    Ok(Value::Array(elements))
}

/// The types of texts stand for each other.
fn is_same(sent: PgType, expected: PgType) -> bool {
    let is_text = |pg_type| {
        matches!(pg_type, PgType::Text | PgType::Varchar | PgType::Name | PgType::Unknown)
    };
    sent == expected || (is_text(sent) && is_text(expected))
}

pub(super) fn from_text(text: &str, pg_type: PgType) -> Result<Value, Report> {
    let element = element_of(pg_type)?;
    let malformed = || {
        Report::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("malformed array literal: \"{text}\""),
        )
    };
    let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.ok_or_else(malformed)?;
    if inner.trim().is_empty() {
        return Ok(Value::Array(Vec::new()));
    }
    let mut elements = Vec::new();
    let mut rest = inner;
    loop {
        if rest.trim_start().starts_with('{') {
            return Err(many_dimensions());
        }
        let (item, behind) = next_item(rest).ok_or_else(malformed)?;
        elements.push(match item {
            Item::Quoted(item) => element_from_text(&item, element)?,
            Item::Bare(item) if item.eq_ignore_ascii_case("null") => Value::Null,
            Item::Bare(item) if item.is_empty() => return Err(malformed()),
            Item::Bare(item) => element_from_text(&item, element)?,
        });
        match behind.strip_prefix(',') {
            Some(tail) => rest = tail,
            None if behind.is_empty() => return Ok(Value::Array(elements)),
            None => return Err(invalid_text(pg_type, text)),
        }
    }
}

enum Item {
    Quoted(String),
    Bare(String),
}

/// An element and what is behind it, which starts with a comma or is empty.
fn next_item(text: &str) -> Option<(Item, &str)> {
    let text = text.trim_start();
    let mut item = String::new();
    if let Some(quoted) = text.strip_prefix('"') {
        let mut characters = quoted.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => return Some((Item::Quoted(item), quoted[at + 1..].trim_start())),
                '\\' => item.push(characters.next()?.1),
                c => item.push(c),
            }
        }
        return None;
    }
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            ',' => return Some((Item::Bare(item.trim_end().to_owned()), &text[at..])),
            '"' | '{' | '}' => return None,
            '\\' => item.push(characters.next()?.1),
            c => item.push(c),
        }
    }
    Some((Item::Bare(item.trim_end().to_owned()), ""))
}
