//! The syntax of COPY: the option list of today, and the older `WITH CSV HEADER` that psql's
//! `\copy` sends on as it was typed.

use super::options::{
    ColumnList, CopyOptions, Header, WrittenOptions, check_encoding, once, piece_rows,
};
use crate::statement::Cursor;
use crate::{Error, Fault, Result};
use datafusion::sql::sqlparser::tokenizer::Token;

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
    /// Read by the wire, which knows the binary form of values.
    Binary,
}

impl CopyCommand {
    /// After COPY.
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let mut written = WrittenOptions::default();
        if cursor.take_word("binary") {
            written.format = Some(CopyFormat::Binary);
        }
        if cursor.peek() == Some(&Token::LParen) {
            return Err(copy_to());
        }
        let table = cursor.expect_dotted_name()?;
        let columns = match cursor.peek() {
            Some(Token::LParen) => column_list(cursor)?,
            _ => Vec::new(),
        };
        if cursor.take_word("to") {
            return Err(copy_to());
        }
        cursor.expect_word("from")?;
        if cursor.take_word("program") || cursor.take_string().is_some() {
            return Err(Error::unsupported("COPY from a file or program of the server")
                .with_hint("Use COPY … FROM STDIN, or psql's \\copy."));
        }
        cursor.expect_word("stdin")?;
        cursor.take_word("with");
        if cursor.take(&Token::LParen) {
            written.read_list(cursor)?;
        } else {
            written.read_old_style(cursor)?;
        }
        if cursor.take_word("where") {
            return Err(Error::unsupported("COPY … WHERE is not supported"));
        }
        cursor.expect_end()?;
        Ok(CopyCommand { table, columns, options: written.finish()? })
    }
}

fn copy_to() -> Error {
    Error::unsupported("COPY TO is not supported yet")
        .with_hint("Use SELECT; psql writes files with \\copy's relatives \\o and --csv.")
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
            "force_quote" => {
                Err(Error::unsupported("COPY force quote only available using COPY TO"))
            }
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
