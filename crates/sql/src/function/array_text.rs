//! Arrays as Postgres writes them: `{a,NULL,"b c"}`.

use super::own;
use crate::{Error, Fault};
use datafusion::error::{DataFusionError, Result};

/// The elements of an array of one dimension.
pub(crate) fn parse(text: &str) -> Result<Vec<Option<String>>> {
    let malformed = || malformed(text);
    let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let mut rest = inner.ok_or_else(malformed)?.trim();
    let mut items = Vec::new();
    if rest.is_empty() {
        return Ok(items);
    }
    loop {
        if rest.starts_with('{') {
            return Err(own(Error::unsupported("arrays of several dimensions")));
        }
        let (item, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (item, after) = quoted_item(quoted).ok_or_else(malformed)?;
                (Some(item), after.trim_start())
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let item = rest[..end].trim();
                if item.is_empty() || item.contains(['{', '}', '"', '\\']) {
                    return Err(malformed());
                }
                let is_null = item.eq_ignore_ascii_case("null");
                ((!is_null).then(|| item.to_owned()), &rest[end..])
            }
        };
        items.push(item);
        if after.is_empty() {
            return Ok(items);
        }
        rest = after.strip_prefix(',').ok_or_else(malformed)?.trim_start();
    }
}

/// An item up to its closing quote, and what is behind that.
fn quoted_item(text: &str) -> Option<(String, &str)> {
    let mut item = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((item, &text[at + 1..])),
            '\\' => item.push(chars.next()?.1),
            c => item.push(c),
        }
    }
    None
}

fn malformed(text: &str) -> DataFusionError {
    own(Error::new(
        Fault::InvalidTextRepresentation,
        format!("malformed array literal: \"{text}\""),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn array_literals_are_read_as_in_postgres() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parse("{}").unwrap(), []);
        assert_eq!(parse("{a, b }").unwrap(), [some("a"), some("b")]);
        assert_eq!(
            parse(r#"{NULL,"NULL","a\"b,c"}"#).unwrap(),
            [None, some("NULL"), some("a\"b,c")]
        );
        for text in ["", "a", "{a", "{a,}", "{a\"b}", "{,}"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
