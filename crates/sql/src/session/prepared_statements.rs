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
    replaced: Vec<Replaced>,
}

/// What a name stood for before it was given to a statement, or taken from one.
#[derive(Debug)]
pub struct Replaced {
    name: String,
    before: Option<Option<Prepared>>,
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
            let before = self.named.insert(name.to_owned(), statement);
            self.replaced.push(Replaced { name: name.to_owned(), before });
        }
    }

    /// Forgets a statement, if there is one.
    pub fn close(&mut self, name: &str) {
        if name.is_empty() {
            self.unnamed = None;
        } else if let Some(before) = self.named.remove(name) {
            self.replaced.push(Replaced { name: name.to_owned(), before: Some(before) });
        }
    }

    /// DEALLOCATE: like [`Self::close`], of one that has to be there.
    pub(super) fn deallocate(&mut self, name: &str) -> Result<()> {
        let before = self.named.remove(name).ok_or_else(|| undefined(name))?;
        self.replaced.push(Replaced { name: name.to_owned(), before: Some(before) });
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.unnamed = None;
        let cleared = self.named.drain();
        self.replaced.extend(cleared.map(|(name, before)| Replaced { name, before: Some(before) }));
    }

    /// What was replaced since this was last asked, oldest first. The unnamed statement is not told:
    /// nobody counts on it to outlive the next one.
    pub fn take_replaced(&mut self) -> Vec<Replaced> {
        std::mem::take(&mut self.replaced)
    }

    /// As if the messages that replaced these had been skipped. Takes them newest first.
    pub fn put_back(&mut self, replaced: impl IntoIterator<Item = Replaced>) {
        for Replaced { name, before } in replaced {
            match before {
                Some(statement) => self.named.insert(name, statement),
                None => self.named.remove(&name),
            };
        }
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
