//! What a server answers to a statement: columns with their types, rows as text, or an SQLSTATE.

use std::fmt::Write as _;
use tests::{Message, RawClient};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// No rows were to be had.
    Done,
    Rows {
        columns: Vec<Column>,
        rows: Vec<String>,
    },
    Error {
        sqlstate: String,
        message: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) type_oid: u32,
    pub(crate) typmod: i32,
}

impl Answer {
    pub(crate) fn to(client: &mut RawClient, statement: &str) -> Answer {
        Self::of(&client.query(statement))
    }

    pub(crate) fn of(messages: &[Message]) -> Answer {
        if let Some(error) = messages.iter().find(|message| message.kind == 'E') {
            let message = error.fields().remove(&'M').unwrap_or_default();
            return Answer::Error { sqlstate: error.sqlstate(), message };
        }
        let Some(description) = messages.iter().find(|message| message.kind == 'T') else {
            return Answer::Done;
        };
        let columns = description.columns();
        let typmods = typmods(description, columns.len());
        let columns = columns.into_iter().zip(typmods);
        let columns =
            columns.map(|((name, type_oid), typmod)| Column { name, type_oid, typmod }).collect();
        let rows = messages.iter().filter(|message| message.kind == 'D').map(row).collect();
        Answer::Rows { columns, rows }
    }

    /// The same answer with its rows in an order of ours.
    pub(crate) fn sorted(mut self) -> Answer {
        if let Answer::Rows { rows, .. } = &mut self {
            rows.sort();
        }
        self
    }

    /// Whether two servers said the same; how an error is worded is their own affair.
    pub(crate) fn agrees_with(&self, other: &Answer) -> bool {
        match (self, other) {
            (Answer::Error { sqlstate, .. }, Answer::Error { sqlstate: other, .. }) => {
                sqlstate == other
            }
            _ => self == other,
        }
    }

    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Answer::Error { sqlstate, .. } if sqlstate == "0A000")
    }

    /// For a message of a failing test.
    pub(crate) fn told(&self) -> String {
        match self {
            Answer::Done => "done, no rows\n".to_owned(),
            Answer::Error { sqlstate, message } => format!("ERROR {sqlstate}: {message}\n"),
            Answer::Rows { columns, rows } => {
                let mut text = String::new();
                for Column { name, type_oid, typmod } in columns {
                    let _ = write!(text, "{name}:{type_oid}");
                    if *typmod != -1 {
                        let _ = write!(text, "({typmod})");
                    }
                    text.push('\t');
                }
                text.push('\n');
                for row in rows.iter().take(40) {
                    let _ = writeln!(text, "{row}");
                }
                text
            }
        }
    }
}

/// Behind name, table, number, type and size of each column.
fn typmods(description: &Message, columns: usize) -> Vec<i32> {
    let mut rest = &description.body[2..];
    let mut typmods = Vec::new();
    for _ in 0..columns {
        let end = rest.iter().position(|byte| *byte == 0).expect("a name ends");
        let fields = &rest[end + 1..];
        typmods.push(i32::from_be_bytes(fields[12..16].try_into().expect("four bytes")));
        rest = &fields[18..];
    }
    typmods
}

/// A row as a line: values apart by tabs, empty ones made visible.
fn row(message: &Message) -> String {
    let mut rest = &message.body[2..];
    let mut values = Vec::new();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let length = i32::from_be_bytes(*length);
        let (value, tail) = tail.split_at(usize::try_from(length).unwrap_or(0));
        values.push(match length {
            0 => "(empty)".to_owned(),
            ..0 => "NULL".to_owned(),
            _ => String::from_utf8_lossy(value)
                .replace('\\', "\\\\")
                .replace('\n', "\\n")
                .replace('\t', "\\t"),
        });
        rest = tail;
    }
    values.join("\t")
}
