//! A statement that is understood: analysed or planned once, to be executed many times.

use crate::copy::{CopyPlan, CopyToPlan};
use crate::cursor::{CursorOptions, FetchCommand};
use crate::explain_write::ExplainWrite;
use crate::query::PreparedQuery;
use crate::settings::ConfigSelect;
use crate::statement::{BlockCommand, SettingCommand, ShowCommand};
use crate::write_plan::WritePlan;
use crate::{Column, PgType, StatementKind, Value};
use std::sync::Arc;

/// A statement with its names looked up and its parameters typed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Prepared {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: StatementKind,
    columns: Option<Vec<Column>>,
    action: Action,
}

#[derive(Debug)]
pub(crate) enum Action {
    /// `tag` is the word of its command tag.
    Query {
        query: Box<PreparedQuery>,
        tag: &'static str,
    },
    Write(Box<WritePlan>),
    ExplainWrite(Box<ExplainWrite>),
    Copy(Arc<CopyPlan>),
    CopyTo(Box<CopyToPlan>),
    Declare {
        name: String,
        options: CursorOptions,
        query: Box<PreparedQuery>,
    },
    Fetch(FetchCommand),
    CloseCursor {
        name: Option<String>,
    },
    Block(BlockCommand),
    Setting(SettingCommand),
    Show(ShowCommand),
    ConfigSelect(ConfigSelect),
    /// PREPARE: gives a statement a name.
    Prepare {
        name: String,
        statement: Prepared,
    },
    /// EXECUTE: a statement of that name, with its parameters.
    Execute {
        statement: Prepared,
        parameters: Vec<Value>,
    },
    Deallocate {
        name: String,
    },
    DeallocateAll,
    DiscardAll,
    Nothing {
        tag: &'static str,
    },
}

impl Prepared {
    pub(crate) fn new(kind: StatementKind, columns: Option<Vec<Column>>, action: Action) -> Self {
        Prepared { inner: Arc::new(Inner { kind, columns, action }) }
    }

    pub(crate) fn action(&self) -> &Action {
        &self.inner.action
    }

    pub fn parameter_types(&self) -> &[PgType] {
        match &self.inner.action {
            Action::Query { query, .. } | Action::Declare { query, .. } => &query.parameter_types,
            Action::Write(plan) => plan.parameter_types(),
            Action::ExplainWrite(explain) => explain.parameter_types(),
            Action::ConfigSelect(select) => &select.parameter_types,
            _ => &[],
        }
    }

    /// What runs when this is executed: EXECUTE stands for another statement.
    pub(crate) fn resolved<'a>(&'a self, parameters: &'a [Value]) -> (&'a Prepared, &'a [Value]) {
        match &self.inner.action {
            Action::Execute { statement, parameters } => (statement, parameters),
            _ => (self, parameters),
        }
    }

    /// The columns of its rows; `None` if it gives no rows.
    pub fn columns(&self) -> Option<&[Column]> {
        self.inner.columns.as_deref()
    }

    pub fn kind(&self) -> StatementKind {
        self.inner.kind
    }

    /// Whether it reads the ledger, and so has to see what its session wrote before.
    pub fn reads_ledger(&self) -> bool {
        match &self.resolved(&[]).0.inner.action {
            Action::Query { .. } | Action::Declare { .. } | Action::CopyTo(_) => true,
            Action::Write(plan) => plan.reads(),
            _ => false,
        }
    }

    /// Whether [`crate::Session::serve`] may have its rows at once.
    pub fn is_point_read(&self) -> bool {
        match &self.resolved(&[]).0.inner.action {
            Action::Query { query, .. } => query.is_point_read(),
            _ => false,
        }
    }

    /// The cursor whose rows it gives, which decides what its columns are; a MOVE gives none.
    pub fn fetched_cursor(&self) -> Option<&str> {
        match &self.inner.action {
            Action::Fetch(fetch) if !fetch.is_move => Some(&fetch.name),
            _ => None,
        }
    }

    pub fn is_write(&self) -> bool {
        self.inner.kind.is_write()
    }
}
