//! One book as readers see it: its accounts at any cut, and its indexes.

use super::{PostingRow, Rows, read, write};
use ledger::{
    AccountOpening, AccountPath, BookName, Event, EventBody, IdempotencyKey, JsonDocument, Lsn,
    Seq, Timestamp, Totals, Transaction,
};
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::{Arc, RwLock};

#[derive(Debug)]
pub(crate) struct BookProjection {
    pub(crate) name: BookName,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The lsn of each seq; the first is seq 1. Rising, as is everything below.
    lsns: Vec<Lsn>,
    transaction_lsns: Vec<Lsn>,
    opening_lsns: Vec<Lsn>,
    by_key: HashMap<IdempotencyKey, Lsn>,
    accounts: BTreeMap<AccountPath, AccountProjection>,
}

/// What an account's opening and changes set, from an event on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountState {
    pub(crate) lsn: Lsn,
    pub(crate) seq: Seq,
    pub(crate) min_balance: Option<i128>,
    pub(crate) metadata: JsonDocument,
    pub(crate) closed: bool,
}

#[derive(Debug)]
pub(crate) struct AccountProjection {
    pub(crate) opening: Arc<AccountOpening>,
    pub(crate) opened_at: Timestamp,
    pub(crate) opened_seq: Seq,
    /// Never empty: the opening is the first.
    states: Vec<AccountState>,
    /// Places of the account's legs in the postings table.
    posting_rows: Vec<u64>,
    last_posting: Option<(Lsn, Seq)>,
    totals: Totals,
}

impl AccountProjection {
    fn open(event: &Event, opening: &Arc<AccountOpening>) -> Self {
        AccountProjection {
            opening: opening.clone(),
            opened_at: event.at,
            opened_seq: event.seq,
            states: vec![AccountState {
                lsn: event.lsn,
                seq: event.seq,
                min_balance: opening.min_balance,
                metadata: opening.metadata.clone(),
                closed: false,
            }],
            posting_rows: Vec::new(),
            last_posting: None,
            totals: Totals::default(),
        }
    }

    /// What was set as of a cut; `None` if the account was not open yet.
    pub(crate) fn state_at(&self, cut: Lsn) -> Option<&AccountState> {
        let count = self.states.partition_point(|state| state.lsn <= cut);
        self.states[..count].last()
    }

    /// Lifetime sums and the last seq that touched the account, as of a cut.
    pub(crate) fn sums_at<'a>(
        &self,
        cut: Lsn,
        postings: impl FnOnce() -> PostingsAt<'a>,
    ) -> (Totals, Seq) {
        let state_seq = self.state_at(cut).map_or(Seq(0), |state| state.seq);
        match self.last_posting {
            None => (Totals::default(), state_seq),
            Some((lsn, seq)) if lsn <= cut => (self.totals, seq.max(state_seq)),
            Some(_) => {
                let lookup = postings();
                let count = self.posting_rows.partition_point(|row| lookup.lsn(*row) <= cut);
                match self.posting_rows[..count].last() {
                    None => (Totals::default(), state_seq),
                    Some(row) => {
                        let (totals, seq) = lookup.after(*row);
                        (totals, seq.max(state_seq))
                    }
                }
            }
        }
    }
}

/// Reads the sums that postings carry, for cuts behind the newest one.
#[derive(Debug)]
pub(crate) struct PostingsAt<'a>(pub(crate) std::sync::RwLockReadGuard<'a, Rows<PostingRow>>);

impl PostingsAt<'_> {
    pub(crate) fn row(&self, index: u64) -> &PostingRow {
        self.0.get(index).expect("an account's rows are in the postings table")
    }

    fn lsn(&self, index: u64) -> Lsn {
        self.row(index).event.lsn
    }

    fn after(&self, index: u64) -> (Totals, Seq) {
        let row = self.row(index);
        (row.totals_after, row.event.seq)
    }
}

impl BookProjection {
    pub(crate) fn new(name: BookName) -> Self {
        BookProjection { name, inner: RwLock::default() }
    }

