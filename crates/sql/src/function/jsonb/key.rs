//! A text for each jsonb value: the same for equal values, and in their order byte by byte.
//!
//! An array or object begins with how many it holds, a text ends with a byte that no text has.

use super::document::{key_order, magnitude, plain_digits};
use datafusion::error::Result;
use serde_json::{Number, Value};

/// Less than anything a text or a number holds.
const END: char = '\0';

/// The key of a whole document.
pub(super) fn key(document: &Value) -> Result<String> {
    let mut key = String::new();
    match document {
        // At the top, an empty array comes before everything.
        Value::Array(items) if items.is_empty() => key.push('0'),
        other => push(other, &mut key)?,
    }
    Ok(key)
}

fn push(value: &Value, key: &mut String) -> Result<()> {
    match value {
        Value::Null => key.push('1'),
        Value::String(text) => {
            key.push('2');
            push_text(text, key);
        }
        Value::Number(number) => {
            key.push('3');
            push_number(number, key)?;
        }
        Value::Bool(value) => key.push_str(if *value { "41" } else { "40" }),
        Value::Array(items) => {
            key.push('5');
            push_count(items.len(), key);
            items.iter().try_for_each(|item| push(item, key))?;
        }
        Value::Object(members) => {
            key.push('6');
            push_count(members.len(), key);
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| key_order(a, b));
            for (name, value) in members {
                push_text(name, key);
                push(value, key)?;
            }
        }
    }
    Ok(())
}

fn push_text(text: &str, key: &mut String) {
    key.push_str(text);
    key.push(END);
}

fn push_count(count: usize, key: &mut String) {
    key.push_str(&format!("{count:010}"));
}

/// Below zero all digits are turned round, so that more is less.
fn push_number(number: &Number, key: &mut String) -> Result<()> {
    plain_digits(number)?;
    let (sign, whole, digits) = magnitude(number);
    match sign {
        0 => key.push('1'),
        1.. => {
            key.push('2');
            push_count(whole, key);
            push_text(&digits, key);
        }
        _ => {
            key.push('0');
            let turned = |digits: &str| -> String {
                digits.bytes().map(|digit| char::from(b'0' + b'9' - digit)).collect()
            };
            key.push_str(&turned(&format!("{whole:010}")));
            key.push_str(&turned(&digits));
            key.push('~');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::document::{compare, parse};
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_the_values() {
        let values = [
            "[]",
            "null",
            r#""""#,
            r#""a""#,
            r#""aa""#,
            r#""b""#,
            "-100",
            "-10.5",
            "-10",
            "-1.25",
            "-1",
            "-0.05",
            "0",
            "0.005",
            "0.05",
            "0.5",
            "1",
            "1.5",
            "2",
            "10",
            "1e20",
            "false",
            "true",
            "[1]",
            "[2]",
            "[1, 1]",
            "{}",
            r#"{"a": 1}"#,
            r#"{"a": 2}"#,
            r#"{"b": 0}"#,
        ];
        for (at, a) in values.iter().enumerate() {
            for (other, b) in values.iter().enumerate() {
                let (a, b) = (parse(a).unwrap(), parse(b).unwrap());
                assert_eq!(key(&a).unwrap().cmp(&key(&b).unwrap()), at.cmp(&other), "{a} {b}");
                assert_eq!(compare(&a, &b), at.cmp(&other), "{a} {b}");
            }
        }
    }

    #[test]
    fn equal_values_have_one_key() {
        let pairs = [
            ("1", "1.000"),
            ("0", "-0.0"),
            ("100", "1e2"),
            (r#"{"a": 1, "b": [0.10]}"#, r#"{"b": [0.1], "a": 1.0}"#),
        ];
        for (a, b) in pairs {
            let (one, other) = (parse(a).unwrap(), parse(b).unwrap());
            assert_eq!(key(&one).unwrap(), key(&other).unwrap(), "{a} {b}");
        }
        let beyond = parse("1e100000").unwrap();
        assert!(key(&beyond).is_err());
    }
}
