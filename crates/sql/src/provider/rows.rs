//! The tables the store answers in rows: assets, books, accounts.

use super::columns::{BATCH_ROWS, batch, instants, money, texts};
use super::postings::projected;
use super::{Batches, LedgerTable, Narrows, TableScan, unreadable};
use crate::catalog::{self, Relation};
use datafusion::arrow::array::{ArrayRef, BooleanArray, Int16Array, Int64Array};
use datafusion::error::Result;
use std::sync::Arc;
use store::{AccountRow, AssetRow, BookRow, PathSelection, Selection, Seq, View};

#[derive(Debug)]
pub(super) struct Assets;

impl LedgerTable for Assets {
    fn relation(&self) -> &'static Relation {
        &catalog::ASSETS
    }

    fn narrows(&self) -> &'static [(&'static str, Narrows)] {
        &[]
    }

    fn open(&self, view: &View, _selection: &Selection, projection: &[usize]) -> Result<TableScan> {
        rows_scan(self.relation(), projection, "all", view.assets(), |rows, name| match name {
            "id" => texts(rows.iter().map(|row| Some(row.asset.id.as_str()))),
            "class" => texts(rows.iter().map(|row| Some(row.asset.class.as_str()))),
            "network" => texts(rows.iter().map(|row| row.asset.network.as_deref())),
            "native_id" => texts(rows.iter().map(|row| row.asset.native_id.as_deref())),
            "precision" => {
                let precisions = rows.iter().map(|row: &AssetRow| i16::from(row.asset.precision));
                Arc::new(precisions.collect::<Int16Array>())
            }
            "name" => texts(rows.iter().map(|row| Some(row.asset.name.as_str()))),
            _ => instants(rows.iter().map(|row| row.registered_at.map(|at| at.0))),
        })
    }
}

#[derive(Debug)]
pub(super) struct Books;

impl LedgerTable for Books {
    fn relation(&self) -> &'static Relation {
        &catalog::BOOKS
    }

    fn narrows(&self) -> &'static [(&'static str, Narrows)] {
        &[("book", Narrows::Book)]
    }

    fn open(&self, view: &View, selection: &Selection, projection: &[usize]) -> Result<TableScan> {
        let mut books = view.books().map_err(unreadable)?;
        if let Some(wanted) = &selection.book {
            books.retain(|row| row.book.as_str() == wanted);
        }
        let access_path = if selection.book.is_some() { "book" } else { "all" };
        rows_scan(self.relation(), projection, access_path, books, |rows, name| match name {
            "book" => texts(rows.iter().map(|row: &BookRow| Some(row.book.as_str()))),
            "head_seq" => integers(rows.iter().map(|row| row.head_seq.0)),
            "accounts" => integers(rows.iter().map(|row| row.accounts)),
            "transactions" => integers(rows.iter().map(|row| row.transactions)),
            "opened_at" => instants(rows.iter().map(|row| Some(row.opened_at.0))),
            _ => instants(rows.iter().map(|row| Some(row.last_committed_at.0))),
        })
    }
}

#[derive(Debug)]
pub(super) struct Accounts;

impl LedgerTable for Accounts {
    fn relation(&self) -> &'static Relation {
        &catalog::ACCOUNTS
    }

    fn narrows(&self) -> &'static [(&'static str, Narrows)] {
        &[("book", Narrows::Book), ("path", Narrows::Path)]
    }

    fn open(&self, view: &View, selection: &Selection, projection: &[usize]) -> Result<TableScan> {
        let access_path = match (&selection.book, &selection.path) {
            (Some(_), Some(PathSelection::OneOf(_))) => "account",
            (_, Some(PathSelection::Prefix(_))) => "path prefix",
            (None, Some(PathSelection::OneOf(_))) => "path",
            (Some(_), None) => "book",
            (None, None) => "all",
        };
        let accounts = view.accounts(selection).map_err(unreadable)?;
        rows_scan(self.relation(), projection, access_path, accounts, account_column)
    }
}

fn account_column(rows: &[AccountRow], name: &str) -> ArrayRef {
    let rows = rows.iter();
    match name {
        "book" => texts(rows.map(|row| Some(row.book.as_str()))),
        "path" => texts(rows.map(|row| Some(row.opening.path.as_str()))),
        "asset" => texts(rows.map(|row| Some(row.opening.asset.as_str()))),
        "kind" => texts(rows.map(|row| Some(row.opening.kind.as_str()))),
        "normal_side" => texts(rows.map(|row| row.opening.kind.normal_side().as_str())),
        "min_balance" => money(rows.map(|row| row.min_balance)),
        "balance" => money(rows.map(|row| Some(row.opening.kind.effective(&row.totals)))),
        "debits" => money(rows.map(|row| Some(row.totals.debits))),
        "credits" => money(rows.map(|row| Some(row.totals.credits))),
        "metadata" => texts(rows.map(|row| Some(row.metadata.as_str()))),
        "closed" => Arc::new(rows.map(|row| Some(row.closed)).collect::<BooleanArray>()),
        "updated_seq" => seqs(rows.map(|row| row.updated_seq)),
        "opened_seq" => seqs(rows.map(|row| row.opened_seq)),
        _ => instants(rows.map(|row| row.opened_at.map(|at| at.0))),
    }
}

/// Positions are counted from 1 and never reach 2^63: a log that long does not fit a planet.
fn integers(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(values.map(|value| i64::try_from(value).unwrap_or(i64::MAX)).collect::<Int64Array>())
}

/// Seqs that are NULL while they are staged.
fn seqs(values: impl Iterator<Item = Option<Seq>>) -> ArrayRef {
    Arc::new(values.map(|seq| seq.map(|seq| seq.0.cast_signed())).collect::<Int64Array>())
}

fn rows_scan<R: Send + 'static>(
    relation: &'static Relation,
    projection: &[usize],
    access_path: &'static str,
    rows: Vec<R>,
    column: fn(&[R], &str) -> ArrayRef,
) -> Result<TableScan> {
    let schema = projected(relation, projection);
    let rows_max = rows.len();
    let mut from = 0;
    let batches = std::iter::from_fn(move || {
        let rows =
            rows.get(from..rows.len().min(from + BATCH_ROWS)).filter(|rows| !rows.is_empty())?;
        from += rows.len();
        let columns: Vec<ArrayRef> =
            schema.fields().iter().map(|field| column(rows, field.name())).collect();
        Some(batch(&schema, columns, rows.len()))
    });
    Ok(TableScan {
        access_path,
        rows_max,
        is_exact: true,
        pieces: [Box::new(batches) as Batches].into(),
    })
}
