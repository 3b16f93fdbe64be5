//! One page of an account's history: the first or the last legs in a range of seqs.
//!
//! Costs in proportion to the page, however long the history is. A block's staged legs have no seq
//! and are in no page.

use super::{HistoryRow, View};
use crate::ReadError;
use crate::projection::BookProjection;
use ledger::{AccountKind, AccountPath, BookName, Seq};
use std::ops::RangeInclusive;

/// From which end of a range a page is taken, and the order of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageOrder {
    OldestFirst,
    NewestFirst,
}

/// Legs of one account, in the order that was asked for.
#[derive(Debug, Clone)]
pub struct AccountPage {
    pub book: BookName,
    pub kind: AccountKind,
    pub rows: Vec<HistoryRow>,
}

/// What memory has of a page, and how far down it is all there is.
struct RecentPage {
    path: AccountPath,
    kind: AccountKind,
    rows: Vec<HistoryRow>,
    /// Sealed legs may be among the wanted ones, up to this lsn.
    sealed_through: Option<u64>,
}

impl View {
    /// The recorded legs of an account whose seq lies in `seqs`: at most `limit`, from one end.
    /// `None` if there is no such account, or no such seq.
    pub fn account_page(
        &self,
        book: &str,
        path: &str,
        seqs: &RangeInclusive<u64>,
        order: PageOrder,
        limit: usize,
    ) -> Result<Option<AccountPage>, ReadError> {
        let Some(projection) = self.projections.book(book) else { return Ok(None) };
        let Some(lsns) = self.lsns_between(&projection, seqs)? else { return Ok(None) };
        // Memory first, the sealed history second: see the projections' invariant.
        let Some(recent) = self.recent_page(&projection, path, &lsns, order, limit) else {
            return Ok(None);
        };
        let RecentPage { path: account, kind, mut rows, sealed_through } = recent;
        let missing = match order {
            PageOrder::OldestFirst => limit,
            PageOrder::NewestFirst => limit - rows.len(),
        };
        if let Some(through) = sealed_through
            && missing > 0
        {
            self.may_read_disk()?;
            let lsns = *lsns.start()..=through;
            let sealed = self.projections.sealed(|chain| match order {
                PageOrder::OldestFirst => {
                    chain.account_postings(book, path, lsns.clone(), Seq(0), missing)
                }
                PageOrder::NewestFirst => {
                    chain.newest_account_postings(book, path, lsns.clone(), missing)
                }
            })?;
            let sealed = sealed.into_iter().map(|posting| HistoryRow::sealed(&account, posting));
            match order {
                PageOrder::OldestFirst => rows = sealed.chain(rows).take(limit).collect(),
                PageOrder::NewestFirst => rows.extend(sealed),
            }
        }
        Ok(Some(AccountPage { book: projection.name.clone(), kind, rows }))
    }

    /// The lsns that a range of a book's seqs spans, up to the cut; `None` if it spans none.
    pub(super) fn lsns_between(
        &self,
        book: &BookProjection,
        seqs: &RangeInclusive<u64>,
    ) -> Result<Option<RangeInclusive<u64>>, ReadError> {
        let head = book.head().0;
        let lsn_of = |seq: u64| -> Result<Option<u64>, ReadError> {
            Ok(self.lsns_of(book, &(seq..=seq))?.first().map(|lsn| lsn.0))
        };
        let first = match *seqs.start() {
            0 | 1 => Some(1),
            start => lsn_of(start)?,
        };
        let last = match *seqs.end() {
            end if end >= head => Some(self.cut.0),
            end => lsn_of(end)?.map(|lsn| lsn.min(self.cut.0)),
        };
        match (first, last) {
            (Some(first), Some(last)) if first <= last => Ok(Some(first..=last)),
            _ => Ok(None),
        }
    }

    fn recent_page(
        &self,
        book: &BookProjection,
        path: &str,
        lsns: &RangeInclusive<u64>,
        order: PageOrder,
        limit: usize,
    ) -> Option<RecentPage> {
        let (first, last) = (*lsns.start(), *lsns.end());
        book.with_account(path, |account| {
            let postings = self.projections.postings();
            let wanted = account.posting_rows_between(&postings, first, last);
            let row = |row: &u64| postings.get(*row).map(HistoryRow::recent);
            let rows = match order {
                PageOrder::OldestFirst => wanted.filter_map(row).take(limit).collect(),
                PageOrder::NewestFirst => wanted.rev().filter_map(row).take(limit).collect(),
            };
            let through = postings.floor().0.min(last);
            RecentPage {
                path: account.opening.path.clone(),
                kind: account.opening.kind,
                rows,
                sealed_through: (first <= through && account.has_sealed(&postings))
                    .then_some(through),
            }
        })
    }
}
