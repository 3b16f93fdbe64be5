//! Comparing what a part holds with what the log says, in little memory.
//!
//! The log gives rows in its own order, a table in another. So rows are not compared one by one:
//! each is hashed and the hashes are added up, which gives the same sum in any order. Equal sums
//! mean equal rows but for one chance in 2⁶⁴; this finds mistakes, it is no proof against a forger.
//! That a table is in its order, and that its fences are right, is checked on the way.
//!
//! Refuses to know how the log is read, and what follows from a difference.

use super::super::keys::{KeyEntry, KeyHash};
use super::accounts::account_batch;
use super::content::AccountRecord;
use super::names::{KEYS_SUFFIX, TableName};
use super::schema::{self, Money, posting};
use super::table::{Table, bad};
use super::write::sequence_batch;
use super::{Part, posting_columns};
use crate::projection::{PostingRow, Row as _, TransactionRow};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use ledger::Event;
use std::cmp::Ordering;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use twox_hash::XxHash64;

/// A number of rows, and the sum of their hashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct RowSum {
    rows: u64,
    hashes: u64,
}

/// The tables of a part, each as one sum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ContentSums {
    postings: RowSum,
    transactions: RowSum,
    sequence: RowSum,
    accounts: RowSum,
    keys: RowSum,
}

impl ContentSums {
    pub(crate) fn add_postings(&mut self, rows: &[PostingRow]) -> io::Result<()> {
        let schema = schema::postings(Money::Wide);
        self.postings.add(&posting_columns::batch(&schema, rows.iter(), Money::Wide)?)
    }

    pub(crate) fn add_transactions(&mut self, rows: &[TransactionRow]) -> io::Result<()> {
        let schema = schema::transactions();
        let columns = 0..schema.fields().len();
        let columns = columns.map(|index| TransactionRow::column(rows, index)).collect();
        self.transactions.add(&RecordBatch::try_new(schema, columns).map_err(io::Error::other)?)
    }

    /// Takes note of events' places in their books, and of what they are found by.
    pub(crate) fn add_events(&mut self, events: &[Arc<Event>]) -> io::Result<()> {
        for event in events {
            for hash in KeyHash::names_of(event) {
                self.keys.add_key(KeyEntry { hash, lsn: event.lsn });
            }
        }
        self.sequence.add(&sequence_batch(events.iter())?)
    }

    pub(crate) fn add_accounts(&mut self, accounts: &[&AccountRecord]) -> io::Result<()> {
        self.accounts.add(&account_batch(accounts)?)
    }

    /// Names of the tables that differ.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let tables = [
            (TableName::Postings.suffix(), self.postings == other.postings),
            (TableName::Transactions.suffix(), self.transactions == other.transactions),
            (TableName::Sequence.suffix(), self.sequence == other.sequence),
            (TableName::Accounts.suffix(), self.accounts == other.accounts),
            (KEYS_SUFFIX, self.keys == other.keys),
        ];
        tables.into_iter().filter(|(_, same)| !same).map(|(suffix, _)| suffix).collect()
    }
}

impl Part {
    /// Where the part's manifest is: what names the part to a person.
    pub(crate) fn manifest_path(&self) -> PathBuf {
        self.paths.manifest()
    }

    /// Reads and checks every byte of the part's files; gives those that are not what was written,
    /// and whether a start needs them.
    pub(crate) fn damaged_files(&self) -> Vec<(PathBuf, io::Error, NeededBy)> {
        let tables = [
            (TableName::Postings, &self.postings),
            (TableName::Transactions, &self.transactions),
            (TableName::Sequence, &self.sequence),
            (TableName::Accounts, &self.accounts),
            (TableName::Positions, &self.positions_table),
        ];
        let tables = tables.into_iter().map(|(name, table)| {
            let needed_by = match name {
                TableName::Accounts => NeededBy::Starts,
                _ => NeededBy::Readers,
            };
            (name.suffix(), table.file().verify(), needed_by)
        });
        let keys = (KEYS_SUFFIX, self.keys_file.verify(), NeededBy::Readers);
        tables
            .chain([keys])
            .filter_map(|(suffix, result, needed_by)| {
                Some((self.paths.file(suffix), result.err()?, needed_by))
            })
            .collect()
    }

    /// The sums of what the part's files hold.
    ///
    /// # Errors
    /// If a file cannot be read, or is not in its order.
    pub(crate) fn content_sums(&self) -> io::Result<ContentSums> {
        let mut keys = RowSum::default();
        for entry in self.keys.entries() {
            keys.add_key(entry?);
        }
        Ok(ContentSums {
            postings: sum_of(&self.postings, &ORDER_OF_POSTINGS)?,
            transactions: sum_of(&self.transactions, &[LSN_OF_TRANSACTION])?,
            sequence: sum_of(&self.sequence, &[0, 1])?,
            accounts: sum_of(&self.accounts, &[0, 1])?,
            keys,
        })
    }
}

