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
use ledger::{AssetId, Direction, Lsn, Seq, Timestamp, Totals, Uuid};
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

pub(super) fn batch(
    schema: &SchemaRef,
    rows: &[&PostingRow],
    width: Money,
) -> io::Result<RecordBatch> {
    let events = || rows.iter().map(|row| &row.event);
    let transactions = || events().map(|event| transaction_of(event));
    let legs = || rows.iter().map(|row| row.posting());
    let columns = vec![
        uuids(transactions().map(|transaction| Some(transaction.tx_id))),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| i32::from(row.index)))),
        texts(events().map(|event| event.book.as_str())),
        seqs(events().map(|event| event.seq)),
        lsns(events().map(|event| event.lsn)),
        texts(legs().map(|leg| leg.account.as_str())),
        texts(legs().map(|leg| leg.asset.as_str())),
        amounts(legs().map(|leg| leg.amount), width),
        texts(legs().map(|leg| leg.direction.as_str())),
        amounts(rows.iter().map(|row| row.kind.effective(&row.totals_after)), width),
        times(transactions().map(|transaction| transaction.occurred_at)),
        times(events().map(|event| Some(event.at))),
        amounts(rows.iter().map(|row| row.totals_after.debits), width),
        amounts(rows.iter().map(|row| row.totals_after.credits), width),
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
