//! What the log adds up to, ready to be read at any cut.
//!
//! Owns the published accounts whole, the newest postings, transactions and events as rows, and
//! the way from a question to the sealed history or the log where the answer is no longer in
//! memory. The publisher is the only one that extends it; readers take a
//! [`Cut`](crate::View::cut) first and then see nothing behind it, whatever is applied meanwhile.
//!
//! Refuses to know how events came to be.
//!
//! Invariants: rows are only ever appended, in log order, so a cut is a prefix of every table; and
//! what a table has evicted is sealed, so a reader who looks at the table first and at the sealed
//! history second misses nothing.

mod accounts;
mod books;
pub(crate) mod columns;
mod recorded_time;
mod rows;

pub(crate) use accounts::{AccountProjection, AccountRecord, AccountState, Sums, SumsAt};
pub(crate) use books::{BookHead, BookProjection};
pub(crate) use columns::{EventRow, PostingRow, TransactionRow};
pub(crate) use rows::{Bounds, CHUNK_ROWS, Piece, Row, Rows};

use crate::history::keys::{KeyHash, RecentLsns};
use crate::history::{History, SealedPosting};
use crate::{AssetRow, ReadError};
use foldhash::fast::RandomState;
use ledger::{AssetId, BookName, Event, EventBody, Lsn, Seq, Transaction};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

#[derive(Debug)]
pub(crate) struct Projections {
    cut: AtomicU64,
    assets: RwLock<Vec<(Arc<Event>, AssetRow)>>,
    books: RwLock<BTreeMap<BookName, Arc<BookProjection>>>,
    events: RwLock<Rows<EventRow>>,
    transactions: RwLock<Rows<TransactionRow>>,
    postings: RwLock<Rows<PostingRow>>,
    /// What the rows take in memory, estimated.
    recent_bytes: AtomicU64,
    /// What of them is not sealed yet.
    unsealed_bytes: AtomicU64,
    pub(crate) history: History,
}

const POISONED: &str = "a panic while projections change is a bug that must not be read past";

pub(crate) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().expect(POISONED)
}

pub(crate) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().expect(POISONED)
}

/// What an event, its rows and its entries in tables take in memory, about: counted from the sizes
/// of the types and their allocations, not measured.
pub(crate) fn memory_bytes(event: &Event) -> u64 {
    match &event.body {
        EventBody::TransactionPosted(transaction) => {
            let texts = transaction.metadata.as_str().len()
                + transaction.external_refs.as_str().len()
                + transaction.idempotency_key.as_str().len();
            (400 + texts + 176 * transaction.postings.len()) as u64
        }
        EventBody::AccountOpened(opening) => 400 + opening.metadata.as_str().len() as u64,
        _ => 400,
    }
}

impl Projections {
    /// Projections of a log of which `history` holds everything up to its sealed end.
    pub(crate) fn new(history: History) -> Self {
        let sealed = history.sealed();
        Projections {
            cut: AtomicU64::new(sealed.0),
            assets: RwLock::default(),
            books: RwLock::default(),
            events: RwLock::new(Rows::behind(sealed.0, sealed)),
            transactions: RwLock::new(Rows::behind(0, sealed)),
            postings: RwLock::new(Rows::behind(0, sealed)),
            recent_bytes: AtomicU64::new(0),
            unsealed_bytes: AtomicU64::new(0),
            history,
        }
    }

    /// Everything up to here is visible to everyone.
    pub(crate) fn cut(&self) -> Lsn {
        Lsn(self.cut.load(Ordering::Acquire))
    }

    /// Makes what was applied visible. Called by the publisher alone, at the end of a frame.
    pub(crate) fn publish(&self, cut: Lsn) {
        self.cut.store(cut.0, Ordering::Release);
    }

