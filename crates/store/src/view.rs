//! Reading: everything a reader sees is the log up to a cut.
//!
//! Owns nothing but a position. A [`View`] keeps giving the same answers for ever, whatever is
//! committed after it was taken. Refuses to know SQL: it offers rows, and scans of arrow batches
//! that are narrowed where the projections are organised for it.

mod scan;

pub use scan::{Scan, events_schema, postings_schema, transactions_schema};

use crate::projection::{AccountProjection, BookProjection, PostingsAt, Projections};
use crate::{PathSelection, Selection};
use ledger::{
    AccountOpening, Asset, AssetId, BookName, Event, JsonDocument, Lsn, Seq, Timestamp, Totals,
    Uuid,
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
#[derive(Debug, Clone)]
pub struct HistoryRow {
    pub event: Arc<Event>,
    /// Place of the leg in its transaction.
    pub index: u16,
    pub totals_after: Totals,
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
    pub fn books(&self) -> Vec<BookRow> {
        let Staged::Nothing = self.staged;
        let books = self.projections.books();
        books.iter().filter_map(|book| self.book_row(book)).collect()
    }

    fn book_row(&self, book: &BookProjection) -> Option<BookRow> {
        let (head_seq, transactions, accounts) = book.counts_at(self.cut);
        if accounts == 0 {
            return None;
        }
        let at = |seq| {
            let event = book.lsn_of(seq).and_then(|lsn| self.projections.event_at(lsn));
            event.map(|event| event.at)
        };
        Some(BookRow {
            book: book.name.clone(),
            head_seq: Seq(head_seq),
            accounts,
            transactions,
            opened_at: at(Seq(1))?,
            last_committed_at: at(Seq(head_seq))?,
        })
    }

    /// One account, if it was open by then.
    pub fn account(&self, book: &str, path: &str) -> Option<AccountRow> {
        let Staged::Nothing = self.staged;
        let book = self.projections.book(book)?;
        book.with_account(path, |account| self.account_row(&book, account)).flatten()
    }

    /// The accounts that `selection.book` and `selection.path` let through, by book and path.
    pub fn accounts(&self, selection: &Selection) -> Vec<AccountRow> {
        let Staged::Nothing = self.staged;
        let books = match &selection.book {
            Some(name) => self.projections.book(name).into_iter().collect(),
            None => self.projections.books(),
        };
        let mut rows = Vec::new();
        for book in &books {
            let mut keep =
                |account: &AccountProjection| rows.extend(self.account_row(book, account));
            match &selection.path {
                Some(PathSelection::Exact(path)) => {
                    book.with_account(path, keep);
                }
                Some(PathSelection::Prefix(prefix)) => book.for_each_account(prefix, keep),
                None => book.for_each_account("", &mut keep),
            }
        }
        rows
    }

    fn account_row(
        &self,
        book: &BookProjection,
        account: &AccountProjection,
    ) -> Option<AccountRow> {
        let state = account.state_at(self.cut)?;
        let (totals, updated_seq) =
            account.sums_at(self.cut, || PostingsAt(self.projections.postings()));
        Some(AccountRow {
            book: book.name.clone(),
            opening: account.opening.clone(),
            min_balance: state.min_balance,
            metadata: state.metadata.clone(),
            closed: state.closed,
            totals,
            opened_seq: account.opened_seq,
            opened_at: account.opened_at,
            updated_seq,
        })
    }

    /// The postings of one account from a seq on, oldest first, at most `limit`.
    pub fn account_history(
        &self,
        book: &str,
        path: &str,
        from: Seq,
        limit: usize,
    ) -> Vec<HistoryRow> {
        let Staged::Nothing = self.staged;
        let Some(book) = self.projections.book(book) else { return Vec::new() };
        let rows = book.posting_rows(path);
        let postings = PostingsAt(self.projections.postings());
        let start = rows.partition_point(|row| postings.row(*row).event.seq < from);
        rows[start..]
            .iter()
            .map(|row| postings.row(*row))
            .take_while(|row| row.event.lsn <= self.cut)
            .take(limit)
            .map(|row| HistoryRow {
                event: row.event.clone(),
                index: row.index,
                totals_after: row.totals_after,
            })
            .collect()
    }

    /// Lifetime sums of a book by asset: debits equal credits, always.
    pub fn trial_balance(&self, book: &str) -> Vec<(AssetId, Totals)> {
        let selection = Selection { book: Some(book.to_owned()), ..Selection::default() };
        let mut sums: BTreeMap<AssetId, Totals> = BTreeMap::new();
        for account in self.accounts(&selection) {
            let sum = sums.entry(account.opening.asset.clone()).or_default();
            *sum = sum
                .checked_add(&account.totals)
                .expect("the book's totals are bounded when a transaction is decided");
        }
        sums.into_iter().collect()
    }

    /// The transactions of an id; it is unique only within a book, so there may be several.
    pub fn transactions_by_id(&self, tx_id: Uuid) -> Vec<Arc<Event>> {
        let Staged::Nothing = self.staged;
        let lsns = self.projections.lsns_of_tx_id(&tx_id);
        lsns.into_iter().filter_map(|lsn| self.event_at(lsn)).collect()
    }

    /// The transaction that used an idempotency key.
    pub fn transaction_by_key(&self, book: &str, key: &str) -> Option<Arc<Event>> {
        let Staged::Nothing = self.staged;
        self.event_at(self.projections.book(book)?.lsn_of_key(key)?)
    }

    /// One event of a book.
    pub fn event(&self, book: &str, seq: Seq) -> Option<Arc<Event>> {
        self.event_at(self.projections.book(book)?.lsn_of(seq)?)
    }

    /// A book's events from a seq on, at most `limit`.
    pub fn events_from(&self, book: &str, from: Seq, limit: usize) -> Vec<Arc<Event>> {
        let Some(book) = self.projections.book(book) else { return Vec::new() };
        let last = from.0.saturating_add((limit as u64).saturating_sub(1));
        if limit == 0 {
            return Vec::new();
        }
        let lsns = book.lsns(&(from.0..=last));
        lsns.into_iter().filter_map(|lsn| self.event_at(lsn)).collect()
    }

    /// The event at an lsn, unless it lies behind the cut.
    fn event_at(&self, lsn: Lsn) -> Option<Arc<Event>> {
        (lsn <= self.cut).then(|| self.projections.event_at(lsn)).flatten()
    }

    /// Rows of [`postings_schema`] in log order.
    pub fn scan_postings(&self, selection: &Selection, projection: &[usize]) -> Scan {
        let Staged::Nothing = self.staged;
        scan::postings(self, selection, projection)
    }

    /// Rows of [`transactions_schema`] in log order.
    pub fn scan_transactions(&self, selection: &Selection, projection: &[usize]) -> Scan {
        let Staged::Nothing = self.staged;
        scan::transactions(self, selection, projection)
    }

    /// Rows of [`events_schema`] in log order.
    pub fn scan_events(&self, selection: &Selection, projection: &[usize]) -> Scan {
        let Staged::Nothing = self.staged;
        scan::events(self, selection, projection)
    }
}
