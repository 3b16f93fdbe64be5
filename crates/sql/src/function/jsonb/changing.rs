//! Changes at a path of a jsonb: `jsonb_set`, `jsonb_insert`, `#-`.

use super::document::{parse, position, print};
use crate::function::own;
use crate::function::row_function::{Out, Takes, row_function};
use crate::{Error, Fault, PgType};
use Takes::{Text, TextList};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use serde_json::Value;

pub(super) fn all() -> Vec<ScalarUDF> {
    let jsonb = PgType::Jsonb;
    vec![
        // The last argument is a truth value as text.
        row_function("jsonb_set_at", &[Text, TextList, Text, Text], jsonb, |args| {
            let create = args[3].text() == "true";
            let value = parse(args[2].text())?;
            changed(args[0].text(), args[1].list(), "set", &Change::Set { value, create })
        }),
        row_function("jsonb_insert_at", &[Text, TextList, Text, Text], jsonb, |args| {
            let after = args[3].text() == "true";
            let value = parse(args[2].text())?;
            changed(args[0].text(), args[1].list(), "set", &Change::Insert { value, after })
        }),
        row_function("jsonb_delete_path", &[Text, TextList], jsonb, |args| {
            changed(args[0].text(), args[1].list(), "delete", &Change::Delete)
        }),
    ]
}

enum Change {
    Set { value: Value, create: bool },
    Insert { value: Value, after: bool },
    Delete,
}

fn invalid(message: impl Into<String>) -> DataFusionError {
    own(Error::new(Fault::InvalidParameterValue, message))
}

fn changed(text: &str, path: &[Option<String>], verb: &str, change: &Change) -> Result<Out> {
    let mut value = parse(text)?;
    if !value.is_object() && !value.is_array() {
        return Err(invalid(format!("cannot {verb} path in scalar")));
    }
    if !path.is_empty() {
        apply(&mut value, path, 0, change)?;
    }
    Ok(Out::Text(print(&value)?))
}

/// Changes what is at `path[level..]`; a place that is not there is left alone.
fn apply(value: &mut Value, path: &[Option<String>], level: usize, change: &Change) -> Result<()> {
    let Some(step) = path.get(level) else { return Ok(()) };
    let Some(step) = step else {
        return Err(own(Error::new(
            Fault::NullValueNotAllowed,
            format!("path element at position {} is null", level + 1),
        )));
    };
    let last = level + 1 == path.len();
    match value {
        Value::Object(members) if last => match change {
            Change::Set { value, create } => {
                if *create || members.contains_key(step) {
                    members.insert(step.clone(), value.clone());
                }
            }
            Change::Insert { .. } if members.contains_key(step) => {
                return Err(own(Error::new(
                    Fault::InvalidParameterValue,
                    "cannot replace existing key",
                )
                .with_hint("Try using the function jsonb_set to replace key value.")));
            }
            Change::Insert { value, .. } => {
                members.insert(step.clone(), value.clone());
            }
            Change::Delete => {
                members.remove(step);
            }
        },
        Value::Object(members) => {
            if let Some(member) = members.get_mut(step) {
                apply(member, path, level + 1, change)?;
            }
        }
        Value::Array(items) => {
            let Ok(index) = step.trim().parse::<i64>() else {
                return Err(own(Error::new(
                    Fault::InvalidTextRepresentation,
                    format!("path element at position {} is not an integer: \"{step}\"", level + 1),
                )));
            };
            let at = position(index, items.len()).filter(|at| *at < items.len());
            match at {
                Some(at) if !last => apply(&mut items[at], path, level + 1, change)?,
                at if last => apply_to_item(items, at, index < 0, change),
                _ => {}
            }
        }
        _ => {}
    }
    Ok(())
}

/// `at` is none beyond the ends of the array.
fn apply_to_item(items: &mut Vec<Value>, at: Option<usize>, at_start: bool, change: &Change) {
    let end = if at_start { 0 } else { items.len() };
    match (change, at) {
        (Change::Set { value, .. }, Some(at)) => items[at] = value.clone(),
        (Change::Set { value, create: true }, None) => items.insert(end, value.clone()),
        (Change::Set { .. }, None) | (Change::Delete, None) => {}
        (Change::Insert { value, after }, Some(at)) => {
            items.insert(at + usize::from(*after), value.clone());
        }
        (Change::Insert { value, .. }, None) => items.insert(end, value.clone()),
        (Change::Delete, Some(at)) => {
            items.remove(at);
        }
    }
}
