//! Which column of a row a rejection is about.

use crate::insert::{RowWrite, Table};
use ledger::{AccountPath, Draft, PostingDraft, Rejection, TransactionContent};

type Column = (&'static str, Option<String>);

/// The column, and its value where that is known; `None` for a rejection of the row as a whole.
pub(super) fn rejected_column(
    table: Table,
    row: &RowWrite,
    rejection: &Rejection,
) -> Option<Column> {
    let column = |name, value: &dyn ToString| Some((name, Some(value.to_string())));
    match rejection {
        Rejection::AssetExists { asset, .. } => column("id", asset),
        Rejection::AccountExists { path, .. } => column("path", path),
        Rejection::IdempotencyKeyConflict { key, .. } => column("idempotency_key", key),
        Rejection::TxIdTaken { tx_id, .. } => column("tx_id", tx_id),
        Rejection::UnknownAsset { asset } => column("asset", asset),
        Rejection::PrecisionOutOfRange { precision } => column("precision", precision),
        Rejection::UnknownReversed { tx_id } | Rejection::AlreadyReversed { tx_id, .. } => {
            column("reverses", tx_id)
        }
        Rejection::UnknownAccount { path }
        | Rejection::AccountClosed { path }
        | Rejection::BalanceOutOfRange { path }
        | Rejection::BelowMinBalance { path, .. } => account_column(table, row, path),
        Rejection::AssetMismatch { path, given, .. } => match table {
            Table::Transfers | Table::Postings => column("asset", given),
            _ => account_column(table, row, path),
        },
        Rejection::AmountNotPositive { path, amount } => match table {
            Table::Transfers | Table::Postings => column("amount", amount),
            _ => account_column(table, row, path),
        },
        Rejection::AmountOutOfRange { path } => account_column(table, row, path),
        Rejection::TooManyPostings { .. }
        | Rejection::TooFewPostings { .. }
        | Rejection::Unbalanced { .. }
        | Rejection::BookTotalOutOfRange { .. } => match table {
            Table::Transactions => Some(("postings", None)),
            _ => None,
        },
    }
}

/// The column that names the account.
fn account_column(table: Table, row: &RowWrite, path: &AccountPath) -> Option<Column> {
    match table {
        Table::Transfers => {
            let name = match legs(row) {
                [debit, ..] if debit.account == *path => "debit_account",
                _ => "credit_account",
            };
            Some((name, Some(path.to_string())))
        }
        Table::Transactions => Some(("postings", None)),
        Table::Postings => Some(("account", Some(path.to_string()))),
        Table::Accounts => Some(("path", Some(path.to_string()))),
        Table::Assets => None,
    }
}

/// The debit comes first in a transfer.
fn legs(row: &RowWrite) -> &[PostingDraft] {
    match row {
        RowWrite::Draft(Draft::PostTransaction(transaction)) => match &transaction.content {
            TransactionContent::Postings(postings) => postings,
            TransactionContent::Reversal(_) => &[],
        },
        _ => &[],
    }
}
