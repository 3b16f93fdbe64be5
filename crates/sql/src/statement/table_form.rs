//! `TABLE t` and `FROM ONLY t` in the words that the parser knows: `SELECT * FROM t`, `FROM t`.
//!
//! On the tokens, before they are parsed: the parser loses what follows `TABLE t`, and takes ONLY
//! for a name. No table here has children, so ONLY changes nothing.

use datafusion::sql::sqlparser::dialect::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens with both forms written out.
pub(super) fn plain(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut plain: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut before: Option<Token> = None;
    for (index, token) in tokens.iter().enumerate() {
        let after = tokens[index + 1..].iter().find(|next| !is_space(&next.token));
        let names = after.is_some_and(|next| matches!(next.token, Token::Word(_)));
        let span = token.span;
        if names && is(&token.token, Keyword::TABLE) && begins_query(before.as_ref()) {
            let words = [Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")];
            plain.extend(words.map(|token| TokenWithSpan { token, span }));
        } else if !(names && is(&token.token, Keyword::ONLY) && begins_table(before.as_ref())) {
            plain.push(token.clone());
        }
        if !is_space(&token.token) {
            before = Some(token.token.clone());
        }
    }
    plain
}

fn is_space(token: &Token) -> bool {
    matches!(token, Token::Whitespace(_))
}

fn is(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.keyword == keyword && word.quote_style.is_none())
}

/// Whether a query may stand behind the token.
fn begins_query(before: Option<&Token>) -> bool {
    const WORDS: [Keyword; 8] = [
        Keyword::UNION,
        Keyword::EXCEPT,
        Keyword::INTERSECT,
        Keyword::ALL,
        Keyword::DISTINCT,
        Keyword::AS,
        Keyword::FOR,
        Keyword::EXPLAIN,
    ];
    match before {
        None | Some(Token::LParen) => true,
        Some(word) => WORDS.iter().any(|known| is(word, *known)),
    }
}

/// Whether a table may stand behind the token.
fn begins_table(before: Option<&Token>) -> bool {
    match before {
        Some(Token::Comma) => true,
        Some(word) => is(word, Keyword::FROM) || is(word, Keyword::JOIN),
        None => false,
    }
}
