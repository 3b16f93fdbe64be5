//! What an INSERT brought about, column by column, for RETURNING.

use super::datum::Datum;
use super::table::Table;
use crate::{Error, Fault, Numeric, Result};
use ledger::{AccountKind, Direction, Event, EventBody, Posting, Transaction};
use std::borrow::Cow;
use std::sync::Arc;
use store::{AccountRow, Ledger, Outcome, postings_json};

/// One row as it stands in the ledger now.
#[derive(Debug)]
pub(super) struct Recorded {
    event: Arc<Event>,
    /// The account as it stands, which a replayed opening does not tell.
    account: Option<AccountRow>,
    is_replay: bool,
}

impl Recorded {
    pub(super) fn new(outcome: Outcome, ledger: &Ledger) -> Result<Self> {
        let (event, is_replay) = match outcome {
            Outcome::Committed(event) => (event, false),
            Outcome::Replayed(event) => (event, true),
            Outcome::Unchanged => {
                return Err(Error::new(Fault::Internal, "an INSERT changed an account"));
            }
            Outcome::Skipped => {
                return Err(Error::new(Fault::Internal, "a skipped row is recorded nowhere"));
            }
        };
        let account = match &event.body {
            EventBody::AccountOpened(opening) => {
                let view = ledger.view();
                let account = view.account(event.book.as_str(), opening.path.as_str());
                account.map_err(|error| Error::new(Fault::Unreadable, error.to_string()))?
            }
            _ => None,
        };
        Ok(Recorded { event, account, is_replay })
    }

    pub(super) fn is_replay(&self) -> bool {
        self.is_replay
    }

    /// The value of a column of `table`, by name.
    pub(super) fn column(&self, table: Table, index: usize) -> Datum<'_> {
        let name = table.column_name(index);
        match (&self.event.body, &self.account) {
            (EventBody::AssetRegistered(asset), _) => match name {
                "id" => text(asset.id.as_str()),
                "class" => text(asset.class.as_str()),
                "network" => asset.network.as_deref().map_or(Datum::Null, text),
                "native_id" => asset.native_id.as_deref().map_or(Datum::Null, text),
                "precision" => Datum::Int(i64::from(asset.precision)),
                "name" => text(&asset.name),
                _ => Datum::TimestampTz(self.event.at.0),
            },
            (EventBody::AccountOpened(_), Some(account)) => account_column(account, name),
            (EventBody::TransactionPosted(transaction), _) => match table {
                Table::Transfers => self.transfer_column(transaction, name),
                _ => self.transaction_column(transaction, name),
            },
            _ => Datum::Null,
        }
    }

    fn transaction_column<'a>(&'a self, transaction: &'a Transaction, name: &str) -> Datum<'a> {
        match name {
            "tx_id" => Datum::Uuid(transaction.tx_id),
            "book" => text(self.event.book.as_str()),
            "seq" => position(self.event.seq.0),
            "lsn" => position(self.event.lsn.0),
            "idempotency_key" => text(transaction.idempotency_key.as_str()),
            "occurred_at" => {
                transaction.occurred_at.map_or(Datum::Null, |at| Datum::TimestampTz(at.0))
            }
            "committed_at" => Datum::TimestampTz(self.event.at.0),
            "metadata" => Datum::Json(Cow::Borrowed(transaction.metadata.as_str())),
            "external_refs" => Datum::Json(Cow::Borrowed(transaction.external_refs.as_str())),
            "reverses" => transaction.reverses.map_or(Datum::Null, Datum::Uuid),
            "postings" => Datum::Json(Cow::Owned(postings_json(&transaction.postings))),
            _ => Datum::Null,
        }
    }

    fn transfer_column<'a>(&'a self, transaction: &'a Transaction, name: &str) -> Datum<'a> {
        // A replay gives the original, whose legs may stand in either order.
        let leg = |direction: Direction| {
            transaction.postings.iter().find(|posting| posting.direction == direction)
        };
        let account = |posting: Option<&'a Posting>| {
            posting.map_or(Datum::Null, |posting| text(posting.account.as_str()))
        };
        let first = transaction.postings.first();
        match name {
            "debit_account" => account(leg(Direction::Debit)),
            "credit_account" => account(leg(Direction::Credit)),
            "asset" => first.map_or(Datum::Null, |posting| text(posting.asset.as_str())),
            "amount" => first.map_or(Datum::Null, |posting| money(posting.amount)),
            _ => self.transaction_column(transaction, name),
        }
    }
}

fn account_column<'a>(account: &'a AccountRow, name: &str) -> Datum<'a> {
    let kind: AccountKind = account.opening.kind;
    match name {
        "book" => text(account.book.as_str()),
        "path" => text(account.opening.path.as_str()),
        "asset" => text(account.opening.asset.as_str()),
        "kind" => text(kind.as_str()),
        "normal_side" => kind.normal_side().as_str().map_or(Datum::Null, text),
        "min_balance" => account.min_balance.map_or(Datum::Null, money),
        "balance" => money(kind.effective(&account.totals)),
        "debits" => money(account.totals.debits),
        "credits" => money(account.totals.credits),
        "metadata" => Datum::Json(Cow::Borrowed(account.metadata.as_str())),
        "closed" => Datum::Bool(account.closed),
        "updated_seq" => account.updated_seq.map_or(Datum::Null, |seq| position(seq.0)),
        "opened_seq" => account.opened_seq.map_or(Datum::Null, |seq| position(seq.0)),
        "opened_at" => account.opened_at.map_or(Datum::Null, |at| Datum::TimestampTz(at.0)),
        _ => Datum::Null,
    }
}

fn text(text: &str) -> Datum<'_> {
    Datum::Text(Cow::Borrowed(text))
}

fn money(amount: i128) -> Datum<'static> {
    Datum::Numeric(Numeric::integer(amount))
}

fn position(position: u64) -> Datum<'static> {
    Datum::Int(i64::try_from(position).expect("a log of 2⁶³ events cannot be written"))
}
