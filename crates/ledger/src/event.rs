//! One record of history, and the positions it can have.

use crate::{AccountChange, AccountOpening, AccountPath, Asset, BookName, Transaction};
use std::fmt;
use std::sync::Arc;

/// A gapless position in the whole log, from 1. Zero stands for "before the first event".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Lsn(pub u64);

/// A gapless position in one book, from 1. Zero stands for "before the first event".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Seq(pub u64);

/// Microseconds since 1970-01-01 00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(pub i64);

impl Lsn {
    pub fn next(self) -> Lsn {
        Lsn(self.0 + 1)
    }
}

impl Seq {
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What happened, as [`crate::decide`] says it: without time or place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventBody {
    AssetRegistered(Arc<Asset>),
    AccountOpened(Arc<AccountOpening>),
    AccountChanged { path: AccountPath, change: AccountChange },
    TransactionPosted(Arc<Transaction>),
}

impl EventBody {
    /// The kind as it stands in the log and in `events.kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            EventBody::AssetRegistered(_) => "asset_registered",
            EventBody::AccountOpened(_) => "account_opened",
            EventBody::AccountChanged { .. } => "account_changed",
            EventBody::TransactionPosted(_) => "transaction_posted",
        }
    }
}

/// What happened, with its place in the log, its place in its book, and its recorded time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub lsn: Lsn,
    pub book: BookName,
    pub seq: Seq,
    /// Shared by all events of a frame.
    pub at: Timestamp,
    pub body: EventBody,
}
