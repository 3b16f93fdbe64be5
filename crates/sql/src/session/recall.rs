//! Texts of the simple protocol that differ only in their literals are understood once.
//!
//! Kept are point reads alone: their literals mean the same as parameters, or the read has to be
//! planned and the text is understood as it is.

use super::Session;
use crate::statement::{Shape, parse};
use crate::{PgType, Prepared, Value};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Beyond this all are forgotten: whoever sends so many does not repeat them.
const SHAPES_MAX: usize = 1_024;

/// What is known of a shape.
#[derive(Debug, Clone)]
enum Known {
    /// It was seen. Most texts never come again.
    Once,
    PointRead(Prepared),
    SomethingElse,
}

/// A shape, the kinds of its literals, and the schemas in which its names are looked up. `path = 17`
/// has the text of `path = '17'` once the literals are out, and is an error.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    text: String,
    types: Vec<Option<PgType>>,
    search_path: Vec<String>,
}

/// The shapes that the sessions of an engine have sent.
#[derive(Debug, Default)]
pub(crate) struct Recalled(Mutex<HashMap<Key, Known>>);

impl Recalled {
    fn shapes(&self) -> MutexGuard<'_, HashMap<Key, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, key: Key, known: Known) {
        let mut shapes = self.shapes();
        if shapes.len() >= SHAPES_MAX {
            shapes.clear();
        }
        shapes.insert(key, known);
    }
}

/// Whether literals mean what parameters of these types mean. A text beside a number or an instant
/// is read by rules of its own.
fn takes(types: &[PgType], literals: &[Value]) -> bool {
    types.len() == literals.len()
        && types.iter().zip(literals).all(|(pg_type, literal)| match literal {
            Value::Int(_) => *pg_type == PgType::Int8,
            _ => matches!(pg_type, PgType::Text | PgType::Uuid),
        })
}

impl Session {
    /// The point read that a text is, with the literals in it, if such a text was seen before. The
    /// caller parses the text where [`Self::serve`] says that it has to be planned.
    pub async fn recall(&mut self, text: &str) -> Option<(Prepared, Vec<Value>)> {
        let shape = Shape::of(text)?;
        let Shape { text, literals, types } = shape;
        let key = Key { text, types, search_path: self.settings.search_path().to_vec() };
        let known = self.shared.recalled.shapes().get(&key).cloned();
        let known = match known {
            None => Known::Once,
            Some(Known::PointRead(prepared)) => return Some((prepared, literals)),
            Some(Known::SomethingElse) => return None,
            Some(Known::Once) => {
                let understood = match parse(&key.text).map(<[_; 1]>::try_from) {
                    Ok(Ok([statement])) => self.understand(statement, &key.types).await.ok(),
                    _ => None,
                };
                let serves = |prepared: &Prepared| {
                    prepared.is_point_read() && takes(prepared.parameter_types(), &literals)
                };
                match understood.filter(serves) {
                    Some(prepared) => Known::PointRead(prepared),
                    None => Known::SomethingElse,
                }
            }
        };
        self.shared.recalled.keep(key, known.clone());
        match known {
            Known::PointRead(prepared) => Some((prepared, literals)),
            Known::Once | Known::SomethingElse => None,
        }
    }
}
