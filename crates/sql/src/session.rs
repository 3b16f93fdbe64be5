//! One client's session: statements are prepared and executed here, inside or outside of a block.
//!
//! Owns the order of the checks (failed block, read only, block) and what an error does to a block.
//! Named statements, portals and everything else of the wire belong to the server.
//!
//! Invariant: a write that has been handed to the store is awaited to its real outcome.

mod command;
mod prepare;
mod prepared_statements;
mod recall;
mod writing;

pub use prepared_statements::{PreparedStatements, Replaced};
pub(crate) use recall::Recalled;
pub use writing::{GatheredRows, Gathering};

use crate::block::{Block, BlockWrites};
use crate::blocking::blocking;
use crate::change::ChangePlan;
use crate::copy::{CopyPlan, CopyToPlan};
use crate::cursor::{CursorCommand, DeclaredCursor, KeptRows};
use crate::engine::Shared;
use crate::explain_write::ExplainWrite;
use crate::insert::InsertPlan;
use crate::moment::Moment;
use crate::prepared::Action;
use crate::query::{PreparedQuery, Served};
use crate::settings::{ConfigSelect, show, show_columns};
use crate::statement::Body;
use crate::write_plan::WritePlan;
use crate::{
    Answer, BlockStatus, Column, CopyIn, CopyOut, Error, Fault, Notice, PgType, Prepared, Result,
    Rows, RowsTag, SessionSettings, Statement, StatementKind, Value, statement,
};
use chrono::{DateTime, Utc};
use command::change_setting;
use datafusion::sql::sqlparser::ast;
use std::sync::Arc;
use std::time::Duration;
use store::View;

