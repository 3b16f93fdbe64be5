//! The prepared statements of one connection, by name.

use crate::report::Report;
use crate::sqlstate::SqlState;
use sql::Prepared;
use std::collections::HashMap;

/// More than any driver's cache holds; a client that never closes its statements is told.
const NAMED_MAX: usize = 10_000;

/// A prepared statement; an empty text prepares to nothing.
pub(super) type PreparedStatement = Option<Prepared>;

/// The unnamed statement apart, because most messages mean it.
#[derive(Debug, Default)]
pub(super) struct Statements {
    unnamed: Option<PreparedStatement>,
    named: HashMap<String, PreparedStatement>,
}

impl Statements {
    pub(super) fn get(&self, name: &str) -> Result<&PreparedStatement, Report> {
        let found = if name.is_empty() { self.unnamed.as_ref() } else { self.named.get(name) };
        found.ok_or_else(|| Self::undefined(name))
    }

    pub(super) fn undefined(name: &str) -> Report {
        let message = if name.is_empty() {
            "unnamed prepared statement does not exist".to_owned()
        } else {
            format!("prepared statement \"{name}\" does not exist")
        };
        Report::new(SqlState::INVALID_SQL_STATEMENT_NAME, message)
    }

    /// Whether a name may be given to a new statement.
    pub(super) fn check_free(&self, name: &str) -> Result<(), Report> {
        if self.named.contains_key(name) {
            return Err(Report::new(
                SqlState::DUPLICATE_PREPARED_STATEMENT,
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        if !name.is_empty() && self.named.len() >= NAMED_MAX {
            return Err(Report::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("a connection can have at most {NAMED_MAX} prepared statements"),
            )
            .with_hint("Close those that are no longer needed, or use DEALLOCATE ALL."));
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, name: &str, statement: PreparedStatement) {
        if name.is_empty() {
            self.unnamed = Some(statement);
        } else {
            self.named.insert(name.to_owned(), statement);
        }
    }

    /// `false` if there was none.
    pub(super) fn close(&mut self, name: &str) -> bool {
        if name.is_empty() {
            self.unnamed.take().is_some()
        } else {
            self.named.remove(name).is_some()
        }
    }

    pub(super) fn clear(&mut self) {
        self.unnamed = None;
        self.named.clear();
    }
}
