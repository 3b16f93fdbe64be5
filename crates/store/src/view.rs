//! Reading: everything a reader sees is the log up to a cut.
//!
//! Owns nothing but a position. A [`View`] keeps giving the same answers for ever, whatever is
//! committed after it was taken. Refuses to know SQL: it offers rows, and scans of arrow batches
//! that are narrowed where the projections are organised for it.

mod in_memory;
mod page;
mod scan;
mod sealed;
mod seqs;
mod staged;

pub use page::{AccountPage, PageOrder};
pub use scan::{Scan, ScanPiece, SealedReach, events_schema, postings_schema, transactions_schema};
pub use seqs::SEQS_LOOKED_UP_MAX;

use crate::history::SealedPosting;
use crate::history::keys::KeyHash;
use crate::projection::{
    AccountProjection, BookProjection, PostingRow, Projections, SumsAt, transaction_of,
};
use crate::{PathSelection, ReadError, Selection, StagedWrites};
use ledger::{
    AccountOpening, AccountPath, Asset, AssetId, BookName, Event, EventBody, JsonDocument, Lsn,
    Posting, Seq, Timestamp, Totals, Transaction, Uuid,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The ledger as it stood at a cut. Cheap to clone.
#[derive(Debug, Clone)]
pub struct View {
    projections: Arc<Projections>,
    cut: Lsn,
    staged: Staged,
    disk: Disk,
}

/// Whether a reader can wait for what is no longer in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disk {
    MayBeRead,
    NotWaitedFor,
}

/// A block's own writes, which only it sees before they commit.
///
/// Reading matches on this, so that a place that cannot show staged writes cannot forget them.
#[derive(Debug, Clone)]
enum Staged {
    Nothing,
    /// Never empty.
    Writes(Arc<StagedWrites>),
}

#[derive(Debug, Clone)]
pub struct AssetRow {
    pub asset: Arc<Asset>,
    /// `None` while it is staged.
    pub registered_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct BookRow {
    pub book: BookName,
    pub head_seq: Seq,
    pub accounts: u64,
    pub transactions: u64,
    pub opened_at: Timestamp,
    pub last_committed_at: Timestamp,
}

/// An account as it stood at the view's cut, with what a block has staged on top.
#[derive(Debug, Clone)]
pub struct AccountRow {
    pub book: BookName,
    pub opening: Arc<AccountOpening>,
    pub min_balance: Option<i128>,
    pub metadata: JsonDocument,
    pub closed: bool,
    pub totals: Totals,
    /// `None` while its opening is staged.
    pub opened_seq: Option<Seq>,
    pub opened_at: Option<Timestamp>,
    /// The last event that touched the account: a posting, a change or its opening. `None` if that
    /// is staged.
    pub updated_seq: Option<Seq>,
}

/// One leg of a transaction with its account's lifetime sums after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    pub tx_id: Uuid,
    /// `None` while it is staged, as the two that follow.
    pub lsn: Option<Lsn>,
    pub seq: Option<Seq>,
    /// Recorded time.
    pub at: Option<Timestamp>,
    pub occurred_at: Option<Timestamp>,
    /// Place of the leg in its transaction.
    pub index: u16,
    pub posting: Posting,
    pub totals_after: Totals,
}

impl HistoryRow {
    fn recent(row: &PostingRow) -> Self {
        let transaction = transaction_of(&row.event);
        HistoryRow {
            tx_id: transaction.tx_id,
            lsn: Some(row.event.lsn),
            seq: Some(row.event.seq),
            at: Some(row.event.at),
            occurred_at: transaction.occurred_at,
            index: row.index,
            posting: row.posting().clone(),
            totals_after: row.totals_after,
        }
    }

    fn sealed(account: &AccountPath, posting: SealedPosting) -> Self {
        let SealedPosting { tx_id, seq, lsn, index, asset, amount, direction, .. } = posting;
        HistoryRow {
            tx_id,
            lsn: Some(lsn),
            seq: Some(seq),
            at: Some(posting.committed_at),
            occurred_at: posting.occurred_at,
            index,
            posting: Posting { account: account.clone(), asset, direction, amount },
            totals_after: posting.totals_after,
        }
    }
}

/// An account as the projections hold it, whose sums may still have to be found.
struct FoundAccount {
    row: AccountRow,
    state_seq: Seq,
    sums: SumsAt,
}

impl View {
    pub(crate) fn new(projections: Arc<Projections>, cut: Lsn) -> Self {
        View { projections, cut, staged: Staged::Nothing, disk: Disk::MayBeRead }
    }

    /// The same ledger with what a block has staged on top, as if it were committed behind all else.
    ///
    /// What has no answer that shows staged writes is [`ReadError::StagedNotShown`].
    pub fn with_staged(self, staged: Arc<StagedWrites>) -> View {
        let staged = if staged.is_empty() { Staged::Nothing } else { Staged::Writes(staged) };
        View { staged, ..self }
    }

