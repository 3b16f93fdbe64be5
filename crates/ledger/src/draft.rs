//! What callers ask for: a draft becomes an event or is rejected.

use crate::{
    AccountChange, AccountOpening, AccountPath, Asset, AssetId, BookName, Direction,
    IdempotencyKey, JsonDocument, Timestamp,
};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Draft {
    RegisterAsset(Arc<Asset>),
    OpenAccount { book: BookName, opening: Arc<AccountOpening> },
    ChangeAccount(AccountChangeDraft),
    PostTransaction(TransactionDraft),
}

impl Draft {
    /// The book whose history the draft would extend. Assets belong to the system book.
    pub fn book(&self) -> BookName {
        self.book_name().clone()
    }

    pub fn book_name(&self) -> &BookName {
        match self {
            Draft::RegisterAsset(_) => BookName::system_name(),
            Draft::OpenAccount { book, .. } => book,
            Draft::ChangeAccount(draft) => &draft.book,
            Draft::PostTransaction(draft) => &draft.book,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountChangeDraft {
    pub book: BookName,
    pub path: AccountPath,
    pub change: AccountChange,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionDraft {
    pub book: BookName,
    /// The id the transaction gets if it is new. Not content: a replay keeps the original's.
    pub tx_id: Uuid,
    pub idempotency_key: IdempotencyKey,
    pub occurred_at: Option<Timestamp>,
    pub metadata: JsonDocument,
    pub external_refs: JsonDocument,
    pub content: TransactionContent,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionContent {
    Postings(Vec<PostingDraft>),
    /// The mirror image of an earlier transaction of the same book.
    Reversal(Uuid),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostingDraft {
    pub account: AccountPath,
    /// May be left out: the account implies it.
    pub asset: Option<AssetId>,
    pub direction: Direction,
    pub amount: i128,
}
