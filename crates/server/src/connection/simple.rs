//! The simple protocol: a text with any number of statements, all answers, one ReadyForQuery.

use super::copy_in::CopyProtocol;
use super::rows::{Interruption, RowsEnd};
use super::statements::Statements;
use super::{Connection, Failure};
use crate::report::Report;
use crate::wire::backend;
use sql::{Answer, Prepared, Statement, StatementKind};

/// Whether the next statement of a text may run.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Go,
    /// The client's COPY data comes first; it is the last statement.
    CopyData,
}

impl Connection {
    pub(super) async fn query(&mut self, text: &str) -> Result<(), Failure> {
        // As in Postgres, whose simple queries use the unnamed ones themselves.
        self.statements.close("");
        self.portals.close("");
        let statements = self.session.parse(text)?;
        if statements.is_empty() {
            backend::empty_query_response(&mut self.socket.output);
        }
        self.session.check_together(&statements)?;
        for statement in statements {
            if self.run_simple(statement).await? == Next::CopyData {
                return Ok(());
            }
        }
        self.ready_for_query();
        Ok(())
    }

    async fn run_simple(&mut self, statement: Statement) -> Result<Next, Failure> {
        let deadline = self.deadline();
        let interrupt = self.registration.interrupt.clone();
        let prepared = interrupt.guard(deadline, self.session.prepare(statement, &[])).await?;
        let interruption = interruption_of(&prepared, deadline);
        let answer = self.run_prepared(&prepared, &[], interruption).await?;
        self.send_notices();
        match answer {
            Answer::Rows { columns, rows, tag } => {
                backend::row_description(&mut self.socket.output, &columns, &[]);
                let mut cursor = self.cursor(&prepared, &columns, rows, tag, &[]);
                match self.send_rows(&mut cursor, 0, interruption).await? {
                    RowsEnd::Complete { tag } => self.complete(&tag),
                    RowsEnd::LimitReached => {}
                }
            }
            Answer::Command { tag } => {
                self.forget_statements(&prepared)?;
                self.complete(&tag);
            }
            Answer::CopyIn(copy) => {
                self.begin_copy(copy, CopyProtocol::Simple);
                return Ok(Next::CopyData);
            }
            Answer::Empty => backend::empty_query_response(&mut self.socket.output),
        }
        Ok(Next::Go)
    }

    /// Executes a statement: a read so that it can be stopped, everything else to its end.
    pub(super) async fn run_prepared(
        &mut self,
        prepared: &Prepared,
        parameters: &[sql::Value],
        interruption: Interruption,
    ) -> Result<Answer, Failure> {
        let execution = self.session.execute(prepared, parameters);
        match interruption {
            Interruption::Allowed { deadline } => {
                let execution = self.query_threads.spawning(execution);
                Ok(self.registration.interrupt.guard(deadline, execution).await?)
            }
            Interruption::Never => Ok(execution.await?),
        }
    }

    /// DEALLOCATE and DISCARD ALL mean the statements that the wire has prepared.
    pub(super) fn forget_statements(&mut self, prepared: &Prepared) -> Result<(), Report> {
        match prepared.kind() {
            StatementKind::DeallocateAll | StatementKind::DiscardAll => self.statements.clear(),
            _ => {}
        }
        match prepared.deallocates() {
            Some(name) if !self.statements.close(name) => Err(Statements::undefined(name)),
            _ => Ok(()),
        }
    }
}

/// Only what changes nothing may be stopped half way.
pub(super) fn interruption_of(
    prepared: &Prepared,
    deadline: Option<tokio::time::Instant>,
) -> Interruption {
    match prepared.kind() {
        StatementKind::Query | StatementKind::Show => Interruption::Allowed { deadline },
        _ => Interruption::Never,
    }
}
