//! json, whose text is kept as it was written: its elements, members and places as pieces of it.

use super::document::{parse, shown};
use crate::function::own;
use crate::{Error, Fault};
use datafusion::error::{DataFusionError, Result};

/// A valid JSON text by its outermost shape.
pub(super) enum Raw<'a> {
    Array(Vec<&'a str>),
    /// Keys are decoded, in the order they were written in.
    Object(Vec<(String, &'a str)>),
    Scalar,
}

/// Reads a text; a malformed one is an error.
pub(super) fn read(text: &str) -> Result<Raw<'_>> {
    parse(text)?;
    let text = text.trim();
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    if text.starts_with('[') {
        return Ok(Raw::Array(pieces(inner, b',').into_iter().map(str::trim).collect()));
    }
    if !text.starts_with('{') {
        return Ok(Raw::Scalar);
    }
    let members = pieces(inner, b',').into_iter().map(|member| {
        let mut parts = pieces(member, b':').into_iter();
        let (key, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let key = shown(&parse(key.trim())?)?.unwrap_or_default();
        Ok((key, value.trim()))
    });
    members.collect::<Result<_>>().map(Raw::Object)
}

/// The parts between separators that stand outside of strings, lists and objects.
fn pieces(text: &str, separator: u8) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut depth, mut quoted, mut escaped) = (0, 0usize, false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            byte if byte == separator && depth == 0 => {
                pieces.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        pieces.push(&text[start..]);
    }
    pieces
}

pub(super) fn elements<'a>(text: &'a str, function: &str) -> Result<Vec<&'a str>> {
    match read(text)? {
        Raw::Array(items) => Ok(items),
        Raw::Object(_) => Err(invalid(format!("cannot call {function} on a non-array"))),
        Raw::Scalar => Err(invalid(format!("cannot call {function} on a scalar"))),
    }
}

pub(super) fn members<'a>(text: &'a str, function: &str) -> Result<Vec<(String, &'a str)>> {
    match read(text)? {
        Raw::Object(members) => Ok(members),
        Raw::Array(_) => Err(invalid(format!("cannot call {function} on an array"))),
        Raw::Scalar => Err(invalid(format!("cannot call {function} on a scalar"))),
    }
}

/// The piece at a path of keys and positions.
pub(super) fn at_path<'a>(text: &'a str, path: &[Option<String>]) -> Result<Option<&'a str>> {
    let mut found = text;
    for step in path {
        let Some(step) = step else { return Ok(None) };
        let next = match read(found)? {
            Raw::Object(members) => {
                // The last one of several counts.
                members.into_iter().rev().find(|(key, _)| key == step).map(|(_, value)| value)
            }
            Raw::Array(items) => {
                let index = step.parse().ok();
                let index = index.and_then(|index| super::document::position(index, items.len()));
                index.and_then(|index| items.get(index).copied())
            }
            Raw::Scalar => None,
        };
        let Some(next) = next else { return Ok(None) };
        found = next;
    }
    Ok(Some(found))
}

/// As `->>` shows a piece: strings without quotes, null as NULL, all else as it was written.
pub(super) fn piece_shown(piece: &str) -> Result<Option<String>> {
    match piece.as_bytes().first() {
        Some(b'"') => shown(&parse(piece)?),
        Some(b'n') => Ok(None),
        _ => Ok(Some(piece.to_owned())),
    }
}

fn invalid(message: String) -> DataFusionError {
    own(Error::new(Fault::InvalidParameterValue, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_their_text() {
        let Ok(Raw::Object(members)) =
            read(r#" {"a" : [1,  {"x": ","}], "b\"c": "}" , "n":null} "#)
        else {
            panic!("an object");
        };
        let told: Vec<(&str, &str)> = members.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        assert_eq!(told, [("a", r#"[1,  {"x": ","}]"#), ("b\"c", "\"}\""), ("n", "null")]);
        assert!(matches!(read("[]"), Ok(Raw::Array(items)) if items.is_empty()));
        assert!(read("{").is_err());
        let path = [Some("a".to_owned()), Some("-1".to_owned()), Some("x".to_owned())];
        let found = at_path(r#"{"a": [1, {"x": 1.50}]}"#, &path).expect("a valid text");
        assert_eq!(found, Some("1.50"));
    }
}
