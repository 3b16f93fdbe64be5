//! Statements bound to parameters and cursors, by name, and how far each has run.
//!
//! Portals of the protocol and cursors of SQL are the same thing and share their names.

use super::rows::RowCursor;
use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::backend::Format;
use sql::{Column, CursorOptions, Prepared, Value};
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
    /// Of a FETCH: those of the cursor when it was bound.
    pub(super) fetched_columns: Option<Vec<Column>>,
    pub(super) progress: Progress,
    pub(super) options: CursorOptions,
    pub(super) lifetime: Lifetime,
    /// The newest savepoint when it was made; 0 without one.
    pub(super) savepoint: u64,
}

#[derive(Debug)]
pub(super) enum Progress {
    NotStarted,
    /// An Execute or FETCH goes on from here; at the end of the rows it gives none.
    Running(Box<RowCursor>),
    /// All its rows were there, and are sent.
    Sent {
        rows: u64,
    },
    /// It has run and gives no rows, or it failed.
    Unrunnable,
}

/// When a portal ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// With its block.
    Block,
    /// With its block if that is rolled back.
    Holdable,
    /// Its block has committed: with the session.
    Held,
}

impl Portal {
    pub(super) fn new(statement: Option<Prepared>, savepoint: u64) -> Self {
        Portal {
            statement,
            parameters: Vec::new(),
            formats: Vec::new(),
            fetched_columns: None,
            progress: Progress::NotStarted,
            options: CursorOptions::default(),
            lifetime: Lifetime::Block,
            savepoint,
        }
    }

    /// The columns of its rows, if it gives any.
    pub(super) fn columns(&self) -> Option<&[Column]> {
        if let Progress::Running(cursor) = &self.progress {
            return Some(cursor.columns());
        }
        self.fetched_columns.as_deref().or_else(|| self.statement.as_ref()?.columns())
    }

    pub(super) fn unrunnable(name: &str) -> Report {
        Report::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("portal \"{name}\" cannot be run"),
        )
    }
}

#[derive(Debug, Default)]
pub(super) struct Portals {
    unnamed: Option<Portal>,
    named: HashMap<String, Portal>,
}

impl Portals {
    pub(super) fn get(&self, name: &str) -> Result<&Portal, Report> {
        let found = if name.is_empty() { self.unnamed.as_ref() } else { self.named.get(name) };
        found.ok_or_else(|| undefined("portal", name))
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Result<&mut Portal, Report> {
        let found = if name.is_empty() { self.unnamed.as_mut() } else { self.named.get_mut(name) };
        found.ok_or_else(|| undefined("portal", name))
    }

    /// The same for a statement of SQL, whose name for it is another.
    pub(super) fn get_cursor(&mut self, name: &str) -> Result<&mut Portal, Report> {
        self.get_mut(name).map_err(|_| undefined("cursor", name))
    }

    /// What a FETCH gives: the columns of its cursor, if there is one yet.
    pub(super) fn fetched_columns(&self, fetch: &Prepared) -> Option<&[Column]> {
        self.get(fetch.fetched_cursor()?).ok()?.columns()
    }

    pub(super) fn check_free(&self, name: &str) -> Result<(), Report> {
        if name.is_empty() {
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
        Ok(())
    }

    pub(super) fn insert(&mut self, name: &str, portal: Portal) -> Result<(), Report> {
        self.check_free(name)?;
        if name.is_empty() {
            self.unnamed = Some(portal);
        } else {
            self.named.insert(name.to_owned(), portal);
        }
        Ok(())
    }

    pub(super) fn close(&mut self, name: &str) {
        if name.is_empty() {
            self.unnamed = None;
        } else {
            self.named.remove(name);
        }
    }

    /// The block has committed.
    pub(super) fn commit(&mut self) {
        self.unnamed = None;
        self.named.retain(|_, portal| portal.lifetime != Lifetime::Block);
        for portal in self.named.values_mut() {
            portal.lifetime = Lifetime::Held;
        }
    }

    /// The block is rolled back.
    pub(super) fn roll_back(&mut self) {
        self.unnamed = None;
        self.named.retain(|_, portal| portal.lifetime == Lifetime::Held);
    }

    /// What was made since the savepoint of this number is undone.
    pub(super) fn roll_back_to(&mut self, savepoint: u64) {
        let stays =
            |portal: &Portal| portal.lifetime == Lifetime::Held || portal.savepoint < savepoint;
        self.unnamed.take_if(|portal| !stays(portal));
        self.named.retain(|_, portal| stays(portal));
    }

    /// The cursors that have to keep their rows when the block commits.
    pub(super) fn holdable(&self) -> Vec<String> {
        let holdable = |portal: &Portal| portal.lifetime == Lifetime::Holdable;
        let mut names: Vec<String> = self
            .named
            .iter()
            .filter(|(_, portal)| holdable(portal))
            .map(|(name, _)| name.clone())
            .collect();
        names.sort();
        names
    }

    pub(super) fn clear(&mut self) {
        self.unnamed = None;
        self.named.clear();
    }
}

fn undefined(what: &str, name: &str) -> Report {
    Report::new(SqlState::INVALID_CURSOR_NAME, format!("{what} \"{name}\" does not exist"))
}
