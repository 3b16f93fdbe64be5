//! A page of an account's history, as rows of `postings`.

use super::columns::{BATCH_ROWS, batch, instants, money, texts};
use super::postings::projected;
use super::{Batches, Page, TableScan, unreadable};
use crate::catalog;
use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, StringBuilder};
use datafusion::error::Result;
use std::collections::VecDeque;
use std::sync::Arc;
use store::{AccountPage, HistoryRow, View};

pub(super) fn postings(view: &View, page: &Page<'_>, projection: &[usize]) -> Result<TableScan> {
    let Page { book, path, seqs, order, limit } = page;
    let found = view.account_page(book, path, seqs, *order, *limit).map_err(unreadable)?;
    let schema = projected(&catalog::POSTINGS, projection);
    let rows_max = found.as_ref().map_or(0, |found| found.rows.len());
    let mut from = 0;
    let batches = std::iter::from_fn(move || {
        let page = found.as_ref()?;
        let rows = &page.rows[from..page.rows.len().min(from + BATCH_ROWS)];
        from += rows.len();
        (!rows.is_empty()).then(|| {
            let columns = schema.fields().iter().map(|field| column(page, rows, field.name()));
            batch(&schema, columns.collect(), rows.len())
        })
    });
    let pieces = VecDeque::from([Box::new(batches) as Batches]);
    Ok(TableScan { access_path: "account page", rows_max, is_exact: true, pieces })
}

fn column(page: &AccountPage, rows: &[HistoryRow], name: &str) -> ArrayRef {
    let rows = rows.iter();
    match name {
        "tx_id" => {
            let mut texts = StringBuilder::with_capacity(rows.len(), rows.len() * 36);
            let mut text = [0u8; 36];
            rows.for_each(|row| {
                texts.append_value(row.tx_id.hyphenated().encode_lower(&mut text));
            });
            Arc::new(texts.finish())
        }
        "idx" => Arc::new(rows.map(|row| Some(i32::from(row.index))).collect::<Int32Array>()),
        "book" => texts(rows.map(|_| Some(page.book.as_str()))),
        "seq" => positions(rows.map(|row| row.seq.map(|seq| seq.0))),
        "lsn" => positions(rows.map(|row| row.lsn.map(|lsn| lsn.0))),
        "account" => texts(rows.map(|row| Some(row.posting.account.as_str()))),
        "asset" => texts(rows.map(|row| Some(row.posting.asset.as_str()))),
        "amount" => money(rows.map(|row| Some(row.posting.amount))),
        "direction" => texts(rows.map(|row| Some(row.posting.direction.as_str()))),
        "balance_after" => money(rows.map(|row| Some(page.kind.effective(&row.totals_after)))),
        "occurred_at" => instants(rows.map(|row| row.occurred_at.map(|at| at.0))),
        _ => instants(rows.map(|row| row.at.map(|at| at.0))),
    }
}

fn positions(values: impl Iterator<Item = Option<u64>>) -> ArrayRef {
    Arc::new(values.map(|value| value.map(u64::cast_signed)).collect::<Int64Array>())
}
