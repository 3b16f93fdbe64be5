//! The bound on how deep a statement may nest.
//!
//! sqlparser bounds its own recursion, but it reads `a OR b OR c …` in a loop into a tree as deep
//! as the chain is long; whoever walks or drops that tree recurses. So chains are counted before.

use crate::{Error, Fault, Result};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

const DEPTH_MAX: usize = 1_000;

/// Arithmetic checks, and finds the type of every step anew from all steps below: the work of
/// planning a chain grows with its third power.
const ARITHMETIC_MAX: usize = 100;

/// `BETWEEN SYMMETRIC` is written out, with its bounds twice.
const SYMMETRIC_MAX: usize = 10;

/// Counts operators between commas, summed over the parentheses that are open: the depth of the
/// tree can be no more than that (and what sqlparser's own limit allows).
pub(super) fn check(tokens: &[TokenWithSpan]) -> Result<()> {
    if tokens.iter().filter(|token| is_symmetric(&token.token)).count() > SYMMETRIC_MAX {
        return Err(too_deep());
    }
    check_arithmetic(tokens)?;
    let mut open: Vec<usize> = Vec::new();
    let mut depth = 0;
    // Depth of everything outside the innermost parenthesis.
    let mut base = 0;
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket => {
                open.push(base);
                depth += 1;
                base = depth;
            }
            Token::RParen | Token::RBracket => {
                // What is inside stays below one node of the chain outside.
                depth = base;
                base = open.pop().unwrap_or(0);
            }
            Token::Comma => depth = base,
            Token::Word(word) if word.quote_style.is_none() => {
                depth += usize::from(chains(word.keyword));
            }
            Token::Word(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::Placeholder(_)
            | Token::Whitespace(_)
            | Token::Period => {}
            _ => depth += 1,
        }
        if depth > DEPTH_MAX {
            return Err(too_deep());
        }
    }
    Ok(())
}

/// Counts arithmetic in a row, with that outside of the parentheses that are open.
fn check_arithmetic(tokens: &[TokenWithSpan]) -> Result<()> {
    let mut open: Vec<usize> = Vec::new();
    let (mut depth, mut base) = (0, 0);
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket => {
                open.push(base);
                base = depth;
            }
            Token::RParen | Token::RBracket => {
                depth = base;
                base = open.pop().unwrap_or(0);
            }
            Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod => depth += 1,
            token if ends_arithmetic(token) => depth = base,
            _ => {}
        }
        if depth > ARITHMETIC_MAX {
            let message = format!("more than {ARITHMETIC_MAX} arithmetic operators in a row");
            return Err(Error::new(Fault::ProgramLimitExceeded, message)
                .with_hint("Compute parts of it in a subquery, or sum rows of VALUES."));
        }
    }
    Ok(())
}

/// Whether the token stands between expressions, or between what is computed and compared.
fn ends_arithmetic(token: &Token) -> bool {
    match token {
        Token::Comma
        | Token::Eq
        | Token::Neq
        | Token::Lt
        | Token::Gt
        | Token::LtEq
        | Token::GtEq => true,
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::SELECT
                | Keyword::FROM
                | Keyword::WHERE
                | Keyword::ON
                | Keyword::BY
                | Keyword::HAVING
                | Keyword::WHEN
                | Keyword::THEN
                | Keyword::ELSE
                | Keyword::UNION
        ),
        _ => false,
    }
}

fn is_symmetric(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.keyword == Keyword::SYMMETRIC)
}

fn chains(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::AND
            | Keyword::OR
            | Keyword::NOT
            | Keyword::UNION
            | Keyword::INTERSECT
            | Keyword::EXCEPT
            | Keyword::IS
            | Keyword::IN
            | Keyword::BETWEEN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::AT
            | Keyword::COLLATE
    )
}

pub(super) fn too_deep() -> Error {
    Error::new(Fault::ProgramLimitExceeded, "the statement is nested too deeply").with_hint(
        format!(
            "At most {DEPTH_MAX} operators may be chained. Use IN (…) or = ANY(…) instead of a \
             long chain of OR."
        ),
    )
}
