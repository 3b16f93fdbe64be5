//! Functions with regular expressions that DataFusion lacks, and the patterns of `SIMILAR TO`.

use super::own;
use super::typed::{Datum, Kind, Row, immutable, overload};
use crate::{Error, Fault, PgType};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use std::cell::RefCell;

type Answer = Result<Option<Datum<'static>>>;

pub(super) fn all() -> Vec<ScalarUDF> {
    use Kind::Text;
    vec![
        immutable(
            "regexp_split_to_array",
            &[
                overload(&[Text, Text], PgType::TextArray, |row| {
                    split(row.text(0), row.text(1), "")
                }),
                overload(&[Text, Text, Text], PgType::TextArray, |row| {
                    split(row.text(0), row.text(1), row.text(2))
                }),
            ],
        ),
        immutable(
            "substring_match",
            &[overload(&[Text, Text], PgType::Text, |row| first_match(row.text(0), row.text(1)))],
        ),
        immutable(
            "substring_similar",
            &[overload(&[Text, Text, Text], PgType::Text, similar_part)],
        ),
        immutable(
            "similar_pattern",
            &[overload(&[Text, Text], PgType::Text, |row| {
                Ok(Some(Datum::text(similar(row.text(0), escape(row.text(1))?))))
            })],
        ),
    ]
}

thread_local! {
    /// The last expression and what it was compiled to: all rows of a column mostly have one.
    static COMPILED: RefCell<Option<(String, Regex)>> = const { RefCell::new(None) };
}

/// Calls `with` with the compiled expression.
fn compiled<T>(pattern: &str, flags: &str, with: impl FnOnce(&Regex) -> T) -> Result<T> {
    let mut insensitive = false;
    for flag in flags.chars() {
        match flag {
            'i' => insensitive = true,
            'c' => insensitive = false,
            // Every match counts anyway.
            'g' => {}
            other => {
                let message =
                    format!("the option \"{other}\" of a regular expression is not supported");
                return Err(own(Error::unsupported(message)));
            }
        }
    }
    let key = format!("{insensitive}{pattern}");
    COMPILED.with_borrow_mut(|last| {
        if last.as_ref().is_none_or(|(known, _)| *known != key) {
            let syntax =
                syntax::Config::new().case_insensitive(insensitive).dot_matches_new_line(true);
            let regex =
                Regex::builder().syntax(syntax).build(pattern).map_err(|error| invalid(&error))?;
            *last = Some((key, regex));
        }
        let (_, regex) = last.as_ref().expect("it was compiled just now");
        Ok(with(regex))
    })
}

fn invalid(error: &regex_automata::meta::BuildError) -> DataFusionError {
    let reason = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
    let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    if reason.contains("look-around") || reason.contains("backreferences") {
        return own(Error::unsupported(format!(
            "this regular expression is not supported: {reason}"
        )));
    }
    own(Error::new(
        Fault::InvalidRegularExpression,
        format!("invalid regular expression: {reason}"),
    ))
}

fn split(text: &str, pattern: &str, flags: &str) -> Answer {
    let parts = compiled(pattern, flags, |regex| {
        let mut parts = Vec::new();
        let mut from = 0;
        for found in regex.find_iter(text) {
            // An empty match separates letters, and not where a part begins or the text ends.
            if found.is_empty() && (found.end() == from || found.start() >= text.len()) {
                continue;
            }
            parts.push(Some(text[from..found.start()].to_owned()));
            from = found.end();
        }
        parts.push(Some(text[from..].to_owned()));
        parts
    })?;
    Ok(Some(Datum::TextList(parts)))
}

/// What the first group of the first match holds, or the match if there is no group.
fn first_match(text: &str, pattern: &str) -> Answer {
    let found = compiled(pattern, "", |regex| {
        let mut groups = regex.create_captures();
        regex.captures(text, &mut groups);
        let wanted = usize::from(groups.group_len() > 1);
        groups.get_group(wanted).map(|span| text[span.range()].to_owned())
    })?;
    Ok(found.map(Datum::text))
}

fn escape(text: &str) -> Result<Option<char>> {
    let mut letters = text.chars();
    let escape = letters.next();
    match letters.next() {
        None => Ok(escape),
        Some(_) => Err(own(Error::new(Fault::InvalidEscapeSequence, "invalid escape string")
            .with_hint("Escape string must be empty or one character."))),
    }
}

/// A pattern of `SIMILAR TO` as a regular expression over the whole text.
fn similar(pattern: &str, escape: Option<char>) -> String {
    format!("^(?:{})$", body(pattern, escape))
}

fn body(pattern: &str, escape: Option<char>) -> String {
    let mut regular = String::new();
    let mut in_brackets = false;
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            letter if Some(letter) == escape => {
                regular.push_str(&letters.next().map(regex_literal).unwrap_or_default());
            }
            ']' if in_brackets => {
                in_brackets = false;
                regular.push(']');
            }
            '\\' => regular.push_str("\\\\"),
            letter if in_brackets => regular.push(letter),
            '[' => {
                in_brackets = true;
                regular.push('[');
            }
            '%' => regular.push_str(".*"),
            '_' => regular.push('.'),
            '(' => regular.push_str("(?:"),
            '.' | '^' | '$' => regular.push_str(&regex_literal(letter)),
            letter => regular.push(letter),
        }
    }
    regular
}

fn regex_literal(letter: char) -> String {
    if letter.is_alphanumeric() { letter.to_string() } else { format!("\\{letter}") }
}

/// `substring(text similar 'a#"b#"c' escape '#')`: the part between the marks.
fn similar_part(row: &Row<'_>) -> Answer {
    let escape = escape(row.text(2))?;
    let mark = escape.map(|escape| format!("{escape}\""));
    let parts: Vec<&str> = match &mark {
        Some(mark) => row.text(1).split(mark.as_str()).collect(),
        None => vec![row.text(1)],
    };
    let regular = match parts.as_slice() {
        [all] => format!("^({})$", body(all, escape)),
        [before, part, after] => format!(
            "^(?:{})({})(?:{})$",
            body(before, escape).replace(".*", ".*?"),
            body(part, escape).replace(".*", ".*?"),
            body(after, escape)
        ),
        _ => {
            let message = "SQL regular expression may not contain more than two escape-double-quote separators";
            return Err(own(Error::new(Fault::InvalidEscapeSequence, message)));
        }
    };
    first_match(row.text(0), &regular)
}
