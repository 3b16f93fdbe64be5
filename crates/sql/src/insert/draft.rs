//! A row of values becomes a draft: what INSERT and COPY have in common.

use super::datum::Datum;
use super::postings::parse_postings;
use super::row_write::{PostingRow, RowWrite};
use super::table::{Table, accounts, assets, postings, transactions, transfers};
use crate::settings::SessionSettings;
use crate::{Error, Fault, Result};
use chrono_tz::Tz;
use ledger::{
    AccountKind, AccountOpening, AccountPath, Asset, AssetClass, AssetId, BookName, Direction,
    Draft, IdempotencyKey, JsonDocument, NameError, NameProblem, PostingDraft, TransactionContent,
    TransactionDraft,
};
use std::borrow::Cow;
use std::sync::Arc;
use store::Ledger;

/// What a row needs to know beside its values.
#[derive(Debug, Clone)]
pub(crate) struct DraftContext {
    ledger: Ledger,
    default_book: Option<BookName>,
    zone: Tz,
    /// The book of the last row: rows in a row mostly share it.
    last_book: Option<BookName>,
}

/// A name that cannot be one: reserved or malformed, or over the limit.
pub(crate) fn name_error(error: &NameError) -> Error {
    match error.problem {
        NameProblem::TooLong(_) => Error::new(Fault::ProgramLimitExceeded, error.to_string()),
        _ => Error::new(Fault::InvalidName, error.to_string()),
    }
}

impl DraftContext {
    pub(crate) fn new(ledger: &Ledger, settings: &SessionSettings) -> Self {
        DraftContext {
            ledger: ledger.clone(),
            default_book: settings.book().cloned(),
            zone: settings.time_zone(),
            last_book: None,
        }
    }

    pub(crate) fn zone(&self) -> Tz {
        self.zone
    }