    /// Applies an event that is not a transaction.
    pub(crate) fn apply(&self, event: &Event) {
        let mut inner = write(&self.inner);
        inner.lsns.push(event.lsn);
        match &event.body {
            EventBody::AssetRegistered(_) => {}
            EventBody::AccountOpened(opening) => {
                inner.opening_lsns.push(event.lsn);
                let account = AccountProjection::open(event, opening);
                inner.accounts.insert(opening.path.clone(), account);
            }
            EventBody::AccountChanged { path, change } => {
                let account = inner.accounts.get_mut(path).expect("changed accounts are open");
                let mut state = account.states.last().expect("never empty").clone();
                state.lsn = event.lsn;
                state.seq = event.seq;
                if let Some(min_balance) = change.min_balance {
                    state.min_balance = min_balance;
                }
                if let Some(metadata) = &change.metadata {
                    state.metadata = metadata.clone();
                }
                if let Some(closed) = change.closed {
                    state.closed = closed;
                }
                account.states.push(state);
            }
            EventBody::TransactionPosted(_) => unreachable!("transactions go through post()"),
        }
    }

    /// Applies a transaction, and adds its legs to the postings table.
    pub(crate) fn post(
        &self,
        event: &Arc<Event>,
        transaction: &Transaction,
        postings: &RwLock<Rows<PostingRow>>,
    ) {
        // Book before postings: readers of an old balance take the two locks in this order.
        let mut inner = write(&self.inner);
        let mut postings = write(postings);
        inner.lsns.push(event.lsn);
        inner.transaction_lsns.push(event.lsn);
        inner.by_key.insert(transaction.idempotency_key.clone(), event.lsn);
        for (posting, index) in transaction.postings.iter().zip(0u16..) {
            let account =
                inner.accounts.get_mut(&posting.account).expect("posted accounts are open");
            account.totals = account
                .totals
                .checked_add(&posting.totals())
                .expect("lifetime sums were bounded when the transaction was decided");
            account.last_posting = Some((event.lsn, event.seq));
            account.posting_rows.push(postings.len());
            postings.push(PostingRow {
                event: event.clone(),
                index,
                kind: account.opening.kind,
                totals_after: account.totals,
            });
        }
    }

    pub(crate) fn lsn_of(&self, seq: Seq) -> Option<Lsn> {
        let index = usize::try_from(seq.0.checked_sub(1)?).ok()?;
        read(&self.inner).lsns.get(index).copied()
    }

    pub(crate) fn lsn_of_key(&self, key: &str) -> Option<Lsn> {
        read(&self.inner).by_key.get(key).copied()
    }

    /// Lsns of the book's events whose seq lies in `seqs`.
    pub(crate) fn lsns(&self, seqs: &RangeInclusive<u64>) -> Vec<Lsn> {
        let inner = read(&self.inner);
        let start = seqs.start().saturating_sub(1).min(inner.lsns.len() as u64);
        let end = (*seqs.end()).min(inner.lsns.len() as u64);
        inner.lsns[start as usize..end.max(start) as usize].to_vec()
    }

    /// Events, transactions and accounts up to a cut.
    pub(crate) fn counts_at(&self, cut: Lsn) -> (u64, u64, u64) {
        let inner = read(&self.inner);
        let up_to = |lsns: &[Lsn]| lsns.partition_point(|lsn| *lsn <= cut) as u64;
        (up_to(&inner.lsns), up_to(&inner.transaction_lsns), up_to(&inner.opening_lsns))
    }

    pub(crate) fn with_account<T>(
        &self,
        path: &str,
        read_account: impl FnOnce(&AccountProjection) -> T,
    ) -> Option<T> {
        read(&self.inner).accounts.get(path).map(read_account)
    }

    /// Visits accounts in path order, those that start with `prefix`.
    pub(crate) fn for_each_account(&self, prefix: &str, mut visit: impl FnMut(&AccountProjection)) {
        let inner = read(&self.inner);
        let from = (std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded);
        for (path, account) in inner.accounts.range::<str, _>(from) {
            if !path.as_str().starts_with(prefix) {
                break;
            }
            visit(account);
        }
    }

    pub(crate) fn posting_rows(&self, path: &str) -> Vec<u64> {
        self.with_account(path, |account| account.posting_rows.clone()).unwrap_or_default()
    }

    /// The event that opened an account.
    pub(crate) fn opening_lsn(&self, path: &str) -> Option<Lsn> {
        self.with_account(path, |account| account.states.first().map(|state| state.lsn)).flatten()
    }
}
