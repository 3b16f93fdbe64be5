//! Undoing staged writes, one at a time, newest first.

use super::StagedWrites;
use ledger::{AccountPath, BookName};
use std::collections::hash_map::Entry as MapEntry;
use std::sync::Arc;

/// What was staged, as far as undoing it has to know.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    Asset,
    Opening {
        book: BookName,
        path: AccountPath,
    },
    Change {
        book: BookName,
        path: AccountPath,
    },
    Transaction,
    /// Legs from `first` on were added to the transaction at `place`.
    Postings {
        place: usize,
        first: usize,
    },
}

impl StagedWrites {
    pub(super) fn undo_newest(&mut self) {
        match self.journal.pop() {
            None => {}
            Some(Entry::Asset) => self.undo_asset(),
            Some(Entry::Opening { book, path }) => self.undo_in(&book, |staged| {
                staged.undo_account(&path, |account| account.opening = None);
            }),
            Some(Entry::Change { book, path }) => self.undo_in(&book, |staged| {
                staged.undo_account(&path, |account| drop(account.changes.pop()));
            }),
            Some(Entry::Transaction) => self.undo_transaction(),
            Some(Entry::Postings { place, first }) => self.undo_postings(place, first),
        }
    }

    fn undo_asset(&mut self) {
        let Some(asset) = self.assets.pop() else { return };
        if let MapEntry::Occupied(known) = self.assets_by_id.entry(asset.id.clone())
            && *known.get() == self.assets.len()
        {
            known.remove();
        }
    }

    fn undo_transaction(&mut self) {
        let Some(undone) = self.transactions.pop() else { return };
        let place = self.transactions.len();
        if let MapEntry::Occupied(mut places) = self.places.entry(undone.transaction.tx_id) {
            places.get_mut().pop();
            if places.get().is_empty() {
                places.remove();
            }
        }
        self.undo_in(&undone.book, |staged| {
            staged.undo_post(place, 0, &undone.transaction.postings);
            staged.unname_transaction(place, &undone.transaction);
        });
    }

    fn undo_postings(&mut self, place: usize, first: usize) {
        let undone = &mut self.transactions[place];
        let postings = Arc::make_mut(&mut undone.transaction).postings.split_off(first);
        let book = undone.book.clone();
        self.undo_in(&book, |staged| staged.undo_post(place, first, &postings));
    }

    fn undo_in(&mut self, book: &BookName, undo: impl FnOnce(&mut super::StagedBook)) {
        if let Some(staged) = self.books.get_mut(book) {
            undo(staged);
            if staged.is_empty() {
                self.books.remove(book);
            }
        }
    }
}
