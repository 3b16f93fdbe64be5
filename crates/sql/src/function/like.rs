//! `LIKE … ESCAPE '/'`: the pattern as it reads with the backslash for its escape.

use super::simple::{answer, arrays, undefined};
use crate::{Error, Fault};
use datafusion::arrow::array::{AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

pub(super) fn like_pattern() -> ScalarUDF {
    ScalarUDF::from(LikePattern { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LikePattern {
    signature: Signature,
}

impl ScalarUDFImpl for LikePattern {
    fn name(&self) -> &str {
        "like_pattern"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_, _] => Ok(vec![DataType::Utf8, DataType::Utf8]),
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [patterns, escapes] = arrays.as_slice() else {
            return Err(undefined(self.name(), &[]));
        };
        let patterns = patterns
            .as_string::<i32>()
            .iter()
            .zip(escapes.as_string::<i32>())
            .map(|(pattern, escape)| match (pattern, escape) {
                (Some(pattern), Some(escape)) => with_backslash(pattern, escape).map(Some),
                _ => Ok(None),
            })
            .collect::<Result<StringArray>>()?;
        answer(Arc::new(patterns), constant)
    }
}

fn with_backslash(pattern: &str, escape: &str) -> Result<String> {
    let mut letters = escape.chars();
    let escape = letters.next();
    if letters.next().is_some() {
        return Err(super::own(
            Error::new(Fault::InvalidEscapeSequence, "invalid escape string")
                .with_hint("Escape string must be empty or one character."),
        ));
    }
    let mut plain = String::with_capacity(pattern.len());
    let mut rest = pattern.chars();
    while let Some(letter) = rest.next() {
        if Some(letter) == escape {
            plain.push('\\');
            plain.extend(rest.next());
        } else if letter == '\\' {
            plain.push_str("\\\\");
        } else {
            plain.push(letter);
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::with_backslash;

    #[test]
    fn a_pattern_keeps_its_meaning_under_another_escape() {
        for (pattern, escape, plain) in [
            ("pg/_%", "/", r"pg\_%"),
            ("100#%", "#", r"100\%"),
            ("a##b", "#", r"a\#b"),
            (r"c:\x", "/", r"c:\\x"),
            ("plain%", "", "plain%"),
        ] {
            assert_eq!(with_backslash(pattern, escape).ok().as_deref(), Some(plain), "{pattern}");
        }
        assert!(with_backslash("x", "ab").is_err());
    }
}
