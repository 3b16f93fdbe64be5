//! One account as readers see it: what was set, and its sums, at any cut.

use super::{PostingRow, Rows};
use ledger::{
    AccountChange, AccountOpening, BookName, Event, EventBody, JsonDocument, Lsn, Posting, Seq,
    Timestamp, Totals,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// What an account's opening and changes set, from an event on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountState {
    pub(crate) lsn: Lsn,
    pub(crate) seq: Seq,
    pub(crate) min_balance: Option<i128>,
    pub(crate) metadata: JsonDocument,
    pub(crate) closed: bool,
}

/// An account as of some lsn, whole: what a part keeps of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountRecord {
    pub(crate) book: BookName,
    pub(crate) opening: Arc<AccountOpening>,
    pub(crate) opened_at: Timestamp,
    /// Never empty: the opening is the first.
    pub(crate) states: Vec<AccountState>,
    pub(crate) totals: Totals,
    pub(crate) last_posting: Option<(Lsn, Seq)>,
}

#[derive(Debug)]
pub(crate) struct AccountProjection {
    pub(crate) opening: Arc<AccountOpening>,
    pub(crate) opened_at: Timestamp,
    pub(crate) opened_seq: Seq,
    /// Never empty: the opening is the first.
    states: Vec<AccountState>,
    /// Places of the account's newest legs in the postings table.
    posting_rows: VecDeque<u64>,
    /// Whether the account has legs that are not in the table any more.
    has_sealed: bool,
    sums: Sums,
}

/// An account's lifetime sums, and the last posting that made them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    pub(crate) totals: Totals,
    pub(crate) last_posting: Option<(Lsn, Seq)>,
}

/// Where an account's sums at a cut are to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SumsAt {
    Known(Sums),
    /// The last posting before the cut is among the sealed ones.
    Sealed,
}

impl AccountProjection {
    pub(super) fn open(event: &Event, opening: &Arc<AccountOpening>) -> Self {
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
            posting_rows: VecDeque::new(),
            has_sealed: false,
            sums: Sums::default(),
        }
    }

    /// The account as a part kept it; `None` if the record says nothing of its opening.
    pub(crate) fn restore(record: AccountRecord) -> Option<Self> {
        Some(AccountProjection {
            opened_at: record.opened_at,
            opened_seq: record.states.first()?.seq,
            opening: record.opening,
            states: record.states,
            posting_rows: VecDeque::new(),
            has_sealed: record.last_posting.is_some(),
            sums: Sums { totals: record.totals, last_posting: record.last_posting },
        })
    }

    /// The account as it was at `cut`, whose sums the caller has found.
    pub(crate) fn record(&self, book: &BookName, cut: Lsn, sums: Sums) -> AccountRecord {
        AccountRecord {
            book: book.clone(),
            opening: self.opening.clone(),
            opened_at: self.opened_at,
            states: self.states.iter().take_while(|state| state.lsn <= cut).cloned().collect(),
            totals: sums.totals,
            last_posting: sums.last_posting,
        }
    }

    pub(super) fn change(&mut self, event: &Event, change: &AccountChange) {
        let mut state = self.states.last().expect("never empty").clone();
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
        self.states.push(state);
    }

    /// Adds a leg that gets this place in the postings table; gives the sums after it.
    pub(super) fn post(&mut self, event: &Event, posting: &Posting, row: u64) -> Totals {
        let totals = self
            .sums
            .totals
            .checked_add(&posting.totals())
            .expect("lifetime sums were bounded when the transaction was decided");
        self.sums = Sums { totals, last_posting: Some((event.lsn, event.seq)) };
        self.posting_rows.push_back(row);
        totals
    }

    pub(super) fn evict(&mut self, first_row: u64) {
        let count = self.posting_rows.partition_point(|row| *row < first_row);
        self.has_sealed |= count > 0;
        self.posting_rows.drain(..count);
        if self.posting_rows.capacity() > 4 * self.posting_rows.len() + 64 {
            self.posting_rows.shrink_to_fit();
        }
    }

    pub(crate) fn states(&self) -> &[AccountState] {
        &self.states
    }

    /// What was set as of a cut; `None` if the account was not open yet.
    pub(crate) fn state_at(&self, cut: Lsn) -> Option<&AccountState> {
        let count = self.states.partition_point(|state| state.lsn <= cut);
        self.states[..count].last()
    }

    /// The last event that touched the account.
    pub(super) fn last_touched(&self) -> (Seq, Lsn) {
        let state = self.states.last().map(|state| (state.seq, state.lsn)).unwrap_or_default();
        self.sums.last_posting.map_or(state, |(lsn, seq)| state.max((seq, lsn)))
    }

    /// The event that opened the account, made again.
    pub(crate) fn opening_event(&self, book: &BookName) -> Event {
        Event {
            lsn: self.states.first().map_or(Lsn(0), |state| state.lsn),
            book: book.clone(),
            seq: self.opened_seq,
            at: self.opened_at,
            body: EventBody::AccountOpened(self.opening.clone()),
        }
    }

    /// The rows of the account's newest legs, oldest first.
    pub(crate) fn posting_rows(&self) -> Vec<u64> {
        self.posting_rows.iter().copied().collect()
    }

    /// Those of them whose lsn lies in a range, oldest first.
    pub(crate) fn posting_rows_between(
        &self,
        postings: &Rows<PostingRow>,
        first: u64,
        last: u64,
    ) -> impl DoubleEndedIterator<Item = &u64> {
        // Rows that the table has evicted come first, and are not found in it any more.
        let up_to = |is_before: &dyn Fn(u64) -> bool| {
            self.posting_rows.partition_point(|row| {
                postings.get(*row).is_none_or(|row| is_before(row.event.lsn.0))
            })
        };
        let start = up_to(&|lsn| lsn < first);
        let end = up_to(&|lsn| lsn <= last);
        self.posting_rows.range(start..end.max(start))
    }

    /// Whether legs of the account are no longer in the table.
    pub(crate) fn has_sealed(&self, postings: &Rows<PostingRow>) -> bool {
        self.has_sealed || self.posting_rows.front().is_some_and(|row| postings.get(*row).is_none())
    }

    /// Lifetime sums as of a cut.
    pub(crate) fn sums_at<'a>(
        &self,
        cut: Lsn,
        postings: impl FnOnce() -> std::sync::RwLockReadGuard<'a, Rows<PostingRow>>,
    ) -> SumsAt {
        if self.sums.last_posting.is_none_or(|(lsn, _)| lsn <= cut) {
            return SumsAt::Known(self.sums);
        }
        let postings = postings();
        // Rows that the table has evicted come first, and are not found in it any more.
        let evicted = self.posting_rows.partition_point(|row| postings.get(*row).is_none());
        let seen = self
            .posting_rows
            .partition_point(|row| postings.get(*row).is_none_or(|row| row.event.lsn <= cut));
        if seen > evicted
            && let Some(row) = postings.get(self.posting_rows[seen - 1])
        {
            let last_posting = Some((row.event.lsn, row.event.seq));
            return SumsAt::Known(Sums { totals: row.totals_after, last_posting });
        }
        if evicted > 0 || self.has_sealed { SumsAt::Sealed } else { SumsAt::Known(Sums::default()) }
    }
}
