//! The options of a COPY: what was written, what holds, and which do not go together.
//!
//! Messages and SQLSTATEs are those of Postgres 15.

use super::command::CopyFormat;
use crate::{Error, Fault, Result};

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyDirection {
    From,
    To,
}

#[derive(Debug, Clone)]
pub(super) struct CopyOptions {
    pub(super) format: CopyFormat,
    pub(super) delimiter: u8,
    pub(super) null: String,
    pub(super) header: Header,
    pub(super) quote: u8,
    pub(super) escape: u8,
    pub(super) force_quote: ColumnList,
    pub(super) force_not_null: ColumnList,
    pub(super) force_null: ColumnList,
    /// Commits in pieces of so many rows; without it, all rows or none.
    pub(super) commit_every: Option<usize>,
}

/// What was written; defaults depend on the format, which may come last.
#[derive(Debug, Default)]
pub(super) struct WrittenOptions {
    pub(super) format: Option<CopyFormat>,
    pub(super) delimiter: Option<String>,
    pub(super) null: Option<String>,
    pub(super) header: Option<Header>,
    pub(super) quote: Option<String>,
    pub(super) escape: Option<String>,
    pub(super) force_quote: Option<ColumnList>,
    pub(super) force_not_null: Option<ColumnList>,
    pub(super) force_null: Option<ColumnList>,
    pub(super) commit_every: Option<usize>,
}

/// Sets an option that may be given once.
pub(super) fn once<T>(place: &mut Option<T>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(Fault::SyntaxError, "conflicting or redundant options")),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Fault::InvalidParameterValue, message)
}

impl WrittenOptions {
    pub(super) fn finish(self, direction: CopyDirection) -> Result<CopyOptions> {
        let format = self.format.unwrap_or(CopyFormat::Text);
        self.check_goes_with(format)?;
        self.check_goes(direction)?;
        let (delimiter, null) = match format {
            CopyFormat::Csv => (b',', ""),
            CopyFormat::Text | CopyFormat::Binary => (b'\t', "\\N"),
        };
        let quote = one_byte("quote", self.quote.as_deref(), b'"')?;
        let options = CopyOptions {
            format,
            delimiter: one_byte("delimiter", self.delimiter.as_deref(), delimiter)?,
            null: self.null.unwrap_or_else(|| null.to_owned()),
            header: self.header.unwrap_or(Header::None),
            quote,
            escape: one_byte("escape", self.escape.as_deref(), quote)?,
            force_quote: self.force_quote.unwrap_or(ColumnList::Named(Vec::new())),
            force_not_null: self.force_not_null.unwrap_or(ColumnList::Named(Vec::new())),
            force_null: self.force_null.unwrap_or(ColumnList::Named(Vec::new())),
            commit_every: self.commit_every,
        };
        options.check()?;
        Ok(options)
    }

    fn check_goes_with(&self, format: CopyFormat) -> Result<()> {
        if format == CopyFormat::Binary {
            let not_binary =
                [("DELIMITER", self.delimiter.is_some()), ("NULL", self.null.is_some())];
            if let Some((name, _)) = not_binary.iter().find(|(_, given)| *given) {
                let message = format!("cannot specify {name} in BINARY mode");
                return Err(Error::new(Fault::SyntaxError, message));
            }
            if matches!(self.header, Some(Header::Skip | Header::Match)) {
                return Err(Error::unsupported("cannot specify HEADER in BINARY mode"));
            }
        }
        if format == CopyFormat::Csv {
            return Ok(());
        }
        let csv_only = [
            ("quote", self.quote.is_some()),
            ("escape", self.escape.is_some()),
            ("force quote", self.force_quote.is_some()),
            ("force not null", self.force_not_null.is_some()),
            ("force null", self.force_null.is_some()),
        ];
        match csv_only.iter().find(|(_, given)| *given) {
            Some((name, _)) => {
                Err(Error::unsupported(format!("COPY {name} available only in CSV mode")))
            }
            None => Ok(()),
        }
    }

    /// Options that mean something in one direction only.
    fn check_goes(&self, direction: CopyDirection) -> Result<()> {
        let only = |name: &str, other: &str| {
            Err(Error::unsupported(format!("COPY {name} only available using COPY {other}")))
        };
        match direction {
            CopyDirection::From if self.force_quote.is_some() => only("force quote", "TO"),
            CopyDirection::To if self.force_not_null.is_some() => only("force not null", "FROM"),
            CopyDirection::To if self.force_null.is_some() => only("force null", "FROM"),
            CopyDirection::To if self.commit_every.is_some() => only("commit_every", "FROM"),
            CopyDirection::To if self.header == Some(Header::Match) => {
                Err(Error::unsupported("cannot use \"match\" with HEADER in COPY TO"))
            }
            CopyDirection::From | CopyDirection::To => Ok(()),
        }
    }
}

impl CopyOptions {
    /// Combinations in which the data could not be told from its frame.
    fn check(&self) -> Result<()> {
        if self.null.contains(['\n', '\r']) {
            return Err(invalid("COPY null representation cannot use newline or carriage return"));
        }
        let in_null = |byte: u8| self.null.as_bytes().contains(&byte);
        // These would be read as escapes or as the end of the data.
        let taken = b"\\.abcdefghijklmnopqrstuvwxyz0123456789";
        if self.format == CopyFormat::Text && taken.contains(&self.delimiter) {
            let delimiter = char::from(self.delimiter);
            return Err(invalid(format!("COPY delimiter cannot be \"{delimiter}\"")));
        }
        if self.format == CopyFormat::Csv && self.quote == self.delimiter {
            return Err(invalid("COPY delimiter and quote must be different"));
        }
        if in_null(self.delimiter) {
            return Err(Error::unsupported(
                "COPY delimiter must not appear in the NULL specification",
            ));
        }
        if self.format == CopyFormat::Csv && in_null(self.quote) {
            return Err(Error::unsupported(
                "CSV quote character must not appear in the NULL specification",
            ));
        }
        Ok(())
    }
}

fn one_byte(name: &str, written: Option<&str>, default: u8) -> Result<u8> {
    match written.map(str::as_bytes) {
        None => Ok(default),
        Some([b'\n' | b'\r']) => {
            Err(invalid(format!("COPY {name} cannot be newline or carriage return")))
        }
        Some([byte]) => Ok(*byte),
        Some(_) => {
            Err(Error::unsupported(format!("COPY {name} must be a single one-byte character")))
        }
    }
}

/// How many rows a piece has.
pub(super) fn piece_rows(written: &str) -> Result<usize> {
    written.parse().ok().filter(|rows| (1..=i32::MAX as usize).contains(rows)).ok_or_else(|| {
        invalid(format!("commit_every must be a number of rows, at least 1, and not \"{written}\""))
    })
}

pub(super) fn check_encoding(encoding: &str) -> Result<()> {
    let letters: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect();
    if ["utf8", "unicode"].iter().any(|known| letters.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    Err(Error::unsupported(format!("COPY in encoding \"{encoding}\" is not supported"))
        .with_hint("Convert the file to UTF-8."))
}
