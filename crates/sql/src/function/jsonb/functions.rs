//! Functions on jsonb, and what its operators are planned as.

use super::document::{at_path, contains, normal_text, parse, position, print, shown};
use super::key::key;
use super::raw;
use crate::function::own;
use crate::function::row_function::{Arg, Out, Takes, row_function};
use crate::{Error, Fault, PgType};
use Takes::{Int, Text, TextList};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use serde_json::Value;

pub(super) fn all() -> Vec<ScalarUDF> {
    questions()
        .into_iter()
        .chain(changes())
        .chain(lists())
        .chain(json_lists())
        .chain(objects())
        .chain(super::changing::all())
        .collect()
}

/// Values as they are, and what can be asked of them.
fn questions() -> Vec<ScalarUDF> {
    use PgType::{Bool, Jsonb};
    vec![
        row_function("jsonb", &[Text], Jsonb, |args| Ok(Out::Text(normal_text(args[0].text())?))),
        row_function("jsonb_value", &[Text], Jsonb, |args| {
            Ok(Out::Text(args[0].text().to_owned()))
        }),
        row_function("json_value", &[Text], PgType::Json, |args| {
            Ok(Out::Text(args[0].text().to_owned()))
        }),
        row_function("jsonb_key", &[Text], PgType::Text, |args| Ok(Out::Text(key(&first(args)?)?))),
        row_function("jsonb_contains", &[Text, Text], Bool, |args| {
            let (a, b) = (first(args)?, second(args)?);
            let alone = matches!(&a, Value::Array(items) if !b.is_array() && !b.is_object()
                && items.iter().any(|item| contains(item, &b)));
            Ok(Out::Bool(alone || contains(&a, &b)))
        }),
        row_function("jsonb_exists", &[Text, Text], Bool, |args| {
            Ok(Out::Bool(has_key(&first(args)?, args[1].text())))
        }),
        row_function("jsonb_exists_any", &[Text, TextList], Bool, |args| {
            let value = first(args)?;
            Ok(Out::Bool(args[1].list().iter().flatten().any(|key| has_key(&value, key))))
        }),
        row_function("jsonb_exists_all", &[Text, TextList], Bool, |args| {
            let value = first(args)?;
            Ok(Out::Bool(args[1].list().iter().flatten().all(|key| has_key(&value, key))))
        }),
        row_function("jsonb_at_path", &[Text, TextList], Jsonb, |args| {
            let value = first(args)?;
            at_path(&value, args[1].list())
                .map_or(Ok(Out::Null), |found| Ok(Out::Text(print(found)?)))
        }),
        row_function("jsonb_text_at_path", &[Text, TextList], PgType::Text, |args| {
            let value = first(args)?;
            let found = at_path(&value, args[1].list()).map(shown).transpose()?.flatten();
            Ok(found.map_or(Out::Null, Out::Text))
        }),
    ]
}

fn changes() -> Vec<ScalarUDF> {
    use PgType::{Int4, Jsonb};
    vec![
        row_function("jsonb_concat", &[Text, Text], Jsonb, |args| {
            Ok(Out::Text(print(&joined(first(args)?, second(args)?))?))
        }),
        row_function("jsonb_without_key", &[Text, Text], Jsonb, |args| {
            Ok(Out::Text(print(&without_key(first(args)?, args[1].text())?)?))
        }),
        row_function("jsonb_without_item", &[Text, Int], Jsonb, |args| {
            Ok(Out::Text(print(&without_item(first(args)?, args[1].int())?)?))
        }),
        row_function("jsonb_array_length", &[Text], Int4, |args| match first(args)? {
            Value::Array(items) => Ok(Out::Int(i32::try_from(items.len()).unwrap_or(i32::MAX))),
            Value::Object(_) => Err(invalid("cannot get array length of a non-array")),
            _ => Err(invalid("cannot get array length of a scalar")),
        }),
        row_function("jsonb_typeof", &[Text], PgType::Text, |args| {
            Ok(Out::Text(kind(&first(args)?).to_owned()))
        }),
        row_function("jsonb_strip_nulls", &[Text], Jsonb, |args| {
            let mut value = first(args)?;
            strip_nulls(&mut value);
            Ok(Out::Text(print(&value)?))
        }),
    ]
}

