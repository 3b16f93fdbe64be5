//! The syntax of COPY: the option list of today, and the older `WITH CSV HEADER` that psql's
//! `\copy` sends on as it was typed.

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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    None,
    Skip,
    /// Its names must be the columns', in order.
    Match,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ColumnList {
    All,
    Named(Vec<String>),
}

#[derive(Debug, Clone)]
pub(super) struct CopyOptions {
    pub(super) format: CopyFormat,
    pub(super) delimiter: u8,
    pub(super) null: String,
    pub(super) header: Header,
    pub(super) quote: u8,
    pub(super) escape: u8,
    pub(super) force_not_null: ColumnList,
    pub(super) force_null: ColumnList,
}

/// What was written; defaults depend on the format, which may come last.
#[derive(Debug, Default)]
struct Written {
    format: Option<CopyFormat>,
    delimiter: Option<String>,
    null: Option<String>,
    header: Option<Header>,
    quote: Option<String>,
    escape: Option<String>,
    force_not_null: Option<ColumnList>,
    force_null: Option<ColumnList>,
}

impl CopyCommand {
    /// After COPY.
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        if cursor.take_word("binary") {
            return Err(binary());
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
        let mut written = Written::default();
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

fn binary() -> Error {
    Error::unsupported("COPY in binary format is not supported yet")
        .with_hint("Use FORMAT csv or FORMAT text.")
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

fn once<T>(place: &mut Option<T>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(Fault::SyntaxError, "conflicting or redundant options")),
    }
}

impl Written {
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
            "force_not_null" => once(&mut self.force_not_null, star_or_columns(cursor)?),
            "force_null" => once(&mut self.force_null, star_or_columns(cursor)?),
            "encoding" => check_encoding(&cursor.expect_string()?),
            // A promise about visibility in the same transaction: everything is visible at once.
            "freeze" => parse_header(cursor).map(|_| ()),
            "force_quote" => Err(Error::unsupported("FORCE_QUOTE is for COPY TO")),
            "commit_every" => Err(Error::unsupported("commit_every is not supported yet")
                .with_hint("Load large files in several COPYs.")),
            _ => Err(Error::new(Fault::SyntaxError, format!("option \"{name}\" not recognized"))),
        }
    }

    /// `CSV HEADER DELIMITER ';' …`
    fn read_old_style(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        loop {
            if cursor.take_word("binary") {
                return Err(binary());
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

    fn finish(self) -> Result<CopyOptions> {
        let format = self.format.unwrap_or(CopyFormat::Text);
        if format == CopyFormat::Text {
            let csv_only = [
                ("quote", self.quote.is_some()),
                ("escape", self.escape.is_some()),
                ("FORCE_NOT_NULL", self.force_not_null.is_some()),
                ("FORCE_NULL", self.force_null.is_some()),
            ];
            if let Some((name, _)) = csv_only.iter().find(|(_, given)| *given) {
                return Err(Error::unsupported(format!("COPY {name} available only in CSV mode")));
            }
        }
        let (delimiter, null) = match format {
            CopyFormat::Text => (b'\t', "\\N"),
            CopyFormat::Csv => (b',', ""),
        };
        let quote = one_byte("quote", self.quote.as_deref(), b'"')?;
        let options = CopyOptions {
            format,
            delimiter: one_byte("delimiter", self.delimiter.as_deref(), delimiter)?,
            null: self.null.unwrap_or_else(|| null.to_owned()),
            header: self.header.unwrap_or(Header::None),
            quote,
            escape: one_byte("escape", self.escape.as_deref(), quote)?,
            force_not_null: self.force_not_null.unwrap_or(ColumnList::Named(Vec::new())),
            force_null: self.force_null.unwrap_or(ColumnList::Named(Vec::new())),
        };
        options.check()?;
        Ok(options)
    }
}

impl CopyOptions {
    /// Combinations in which the data could not be told from its frame.
    fn check(&self) -> Result<()> {
        let invalid = |message: &str| Err(Error::new(Fault::InvalidParameterValue, message));
        if self.null.contains(['\n', '\r']) {
            return invalid("COPY null representation cannot use newline or carriage return");
        }
        let in_null = |byte: u8| self.null.as_bytes().contains(&byte);
        if in_null(self.delimiter) {
            return invalid("COPY delimiter must not appear in the NULL specification");
        }
        match self.format {
            CopyFormat::Text => {
                // These would be read as escapes or as the end of the data.
                let taken = b"\\.abcdefghijklmnopqrstuvwxyz0123456789";
                if taken.contains(&self.delimiter) {
                    return invalid("this COPY delimiter cannot be used in text format");
                }
            }
            CopyFormat::Csv => {
                if self.quote == self.delimiter {
                    return invalid("COPY delimiter and quote must be different");
                }
                if in_null(self.quote) {
                    return invalid(
                        "CSV quote character must not appear in the NULL specification",
                    );
                }
            }
        }
        Ok(())
    }
}

fn one_byte(name: &str, written: Option<&str>, default: u8) -> Result<u8> {
    match written.map(str::as_bytes) {
        None => Ok(default),
        Some([byte]) if !matches!(byte, b'\n' | b'\r' | 0) && byte.is_ascii() => Ok(*byte),
        Some(_) => Err(Error::new(
            Fault::InvalidParameterValue,
            format!("COPY {name} must be a single one-byte character, not a line break"),
        )),
    }
}

fn parse_format(format: &str) -> Result<CopyFormat> {
    match format {
        "text" => Ok(CopyFormat::Text),
        "csv" => Ok(CopyFormat::Csv),
        "binary" => Err(binary()),
        _ => Err(Error::new(
            Fault::InvalidParameterValue,
            format!("COPY format \"{format}\" not recognized"),
        )),
    }
}

fn check_encoding(encoding: &str) -> Result<()> {
    let letters: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect();
    if letters.eq_ignore_ascii_case("utf8") {
        return Ok(());
    }
    Err(Error::unsupported(format!("COPY in encoding \"{encoding}\" is not supported"))
        .with_hint("Convert the file to UTF-8."))
}

/// What may follow HEADER: nothing, a boolean, or MATCH.
fn parse_header(cursor: &mut Cursor<'_>) -> Result<Header> {
    let word = match cursor.peek() {
        None | Some(Token::Comma | Token::RParen) => return Ok(Header::Skip),
        Some(Token::Number(digits, _)) => {
            cursor.skip();
            digits.clone()
        }
        Some(_) => word_or_string(cursor)?,
    };
    match word.as_str() {
        "true" | "on" | "1" => Ok(Header::Skip),
        "false" | "off" | "0" => Ok(Header::None),
        "match" => Ok(Header::Match),
        _ => Err(Error::new(
            Fault::SyntaxError,
            format!("\"{word}\" is neither a Boolean value nor \"match\""),
        )),
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

fn star_or_columns(cursor: &mut Cursor<'_>) -> Result<ColumnList> {
    if cursor.take(&Token::Mul) {
        return Ok(ColumnList::All);
    }
    column_list(cursor).map(ColumnList::Named)
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
