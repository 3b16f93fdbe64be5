//! The state that deciding needs: the assets of the store, and one book.
//!
//! [`BookState::apply`] cannot fail: whatever is applied was decided on this state (or read back
//! from a log whose events were), and `decide` bounds every sum it adds.

use crate::{
    Account, AccountPath, Asset, AssetId, BookView, Event, EventBody, IdempotencyKey, Seq, Totals,
    Transaction,
};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// All registered assets. They belong to the store, not to a book.
pub type AssetRegister = HashMap<AssetId, Arc<Asset>>;

/// A transaction and the place it has in its book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedTransaction {
    pub seq: Seq,
    pub transaction: Arc<Transaction>,
}

/// One book as it stands after its last event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BookState {
    pub(crate) head: Seq,
    pub(crate) accounts: HashMap<AccountPath, Account>,
    pub(crate) totals: HashMap<AssetId, Totals>,
    by_key: HashMap<IdempotencyKey, PostedTransaction>,
    by_id: HashMap<Uuid, PostedTransaction>,
    reversals: HashMap<Uuid, Uuid>,
}

impl BookState {
    /// The position of the book's last event.
    pub fn head(&self) -> Seq {
        self.head
    }

    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    pub fn totals(&self) -> impl Iterator<Item = (&AssetId, &Totals)> {
        self.totals.iter()
    }

    /// Extends the book by one event, which must be the next one.
    ///
    /// # Panics
    /// If the event is not the book's next, or breaks a bound that `decide` keeps: a broken
    /// invariant of the caller, never of data (recovery audits events before it applies them).
    pub fn apply(&mut self, event: &Event) {
        assert_eq!(event.seq, self.head.next(), "events are applied in order, without gaps");
        self.head = event.seq;
        self.apply_body(event.seq, &event.body);
    }

    pub(crate) fn apply_body(&mut self, seq: Seq, body: &EventBody) {
        match body {
            EventBody::AssetRegistered(_) => {}
            EventBody::AccountOpened(opening) => {
                self.accounts.insert(opening.path.clone(), Account::open(opening.clone()));
            }
            EventBody::AccountChanged { path, change } => {
                self.accounts
                    .get_mut(path)
                    .expect("a changed account is open: decide looked it up")
                    .change(change);
            }
            EventBody::TransactionPosted(transaction) => self.apply_transaction(seq, transaction),
        }
    }

    fn apply_transaction(&mut self, seq: Seq, transaction: &Arc<Transaction>) {
        for posting in &transaction.postings {
            let account = self
                .accounts
                .get_mut(&posting.account)
                .expect("a posted account is open: decide looked it up");
            let leg = posting.totals();
            account.totals = account
                .totals
                .checked_add(&leg)
                .expect("decide bounds every account's lifetime sums");
            let book_total = self.totals.entry(posting.asset.clone()).or_default();
            *book_total =
                book_total.checked_add(&leg).expect("decide bounds the book's lifetime sums");
        }
        let posted = PostedTransaction { seq, transaction: transaction.clone() };
        self.by_key.insert(transaction.idempotency_key.clone(), posted.clone());
        self.by_id.insert(transaction.tx_id, posted);
        if let Some(reversed) = transaction.reverses {
            self.reversals.insert(reversed, transaction.tx_id);
        }
    }

    /// This book together with the store's assets: what a decision looks at.
    pub fn with_assets<'a>(&'a self, assets: &'a AssetRegister) -> BookAndAssets<'a> {
        BookAndAssets { book: self, assets }
    }
}

/// A [`BookView`] on a book's state and the store's assets.
#[derive(Debug, Clone, Copy)]
pub struct BookAndAssets<'a> {
    pub(crate) book: &'a BookState,
    assets: &'a AssetRegister,
}

impl BookView for BookAndAssets<'_> {
    fn asset(&self, id: &AssetId) -> Option<Arc<Asset>> {
        self.assets.get(id).cloned()
    }

    fn account(&self, path: &AccountPath) -> Option<&Account> {
        self.book.accounts.get(path)
    }

    fn totals(&self, asset: &AssetId) -> Totals {
        self.book.totals.get(asset).copied().unwrap_or_default()
    }

    fn transaction_by_key(&self, key: &IdempotencyKey) -> Option<PostedTransaction> {
        self.book.by_key.get(key).cloned()
    }

    fn transaction_by_id(&self, tx_id: &Uuid) -> Option<PostedTransaction> {
        self.book.by_id.get(tx_id).cloned()
    }

    fn reversal_of(&self, tx_id: &Uuid) -> Option<Uuid> {
        self.book.reversals.get(tx_id).copied()
    }
}
