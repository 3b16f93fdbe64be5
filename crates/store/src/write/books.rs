//! The authoritative books: what deciding looks at, staged events included.
//!
//! A book's lock is its writer: whoever holds it decides and stages, and nobody else does. It is
//! held for the time of a decision, never across a disk call or an await.

use super::in_flight::InFlight;
use foldhash::fast::RandomState;
use futures::channel::oneshot;
use ledger::{Asset, AssetRegister, BookName, BookState, Event, EventBody, Lsn};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) state: BookState,
    /// The book's newest staged event: an answer that looked at the book rests on it.
    pub(crate) staged: Lsn,
    pub(crate) in_flight: Arc<InFlight>,
}

/// All books by name, and the store's assets.
#[derive(Debug, Default)]
pub(crate) struct Books {
    books: RwLock<HashMap<BookName, Arc<Mutex<Book>>, RandomState>>,
    assets: RwLock<AssetRegister>,
    /// The staged bytes of all books.
    in_flight: Arc<InFlight>,
}

const POISONED: &str = "a panic while a book changes is a bug that must not be written past";

pub(crate) fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().expect(POISONED)
}

impl Books {
    pub(crate) fn get(&self, name: &BookName) -> Option<Arc<Mutex<Book>>> {
        self.books.read().expect(POISONED).get(name).cloned()
    }

    pub(crate) fn get_or_open(&self, name: &BookName) -> Arc<Mutex<Book>> {
        if let Some(book) = self.get(name) {
            return book;
        }
        self.books.write().expect(POISONED).entry(name.clone()).or_default().clone()
    }

    /// Resolves when a book has less in flight; `None` if too many wait for that already.
    pub(crate) fn wait_for_room(&self, name: &BookName) -> Option<oneshot::Receiver<()>> {
        let book = self.get_or_open(name);
        let in_flight = lock(&book).in_flight.clone();
        in_flight.wait_for_room()
    }

    pub(crate) fn in_flight(&self) -> &Arc<InFlight> {
        &self.in_flight
    }

    pub(crate) fn with_assets<T>(&self, decide: impl FnOnce(&AssetRegister) -> T) -> T {
        decide(&self.assets.read().expect(POISONED))
    }

    /// Takes a staged or recovered event into its book, whose lock the caller holds.
    pub(crate) fn apply(&self, book: &mut Book, event: &Event) {
        book.state.apply(event);
        book.staged = event.lsn;
        if let EventBody::AssetRegistered(asset) = &event.body {
            self.assets.write().expect(POISONED).insert(asset.id.clone(), asset.clone());
        }
    }

    /// Takes an event that recovery read back, if `audit` finds nothing wrong with it.
    pub(crate) fn replay<E>(
        &self,
        event: &Event,
        audit: impl FnOnce(&BookState, &AssetRegister) -> Result<(), E>,
    ) -> Result<(), E> {
        let book = self.get_or_open(&event.book);
        let book = &mut *lock(&book);
        self.with_assets(|assets| audit(&book.state, assets))?;
        self.apply(book, event);
        Ok(())
    }

    /// Takes over a book that a checkpoint held.
    pub(crate) fn restore(&self, name: BookName, state: BookState, staged: Lsn) {
        let book = Book { state, staged, in_flight: Arc::default() };
        self.books.write().expect(POISONED).insert(name, Arc::new(Mutex::new(book)));
    }

    pub(crate) fn restore_asset(&self, asset: Arc<Asset>) {
        self.assets.write().expect(POISONED).insert(asset.id.clone(), asset);
    }
}
