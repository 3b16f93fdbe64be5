//! The ledger unit: a transaction and its postings.

use crate::{AccountPath, AssetId, IdempotencyKey, JsonDocument, Timestamp, Totals};
use std::fmt;
use uuid::Uuid;

/// The most postings one transaction may have.
pub const POSTINGS_MAX: usize = 4_095;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    Debit,
    Credit,
}

impl Direction {
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Debit => "debit",
            Direction::Credit => "credit",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "debit" => Some(Direction::Debit),
            "credit" => Some(Direction::Credit),
            _ => None,
        }
    }

    pub fn opposite(self) -> Self {
        match self {
            Direction::Debit => Direction::Credit,
            Direction::Credit => Direction::Debit,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One leg of a transaction. The derived order is what makes postings comparable as a multiset.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Posting {
    pub account: AccountPath,
    pub asset: AssetId,
    pub direction: Direction,
    /// Minor units, 1 to 10³⁸ − 1.
    pub amount: i128,
}

/// A transaction that the rules accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    pub tx_id: Uuid,
    pub idempotency_key: IdempotencyKey,
    /// When it happened, if the caller said so. Absent stays absent.
    pub occurred_at: Option<Timestamp>,
    pub metadata: JsonDocument,
    pub external_refs: JsonDocument,
    /// The transaction that this one undoes.
    pub reverses: Option<Uuid>,
    /// In the order they were sent.
    pub postings: Vec<Posting>,
}

impl Posting {
    /// What this leg adds to lifetime sums.
    pub fn totals(&self) -> Totals {
        match self.direction {
            Direction::Debit => Totals { debits: self.amount, credits: 0 },
            Direction::Credit => Totals { debits: 0, credits: self.amount },
        }
    }
}
