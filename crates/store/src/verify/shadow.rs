//! The accounts as the log makes them, for comparing them with what parts say.
//!
//! A second way to the same sums: nothing here is shared with the projections that make parts.

use crate::projection::{AccountRecord, AccountState, PostingRow};
use ledger::{AccountChange, AccountOpening, BookName, Event, EventBody, Totals};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Every account so far, and which of them the current range of the log has touched.
#[derive(Debug, Default)]
pub(super) struct Shadow {
    places: HashMap<BookName, HashMap<String, usize>>,
    accounts: Vec<AccountRecord>,
    touched: HashSet<usize>,
}

impl Shadow {
    /// Extends the accounts by an event; gives the rows of its postings. `None` if that is not
    /// possible, because the log is wrong.
    pub(super) fn apply(&mut self, event: &Arc<Event>) -> Option<Vec<PostingRow>> {
        let mut rows = Vec::new();
        match &event.body {
            EventBody::AssetRegistered(_) => {}
            EventBody::AccountOpened(opening) => self.open(event, opening)?,
            EventBody::AccountChanged { path, change } => {
                let account = self.touch(event, path.as_str())?;
                let state = changed(account.states.last()?, event, change);
                account.states.push(state);
            }
            EventBody::TransactionPosted(transaction) => {
                for (posting, index) in transaction.postings.iter().zip(0u16..) {
                    let account = self.touch(event, posting.account.as_str())?;
                    account.totals = account.totals.checked_add(&posting.totals())?;
                    account.last_posting = Some((event.lsn, event.seq));
                    rows.push(PostingRow {
                        event: event.clone(),
                        index,
                        kind: account.opening.kind,
                        totals_after: account.totals,
                    });
                }
            }
        }
        Some(rows)
    }

    fn open(&mut self, event: &Event, opening: &Arc<AccountOpening>) -> Option<()> {
        let place = self.accounts.len();
        let path = opening.path.as_str().to_owned();
        if self.places.entry(event.book.clone()).or_default().insert(path, place).is_some() {
            return None;
        }
        self.touched.insert(place);
        self.accounts.push(AccountRecord {
            book: event.book.clone(),
            opening: opening.clone(),
            opened_at: event.at,
            states: vec![AccountState {
                lsn: event.lsn,
                seq: event.seq,
                min_balance: opening.min_balance,
                metadata: opening.metadata.clone(),
                closed: false,
            }],
            totals: Totals::default(),
            last_posting: None,
        });
        Some(())
    }

    fn touch(&mut self, event: &Event, path: &str) -> Option<&mut AccountRecord> {
        let place = *self.places.get(&event.book)?.get(path)?;
        self.touched.insert(place);
        self.accounts.get_mut(place)
    }

    /// The accounts that were touched since this was last asked.
    pub(super) fn take_touched(&mut self) -> impl Iterator<Item = &AccountRecord> {
        std::mem::take(&mut self.touched).into_iter().filter_map(|place| self.accounts.get(place))
    }
}

fn changed(before: &AccountState, event: &Event, change: &AccountChange) -> AccountState {
    AccountState {
        lsn: event.lsn,
        seq: event.seq,
        min_balance: change.min_balance.unwrap_or(before.min_balance),
        metadata: change.metadata.clone().unwrap_or_else(|| before.metadata.clone()),
        closed: change.closed.unwrap_or(before.closed),
    }
}
