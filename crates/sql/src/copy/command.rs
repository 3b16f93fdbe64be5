//! The syntax of COPY: the option list of today, and the older `WITH CSV HEADER` that psql's
//! `\copy` sends on as it was typed.

use super::options::{
    ColumnList, CopyDirection, CopyOptions, Header, WrittenOptions, check_encoding, once,
    piece_rows,
};
use super::out::{CopySource, CopyToCommand};
use crate::statement::{Body, Cursor};
use crate::{Error, Fault, Result};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use std::sync::Arc;

/// `COPY table (columns) FROM STDIN …`, read but not looked up.
#[derive(Debug, Clone)]
pub(crate) struct CopyCommand {
    pub(super) table: Vec<String>,
    pub(super) columns: Vec<String>,
    pub(super) options: CopyOptions,
}

/// How the data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    Text,
    Csv,
    /// Read and written by the wire, which knows the binary form of values.
    Binary,
}

/// After COPY. The query of `COPY (query)` is read by `parse_query`.
pub(crate) fn parse_copy(
    cursor: &mut Cursor<'_>,
    tokens: &[TokenWithSpan],
    parse_query: impl FnOnce(Vec<TokenWithSpan>) -> Result<Body>,
) -> Result<Body> {
    let mut written = WrittenOptions::default();
    if cursor.peek() == Some(&Token::LParen) {
        let query = match parse_query(cursor.take_parentheses(tokens)?)? {
            Body::Query(query) if matches!(*query, ast::Statement::Query(_)) => query,
            Body::Unsupported(error) => return Err(error),
            _ => return Err(Error::unsupported("COPY of a statement that is not a query")),
        };
        cursor.expect_word("to")?;
        return finish_to(cursor, CopySource::Query(query), written);
    }
    if cursor.take_word("binary") {
        written.format = Some(CopyFormat::Binary);
    }
    let name = cursor.expect_dotted_name()?;
    let columns = match cursor.peek() {
        Some(Token::LParen) => column_list(cursor)?,
        _ => Vec::new(),
    };
    if cursor.take_word("to") {
        return finish_to(cursor, CopySource::Table { name, columns }, written);
    }
    cursor.expect_word("from")?;
    expect_client(cursor, "from", "FROM STDIN")?;
    written.read(cursor)?;
    if cursor.take_word("where") {
        return Err(Error::unsupported("COPY … WHERE is not supported"));
    }
    cursor.expect_end()?;
    let options = written.finish(CopyDirection::From)?;
    Ok(Body::Copy(Arc::new(CopyCommand { table: name, columns, options })))
}

fn finish_to(
    cursor: &mut Cursor<'_>,
    source: CopySource,
    mut written: WrittenOptions,
) -> Result<Body> {
    expect_client(cursor, "to", "TO STDOUT")?;
    written.read(cursor)?;
    cursor.expect_end()?;
    let options = written.finish(CopyDirection::To)?;
    Ok(Body::CopyTo(Arc::new(CopyToCommand { source, options })))
}

/// STDIN or STDOUT: Postgres takes either word for either direction.
fn expect_client(cursor: &mut Cursor<'_>, preposition: &str, form: &str) -> Result<()> {
    if cursor.take_word("program") || cursor.take_string().is_some() {
        return Err(Error::unsupported(format!(
            "COPY {preposition} a file or program of the server"
        ))
        .with_hint(format!("Use COPY … {form}, or psql's \\copy.")));
    }
    if cursor.take_word("stdin") || cursor.take_word("stdout") {
        return Ok(());
    }
    Err(cursor.unexpected())
}

fn column_list(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    cursor.expect(&Token::LParen)?;
    let mut columns = vec![cursor.expect_name()?];
    while cursor.take(&Token::Comma) {
        columns.push(cursor.expect_name()?);
    }
    cursor.expect(&Token::RParen)?;
    Ok(columns)
}

