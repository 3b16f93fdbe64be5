//! Reading: everything a reader sees is the log up to a cut.
//!
//! Owns nothing but a position. A [`View`] keeps giving the same answers for ever, whatever is
//! committed after it was taken. Refuses to know SQL: it offers rows, and scans of arrow batches
//! that are narrowed where the projections are organised for it.

mod scan;
mod sealed;

pub use scan::{Scan, events_schema, postings_schema, transactions_schema};

use crate::history::SealedPosting;
use crate::history::keys::KeyHash;
use crate::projection::{
    AccountProjection, BookProjection, PostingRow, Projections, SumsAt, transaction_of,
};
use crate::{PathSelection, ReadError, Selection};
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
}

/// A block's own writes, which only it sees before they commit.
///
/// Reading matches on this, so that a place that cannot show staged writes cannot forget them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Staged {
    Nothing,
}

#[derive(Debug, Clone)]
pub struct AssetRow {
    pub asset: Arc<Asset>,
    pub registered_at: Timestamp,
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

/// An account as it stood at the view's cut.
#[derive(Debug, Clone)]
pub struct AccountRow {
    pub book: BookName,
    pub opening: Arc<AccountOpening>,
    pub min_balance: Option<i128>,
    pub metadata: JsonDocument,
    pub closed: bool,
    pub totals: Totals,
    pub opened_seq: Seq,
    pub opened_at: Timestamp,
    /// The last event that touched the account: a posting, a change or its opening.
    pub updated_seq: Seq,
}

/// One leg of a transaction with its account's lifetime sums after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    pub tx_id: Uuid,
    pub lsn: Lsn,
    pub seq: Seq,
    /// Recorded time.
    pub at: Timestamp,
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
            lsn: row.event.lsn,
            seq: row.event.seq,
            at: row.event.at,
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
            lsn,
            seq,
            at: posting.committed_at,
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
        View { projections, cut, staged: Staged::Nothing }
    }

    /// The last position this view sees: the end of a frame.
    pub fn cut(&self) -> Lsn {
        self.cut
    }

    /// All assets, in the order they were registered.
    pub fn assets(&self) -> Vec<AssetRow> {
        let Staged::Nothing = self.staged;
        self.projections
            .assets()
            .into_iter()
            .filter(|(event, _)| event.lsn <= self.cut)
            .map(|(_, row)| row)
            .collect()
    }

    /// Every book that has an account, by name.
    pub fn books(&self) -> Result<Vec<BookRow>, ReadError> {
        let Staged::Nothing = self.staged;
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
        let head = self.projections.event_at(head_lsn)?;
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
        let Staged::Nothing = self.staged;
        let Some(book) = self.projections.book(book) else { return Ok(None) };
        let found = book.with_account(path, |account| self.find_account(&book, account)).flatten();
        found.map(|found| self.account_row(found)).transpose()
    }

    /// The accounts that `selection.book` and `selection.path` let through, by book and path.
    pub fn accounts(&self, selection: &Selection) -> Result<Vec<AccountRow>, ReadError> {
        let Staged::Nothing = self.staged;
        let books = match &selection.book {
            Some(name) => self.projections.book(name).into_iter().collect(),
            None => self.projections.books(),
        };
        let mut found = Vec::new();
        for book in &books {
            let mut keep =
                |account: &AccountProjection| found.extend(self.find_account(book, account));
            match &selection.path {
                Some(PathSelection::Exact(path)) => {
                    book.with_account(path, keep);
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
                opened_seq: account.opened_seq,
                opened_at: account.opened_at,
                updated_seq: state.seq,
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
                let (book, path) = (row.book.as_str(), row.opening.path.as_str());
                self.projections.sealed(|chain| chain.sums_at(book, path, self.cut))?
            }
        };
        row.totals = sums.totals;
        row.updated_seq = sums.last_posting.map_or(state_seq, |(_, seq)| seq.max(state_seq));
        Ok(row)
    }

    /// The postings of one account from a seq on, oldest first, at most `limit`.
    pub fn account_history(
        &self,
        book: &str,
        path: &str,
        from: Seq,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, ReadError> {
        let Staged::Nothing = self.staged;
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
        let lsns = 1..=floor.min(self.cut).0;
        let sealed = self
            .projections
            .sealed(|chain| chain.account_postings(book, path, lsns.clone(), from, limit))?;
        let sealed = sealed.into_iter().map(|posting| HistoryRow::sealed(&account, posting));
        Ok(sealed.chain(recent).take(limit).collect())
    }

    /// Lifetime sums of a book by asset: debits equal credits, always.
    pub fn trial_balance(&self, book: &str) -> Result<Vec<(AssetId, Totals)>, ReadError> {
        let selection = Selection { book: Some(book.to_owned()), ..Selection::default() };
        let mut sums: BTreeMap<AssetId, Totals> = BTreeMap::new();
        for account in self.accounts(&selection)? {
            let sum = sums.entry(account.opening.asset.clone()).or_default();
            *sum = sum
                .checked_add(&account.totals)
                .expect("the book's totals are bounded when a transaction is decided");
        }
        Ok(sums.into_iter().collect())
    }

    /// The transactions of an id; it is unique only within a book, so there may be several.
    pub fn transactions_by_id(&self, tx_id: Uuid) -> Result<Vec<Arc<Event>>, ReadError> {
        let Staged::Nothing = self.staged;
        self.named(KeyHash::of_tx_id(&tx_id), |_, transaction| transaction.tx_id == tx_id)
    }

    /// The transaction that used an idempotency key.
    pub fn transaction_by_key(
        &self,
        book: &str,
        key: &str,
    ) -> Result<Option<Arc<Event>>, ReadError> {
        let Staged::Nothing = self.staged;
        let found = self.named(KeyHash::of_key(book, key), |event, transaction| {
            event.book.as_str() == book && transaction.idempotency_key.as_str() == key
        })?;
        Ok(found.into_iter().next())
    }

    /// The transactions of a hash that are meant by it, up to the cut.
    fn named(
        &self,
        hash: KeyHash,
        meant: impl Fn(&Event, &Transaction) -> bool,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        let mut lsns = self.projections.lsns_of_key(hash)?;
        lsns.retain(|lsn| *lsn <= self.cut);
        let mut events = self.projections.events_at(&lsns)?;
        events.retain(|event| match &event.body {
            EventBody::TransactionPosted(transaction) => meant(event, transaction),
            _ => false,
        });
        Ok(events)
    }

    /// One event of a book.
    pub fn event(&self, book: &str, seq: Seq) -> Result<Option<Arc<Event>>, ReadError> {
        Ok(self.events_from(book, seq, 1)?.into_iter().next())
    }

    /// A book's events from a seq on, at most `limit`.
    pub fn events_from(
        &self,
        book: &str,
        from: Seq,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        let Some(book) = self.projections.book(book) else { return Ok(Vec::new()) };
        let Some(last) = (limit as u64).checked_sub(1).map(|more| from.0.saturating_add(more))
        else {
            return Ok(Vec::new());
        };
        let mut lsns = self.projections.lsns_of(&book, &(from.0..=last))?;
        lsns.retain(|lsn| *lsn <= self.cut);
        self.projections.events_at(&lsns)
    }

    /// Rows of [`postings_schema`], in no particular order.
    pub fn scan_postings(
        &self,
        selection: &Selection,
        projection: &[usize],
    ) -> Result<Scan, ReadError> {
        let Staged::Nothing = self.staged;
        scan::postings(self, selection, projection)
    }

    /// Rows of [`transactions_schema`], in no particular order.
    pub fn scan_transactions(
        &self,
        selection: &Selection,
        projection: &[usize],
    ) -> Result<Scan, ReadError> {
        let Staged::Nothing = self.staged;
        scan::transactions(self, selection, projection)
    }

    /// Rows of [`events_schema`], in no particular order.
    pub fn scan_events(
        &self,
        selection: &Selection,
        projection: &[usize],
    ) -> Result<Scan, ReadError> {
        let Staged::Nothing = self.staged;
        scan::events(self, selection, projection)
    }
}
