//! What a block has written so far: decided, not committed, and seen by the block alone.
//!
//! Owns the block's events in the order they came, indexed by what deciding and reading ask for,
//! and undoes them down to a savepoint. Holds sums as what they add to the ledger, so that nothing
//! here changes when others commit. Refuses to know the ledger itself: how staged writes look on
//! top of it is said in [`deciding`] for the next draft and in `view/staged.rs` for readers.

mod book;
pub(crate) mod deciding;
mod journal;

pub(crate) use book::{StagedAccount, StagedBook};

use foldhash::fast::RandomState;
use journal::Entry;
use ledger::{Asset, AssetId, BookName, EventBody, IdempotencyKey, Posting, Transaction, Uuid};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A block's writes, staged. They are not committed and do not count for anybody else.
///
/// What is added was decided on exactly these writes ([`crate::Ledger::decide_staged`],
/// [`crate::Ledger::resolve_postings`]): that is what bounds the sums in here.
#[derive(Debug, Clone, Default)]
pub struct StagedWrites {
    books: BTreeMap<BookName, StagedBook>,
    assets: Vec<Arc<Asset>>,
    assets_by_id: HashMap<AssetId, usize, RandomState>,
    /// In the order they were begun, which is the order they will be committed in.
    transactions: Vec<StagedTransaction>,
    /// Where they are, by id: one in every book that has it.
    places: HashMap<Uuid, Vec<usize>, RandomState>,
    /// How to undo everything, newest last.
    journal: Vec<Entry>,
}

/// A transaction with the legs it has so far.
#[derive(Debug, Clone)]
pub(crate) struct StagedTransaction {
    pub(crate) book: BookName,
    pub(crate) transaction: Arc<Transaction>,
}

/// A savepoint: how much was staged by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StagedMark(usize);

impl StagedWrites {
    pub fn is_empty(&self) -> bool {
        self.journal.is_empty()
    }

    pub fn mark(&self) -> StagedMark {
        StagedMark(self.journal.len())
    }

    /// Undoes what was staged since, newest first.
    pub fn roll_back_to(&mut self, mark: StagedMark) {
        while self.journal.len() > mark.0 {
            self.undo_newest();
        }
    }

    /// Adds what was decided. A transaction may come without postings, or with some: then it is
    /// being assembled, and [`Self::add_postings`] completes it.
    pub fn add(&mut self, book: &BookName, body: EventBody) {
        match body {
            EventBody::AssetRegistered(asset) => {
                self.assets_by_id.entry(asset.id.clone()).or_insert(self.assets.len());
                self.assets.push(asset);
                self.journal.push(Entry::Asset);
            }
            EventBody::AccountOpened(opening) => {
                let path = opening.path.clone();
                self.book_mut(book).account_mut(&path).opening = Some(opening);
                self.journal.push(Entry::Opening { book: book.clone(), path });
            }
            EventBody::AccountChanged { path, change } => {
                self.book_mut(book).account_mut(&path).push_change(&change);
                self.journal.push(Entry::Change { book: book.clone(), path });
            }
            EventBody::TransactionPosted(transaction) => self.add_transaction(book, transaction),
        }
    }

    fn add_transaction(&mut self, book: &BookName, transaction: Arc<Transaction>) {
        let place = self.transactions.len();
        let staged = self.book_mut(book);
        staged.name_transaction(place, &transaction);
        staged.post(place, 0, &transaction.postings);
        self.places.entry(transaction.tx_id).or_default().push(place);
        self.transactions.push(StagedTransaction { book: book.clone(), transaction });
        self.journal.push(Entry::Transaction);
    }

    /// Adds legs, resolved before, to a transaction that was staged in this block: the newest that
    /// has this id, if several books have one.
    ///
    /// # Panics
    /// If this block has staged no such transaction.
    pub fn add_postings(&mut self, tx_id: Uuid, postings: Vec<Posting>) {
        let place = self.place(tx_id).expect("legs are added to a transaction of this block");
        let StagedTransaction { book, transaction } = &mut self.transactions[place];
        let first = transaction.postings.len();
        let staged = self.books.get_mut(book).expect("a staged transaction's book is staged");
        staged.post(place, first, &postings);
        self.journal.push(Entry::Postings { place, first });
        Arc::make_mut(transaction).postings.extend(postings);
    }

    /// Whether a transaction staged in `book` has the key.
    pub fn has_key(&self, book: &BookName, key: &IdempotencyKey) -> bool {
        let staged = self.book(book.as_str());
        staged.is_some_and(|staged| staged.place_of_key(key.as_str()).is_some())
    }

    /// A transaction of this block with all legs it has so far, and its book.
    pub fn transaction(&self, tx_id: Uuid) -> Option<(BookName, Arc<Transaction>)> {
        let StagedTransaction { book, transaction } = &self.transactions[self.place(tx_id)?];
        Some((book.clone(), transaction.clone()))
    }

    fn place(&self, tx_id: Uuid) -> Option<usize> {
        self.places.get(&tx_id)?.last().copied()
    }

    fn book_mut(&mut self, name: &BookName) -> &mut StagedBook {
        self.books.entry(name.clone()).or_default()
    }
}

/// What deciding and reading look at.
impl StagedWrites {
    pub(crate) fn book(&self, name: &str) -> Option<&StagedBook> {
        self.books.get(name)
    }

    pub(crate) fn named_book(&self, name: &str) -> Option<(&BookName, &StagedBook)> {
        self.books.get_key_value(name)
    }

    pub(crate) fn books(&self) -> impl Iterator<Item = (&BookName, &StagedBook)> {
        self.books.iter()
    }

    pub(crate) fn asset(&self, id: &AssetId) -> Option<&Arc<Asset>> {
        self.assets_by_id.get(id).map(|place| &self.assets[*place])
    }

    /// In the order they were registered.
    pub(crate) fn assets(&self) -> &[Arc<Asset>] {
        &self.assets
    }

    /// By place, in the order they were begun.
    pub(crate) fn transactions(&self) -> &[StagedTransaction] {
        &self.transactions
    }

    /// The places of the transactions with this id, of any book.
    pub(crate) fn places_of(&self, tx_id: &Uuid) -> &[usize] {
        self.places.get(tx_id).map_or(&[], Vec::as_slice)
    }
}
