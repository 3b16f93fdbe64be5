//! Accounts as columns of the file, and back.

use super::content::AccountRecord;
use super::schema;
use super::table::{TableReader, bad};
use super::values::{column, unsigned};
use crate::projection::AccountState;
use crate::projection::columns::{lsns, money, seqs, texts, times};
use arrow_array::{
    Array as _, ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use ledger::{
    AccountKind, AccountOpening, AccountPath, AssetId, BookName, JsonDocument, Lsn, Seq, Timestamp,
    Totals,
};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;

/// One change of an account, in the JSON of the column `changes`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeRecord {
    lsn: u64,
    seq: u64,
    min_balance: Option<String>,
    metadata: String,
    closed: bool,
}

pub(super) fn account_batch(accounts: &[&AccountRecord]) -> io::Result<RecordBatch> {
    let rows = || accounts.iter();
    let openings = || rows().map(|account| &account.opening);
    let opening_states = rows()
        .map(|account| match account.states.first() {
            Some(state) => Ok(state),
            None => Err(io::Error::new(io::ErrorKind::InvalidInput, "an account has an opening")),
        })
        .collect::<io::Result<Vec<_>>>()?;
    let minimums: Decimal128Array = openings().map(|opening| opening.min_balance).collect();
    let minimums = minimums.with_precision_and_scale(38, 0).map_err(io::Error::other)?;
    let changes: StringArray = rows().map(|account| changes_json(&account.states)).collect();
    let last = |part: fn((Lsn, Seq)) -> u64| -> ArrayRef {
        let numbers = rows().map(|account| account.last_posting.map(part).map(u64::cast_signed));
        Arc::new(numbers.collect::<Int64Array>())
    };
    let columns = vec![
        texts(rows().map(|account| account.book.as_str())),
        texts(openings().map(|opening| opening.path.as_str())),
        texts(openings().map(|opening| opening.asset.as_str())),
        texts(openings().map(|opening| opening.kind.as_str())),
        Arc::new(minimums),
        texts(openings().map(|opening| opening.metadata.as_str())),
        lsns(opening_states.iter().map(|state| state.lsn)),
        seqs(opening_states.iter().map(|state| state.seq)),
        times(rows().map(|account| Some(account.opened_at))),
        Arc::new(changes),
        money(rows().map(|account| account.totals.debits)),
        money(rows().map(|account| account.totals.credits)),
        last(|(lsn, _)| lsn.0),
        last(|(_, seq)| seq.0),
    ];
    RecordBatch::try_new(schema::accounts(), columns).map_err(io::Error::other)
}

/// What was changed since the opening; `None` for most accounts.
fn changes_json(states: &[AccountState]) -> Option<String> {
    let changes = states.get(1..).filter(|changes| !changes.is_empty())?;
    let records: Vec<ChangeRecord> = changes
        .iter()
        .map(|state| ChangeRecord {
            lsn: state.lsn.0,
            seq: state.seq.0,
            min_balance: state.min_balance.map(|minimum| minimum.to_string()),
            metadata: state.metadata.as_str().to_owned(),
            closed: state.closed,
        })
        .collect();
    Some(serde_json::to_string(&records).expect("plain records are always JSON"))
}

/// The accounts of a part in order of book and path.
pub(super) struct Accounts {
    batches: TableReader,
    batch: std::vec::IntoIter<AccountRecord>,
}

impl Accounts {
    pub(super) fn new(batches: TableReader) -> Self {
        Accounts { batches, batch: Vec::new().into_iter() }
    }
}

