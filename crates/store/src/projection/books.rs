//! One book as readers see it: its accounts at any cut, and where its newest events are.

use super::accounts::AccountProjection;
use super::{PostingRow, Rows, read, write};
use ledger::{AccountPath, BookName, Event, EventBody, Lsn, Seq, Timestamp, Transaction};
use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::{Arc, RwLock};

#[derive(Debug)]
pub(crate) struct BookProjection {
    pub(crate) name: BookName,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The book's last event.
    head: Seq,
    head_lsn: Lsn,
    opened_at: Timestamp,
    /// The lsns of the newest events, the last of which is `head`. Rising, as is everything below.
    recent_lsns: VecDeque<Lsn>,
    opening_lsns: Vec<Lsn>,
    /// Changes of accounts and registrations of assets: what is neither opening nor transaction.
    other_lsns: Vec<Lsn>,
    accounts: BTreeMap<AccountPath, AccountProjection>,
}

impl Inner {
    /// The seq before the first of `recent_lsns`.
    fn evicted(&self) -> u64 {
        self.head.0 - self.recent_lsns.len() as u64
    }
}

/// A book's size at a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BookCounts {
    pub(crate) transactions: u64,
    pub(crate) accounts: u64,
}

/// A book's last event at a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BookHead {
    /// The book has no event that early.
    None,
    At(Seq, Lsn),
    /// It is among the sealed ones.
    Sealed,
}

impl BookProjection {
    pub(crate) fn new(name: BookName) -> Self {
        BookProjection { name, inner: RwLock::default() }
    }

    /// Without an account there are no transactions.
    pub(crate) fn has_accounts(&self) -> bool {
        !read(&self.inner).accounts.is_empty()
    }

    /// Applies an event that is not a transaction.
    pub(crate) fn apply(&self, event: &Event) {
        let mut inner = write(&self.inner);
        inner.note(event);
        match &event.body {
            EventBody::AssetRegistered(_) => inner.other_lsns.push(event.lsn),
            EventBody::AccountOpened(opening) => {
                inner.opening_lsns.push(event.lsn);
                let account = AccountProjection::open(event, opening);
                inner.accounts.insert(opening.path.clone(), account);
            }
            EventBody::AccountChanged { path, change } => {
                inner.other_lsns.push(event.lsn);
                let account = inner.accounts.get_mut(path).expect("changed accounts are open");
                account.change(event, change);
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
        inner.note(event);
        for (posting, index) in transaction.postings.iter().zip(0u16..) {
            let account =
                inner.accounts.get_mut(&posting.account).expect("posted accounts are open");
            let totals_after = account.post(event, posting, postings.len());
            postings.push(PostingRow {
                event: event.clone(),
                index,
                kind: account.opening.kind,
                totals_after,
            });
        }
    }

    /// Takes over an account that a part held. The parts' accounts may come in any order.
    pub(crate) fn restore(&self, account: AccountProjection) {
        let mut inner = write(&self.inner);
        let (seq, lsn) = account.last_touched();
        if seq > inner.head {
            inner.head = seq;
            inner.head_lsn = lsn;
        }
        if account.opened_seq == Seq(1) {
            inner.opened_at = account.opened_at;
        }
        inner.accounts.insert(account.opening.path.clone(), account);
    }

    /// Takes over the registration of an asset that a part held.
    pub(crate) fn restore_other(&self, seq: Seq, lsn: Lsn) {
        let mut inner = write(&self.inner);
        if seq > inner.head {
            (inner.head, inner.head_lsn) = (seq, lsn);
        }
        inner.other_lsns.push(lsn);
    }

    /// To be called when all accounts are restored: counts them.
    pub(crate) fn finish_restoring(&self) {
        let inner = &mut *write(&self.inner);
        for account in inner.accounts.values() {
            let mut lsns = account.states().iter().map(|state| state.lsn);
            inner.opening_lsns.extend(lsns.next());
            inner.other_lsns.extend(lsns);
        }
        inner.opening_lsns.sort_unstable();
        inner.other_lsns.sort_unstable();
    }

    pub(crate) fn head(&self) -> Seq {
        read(&self.inner).head
    }

    pub(crate) fn opened_at(&self) -> Timestamp {
        read(&self.inner).opened_at
    }

    /// Lsns of the newest events whose seq lies in `seqs`, and the seqs that are sealed.
    pub(crate) fn lsns(
        &self,
        seqs: &RangeInclusive<u64>,
    ) -> (Option<RangeInclusive<u64>>, Vec<Lsn>) {
        let inner = read(&self.inner);
        let (first, last) = ((*seqs.start()).max(1), (*seqs.end()).min(inner.head.0));
        let evicted = inner.evicted();
        let sealed = (first <= last.min(evicted)).then(|| first..=last.min(evicted));
        let recent = if last > evicted {
            let from = first.max(evicted + 1) - evicted - 1;
            let to = last - evicted;
            inner.recent_lsns.range(from.min(to) as usize..to as usize).copied().collect()
        } else {
            Vec::new()
        };
        (sealed, recent)
    }

    /// Whether an event whose seq lies in `seqs` is no longer in memory.
    pub(crate) fn has_sealed(&self, seqs: &RangeInclusive<u64>) -> bool {
        let inner = read(&self.inner);
        (*seqs.start()).max(1) <= (*seqs.end()).min(inner.evicted())
    }

    /// The book's last event at a cut.
    pub(crate) fn head_at(&self, cut: Lsn) -> BookHead {
        let inner = read(&self.inner);
        if inner.head == Seq(0) {
            return BookHead::None;
        }
        if inner.head_lsn <= cut {
            return BookHead::At(inner.head, inner.head_lsn);
        }
        let count = inner.recent_lsns.partition_point(|lsn| *lsn <= cut);
        let seq = Seq(inner.evicted() + count as u64);
        match (count, seq) {
            (0, Seq(0)) => BookHead::None,
            (0, _) => BookHead::Sealed,
            _ => BookHead::At(seq, inner.recent_lsns[count - 1]),
        }
    }

    /// How many transactions and accounts are among the events up to `head`.
    pub(crate) fn counts_at(&self, cut: Lsn, head: Seq) -> BookCounts {
        let inner = read(&self.inner);
        let up_to = |lsns: &[Lsn]| lsns.partition_point(|lsn| *lsn <= cut) as u64;
        let accounts = up_to(&inner.opening_lsns);
        let others = up_to(&inner.other_lsns);
        BookCounts { transactions: head.0.saturating_sub(accounts + others), accounts }
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

    /// Forgets the `count` oldest lsns, whose events are sealed.
    pub(crate) fn evict_events(&self, count: usize) {
        let mut inner = write(&self.inner);
        let held = inner.recent_lsns.len();
        inner.recent_lsns.drain(..count.min(held));
        if inner.recent_lsns.capacity() > 4 * inner.recent_lsns.len() + 64 {
            inner.recent_lsns.shrink_to_fit();
        }
    }

    /// Forgets the account's rows before `first_row`, which are sealed.
    pub(crate) fn evict_postings(&self, path: &str, first_row: u64) {
        if let Some(account) = write(&self.inner).accounts.get_mut(path) {
            account.evict(first_row);
        }
    }
}

impl Inner {
    fn note(&mut self, event: &Event) {
        debug_assert_eq!(event.seq, self.head.next(), "events are applied in order");
        if event.seq == Seq(1) {
            self.opened_at = event.at;
        }
        self.head = event.seq;
        self.head_lsn = event.lsn;
        self.recent_lsns.push_back(event.lsn);
    }
}
