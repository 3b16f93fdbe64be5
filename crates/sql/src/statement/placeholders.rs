//! Parameters in a text: `$1` to `$65535`, as many as a message can bind.

use super::cursor::{byte_offset, character_position, syntax_error_at};
use crate::{Error, Fault, Result};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// The most parameters the protocol can number.
pub(crate) const PARAMETERS_MAX: usize = 65_535;

/// Refuses placeholders that no client can bind, before anybody makes room for them.
pub(super) fn check(text: &str, tokens: &[TokenWithSpan]) -> Result<()> {
    for token in tokens {
        let Token::Placeholder(name) = &token.token else { continue };
        let digits = name.strip_prefix('$').filter(|digits| is_number(digits));
        let Some(digits) = digits else { return Err(syntax_error_at(text, token)) };
        let number = digits.parse::<usize>().ok();
        if number.is_none_or(|number| !(1..=PARAMETERS_MAX).contains(&number)) {
            let start = byte_offset(text, token.span.start);
            let message = format!("there is no parameter {name}");
            return Err(Error::new(Fault::UndefinedParameter, message)
                .at_position(character_position(text, start)));
        }
    }
    Ok(())
}

fn is_number(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
}
