//! `regexp_replace` with Postgres' replacements (`\1`, `\&`, `\\`; a dollar is a dollar), and what
//! a regular expression has to be told to mean what it means in Postgres.

use super::bounded::{Room, too_long};
use super::own;
use super::simple::{arrays, undefined};
use crate::{Error, Fault};
use datafusion::arrow::array::{Array, AsArray, StringArray, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, Match, MatchKind};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A point stands for a line's end too.
const ANY_LETTER: &str = "(?s)";

/// Operators with a regular expression on their right side.
pub(super) fn matches(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::RegexMatch
            | Operator::RegexIMatch
            | Operator::RegexNotMatch
            | Operator::RegexNotIMatch
    )
}

/// The expression as Postgres means it.
pub(super) fn postgres_pattern(pattern: Expr) -> Expr {
    match pattern {
        Expr::Literal(ScalarValue::Utf8(Some(text)), metadata) => {
            let text = match text.starts_with(ANY_LETTER) {
                true => text,
                false => format!("{ANY_LETTER}{text}"),
            };
            Expr::Literal(ScalarValue::Utf8(Some(text)), metadata)
        }
        Expr::Literal(..) => pattern,
        other => Expr::BinaryExpr(BinaryExpr {
            left: Box::new(datafusion::logical_expr::lit(ANY_LETTER)),
            op: Operator::StringConcat,
            right: Box::new(other),
        }),
    }
}

pub(super) fn regexp_replace(pool: &Arc<dyn MemoryPool>) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(RegexpReplace { pool: Arc::clone(pool), signature })
}

#[derive(Debug)]
struct RegexpReplace {
    pool: Arc<dyn MemoryPool>,
    signature: Signature,
}

/// There is one pool.
impl PartialEq for RegexpReplace {
    fn eq(&self, other: &Self) -> bool {
        self.signature == other.signature
    }
}

impl Eq for RegexpReplace {}

impl Hash for RegexpReplace {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.signature.hash(state);
    }
}

impl ScalarUDFImpl for RegexpReplace {
    fn name(&self) -> &str {
        "regexp_replace"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let is_text = |each: &DataType| {
            matches!(
                each,
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null
            )
        };
        match types.len() {
            3 | 4 if types.iter().all(is_text) => Ok(vec![DataType::Utf8; types.len()]),
            5 | 6 => {
                Err(own(Error::unsupported("regexp_replace from a place on is not supported")))
            }
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let texts: Vec<&StringArray> = arrays.iter().map(|each| each.as_string::<i32>()).collect();
        let [text, pattern, replacement, flags @ ..] = texts.as_slice() else {
            return Err(undefined(self.name(), &[]));
        };
        let mut room = Room::new(self.name(), &self.pool);
        let mut compiled: Option<Compiled> = None;
        let mut replaced = StringBuilder::new();
        for row in 0..text.len() {
            if texts.iter().any(|each| each.is_null(row)) {
                replaced.append_null();
                continue;
            }
            let flags = flags.first().map_or("", |flags| flags.value(row));
            let pattern = pattern.value(row);
            if compiled.as_ref().is_none_or(|last| last.pattern != pattern || last.flags != flags) {
                compiled = Some(Compiled::new(pattern, flags)?);
            }
            if let Some(compiled) = &compiled {
                let value = compiled.replace(text.value(row), replacement.value(row), &mut room)?;
                replaced.append_value(value);
            }
        }
        super::simple::answer(Arc::new(replaced.finish()), constant)
    }
}

/// An expression with its flags. Neighbours mostly have the same.
struct Compiled {
    pattern: String,
    flags: String,
    is_global: bool,
    regex: Regex,
    /// Finds the longest match, which Postgres takes of alternatives.
    longest: Option<Regex>,
}

impl Compiled {
    fn new(pattern: &str, flags: &str) -> Result<Self> {
        let (mut is_global, mut is_insensitive) = (false, false);
        for flag in flags.chars() {
            match flag {
                'g' => is_global = true,
                'i' => is_insensitive = true,
                'c' => is_insensitive = false,
                's' => {}
                'b' | 'e' | 'm' | 'n' | 'p' | 'q' | 't' | 'w' | 'x' => {
                    let what = format!("regular expression option \"{flag}\" is not supported");
                    return Err(own(Error::unsupported(what)));
                }
                other => {
                    let message = format!("invalid regular expression option: \"{other}\"");
                    return Err(own(Error::new(Fault::InvalidParameterValue, message)));
                }
            }
        }
        let syntax =
            syntax::Config::new().case_insensitive(is_insensitive).dot_matches_new_line(true);
        let build = |kind: MatchKind| {
            let config = Regex::config().match_kind(kind);
            let built = Regex::builder().configure(config).syntax(syntax).build(pattern);
            built.map_err(|error| {
                let reason =
                    error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
                own(invalid_regex(&reason))
            })
        };
        let regex = build(MatchKind::LeftmostFirst)?;
        // Whatever is not to be greedy ends where it can.
        let is_lazy = ["*?", "+?", "??", "}?"].iter().any(|lazy| pattern.contains(lazy));
        let longest = match pattern.contains('|') && !is_lazy {
            true => Some(build(MatchKind::All)?),
            false => None,
        };
        let (pattern, flags) = (pattern.to_owned(), flags.to_owned());
        Ok(Compiled { pattern, flags, is_global, regex, longest })
    }

