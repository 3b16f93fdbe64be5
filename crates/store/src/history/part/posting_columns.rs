//! Postings as columns of the file, and back.

use super::content::SealedPosting;
use super::schema::{Money, posting};
use super::table::bad;
use super::values::{column, unsigned, wide};
use crate::projection::PostingRow;
use crate::projection::columns::{lsns, money, seqs, texts, times, uuids};
use crate::projection::transaction_of;
use arrow_array::{
    Array as _, ArrayRef, Decimal128Array, FixedSizeBinaryArray, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::SchemaRef;
use ledger::{AssetId, Direction, Event, Lsn, Posting, Seq, Timestamp, Totals, Transaction, Uuid};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// The columns that a [`SealedPosting`] is read from.
pub(super) const SEALED_COLUMNS: [usize; 11] = [
    posting::TX_ID,
    posting::IDX,
    posting::SEQ,
    posting::LSN,
    posting::ASSET,
    posting::AMOUNT,
    posting::DIRECTION,
    posting::OCCURRED_AT,
    posting::COMMITTED_AT,
    posting::DEBITS_AFTER,
    posting::CREDITS_AFTER,
];

/// What a row is made of, found once: rows in the order of accounts lie far apart in memory.
struct Leg<'a> {
    row: &'a PostingRow,
    event: &'a Event,
    transaction: &'a Transaction,
    posting: &'a Posting,
}

pub(super) fn batch<'a>(
    schema: &SchemaRef,
    rows: impl Iterator<Item = &'a PostingRow>,
    width: Money,
) -> io::Result<RecordBatch> {
    let legs: Vec<Leg<'_>> = rows
        .map(|row| Leg {
            row,
            event: &row.event,
            transaction: transaction_of(&row.event),
            posting: row.posting(),
        })
        .collect();
    let legs = || legs.iter();
    let sums = || legs().map(|leg| &leg.row.totals_after);
    let columns = vec![
        uuids(legs().map(|leg| Some(leg.transaction.tx_id))),
        Arc::new(Int32Array::from_iter_values(legs().map(|leg| i32::from(leg.row.index)))),
        texts(legs().map(|leg| leg.event.book.as_str())),
        seqs(legs().map(|leg| leg.event.seq)),
        lsns(legs().map(|leg| leg.event.lsn)),
        texts(legs().map(|leg| leg.posting.account.as_str())),
        texts(legs().map(|leg| leg.posting.asset.as_str())),
        amounts(legs().map(|leg| leg.posting.amount), width),
        texts(legs().map(|leg| leg.posting.direction.as_str())),
        amounts(legs().map(|leg| leg.row.kind.effective(&leg.row.totals_after)), width),
        times(legs().map(|leg| leg.transaction.occurred_at)),
        times(legs().map(|leg| Some(leg.event.at))),
        amounts(sums().map(|sums| sums.debits), width),
        amounts(sums().map(|sums| sums.credits), width),
    ];
    RecordBatch::try_new(schema.clone(), columns).map_err(io::Error::other)
}

fn amounts(values: impl Iterator<Item = i128>, width: Money) -> ArrayRef {
    match width {
        Money::Wide => money(values),
        Money::Narrow => Arc::new(Int64Array::from_iter_values(
            values.map(|value| i64::try_from(value).expect("narrow is chosen when all fit")),
        )),
    }
}

/// Reads rows of a batch that has [`SEALED_COLUMNS`].
pub(super) fn sealed_postings(
    batch: &RecordBatch,
    rows: Range<usize>,
) -> io::Result<Vec<SealedPosting>> {
    let batch = batch.slice(rows.start, rows.len());
    let money_column = |name: &str| -> io::Result<Decimal128Array> {
        wide(batch.column_by_name(name).ok_or_else(|| bad("lacks a column"))?)
    };
    let tx_ids: &FixedSizeBinaryArray = column(&batch, "tx_id")?;
    let indexes: &Int32Array = column(&batch, "idx")?;
    let seqs: &Int64Array = column(&batch, "seq")?;
    let lsns: &Int64Array = column(&batch, "lsn")?;
    let assets: &StringArray = column(&batch, "asset")?;
    let amounts = money_column("amount")?;
    let directions: &StringArray = column(&batch, "direction")?;
    let occurred: &TimestampMicrosecondArray = column(&batch, "occurred_at")?;
    let committed: &TimestampMicrosecondArray = column(&batch, "committed_at")?;
    let debits = money_column("debits_after")?;
    let credits = money_column("credits_after")?;
    let mut asset: Option<AssetId> = None;
    (0..batch.num_rows())
        .map(|row| {
            // An account has one asset, so its name is made once.
            let asset = match &asset {
                Some(asset) if asset.as_str() == assets.value(row) => asset.clone(),
                _ => {
                    let id = AssetId::new(assets.value(row)).map_err(|_| bad("has a bad name"))?;
                    asset.insert(id).clone()
                }
            };
            Ok(SealedPosting {
                tx_id: Uuid::from_slice(tx_ids.value(row)).map_err(|_| bad("has a bad id"))?,
                seq: Seq(unsigned(seqs, row)),
                lsn: Lsn(unsigned(lsns, row)),
                index: u16::try_from(indexes.value(row)).map_err(|_| bad("has a bad index"))?,
                asset,
                amount: amounts.value(row),
                direction: Direction::parse(directions.value(row))
                    .ok_or_else(|| bad("has a direction of no known kind"))?,
                occurred_at: (!occurred.is_null(row)).then(|| Timestamp(occurred.value(row))),
                committed_at: Timestamp(committed.value(row)),
                totals_after: Totals { debits: debits.value(row), credits: credits.value(row) },
            })
        })
        .collect()
}
