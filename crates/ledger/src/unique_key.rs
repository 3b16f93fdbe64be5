//! What can exist only once, and so be in the way of a draft.

use crate::{BookView, Draft, Rejection, TransactionContent};

/// A uniqueness that the rules keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UniqueKey {
    /// Of a transaction, in its book.
    IdempotencyKey,
    /// Of a transaction, in its book.
    TxId,
    /// A transaction is reversed once.
    Reverses,
    /// An account's path, in its book.
    Account,
    Asset,
}

impl UniqueKey {
    /// Whether something else has what the draft would have of this. A draft that is a replay
    /// finds its own original.
    pub fn is_taken<V: BookView>(self, book: &V, draft: &Draft) -> bool {
        match (self, draft) {
            (UniqueKey::IdempotencyKey, Draft::PostTransaction(draft)) => {
                book.transaction_by_key(&draft.idempotency_key).is_some()
            }
            (UniqueKey::TxId, Draft::PostTransaction(draft)) => {
                book.transaction_by_id(&draft.tx_id).is_some()
            }
            (UniqueKey::Reverses, Draft::PostTransaction(draft)) => match &draft.content {
                TransactionContent::Reversal(reversed) => book.reversal_of(reversed).is_some(),
                TransactionContent::Postings(_) => false,
            },
            (UniqueKey::Account, Draft::OpenAccount { opening, .. }) => {
                book.account(&opening.path).is_some()
            }
            (UniqueKey::Asset, Draft::RegisterAsset(asset)) => book.asset(&asset.id).is_some(),
            _ => false,
        }
    }
}

impl Rejection {
    /// The uniqueness that was in the way, if that is why.
    pub fn unique_key(&self) -> Option<UniqueKey> {
        match self {
            Rejection::AssetExists { .. } => Some(UniqueKey::Asset),
            Rejection::AccountExists { .. } => Some(UniqueKey::Account),
            Rejection::IdempotencyKeyConflict { .. } => Some(UniqueKey::IdempotencyKey),
            Rejection::TxIdTaken { .. } => Some(UniqueKey::TxId),
            Rejection::AlreadyReversed { .. } => Some(UniqueKey::Reverses),
            Rejection::UnknownAsset { .. }
            | Rejection::PrecisionOutOfRange { .. }
            | Rejection::UnknownReversed { .. }
            | Rejection::UnknownAccount { .. }
            | Rejection::AccountClosed { .. }
            | Rejection::AssetMismatch { .. }
            | Rejection::TooManyPostings { .. }
            | Rejection::TooFewPostings { .. }
            | Rejection::AmountNotPositive { .. }
            | Rejection::AmountOutOfRange { .. }
            | Rejection::Unbalanced { .. }
            | Rejection::BalanceOutOfRange { .. }
            | Rejection::BookTotalOutOfRange { .. }
            | Rejection::BelowMinBalance { .. } => None,
        }
    }
}