    /// Refuses a match that Postgres would have longer.
    fn check_longest(&self, text: &str, found: &Match) -> Result<()> {
        let Some(longest) = &self.longest else { return Ok(()) };
        let input = Input::new(text).range(found.start()..).anchored(Anchored::Yes);
        match longest.search(&input).is_some_and(|longest| longest.end() > found.end()) {
            true => Err(own(Error::unsupported(
                "a regular expression whose first alternative is not the longest is not supported",
            )
            .with_hint("Write the longest alternative first."))),
            false => Ok(()),
        }
    }

    /// As Postgres goes through a text: after an empty match one letter is stepped over.
    fn replace(&self, text: &str, replacement: &str, room: &mut Room) -> Result<String> {
        let mut out = String::new();
        let (mut copied, mut from) = (0, 0);
        let mut groups = self.regex.create_captures();
        while from <= text.len() {
            self.regex.search_captures(&Input::new(text).range(from..), &mut groups);
            let Some(found) = groups.get_match() else { break };
            self.check_longest(text, &found)?;
            out.push_str(&text[copied..found.start()]);
            expand(replacement, text, &groups, &mut out);
            if out.len() + text.len() - found.end() > super::bounded::VALUE_MAX {
                return Err(too_long());
            }
            copied = found.end();
            if !self.is_global {
                break;
            }
            from = match found.is_empty() {
                false => found.end(),
                true => found.end() + text[found.end()..].chars().next().map_or(1, char::len_utf8),
            };
            room.hold(out.len())?;
        }
        out.push_str(&text[copied..]);
        room.add(out.len())?;
        Ok(out)
    }
}

/// Appends the replacement of one match.
fn expand(replacement: &str, text: &str, groups: &Captures, out: &mut String) {
    let group = |number: usize, out: &mut String| {
        if let Some(span) = groups.get_group(number) {
            out.push_str(&text[span.range()]);
        }
    };
    let mut rest = replacement;
    while let Some((before, behind)) = rest.split_once('\\') {
        out.push_str(before);
        rest = behind;
        match behind.as_bytes().first() {
            Some(digit @ b'1'..=b'9') => group(usize::from(digit - b'0'), out),
            Some(b'&') => group(0, out),
            Some(b'\\') => out.push('\\'),
            // Anything else is as it is written.
            _ => {
                out.push('\\');
                continue;
            }
        }
        rest = &behind[1..];
    }
    out.push_str(rest);
}

/// What is wrong with an expression, by the message of the engine.
pub(crate) fn invalid_regex(message: &str) -> Error {
    let reason = message.lines().last().unwrap_or_default();
    let reason = reason.trim_start_matches("error: ");
    if reason.contains("look-around") || reason.contains("backreferences") {
        return Error::unsupported(format!("this regular expression is not supported: {reason}"));
    }
    let message = format!("invalid regular expression: {reason}");
    Error::new(Fault::InvalidRegularExpression, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::memory_pool::UnboundedMemoryPool;

    fn replaced(text: &str, pattern: &str, replacement: &str, flags: &str) -> String {
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let compiled = Compiled::new(pattern, flags).expect("an expression");
        compiled.replace(text, replacement, &mut Room::new("test", &pool)).expect("room")
    }

    #[test]
    fn replacements_are_those_of_postgres() {
        for (text, pattern, replacement, flags, expected) in [
            ("abc", "(b)", "[$1]", "", "a[$1]c"),
            ("cost", "c", "US$5 ", "", "US$5 ost"),
            ("abc", "(b)", "[\\1]", "", "a[b]c"),
            ("abc", "b", "<\\&>", "", "a<b>c"),
            ("abc", "b", "\\\\1\\x\\", "", "a\\1\\x\\c"),
            ("abcb", "b", "", "g", "ac"),
            ("aab", "a*", "-", "g", "--b-"),
            ("čau", "x*", "-", "g", "-č-a-u-"),
            ("aXbx", "x", "y", "gi", "ayby"),
            ("a\nb", "a.b", "c", "", "c"),
        ] {
            assert_eq!(replaced(text, pattern, replacement, flags), expected, "{pattern}");
        }
        assert_eq!(replaced("xabx", "ab|a", "-", ""), "x-x");
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        let first = Compiled::new("a|ab", "").expect("an expression");
        assert!(first.replace("xabx", "-", &mut Room::new("test", &pool)).is_err());
        assert!(Compiled::new("(", "").is_err() && Compiled::new("a", "z").is_err());
    }
}