    /// What is kept of the newest events in memory, in bytes, about.
    pub(crate) fn recent_bytes(&self) -> u64 {
        self.recent_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn unsealed_bytes(&self) -> u64 {
        self.unsealed_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn note_sealed(&self, bytes: u64) {
        self.unsealed_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Extends every table by one durable event, which no reader sees before [`Self::publish`].
    pub(crate) fn apply(&self, event: &Arc<Event>) {
        let bytes = memory_bytes(event);
        self.recent_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.unsealed_bytes.fetch_add(bytes, Ordering::Relaxed);
        {
            let mut events = write(&self.events);
            assert_eq!(events.len() + 1, event.lsn.0, "events are applied in log order");
            events.push(EventRow(event.clone()));
        }
        if let EventBody::AssetRegistered(asset) = &event.body {
            let asset = AssetRow { asset: asset.clone(), registered_at: Some(event.at) };
            write(&self.assets).push((event.clone(), asset));
        }
        let book = self.book_or_new(&event.book);
        match &event.body {
            EventBody::TransactionPosted(transaction) => {
                write(&self.transactions).push(TransactionRow(event.clone()));
                book.post(event, transaction, &self.postings);
            }
            _ => book.apply(event),
        }
    }

    /// Takes over what parts hold of accounts and assets.
    pub(crate) fn restore_account(&self, record: AccountRecord) -> bool {
        let book = self.book_or_new(&record.book);
        AccountProjection::restore(record).map(|account| book.restore(account)).is_some()
    }

    pub(crate) fn restore_asset(&self, event: Arc<Event>) {
        if let EventBody::AssetRegistered(asset) = &event.body {
            self.book_or_new(&event.book).restore_other(event.seq, event.lsn);
            let row = AssetRow { asset: asset.clone(), registered_at: Some(event.at) };
            write(&self.assets).push((event, row));
        }
    }

    /// Lets go of rows up to `through`, which is sealed, until no more than `bytes_max` are held.
    pub(crate) fn evict(&self, through: Lsn, bytes_max: u64) {
        assert!(through <= self.history.sealed(), "only what is sealed may leave memory");
        while self.recent_bytes() > bytes_max {
            // One chunk of events at a time; the other tables follow up to its end.
            let Some(floor) = self.evict_events(through) else { return };
            // Freed when the lock is given up again.
            let evicted = write(&self.transactions).evict(floor);
            drop(evicted);
            self.evict_postings(floor);
        }
    }

    /// Evicts the oldest full chunk of events, if all of it is sealed; gives where it ended.
    fn evict_events(&self, through: Lsn) -> Option<Lsn> {
        let chunk = write(&self.events).evict_one(through)?;
        let mut counts: HashMap<&BookName, usize, RandomState> = HashMap::default();
        for EventRow(event) in &chunk.rows {
            *counts.entry(&event.book).or_default() += 1;
            self.recent_bytes.fetch_sub(memory_bytes(event), Ordering::Relaxed);
        }
        for (name, count) in counts {
            self.book_or_new(name).evict_events(count);
        }
        chunk.rows.last().map(|row| row.0.lsn)
    }

    fn evict_postings(&self, through: Lsn) {
        let (chunks, first_row) = {
            let mut postings = write(&self.postings);
            let chunks = postings.evict(through);
            (chunks, postings.first_row())
        };
        let mut accounts: HashSet<(&str, &str), RandomState> = HashSet::default();
        for row in chunks.iter().flat_map(|chunk| &chunk.rows) {
            accounts.insert((row.event.book.as_str(), row.posting().account.as_str()));
        }
        for (book, path) in accounts {
            if let Some(book) = self.book(book) {
                book.evict_postings(path, first_row);
            }
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

    /// An applied event, from memory or from the log.
    pub(crate) fn event_at(&self, lsn: Lsn) -> Result<Option<Arc<Event>>, ReadError> {
        Ok(self.events_at(&[lsn])?.into_iter().next())
    }

    /// The applied events at these lsns, which rise.
    pub(crate) fn events_at(&self, lsns: &[Lsn]) -> Result<Vec<Arc<Event>>, ReadError> {
        let (sealed, mut recent) = {
            let events = read(&self.events);
            let count = lsns.partition_point(|lsn| *lsn <= events.floor());
            let recent: Vec<Arc<Event>> = lsns[count..]
                .iter()
                .filter_map(|lsn| events.get(lsn.0.checked_sub(1)?).map(|row| row.0.clone()))
                .collect();
            (&lsns[..count], recent)
        };
        if sealed.is_empty() {
            return Ok(recent);
        }
        let mut found = self.history.log.events(sealed)?;
        found.append(&mut recent);
        Ok(found)
    }

    /// The lsns of a book's events whose seq lies in a range.
    pub(crate) fn lsns_of(
        &self,
        book: &BookProjection,
        seqs: &std::ops::RangeInclusive<u64>,
    ) -> Result<Vec<Lsn>, ReadError> {
        let (sealed, mut recent) = book.lsns(seqs);
        let Some(sealed) = sealed else { return Ok(recent) };
        let name = book.name.as_str();
        let mut lsns = self.sealed(|chain| chain.lsns_of(name, &sealed))?;
        lsns.append(&mut recent);
        Ok(lsns)
    }

    /// A book's last event at a cut.
    pub(crate) fn head_at(
        &self,
        book: &BookProjection,
        cut: Lsn,
    ) -> Result<Option<(Seq, Lsn)>, ReadError> {
        match book.head_at(cut) {
            BookHead::None => Ok(None),
            BookHead::At(seq, lsn) => Ok(Some((seq, lsn))),
            BookHead::Sealed => self.sealed(|chain| chain.head_at(book.name.as_str(), cut)),
        }
    }

    /// Where the transactions may be that an index entry of this hash means, in log order.
    pub(crate) fn lsns_of_key(&self, hash: KeyHash) -> Result<Vec<Lsn>, ReadError> {
        let RecentLsns { mut lsns, floor } = self.history.keys.find(hash);
        lsns.extend(self.sealed(|chain| chain.find(hash, floor))?);
        lsns.sort_unstable();
        lsns.dedup();
        Ok(lsns)
    }

    /// The same without reading a part; `None` if a part may know more.
    pub(crate) fn lsns_of_key_in_memory(&self, hash: KeyHash) -> Option<Vec<Lsn>> {
        let RecentLsns { lsns, floor } = self.history.keys.find(hash);
        (!self.history.chain().may_know(hash, floor)).then_some(lsns)
    }

    /// An event's legs with their accounts' sums.
    pub(crate) fn postings_of(&self, event: &Arc<Event>) -> Result<Vec<PostingRow>, ReadError> {
        {
            let postings = self.postings();
            if event.lsn > postings.floor() {
                let at = Bounds { lsn: (event.lsn.0, event.lsn.0), at: (i64::MIN, i64::MAX) };
                return Ok(Piece::into_rows(postings.pieces(&at)));
            }
        }
        let sealed = self.sealed(|chain| chain.postings_of(event))?;
        Ok(sealed.into_iter().filter_map(|posting| self.posting_row(event, &posting)).collect())
    }

    fn posting_row(&self, event: &Arc<Event>, sealed: &SealedPosting) -> Option<PostingRow> {
        let posting = transaction_of(event).postings.get(usize::from(sealed.index))?;
        let book = self.book(event.book.as_str())?;
        let kind = book.with_account(posting.account.as_str(), |account| account.opening.kind)?;
        Some(PostingRow {
            event: event.clone(),
            index: sealed.index,
            kind,
            totals_after: sealed.totals_after,
        })
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
