//! A book as it would stand if the drafts decided so far were committed.
//!
//! A group decides on an overlay, so that its drafts see each other, and a rejection is undone by
//! dropping it. Only what the group touched is copied.

use crate::state::BookWithPast;
use crate::{
    Account, AccountPath, Asset, AssetId, AssetRegister, BookState, BookView, EventBody, HashMap,
    IdempotencyKey, PostedTransaction, Posting, Seq, Totals, Transaction, TransactionIndex,
    TransactionLookup,
};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Debug)]
pub struct Overlay<'a, T> {
    base: BookWithPast<'a, T>,
    /// Assets registered earlier in the same group, in whatever order its books are decided.
    assets: AssetRegister,
    head: Seq,
    accounts: HashMap<AccountPath, Account>,
    totals: HashMap<AssetId, Totals>,
    transactions: TransactionIndex,
}

impl<'a, T: TransactionLookup> Overlay<'a, T> {
    pub fn new(book: &'a BookState, assets: &'a AssetRegister, transactions: &'a T) -> Self {
        Overlay {
            base: book.with(assets, transactions),
            assets: AssetRegister::default(),
            head: book.head(),
            accounts: HashMap::default(),
            totals: HashMap::default(),
            transactions: TransactionIndex::default(),
        }
    }

    /// Shows an asset that another book's part of the same group registered.
    pub fn show_asset(&mut self, asset: Arc<Asset>) {
        self.assets.insert(asset.id.clone(), asset);
    }

    /// Shows an account as it stands with what is staged elsewhere, in place of the base's.
    pub fn show_account(&mut self, account: Account) {
        self.accounts.insert(account.opening.path.clone(), account);
    }

    /// Shows the book's sums in an asset with what is staged elsewhere in them.
    pub fn show_totals(&mut self, asset: AssetId, totals: Totals) {
        self.totals.insert(asset, totals);
    }

    /// Shows a transaction that is staged elsewhere by its names, without its effect on accounts.
    pub fn show_transaction(&mut self, transaction: &Arc<Transaction>) {
        self.transactions.insert(Seq::default(), transaction);
    }

    /// Adds one leg that [`crate::resolve_posting`] gave.
    pub fn show_posting(&mut self, posting: &Posting) {
        let leg = posting.totals();
        let account = self.account_mut(&posting.account);
        account.totals = account
            .totals
            .checked_add(&leg)
            .expect("deciding bounds every account's lifetime sums");
        let book_total = BookView::totals(self, &posting.asset)
            .checked_add(&leg)
            .expect("deciding bounds the book's lifetime sums");
        self.totals.insert(posting.asset.clone(), book_total);
    }

    /// Adds what was decided; gives the seq it will have if the group commits.
    pub fn apply(&mut self, body: &EventBody) -> Seq {
        self.head = self.head.next();
        match body {
            EventBody::AssetRegistered(asset) => self.show_asset(asset.clone()),
            EventBody::AccountOpened(opening) => {
                self.accounts.insert(opening.path.clone(), Account::open(opening.clone()));
            }
            EventBody::AccountChanged { path, change } => self.account_mut(path).change(change),
            EventBody::TransactionPosted(transaction) => {
                transaction.postings.iter().for_each(|posting| self.show_posting(posting));
                // It has no place yet that a conflict with it could name.
                self.transactions.insert(Seq::default(), transaction);
            }
        }
        self.head
    }

    fn account_mut(&mut self, path: &AccountPath) -> &mut Account {
        let base = self.base.book;
        self.accounts.entry(path.clone()).or_insert_with(|| {
            base.accounts.get(path).cloned().expect("decide looked the account up")
        })
    }
}

impl<T: TransactionLookup> BookView for Overlay<'_, T> {
    fn asset(&self, id: &AssetId) -> Option<Arc<Asset>> {
        self.assets.get(id).cloned().or_else(|| self.base.asset(id))
    }

    fn account(&self, path: &AccountPath) -> Option<&Account> {
        self.accounts.get(path).or_else(|| self.base.book.accounts.get(path))
    }

    fn totals(&self, asset: &AssetId) -> Totals {
        self.totals.get(asset).copied().unwrap_or_else(|| self.base.totals(asset))
    }

    fn transaction_by_key(&self, key: &IdempotencyKey) -> Option<PostedTransaction> {
        self.transactions.by_key(key).or_else(|| self.base.transaction_by_key(key))
    }

    fn transaction_by_id(&self, tx_id: &Uuid) -> Option<PostedTransaction> {
        self.transactions.by_id(tx_id).or_else(|| self.base.transaction_by_id(tx_id))
    }

    fn reversal_of(&self, tx_id: &Uuid) -> Option<Uuid> {
        self.transactions.reversal_of(tx_id).or_else(|| self.base.reversal_of(tx_id))
    }
}
