//! The simple protocol: a text with any number of statements, all answers, one ReadyForQuery.

use super::copy_in::CopyProtocol;
use super::point_read::select_tag;
use super::replies::{HeldReply, ReplyProtocol};
use super::rows::{Interruption, RowCursor, RowSink};
use super::{Connection, Failure, while_client_stays};
use crate::wire::backend;
use sql::arrow::record_batch::RecordBatch;
use sql::{
    Answer, BlockStatus, CursorCommand, CursorStep, Prepared, Served, Statement, StatementKind,
};
use std::collections::VecDeque;

impl Connection {
    pub(super) async fn query(&mut self, text: &str) -> Result<(), Failure> {
        // As in Postgres, whose simple queries use the unnamed ones themselves.
        self.session.statements_mut().close("");
        self.portals.close("");
        if self.answer_recalled(text).await? {
            return Ok(());
        }
        let statements = self.session.parse(text)?;
        self.query_is_block = statements.len() > 1;
        if statements.is_empty() {
            backend::empty_query_response(self.out());
        }
        self.run_text(statements.into()).await
    }

    /// Answers a text that is a point read with other literals than one before it.
    async fn answer_recalled(&mut self, text: &str) -> Result<bool, Failure> {
        if self.session.status() == BlockStatus::Failed {
            return Ok(false);
        }
        let Some((prepared, literals)) = self.session.recall(text).await else { return Ok(false) };
        let protocol = ReplyProtocol::Simple { is_last: true };
        match self.serve(&prepared, &literals).await? {
            Served::Rows(batches) => self.send_served(&prepared, &batches, protocol).await?,
            Served::Unplanned => {
                let interruption = interruption_of(&prepared, self.deadline());
                let answer = self.run_prepared(&prepared, &literals, interruption).await?;
                self.send_notices();
                if let Answer::Rows { columns, rows, tag } = answer {
                    let cursor = self.cursor(prepared.kind(), columns, rows, tag);
                    self.send_rows(cursor, interruption, protocol).await?;
                }
            }
            Served::Elsewhere => return Ok(false),
        }
        self.end_implicit_block().await?;
        self.ready_for_query();
        Ok(true)
    }

    async fn send_served(
        &mut self,
        prepared: &Prepared,
        batches: &[RecordBatch],
        protocol: ReplyProtocol,
    ) -> Result<(), Failure> {
        self.send_notices();
        let columns = prepared.columns().unwrap_or_default();
        backend::row_description(self.out(), columns, &[]);
        let rows = self.send_batches(prepared, &[], batches).await?;
        self.complete_simple(&select_tag(rows), protocol);
        Ok(())
    }

    /// Runs the statements of a text up to a COPY, whose data comes first, or to their end.
    pub(super) async fn run_text(
        &mut self,
        mut statements: VecDeque<Statement>,
    ) -> Result<(), Failure> {
        while let Some(statement) = statements.pop_front() {
            let reply = ReplyProtocol::Simple { is_last: statements.is_empty() };
            if let Some(copy) = self.run_simple(statement, reply).await? {
                return self.begin_copy(copy, CopyProtocol::Simple, statements);
            }
        }
        self.end_implicit_block().await?;
        self.ready_for_query();
        Ok(())
    }

    async fn run_simple(
        &mut self,
        statement: Statement,
        protocol: ReplyProtocol,
    ) -> Result<Option<Box<sql::CopyIn>>, Failure> {
        let deadline = self.deadline();
        let interrupt = self.registration.interrupt.clone();
        let prepared = interrupt.guard(deadline, self.session.prepare(statement, &[])).await?;
        if let Served::Rows(batches) = self.serve(&prepared, &[]).await? {
            self.send_served(&prepared, &batches, protocol).await?;
            return Ok(None);
        }
        let interruption = interruption_of(&prepared, deadline);
        let answer = self.run_prepared(&prepared, &[], interruption).await?;
        self.send_notices();
        match answer {
            Answer::Rows { columns, rows, tag } => {
                let cursor = self.cursor(prepared.kind(), columns, rows, tag);
                self.send_rows(cursor, interruption, protocol).await?;
            }
            Answer::Command { tag } => {
                self.settle_portals(prepared.kind(), &tag);
                self.hold_replaced();
                self.complete_simple(&tag, protocol);
            }
            Answer::CopyOut(copy) => {
                let tag = self.copy_out(copy, interruption).await?;
                self.complete_simple(&tag, protocol);
            }
            Answer::Cursor(command) => {
                let tag = match command {
                    CursorCommand::Declare(declared) => {
                        self.declare(&prepared, declared, interruption).await?.to_owned()
                    }
                    CursorCommand::Fetch(fetch) => self.fetch_simple(&fetch, interruption).await?,
                    CursorCommand::Close { name } => self.close_cursor(name.as_deref())?.to_owned(),
                };
                self.complete_simple(&tag, protocol);
            }
            Answer::Held => {
                let reply = HeldReply { prepared: Some(prepared), formats: Vec::new(), protocol };
                self.replies.hold(reply);
            }
            Answer::Written(answer) => {
                let reply = HeldReply { prepared: Some(prepared), formats: Vec::new(), protocol };
                self.answer_now(&reply, &answer)?;
            }
            Answer::CopyIn(copy) => return Ok(Some(copy)),
            Answer::Empty => backend::empty_query_response(self.out()),
        }
        Ok(None)
    }