/// What the functions that give sets are made of.
fn lists() -> Vec<ScalarUDF> {
    use PgType::{Jsonb, JsonbArray, TextArray};
    vec![
        row_function("jsonb_elements", &[Text], JsonbArray, |args| {
            let texts = elements(first(args)?)?
                .iter()
                .map(|item| print(item).map(Some))
                .collect::<Result<_>>()?;
            Ok(Out::List(texts))
        }),
        row_function("jsonb_elements_text", &[Text], TextArray, |args| {
            Ok(Out::List(elements(first(args)?)?.iter().map(shown).collect::<Result<_>>()?))
        }),
        row_function("jsonb_keys", &[Text], TextArray, |args| {
            Ok(Out::List(members(first(args)?)?.into_iter().map(|(key, _)| Some(key)).collect()))
        }),
        row_function("jsonb_values", &[Text], JsonbArray, |args| {
            let values = members(first(args)?)?;
            Ok(Out::List(
                values.iter().map(|(_, value)| print(value).map(Some)).collect::<Result<_>>()?,
            ))
        }),
        row_function("jsonb_values_text", &[Text], TextArray, |args| {
            let values = members(first(args)?)?;
            Ok(Out::List(values.iter().map(|(_, value)| shown(value)).collect::<Result<_>>()?))
        }),
        // What an aggregate has collected: JSON texts, NULL among them.
        row_function("jsonb_of_elements", &[TextList], Jsonb, |args| {
            let items = args[0].list().iter().map(|item| match item {
                Some(text) => parse(text),
                None => Ok(Value::Null),
            });
            Ok(Out::Text(print(&Value::Array(items.collect::<Result<_>>()?))?))
        }),
    ]
}

/// The same of json, whose text is kept.
fn json_lists() -> Vec<ScalarUDF> {
    use PgType::TextArray;
    vec![
        row_function("json_elements", &[Text], TextArray, |args| {
            let items = raw::elements(args[0].text(), "json_array_elements")?;
            Ok(Out::List(items.into_iter().map(|item| Some(item.to_owned())).collect()))
        }),
        row_function("json_elements_text", &[Text], TextArray, |args| {
            let items = raw::elements(args[0].text(), "json_array_elements_text")?;
            Ok(Out::List(items.into_iter().map(raw::piece_shown).collect::<Result<_>>()?))
        }),
        row_function("json_keys", &[Text], TextArray, |args| {
            let members = raw::members(args[0].text(), "json_object_keys")?;
            Ok(Out::List(members.into_iter().map(|(key, _)| Some(key)).collect()))
        }),
        row_function("json_values", &[Text], TextArray, |args| {
            let members = raw::members(args[0].text(), "json_each")?;
            Ok(Out::List(members.into_iter().map(|(_, value)| Some(value.to_owned())).collect()))
        }),
        row_function("json_values_text", &[Text], TextArray, |args| {
            let members = raw::members(args[0].text(), "json_each_text")?;
            let values = members.into_iter().map(|(_, value)| raw::piece_shown(value));
            Ok(Out::List(values.collect::<Result<_>>()?))
        }),
        row_function("json_at_path", &[Text, TextList], PgType::Json, |args| {
            let found = raw::at_path(args[0].text(), args[1].list())?;
            Ok(found.map_or(Out::Null, |found| Out::Text(found.to_owned())))
        }),
        row_function("json_text_at_path", &[Text, TextList], PgType::Text, |args| {
            let found = raw::at_path(args[0].text(), args[1].list())?;
            let shown = found.map(raw::piece_shown).transpose()?.flatten();
            Ok(shown.map_or(Out::Null, Out::Text))
        }),
        // What an aggregate has collected: JSON texts, NULL among them.
        row_function("json_of_elements", &[TextList], PgType::Json, |args| {
            let items = args[0].list().iter().map(|item| item.as_deref().unwrap_or("null"));
            let text = items.collect::<Vec<_>>().join(", ");
            Ok(Out::Text(format!("[{}]", text.trim_start_matches("\n "))))
        }),
        row_function("json_of_pairs", &[TextList], PgType::Json, |args| {
            let pairs = args[0].list().iter().flatten().map(String::as_str);
            Ok(Out::Text(format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))))
        }),
    ]
}

/// Objects of texts and of pairs, numbers and truth values of jsonb, and a spelling for people.
fn objects() -> Vec<ScalarUDF> {
    use PgType::Jsonb;
    vec![
        row_function("jsonb_of_pairs", &[TextList], Jsonb, |args| {
            let mut members = serde_json::Map::new();
            for pair in args[0].list().iter().flatten() {
                if let Value::Array(pair) = parse(pair)?
                    && let Ok([Value::String(key), value]) = <[Value; 2]>::try_from(pair)
                {
                    members.insert(key, value);
                }
            }
            Ok(Out::Text(print(&Value::Object(members))?))
        }),
        row_function("jsonb_object", &[TextList], Jsonb, |args| {
            let (pairs, rest) = args[0].list().as_chunks::<2>();
            if !rest.is_empty() {
                return Err(invalid("array must have even number of elements"));
            }
            object_of(pairs.iter().map(|[key, value]| (key, value)))
        }),
        row_function("jsonb_object_of", &[TextList, TextList], Jsonb, |args| {
            let (keys, values) = (args[0].list(), args[1].list());
            if keys.len() != values.len() {
                return Err(invalid("mismatched array dimensions"));
            }
            object_of(keys.iter().zip(values))
        }),
        row_function("jsonb_pretty", &[Text], PgType::Text, |args| {
            let mut text = String::new();
            pretty(&first(args)?, 0, &mut text)?;
            Ok(Out::Text(text))
        }),
        // The second argument is the type that is wanted, for the message.
        row_function("jsonb_number", &[Text, Text], PgType::Text, |args| match first(args)? {
            number @ Value::Number(_) => Ok(Out::Text(print(&number)?)),
            other => Err(no_cast(&other, args[1].text())),
        }),
        row_function("jsonb_bool", &[Text], PgType::Bool, |args| match first(args)? {
            Value::Bool(value) => Ok(Out::Bool(value)),
            other => Err(no_cast(&other, "boolean")),
        }),
    ]
}

