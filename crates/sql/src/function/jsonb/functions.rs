//! Functions on jsonb, and what its operators are planned as.

use super::document::{at_path, compare, contains, normal_text, parse, position, print, shown};
use crate::function::own;
use crate::function::row_function::{Arg, Out, Takes, row_function};
use crate::{Error, Fault, PgType};
use Takes::{Int, Text, TextList};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use serde_json::Value;

pub(super) fn all() -> Vec<ScalarUDF> {
    questions().into_iter().chain(changes()).chain(lists()).collect()
}

/// Values as they are, and what can be asked of them.
fn questions() -> Vec<ScalarUDF> {
    use PgType::{Bool, Int4, Jsonb};
    vec![
        row_function("jsonb", &[Text], Jsonb, |args| Ok(Out::Text(normal_text(args[0].text())?))),
        row_function("jsonb_value", &[Text], Jsonb, |args| {
            Ok(Out::Text(args[0].text().to_owned()))
        }),
        row_function("json_value", &[Text], PgType::Json, |args| {
            Ok(Out::Text(args[0].text().to_owned()))
        }),
        row_function("jsonb_order", &[Text, Text], Int4, |args| {
            Ok(Out::Int(compare(&first(args)?, &second(args)?) as i32))
        }),
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
