//! INSERT: rows of values become what the ledger is asked for, and what came of it is shown.
//!
//! Owns the analysis of the statement, once, into a plan; what executes then is a walk over the
//! plan. What a row means is [`draft`]'s business, shared with COPY.
//!
//! Refuses to know: blocks. When the rows are decided and committed is the block's business.

mod analyse;
mod commit;
mod constant;
mod datum;
mod draft;
mod names;
mod on_conflict;
mod postings;
mod recorded;
mod rejection;
mod returning;
mod row_write;
mod rows;
mod table;

pub(crate) use analyse::is_values;
pub(crate) use analyse::prepare_computed;
pub(crate) use commit::{Submitted, submit_group};
pub(crate) use constant::{constants, prepare_constants};
pub(crate) use datum::{Datum, parse_numeric};
pub(crate) use draft::{DraftContext, name_error};
pub(crate) use recorded::Recorded;
pub(crate) use rejection::commit_error;
pub(crate) use returning::Returning;
pub(crate) use row_write::{PostingRow, RowWrite};
pub(crate) use table::{Table, WIDTH_MAX};

use crate::arrow::array::RecordBatch;
use crate::clock::Clock;
use crate::expression::{Expression, Scope, no_columns};
use crate::provider::PinnedView;
use crate::query::{PreparedQuery, QueryEngine};
use crate::settings::SessionSettings;
use crate::{Column, Error, Fault, MemoryBudget, PgType, Result, Value, WriteAnswer};
use datafusion::sql::sqlparser::ast;
use futures::TryStreamExt;
use store::{Conflict, Ledger};

/// An INSERT, analysed.
#[derive(Debug)]
pub(crate) struct InsertPlan {
    table: Table,
    /// Places of the columns that the source gives, in its order.
    targets: Vec<usize>,
    source: Source,
    skips: Option<Conflict>,
    returning: Option<Returning>,
    parameter_types: Vec<PgType>,
}

#[derive(Debug)]
enum Source {
    /// VALUES; `computed` gives the expressions that need a planner, in one row.
    Values {
        rows: Vec<Vec<Expression>>,
        computed: Option<PreparedQuery>,
    },
    Query(PreparedQuery),
}

/// The most rows that one statement may take from a query. More can never fit one frame, and they
/// are held in memory until then.
const ROWS_MAX: usize = 500_000;
/// The same in bytes.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// What an INSERT needs to run.
#[derive(Debug)]
pub(crate) struct InsertEnvironment<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) query: &'a QueryEngine,
    pub(crate) settings: &'a SessionSettings,
    /// What the rows of a query count against while they are collected.
    pub(crate) sent: &'a MemoryBudget,
    /// What the statement reads at.
    pub(crate) view: PinnedView,
}

impl InsertPlan {
    pub(crate) async fn analyse(
        insert: &ast::Insert,
        given: &[Option<PgType>],
        settings: &SessionSettings,
        query: &QueryEngine,
    ) -> Result<Self> {
        analyse::analyse(insert, given, settings, query).await
    }

    pub(crate) fn table(&self) -> Table {
        self.table
    }

    pub(crate) fn parameter_types(&self) -> &[PgType] {
        &self.parameter_types
    }

    pub(crate) fn columns(&self) -> Option<&[Column]> {
        self.returning.as_ref().map(|returning| returning.columns.as_slice())
    }

    /// What the statement asks the ledger for, row by row.
    pub(crate) async fn rows(
        &self,
        parameters: &[Value],
        environment: &InsertEnvironment<'_>,
    ) -> Result<Vec<RowWrite>> {
        let mut context = DraftContext::new(environment.ledger, environment.settings);
        match &self.source {
            Source::Values { rows, computed } => {
                let computed = match computed {
                    Some(query) => environment.compute(query, parameters).await?,
                    None => Vec::new(),
                };
                self.rows_of_values(rows, parameters, &computed, &mut context)
            }
            Source::Query(query) => {
                self.rows_of_query(query, parameters, environment, &mut context).await
            }
        }
    }

    /// Whether the statement reads the ledger, and so has to see what its block wrote before.
    pub(crate) fn reads(&self) -> bool {
        match &self.source {
            Source::Values { computed, .. } => computed.is_some(),
            Source::Query(_) => true,
        }
    }

    /// The answer to a statement that wrote `count` rows; RETURNING shows those in `recorded`.
    pub(crate) fn answer(
        &self,
        recorded: &[Recorded],
        count: usize,
        parameters: &[Value],
        clock: Clock,
    ) -> Result<WriteAnswer> {
        let rows = match &self.returning {
            Some(returning) => Some(returning.rows(self.table, recorded, parameters, clock)?),
            None => None,
        };
        Ok(WriteAnswer { verb: "INSERT 0", count, rows })
    }

