//! What a reader is looking for, where the projections are organised for it.
//!
//! A selection only narrows: a scan may give rows outside it, never leave out rows inside it.

use ledger::Uuid;
use std::ops::RangeInclusive;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathSelection {
    Exact(String),
    /// Every path that starts with this text.
    Prefix(String),
}

impl PathSelection {
    pub fn matches(&self, path: &str) -> bool {
        match self {
            PathSelection::Exact(wanted) => path == wanted,
            PathSelection::Prefix(prefix) => path.starts_with(prefix),
        }
    }
}

/// Conditions that all hold for every wanted row; `None` does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub book: Option<String>,
    pub path: Option<PathSelection>,
    pub tx_id: Option<Uuid>,
    pub idempotency_key: Option<String>,
    pub seq: Option<RangeInclusive<u64>>,
    pub lsn: Option<RangeInclusive<u64>>,
    /// Recorded time in microseconds.
    pub committed_at: Option<RangeInclusive<i64>>,
}
