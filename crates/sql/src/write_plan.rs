//! A writing statement, analysed: what its block asks of it, whichever it is.

use crate::change::ChangePlan;
use crate::clock::Clock;
use crate::insert::{InsertEnvironment, InsertPlan, Recorded, RowWrite, Table};
use crate::query::QueryEngine;
use crate::settings::SessionSettings;
use crate::{Column, Error, Fault, PgType, Result, Value, WriteAnswer};
use datafusion::sql::sqlparser::ast;
use store::Conflict;

#[derive(Debug)]
pub(crate) enum WritePlan {
    Insert(InsertPlan),
    Change(ChangePlan),
}

impl WritePlan {
    /// Analyses an INSERT or UPDATE.
    pub(crate) async fn analyse(
        statement: &ast::Statement,
        given: &[Option<PgType>],
        settings: &SessionSettings,
        query: &QueryEngine,
    ) -> Result<Self> {
        match statement {
            ast::Statement::Insert(insert) => {
                InsertPlan::analyse(insert, given, settings, query).await.map(WritePlan::Insert)
            }
            ast::Statement::Update(update) => {
                ChangePlan::analyse(update, given, settings, query).await.map(WritePlan::Change)
            }
            _ => Err(Error::new(Fault::Internal, "this statement writes nothing")),
        }
    }

    pub(crate) fn table(&self) -> Table {
        match self {
            WritePlan::Insert(plan) => plan.table(),
            WritePlan::Change(_) => Table::Accounts,
        }
    }

    /// What the statement asks the ledger for, row by row.
    pub(crate) async fn rows(
        &self,
        parameters: &[Value],
        environment: &InsertEnvironment<'_>,
    ) -> Result<Vec<RowWrite>> {
        match self {
            WritePlan::Insert(plan) => plan.rows(parameters, environment).await,
            WritePlan::Change(plan) => plan.rows(parameters, environment).await,
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
        match self {
            WritePlan::Insert(plan) => plan.answer(recorded, count, parameters, clock),
            WritePlan::Change(plan) => plan.answer(recorded, count, parameters, clock),
        }
    }

    /// Whether the statement reads the ledger, and so has to see what its session wrote before.
    pub(crate) fn reads(&self) -> bool {
        match self {
            WritePlan::Insert(plan) => plan.reads(),
            WritePlan::Change(_) => true,
        }
    }

    pub(crate) fn parameter_types(&self) -> &[PgType] {
        match self {
            WritePlan::Insert(plan) => plan.parameter_types(),
            WritePlan::Change(plan) => plan.parameter_types(),
        }
    }

    pub(crate) fn columns(&self) -> Option<&[Column]> {
        match self {
            WritePlan::Insert(plan) => plan.columns(),
            WritePlan::Change(plan) => plan.columns(),
        }
    }

    /// What a row does when it is there already, if that is not to be an error.
    pub(crate) fn skips(&self) -> Option<Conflict> {
        match self {
            WritePlan::Insert(plan) => plan.skips(),
            WritePlan::Change(_) => None,
        }
    }

    /// Says which of several rows an error is about.
    pub(crate) fn in_row(&self, error: Error, index: usize) -> Error {
        match self {
            WritePlan::Insert(plan) => plan.in_row(error, index),
            WritePlan::Change(_) => error,
        }
    }

    pub(crate) fn verb(&self) -> &'static str {
        match self {
            WritePlan::Insert(_) => "INSERT",
            WritePlan::Change(_) => "UPDATE",
        }
    }
}