    fn rows_of_values(
        &self,
        rows: &[Vec<Expression>],
        parameters: &[Value],
        computed: &[Value],
        context: &mut DraftContext,
    ) -> Result<Vec<RowWrite>> {
        let scope = Scope { parameters, computed, column: &no_columns, zone: context.zone() };
        let mut drafts = Vec::with_capacity(rows.len());
        for (index, expressions) in rows.iter().enumerate() {
            let mut row: [Datum<'_>; WIDTH_MAX] = [const { Datum::Absent }; WIDTH_MAX];
            let drafted = self.targets.iter().zip(expressions).try_for_each(|(target, each)| {
                row[*target] = each.evaluate(&scope)?;
                Ok(())
            });
            let drafted = drafted.and_then(|()| context.draft(self.table, &row));
            drafts.push(drafted.map_err(|error| match rows.len() {
                1 => error,
                _ => self.in_row(error, index),
            })?);
        }
        Ok(drafts)
    }

    async fn rows_of_query(
        &self,
        query: &PreparedQuery,
        parameters: &[Value],
        environment: &InsertEnvironment<'_>,
        context: &mut DraftContext,
    ) -> Result<Vec<RowWrite>> {
        let parameters = &parameters[..query.parameter_types.len().min(parameters.len())];
        let view = environment.view.clone();
        let mut batches =
            environment.query.execute(query, parameters, view, environment.settings).await?;
        let mut drafts = Vec::new();
        let (mut bytes, mut charge) = (0, environment.sent.holder());
        while let Some(batch) = batches.try_next().await.map_err(Error::from)? {
            if drafts.len() + batch.num_rows() > ROWS_MAX {
                return Err(Error::new(
                    Fault::ProgramLimitExceeded,
                    format!("an INSERT can take at most {ROWS_MAX} rows from a query"),
                ));
            }
            let collected = drafts.len();
            self.rows_of_batch(&batch, &query.columns, context, &mut drafts)?;
            bytes += drafts[collected..].iter().map(RowWrite::bytes).sum::<usize>();
            if bytes > BYTES_MAX {
                return Err(Error::new(
                    Fault::ProgramLimitExceeded,
                    format!("an INSERT can take at most {BYTES_MAX} bytes from a query"),
                )
                .with_hint("Nothing was written. Insert fewer rows at a time."));
            }
            charge.hold(bytes)?;
        }
        Ok(drafts)
    }

    fn rows_of_batch(
        &self,
        batch: &RecordBatch,
        columns: &[Column],
        context: &mut DraftContext,
        drafts: &mut Vec<RowWrite>,
    ) -> Result<()> {
        for index in 0..batch.num_rows() {
            let values = rows::row_values(batch, columns, index)?;
            let mut row: [Datum<'_>; WIDTH_MAX] = [const { Datum::Absent }; WIDTH_MAX];
            for (target, value) in self.targets.iter().zip(&values) {
                row[*target] = Datum::from(value);
            }
            let draft = context.draft(self.table, &row);
            drafts.push(draft.map_err(|error| self.in_row(error, drafts.len()))?);
        }
        Ok(())
    }

    /// ON CONFLICT DO NOTHING: what a row may meet without being an error.
    pub(crate) fn skips(&self) -> Option<Conflict> {
        self.skips
    }

    /// Says which of several rows an error is about.
    pub(crate) fn in_row(&self, error: Error, index: usize) -> Error {
        let place = format!("INSERT INTO {}, row {}", self.table.name(), index + 1);
        match error.context().map(str::to_owned) {
            Some(column) => error.with_context(format!("{place}, {column}")),
            None => error.with_context(place),
        }
    }
}

impl InsertEnvironment<'_> {
    /// The one row of the expressions that need a planner.
    pub(crate) async fn compute(
        &self,
        prepared: &PreparedQuery,
        parameters: &[Value],
    ) -> Result<Vec<Value>> {
        let InsertEnvironment { query, settings, view, .. } = self;
        compute_at(prepared, parameters, view.clone(), settings, query).await
    }
}

async fn compute_at(
    prepared: &PreparedQuery,
    parameters: &[Value],
    view: PinnedView,
    settings: &SessionSettings,
    query: &QueryEngine,
) -> Result<Vec<Value>> {
    let parameters = &parameters[..prepared.parameter_types.len().min(parameters.len())];
    let mut batches = query.execute(prepared, parameters, view, settings).await?;
    while let Some(batch) = batches.try_next().await.map_err(Error::from)? {
        if batch.num_rows() > 0 {
            return rows::row_values(&batch, &prepared.columns, 0);
        }
    }
    Err(Error::new(Fault::Internal, "constants gave no row"))
}

/// A name as Postgres folds it: as it is in double quotes, else in lower case.
pub(crate) fn identifier(name: &ast::Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}