/// Who finds out that a file of a part is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NeededBy {
    /// Every start reads it.
    Starts,
    /// Whoever first asks for what is in the damaged place.
    Readers,
}

/// The places of the columns that postings are sorted by.
const ORDER_OF_POSTINGS: [usize; 4] = [posting::BOOK, posting::ACCOUNT, posting::LSN, posting::IDX];

/// The place of a column of transactions.
const LSN_OF_TRANSACTION: usize = 3;

/// Adds up a table whose rows must rise by the columns in these places.
fn sum_of(table: &Table, sorted_by: &[usize]) -> io::Result<RowSum> {
    let mut sum = RowSum::default();
    let mut last: Option<RecordBatch> = None;
    for batch in table.read_all()? {
        let batch = batch?;
        if batch.num_rows() == 0 {
            continue;
        }
        let rises_from_last = last.as_ref().is_none_or(|last| {
            compare((last, last.num_rows() - 1), (&batch, 0), sorted_by) == Ordering::Less
        });
        let rises = (1..batch.num_rows())
            .all(|row| compare((&batch, row - 1), (&batch, row), sorted_by) == Ordering::Less);
        if !(rises_from_last && rises) {
            return Err(bad("is not in its order"));
        }
        if !table.fences().agree_with(sum.rows, &batch) {
            return Err(bad("has fences that do not fit it"));
        }
        sum.add(&batch)?;
        last = Some(batch);
    }
    Ok(sum)
}

/// A row of a batch.
type RowAt<'a> = (&'a RecordBatch, usize);

fn compare(a: RowAt<'_>, b: RowAt<'_>, columns: &[usize]) -> Ordering {
    let one = |column: &usize| {
        let ((a, a_row), (b, b_row)) = ((a.0.column(*column), a.1), (b.0.column(*column), b.1));
        if let (Some(a), Some(b)) = (a.as_string_opt::<i32>(), b.as_string_opt::<i32>()) {
            return a.value(a_row).cmp(b.value(b_row));
        }
        if let (Some(a), Some(b)) =
            (a.as_primitive_opt::<Int64Type>(), b.as_primitive_opt::<Int64Type>())
        {
            return a.value(a_row).cmp(&b.value(b_row));
        }
        match (a.as_primitive_opt::<Int32Type>(), b.as_primitive_opt::<Int32Type>()) {
            (Some(a), Some(b)) => a.value(a_row).cmp(&b.value(b_row)),
            _ => Ordering::Equal,
        }
    };
    columns.iter().map(one).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

impl RowSum {
    fn add(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let mut hashes = vec![0; batch.num_rows()];
        for column in batch.columns() {
            hash_column(column, &mut hashes)?;
        }
        self.rows += hashes.len() as u64;
        self.hashes = hashes.into_iter().fold(self.hashes, u64::wrapping_add);
        Ok(())
    }

    fn add_key(&mut self, entry: KeyEntry) {
        self.rows += 1;
        self.hashes = self.hashes.wrapping_add(XxHash64::oneshot(0, &entry.to_bytes()));
    }
}

/// Extends the hash of each row by the column's value in it.
fn hash_column(column: &ArrayRef, hashes: &mut [u64]) -> io::Result<()> {
    // Whatever the width that a file keeps numbers in, the same number has the same bytes here.
    fn number(value: i128) -> [u8; 16] {
        value.to_le_bytes()
    }
    let mut extend = |row: usize, value: &[u8]| {
        let value = if column.is_null(row) { b"null" } else { value };
        hashes[row] = XxHash64::oneshot(hashes[row], value);
    };
    let rows = 0..column.len();
    match column.data_type() {
        DataType::Utf8 => {
            let values = column.as_string::<i32>();
            rows.for_each(|row| extend(row, values.value(row).as_bytes()));
        }
        DataType::FixedSizeBinary(_) => {
            let values = column.as_fixed_size_binary();
            rows.for_each(|row| extend(row, values.value(row)));
        }
        DataType::Int32 => {
            let values = column.as_primitive::<Int32Type>();
            rows.for_each(|row| extend(row, &number(values.value(row).into())));
        }
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>();
            rows.for_each(|row| extend(row, &number(values.value(row).into())));
        }
        DataType::Decimal128(..) => {
            let values = column.as_primitive::<Decimal128Type>();
            rows.for_each(|row| extend(row, &number(values.value(row))));
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = column.as_primitive::<TimestampMicrosecondType>();
            rows.for_each(|row| extend(row, &number(values.value(row).into())));
        }
        _ => return Err(bad("has a column of no known kind")),
    }
    Ok(())
}