/// A session on an engine.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    settings: SessionSettings,
    block: Block,
    /// Of the block, or of the implicit block around what stands outside of one.
    writes: BlockWrites,
    statements: PreparedStatements,
    /// What held before the implicit block changed a setting.
    before_implicit: Option<SessionSettings>,
    /// SET TRANSACTION outside of an explicit block: it holds for the implicit one.
    implicit_read_only: Option<bool>,
    /// When the implicit block began, once a statement has asked.
    implicit_start: Option<DateTime<Utc>>,
    notices: Vec<Notice>,
    /// The view of the moment that was read last.
    past: Option<(Moment, View)>,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, settings: SessionSettings) -> Self {
        let writes = BlockWrites::new(&shared.sent);
        Session {
            shared,
            settings,
            block: Block::default(),
            writes,
            statements: PreparedStatements::default(),
            before_implicit: None,
            implicit_read_only: None,
            implicit_start: None,
            notices: Vec::new(),
            past: None,
        }
    }

    /// The statements of a text; an empty text has none.
    pub fn parse(&self, text: &str) -> Result<Vec<Statement>> {
        /// Parsed in some milliseconds. Were shorter ones put aside too, hundreds of them could be
        /// in the making at once, with all that they take of memory.
        const SHORT_BYTES: usize = 4 * 1024 * 1024;
        match text.len() {
            ..=SHORT_BYTES => statement::parse(text),
            _ => blocking(|| statement::parse(text)),
        }
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

    /// Runs a prepared statement. What writes is never cut short: see [`Answer::Held`].
    pub async fn execute(&mut self, prepared: &Prepared, parameters: &[Value]) -> Result<Answer> {
        self.check_not_failed(prepared.kind())?;
        let answer = self.run(prepared, parameters).await;
        self.failing(answer)
    }

    /// The rows of a point read, if they are in memory: without a plan, a stream or a thread. All
    /// else sends the caller to [`Self::execute`].
    pub async fn serve(&mut self, prepared: &Prepared, parameters: &[Value]) -> Result<Served> {
        self.check_not_failed(prepared.kind())?;
        let served = self.serve_query(prepared, parameters).await;
        self.failing(served)
    }

    async fn serve_query(&mut self, prepared: &Prepared, parameters: &[Value]) -> Result<Served> {
        let (prepared, parameters) = prepared.resolved(parameters);
        let Action::Query { query, .. } = prepared.action() else {
            return Ok(Served::Elsewhere);
        };
        let view = self.view().await?;
        self.shared.query.serve(query, parameters, &view)
    }

    /// Takes the rows of a COPY into the block, or commits them if it stands alone.
    pub async fn finish_copy(&mut self, copy: CopyIn) -> Result<Answer> {
        let finished = self.write_copy(copy).await;
        self.failing(finished)
    }

    /// The statements that the client has prepared.
    pub fn statements(&self) -> &PreparedStatements {
        &self.statements
    }

    pub fn statements_mut(&mut self) -> &mut PreparedStatements {
        &mut self.statements
    }

    pub fn status(&self) -> BlockStatus {
        self.block.status()
    }

    /// The server reported an error: the block, if there is one, has failed. What an implicit one
    /// held is gone.
    pub fn fail_block(&mut self) {
        match &mut self.block {
            Block::Idle => self.fail_implicit_block(),
            Block::Failed(_) => {}
            Block::Open(open) => {
                match open.savepoints.newest() {
                    Some(savepoint) => self.settings.roll_back_to(&savepoint.settings),
                    None => self.settings.roll_back_block(),
                }
                self.block.fail();
            }
        }
    }

    /// Room for rows of a cursor, within what queries may hold.
    pub fn kept_rows(&self, cursor: &str) -> KeptRows {
        let memory = self.shared.query.memory_of(&self.settings);
        KeptRows::new(format!("cursor \"{cursor}\""), &memory)
    }

    /// The number of the newest savepoint of the block, 0 without one. It grows with each new one.
    pub fn savepoint_number(&self) -> u64 {
        match &self.block {
            Block::Idle => 0,
            Block::Open(open) | Block::Failed(open) => open.savepoints.newest_number(),
        }
    }

    /// Rolls the block back because it cannot commit.
    pub async fn abandon_block(&mut self) {
        // Rolling back hands nothing to the store, so there is nothing in it that can fail.
        let _ = self.end(false, false, "ROLLBACK").await;
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

    /// An explicit block fails with its statement. What an implicit one holds is still to be
    /// answered, so that one fails when the error is told.
    fn failing<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() && matches!(self.block, Block::Open(_)) {
            self.fail_block();
        }
        result
    }

    fn check_not_failed(&self, kind: StatementKind) -> Result<()> {
        if self.block.status() != BlockStatus::Failed || kind.is_for_failed_block() {
            return Ok(());
        }
        Err(Error::new(
            Fault::InFailedBlock,
            "current transaction is aborted, commands ignored until end of transaction block",
        ))
    }

    async fn understand(
        &mut self,
        statement: Statement,
        parameter_types: &[Option<PgType>],
    ) -> Result<Prepared> {
        let kind = statement.kind();
        let statement = match statement.body {
            Body::Prepare(prepare) => return self.understand_prepare(prepare).await,
            Body::Execute(execute) => return self.understand_execute(&execute).await,
            _ => statement,
        };
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
                (Some(query.columns.clone()), Action::Query { query: Box::new(query), tag })
            }
            Body::Insert(insert) => {
                let plan = InsertPlan::analyse(&insert, parameter_types, settings, query).await?;
                written(WritePlan::Insert(plan))
            }
            Body::Update(update) => {
                let plan = ChangePlan::analyse(&update, parameter_types, settings, query).await?;
                written(WritePlan::Change(plan))
            }
            Body::ExplainWrite(explain) => {
                let explain = ExplainWrite::analyse(&explain, parameter_types, settings, query);
                (Some(ExplainWrite::columns()), Action::ExplainWrite(Box::new(explain.await?)))
            }
            Body::Copy(command) => {
                (None, Action::Copy(Arc::new(CopyPlan::resolve(&command, settings)?)))
            }
            Body::CopyTo(command) => {
                let plan = CopyToPlan::resolve(&command, query, settings).await?;
                (None, Action::CopyTo(Box::new(plan)))
            }
            Body::Declare(declare) => {
                let query = query.prepare(&declare.query, parameter_types, settings).await?;
                let query = Box::new(query);
                (None, Action::Declare { name: declare.name, options: declare.options, query })
            }
            Body::Fetch(fetch) => (None, Action::Fetch(fetch)),
            Body::CloseCursor { name } => (None, Action::CloseCursor { name }),
            Body::Show(command) => (Some(show_columns(&command, settings)?), Action::Show(command)),
            Body::Block(command) => (None, Action::Block(command)),
            Body::Setting(command) => (None, Action::Setting(command)),
            Body::Deallocate { name } => (None, Action::Deallocate { name }),
            Body::DeallocateAll => (None, Action::DeallocateAll),
            Body::DiscardAll => (None, Action::DiscardAll),
            Body::Nothing { tag } => (None, Action::Nothing { tag }),
            Body::Unsupported(error) => return Err(error),
            // Both were seen above; their statements may hold neither.
            Body::Prepare(_) | Body::Execute(_) => {
                return Err(Error::new(Fault::SyntaxError, "a prepared statement cannot prepare"));
            }
        };
        Ok(Prepared::new(kind, columns, action))
    }

    /// The rows of a query, at the cut that the next statement reads.
    async fn rows_of(&mut self, query: &PreparedQuery, parameters: &[Value]) -> Result<Rows> {
        let view = self.view().await?;
        self.shared.query.execute(query, parameters, view, &self.settings).await
    }

    async fn run(&mut self, prepared: &Prepared, parameters: &[Value]) -> Result<Answer> {
        let (prepared, parameters) = prepared.resolved(parameters);
        match prepared.action() {
            Action::Query { query, tag } => {
                let rows = self.rows_of(query, parameters).await?;
                let tag = match *tag {
                    "SELECT" => RowsTag::Counted("SELECT"),
                    other => RowsTag::Plain(other),
                };
                Ok(Answer::Rows { columns: query.columns.clone(), rows, tag })
            }
            Action::Write(plan) => self.write(prepared, plan, parameters).await,
            Action::ExplainWrite(explain) => self.explain_write(explain, parameters).await,
            Action::Copy(plan) => self.begin_copy(plan).await,
            Action::CopyTo(plan) => {
                let CopyToPlan { query, format } = plan.as_ref();
                let rows = self.rows_of(query, &[]).await?;
                let (columns, format) = (query.columns.clone(), format.clone());
                Ok(Answer::CopyOut(CopyOut { columns, rows, format }))
            }
            Action::Declare { name, options, query } => {
                let rows = self.rows_of(query, parameters).await?;
                Ok(Answer::Cursor(CursorCommand::Declare(DeclaredCursor {
                    name: name.clone(),
                    options: *options,
                    columns: query.columns.clone(),
                    rows,
                })))
            }
            Action::Fetch(fetch) => Ok(Answer::Cursor(CursorCommand::Fetch(fetch.clone()))),
            Action::CloseCursor { name } => {
                Ok(Answer::Cursor(CursorCommand::Close { name: name.clone() }))
            }
            Action::ConfigSelect(select) => {
                self.note_implicit_change();
                let in_block = self.block.status() == BlockStatus::InBlock;
                let (block, ledger) = (&mut self.block, &self.shared.ledger);
                select.run(parameters, &mut self.settings, |settings, change| {
                    change_setting(settings, ledger, block, in_block, change)
                })
            }
            Action::Show(command) => show(command, &self.settings),
            Action::Block(command) => Ok(tagged(self.run_block_command(command).await?)),
            Action::Setting(command) => {
                self.note_implicit_change();
                Ok(tagged(self.run_setting_command(command)?))
            }
            Action::Prepare { name, statement } => {
                self.statements.check_free(name)?;
                self.statements.insert(name, Some(statement.clone()));
                Ok(tagged("PREPARE"))
            }
            Action::Execute { .. } => {
                Err(Error::new(Fault::Internal, "an EXECUTE stands for another EXECUTE"))
            }
            Action::Deallocate { name } => {
                self.statements.deallocate(name)?;
                Ok(tagged("DEALLOCATE"))
            }
            Action::DeallocateAll => {
                self.statements.clear();
                Ok(tagged("DEALLOCATE ALL"))
            }
            Action::DiscardAll => self.discard_all(),
            Action::Nothing { tag } => Ok(tagged(tag)),
        }
    }
}

fn written(plan: WritePlan) -> (Option<Vec<Column>>, Action) {
    (plan.columns().map(<[_]>::to_vec), Action::Write(Box::new(plan)))
}

fn tagged(tag: &str) -> Answer {
    Answer::Command { tag: tag.to_owned() }
}

#[cfg(test)]
mod tests;
