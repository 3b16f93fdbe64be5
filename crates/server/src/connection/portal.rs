//! Statements bound to parameters, by name, and how far each has run.

use super::rows::RowCursor;
use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::backend::Format;
use sql::{Prepared, Value};
use std::collections::HashMap;

/// Portals end with their block, so a client has to try hard to get here.
const NAMED_MAX: usize = 1_000;

#[derive(Debug)]
pub(super) struct Portal {
    /// `None` for an empty text.
    pub(super) statement: Option<Prepared>,
    pub(super) parameters: Vec<Value>,
    /// One per column of the result, or none where all are text.
    pub(super) formats: Vec<Format>,
    pub(super) progress: Progress,
}

#[derive(Debug)]
pub(super) enum Progress {
    NotStarted,
    /// Some rows are sent; an Execute goes on from here.
    Suspended(Box<RowCursor>),
    /// Everything is sent. The word is that of the command tag if it gave rows.
    Finished {
        rows_tag: Option<String>,
    },
}

#[derive(Debug, Default)]
pub(super) struct Portals {
    unnamed: Option<Portal>,
    named: HashMap<String, Portal>,
}

impl Portals {
    pub(super) fn get(&self, name: &str) -> Result<&Portal, Report> {
        let found = if name.is_empty() { self.unnamed.as_ref() } else { self.named.get(name) };
        found.ok_or_else(|| undefined(name))
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Result<&mut Portal, Report> {
        let found = if name.is_empty() { self.unnamed.as_mut() } else { self.named.get_mut(name) };
        found.ok_or_else(|| undefined(name))
    }

    pub(super) fn insert(&mut self, name: &str, portal: Portal) -> Result<(), Report> {
        if name.is_empty() {
            self.unnamed = Some(portal);
            return Ok(());
        }
        if self.named.contains_key(name) {
            return Err(Report::new(
                SqlState::DUPLICATE_CURSOR,
                format!("cursor \"{name}\" already exists"),
            ));
        }
        if self.named.len() >= NAMED_MAX {
            return Err(Report::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("a connection can have at most {NAMED_MAX} portals"),
            ));
        }
        self.named.insert(name.to_owned(), portal);
        Ok(())
    }

    pub(super) fn close(&mut self, name: &str) {
        if name.is_empty() {
            self.unnamed = None;
        } else {
            self.named.remove(name);
        }
    }

    pub(super) fn clear(&mut self) {
        self.unnamed = None;
        self.named.clear();
    }
}

fn undefined(name: &str) -> Report {
    Report::new(SqlState::INVALID_CURSOR_NAME, format!("portal \"{name}\" does not exist"))
}
