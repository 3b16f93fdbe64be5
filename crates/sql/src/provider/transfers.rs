//! `transfers`: transactions of exactly one debit and one credit, as scalars.
//!
//! Made from the transactions' own rows, so a transfer and its transaction cannot differ.

use super::columns::{batch, money, texts, uuid_texts};
use super::postings::{TRANSACTION_NARROWS, projected};
use super::{Batches, LedgerTable, Narrows, TableScan, unreadable};
use crate::catalog::{self, Relation};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;
use store::{SealedReach, Selection, View};

#[derive(Debug)]
pub(super) struct Transfers;

impl LedgerTable for Transfers {
    fn relation(&self) -> &'static Relation {
        &catalog::TRANSFERS
    }

    fn narrows(&self) -> &'static [(&'static str, Narrows)] {
        TRANSACTION_NARROWS
    }

    fn open(&self, view: &View, selection: &Selection, projection: &[usize]) -> Result<TableScan> {
        let schema = projected(self.relation(), projection);
        // The transaction's columns that are taken as they are, then the legs.
        let mut stored: Vec<usize> = Vec::new();
        for field in schema.fields() {
            stored.extend(catalog::TRANSACTIONS.column_index(field.name()));
        }
        stored.extend(catalog::TRANSACTIONS.column_index("postings"));
        let scan = view.scan_transactions(selection, &stored).map_err(unreadable)?;
        let (access_path, rows_max) = (scan.access_path(), scan.rows_max());
        let pieces = scan.into_pieces().into_iter().map(|piece| {
            let schema = Arc::clone(&schema);
            let batches = piece.map(move |stored| transfers(&schema, &stored.map_err(unreadable)?));
            Box::new(batches) as Batches
        });
        // Transactions of other legs are left out.
        Ok(TableScan { access_path, rows_max, is_exact: false, pieces: pieces.collect() })
    }

    fn sealed(&self, view: &View, selection: &Selection) -> Option<SealedReach> {
        view.sealed_transactions(selection)
    }
}

#[derive(Deserialize)]
struct Leg<'a> {
    #[serde(borrow)]
    account: Cow<'a, str>,
    #[serde(borrow)]
    asset: Cow<'a, str>,
    #[serde(borrow)]
    amount: Cow<'a, str>,
    #[serde(borrow)]
    direction: Cow<'a, str>,
}

struct Transfer<'a> {
    row: u64,
    debit: Leg<'a>,
    credit: Leg<'a>,
    amount: i128,
}

fn transfers(schema: &SchemaRef, transactions: &RecordBatch) -> Result<RecordBatch> {
    let Some((legs, stored)) = transactions.columns().split_last() else {
        return Err(DataFusionError::Internal("a transaction without columns".to_owned()));
    };
    let legs = legs.as_string::<i32>();
    let mut found = Vec::new();
    for row in 0..legs.len() {
        found.extend(transfer(row, legs.value(row))?);
    }
    let rows: UInt64Array = found.iter().map(|transfer| transfer.row).collect();
    let mut stored = stored.iter();
    let columns = schema
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            "debit_account" => {
                Ok(texts(found.iter().map(|each| Some(each.debit.account.as_ref()))))
            }
            "credit_account" => {
                Ok(texts(found.iter().map(|each| Some(each.credit.account.as_ref()))))
            }
            "asset" => Ok(texts(found.iter().map(|each| Some(each.debit.asset.as_ref())))),
            "amount" => Ok(money(found.iter().map(|each| Some(each.amount)))),
            name => {
                let column = stored.next().ok_or_else(|| missing(name))?;
                uuid_texts(&take(column, &rows, None)?)
            }
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    batch(schema, columns, found.len())
}

fn transfer(row: usize, postings: &str) -> Result<Option<Transfer<'_>>> {
    let legs: Vec<Leg<'_>> = serde_json::from_str(postings)
        .map_err(|error| DataFusionError::Internal(format!("stored postings: {error}")))?;
    let Ok([first, second]) = <[Leg<'_>; 2]>::try_from(legs) else { return Ok(None) };
    let (debit, credit) = match (first.direction.as_ref(), second.direction.as_ref()) {
        ("debit", "credit") => (first, second),
        ("credit", "debit") => (second, first),
        _ => return Ok(None),
    };
    let amount = debit
        .amount
        .parse()
        .map_err(|_| DataFusionError::Internal("a stored amount is not a number".to_owned()))?;
    Ok(Some(Transfer { row: row as u64, debit, credit, amount }))
}

fn missing(name: &str) -> DataFusionError {
    DataFusionError::Internal(format!("transactions were scanned without {name}"))
}
