//! One jsonb value: read, written, compared.
//!
//! Keys come by length, then by bytes; numbers keep their digits and lose their exponent.

use crate::function::own;
use crate::{Error, Fault};
use datafusion::error::{DataFusionError, Result};
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// Numbers with more digits than this are not written out.
const DIGITS_MAX: i64 = 1_000;

pub(super) fn parse(text: &str) -> Result<Value> {
    if text.contains("$serde_json::private::") {
        return Err(own(Error::unsupported("a key that starts with $serde_json::private::")));
    }
    serde_json::from_str(text).map_err(|error| malformed("json", &error.to_string()))
}

pub(super) fn malformed(type_name: &str, reason: &str) -> DataFusionError {
    own(Error::new(
        Fault::InvalidTextRepresentation,
        format!("invalid input syntax for type {type_name}"),
    )
    .with_detail(reason.to_owned()))
}

/// Any JSON text as jsonb writes it.
pub(crate) fn normal_text(text: &str) -> Result<String> {
    print(&parse(text)?)
}

pub(super) fn print(value: &Value) -> Result<String> {
    let mut text = String::new();
    push(value, &mut text)?;
    Ok(text)
}

fn push(value: &Value, out: &mut String) -> Result<()> {
    match value {
        Value::Number(number) => out.push_str(&plain_digits(number)?),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                push(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| key_order(a, b));
            out.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                out.push_str(&Value::String(key.clone()).to_string());
                out.push_str(": ");
                push(value, out)?;
            }
            out.push('}');
        }
        Value::String(text) if text.contains('\0') => {
            return Err(own(Error::new(
                Fault::UntranslatableCharacter,
                "\\u0000 cannot be converted to text",
            )));
        }
        other => out.push_str(&other.to_string()),
    }
    Ok(())
}

pub(super) fn key_order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// A number without exponent, and zero without sign.
pub(super) fn plain_digits(number: &Number) -> Result<String> {
    let text = number.as_str();
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(i64::MAX);
    if exponent.abs() > DIGITS_MAX {
        return Err(own(Error::unsupported("a number of more than 1,000 digits in JSON")));
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{whole}{fraction}");
    let mut point = whole.len() as i64 + exponent;
    while point > digits.len() as i64 {
        digits.push('0');
    }
    while point < 1 {
        digits.insert(0, '0');
        point += 1;
    }
    let (whole, fraction) = digits.split_at(point as usize);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if digits.bytes().all(|digit| digit == b'0') { "" } else { sign };
    Ok(match fraction {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    })
}

/// Sign, digits before the point, all digits without zeros at the end.
pub(super) fn magnitude(number: &Number) -> (i8, usize, String) {
    let text = plain_digits(number).unwrap_or_default();
    let (negative, text) = text.strip_prefix('-').map_or((false, &*text), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.trim_start_matches('0');
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_end_matches('0').to_owned();
    let sign = if digits.is_empty() {
        0
    } else if negative {
        -1
    } else {
        1
    };
    (sign, whole.len(), digits)
}

fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    let (a, b) = (magnitude(a), magnitude(b));
    let by_size = a.1.cmp(&b.1).then_with(|| a.2.cmp(&b.2));
    a.0.cmp(&b.0).then(if a.0 < 0 { by_size.reverse() } else { by_size })
}

/// The order of jsonb: objects above arrays above booleans, numbers, strings, null.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        // An empty array comes before everything, as in Postgres.
        Value::Array(items) if items.is_empty() => 0,
        Value::Null => 1,
        Value::String(_) => 2,
        Value::Number(_) => 3,
        Value::Bool(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    };
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => a.len().cmp(&b.len()).then_with(|| {
            let items = a.iter().zip(b).map(|(a, b)| compare(a, b));
            items.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        }),
        (Value::Object(a), Value::Object(b)) => a.len().cmp(&b.len()).then_with(|| {
            let sorted = |members: &serde_json::Map<String, Value>| {
                let mut sorted: Vec<(String, Value)> =
                    members.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                sorted.sort_by(|(a, _), (b, _)| key_order(a, b));
                sorted
            };
            let (a, b) = (sorted(a), sorted(b));
            let members = a.iter().zip(&b);
            let orders =
                members.map(|((ka, va), (kb, vb))| key_order(ka, kb).then_with(|| compare(va, vb)));
            orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        }),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// `a @> b`
pub(super) fn contains(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            b.iter().all(|(key, wanted)| a.get(key).is_some_and(|found| contains(found, wanted)))
        }
        (Value::Array(a), Value::Array(b)) => {
            b.iter().all(|wanted| a.iter().any(|found| contains(found, wanted)))
        }
        // An array may contain a scalar that stands alone, at the top only.
        (Value::Object(_) | Value::Array(_), _) | (_, Value::Object(_) | Value::Array(_)) => false,
        (a, b) => compare(a, b).is_eq(),
    }
}

/// The value at a path of keys and positions.
pub(super) fn at_path<'a>(value: &'a Value, path: &[Option<String>]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| {
        let step = step.as_ref()?;
        match value {
            Value::Object(members) => members.get(step),
            Value::Array(items) => items.get(position(step.parse().ok()?, items.len())?),
            _ => None,
        }
    })
}

/// A position from the start, or from the end if it is negative.
pub(super) fn position(index: i64, length: usize) -> Option<usize> {
    let from_start =
        if index < 0 { index.checked_add(i64::try_from(length).ok()?)? } else { index };
    usize::try_from(from_start).ok()
}

/// As `->>` shows it: strings without quotes, null as NULL.
pub(super) fn shown(value: &Value) -> Result<Option<String>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        other => print(other).map(Some),
    }
}