impl WrittenOptions {
    /// The options in either form, or none.
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        cursor.take_word("with");
        if cursor.take(&Token::LParen) {
            self.read_list(cursor)
        } else {
            self.read_old_style(cursor)
        }
    }

    /// `(FORMAT csv, HEADER, …)`, after the parenthesis.
    fn read_list(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        loop {
            self.read_option(cursor)?;
            if !cursor.take(&Token::Comma) {
                return cursor.expect(&Token::RParen);
            }
        }
    }

    fn read_option(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        let name = cursor.expect_name()?;
        match name.as_str() {
            "format" => {
                let format = word_or_string(cursor)?;
                once(&mut self.format, parse_format(&format)?)
            }
            "delimiter" => once(&mut self.delimiter, cursor.expect_string()?),
            "null" => once(&mut self.null, cursor.expect_string()?),
            "quote" => once(&mut self.quote, cursor.expect_string()?),
            "escape" => once(&mut self.escape, cursor.expect_string()?),
            "header" => once(&mut self.header, parse_header(cursor)?),
            "force_not_null" => {
                once(&mut self.force_not_null, listed_columns(cursor, "force_not_null")?)
            }
            "force_null" => once(&mut self.force_null, listed_columns(cursor, "force_null")?),
            "encoding" => check_encoding(&cursor.expect_string()?),
            // A promise about visibility in the same transaction: everything is visible at once.
            "freeze" => parse_header(cursor).map(|_| ()),
            "force_quote" => once(&mut self.force_quote, quoted_columns(cursor)?),
            "default" => Err(Error::unsupported("COPY … DEFAULT is not supported")
                .with_hint("Leave the column out of the list: its default holds.")),
            "commit_every" => {
                let rows = piece_rows(&number_or_string(cursor)?)?;
                once(&mut self.commit_every, rows)
            }
            _ => Err(Error::new(Fault::SyntaxError, format!("option \"{name}\" not recognized"))),
        }
    }

    /// `CSV HEADER DELIMITER ';' …`
    fn read_old_style(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        loop {
            if cursor.take_word("binary") {
                once(&mut self.format, CopyFormat::Binary)?;
            } else if cursor.take_word("csv") {
                once(&mut self.format, CopyFormat::Csv)?;
            } else if cursor.take_word("header") {
                once(&mut self.header, Header::Skip)?;
            } else if cursor.take_word("delimiter") || cursor.take_word("delimiters") {
                once(&mut self.delimiter, string_after_as(cursor)?)?;
            } else if cursor.take_word("null") {
                once(&mut self.null, string_after_as(cursor)?)?;
            } else if cursor.take_word("quote") {
                once(&mut self.quote, string_after_as(cursor)?)?;
            } else if cursor.take_word("escape") {
                once(&mut self.escape, string_after_as(cursor)?)?;
            } else if cursor.take_words(&["force", "quote"]) {
                once(&mut self.force_quote, bare_columns(cursor)?)?;
            } else if cursor.take_words(&["force", "not", "null"]) {
                once(&mut self.force_not_null, bare_columns(cursor)?)?;
            } else if cursor.take_words(&["force", "null"]) {
                once(&mut self.force_null, bare_columns(cursor)?)?;
            } else if cursor.take_word("encoding") {
                check_encoding(&cursor.expect_string()?)?;
            } else if !cursor.take_word("freeze") {
                return Ok(());
            }
        }
    }
}

fn parse_format(format: &str) -> Result<CopyFormat> {
    match format {
        "text" => Ok(CopyFormat::Text),
        "csv" => Ok(CopyFormat::Csv),
        "binary" => Ok(CopyFormat::Binary),
        _ => Err(Error::new(
            Fault::InvalidParameterValue,
            format!("COPY format \"{format}\" not recognized"),
        )),
    }
}

/// What may follow HEADER: nothing, a boolean, or MATCH.
fn parse_header(cursor: &mut Cursor<'_>) -> Result<Header> {
    let word = match cursor.peek() {
        None | Some(Token::Comma | Token::RParen) => return Ok(Header::Skip),
        Some(Token::Number(..)) => number_or_string(cursor)?,
        Some(_) => word_or_string(cursor)?,
    };
    match word.as_str() {
        "true" | "on" | "1" => Ok(Header::Skip),
        "false" | "off" | "0" => Ok(Header::None),
        "match" => Ok(Header::Match),
        _ => Err(Error::new(Fault::SyntaxError, "header requires a Boolean value or \"match\"")),
    }
}

fn word_or_string(cursor: &mut Cursor<'_>) -> Result<String> {
    let word = match cursor.take_string() {
        Some(text) => text,
        None => cursor.expect_name()?,
    };
    Ok(word.to_lowercase())
}

fn string_after_as(cursor: &mut Cursor<'_>) -> Result<String> {
    cursor.take_word("as");
    cursor.expect_string()
}

fn listed_columns(cursor: &mut Cursor<'_>, option: &str) -> Result<ColumnList> {
    if cursor.take(&Token::Mul) {
        return Err(Error::new(
            Fault::InvalidParameterValue,
            format!("argument to option \"{option}\" must be a list of column names"),
        ));
    }
    column_list(cursor).map(ColumnList::Named)
}

/// A list of columns in parentheses, or `*` for all.
fn quoted_columns(cursor: &mut Cursor<'_>) -> Result<ColumnList> {
    if cursor.take(&Token::Mul) {
        return Ok(ColumnList::All);
    }
    column_list(cursor).map(ColumnList::Named)
}

fn number_or_string(cursor: &mut Cursor<'_>) -> Result<String> {
    match cursor.peek() {
        Some(Token::Number(digits, _)) => {
            cursor.skip();
            Ok(digits.clone())
        }
        _ => cursor.expect_string(),
    }
}

fn bare_columns(cursor: &mut Cursor<'_>) -> Result<ColumnList> {
    if cursor.take(&Token::Mul) {
        return Ok(ColumnList::All);
    }
    let mut columns = vec![cursor.expect_name()?];
    while cursor.take(&Token::Comma) {
        columns.push(cursor.expect_name()?);
    }
    Ok(ColumnList::Named(columns))
}
