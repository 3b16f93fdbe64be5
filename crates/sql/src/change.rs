//! `UPDATE accounts`: what of an account may change becomes a logged change of it.
//!
//! Owns the analysis of the statement, once, into a plan. Only accounts that are named by book and
//! path change, and only to values that do not come from the ledger: a change that was computed
//! from a read could be out of date by the time it commits, and nobody would know.

mod analyse;

use crate::clock::Clock;
use crate::expression::{Expression, Scope, no_columns};
use crate::insert::{Datum, InsertEnvironment, Recorded, Returning, RowWrite, Table, name_error};
use crate::query::{PreparedQuery, QueryEngine};
use crate::settings::SessionSettings;
use crate::{Column, Error, Fault, PgType, Result, Value, WriteAnswer};
use datafusion::sql::sqlparser::ast;
use ledger::{AccountChange, AccountChangeDraft, AccountPath, BookName, Draft, JsonDocument};

/// An UPDATE of accounts, analysed.
#[derive(Debug)]
pub(crate) struct ChangePlan {
    min_balance: Option<Expression>,
    metadata: Option<Expression>,
    closed: Option<Expression>,
    /// The session's default if it is not given.
    book: Option<Expression>,
    paths: Vec<Expression>,
    computed: Option<PreparedQuery>,
    returning: Option<Returning>,
    parameter_types: Vec<PgType>,
}

impl ChangePlan {
    pub(crate) async fn analyse(
        update: &ast::Update,
        given: &[Option<PgType>],
        settings: &SessionSettings,
        query: &QueryEngine,
    ) -> Result<Self> {
        analyse::analyse(update, given, settings, query).await
    }

    pub(crate) fn parameter_types(&self) -> &[PgType] {
        &self.parameter_types
    }

    pub(crate) fn columns(&self) -> Option<&[Column]> {
        self.returning.as_ref().map(Returning::columns)
    }

    /// One change for each of the accounts that are there.
    pub(crate) async fn rows(
        &self,
        parameters: &[Value],
        environment: &InsertEnvironment<'_>,
    ) -> Result<Vec<RowWrite>> {
        let computed = match &self.computed {
            Some(query) => environment.compute(query, parameters).await?,
            None => Vec::new(),
        };
        let zone = environment.settings.time_zone();
        let scope = Scope { parameters, computed: &computed, column: &no_columns, zone };
        let change = self.change(&scope)?;
        let Some(book) = self.book(&scope, environment.settings)? else { return Ok(Vec::new()) };
        environment.view.note_book(&book);
        let mut rows = Vec::new();
        for path in &self.paths {
            let path = path.evaluate(&scope)?;
            let Some(path) = path.to_text(zone)? else { continue };
            let there = environment.view.view.account(book.as_str(), &path);
            let there = there.map_err(|error| Error::new(Fault::Unreadable, error.to_string()))?;
            let repeated = rows.iter().any(|row| is_change_of(row, &path));
            if there.is_some() && !repeated {
                let path = AccountPath::new(&path).map_err(|error| name_error(&error))?;
                let (book, change) = (book.clone(), change.clone());
                let draft = AccountChangeDraft { book, path, change };
                rows.push(RowWrite::Draft(Draft::ChangeAccount(draft)));
            }
        }
        Ok(rows)
    }

    fn change<'a>(&'a self, scope: &Scope<'a>) -> Result<AccountChange> {
        let metadata = match evaluated(self.metadata.as_ref(), scope)? {
            None => None,
            Some(Datum::Absent) => Some(JsonDocument::default()),
            Some(datum) => {
                Some(datum.to_document("metadata")?.ok_or_else(|| not_null("metadata"))?)
            }
        };
        let closed = match evaluated(self.closed.as_ref(), scope)? {
            None => None,
            Some(Datum::Absent) => Some(false),
            Some(datum) => match datum.cast(PgType::Bool, scope.zone)? {
                Datum::Bool(closed) => Some(closed),
                _ => return Err(not_null("closed")),
            },
        };
        let min_balance = evaluated(self.min_balance.as_ref(), scope)?;
        let min_balance = min_balance.map(|datum| datum.to_amount("min_balance")).transpose()?;
        Ok(AccountChange { min_balance, metadata, closed })
    }

    /// `None` for NULL, which equals no book.
    fn book<'a>(
        &'a self,
        scope: &Scope<'a>,
        settings: &SessionSettings,
    ) -> Result<Option<BookName>> {
        let Some(expression) = &self.book else {
            let default = settings.book().cloned();
            return default.map(Some).ok_or_else(analyse::which_accounts);
        };
        let datum = expression.evaluate(scope)?;
        let Some(text) = datum.to_text(scope.zone)? else { return Ok(None) };
        BookName::user(&text).map(Some).map_err(|error| name_error(&error))
    }

    pub(crate) fn answer(
        &self,
        recorded: &[Recorded],
        count: usize,
        parameters: &[Value],
        clock: Clock,
    ) -> Result<WriteAnswer> {
        let rows = match &self.returning {
            Some(returning) => {
                Some(returning.rows(Table::Accounts, recorded, parameters, clock)?)
            }
            None => None,
        };
        Ok(WriteAnswer { verb: "UPDATE", count, rows })
    }
}

fn evaluated<'a>(
    expression: Option<&'a Expression>,
    scope: &Scope<'a>,
) -> Result<Option<Datum<'a>>> {
    expression.map(|expression| expression.evaluate(scope)).transpose()
}

fn is_change_of(row: &RowWrite, path: &str) -> bool {
    matches!(row, RowWrite::Draft(Draft::ChangeAccount(draft)) if draft.path.as_str() == path)
}

fn not_null(column: &str) -> Error {
    Error::new(
        Fault::NotNullViolation,
        format!(
            "null value in column \"{column}\" of relation \"accounts\" violates not-null \
             constraint"
        ),
    )
}
