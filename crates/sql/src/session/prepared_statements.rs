//! The prepared statements of one session, by name. PREPARE and the protocol's Parse share them.

use crate::{Error, Fault, Prepared, Result};
use std::collections::HashMap;

/// More than any driver's cache holds; a client that never closes its statements is told.
const NAMED_MAX: usize = 10_000;

/// The unnamed statement apart, because most messages mean it. An empty text prepares to `None`.
#[derive(Debug, Default)]
pub struct PreparedStatements {
    unnamed: Option<Option<Prepared>>,
    named: HashMap<String, Option<Prepared>>,
}

impl PreparedStatements {
    /// # Errors
    /// If there is none of that name.
    pub fn get(&self, name: &str) -> Result<&Option<Prepared>> {
        let found = if name.is_empty() { self.unnamed.as_ref() } else { self.named.get(name) };
        found.ok_or_else(|| undefined(name))
    }

    /// # Errors
    /// If a new statement may not have the name.
    pub fn check_free(&self, name: &str) -> Result<()> {
        if self.named.contains_key(name) {
            return Err(Error::new(
                Fault::DuplicateStatement,
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        if !name.is_empty() && self.named.len() >= NAMED_MAX {
            return Err(Error::new(
                Fault::ProgramLimitExceeded,
                format!("a connection can have at most {NAMED_MAX} prepared statements"),
            )
            .with_hint("Close those that are no longer needed, or use DEALLOCATE ALL."));
        }
        Ok(())
    }

    pub fn insert(&mut self, name: &str, statement: Option<Prepared>) {
        if name.is_empty() {
            self.unnamed = Some(statement);
        } else {
            self.named.insert(name.to_owned(), statement);
        }
    }

    /// Forgets a statement, if there is one.
    pub fn close(&mut self, name: &str) {
        if name.is_empty() {
            self.unnamed = None;
        } else {
            self.named.remove(name);
        }
    }

    /// DEALLOCATE: like [`Self::close`], of one that has to be there.
    pub(super) fn deallocate(&mut self, name: &str) -> Result<()> {
        self.named.remove(name).map(|_| ()).ok_or_else(|| undefined(name))
    }

    pub(super) fn clear(&mut self) {
        self.unnamed = None;
        self.named.clear();
    }
}

fn undefined(name: &str) -> Error {
    let message = if name.is_empty() {
        "unnamed prepared statement does not exist".to_owned()
    } else {
        format!("prepared statement \"{name}\" does not exist")
    };
    Error::new(Fault::UndefinedStatement, message)
}
