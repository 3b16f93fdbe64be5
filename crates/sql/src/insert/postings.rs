//! The postings of a transaction as JSON:
//! `[{"account": "cash", "amount": "1500", "direction": "debit"}, …]`.
//!
//! Amounts keep every digit, whether they are sent as strings or as numbers. A member that is not
//! known is refused by name: a misspelt `asset` must not vanish.

use super::datum::{json_error, parse_amount};
use super::name_error;
use crate::{Error, Fault, Result};
use ledger::{AccountPath, AssetId, Direction, JsonError, POSTINGS_MAX, PostingDraft};
use serde_json::{Map, Value};

pub(super) fn parse_postings(text: &str) -> Result<Vec<PostingDraft>> {
    let parsed: Value = serde_json::from_str(text)
        .map_err(|error| json_error(&JsonError::Malformed(error.to_string())))?;
    let Value::Array(items) = parsed else {
        return Err(invalid("postings must be a JSON array").with_hint(EXAMPLE));
    };
    if items.len() > POSTINGS_MAX {
        return Err(Error::new(
            Fault::ProgramLimitExceeded,
            format!(
                "a transaction of {} postings is too large: at most {POSTINGS_MAX} are allowed",
                items.len()
            ),
        ));
    }
    let numbered = items.iter().enumerate();
    numbered
        .map(|(index, item)| {
            parse_posting(item).map_err(|error| {
                if items.len() > 1 && error.context().is_none() {
                    error.with_context(format!("postings, element {}", index + 1))
                } else {
                    error
                }
            })
        })
        .collect()
}

const EXAMPLE: &str =
    "Such as [{\"account\": \"cash\", \"amount\": \"1500\", \"direction\": \"debit\"}, …].";

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Fault::InvalidParameterValue, message)
}

fn parse_posting(item: &Value) -> Result<PostingDraft> {
    let Value::Object(members) = item else {
        return Err(invalid("a posting must be a JSON object").with_hint(EXAMPLE));
    };
    let known = ["account", "asset", "amount", "direction"];
    if let Some(unknown) = members.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(invalid(format!("a posting has no member \"{unknown}\""))
            .with_hint("Its members are account, asset, amount and direction."));
    }
    let account = required(members, "account")?;
    let account = AccountPath::new(string("account", account)?).map_err(|e| name_error(&e))?;
    let asset = match members.get("asset") {
        None | Some(Value::Null) => None,
        Some(asset) => {
            Some(AssetId::new(string("asset", asset)?).map_err(|error| name_error(&error))?)
        }
    };
    let amount = match required(members, "amount")? {
        Value::String(text) => parse_amount(text, "amount")?,
        Value::Number(number) => parse_amount(number.as_str(), "amount")?,
        _ => return Err(invalid("member \"amount\" of a posting must be a string or a number")),
    };
    let direction = string("direction", required(members, "direction")?)?;
    let direction = Direction::parse(direction)
        .ok_or_else(|| invalid(format!("direction \"{direction}\" is not one of debit, credit")))?;
    Ok(PostingDraft { account, asset, direction, amount })
}

fn required<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a Value> {
    members
        .get(name)
        .filter(|value| !value.is_null())
        .ok_or_else(|| invalid(format!("a posting needs a member \"{name}\"")).with_hint(EXAMPLE))
}

fn string<'a>(name: &str, value: &'a Value) -> Result<&'a str> {
    value
        .as_str()
        .ok_or_else(|| invalid(format!("member \"{name}\" of a posting must be a string")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postings_keep_order_and_every_digit() {
        let text = r#"[
            {"account": "cash", "amount": 12345678901234567890123, "direction": "debit"},
            {"account": "sales", "amount": "12345678901234567890123.00", "direction": "credit",
             "asset": "CZK"}
        ]"#;
        let postings = parse_postings(text).unwrap();
        assert_eq!(postings[0].amount, 12_345_678_901_234_567_890_123);
        assert_eq!(postings[0].asset, None);
        assert_eq!(postings[1].amount, postings[0].amount);
        assert_eq!(postings[1].direction, Direction::Credit);
        assert_eq!(postings[1].asset.as_ref().map(AssetId::as_str), Some("CZK"));
    }

    #[test]
    fn every_fault_has_its_own_answer() {
        let posting = |members: &str| format!("[{{{members}}}]");
        let cases = [
            ("{}".to_owned(), Fault::InvalidParameterValue, "array"),
            ("[1]".to_owned(), Fault::InvalidParameterValue, "object"),
            ("[".to_owned(), Fault::InvalidTextRepresentation, "json"),
            (
                posting(r#""account":"a","amount":"1","direction":"debit","ammount":"1""#),
                Fault::InvalidParameterValue,
                "ammount",
            ),
            (
                posting(r#""account":"a","amount":"1.5","direction":"debit""#),
                Fault::NumericValueOutOfRange,
                "fraction",
            ),
            (
                posting(r#""account":"a","amount":1.5,"direction":"debit""#),
                Fault::NumericValueOutOfRange,
                "fraction",
            ),
            (
                posting(r#""account":"a","amount":true,"direction":"debit""#),
                Fault::InvalidParameterValue,
                "amount",
            ),
            (
                posting(r#""account":"a","amount":"1","direction":"D""#),
                Fault::InvalidParameterValue,
                "direction",
            ),
            (
                posting(r#""account":"a","direction":"debit""#),
                Fault::InvalidParameterValue,
                "amount",
            ),
            (
                posting(r#""account":"","amount":"1","direction":"debit""#),
                Fault::InvalidName,
                "empty",
            ),
        ];
        for (text, fault, word) in cases {
            let error = parse_postings(&text).unwrap_err();
            assert_eq!(*error.fault(), fault, "{text}");
            assert!(error.message().contains(word), "{text}: {error}");
        }
        let error = parse_postings(&format!("[{}]", vec!["{}"; POSTINGS_MAX + 1].join(",")));
        assert_eq!(*error.unwrap_err().fault(), Fault::ProgramLimitExceeded);
    }
}
