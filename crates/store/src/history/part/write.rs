//! A part from what memory has.

use super::super::keys::{KeyEntry, KeyHash};
use super::accounts::account_batch;
use super::builder::PartBuilder;
use super::content::{AccountRecord, LogPosition, PartContent};
use super::manifest::Covered;
use super::names::TableName;
use super::schema::{self, Money};
use super::table::BATCH_ROWS;
use super::table_writer::{Layout, TableWriter};
use super::{Part, posting_columns};
use crate::projection::columns::{lsns, seqs, texts, times};
use crate::projection::{PostingRow, Row as _, TransactionRow};
use crate::storage::Storage;
use arrow_array::{Int64Array, RecordBatch};
use foldhash::fast::RandomState;
use ledger::{Event, EventBody, Transaction};
use std::collections::HashMap;
use std::hash::Hash;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What the rows of one batch of transactions should not be larger than, roughly.
const TRANSACTIONS_BYTES: usize = 4 * 1024 * 1024;

/// Writes a part and opens it. It exists when this returns, and not before.
pub(crate) fn write_part(
    storage: &dyn Storage,
    history_dir: &Path,
    content: &PartContent,
) -> io::Result<Part> {
    write_laid_out(storage, history_dir, content, Layout::default())
}

pub(super) fn write_laid_out(
    storage: &dyn Storage,
    history_dir: &Path,
    content: &PartContent,
    layout: Layout,
) -> io::Result<Part> {
    let (Some(first), Some(last)) = (content.events.first(), content.events.last()) else {
        return Err(invalid("a part needs events"));
    };
    let length = content.events.len() as u64;
    if (first.lsn, last.lsn, last.at) != (content.first, content.last, content.last_at)
        || last.lsn.0.checked_sub(first.lsn.0) != Some(length - 1)
    {
        return Err(invalid("the events are not those of the range"));
    }
    PartBuilder::build(storage, history_dir, (content.first, content.last), layout, |part| {
        let width = width_of(&content.postings);
        part.table(TableName::Postings, schema::postings(width), |table| {
            write_postings(table, &content.postings, width)
        })?;
        part.table(TableName::Transactions, schema::transactions(), |table| {
            write_transactions(table, &content.events)
        })?;
        part.table(TableName::Sequence, schema::sequence(), |table| {
            write_sequence(table, &content.events)
        })?;
        part.table(TableName::Accounts, schema::accounts(), |table| {
            write_accounts(table, &content.accounts)
        })?;
        part.table(TableName::Positions, schema::positions(), |table| {
            write_positions(table, &content.positions)
        })?;
        part.keys(key_entries(&content.events).into_iter().map(Ok))?;
        let range = Covered {
            store: content.store.clone(),
            first: content.first,
            last: content.last,
            end: content.end,
            first_at: first.at,
            last_at: last.at,
        };
        Ok((range, content.assets.clone()))
    })
}

fn width_of(postings: &[PostingRow]) -> Money {
    let fits = |number: i128| i64::try_from(number).is_ok();
    // A leg's amount is never above the sum that it was added to.
    let all_fit =
        postings.iter().all(|row| fits(row.totals_after.debits) && fits(row.totals_after.credits));
    if all_fit { Money::Narrow } else { Money::Wide }
}

fn write_postings(
    table: &mut TableWriter,
    postings: &[PostingRow],
    width: Money,
) -> io::Result<()> {
    let schema = schema::postings(width);
    // Postings come in log order, which grouping keeps within an account.
    let order = grouped(postings, |row| (row.event.book.as_str(), row.posting().account.as_str()));
    // Few enough that what their columns are read from stays in the processor's cache.
    for rows in order.chunks(BATCH_ROWS / 4) {
        let rows = rows.iter().map(|row| &postings[*row as usize]);
        table.write(&posting_columns::batch(&schema, rows, width)?)?;
    }
    Ok(())
}

fn write_transactions(table: &mut TableWriter, events: &[Arc<Event>]) -> io::Result<()> {
    let schema = schema::transactions();
    let mut rows = Vec::new();
    let mut bytes = 0;
    let mut flush = |rows: &mut Vec<TransactionRow>| {
        let columns = 0..schema.fields().len();
        let columns = columns.map(|index| TransactionRow::column(rows, index)).collect();
        rows.clear();
        table.write(&RecordBatch::try_new(schema.clone(), columns).map_err(io::Error::other)?)
    };
    for event in events {
        let Some(transaction) = transaction(event) else { continue };
        rows.push(TransactionRow(event.clone()));
        bytes += transaction.metadata.as_str().len()
            + transaction.external_refs.as_str().len()
            + transaction.postings.len() * 128;
        if rows.len() == BATCH_ROWS || bytes >= TRANSACTIONS_BYTES {
            flush(&mut rows)?;
            bytes = 0;
        }
    }
    if rows.is_empty() { Ok(()) } else { flush(&mut rows) }
}

