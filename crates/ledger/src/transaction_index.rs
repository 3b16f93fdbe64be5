//! Finding a book's earlier transactions, wherever they are kept.
//!
//! Deciding and auditing ask three questions about the past: who used this key, who has this id,
//! who reversed this id. The answers may come from memory or from an index on disk, so they are
//! asked through [`TransactionLookup`].

use crate::{HashMap, IdempotencyKey, Seq, Transaction};
use std::sync::Arc;
use uuid::Uuid;

/// A transaction and the place it has in its book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedTransaction {
    pub seq: Seq,
    pub transaction: Arc<Transaction>,
}

/// The transactions of one book, by what is unique in it.
pub trait TransactionLookup {
    fn by_key(&self, key: &IdempotencyKey) -> Option<PostedTransaction>;
    fn by_id(&self, tx_id: &Uuid) -> Option<PostedTransaction>;
    /// The transaction that reverses `tx_id`, if there is one.
    fn reversal_of(&self, tx_id: &Uuid) -> Option<Uuid>;
}

/// Transactions in memory: all of a small book, or those that a decision will ask for.
#[derive(Debug, Clone, Default)]
pub struct TransactionIndex {
    by_key: HashMap<IdempotencyKey, PostedTransaction>,
    by_id: HashMap<Uuid, PostedTransaction>,
    reversals: HashMap<Uuid, Uuid>,
}

impl TransactionIndex {
    pub fn insert(&mut self, seq: Seq, transaction: &Arc<Transaction>) {
        let posted = PostedTransaction { seq, transaction: transaction.clone() };
        self.by_key.insert(transaction.idempotency_key.clone(), posted.clone());
        self.by_id.insert(transaction.tx_id, posted);
        if let Some(reversed) = transaction.reverses {
            self.reversals.insert(reversed, transaction.tx_id);
        }
    }
}

impl TransactionLookup for TransactionIndex {
    fn by_key(&self, key: &IdempotencyKey) -> Option<PostedTransaction> {
        self.by_key.get(key).cloned()
    }

    fn by_id(&self, tx_id: &Uuid) -> Option<PostedTransaction> {
        self.by_id.get(tx_id).cloned()
    }

    fn reversal_of(&self, tx_id: &Uuid) -> Option<Uuid> {
        self.reversals.get(tx_id).copied()
    }
}