    /// Whether a block's own writes are on top.
    pub fn has_staged(&self) -> bool {
        matches!(self.staged, Staged::Writes(_))
    }

    /// The last position this view sees: the end of a frame.
    pub fn cut(&self) -> Lsn {
        self.cut
    }

    /// All assets, in the order they were registered.
    pub fn assets(&self) -> Vec<AssetRow> {
        let assets = self.projections.assets().into_iter();
        let assets = assets.filter(|(event, _)| event.lsn <= self.cut).map(|(_, row)| row);
        match &self.staged {
            Staged::Nothing => assets.collect(),
            Staged::Writes(writes) => staged::assets(assets.collect(), writes),
        }
    }

    /// The book that all transactions and postings are of, if there is one and it is known that
    /// they are.
    pub fn only_book(&self) -> Option<BookName> {
        // Some may have their accounts from behind the cut, but none from before it is missing.
        let mut books = self.projections.books().into_iter().filter(|book| book.has_accounts());
        match (&self.staged, books.next(), books.next()) {
            (Staged::Nothing, Some(book), None) => Some(book.name.clone()),
            _ => None,
        }
    }

    /// Every book that has an account, by name.
    ///
    /// # Errors
    /// In a block that has written: a book's head and last commit do not show what is staged.
    pub fn books(&self) -> Result<Vec<BookRow>, ReadError> {
        self.refuse_staged("books")?;
        let books = self.projections.books();
        books.iter().filter_map(|book| self.book_row(book).transpose()).collect()
    }

    fn book_row(&self, book: &BookProjection) -> Result<Option<BookRow>, ReadError> {
        let Some((head_seq, head_lsn)) = self.projections.head_at(book, self.cut)? else {
            return Ok(None);
        };
        let counts = book.counts_at(self.cut, head_seq);
        if counts.accounts == 0 {
            return Ok(None);
        }
        let head = self.events_at(&[head_lsn])?.into_iter().next();
        Ok(head.map(|head| BookRow {
            book: book.name.clone(),
            head_seq,
            accounts: counts.accounts,
            transactions: counts.transactions,
            opened_at: book.opened_at(),
            last_committed_at: head.at,
        }))
    }

    /// One account, if it was open by then.
    pub fn account(&self, book: &str, path: &str) -> Result<Option<AccountRow>, ReadError> {
        let recorded = self.recorded_account(book, path)?;
        match &self.staged {
            Staged::Nothing => Ok(recorded),
            Staged::Writes(writes) => staged::account(recorded, writes, book, path),
        }
    }

    fn recorded_account(&self, book: &str, path: &str) -> Result<Option<AccountRow>, ReadError> {
        let Some(book) = self.projections.book(book) else { return Ok(None) };
        let found = book.with_account(path, |account| self.find_account(&book, account)).flatten();
        found.map(|found| self.account_row(found)).transpose()
    }

    /// The accounts that `selection.book` and `selection.path` let through, by book and path.
    pub fn accounts(&self, selection: &Selection) -> Result<Vec<AccountRow>, ReadError> {
        let recorded = self.recorded_accounts(selection)?;
        match &self.staged {
            Staged::Nothing => Ok(recorded),
            Staged::Writes(writes) => staged::accounts(recorded, writes, selection),
        }
    }

    fn recorded_accounts(&self, selection: &Selection) -> Result<Vec<AccountRow>, ReadError> {
        let books = match &selection.book {
            Some(name) => self.projections.book(name).into_iter().collect(),
            None => self.projections.books(),
        };
        let mut found = Vec::new();
        for book in &books {
            let mut keep =
                |account: &AccountProjection| found.extend(self.find_account(book, account));
            match &selection.path {
                Some(PathSelection::OneOf(paths)) => {
                    for path in paths.values() {
                        book.with_account(path, &mut keep);
                    }
                }
                Some(PathSelection::Prefix(prefix)) => book.for_each_account(prefix, keep),
                None => book.for_each_account("", &mut keep),
            }
        }
        // No lock is held here: the sums of an old cut may have to come from the disk.
        found.into_iter().map(|found| self.account_row(found)).collect()
    }

    fn find_account(
        &self,
        book: &BookProjection,
        account: &AccountProjection,
    ) -> Option<FoundAccount> {
        let state = account.state_at(self.cut)?;
        Some(FoundAccount {
            row: AccountRow {
                book: book.name.clone(),
                opening: account.opening.clone(),
                min_balance: state.min_balance,
                metadata: state.metadata.clone(),
                closed: state.closed,
                totals: Totals::default(),
                opened_seq: Some(account.opened_seq),
                opened_at: Some(account.opened_at),
                updated_seq: None,
            },
            state_seq: state.seq,
            sums: account.sums_at(self.cut, || self.projections.postings()),
        })
    }