    /// `row` has a datum for every column of `table`.
    pub(crate) fn draft(&mut self, table: Table, row: &[Datum<'_>]) -> Result<RowWrite> {
        let row = Row { table, row, zone: self.zone };
        match table {
            Table::Assets => asset(&row).map(RowWrite::Draft),
            Table::Accounts => self.account(&row).map(RowWrite::Draft),
            Table::Transactions => self.transaction(&row).map(RowWrite::Draft),
            Table::Postings => self.posting(&row).map(RowWrite::Posting),
            Table::Transfers => self.transfer(&row).map(RowWrite::Draft),
        }
    }

    fn book(&mut self, row: &Row<'_>, column: usize) -> Result<BookName> {
        if let Datum::Absent = row.row[column] {
            return self.default_book.clone().ok_or_else(|| {
                row.table.missing(column).with_hint(
                    "Give the book, or set a default for the session: \
                     SET tallybook.book = 'name'.",
                )
            });
        }
        let text = row.required_text(column)?;
        if let Some(last) = self.last_book.as_ref().filter(|last| last.as_str() == text) {
            return Ok(last.clone());
        }
        let book = BookName::user(&text).map_err(|error| row.at(column, name_error(&error)))?;
        self.last_book = Some(book.clone());
        Ok(book)
    }

    fn account(&mut self, row: &Row<'_>) -> Result<Draft> {
        let book = self.book(row, accounts::BOOK)?;
        let opening = AccountOpening {
            path: row.required_name(accounts::PATH, AccountPath::new)?,
            asset: row.required_name(accounts::ASSET, AssetId::new)?,
            kind: row.required_word(accounts::KIND, AccountKind::parse, || {
                AccountKind::ALL.map(AccountKind::as_str).join(", ")
            })?,
            min_balance: row.amount(accounts::MIN_BALANCE)?,
            metadata: row.document(accounts::METADATA)?,
        };
        Ok(Draft::OpenAccount { book, opening: Arc::new(opening) })
    }

    fn transaction(&mut self, row: &Row<'_>) -> Result<Draft> {
        let postings = match row.row[transactions::POSTINGS] {
            Datum::Text(ref text) | Datum::Json(ref text) => {
                Some(parse_postings(text).map_err(|error| row.at(transactions::POSTINGS, error))?)
            }
            ref other if other.is_null() => None,
            ref other => return Err(other.wrong_type("postings", "jsonb")),
        };
        let reverses = row.uuid(transactions::REVERSES)?;
        let content = match (postings, reverses) {
            (Some(postings), None) => TransactionContent::Postings(postings),
            (None, Some(reversed)) => TransactionContent::Reversal(reversed),
            (Some(_), Some(_)) => {
                return Err(Error::new(
                    Fault::InvalidParameterValue,
                    "a transaction has either postings or reverses, not both",
                )
                .with_hint("The postings of a reversal follow from what it reverses."));
            }
            // They may follow in rows of their own, in the same block.
            (None, None) => TransactionContent::Postings(Vec::new()),
        };
        Ok(Draft::PostTransaction(TransactionDraft {
            book: self.book(row, transactions::BOOK)?,
            tx_id: self.tx_id(row, transactions::TX_ID)?,
            idempotency_key: row
                .required_name(transactions::IDEMPOTENCY_KEY, IdempotencyKey::new)?,
            occurred_at: row.timestamp(transactions::OCCURRED_AT)?,
            metadata: row.document(transactions::METADATA)?,
            external_refs: row.document(transactions::EXTERNAL_REFS)?,
            content,
        }))
    }

    fn posting(&mut self, row: &Row<'_>) -> Result<PostingRow> {
        let book = match row.row[postings::BOOK].is_null() {
            true => None,
            false => Some(self.book(row, postings::BOOK)?),
        };
        let amount =
            row.amount(postings::AMOUNT)?.ok_or_else(|| row.table.missing(postings::AMOUNT))?;
        Ok(PostingRow {
            tx_id: row.uuid(postings::TX_ID)?.ok_or_else(|| row.table.missing(postings::TX_ID))?,
            book,
            index: row.row[postings::IDX]
                .to_smallint("idx")
                .map_err(|error| row.at(postings::IDX, error))?,
            posting: PostingDraft {
                account: row.required_name(postings::ACCOUNT, AccountPath::new)?,
                asset: row.name(postings::ASSET, AssetId::new)?,
                direction: row.required_word(postings::DIRECTION, Direction::parse, || {
                    "debit, credit".to_owned()
                })?,
                amount,
            },
        })
    }

    fn transfer(&mut self, row: &Row<'_>) -> Result<Draft> {
        let debit = row.required_name(transfers::DEBIT_ACCOUNT, AccountPath::new)?;
        let credit = row.required_name(transfers::CREDIT_ACCOUNT, AccountPath::new)?;
        let asset = row.name(transfers::ASSET, AssetId::new)?;
        let amount =
            row.amount(transfers::AMOUNT)?.ok_or_else(|| row.table.missing(transfers::AMOUNT))?;
        let leg = |account, direction, asset| PostingDraft { account, asset, direction, amount };
        Ok(Draft::PostTransaction(TransactionDraft {
            book: self.book(row, transfers::BOOK)?,
            tx_id: self.tx_id(row, transfers::TX_ID)?,
            idempotency_key: row.required_name(transfers::IDEMPOTENCY_KEY, IdempotencyKey::new)?,
            occurred_at: row.timestamp(transfers::OCCURRED_AT)?,
            metadata: row.document(transfers::METADATA)?,
            external_refs: JsonDocument::default(),
            content: TransactionContent::Postings(vec![
                leg(debit, Direction::Debit, asset.clone()),
                leg(credit, Direction::Credit, asset),
            ]),
        }))
    }

    fn tx_id(&self, row: &Row<'_>, column: usize) -> Result<ledger::Uuid> {
        Ok(row.uuid(column)?.unwrap_or_else(|| self.ledger.new_tx_id()))
    }
}

fn asset(row: &Row<'_>) -> Result<Draft> {
    let precision = row.row[assets::PRECISION]
        .to_smallint("precision")
        .map_err(|error| row.at(assets::PRECISION, error))?
        .ok_or_else(|| row.table.missing(assets::PRECISION))?;
    let precision = u8::try_from(precision).map_err(|_| {
        let error = Error::new(
            Fault::NumericValueOutOfRange,
            format!(
                "precision {precision} is out of range: 0 to {} decimals are possible",
                Asset::PRECISION_MAX
            ),
        );
        row.at(assets::PRECISION, error)
    })?;
    Ok(Draft::RegisterAsset(Arc::new(Asset {
        id: row.required_name(assets::ID, AssetId::new)?,
        class: row.required_word(assets::CLASS, AssetClass::parse, || {
            AssetClass::ALL.map(AssetClass::as_str).join(", ")
        })?,
        network: row.plain_text(assets::NETWORK)?,
        native_id: row.plain_text(assets::NATIVE_ID)?,
        precision,
        name: row.plain_text(assets::NAME)?.ok_or_else(|| row.table.missing(assets::NAME))?,
    })))
}

/// The longest free text of an asset, in bytes: as long as a name.
const TEXT_BYTES_MAX: usize = 255;

struct Row<'a> {
    table: Table,
    row: &'a [Datum<'a>],
    zone: Tz,
}

