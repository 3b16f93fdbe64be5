//! What a part is made of before it is written, and what its records are when they are read.

pub(crate) use crate::log::files::LogEnd;
pub(crate) use crate::log::positions::LogPosition;
pub(crate) use crate::projection::AccountRecord;
use crate::projection::PostingRow;
use ledger::{Asset, AssetId, Direction, Event, Lsn, Seq, Timestamp, Totals, Uuid};
use std::sync::Arc;

/// A range of the log, as memory has it.
#[derive(Debug, Clone)]
pub(crate) struct PartContent {
    /// The store that the log belongs to.
    pub(crate) store: String,
    pub(crate) first: Lsn,
    pub(crate) last: Lsn,
    pub(crate) end: LogEnd,
    /// Recorded time of the last event.
    pub(crate) last_at: Timestamp,
    /// In order of lsn, gapless from `first` to `last`.
    pub(crate) events: Vec<Arc<Event>>,
    /// The legs of the transactions among the events, in log order.
    pub(crate) postings: Vec<PostingRow>,
    /// Every account that an event of the range touched, as of the end of the range; in any order.
    pub(crate) accounts: Vec<AccountRecord>,
    /// Assets that were registered in the range.
    pub(crate) assets: Vec<RegisteredAsset>,
    /// In order of lsn.
    pub(crate) positions: Vec<LogPosition>,
}

/// An asset with the place and time of its registration.
pub(crate) type RegisteredAsset = (Arc<Asset>, Lsn, Seq, Timestamp);

/// One leg of a transaction, with its account's sums after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SealedPosting {
    pub(crate) tx_id: Uuid,
    pub(crate) seq: Seq,
    pub(crate) lsn: Lsn,
    /// Place of the leg in its transaction.
    pub(crate) index: u16,
    pub(crate) asset: AssetId,
    pub(crate) amount: i128,
    pub(crate) direction: Direction,
    pub(crate) occurred_at: Option<Timestamp>,
    pub(crate) committed_at: Timestamp,
    pub(crate) totals_after: Totals,
}

/// Conditions that hold for every row of a scan, and for which no row is left out.
#[derive(Debug, Clone)]
pub(crate) struct Narrowing {
    /// Inclusive.
    pub(crate) lsn: (u64, u64),
    /// Recorded time in microseconds; inclusive.
    pub(crate) at: (i64, i64),
    pub(crate) book: Option<String>,
    /// The path of an account; transactions have none, so there it means nothing.
    pub(crate) path: Option<crate::PathSelection>,
}

impl Default for Narrowing {
    fn default() -> Self {
        Narrowing { lsn: (1, u64::MAX), at: (i64::MIN, i64::MAX), book: None, path: None }
    }
}
