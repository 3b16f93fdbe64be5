//! Reading the tokens of one statement, for the commands that sqlparser does not read the way
//! Postgres does, and saying where a syntax error is.

use crate::{Error, Fault, Result};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

/// A position in the tokens of one statement; white space and comments are not among them.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    tokens: Vec<&'a TokenWithSpan>,
    next: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, tokens: &'a [TokenWithSpan]) -> Self {
        let tokens =
            tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
        Cursor { text, tokens, next: 0 }
    }

    pub(crate) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.next).map(|token| &token.token)
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.next >= self.tokens.len()
    }

    /// Whether the next token is the last.
    pub(crate) fn is_last(&self) -> bool {
        self.next + 1 == self.tokens.len()
    }

    pub(crate) fn skip(&mut self) {
        self.next += 1;
    }

    /// The next token if it is a word without quotes.
    pub(crate) fn peek_word(&self) -> Option<&'a str> {
        match self.peek() {
            Some(Token::Word(word)) if word.quote_style.is_none() => Some(&word.value),
            _ => None,
        }
    }

    /// Steps over `keyword` if it is next.
    pub(crate) fn take_word(&mut self, keyword: &str) -> bool {
        let found = self.peek_word().is_some_and(|word| word.eq_ignore_ascii_case(keyword));
        if found {
            self.skip();
        }
        found
    }

    /// Steps over all of `keywords` if they are next, over none otherwise.
    pub(crate) fn take_words(&mut self, keywords: &[&str]) -> bool {
        let start = self.next;
        let found = keywords.iter().all(|keyword| self.take_word(keyword));
        if !found {
            self.next = start;
        }
        found
    }

    pub(crate) fn expect_word(&mut self, keyword: &str) -> Result<()> {
        if self.take_word(keyword) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(crate) fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.skip();
        }
        found
    }

    pub(crate) fn expect(&mut self, token: &Token) -> Result<()> {
        if self.take(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(crate) fn expect_end(&self) -> Result<()> {
        if self.is_at_end() { Ok(()) } else { Err(self.unexpected()) }
    }

    /// A name: as it is in double quotes, else in lower case.
    pub(crate) fn take_name(&mut self) -> Option<String> {
        let Some(Token::Word(word)) = self.peek() else { return None };
        self.skip();
        Some(match word.quote_style {
            Some(_) => word.value.clone(),
            None => word.value.to_lowercase(),
        })
    }

    pub(crate) fn expect_name(&mut self) -> Result<String> {
        self.take_name().ok_or_else(|| self.unexpected())
    }

    /// Names with dots between them.
    pub(crate) fn expect_dotted_name(&mut self) -> Result<Vec<String>> {
        let mut parts = vec![self.expect_name()?];
        while self.take(&Token::Period) {
            parts.push(self.expect_name()?);
        }
        Ok(parts)
    }

    pub(crate) fn take_string(&mut self) -> Option<String> {
        let text = match self.peek()? {
            Token::SingleQuotedString(text)
            | Token::EscapedStringLiteral(text)
            | Token::UnicodeStringLiteral(text)
            | Token::NationalStringLiteral(text) => text.clone(),
            Token::DollarQuotedString(quoted) => quoted.value.clone(),
            _ => return None,
        };
        self.skip();
        Some(text)
    }

    pub(crate) fn expect_string(&mut self) -> Result<String> {
        self.take_string().ok_or_else(|| self.unexpected())
    }

    /// What is not read yet, of the tokens that this was made of.
    pub(crate) fn rest(&self, tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
        match self.tokens.get(self.next) {
            Some(next) => tokens.iter().skip_while(|token| token != next).cloned().collect(),
            None => Vec::new(),
        }
    }

    /// Steps over `( … )`; gives what is inside.
    pub(crate) fn take_parentheses(
        &mut self,
        tokens: &[TokenWithSpan],
    ) -> Result<Vec<TokenWithSpan>> {
        self.expect(&Token::LParen)?;
        let inside = self.rest(tokens);
        let mut depth = 1usize;
        for (length, token) in inside.iter().enumerate() {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            if !matches!(token.token, Token::Whitespace(_)) {
                self.skip();
            }
            if depth == 0 {
                return Ok(inside[..length].to_vec());
            }
        }
        Err(self.unexpected())
    }

    /// `syntax error at or near` the next token.
    pub(crate) fn unexpected(&self) -> Error {
        match self.tokens.get(self.next) {
            Some(token) => syntax_error_at(self.text, token),
            None => syntax_error_at_end(self.text),
        }
    }
}

pub(crate) fn syntax_error_at_end(text: &str) -> Error {
    Error::new(Fault::SyntaxError, "syntax error at end of input")
        .at_position(text.chars().count() + 1)
}

pub(crate) fn syntax_error_at(text: &str, token: &TokenWithSpan) -> Error {
    if matches!(token.token, Token::EOF) {
        return syntax_error_at_end(text);
    }
    let start = byte_offset(text, token.span.start);
    let end = byte_offset(text, token.span.end).max(start);
    let near = text.get(start..end).filter(|near| !near.is_empty());
    let near = near.map_or_else(|| token.token.to_string(), str::to_owned);
    if near.eq_ignore_ascii_case("exclude") {
        return Error::unsupported("EXCLUDE in the frame of a window is not supported")
            .at_position(character_position(text, start));
    }
    Error::new(Fault::SyntaxError, format!("syntax error at or near \"{near}\""))
        .at_position(character_position(text, start))
}

/// Where a line and a column of the tokenizer are in the text. Columns count characters.
pub(crate) fn byte_offset(text: &str, location: Location) -> usize {
    let lines_before = usize::try_from(location.line).unwrap_or(0).saturating_sub(1);
    let line_start = match lines_before {
        0 => 0,
        n => text.match_indices('\n').nth(n - 1).map_or(text.len(), |(at, _)| at + 1),
    };
    let columns_before = usize::try_from(location.column).unwrap_or(0).saturating_sub(1);
    text[line_start..]
        .char_indices()
        .nth(columns_before)
        .map_or(text.len(), |(at, _)| line_start + at)
}

/// The position as error messages have it: in characters, from 1.
pub(crate) fn character_position(text: &str, byte_offset: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte_offset).count() + 1
}