impl Row<'_> {
    fn column_name(&self, column: usize) -> &'static str {
        self.table.column_name(column)
    }

    /// Marks an error with the column it is about, for whoever adds the line.
    fn at(&self, column: usize, error: Error) -> Error {
        match error.context() {
            Some(_) => error,
            None => {
                let name = self.column_name(column);
                match self.row[column].to_text(self.zone) {
                    Ok(Some(value)) => {
                        let shown: String = value.chars().take(100).collect();
                        error.with_context(format!("column {name}: \"{shown}\""))
                    }
                    _ => error.with_context(format!("column {name}")),
                }
            }
        }
    }

    fn text(&self, column: usize) -> Result<Option<Cow<'_, str>>> {
        self.row[column].to_text(self.zone).map_err(|error| self.at(column, error))
    }

    fn required_text(&self, column: usize) -> Result<Cow<'_, str>> {
        self.text(column)?.ok_or_else(|| self.table.missing(column))
    }

    /// Text that is shown to people and is no name.
    fn plain_text(&self, column: usize) -> Result<Option<String>> {
        let Some(text) = self.text(column)? else { return Ok(None) };
        if text.contains('\0') {
            let error = Error::new(
                Fault::UntranslatableCharacter,
                "invalid byte sequence for encoding \"UTF8\": 0x00",
            );
            return Err(self.at(column, error));
        }
        if text.len() > TEXT_BYTES_MAX {
            let message = format!(
                "{} has {} bytes, at most {TEXT_BYTES_MAX} are allowed",
                self.column_name(column),
                text.len()
            );
            return Err(self.at(column, Error::new(Fault::ProgramLimitExceeded, message)));
        }
        Ok(Some(text.into_owned()))
    }

    fn name<N>(
        &self,
        column: usize,
        read: impl FnOnce(&str) -> Result<N, NameError>,
    ) -> Result<Option<N>> {
        let Some(text) = self.text(column)? else { return Ok(None) };
        read(&text).map(Some).map_err(|error| self.at(column, name_error(&error)))
    }

    fn required_name<N>(
        &self,
        column: usize,
        read: impl FnOnce(&str) -> Result<N, NameError>,
    ) -> Result<N> {
        self.name(column, read)?.ok_or_else(|| self.table.missing(column))
    }

    /// One of a few words, which `allowed` lists.
    fn required_word<W>(
        &self,
        column: usize,
        read: impl FnOnce(&str) -> Option<W>,
        allowed: impl FnOnce() -> String,
    ) -> Result<W> {
        let text = self.required_text(column)?;
        read(&text).ok_or_else(|| {
            let name = self.column_name(column);
            let error = Error::new(
                Fault::InvalidTextRepresentation,
                format!("invalid input value for {name}: \"{text}\""),
            )
            .with_hint(format!("It is one of {}.", allowed()));
            self.at(column, error)
        })
    }

    fn amount(&self, column: usize) -> Result<Option<i128>> {
        self.row[column].to_amount(self.column_name(column)).map_err(|error| self.at(column, error))
    }

    fn uuid(&self, column: usize) -> Result<Option<ledger::Uuid>> {
        self.row[column].to_uuid(self.column_name(column)).map_err(|error| self.at(column, error))
    }

    fn timestamp(&self, column: usize) -> Result<Option<ledger::Timestamp>> {
        self.row[column]
            .to_timestamp(self.column_name(column), self.zone)
            .map_err(|error| self.at(column, error))
    }

    /// A document; an empty object where none or NULL is given.
    fn document(&self, column: usize) -> Result<JsonDocument> {
        self.row[column]
            .to_document(self.column_name(column))
            .map(Option::unwrap_or_default)
            .map_err(|error| self.at(column, error))
    }
}
