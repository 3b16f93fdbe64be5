//! Functions of any number of arguments of any type: `concat`, `concat_ws`, `format`, and quoting.
//!
//! They look at NULL themselves.

use super::own;
use super::shown::texts;
use super::simple::{answer, arrays, undefined};
use crate::{Error, Fault};
use datafusion::arrow::array::{Array, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

type Texts<'a> = &'a [Option<&'a str>];
type Body = fn(Texts<'_>) -> Result<Option<String>>;

/// Name, how many arguments it needs and takes, and what it does with their texts.
const FUNCTIONS: [(&str, usize, usize, Body); 5] = [
    ("concat", 1, usize::MAX, |texts| Ok(Some(texts.iter().flatten().copied().collect()))),
    ("concat_ws", 1, usize::MAX, |texts| {
        let Some(separator) = texts[0] else { return Ok(None) };
        Ok(Some(texts[1..].iter().flatten().copied().collect::<Vec<_>>().join(separator)))
    }),
    ("format", 1, usize::MAX, format),
    ("quote_literal", 1, 1, |texts| Ok(texts[0].map(quoted))),
    ("quote_nullable", 1, 1, |texts| Ok(Some(texts[0].map_or_else(|| "NULL".to_owned(), quoted)))),
];

pub(super) fn all() -> Vec<ScalarUDF> {
    let function = |(name, least, most, body)| Variadic {
        name,
        least,
        most,
        body,
        signature: Signature::user_defined(Volatility::Immutable),
    };
    FUNCTIONS.into_iter().map(function).map(ScalarUDF::from).collect()
}

struct Variadic {
    name: &'static str,
    least: usize,
    most: usize,
    body: Body,
    signature: Signature,
}

impl std::fmt::Debug for Variadic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Variadic").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for Variadic {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Variadic {}

impl Hash for Variadic {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Variadic {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.least..=self.most).contains(&types.len()) {
            true => Ok(types.to_vec()),
            false => Err(undefined(self.name, types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = super::cast::session_zone(&args.config_options);
        let (arrays, constant) = arrays(&args)?;
        let columns = arrays.iter().map(|array| texts(array, zone)).collect::<Result<Vec<_>>>()?;
        let rows = columns.first().map_or(0, Array::len);
        let mut row_texts = Vec::with_capacity(columns.len());
        let answers = (0..rows)
            .map(|row| {
                row_texts.clear();
                row_texts
                    .extend(columns.iter().map(|each| each.is_valid(row).then(|| each.value(row))));
                (self.body)(&row_texts)
            })
            .collect::<Result<StringArray>>()?;
        answer(Arc::new(answers), constant)
    }
}

/// A text as a constant of SQL.
fn quoted(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    match text.contains('\\') {
        true => format!("E'{}'", doubled.replace('\\', "\\\\")),
        false => format!("'{doubled}'"),
    }
}

/// A text as a name of SQL, quoted where it has to be.
fn quoted_name(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && !crate::catalog::is_keyword(text);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

fn bad(message: impl Into<String>) -> datafusion::error::DataFusionError {
    own(Error::new(Fault::InvalidParameterValue, message))
}

/// `%1$-10s` behind its percent sign.
#[derive(Debug, Default)]
struct Specifier {
    position: Option<usize>,
    left: bool,
    width: i64,
}

/// The arguments of `format`, and which of them is next.
struct Arguments<'a> {
    texts: Texts<'a>,
    next: usize,
}

impl<'a> Arguments<'a> {
    fn take(&mut self, position: Option<usize>) -> Result<Option<&'a str>> {
        let at = position.unwrap_or(self.next);
        self.next = at + 1;
        let text = self.texts.get(at).copied();
        text.ok_or_else(|| bad("too few arguments for format()"))
    }
}

fn format(texts: Texts<'_>) -> Result<Option<String>> {
    let Some(pattern) = texts[0] else { return Ok(None) };
    let mut arguments = Arguments { texts, next: 1 };
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (specifier, after) = specifier(after, &mut arguments)?;
        let Some(kind) = after.chars().next() else {
            return Err(bad("unterminated format() type specifier"));
        };
        let value = arguments.take(specifier.position)?;
        let shown = match (kind, value) {
            ('s', value) => value.unwrap_or_default().to_owned(),
            ('L', value) => value.map_or_else(|| "NULL".to_owned(), quoted),
            ('I', Some(value)) => quoted_name(value),
            ('I', None) => {
                let message = "null values cannot be formatted as an SQL identifier";
                return Err(own(Error::new(Fault::NullValueNotAllowed, message)));
            }
            (other, _) => {
                let message = format!("unrecognized format() type specifier \"{other}\"");
                return Err(own(Error::new(Fault::InvalidParameterValue, message)
                    .with_hint("For a single \"%\" use \"%%\".")));
            }
        };
        let width = usize::try_from(specifier.width.unsigned_abs()).unwrap_or(0);
        match specifier.left || specifier.width < 0 {
            true => out.push_str(&format!("{shown:<width$}")),
            false => out.push_str(&format!("{shown:>width$}")),
        }
        rest = &after[kind.len_utf8()..];
    }
    out.push_str(rest);
    Ok(Some(out))
}

fn digits(text: &str) -> (Option<usize>, &str) {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    (text[..length].parse().ok(), &text[length..])
}

/// Position, flag and width, and what is behind them.
fn specifier<'a>(text: &'a str, arguments: &mut Arguments<'_>) -> Result<(Specifier, &'a str)> {
    let mut found = Specifier::default();
    let mut rest = text;
    if let (Some(position), after) = digits(rest)
        && let Some(after) = after.strip_prefix('$')
    {
        if position == 0 {
            return Err(bad("format specifies argument 0, but arguments are numbered from 1"));
        }
        found.position = Some(position);
        rest = after;
    }
    while let Some(after) = rest.strip_prefix('-') {
        found.left = true;
        rest = after;
    }
    if let Some(after) = rest.strip_prefix('*') {
        let (position, after) = match digits(after) {
            (Some(position), behind) => match behind.strip_prefix('$') {
                Some(behind) => (Some(position), behind),
                None => (None, after),
            },
            _ => (None, after),
        };
        let width = arguments.take(position)?.unwrap_or("0");
        found.width = width.parse().map_err(|_| {
            own(Error::new(
                Fault::InvalidTextRepresentation,
                format!("invalid input syntax for type integer: \"{width}\""),
            ))
        })?;
        return Ok((found, after));
    }
    let (width, after) = digits(rest);
    found.width = width.and_then(|width| i64::try_from(width).ok()).unwrap_or(0);
    const WIDEST: i64 = 1 << 20;
    if found.width > WIDEST {
        return Err(own(Error::new(
            Fault::ProgramLimitExceeded,
            "a width of format() is too large",
        )));
    }
    Ok((found, after))
}