impl Iterator for Accounts {
    type Item = io::Result<AccountRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(account) = self.batch.next() {
                return Some(Ok(account));
            }
            match self.batches.next()?.and_then(|batch| account_records(&batch)) {
                Ok(records) => self.batch = records.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn account_records(batch: &RecordBatch) -> io::Result<Vec<AccountRecord>> {
    let books: &StringArray = column(batch, "book")?;
    let paths: &StringArray = column(batch, "account")?;
    let assets: &StringArray = column(batch, "asset")?;
    let kinds: &StringArray = column(batch, "kind")?;
    let minimums: &Decimal128Array = column(batch, "min_balance")?;
    let metadata: &StringArray = column(batch, "metadata")?;
    let opened_lsns: &Int64Array = column(batch, "opened_lsn")?;
    let opened_seqs: &Int64Array = column(batch, "opened_seq")?;
    let opened_at: &TimestampMicrosecondArray = column(batch, "opened_at")?;
    let changes: &StringArray = column(batch, "changes")?;
    let debits: &Decimal128Array = column(batch, "debits")?;
    let credits: &Decimal128Array = column(batch, "credits")?;
    let last_lsns: &Int64Array = column(batch, "last_posting_lsn")?;
    let last_seqs: &Int64Array = column(batch, "last_posting_seq")?;
    // Neighbours share their book and mostly their asset: a name is made once for a run of rows.
    let mut book: Option<BookName> = None;
    let mut asset: Option<AssetId> = None;
    let mut records = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let book = match &book {
            Some(book) if book.as_str() == books.value(row) => book.clone(),
            _ => book.insert(BookName::new(books.value(row)).map_err(bad_name)?).clone(),
        };
        let asset = match &asset {
            Some(asset) if asset.as_str() == assets.value(row) => asset.clone(),
            _ => asset.insert(AssetId::new(assets.value(row)).map_err(bad_name)?).clone(),
        };
        let opening = AccountOpening {
            path: AccountPath::new(paths.value(row)).map_err(bad_name)?,
            asset,
            kind: AccountKind::parse(kinds.value(row)).ok_or_else(|| bad("has an unknown kind"))?,
            min_balance: (!minimums.is_null(row)).then(|| minimums.value(row)),
            metadata: document(metadata.value(row))?,
        };
        let mut states = vec![AccountState {
            lsn: Lsn(unsigned(opened_lsns, row)),
            seq: Seq(unsigned(opened_seqs, row)),
            min_balance: opening.min_balance,
            metadata: opening.metadata.clone(),
            closed: false,
        }];
        if !changes.is_null(row) {
            add_changes(&mut states, changes.value(row))?;
        }
        let has_posting = !last_lsns.is_null(row);
        records.push(AccountRecord {
            book,
            opening: Arc::new(opening),
            opened_at: Timestamp(opened_at.value(row)),
            states,
            totals: Totals { debits: debits.value(row), credits: credits.value(row) },
            last_posting: has_posting
                .then(|| (Lsn(unsigned(last_lsns, row)), Seq(unsigned(last_seqs, row)))),
        });
    }
    Ok(records)
}

fn add_changes(states: &mut Vec<AccountState>, json: &str) -> io::Result<()> {
    let records: Vec<ChangeRecord> =
        serde_json::from_str(json).map_err(|_| bad("has changes that are not JSON"))?;
    for record in records {
        let minimum = record.min_balance.map(|text| text.parse()).transpose();
        states.push(AccountState {
            lsn: Lsn(record.lsn),
            seq: Seq(record.seq),
            min_balance: minimum.map_err(|_| bad("has a minimum that is no number"))?,
            metadata: document(&record.metadata)?,
            closed: record.closed,
        });
    }
    Ok(())
}

fn document(text: &str) -> io::Result<JsonDocument> {
    if text == "{}" {
        return Ok(JsonDocument::default());
    }
    // Printed documents may be longer than the door lets in, so this is not the door.
    let value = serde_json::from_str(text).map_err(|_| bad("has a document that is not JSON"))?;
    JsonDocument::from_value(&value).map_err(|_| bad("has a document that is not JSON"))
}

fn bad_name(_: ledger::NameError) -> io::Error {
    bad("has a bad name")
}
