//! What a simple SELECT is when its literals are left out: clients that send whole texts send the
//! same one again and again, with other values.
//!
//! Only texts are taken apart in which every quote and digit surely is a literal's; of any other
//! nothing is said. The shape is understood like a statement with parameters, and used only for
//! what cannot tell the two apart.

use crate::{PgType, Value};

/// Longer texts are no point reads.
const TEXT_BYTES_MAX: usize = 1_024;
/// More literals neither.
const LITERALS_MAX: usize = 16;

/// A text with parameters in the places of its literals.
#[derive(Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) text: String,
    pub(crate) literals: Vec<Value>,
    /// What is told of their types: a number is a whole one, a text that is joined to something is
    /// a text, and any other text is of the type that it is compared with.
    pub(crate) types: Vec<Option<PgType>>,
}

impl Shape {
    pub(crate) fn of(text: &str) -> Option<Shape> {
        let text = text.trim().trim_end_matches(';').trim_end();
        let begins = text.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
        if !begins || text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let mut shape = Shape {
            text: String::with_capacity(text.len()),
            literals: Vec::new(),
            types: Vec::new(),
        };
        let mut rest = text;
        while let Some(next) = rest.find(|c: char| !is_plain(c)) {
            let (plain, from) = rest.split_at(next);
            shape.text.push_str(plain);
            let touches_name =
                shape.text.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            if touches_name && from.starts_with(|c: char| c.is_ascii_digit()) {
                // A digit of a name.
                shape.text.push_str(&from[..1]);
                rest = &from[1..];
                continue;
            }
            // `.5` is a number too.
            rest = match touches_name || shape.text.ends_with('.') {
                true => return None,
                false => shape.take_literal(from)?,
            };
            if shape.literals.len() > LITERALS_MAX {
                return None;
            }
        }
        shape.text.push_str(rest);
        (!shape.text.contains("--") && !shape.text.contains("/*")).then_some(shape)
    }

    /// Gives what follows the literal that `from` begins with.
    fn take_literal<'a>(&mut self, from: &'a str) -> Option<&'a str> {
        let (literal, rest) = match from.strip_prefix('\'') {
            Some(quoted) => {
                let (text, rest) = quoted.split_once('\'')?;
                // Two quotes are one inside of a text; a backslash may be more than itself.
                if rest.starts_with('\'') || text.contains('\\') {
                    return None;
                }
                (Value::Text(text.to_owned()), rest)
            }
            None => {
                let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
                let (digits, rest) = from.split_at(end);
                // Sums are of the literals' own types, int4 where they fit, and may overflow.
                if self.text.trim_end().ends_with(ARITHMETIC)
                    || rest.trim_start().starts_with(ARITHMETIC)
                {
                    return None;
                }
                (Value::Int(digits.parse().ok()?), rest)
            }
        };
        // `1.5`, `1e3`, `'a'x`: not what they look like so far.
        if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '\'')) {
            return None;
        }
        let is_joined = self.text.trim_end().ends_with("||") || rest.trim_start().starts_with("||");
        self.types.push(match &literal {
            Value::Int(_) => Some(PgType::Int8),
            _ => is_joined.then_some(PgType::Text),
        });
        self.literals.push(literal);
        self.text.push_str(&format!("${}", self.literals.len()));
        Some(rest)
    }
}

const ARITHMETIC: [char; 5] = ['+', '-', '*', '/', '%'];

/// What stands between literals. `.` may begin a number, `$` a parameter, `"` a name.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphabetic() || c.is_ascii_whitespace() || "_,()*=<>!+-/%|:.".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn literals_are_told_from_names() {
        let shape = Shape::of(
            "select balance from accounts where book = 'b0' and path = 'acct:' || 17 limit 5;",
        );
        let wanted = Shape {
            text: "select balance from accounts where book = $1 and path = $2 || $3 limit $4"
                .to_owned(),
            literals: vec![text("b0"), text("acct:"), Value::Int(17), Value::Int(5)],
            types: vec![None, Some(PgType::Text), Some(PgType::Int8), Some(PgType::Int8)],
        };
        assert_eq!(shape, Some(wanted));
        let named = Shape::of("SELECT a1, b.c2 FROM t3 WHERE x_4='';").map(|shape| shape.text);
        assert_eq!(named.as_deref(), Some("SELECT a1, b.c2 FROM t3 WHERE x_4=$1"));
    }

    #[test]
    fn what_may_be_something_else_has_no_shape() {
        for text in [
            "INSERT INTO t VALUES (1)",
            "SELECT 1.5",
            "SELECT .5",
            "SELECT 1e3",
            "SELECT 12345678901234567890",
            "SELECT 'it''s'",
            r"SELECT 'a\b'",
            "SELECT E'a'",
            "SELECT B'1'",
            "SELECT 'a' -- 'b'",
            "SELECT 'a' /* 'b' */",
            "SELECT $1",
            "SELECT $$a$$",
            "SELECT \"a\"",
            "SELECT 1; SELECT 2",
            "SELECT 'open",
            "SELECT x[1]",
            "SELECT 2147483647 + 1",
            "SELECT x WHERE seq = -1",
            "SELECT 2 * seq",
        ] {
            assert_eq!(Shape::of(text), None, "{text}");
        }
    }
}