fn write_sequence(table: &mut TableWriter, events: &[Arc<Event>]) -> io::Result<()> {
    let order = grouped(events, |event| event.book.as_str());
    for rows in order.chunks(BATCH_ROWS) {
        table.write(&sequence_batch(rows.iter().map(|row| &events[*row as usize]))?)?;
    }
    Ok(())
}

pub(super) fn sequence_batch<'a>(
    events: impl Iterator<Item = &'a Arc<Event>> + Clone,
) -> io::Result<RecordBatch> {
    let columns = vec![
        texts(events.clone().map(|event| event.book.as_str())),
        seqs(events.clone().map(|event| event.seq)),
        lsns(events.clone().map(|event| event.lsn)),
        times(events.map(|event| Some(event.at))),
    ];
    RecordBatch::try_new(schema::sequence(), columns).map_err(io::Error::other)
}

fn write_accounts(table: &mut TableWriter, accounts: &[AccountRecord]) -> io::Result<()> {
    let mut order: Vec<&AccountRecord> = accounts.iter().collect();
    order.sort_unstable_by_key(|account| (account.book.as_str(), account.opening.path.as_str()));
    // Accounts carry documents, so their batches are smaller.
    for accounts in order.chunks(BATCH_ROWS / 8) {
        table.write(&account_batch(accounts)?)?;
    }
    Ok(())
}

fn write_positions(table: &mut TableWriter, positions: &[LogPosition]) -> io::Result<()> {
    for positions in positions.chunks(BATCH_ROWS) {
        let offsets = positions.iter().map(|position| position.offset.cast_signed());
        let columns = vec![
            lsns(positions.iter().map(|position| position.lsn)),
            lsns(positions.iter().map(|position| position.segment)),
            Arc::new(Int64Array::from_iter_values(offsets)),
        ];
        let batch = RecordBatch::try_new(schema::positions(), columns);
        table.write(&batch.map_err(io::Error::other)?)?;
    }
    Ok(())
}

/// What transactions are found by, in the order of a run.
fn key_entries(events: &[Arc<Event>]) -> Vec<KeyEntry> {
    let mut entries = Vec::with_capacity(2 * events.len());
    for event in events {
        let Some(transaction) = transaction(event) else { continue };
        let book = event.book.as_str();
        let mut add = |hash| entries.push(KeyEntry { hash, lsn: event.lsn });
        add(KeyHash::of_key(book, transaction.idempotency_key.as_str()));
        add(KeyHash::of_tx_id(&transaction.tx_id));
        if let Some(reversed) = &transaction.reverses {
            add(KeyHash::of_reversal(book, reversed));
        }
    }
    entries.sort_unstable();
    entries
}

fn transaction(event: &Event) -> Option<&Transaction> {
    match &event.body {
        EventBody::TransactionPosted(transaction) => Some(transaction),
        _ => None,
    }
}

/// Places of rows in order of their group, and within a group in the order they came. Keys are
/// compared once a group, not once a row.
fn grouped<'a, R, K: Ord + Hash + Copy>(rows: &'a [R], key: impl Fn(&'a R) -> K) -> Vec<u32> {
    let mut groups: HashMap<K, u32, RandomState> = HashMap::default();
    let mut counts: Vec<u32> = Vec::new();
    let group_of_row: Vec<u32> = rows
        .iter()
        .map(|row| {
            let group = *groups.entry(key(row)).or_insert_with(|| {
                counts.push(0);
                counts.len() as u32 - 1
            });
            counts[group as usize] += 1;
            group
        })
        .collect();
    let mut sorted: Vec<(K, u32)> = groups.into_iter().collect();
    sorted.sort_unstable();
    // Where the next row of each group goes.
    let mut places = vec![0; counts.len()];
    let mut place = 0;
    for (_, group) in sorted {
        places[group as usize] = place;
        place += counts[group as usize];
    }
    let mut order = vec![0; rows.len()];
    for (row, group) in group_of_row.into_iter().enumerate() {
        order[places[group as usize] as usize] = row as u32;
        places[group as usize] += 1;
    }
    order
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}
