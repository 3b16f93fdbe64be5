//! A block's own writes as its readers see them: behind everything that is recorded.
//!
//! Sums are what is recorded at the view's cut with what the block adds. A row that changed has
//! no seq and no time: those exist only once the block commits.

use super::{AccountRow, AssetRow, HistoryRow, View};
use crate::projection::{PostingRow, TransactionRow, transaction_of};
use crate::staged::{StagedAccount, StagedTransaction, StagedWrites};
use crate::{PathSelection, ReadError, Selection};
use ledger::{Account, AccountKind, BookName, Event, EventBody, Lsn, Seq, Timestamp, Totals};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Others have posted so much since it was staged that the block cannot commit.
pub(super) const OUT_OF_RANGE: ReadError =
    ReadError::StagedNotShown { what: "sums of more than 38 digits" };

/// The event that a staged transaction would be, without a place.
pub(super) fn event(writes: &StagedWrites, place: usize) -> Arc<Event> {
    let StagedTransaction { book, transaction } = &writes.transactions()[place];
    Arc::new(Event {
        lsn: Lsn(0),
        book: book.clone(),
        seq: Seq(0),
        at: Timestamp(0),
        body: EventBody::TransactionPosted(transaction.clone()),
    })
}

pub(super) fn assets(mut recorded: Vec<AssetRow>, writes: &StagedWrites) -> Vec<AssetRow> {
    for asset in writes.assets() {
        if recorded.iter().all(|row| row.asset.id != asset.id) {
            recorded.push(AssetRow { asset: asset.clone(), registered_at: None });
        }
    }
    recorded
}

pub(super) fn account(
    recorded: Option<AccountRow>,
    writes: &StagedWrites,
    book: &str,
    path: &str,
) -> Result<Option<AccountRow>, ReadError> {
    let Some((name, staged_book)) = writes.named_book(book) else { return Ok(recorded) };
    let Some(staged) = staged_book.account(path) else { return Ok(recorded) };
    let row = recorded.or_else(|| new_account(name, staged));
    row.map(|row| touched(row, staged)).transpose()
}

pub(super) fn accounts(
    recorded: Vec<AccountRow>,
    writes: &StagedWrites,
    selection: &Selection,
) -> Result<Vec<AccountRow>, ReadError> {
    let mut rows = recorded;
    let mut new = Vec::new();
    for (book, path, account) in selected_accounts(writes, selection) {
        // Rows come by book and path.
        let known = rows.binary_search_by(|row| {
            (row.book.as_str(), row.opening.path.as_str()).cmp(&(book.as_str(), path))
        });
        if known.is_err() {
            new.extend(new_account(book, account));
        }
    }
    if !new.is_empty() {
        rows.append(&mut new);
        rows.sort_by(|a, b| (&a.book, &a.opening.path).cmp(&(&b.book, &b.opening.path)));
    }
    let shown = rows.into_iter().map(|row| {
        let staged = writes.book(row.book.as_str());
        match staged.and_then(|book| book.account(row.opening.path.as_str())) {
            Some(staged) => touched(row, staged),
            None => Ok(row),
        }
    });
    shown.collect()
}

/// An account that only the block knows, as it was opened.
fn new_account(book: &BookName, staged: &StagedAccount) -> Option<AccountRow> {
    let account = Account::open(staged.opening.clone()?);
    Some(AccountRow {
        book: book.clone(),
        opening: account.opening,
        min_balance: account.min_balance,
        metadata: account.metadata,
        closed: account.closed,
        totals: account.totals,
        opened_seq: None,
        opened_at: None,
        updated_seq: None,
    })
}

fn touched(mut row: AccountRow, staged: &StagedAccount) -> Result<AccountRow, ReadError> {
    let mut account = Account {
        opening: row.opening,
        min_balance: row.min_balance,
        metadata: row.metadata,
        closed: row.closed,
        totals: row.totals.checked_add(&staged.totals).ok_or(OUT_OF_RANGE)?,
    };
    if let Some(change) = staged.change() {
        account.change(change);
    }
    let Account { opening, min_balance, metadata, closed, totals } = account;
    row = AccountRow { opening, min_balance, metadata, closed, totals, ..row };
    row.updated_seq = None;
    Ok(row)
}

/// The block's accounts that a selection lets through, by book and path.
fn selected_accounts<'a>(
    writes: &'a StagedWrites,
    selection: &'a Selection,
) -> impl Iterator<Item = (&'a BookName, &'a str, &'a StagedAccount)> {
    let wanted =
        |book: &&BookName| selection.book.as_ref().is_none_or(|name| name == book.as_str());
    let prefix = selection.path.as_ref().map_or("", PathSelection::prefix);
    writes
        .books()
        .filter(move |(book, _)| wanted(book))
        .flat_map(move |(book, staged)| {
            staged.accounts(prefix).map(move |(path, account)| (book, path.as_str(), account))
        })
        .filter(|(_, path, _)| selection.path.as_ref().is_none_or(|wanted| wanted.matches(path)))
}