fn no_cast(value: &Value, wanted: &str) -> DataFusionError {
    let of = match kind(value) {
        "array" | "object" => "array or object",
        "number" => "numeric",
        other => other,
    };
    invalid(&format!("cannot cast jsonb {of} to type {wanted}"))
}

fn object_of<'a>(
    pairs: impl Iterator<Item = (&'a Option<String>, &'a Option<String>)>,
) -> Result<Out> {
    let mut members = serde_json::Map::new();
    for (key, value) in pairs {
        let Some(key) = key else {
            return Err(own(Error::new(
                Fault::NullValueNotAllowed,
                "null value not allowed for object key",
            )));
        };
        members.insert(key.clone(), value.clone().map_or(Value::Null, Value::String));
    }
    Ok(Out::Text(print(&Value::Object(members))?))
}

/// One value a line, four spaces a level.
fn pretty(value: &Value, level: usize, out: &mut String) -> Result<()> {
    let line = |out: &mut String, level: usize| {
        out.push('\n');
        out.push_str(&"    ".repeat(level));
    };
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(out, level + 1);
                pretty(item, level + 1, out)?;
            }
            line(out, level);
            out.push(']');
        }
        Value::Object(_) => {
            out.push('{');
            for (index, (key, value)) in members(value.clone())?.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(out, level + 1);
                out.push_str(&Value::String(key).to_string());
                out.push_str(": ");
                pretty(&value, level + 1, out)?;
            }
            line(out, level);
            out.push('}');
        }
        other => out.push_str(&print(other)?),
    }
    Ok(())
}

fn first(args: &[Arg<'_>]) -> Result<Value> {
    parse(args[0].text())
}

fn second(args: &[Arg<'_>]) -> Result<Value> {
    parse(args[1].text())
}

fn invalid(message: &str) -> DataFusionError {
    own(Error::new(Fault::InvalidParameterValue, message))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn has_key(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(members) => members.contains_key(key),
        Value::Array(items) => items.iter().any(|item| item.as_str() == Some(key)),
        Value::String(text) => text == key,
        _ => false,
    }
}

fn joined(left: Value, right: Value) -> Value {
    match (left, right) {
        (Value::Object(mut left), Value::Object(right)) => {
            left.extend(right);
            Value::Object(left)
        }
        (left, right) => {
            let items = |value| match value {
                Value::Array(items) => items,
                other => vec![other],
            };
            Value::Array(items(left).into_iter().chain(items(right)).collect())
        }
    }
}

fn without_key(mut value: Value, key: &str) -> Result<Value> {
    match &mut value {
        Value::Object(members) => {
            members.remove(key);
        }
        Value::Array(items) => items.retain(|item| item.as_str() != Some(key)),
        _ => return Err(invalid("cannot delete from scalar")),
    }
    Ok(value)
}

fn without_item(mut value: Value, index: i64) -> Result<Value> {
    match &mut value {
        Value::Array(items) => {
            if let Some(at) = position(index, items.len()).filter(|at| *at < items.len()) {
                items.remove(at);
            }
        }
        Value::Object(_) => {
            return Err(invalid("cannot delete from object using integer index"));
        }
        _ => return Err(invalid("cannot delete from scalar")),
    }
    Ok(value)
}

fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

fn elements(value: Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(items) => Ok(items),
        Value::Object(_) => Err(invalid("cannot extract elements from an object")),
        _ => Err(invalid("cannot extract elements from a scalar")),
    }
}

/// The members of an object in the order of jsonb.
fn members(value: Value) -> Result<Vec<(String, Value)>> {
    let Value::Object(members) = value else {
        return Err(invalid("cannot deconstruct a value that is no object"));
    };
    let mut members: Vec<(String, Value)> = members.into_iter().collect();
    members.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    Ok(members)
}
