//! INSERT in the forms that sqlparser reads differently: with a WITH before it, with OVERRIDING.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// `WITH … INSERT …` is an INSERT whose source has the WITH; gives the query back if it is none.
pub(super) fn of_with(mut query: Box<ast::Query>) -> Result<ast::Insert, Box<ast::Query>> {
    let is_insert = match query.body.as_ref() {
        ast::SetExpr::Insert(ast::Statement::Insert(insert)) => insert.source.is_some(),
        _ => false,
    };
    let is_plain =
        query.order_by.is_none() && query.limit_clause.is_none() && query.fetch.is_none();
    if !(is_insert && is_plain) {
        return Err(query);
    }
    let with = query.with.take();
    let mut insert = match *query.body {
        ast::SetExpr::Insert(ast::Statement::Insert(insert)) => insert,
        other => return Err(Box::new(ast::Query { with, body: Box::new(other), ..*query })),
    };
    if let (Some(source), Some(mut with)) = (insert.source.as_mut(), with) {
        if let Some(own) = source.with.take() {
            with.recursive |= own.recursive;
            with.cte_tables.extend(own.cte_tables);
        }
        source.with = Some(with);
    }
    Ok(insert)
}

/// Leaves out `OVERRIDING … VALUE`: it is about identity columns, and no table has one.
pub(super) fn without_overriding(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let words: Vec<(usize, String)> = tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| !matches!(token.token, Token::Whitespace(_)))
        .map(|(place, token)| match &token.token {
            Token::Word(word) if word.quote_style.is_none() => {
                (place, word.value.to_ascii_lowercase())
            }
            _ => (place, String::new()),
        })
        .collect();
    let found = words.windows(3).find(|words| {
        words[0].1 == "overriding"
            && matches!(words[1].1.as_str(), "system" | "user")
            && words[2].1 == "value"
    });
    let Some([(first, _), .., (last, _)]) = found else { return tokens };
    let (first, last) = (*first, *last);
    let numbered = tokens.into_iter().enumerate();
    numbered.filter(|(place, _)| !(first..=last).contains(place)).map(|(_, token)| token).collect()
}