pub(super) fn transactions(writes: &StagedWrites, selection: &Selection) -> Vec<TransactionRow> {
    let places = selected_transactions(writes, selection);
    places.into_iter().map(|place| TransactionRow(event(writes, place))).collect()
}

/// The places of the transactions that a selection lets through. What selects by a place in the
/// log or by recorded time selects nothing that is staged.
fn selected_transactions(writes: &StagedWrites, selection: &Selection) -> Vec<usize> {
    let is_by_place = selection.seq.is_some() || selection.seqs.is_some();
    if is_by_place || selection.lsn.is_some() || selection.committed_at.is_some() {
        return Vec::new();
    }
    let wanted = |place: &usize| {
        let StagedTransaction { book, transaction } = &writes.transactions()[*place];
        selection.book.as_ref().is_none_or(|name| name == book.as_str())
            && selection
                .idempotency_key
                .as_ref()
                .is_none_or(|keys| keys.contains(transaction.idempotency_key.as_str()))
    };
    match &selection.tx_id {
        Some(tx_ids) => {
            let places = tx_ids.values().iter().flat_map(|tx_id| writes.places_of(tx_id));
            let mut places: Vec<usize> = places.copied().filter(wanted).collect();
            places.sort_unstable();
            places
        }
        None => (0..writes.transactions().len()).filter(wanted).collect(),
    }
}

/// A staged leg and the sums after it.
struct Leg {
    place: usize,
    index: usize,
    totals_after: Totals,
}

impl View {
    /// An account's staged legs in the order in which they will be committed.
    fn staged_legs(
        &self,
        staged: &StagedAccount,
        book: &str,
        path: &str,
        writes: &StagedWrites,
    ) -> Result<(Option<AccountKind>, Vec<Leg>), ReadError> {
        let recorded = self.recorded_account(book, path)?;
        let opening = recorded.as_ref().map(|row| &row.opening).or(staged.opening.as_ref());
        let kind = opening.map(|opening| opening.kind);
        let mut totals = recorded.map(|row| row.totals).unwrap_or_default();
        let mut legs = Vec::with_capacity(staged.legs.len());
        for (place, index) in &staged.legs {
            let posting = &writes.transactions()[*place].transaction.postings[*index];
            totals = totals.checked_add(&posting.totals()).ok_or(OUT_OF_RANGE)?;
            legs.push(Leg { place: *place, index: *index, totals_after: totals });
        }
        Ok((kind, legs))
    }

    pub(super) fn staged_history(
        &self,
        writes: &StagedWrites,
        book: &str,
        path: &str,
        limit: usize,
    ) -> Result<Vec<HistoryRow>, ReadError> {
        let staged = writes.book(book).and_then(|book| book.account(path));
        let Some(staged) = staged.filter(|_| limit > 0) else { return Ok(Vec::new()) };
        let (_, legs) = self.staged_legs(staged, book, path, writes)?;
        let row = |leg: Leg| {
            let transaction = &writes.transactions()[leg.place].transaction;
            HistoryRow {
                tx_id: transaction.tx_id,
                lsn: None,
                seq: None,
                at: None,
                occurred_at: transaction.occurred_at,
                index: leg_number(leg.index),
                posting: transaction.postings[leg.index].clone(),
                totals_after: leg.totals_after,
            }
        };
        Ok(legs.into_iter().take(limit).map(row).collect())
    }

    /// In the order in which they will be committed.
    pub(super) fn staged_postings(
        &self,
        writes: &StagedWrites,
        selection: &Selection,
    ) -> Result<Vec<PostingRow>, ReadError> {
        let places = selected_transactions(writes, selection);
        let events: BTreeMap<usize, Arc<Event>> =
            places.into_iter().map(|place| (place, event(writes, place))).collect();
        let mut rows: BTreeMap<(usize, usize), PostingRow> = BTreeMap::new();
        for (book, path) in accounts_of(&events, selection) {
            let staged = writes.book(book).and_then(|book| book.account(path));
            let Some(staged) = staged else { continue };
            let (Some(kind), legs) = self.staged_legs(staged, book, path, writes)? else {
                continue;
            };
            for Leg { place, index, totals_after } in legs {
                if let Some(event) = events.get(&place) {
                    let event = event.clone();
                    let row = PostingRow { event, index: leg_number(index), kind, totals_after };
                    rows.insert((place, index), row);
                }
            }
        }
        Ok(rows.into_values().collect())
    }
}

/// The accounts, of those a selection lets through, that transactions have legs on.
fn accounts_of<'a>(
    events: &'a BTreeMap<usize, Arc<Event>>,
    selection: &Selection,
) -> BTreeSet<(&'a str, &'a str)> {
    let mut accounts = BTreeSet::new();
    for event in events.values() {
        let paths = transaction_of(event).postings.iter().map(|posting| posting.account.as_str());
        let wanted =
            |path: &&str| selection.path.as_ref().is_none_or(|wanted| wanted.matches(path));
        accounts.extend(paths.filter(wanted).map(|path| (event.book.as_str(), path)));
    }
    accounts
}

/// A transaction with more legs than this is refused when it commits, long before it has so many.
fn leg_number(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}
