//! One client's session: statements are prepared and executed here, inside or outside of a block.
//!
//! Owns the order of the checks (failed block, read only, block) and what an error does to a block.
//! Named statements, portals and everything else of the wire belong to the server.
//!
//! Invariant: a write that has been handed to the store is awaited to its real outcome.

mod command;

use crate::block::Block;
use crate::copy::CopyPlan;
use crate::engine::Shared;
use crate::insert::{InsertEnvironment, InsertPlan};
use crate::prepared::Action;
use crate::settings::{ConfigSelect, show, show_columns};
use crate::statement::Body;
use crate::{
    Answer, BlockStatus, CopyIn, Error, Fault, Notice, PgType, Prepared, Result, RowsTag,
    SessionSettings, Statement, StatementKind, Value, statement,
};
use command::change_setting;
use datafusion::sql::sqlparser::ast;
use std::sync::Arc;
use std::time::Duration;

/// A session on an engine.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    settings: SessionSettings,
    block: Block,
    notices: Vec<Notice>,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, settings: SessionSettings) -> Self {
        Session { shared, settings, block: Block::default(), notices: Vec::new() }
    }

    /// The statements of a text; an empty text has none.
    pub fn parse(&self, text: &str) -> Result<Vec<Statement>> {
        statement::parse(text)
    }

    /// Whether these statements may be sent as one text: they would be one block in Postgres, and
    /// a block cannot hold writes yet. One write is allowed, as the last statement.
    pub fn check_together(&self, statements: &[Statement]) -> Result<()> {
        let Some((_, before)) = statements.split_last() else { return Ok(()) };
        if !before.iter().any(Statement::is_write) {
            return Ok(());
        }
        Err(Error::unsupported(
            "a write among several statements of one query text is not supported yet",
        )
        .with_hint(
            "Send it as a query of its own, or as the last statement. Several rows in one INSERT \
             are one atomic write.",
        ))
    }

    pub async fn prepare(
        &mut self,
        statement: Statement,
        parameter_types: &[Option<PgType>],
    ) -> Result<Prepared> {
        self.check_not_failed(statement.kind())?;
        let prepared = self.understand(statement, parameter_types).await;
        self.failing(prepared)
    }

    /// Runs a prepared statement. A write must be awaited to the end.
    pub async fn execute(&mut self, prepared: &Prepared, parameters: &[Value]) -> Result<Answer> {
        self.check_not_failed(prepared.kind())?;
        let answer = self.run(prepared, parameters).await;
        self.failing(answer)
    }

    /// Writes what a COPY took in; gives its command tag.
    pub async fn finish_copy(&mut self, copy: CopyIn) -> Result<String> {
        let finished = copy.finish().await;
        self.failing(finished)
    }

    pub fn status(&self) -> BlockStatus {
        self.block.status()
    }

    /// The server reported an error: the block, if there is one, has failed.
    pub fn fail_block(&mut self) {
        if matches!(self.block, Block::Open(_)) {
            self.block.fail();
            self.settings.roll_back_block();
        }
    }

    pub fn settings(&self) -> &SessionSettings {
        &self.settings
    }

    /// What a client is told when it connects.
    pub fn startup_parameters(&self) -> Vec<(String, String)> {
        self.settings.reported()
    }

    /// What changed of that since it was last asked for.
    pub fn changed_settings(&mut self) -> Vec<(String, String)> {
        self.settings.drain_changes()
    }

    pub fn drain_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    pub fn statement_timeout(&self) -> Option<Duration> {
        self.settings.timeouts().statement
    }

    pub fn idle_timeout(&self) -> Option<Duration> {
        self.settings.timeouts().idle
    }

    pub fn idle_in_transaction_timeout(&self) -> Option<Duration> {
        self.settings.timeouts().idle_in_transaction
    }

    fn failing<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.fail_block();
        }
        result
    }

    fn check_not_failed(&self, kind: StatementKind) -> Result<()> {
        if self.block.status() != BlockStatus::Failed || kind.ends_block() {
            return Ok(());
        }
        Err(Error::new(
            Fault::InFailedBlock,
            "current transaction is aborted, commands ignored until end of transaction block",
        ))
    }

    async fn understand(
        &self,
        statement: Statement,
        parameter_types: &[Option<PgType>],
    ) -> Result<Prepared> {
        let kind = statement.kind();
        let settings = &self.settings;
        let query = &self.shared.query;
        let (columns, action) = match statement.body {
            Body::Query(statement) => {
                if let Some(select) = ConfigSelect::analyse(&statement, parameter_types)? {
                    let columns = Some(select.columns.clone());
                    return Ok(Prepared::new(kind, columns, Action::ConfigSelect(select)));
                }
                let tag = match statement.as_ref() {
                    ast::Statement::Query(_) => "SELECT",
                    _ => "EXPLAIN",
                };
                let query = query.prepare(&statement, parameter_types, settings).await?;
                (Some(query.columns.clone()), Action::Query { query, tag })
            }
            Body::Insert(insert) => {
                let plan = InsertPlan::analyse(&insert, parameter_types, settings, query).await?;
                (plan.columns().map(<[_]>::to_vec), Action::Insert(plan))
            }
            Body::Copy(command) => {
                (None, Action::Copy(Arc::new(CopyPlan::resolve(&command, settings)?)))
            }
            Body::Show(command) => (Some(show_columns(&command, settings)?), Action::Show(command)),
            Body::Block(command) => (None, Action::Block(command)),
            Body::Setting(command) => (None, Action::Setting(command)),
            Body::Deallocate { name } => (None, Action::Deallocate { name }),
            Body::DeallocateAll => (None, Action::DeallocateAll),
            Body::DiscardAll => (None, Action::DiscardAll),
            Body::Nothing { tag } => (None, Action::Nothing { tag }),
            Body::Unsupported(error) => return Err(error),
        };
        Ok(Prepared::new(kind, columns, action))
    }

    async fn run(&mut self, prepared: &Prepared, parameters: &[Value]) -> Result<Answer> {
        match prepared.action() {
            Action::Query { query, tag } => {
                let view = self.block.view(|| self.shared.ledger.view());
                let rows =
                    self.shared.query.execute(query, parameters, view, &self.settings).await?;
                let tag = match *tag {
                    "SELECT" => RowsTag::Counted("SELECT"),
                    other => RowsTag::Plain(other),
                };
                Ok(Answer::Rows { columns: query.columns.clone(), rows, tag })
            }
            Action::Insert(plan) => {
                self.check_may_write("INSERT", "INSERT")?;
                let environment = InsertEnvironment {
                    ledger: &self.shared.ledger,
                    query: &self.shared.query,
                    settings: &self.settings,
                };
                plan.execute(parameters, environment).await
            }
            Action::Copy(plan) => {
                if plan.commits_in_pieces() && self.block.status() == BlockStatus::InBlock {
                    return Err(CopyPlan::in_block());
                }
                self.check_may_write("COPY", "COPY FROM")?;
                Ok(Answer::CopyIn(Box::new(CopyIn::new(plan, &self.shared.ledger, &self.settings))))
            }
            Action::ConfigSelect(select) => {
                let in_block = self.block.status() == BlockStatus::InBlock;
                let block = &mut self.block;
                select.run(parameters, &mut self.settings, |settings, change| {
                    change_setting(settings, block, in_block, change)
                })
            }
            Action::Show(command) => show(command, &self.settings),
            Action::Block(command) => Ok(tagged(self.run_block_command(command)?)),
            Action::Setting(command) => Ok(tagged(self.run_setting_command(command)?)),
            Action::Deallocate { .. } => Ok(tagged("DEALLOCATE")),
            Action::DeallocateAll => Ok(tagged("DEALLOCATE ALL")),
            Action::DiscardAll => self.discard_all(),
            Action::Nothing { tag } => Ok(tagged(tag)),
        }
    }

    fn check_may_write(&self, statement: &str, shown: &str) -> Result<()> {
        let read_only = match &self.block {
            Block::Open(open) | Block::Failed(open) => open.read_only,
            Block::Idle => self.settings.modes().1,
        };
        if read_only {
            return Err(Error::new(
                Fault::ReadOnly,
                format!("cannot execute {shown} in a read-only transaction"),
            ));
        }
        if self.block.status() == BlockStatus::Idle {
            return Ok(());
        }
        Err(Error::unsupported(format!("{statement} inside BEGIN … COMMIT is not supported yet"))
            .with_hint(
                "Send it outside of a block (autocommit): each statement is atomic by itself, \
                 and one INSERT can hold many rows.",
            ))
    }
}

fn tagged(tag: &str) -> Answer {
    Answer::Command { tag: tag.to_owned() }
}

#[cfg(test)]
mod tests;
