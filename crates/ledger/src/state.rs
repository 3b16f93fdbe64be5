//! The state that deciding needs: the assets of the store, and one book.
//!
//! [`BookState::apply`] cannot fail: whatever is applied was decided on this state (or read back
//! from a log whose events were), and `decide` bounds every sum it adds.

use crate::{
    Account, AccountPath, Asset, AssetId, BookView, Event, EventBody, HashMap, IdempotencyKey,
    PostedTransaction, Seq, Totals, Transaction, TransactionLookup,
};
use std::sync::Arc;
use uuid::Uuid;

/// All registered assets. They belong to the store, not to a book.
pub type AssetRegister = HashMap<AssetId, Arc<Asset>>;

/// One book as it stands after its last event: its accounts and sums. Its transactions are history
/// and are kept elsewhere ([`TransactionLookup`]).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BookState {
    pub(crate) head: Seq,
    pub(crate) accounts: HashMap<AccountPath, Account>,
    pub(crate) totals: HashMap<AssetId, Totals>,
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
        match &event.body {
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
            EventBody::TransactionPosted(transaction) => self.apply_transaction(transaction),
        }
    }

    fn apply_transaction(&mut self, transaction: &Transaction) {
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
    }

    /// A book that stands where a checkpoint left it.
    ///
    /// `None` if the accounts' sums do not fit one book: then no history can have led there.
    pub fn restore(head: Seq, accounts: impl IntoIterator<Item = Account>) -> Option<Self> {
        let mut state = BookState { head, ..BookState::default() };
        for account in accounts {
            let total = state.totals.entry(account.opening.asset.clone()).or_default();
            *total = total.checked_add(&account.totals)?;
            state.accounts.insert(account.opening.path.clone(), account);
        }
        // An asset nobody has posted in has no sums yet.
        state.totals.retain(|_, totals| *totals != Totals::default());
        Some(state)
    }

    /// This book together with the store's assets and its own past: what a decision looks at.
    pub fn with<'a, T: TransactionLookup>(
        &'a self,
        assets: &'a AssetRegister,
        transactions: &'a T,
    ) -> BookWithPast<'a, T> {
        BookWithPast { book: self, assets, transactions }
    }
}

/// A [`BookView`] on a book's state, the store's assets and the book's transactions.
#[derive(Debug)]
pub struct BookWithPast<'a, T> {
    pub(crate) book: &'a BookState,
    assets: &'a AssetRegister,
    transactions: &'a T,
}

impl<T: TransactionLookup> BookView for BookWithPast<'_, T> {
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
        self.transactions.by_key(key)
    }

    fn transaction_by_id(&self, tx_id: &Uuid) -> Option<PostedTransaction> {
        self.transactions.by_id(tx_id)
    }

    fn reversal_of(&self, tx_id: &Uuid) -> Option<Uuid> {
        self.transactions.reversal_of(tx_id)
    }
}
