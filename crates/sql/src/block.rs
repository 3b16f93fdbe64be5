//! `BEGIN … COMMIT`: what state a session's block is in, and what a client is told about it.
//!
//! Owns the state machine and the view that a block has taken. A block holds reads only, so ending
//! it changes nothing in the ledger; it still answers as Postgres does.

use crate::statement::{BlockModes, Isolation};
use store::View;

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

#[derive(Debug, Clone)]
pub(crate) struct OpenBlock {
    pub(crate) isolation: Isolation,
    pub(crate) read_only: bool,
    /// Taken by the first query, kept unless each statement takes its own.
    view: Option<View>,
    ran_query: bool,
}

impl OpenBlock {
    pub(crate) fn new(isolation: Isolation, read_only: bool) -> Self {
        OpenBlock { isolation, read_only, view: None, ran_query: false }
    }

    /// SET TRANSACTION, or the modes of BEGIN. The error is what Postgres says about it.
    pub(crate) fn set_modes(&mut self, modes: BlockModes) -> Result<(), &'static str> {
        if let Some(isolation) = modes.isolation.filter(|wanted| *wanted != self.isolation) {
            if self.ran_query {
                return Err("SET TRANSACTION ISOLATION LEVEL must be called before any query");
            }
            self.isolation = isolation;
        }
        if let Some(read_only) = modes.read_only {
            if !read_only && self.read_only && self.ran_query {
                return Err("transaction read-write mode must be set before any query");
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
            *self = Block::Failed(OpenBlock { view: None, ..open });
        }
    }

    /// What the next query reads at: `now` gives the ledger as it stands.
    pub(crate) fn view(&mut self, now: impl FnOnce() -> View) -> View {
        let Block::Open(open) = self else { return now() };
        open.ran_query = true;
        match open.isolation {
            Isolation::ReadCommitted => now(),
            Isolation::RepeatableRead | Isolation::Serializable => {
                open.view.get_or_insert_with(now).clone()
            }
        }
    }
}
