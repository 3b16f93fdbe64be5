//! The text format of sqllogictest: statements with the answers they must get.
//!
//! A record is a few lines up to an empty one: comments, perhaps a condition, what is expected,
//! the statement, and behind `----` the rows, their values apart by tabs.
//!
//! ```text
//! # What it shows.
//! skipif tallybook # why
//! query IT rowsort
//! SELECT 1, 'one'
//! ----
//! 1 one
//! ```
//!
//! Owns reading and writing of files. Refuses to know who answers, and what the reasons mean.

use std::fmt::Write as _;

/// One statement and what it must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Lines that begin with `#`, without it.
    pub comments: Vec<String>,
    /// The system that is left out, and the reason behind the `#`.
    pub skip: Option<(String, String)>,
    pub expected: Expected,
    pub rowsort: bool,
    pub sql: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// It succeeds without rows.
    Ok,
    /// It fails with this SQLSTATE.
    Error(String),
    /// The kinds of its columns (`I`nteger, `R`eal, `T`ext), and its rows as lines.
    Rows { kinds: String, lines: Vec<String> },
}

/// Reads a file.
///
/// # Panics
/// If a record has another shape; the message holds the record.
pub fn read(text: &str) -> Vec<Record> {
    let mut blocks: Vec<Vec<&str>> = vec![Vec::new()];
    for line in text.lines() {
        match (line.is_empty(), blocks.last_mut()) {
            (false, Some(block)) => block.push(line),
            _ => blocks.push(Vec::new()),
        }
    }
    blocks.iter().filter(|block| !block.is_empty()).map(|block| record(block)).collect()
}

fn record(lines: &[&str]) -> Record {
    let shape = || panic!("not a record:\n{}", lines.join("\n"));
    let mut rest = lines.iter();
    let mut record = Record {
        comments: Vec::new(),
        skip: None,
        expected: Expected::Ok,
        rowsort: false,
        sql: String::new(),
    };
    for line in rest.by_ref() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["#", ..] => record.comments.push(line[1..].trim().to_owned()),
            ["skipif", system, ..] => {
                let reason = line.split_once('#').map_or("", |(_, reason)| reason.trim());
                record.skip = Some(((*system).to_owned(), reason.to_owned()));
            }
            ["statement", "ok"] => break,
            ["statement", "error", code] => {
                record.expected = Expected::Error((*code).to_owned());
                break;
            }
            ["query", options @ ..] => {
                record.rowsort = options.contains(&"rowsort");
                let kinds = options.iter().find(|option| **option != "rowsort");
                let kinds = kinds.map_or(String::new(), |kinds| (*kinds).to_owned());
                record.expected = Expected::Rows { kinds, lines: Vec::new() };
                break;
            }
            _ => shape(),
        }
    }
    let sql: Vec<&str> = rest.by_ref().take_while(|line| **line != "----").copied().collect();
    record.sql = sql.join("\n");
    if let Expected::Rows { lines, .. } = &mut record.expected {
        lines.extend(rest.map(|line| (*line).to_owned()));
    }
    // A record of comments alone opens a file.
    if record.sql.is_empty() && record.comments.is_empty() {
        shape();
    }
    record
}

/// A file that reads as these records.
pub fn write(records: &[Record]) -> String {
    let mut text = String::new();
    for record in records {
        for comment in &record.comments {
            let _ = writeln!(text, "# {comment}");
        }
        if record.sql.is_empty() {
            text.push('\n');
            continue;
        }
        if let Some((system, reason)) = &record.skip {
            let _ = writeln!(text, "skipif {system} # {reason}");
        }
        let _ = match &record.expected {
            Expected::Ok => writeln!(text, "statement ok\n{}", record.sql),
            Expected::Error(code) => writeln!(text, "statement error {code}\n{}", record.sql),
            Expected::Rows { kinds, lines } => {
                let sort = if record.rowsort { " rowsort" } else { "" };
                let space = if kinds.is_empty() { "" } else { " " };
                let rows = lines.iter().fold(String::new(), |rows, line| rows + line + "\n");
                write!(text, "query{space}{kinds}{sort}\n{}\n----\n{rows}", record.sql)
            }
        };
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
