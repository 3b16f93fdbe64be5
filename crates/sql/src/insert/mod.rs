//! INSERT: rows of values become one group of drafts, all or nothing.
//!
//! Owns the analysis of the statement, once, into a plan; what executes then is a walk over the
//! plan. What a row means is [`draft`]'s business, shared with COPY.

mod analyse;
mod commit;
mod datum;
mod draft;
mod postings;
mod recorded;
mod rejection;
mod returning;
mod rows;
mod table;

pub(crate) use commit::commit_group;
pub(crate) use datum::{Datum, parse_numeric};
pub(crate) use draft::{DraftContext, name_error};
pub(crate) use rejection::commit_error;
pub(crate) use table::{Table, WIDTH_MAX};

use crate::arrow::array::RecordBatch;
use crate::expression::{Expression, Scope, no_columns};
use crate::query::{PreparedQuery, QueryEngine};
use crate::settings::SessionSettings;
use crate::{Answer, Column, Error, Fault, PgType, Result, RowsTag, Value};
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::sql::sqlparser::ast;
use futures::TryStreamExt;
use ledger::Draft;
use recorded::Recorded;
use returning::Returning;
use store::{Ledger, View};

/// An INSERT, analysed.
#[derive(Debug)]
pub(crate) struct InsertPlan {
    table: Table,
    /// Places of the columns that the source gives, in its order.
    targets: Vec<usize>,
    source: Source,
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

/// What an INSERT needs to run.
#[derive(Debug)]
pub(crate) struct InsertEnvironment<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) query: &'a QueryEngine,
    pub(crate) settings: &'a SessionSettings,
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

    pub(crate) fn parameter_types(&self) -> &[PgType] {
        &self.parameter_types
    }

    pub(crate) fn columns(&self) -> Option<&[Column]> {
        self.returning.as_ref().map(|returning| returning.columns.as_slice())
    }

    pub(crate) async fn execute(
        &self,
        parameters: &[Value],
        environment: InsertEnvironment<'_>,
    ) -> Result<Answer> {
        let group = self.drafts(parameters, &environment).await?;
        let rows = group.len();
        let tag = format!("INSERT 0 {rows}");
        if rows == 0 {
            return self.answer(tag, &[], parameters, environment.settings);
        }
        let outcomes =
            commit_group(environment.ledger, group, "INSERT").await.map_err(|(error, index)| {
                match index {
                    Some(index) if rows > 1 => self.in_row(error, index),
                    _ => error,
                }
            })?;
        if self.returning.is_none() {
            return Ok(Answer::Command { tag });
        }
        let recorded = outcomes
            .into_iter()
            .map(|outcome| Recorded::new(outcome, environment.ledger))
            .collect::<Result<Vec<_>>>()?;
        self.answer(tag, &recorded, parameters, environment.settings)
    }

    fn answer(
        &self,
        tag: String,
        recorded: &[Recorded],
        parameters: &[Value],
        settings: &SessionSettings,
    ) -> Result<Answer> {
        let Some(returning) = &self.returning else { return Ok(Answer::Command { tag }) };
        let batch = returning.rows(self.table, recorded, parameters, settings.time_zone())?;
        let rows = MemoryStream::try_new(vec![batch], returning.schema(), None)
            .map_err(|error| Error::new(Fault::Internal, error.to_string()))?;
        Ok(Answer::Rows {
            columns: returning.columns.clone(),
            rows: Box::pin(rows),
            tag: RowsTag::Exact(tag),
        })
    }

    async fn drafts(
        &self,
        parameters: &[Value],
        environment: &InsertEnvironment<'_>,
    ) -> Result<Vec<Draft>> {
        let mut context = DraftContext::new(environment.ledger, environment.settings);
        match &self.source {
            Source::Values { rows, computed } => {
                let computed = match computed {
                    Some(query) => compute(query, parameters, environment).await?,
                    None => Vec::new(),
                };
                self.drafts_of_values(rows, parameters, &computed, &mut context)
            }
            Source::Query(query) => {
                let view = environment.ledger.view();
                self.drafts_of_query(query, parameters, view, environment, &mut context).await
            }
        }
    }

    fn drafts_of_values(
        &self,
        rows: &[Vec<Expression>],
        parameters: &[Value],
        computed: &[Value],
        context: &mut DraftContext,
    ) -> Result<Vec<Draft>> {
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

    async fn drafts_of_query(
        &self,
        query: &PreparedQuery,
        parameters: &[Value],
        view: View,
        environment: &InsertEnvironment<'_>,
        context: &mut DraftContext,
    ) -> Result<Vec<Draft>> {
        let parameters = &parameters[..query.parameter_types.len().min(parameters.len())];
        let mut batches =
            environment.query.execute(query, parameters, view, environment.settings).await?;
        let mut drafts = Vec::new();
        while let Some(batch) = batches.try_next().await.map_err(Error::from)? {
            if drafts.len() + batch.num_rows() > ROWS_MAX {
                return Err(Error::new(
                    Fault::ProgramLimitExceeded,
                    format!("an INSERT can take at most {ROWS_MAX} rows from a query"),
                ));
            }
            self.drafts_of_batch(&batch, &query.columns, context, &mut drafts)?;
        }
        Ok(drafts)
    }

    fn drafts_of_batch(
        &self,
        batch: &RecordBatch,
        columns: &[Column],
        context: &mut DraftContext,
        drafts: &mut Vec<Draft>,
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

    /// Says which of several rows an error is about.
    fn in_row(&self, error: Error, index: usize) -> Error {
        let place = format!("INSERT INTO {}, row {}", self.table.name(), index + 1);
        match error.context().map(str::to_owned) {
            Some(column) => error.with_context(format!("{place}, {column}")),
            None => error.with_context(place),
        }
    }
}

/// The one row of the expressions that need a planner.
async fn compute(
    query: &PreparedQuery,
    parameters: &[Value],
    environment: &InsertEnvironment<'_>,
) -> Result<Vec<Value>> {
    let parameters = &parameters[..query.parameter_types.len().min(parameters.len())];
    let view = environment.ledger.view();
    let mut batches =
        environment.query.execute(query, parameters, view, environment.settings).await?;
    while let Some(batch) = batches.try_next().await.map_err(Error::from)? {
        if batch.num_rows() > 0 {
            return rows::row_values(&batch, &query.columns, 0);
        }
    }
    Err(Error::new(Fault::Internal, "constants gave no row"))
}

/// A name as Postgres folds it: as it is in double quotes, else in lower case.
fn identifier(name: &ast::Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}
