//! What the lexer of Postgres 15 refuses and the tokenizer takes, or reads as something else.

use super::cursor::{byte_offset, character_position, syntax_error_at};
use crate::{Error, Fault, Result};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

pub(super) fn check(text: &str, tokens: &[TokenWithSpan]) -> Result<()> {
    for token in tokens {
        match &token.token {
            Token::DoubleEq => {
                let at = character_position(text, byte_offset(text, token.span.start));
                let message = "operator does not exist: ==";
                return Err(Error::new(Fault::UndefinedFunction, message)
                    .with_hint("Equality is =.")
                    .at_position(at));
            }
            Token::HexStringLiteral(_) if written(text, token).starts_with('0') => {
                return Err(junk(text, token, token));
            }
            Token::HexStringLiteral(_) | Token::SingleQuotedByteStringLiteral(_) => {
                return Err(Error::unsupported("bit strings are not supported"));
            }
            Token::Number(digits, _) if digits.contains('_') => {
                return Err(junk(text, token, token));
            }
            _ => {}
        }
    }
    let visible = || tokens.iter().filter(|each| !matches!(each.token, Token::Whitespace(_)));
    for (token, next) in visible().zip(visible().skip(1)) {
        match (&token.token, &next.token) {
            (Token::Number(..), Token::Word(_)) if token.span.end == next.span.start => {
                return Err(junk(text, token, next));
            }
            (
                Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_),
                Token::SingleQuotedString(_),
            ) => {
                // Postgres joins them if they are on different lines.
                return Err(match token.span.end.line == next.span.start.line {
                    true => syntax_error_at(text, next),
                    false => Error::unsupported("a string over several lines is not supported")
                        .with_hint("Put the parts together with ||."),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn written<'a>(text: &'a str, token: &TokenWithSpan) -> &'a str {
    let (start, end) = (byte_offset(text, token.span.start), byte_offset(text, token.span.end));
    text.get(start..end).unwrap_or_default()
}

fn junk(text: &str, first: &TokenWithSpan, last: &TokenWithSpan) -> Error {
    let (start, end) = (byte_offset(text, first.span.start), byte_offset(text, last.span.end));
    let near = text.get(start..end).unwrap_or_default();
    let message = format!("trailing junk after numeric literal at or near \"{near}\"");
    Error::new(Fault::SyntaxError, message).at_position(character_position(text, start))
}