    fn account_row(&self, found: FoundAccount) -> Result<AccountRow, ReadError> {
        let FoundAccount { mut row, state_seq, sums } = found;
        let sums = match sums {
            SumsAt::Known(sums) => sums,
            SumsAt::Sealed => {
                self.may_read_disk()?;
                let (book, path) = (row.book.as_str(), row.opening.path.as_str());
                self.projections.sealed(|chain| chain.sums_at(book, path, self.cut))?
            }
        };
        row.totals = sums.totals;
        let updated_seq = sums.last_posting.map_or(state_seq, |(_, seq)| seq.max(state_seq));
        row.updated_seq = Some(updated_seq);
        Ok(row)
    }

    /// The postings of one account from a seq on, oldest first, at most `limit`. Staged ones, which
    /// have no seq, come last.
    pub fn account_history(
        &self,
        book: &str,
        path: &str,
        from: Seq,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, ReadError> {
        let mut history = self.recorded_history(book, path, from, limit)?;
        if let Staged::Writes(writes) = &self.staged {
            let staged = self.staged_history(writes, book, path, limit - history.len())?;
            history.extend(staged);
        }
        Ok(history)
    }

    fn recorded_history(
        &self,
        book: &str,
        path: &str,
        from: Seq,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, ReadError> {
        let Some(projection) = self.projections.book(book) else { return Ok(Vec::new()) };
        let Some((account, rows)) = projection
            .with_account(path, |account| (account.opening.path.clone(), account.posting_rows()))
        else {
            return Ok(Vec::new());
        };
        // Memory first, the sealed history second: see the projections' invariant.
        let (recent, floor) = {
            let postings = self.projections.postings();
            let recent: Vec<HistoryRow> = rows
                .iter()
                .filter_map(|row| postings.get(*row))
                .filter(|row| row.event.seq >= from && row.event.lsn <= self.cut)
                .take(limit)
                .map(HistoryRow::recent)
                .collect();
            (recent, postings.floor())
        };
        self.may_read_disk()?;
        let lsns = 1..=floor.min(self.cut).0;
        let sealed = self
            .projections
            .sealed(|chain| chain.account_postings(book, path, lsns.clone(), from, limit))?;
        let sealed = sealed.into_iter().map(|posting| HistoryRow::sealed(&account, posting));
        Ok(sealed.chain(recent).take(limit).collect())
    }

    /// Lifetime sums of a book by asset: debits equal credits, always, except where a block is still
    /// assembling a transaction.
    pub fn trial_balance(&self, book: &str) -> Result<Vec<(AssetId, Totals)>, ReadError> {
        let selection = Selection { book: Some(book.to_owned()), ..Selection::default() };
        let mut sums: BTreeMap<AssetId, Totals> = BTreeMap::new();
        for account in self.accounts(&selection)? {
            let sum = sums.entry(account.opening.asset.clone()).or_default();
            *sum = sum.checked_add(&account.totals).ok_or(staged::OUT_OF_RANGE)?;
        }
        Ok(sums.into_iter().collect())
    }

    /// The transactions of an id; it is unique only within a book, so there may be several. The
    /// event of a staged one has no place yet: its lsn, seq and time are zero.
    pub fn transactions_by_id(&self, tx_id: Uuid) -> Result<Vec<Arc<Event>>, ReadError> {
        let mut events = self.recorded_by_id(tx_id)?;
        if let Staged::Writes(writes) = &self.staged {
            let places = writes.places_of(&tx_id).iter();
            events.extend(places.map(|place| staged::event(writes, *place)));
        }
        Ok(events)
    }

    fn recorded_by_id(&self, tx_id: Uuid) -> Result<Vec<Arc<Event>>, ReadError> {
        self.recorded_by_ids(&[tx_id])
    }

    /// The transactions of ids, which rise, in log order.
    fn recorded_by_ids(&self, tx_ids: &[Uuid]) -> Result<Vec<Arc<Event>>, ReadError> {
        let is_meant =
            |_: &Event, transaction: &Transaction| tx_ids.binary_search(&transaction.tx_id).is_ok();
        self.named(tx_ids.iter().map(KeyHash::of_tx_id), is_meant)
    }

    /// The transaction that used an idempotency key. The event of a staged one has no place yet: its
    /// lsn, seq and time are zero.
    pub fn transaction_by_key(
        &self,
        book: &str,
        key: &str,
    ) -> Result<Option<Arc<Event>>, ReadError> {
        let recorded = self.recorded_by_key(book, key)?;
        match &self.staged {
            Staged::Writes(writes) if recorded.is_none() => {
                let place = writes.book(book).and_then(|book| book.place_of_key(key));
                Ok(place.map(|place| staged::event(writes, place)))
            }
            _ => Ok(recorded),
        }
    }

    fn recorded_by_key(&self, book: &str, key: &str) -> Result<Option<Arc<Event>>, ReadError> {
        Ok(self.recorded_by_keys(book, &[key])?.into_iter().next())
    }

    /// The transactions of a book's idempotency keys, which rise, in log order.
    fn recorded_by_keys<K: AsRef<str>>(
        &self,
        book: &str,
        keys: &[K],
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        let hashes = keys.iter().map(|key| KeyHash::of_key(book, key.as_ref()));
        self.named(hashes, |event, transaction| {
            let key = transaction.idempotency_key.as_str();
            event.book.as_str() == book
                && keys.binary_search_by(|wanted| wanted.as_ref().cmp(key)).is_ok()
        })
    }

    /// The transactions of hashes that are meant by them, up to the cut.
    fn named(
        &self,
        hashes: impl Iterator<Item = KeyHash>,
        meant: impl Fn(&Event, &Transaction) -> bool,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        let mut lsns: Vec<Lsn> = Vec::new();
        for hash in hashes {
            lsns.extend(self.lsns_of_key(hash)?);
        }
        lsns.retain(|lsn| *lsn <= self.cut);
        // Several names may lead to the same place; each place is read once, in log order.
        lsns.sort_unstable();
        lsns.dedup();
        let mut events = self.events_at(&lsns)?;
        events.retain(|event| match &event.body {
            EventBody::TransactionPosted(transaction) => meant(event, transaction),
            _ => false,
        });
        Ok(events)
    }

    /// One event of a book.
    ///
    /// # Errors
    /// As [`Self::events_from`].
    pub fn event(&self, book: &str, seq: Seq) -> Result<Option<Arc<Event>>, ReadError> {
        Ok(self.events_from(book, seq, 1)?.into_iter().next())
    }

    /// A book's events from a seq on, at most `limit`.
    ///
    /// # Errors
    /// In a block that has written: staged events have no seq.
    pub fn events_from(
        &self,
        book: &str,
        from: Seq,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        self.refuse_staged("events")?;
        let Some(book) = self.projections.book(book) else { return Ok(Vec::new()) };
        let Some(last) = (limit as u64).checked_sub(1).map(|more| from.0.saturating_add(more))
        else {
            return Ok(Vec::new());
        };
        let mut lsns = self.lsns_of(&book, &(from.0..=last))?;
        lsns.retain(|lsn| *lsn <= self.cut);
        self.events_at(&lsns)
    }

    /// Rows of [`postings_schema`], in no particular order but for a block's own, which come last.
    pub fn scan_postings(
        &self,
        selection: &Selection,
        projection: &[usize],
    ) -> Result<Scan, ReadError> {
        let recorded = scan::postings(self, selection, projection)?;
        match &self.staged {
            Staged::Nothing => Ok(recorded),
            Staged::Writes(writes) => {
                Ok(recorded.before(&self.staged_postings(writes, selection)?, projection))
            }
        }
    }

    /// What of the sealed history [`Self::scan_postings`] would read. `None` if nothing of it is
    /// looked through: rows are found by name, or are all in memory.
    pub fn sealed_postings(&self, selection: &Selection) -> Option<SealedReach> {
        scan::sealed_reach(self, selection, sealed::SealedTable::Postings)
    }

    /// The same for [`Self::scan_transactions`].
    pub fn sealed_transactions(&self, selection: &Selection) -> Option<SealedReach> {
        scan::sealed_reach(self, selection, sealed::SealedTable::Transactions)
    }

    /// Rows of [`transactions_schema`], in no particular order but for a block's own, which come
    /// last.
    pub fn scan_transactions(
        &self,
        selection: &Selection,
        projection: &[usize],
    ) -> Result<Scan, ReadError> {
        let recorded = scan::transactions(self, selection, projection)?;
        match &self.staged {
            Staged::Nothing => Ok(recorded),
            Staged::Writes(writes) => {
                Ok(recorded.before(&staged::transactions(writes, selection), projection))
            }
        }
    }

    /// Rows of [`events_schema`], in no particular order.
    ///
    /// # Errors
    /// In a block that has written: staged events have no place among them.
    pub fn scan_events(
        &self,
        selection: &Selection,
        projection: &[usize],
    ) -> Result<Scan, ReadError> {
        self.refuse_staged("events")?;
        scan::events(self, selection, projection)
    }

    fn refuse_staged(&self, what: &'static str) -> Result<(), ReadError> {
        match &self.staged {
            Staged::Nothing => Ok(()),
            Staged::Writes(_) => Err(ReadError::StagedNotShown { what }),
        }
    }
}
