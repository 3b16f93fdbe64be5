//! What the log adds up to, ready to be read at any cut.
//!
//! Owns the published accounts, postings, transactions and events, and the indexes over them. The
//! publisher is the only one that extends them; readers take a [`Cut`](crate::View::cut) first and
//! then see nothing behind it, whatever is applied meanwhile.
//!
//! Refuses to know how events came to be or where they are stored.
//!
//! Invariant: rows are only ever appended, in log order, so a cut is a prefix of every table.

mod books;
pub(crate) mod columns;
mod rows;

#[allow(
    unused_imports,
    reason = "AccountState is for sealed history, which nothing writes yet"
)]
pub(crate) use books::{AccountProjection, AccountState, BookProjection, PostingsAt};
pub(crate) use columns::{EventRow, PostingRow, TransactionRow};
pub(crate) use rows::{Bounds, CHUNK_ROWS, Piece, Row, Rows};

use crate::AssetRow;
use ledger::{AssetId, BookName, Event, EventBody, Lsn, Seq, Transaction, Uuid};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

#[derive(Debug, Default)]
pub(crate) struct Projections {
    cut: AtomicU64,
    assets: RwLock<Vec<(Arc<Event>, AssetRow)>>,
    books: RwLock<BTreeMap<BookName, Arc<BookProjection>>>,
    events: RwLock<Rows<EventRow>>,
    transactions: RwLock<Rows<TransactionRow>>,
    postings: RwLock<Rows<PostingRow>>,
    /// Lsns of the transactions of an id. Ids are unique in a book only.
    by_tx_id: RwLock<HashMap<Uuid, Vec<Lsn>>>,
}

const POISONED: &str = "a panic while projections change is a bug that must not be read past";

pub(crate) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().expect(POISONED)
}

pub(crate) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().expect(POISONED)
}

impl Projections {
    /// Everything up to here is visible to everyone.
    pub(crate) fn cut(&self) -> Lsn {
        Lsn(self.cut.load(Ordering::Acquire))
    }

    /// Makes what was applied visible. Called by the publisher alone, at the end of a frame.
    pub(crate) fn publish(&self, cut: Lsn) {
        self.cut.store(cut.0, Ordering::Release);
    }

    /// Extends every table by one durable event, which no reader sees before [`Self::publish`].
    pub(crate) fn apply(&self, event: &Arc<Event>) {
        let row = {
            let mut events = write(&self.events);
            assert_eq!(events.len() + 1, event.lsn.0, "events are applied in log order");
            events.push(EventRow(event.clone()));
            event.lsn
        };
        if let EventBody::AssetRegistered(asset) = &event.body {
            let asset = AssetRow { asset: asset.clone(), registered_at: event.at };
            write(&self.assets).push((event.clone(), asset));
        }
        let book = self.book_or_new(&event.book);
        match &event.body {
            EventBody::TransactionPosted(transaction) => {
                write(&self.by_tx_id).entry(transaction.tx_id).or_default().push(row);
                write(&self.transactions).push(TransactionRow(event.clone()));
                book.post(event, transaction, &self.postings);
            }
            _ => book.apply(event),
        }
    }

    pub(crate) fn book(&self, name: &str) -> Option<Arc<BookProjection>> {
        read(&self.books).get(name).cloned()
    }

    pub(crate) fn books(&self) -> Vec<Arc<BookProjection>> {
        read(&self.books).values().cloned().collect()
    }

    fn book_or_new(&self, name: &BookName) -> Arc<BookProjection> {
        if let Some(book) = self.book(name.as_str()) {
            return book;
        }
        let book = Arc::new(BookProjection::new(name.clone()));
        write(&self.books).insert(name.clone(), book.clone());
        book
    }

    pub(crate) fn assets(&self) -> Vec<(Arc<Event>, AssetRow)> {
        read(&self.assets).clone()
    }

    /// The event that registered an asset.
    pub(crate) fn asset_event(&self, id: &AssetId) -> Option<Arc<Event>> {
        let assets = read(&self.assets);
        assets.iter().find(|(_, row)| row.asset.id == *id).map(|(event, _)| event.clone())
    }

    pub(crate) fn event_at(&self, lsn: Lsn) -> Option<Arc<Event>> {
        let index = lsn.0.checked_sub(1)?;
        read(&self.events).get(index).map(|row| row.0.clone())
    }

    pub(crate) fn event(&self, book: &str, seq: Seq) -> Option<Arc<Event>> {
        let lsn = self.book(book)?.lsn_of(seq)?;
        self.event_at(lsn)
    }

    pub(crate) fn lsns_of_tx_id(&self, tx_id: &Uuid) -> Vec<Lsn> {
        read(&self.by_tx_id).get(tx_id).cloned().unwrap_or_default()
    }

    pub(crate) fn events(&self) -> RwLockReadGuard<'_, Rows<EventRow>> {
        read(&self.events)
    }

    pub(crate) fn transactions(&self) -> RwLockReadGuard<'_, Rows<TransactionRow>> {
        read(&self.transactions)
    }

    pub(crate) fn postings(&self) -> RwLockReadGuard<'_, Rows<PostingRow>> {
        read(&self.postings)
    }
}

/// The transaction in an event that is known to hold one.
pub(crate) fn transaction_of(event: &Event) -> &Arc<Transaction> {
    match &event.body {
        EventBody::TransactionPosted(transaction) => transaction,
        _ => unreachable!("only transaction events are kept as transactions and postings"),
    }
}
