//! What an INSERT brought about, column by column, for RETURNING.

use super::datum::Datum;
use super::row_write::RowWrite;
use super::table::Table;
use crate::{Error, Fault, Numeric, Result};
use ledger::{AccountKind, BookName, Direction, Draft, Event, EventBody, Posting, Transaction};
use std::borrow::Cow;
use std::sync::Arc;
use store::{AccountRow, View, postings_json};

/// One row as it stands, in the ledger or in its block.
#[derive(Debug)]
pub(crate) struct Recorded {
    what: What,
    /// The account as it stands, which neither its opening nor a change of it tells.
    account: Option<AccountRow>,
    /// Which posting of the transaction is meant, where one is.
    leg: Option<usize>,
    is_replay: bool,
}

#[derive(Debug)]
enum What {
    Event(Arc<Event>),
    /// Staged in a block: it has no place in the log yet.
    Staged {
        book: BookName,
        body: EventBody,
    },
    /// An account that was so already.
    Account,
}

impl Recorded {
    pub(crate) fn of_event(event: Arc<Event>, is_replay: bool, view: &View) -> Result<Self> {
        let account = account_of(&event.book, &event.body, view)?;
        Ok(Recorded { what: What::Event(event), account, leg: None, is_replay })
    }

    /// `view` shows what the block has staged.
    pub(crate) fn staged(
        book: BookName,
        body: &EventBody,
        is_replay: bool,
        view: &View,
    ) -> Result<Self> {
        let account = account_of(&book, body, view)?;
        let what = What::Staged { book, body: body.clone() };
        Ok(Recorded { what, account, leg: None, is_replay })
    }

    pub(crate) fn leg_of_event(event: Arc<Event>, index: usize) -> Self {
        Recorded { what: What::Event(event), account: None, leg: Some(index), is_replay: false }
    }

    pub(crate) fn leg_of_staged(
        book: BookName,
        transaction: Arc<Transaction>,
        index: usize,
    ) -> Self {
        let what = What::Staged { book, body: EventBody::TransactionPosted(transaction) };
        Recorded { what, account: None, leg: Some(index), is_replay: false }
    }

    /// An account that a change left as it was.
    pub(crate) fn unchanged(write: &RowWrite, view: &View) -> Result<Self> {
        let RowWrite::Draft(Draft::ChangeAccount(draft)) = write else {
            return Err(Error::new(Fault::Internal, "only an account can stay unchanged"));
        };
        let account = account(draft.book.as_str(), draft.path.as_str(), view)?;
        Ok(Recorded { what: What::Account, account, leg: None, is_replay: false })
    }

    pub(super) fn is_replay(&self) -> bool {
        self.is_replay
    }

    fn body(&self) -> Option<&EventBody> {
        match &self.what {
            What::Event(event) => Some(&event.body),
            What::Staged { body, .. } => Some(body),
            What::Account => None,
        }
    }

    fn book(&self) -> Datum<'_> {
        match &self.what {
            What::Event(event) => text(event.book.as_str()),
            What::Staged { book, .. } => text(book.as_str()),
            What::Account => Datum::Null,
        }
    }

    /// What only a commit gives; NULL before.
    fn committed<'a>(&self, value: impl FnOnce(&Event) -> Datum<'a>) -> Datum<'a> {
        match &self.what {
            What::Event(event) => value(event),
            What::Staged { .. } | What::Account => Datum::Null,
        }
    }

    /// The value of a column of `table`, by name.
    pub(super) fn column(&self, table: Table, index: usize) -> Datum<'_> {
        let name = table.column_name(index);
        if let Some(account) = &self.account {
            return account_column(account, name);
        }
        match (self.body(), table) {
            (Some(EventBody::AssetRegistered(asset)), _) => match name {
                "id" => text(asset.id.as_str()),
                "class" => text(asset.class.as_str()),
                "network" => asset.network.as_deref().map_or(Datum::Null, text),
                "native_id" => asset.native_id.as_deref().map_or(Datum::Null, text),
                "precision" => Datum::Int(i64::from(asset.precision)),
                "name" => text(&asset.name),
                _ => self.committed_at(),
            },
            (Some(EventBody::TransactionPosted(transaction)), Table::Transfers) => {
                self.transfer_column(transaction, name)
            }
            (Some(EventBody::TransactionPosted(transaction)), Table::Postings) => {
                self.posting_column(transaction, name)
            }
            (Some(EventBody::TransactionPosted(transaction)), _) => {
                self.transaction_column(transaction, name)
            }
            _ => Datum::Null,
        }
    }

    fn committed_at(&self) -> Datum<'static> {
        self.committed(|event| Datum::TimestampTz(event.at.0))
    }

    fn posting_column<'a>(&'a self, transaction: &'a Transaction, name: &str) -> Datum<'a> {
        let Some(index) = self.leg else { return Datum::Null };
        let Some(posting) = transaction.postings.get(index) else { return Datum::Null };
        match name {
            "idx" => Datum::Int(i64::try_from(index).expect("a transaction has few postings")),
            "account" => text(posting.account.as_str()),
            "asset" => text(posting.asset.as_str()),
            "amount" => money(posting.amount),
            "direction" => text(posting.direction.as_str()),
            // Other postings of the block may still come before it.
            "balance_after" => Datum::Null,
            _ => self.transaction_column(transaction, name),
        }
    }

    fn transaction_column<'a>(&'a self, transaction: &'a Transaction, name: &str) -> Datum<'a> {
        match name {
            "tx_id" => Datum::Uuid(transaction.tx_id),
            "book" => self.book(),
            "seq" => self.committed(|event| position(event.seq.0)),
            "lsn" => self.committed(|event| position(event.lsn.0)),
            "idempotency_key" => text(transaction.idempotency_key.as_str()),
            "occurred_at" => {
                transaction.occurred_at.map_or(Datum::Null, |at| Datum::TimestampTz(at.0))
            }
            "committed_at" => self.committed_at(),
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

fn account_of(book: &BookName, body: &EventBody, view: &View) -> Result<Option<AccountRow>> {
    let path = match body {
        EventBody::AccountOpened(opening) => &opening.path,
        EventBody::AccountChanged { path, .. } => path,
        EventBody::AssetRegistered(_) | EventBody::TransactionPosted(_) => return Ok(None),
    };
    account(book.as_str(), path.as_str(), view)
}

fn account(book: &str, path: &str, view: &View) -> Result<Option<AccountRow>> {
    view.account(book, path).map_err(|error| Error::new(Fault::Unreadable, error.to_string()))
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
