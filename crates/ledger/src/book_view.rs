//! What a decision may look at: one book as it stands, wherever it is kept.
//!
//! [`crate::decide`] asks through this trait, so that the same rules run over the book's state,
//! over an overlay of a group that is not committed yet, and over indexes on disk.

use crate::{
    Account, AccountOpening, AccountPath, Asset, AssetId, IdempotencyKey, PostedTransaction, Seq,
    Totals, Transaction,
};
use std::sync::Arc;
use uuid::Uuid;

pub trait BookView {
    fn asset(&self, id: &AssetId) -> Option<Arc<Asset>>;
    fn account(&self, path: &AccountPath) -> Option<&Account>;
    /// Lifetime sums of the whole book in one asset.
    fn totals(&self, asset: &AssetId) -> Totals;
    fn transaction_by_key(&self, key: &IdempotencyKey) -> Option<PostedTransaction>;
    fn transaction_by_id(&self, tx_id: &Uuid) -> Option<PostedTransaction>;
    /// The transaction that reverses `tx_id`, if there is one.
    fn reversal_of(&self, tx_id: &Uuid) -> Option<Uuid>;
}

/// What a replay repeats: the thing that exists already, with the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Original {
    Asset(Arc<Asset>),
    Account(Arc<AccountOpening>),
    Transaction { seq: Seq, transaction: Arc<Transaction> },
}
