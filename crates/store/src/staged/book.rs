//! One book's part of a block's writes: what they add to its accounts and sums.

use foldhash::fast::RandomState;
use ledger::{
    AccountChange, AccountOpening, AccountPath, AssetId, IdempotencyKey, Posting, Totals,
    Transaction, Uuid,
};
use std::collections::hash_map::Entry as MapEntry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

type Places<K> = HashMap<K, usize, RandomState>;

/// Transactions are named by their places in the block.
#[derive(Debug, Clone, Default)]
pub(crate) struct StagedBook {
    accounts: BTreeMap<AccountPath, StagedAccount>,
    totals: HashMap<AssetId, Totals, RandomState>,
    by_key: Places<IdempotencyKey>,
    by_id: Places<Uuid>,
    /// By the id of what is reversed.
    reversals: Places<Uuid>,
}

/// What a block adds to an account, which may be new or not.
#[derive(Debug, Clone, Default)]
pub(crate) struct StagedAccount {
    pub(crate) opening: Option<Arc<AccountOpening>>,
    /// Each with all before it in it, so that the last one says everything.
    pub(super) changes: Vec<AccountChange>,
    /// What the legs add.
    pub(crate) totals: Totals,
    /// Transaction and leg, in the order in which they will be committed.
    pub(crate) legs: BTreeSet<(usize, usize)>,
}

const BOUNDED: &str = "deciding bounds lifetime sums, staged writes included";

impl StagedBook {
    pub(super) fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.by_id.is_empty()
    }

    pub(super) fn account_mut(&mut self, path: &AccountPath) -> &mut StagedAccount {
        self.accounts.entry(path.clone()).or_default()
    }

    pub(super) fn undo_account(
        &mut self,
        path: &AccountPath,
        undo: impl FnOnce(&mut StagedAccount),
    ) {
        if let Some(account) = self.accounts.get_mut(path) {
            undo(account);
            if account.is_untouched() {
                self.accounts.remove(path);
            }
        }
    }

    /// Takes the names a transaction has; those that are taken stay with whom they belong to.
    pub(super) fn name_transaction(&mut self, place: usize, transaction: &Transaction) {
        self.by_key.entry(transaction.idempotency_key.clone()).or_insert(place);
        self.by_id.entry(transaction.tx_id).or_insert(place);
        if let Some(reversed) = transaction.reverses {
            self.reversals.entry(reversed).or_insert(place);
        }
    }

    pub(super) fn unname_transaction(&mut self, place: usize, transaction: &Transaction) {
        forget(&mut self.by_key, transaction.idempotency_key.clone(), place);
        forget(&mut self.by_id, transaction.tx_id, place);
        if let Some(reversed) = transaction.reverses {
            forget(&mut self.reversals, reversed, place);
        }
    }

    /// Adds legs of the transaction at `place`, of which `first` is the first.
    pub(super) fn post(&mut self, place: usize, first: usize, postings: &[Posting]) {
        for (leg, posting) in (first..).zip(postings) {
            let account = self.account_mut(&posting.account);
            account.legs.insert((place, leg));
            account.totals = account.totals.checked_add(&posting.totals()).expect(BOUNDED);
            let totals = self.totals.entry(posting.asset.clone()).or_default();
            *totals = totals.checked_add(&posting.totals()).expect(BOUNDED);
        }
    }

    pub(super) fn undo_post(&mut self, place: usize, first: usize, postings: &[Posting]) {
        for (leg, posting) in (first..).zip(postings) {
            let undone = posting.totals();
            self.undo_account(&posting.account, |account| {
                account.legs.remove(&(place, leg));
                account.totals = without(&account.totals, &undone);
            });
            if let Some(totals) = self.totals.get_mut(&posting.asset) {
                *totals = without(totals, &undone);
            }
        }
    }

    pub(crate) fn account(&self, path: &str) -> Option<&StagedAccount> {
        self.accounts.get(path)
    }

    /// In path order, those that start with `prefix`.
    pub(crate) fn accounts(
        &self,
        prefix: &str,
    ) -> impl Iterator<Item = (&AccountPath, &StagedAccount)> {
        let from = (std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded);
        let accounts = self.accounts.range::<str, _>(from);
        accounts.take_while(move |(path, _)| path.as_str().starts_with(prefix))
    }

    /// What the block adds to the book's sums in an asset.
    pub(crate) fn totals(&self, asset: &AssetId) -> Totals {
        self.totals.get(asset).copied().unwrap_or_default()
    }

    pub(crate) fn place_of_key(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    pub(crate) fn place_of_id(&self, tx_id: &Uuid) -> Option<usize> {
        self.by_id.get(tx_id).copied()
    }

    pub(crate) fn place_of_reversal(&self, reversed: &Uuid) -> Option<usize> {
        self.reversals.get(reversed).copied()
    }
}

impl StagedAccount {
    fn is_untouched(&self) -> bool {
        self.opening.is_none() && self.changes.is_empty() && self.legs.is_empty()
    }

    pub(super) fn push_change(&mut self, change: &AccountChange) {
        let mut all = self.changes.last().cloned().unwrap_or_default();
        all.min_balance = change.min_balance.or(all.min_balance);
        all.metadata = change.metadata.clone().or(all.metadata);
        all.closed = change.closed.or(all.closed);
        self.changes.push(all);
    }

    /// Everything the block changes about the account.
    pub(crate) fn change(&self) -> Option<&AccountChange> {
        self.changes.last()
    }
}

fn forget<K: Eq + Hash>(places: &mut Places<K>, name: K, place: usize) {
    if let MapEntry::Occupied(known) = places.entry(name)
        && *known.get() == place
    {
        known.remove();
    }
}

/// Takes away what was added before.
fn without(totals: &Totals, undone: &Totals) -> Totals {
    Totals { debits: totals.debits - undone.debits, credits: totals.credits - undone.credits }
}