    async fn send_rows(
        &mut self,
        mut cursor: RowCursor,
        interruption: Interruption,
        protocol: ReplyProtocol,
    ) -> Result<(), Failure> {
        backend::row_description(self.replies.tail(&mut self.socket.output), cursor.columns(), &[]);
        let writer = self.row_writer(cursor.columns(), &[]);
        let (all, sink) = (CursorStep::Forward(None), RowSink::Client(&writer));
        let count = self.step(&mut cursor, all, sink, interruption).await?;
        self.complete_simple(&cursor.tag(count), protocol);
        Ok(())
    }

    /// The last statement of a Query is complete once the block around it has committed.
    fn complete_simple(&mut self, tag: &str, protocol: ReplyProtocol) {
        let waits =
            protocol == ReplyProtocol::Simple { is_last: true } && self.replies.hold_last_tag(tag);
        if !waits {
            self.complete(tag);
        }
    }

    /// Executes a statement: a read so that it can be stopped, everything else to its end.
    pub(super) async fn run_prepared(
        &mut self,
        prepared: &Prepared,
        parameters: &[sql::Value],
        interruption: Interruption,
    ) -> Result<Answer, Failure> {
        self.check_may_declare(prepared.kind())?;
        if prepared.reads_ledger() {
            // A read sees what its own session wrote.
            self.await_in_flight().await;
        }
        self.make_way(prepared.kind()).await?;
        if prepared.kind() == StatementKind::Commit && self.session.status() == BlockStatus::InBlock
        {
            let deadline = self.deadline();
            self.keep_held_cursors(Interruption::Allowed { deadline }).await?;
        }
        if prepared.is_write() && prepared.reads_ledger() {
            return self.run_gathering(prepared, parameters).await;
        }
        let execution = self.session.execute(prepared, parameters);
        match interruption {
            Interruption::Allowed { deadline } => {
                let execution = self.query_threads.spawning(execution);
                let executed = self.registration.interrupt.guard(deadline, execution);
                while_client_stays(&self.socket, executed).await
            }
            Interruption::Never => Ok(execution.await?),
        }
    }

    /// A write that reads: its rows are computed like those of a query, on other threads and until
    /// they are cancelled; what is done with them is done to its end.
    async fn run_gathering(
        &mut self,
        prepared: &Prepared,
        parameters: &[sql::Value],
    ) -> Result<Answer, Failure> {
        let deadline = self.deadline();
        let interrupt = self.registration.interrupt.clone();
        let begun = self.session.gather(prepared, parameters);
        let gathering = interrupt.guard(deadline, begun).await?;
        let gathered = interrupt.guard(deadline, self.query_threads.finish(gathering));
        let gathered = while_client_stays(&self.socket, gathered).await?;
        Ok(self.session.stage_rows(gathered).await?)
    }

    /// What happens to an implicit block where the client begins or ends one itself.
    async fn make_way(&mut self, kind: StatementKind) -> Result<(), Failure> {
        match kind {
            // The implicit block becomes part of the explicit one.
            StatementKind::Begin | StatementKind::Rollback => self.answer_held().await?,
            // The client waits for the answer to it before it sends more.
            StatementKind::CopyFrom => self.answer_held().await?,
            StatementKind::Commit => self.commit_held_at_commit().await?,
            _ => {}
        }
        Ok(())
    }
}

/// Only what changes nothing may be stopped half way.
pub(super) fn interruption_of(
    prepared: &Prepared,
    deadline: Option<tokio::time::Instant>,
) -> Interruption {
    match prepared.kind() {
        StatementKind::Query
        | StatementKind::Show
        | StatementKind::Declare { .. }
        | StatementKind::Fetch
        | StatementKind::CopyTo => Interruption::Allowed { deadline },
        _ => Interruption::Never,
    }
}
