//! JSON that callers attach to accounts and transactions.
//!
//! A [`JsonDocument`] has been parsed once, at the door, and is kept as text in the order and
//! spacing of Postgres' `jsonb` (keys by length, then by bytes; the last of two equal keys wins).
//! Numbers keep every digit they were sent with (an exponent gets its sign); two documents are
//! equal as `jsonb` is: `1.0` equals `1`, whatever the digits.

use serde_json::{Map, Number, Value};
use std::fmt;
use std::sync::{Arc, LazyLock};

/// The largest metadata or external_refs document, in bytes of its text.
pub(crate) const JSON_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone)]
pub struct JsonDocument(Arc<str>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// Not JSON; says where and why.
    Malformed(String),
    /// Holds `\u0000`, which no text of ours can hold.
    NulCharacter,
    /// Longer than 64 KiB; holds the length.
    TooLong(usize),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::Malformed(reason) => write!(f, "invalid JSON: {reason}"),
            JsonError::NulCharacter => f.write_str("\\u0000 cannot be converted to text"),
            JsonError::TooLong(bytes) => {
                write!(f, "JSON document has {bytes} bytes, at most {JSON_BYTES_MAX} are allowed")
            }
        }
    }
}

impl std::error::Error for JsonError {}

impl JsonDocument {
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        if text.len() > JSON_BYTES_MAX {
            return Err(JsonError::TooLong(text.len()));
        }
        if text == "{}" {
            return Ok(Self::default());
        }
        // serde_json reads an object with this key as a number: refuse it, do not corrupt it.
        if text.contains("$serde_json::private::") {
            return Err(JsonError::Malformed(
                "a key that starts with $serde_json::private::".to_owned(),
            ));
        }
        let value: Value =
            serde_json::from_str(text).map_err(|error| JsonError::Malformed(error.to_string()))?;
        Self::from_value(&value)
    }

    /// The document of a value that was parsed as part of something larger.
    pub fn from_value(value: &Value) -> Result<Self, JsonError> {
        let mut text = String::new();
        print(value, &mut text)?;
        // Spaces are added in printing, so the bound is checked on what will be kept.
        if text.len() > 2 * JSON_BYTES_MAX {
            return Err(JsonError::TooLong(text.len()));
        }
        Ok(Self(Arc::from(text)))
    }

    /// The document as `jsonb` prints it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn value(&self) -> Option<Value> {
        serde_json::from_str(&self.0).ok()
    }
}

/// The default of metadata columns: an empty object.
impl Default for JsonDocument {
    fn default() -> Self {
        // Most documents are empty, and they all share this one.
        static EMPTY: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("{}"));
        Self(EMPTY.clone())
    }
}

impl fmt::Debug for JsonDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for JsonDocument {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
            || match (self.value(), other.value()) {
                (Some(a), Some(b)) => equal(&a, &b),
                _ => false,
            }
    }
}

impl Eq for JsonDocument {}

fn print(value: &Value, out: &mut String) -> Result<(), JsonError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) => print_string(text, out)?,
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                print(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => print_object(members, out)?,
    }
    Ok(())
}

fn print_object(members: &Map<String, Value>, out: &mut String) -> Result<(), JsonError> {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    out.push('{');
    for (index, (key, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        print_string(key, out)?;
        out.push_str(": ");
        print(value, out)?;
    }
    out.push('}');
    Ok(())
}

fn print_string(text: &str, out: &mut String) -> Result<(), JsonError> {
    if text.contains('\0') {
        return Err(JsonError::NulCharacter);
    }
    let quoted =
        serde_json::to_string(text).map_err(|error| JsonError::Malformed(error.to_string()))?;
    out.push_str(&quoted);
    Ok(())
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || decimal(a).is_some_and(|a| Some(a) == decimal(b))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

/// A number as (negative, significant digits, power of ten): equal exactly when the values are.
/// `None` where the exponent itself is beyond `i64`: such a number equals only its own spelling.
fn decimal(number: &Number) -> Option<(bool, String, i128)> {
    let text = number.as_str();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let trimmed = significant.trim_end_matches('0');
    let power =
        i128::from(exponent) - fraction.len() as i128 + (significant.len() - trimmed.len()) as i128;
    Some((negative, trimmed.to_owned(), power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_print_as_jsonb_and_keep_their_numbers() {
        let cases = [
            (r#"{"bb":1,"a":[1,2.50],"a":null}"#, r#"{"a": null, "bb": 1}"#),
            (r#"{"n":12345678901234567890.10}"#, r#"{"n": 12345678901234567890.10}"#),
            (r#" [ true , "é\n" ] "#, r#"[true, "é\n"]"#),
            ("1e400", "1e+400"),
        ];
        for (sent, kept) in cases {
            assert_eq!(JsonDocument::parse(sent).unwrap().as_str(), kept, "{sent}");
        }
    }

    #[test]
    fn equality_is_by_value_with_exact_numbers() {
        let document = |text| JsonDocument::parse(text).unwrap();
        let equal = [
            ("1", "1.0"),
            ("100", "1e2"),
            ("-0", "0.00"),
            (r#"{"a":1,"b":2}"#, r#"{"b":2.0,"a":1}"#),
        ];
        for (a, b) in equal {
            assert_eq!(document(a), document(b));
        }
        let different = [
            ("1", "\"1\""),
            ("9007199254740993", "9007199254740992"),
            ("[1,2]", "[2,1]"),
            ("{}", "[]"),
            ("1", "-1"),
            ("1e99999999999999999999", "1e-99999999999999999999"),
            ("1e99999999999999999999", "1e99999999999999999998"),
        ];
        for (a, b) in different {
            assert_ne!(document(a), document(b));
        }
    }

    #[test]
    fn what_is_not_a_document_says_why() {
        assert_eq!(JsonDocument::parse(r#""\u0000""#), Err(JsonError::NulCharacter));
        for malformed in
            ["", "{", "[1,]", "01", "nan", "{} {}", r#"{"$serde_json::private::Number":"1"}"#]
        {
            let refused = JsonDocument::parse(malformed);
            assert!(matches!(refused, Err(JsonError::Malformed(_))), "{malformed}: {refused:?}");
        }
        let long = format!("\"{}\"", "x".repeat(JSON_BYTES_MAX));
        assert!(matches!(JsonDocument::parse(&long), Err(JsonError::TooLong(_))));
    }
}
