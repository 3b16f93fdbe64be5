//! `BEGIN … COMMIT`: what state a session's block is in, what it has written, and how that commits.
//!
//! Owns the state machine, savepoints, the view that a block has taken, and the staged writes of
//! explicit and implicit blocks alike.
//!
//! Refuses to know: how a statement becomes rows, and the wire.

mod commit;
mod savepoint;
mod statement;
mod writes;

pub use commit::{BlockCommit, BlockOutcome};
pub(crate) use savepoint::Savepoints;
pub(crate) use statement::WriteStatement;
pub(crate) use writes::BlockWrites;

use crate::provider::ReadBooks;
use crate::statement::{BlockModes, Isolation};
use chrono::{DateTime, Utc};
use store::{Unmoved, View};

/// Where a session stands, as ReadyForQuery tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockStatus {
    Idle,
    InBlock,
    /// Something failed: everything is refused until the block ends.
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Notice,
    Warning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    ActiveBlock,
    NoActiveBlock,
    Other,
}

/// Something to tell the client beside the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub severity: Severity,
    pub kind: NoticeKind,
    pub message: String,
}

impl Notice {
    pub(crate) fn warning(kind: NoticeKind, message: &str) -> Self {
        Notice { severity: Severity::Warning, kind, message: message.to_owned() }
    }
}

/// The block of a session.
#[derive(Debug, Default)]
pub(crate) enum Block {
    #[default]
    Idle,
    Open(OpenBlock),
    Failed(OpenBlock),
}

#[derive(Debug)]
pub(crate) struct OpenBlock {
    pub(crate) isolation: Isolation,
    pub(crate) read_only: bool,
    /// What `now()` says to the end.
    pub(crate) started: DateTime<Utc>,
    /// Taken by the first query, kept unless each statement takes its own.
    view: Option<View>,
    ran_query: bool,
    /// The books that queries of this block have read.
    reads: ReadBooks,
    pub(crate) savepoints: Savepoints,
}

impl OpenBlock {
    pub(crate) fn new(isolation: Isolation, read_only: bool, started: DateTime<Utc>) -> Self {
        OpenBlock {
            isolation,
            read_only,
            started,
            view: None,
            ran_query: false,
            reads: ReadBooks::default(),
            savepoints: Savepoints::default(),
        }
    }

    /// What must not have changed when this commits: what a serializable block has read.
    pub(crate) fn rests_on(&self) -> Option<Unmoved> {
        let view = self.view.as_ref().filter(|_| self.isolation == Isolation::Serializable)?;
        Some(Unmoved { since: view.cut(), books: self.reads.books() })
    }

    /// SET TRANSACTION, or the modes of BEGIN. The error is what Postgres says about it.
    pub(crate) fn set_modes(&mut self, modes: BlockModes) -> Result<(), &'static str> {
        if let Some(isolation) = modes.isolation.filter(|wanted| *wanted != self.isolation) {
            if self.ran_query {
                return Err("SET TRANSACTION ISOLATION LEVEL must be called before any query");
            }
            if self.savepoints.newest().is_some() {
                return Err(
                    "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction",
                );
            }
            self.isolation = isolation;
        }
        if let Some(read_only) = modes.read_only {
            if !read_only && self.read_only && self.ran_query {
                return Err("transaction read-write mode must be set before any query");
            }
            if !read_only && self.read_only && self.savepoints.newest().is_some() {
                return Err(
                    "cannot set transaction read-write mode inside a read-only transaction",
                );
            }
            self.read_only = read_only;
        }
        Ok(())
    }
}

impl Block {
    pub(crate) fn status(&self) -> BlockStatus {
        match self {
            Block::Idle => BlockStatus::Idle,
            Block::Open(_) => BlockStatus::InBlock,
            Block::Failed(_) => BlockStatus::Failed,
        }
    }

    /// A failure inside a block; outside of one there is nothing to fail.
    pub(crate) fn fail(&mut self) {
        if let Block::Open(open) = std::mem::take(self) {
            *self = Block::Failed(open);
        }
    }

    /// A failed block goes on from a savepoint.
    pub(crate) fn revive(&mut self) {
        *self = match std::mem::take(self) {
            Block::Failed(open) => Block::Open(open),
            other => other,
        };
    }

    pub(crate) fn open_mut(&mut self) -> Option<&mut OpenBlock> {
        match self {
            Block::Idle => None,
            Block::Open(open) | Block::Failed(open) => Some(open),
        }
    }

    /// A statement runs that is more than a command: modes are settled from now on.
    pub(crate) fn note_statement(&mut self) {
        if let Block::Open(open) = self {
            open.ran_query = true;
        }
    }

    /// Whether all queries of the block read the same view.
    pub(crate) fn keeps_its_view(&self) -> bool {
        matches!(self, Block::Open(open) if open.isolation != Isolation::ReadCommitted)
    }

    /// Where to note what is read, if that matters when the block ends.
    pub(crate) fn reads(&self) -> Option<&ReadBooks> {
        match self {
            Block::Open(open) if open.isolation == Isolation::Serializable => Some(&open.reads),
            _ => None,
        }
    }

    /// What the next query reads at: `now` gives the ledger as it stands.
    pub(crate) fn view(&mut self, now: impl FnOnce() -> View) -> View {
        let Block::Open(open) = self else { return now() };
        open.ran_query = true;
        match open.isolation {
            Isolation::ReadCommitted | Isolation::ReadUncommitted => now(),
            Isolation::RepeatableRead | Isolation::Serializable => {
                open.view.get_or_insert_with(now).clone()
            }
        }
    }
}
