//! The extended protocol: Parse, Bind, Describe, Execute, Close, Flush, Sync.
//!
//! Invariant: everything up to a Sync is one block, unless it says BEGIN and COMMIT itself. What it
//! writes is committed by its Sync, so that messages which fail, or end without a Sync, have
//! written nothing.

use super::copy_in::CopyProtocol;
use super::point_read::select_tag;
use super::portal::{Portal, Progress};
use super::replies::{HeldReply, ReplyProtocol};
use super::rows::{Interruption, RowCursor, RowSink};
use super::simple::interruption_of;
use super::{Connection, Failure, Mode};
use crate::codec::decode_parameter;
use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::backend::{self, Format};
use crate::wire::{Bind, Target};
use sql::arrow::record_batch::RecordBatch;
use sql::{
    Answer, BlockStatus, CursorCommand, CursorStep, PgType, Prepared, RowsTag, Served,
    StatementKind, Value, WriteAnswer,
};
use std::collections::VecDeque;

impl Connection {
    pub(super) async fn parse(
        &mut self,
        name: &str,
        text: &str,
        type_oids: &[u32],
    ) -> Result<(), Failure> {
        if name.is_empty() {
            self.session.statements_mut().close("");
        }
        let parameter_types =
            type_oids.iter().map(|oid| parameter_type(*oid)).collect::<Result<Vec<_>, _>>()?;
        let mut statements = self.session.parse(text)?;
        if statements.len() > 1 {
            return Err(Report::new(
                SqlState::SYNTAX_ERROR,
                "cannot insert multiple commands into a prepared statement",
            )
            .into());
        }
        let prepared = match statements.pop() {
            Some(statement) => {
                let deadline = self.deadline();
                let interrupt = self.registration.interrupt.clone();
                let preparing = self.session.prepare(statement, &parameter_types);
                Some(interrupt.guard(deadline, preparing).await?)
            }
            None => None,
        };
        self.session.statements().check_free(name)?;
        self.session.statements_mut().insert(name, prepared);
        self.hold_replaced();
        backend::parse_complete(self.out());
        Ok(())
    }

    pub(super) fn bind(&mut self, bind: &Bind<'_>) -> Result<(), Failure> {
        let statement = self.session.statements().get(bind.statement)?.clone();
        let types = statement.as_ref().map_or(&[][..], Prepared::parameter_types);
        if bind.parameters.len() != types.len() {
            return Err(Report::protocol_violation(format!(
                "bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
                bind.parameters.len(),
                bind.statement,
                types.len()
            ))
            .into());
        }
        if let Some(prepared) = &statement {
            self.check_block_takes(prepared.kind())?;
        }
        let formats = parameter_formats(&bind.parameter_formats, types.len())?;
        let mut parameters = Vec::with_capacity(types.len());
        for (index, (bytes, pg_type)) in bind.parameters.iter().zip(types).enumerate() {
            let format = formats.of(index);
            parameters.push(decode_parameter(*bytes, *pg_type, format, index + 1)?);
        }
        let fetched_columns =
            statement.as_ref().and_then(|fetch| self.portals.fetched_columns(fetch));
        let fetched_columns = fetched_columns.map(<[_]>::to_vec);
        let mut portal = Portal { fetched_columns, parameters, ..self.new_portal(statement) };
        let columns = portal.columns().map_or(0, <[_]>::len);
        portal.formats = result_formats(&bind.result_formats, columns)?;
        self.portals.insert(bind.portal, portal)?;
        backend::bind_complete(self.out());
        Ok(())
    }

    fn check_block_takes(&self, kind: StatementKind) -> Result<(), Report> {
        if self.session.status() != BlockStatus::Failed || kind.is_for_failed_block() {
            return Ok(());
        }
        Err(Report::new(
            SqlState::IN_FAILED_SQL_TRANSACTION,
            "current transaction is aborted, commands ignored until end of transaction block",
        ))
    }

    pub(super) fn describe(&mut self, target: Target<'_>) -> Result<(), Failure> {
        let (columns, formats) = match target {
            Target::Statement(name) => {
                let statement = self.session.statements().get(name)?.as_ref();
                let types = statement.map_or(&[][..], Prepared::parameter_types);
                let out = self.replies.tail(&mut self.socket.output);
                backend::parameter_description(out, types);
                let fetched = statement.and_then(|fetch| self.portals.fetched_columns(fetch));
                (fetched.or_else(|| statement?.columns()), &[][..])
            }
            Target::Portal(name) => {
                let portal = self.portals.get(name)?;
                (portal.columns(), portal.formats.as_slice())
            }
        };
        let out = self.replies.tail(&mut self.socket.output);
        match columns {
            Some(columns) => backend::row_description(out, columns, formats),
            None => backend::no_data(out),
        }
        Ok(())
    }

    pub(super) fn close(&mut self, target: Target<'_>) {
        match target {
            Target::Statement(name) => self.session.statements_mut().close(name),
            Target::Portal(name) => self.portals.close(name),
        }
        self.hold_replaced();
        backend::close_complete(self.out());
    }

    pub(super) async fn execute(&mut self, name: &str, max_rows: i32) -> Result<(), Failure> {
        // A limit that is not positive is none.
        let max_rows = u64::try_from(max_rows).unwrap_or(0);
        let portal = self.portals.get_mut(name)?;
        let Some(prepared) = portal.statement.clone() else {
            backend::empty_query_response(self.out());
            return Ok(());
        };
        let formats = portal.formats.clone();
        match std::mem::replace(&mut portal.progress, Progress::Unrunnable) {
            Progress::NotStarted => {}
            Progress::Running(cursor) => {
                let interruption = interruption_of(&prepared, self.deadline());
                return self.go_on(name, cursor, &formats, max_rows, interruption).await;
            }
            Progress::Sent { rows } => {
                portal.progress = Progress::Sent { rows };
                self.complete(&select_tag(0));
                return Ok(());
            }
            Progress::Unrunnable => return Err(Portal::unrunnable(name).into()),
        }
        let parameters = std::mem::take(&mut portal.parameters);
        self.start(name, &prepared, &parameters, &formats, max_rows).await
    }

    async fn start(
        &mut self,
        name: &str,
        prepared: &Prepared,
        parameters: &[Value],
        formats: &[Format],
        max_rows: u64,
    ) -> Result<(), Failure> {
        if let Served::Rows(batches) = self.serve(prepared, parameters).await? {
            return self.start_served(name, prepared, batches, formats, max_rows).await;
        }
        let interruption = interruption_of(prepared, self.deadline());
        let answer = self.run_prepared(prepared, parameters, interruption).await?;
        self.send_notices();
        match answer {
            Answer::Rows { columns, rows, tag } => {
                let cursor = Box::new(self.cursor(prepared.kind(), columns, rows, tag));
                return self.go_on(name, cursor, formats, max_rows, interruption).await;
            }
            Answer::Command { tag } => {
                self.settle_portals(prepared.kind(), &tag);
                self.hold_replaced();
                self.complete(&tag);
            }
            Answer::CopyOut(copy) => {
                let tag = self.copy_out(copy, interruption).await?;
                self.complete(&tag);
            }
            Answer::Cursor(CursorCommand::Declare(declared)) => {
                let tag = self.declare(prepared, declared, interruption).await?;
                self.complete(tag);
            }
            Answer::Cursor(CursorCommand::Fetch(fetch)) if max_rows != 0 && !fetch.is_move => {
                let cursor = Box::new(self.fetch_in_pieces(&fetch, interruption).await?);
                return self.go_on(name, cursor, formats, max_rows, interruption).await;
            }
            Answer::Cursor(CursorCommand::Fetch(fetch)) => {
                let tag = self.fetch_extended(&fetch, formats, interruption).await?;
                self.complete(&tag);
            }
            Answer::Cursor(CursorCommand::Close { name }) => {
                let tag = self.close_cursor(name.as_deref())?;
                self.complete(tag);
            }
            // A client that fetches the rows in pieces cannot wait for its Sync.
            Answer::Held if max_rows != 0 && prepared.columns().is_some() => {
                self.replies.hold(extended_reply(prepared, formats));
                if let Some(answer) = self.take_last_answer().await? {
                    return self.start_written(name, prepared, answer, formats, max_rows).await;
                }
            }
            Answer::Written(answer) if max_rows != 0 && prepared.columns().is_some() => {
                return self.start_written(name, prepared, answer, formats, max_rows).await;
            }
            Answer::Held => self.replies.hold(extended_reply(prepared, formats)),
            Answer::Written(answer) => {
                self.answer_now(&extended_reply(prepared, formats), &answer)?;
            }
            Answer::CopyIn(copy) => {
                self.begin_copy(copy, CopyProtocol::Extended, VecDeque::new())?;
            }
            Answer::Empty => backend::empty_query_response(self.out()),
        }
        Ok(())
    }

    /// Sends rows that are there, up to the limit.
    async fn start_served(
        &mut self,
        name: &str,
        prepared: &Prepared,
        batches: Vec<RecordBatch>,
        formats: &[Format],
        max_rows: u64,
    ) -> Result<(), Failure> {
        self.send_notices();
        if max_rows != 0 {
            let columns = prepared.columns().unwrap_or_default().to_vec();
            let cursor = Box::new(RowCursor::over(columns, batches, RowsTag::Counted("SELECT")));
            return self.go_on(name, cursor, formats, max_rows, Interruption::Never).await;
        }
        let rows = self.send_batches(prepared, formats, &batches).await?;
        self.complete_select(rows);
        if let Ok(portal) = self.portals.get_mut(name) {
            portal.progress = Progress::Sent { rows };
        }
        Ok(())
    }

    /// Sends what a write returns, up to the limit.
    async fn start_written(
        &mut self,
        name: &str,
        prepared: &Prepared,
        answer: WriteAnswer,
        formats: &[Format],
        max_rows: u64,
    ) -> Result<(), Failure> {
        let WriteAnswer { verb, rows, .. } = answer;
        let columns = prepared.columns().unwrap_or_default().to_vec();
        let batches = rows.into_iter().collect();
        let cursor = RowCursor::over(columns, batches, RowsTag::Counted(verb));
        self.go_on(name, Box::new(cursor), formats, max_rows, Interruption::Never).await
    }

    /// Sends rows of a portal up to the limit.
    async fn go_on(
        &mut self,
        name: &str,
        mut cursor: Box<RowCursor>,
        formats: &[Format],
        max_rows: u64,
        interruption: Interruption,
    ) -> Result<(), Failure> {
        let writer = self.row_writer(cursor.columns(), formats);
        let step = CursorStep::Forward((max_rows != 0).then_some(max_rows));
        let count = self.step(&mut cursor, step, RowSink::Client(&writer), interruption).await?;
        if cursor.position().is_at_end() {
            self.complete(&cursor.tag(count));
        } else {
            backend::portal_suspended(self.out());
        }
        if let Ok(portal) = self.portals.get_mut(name) {
            portal.progress = Progress::Running(cursor);
        }
        Ok(())
    }

    pub(super) async fn sync(&mut self) -> Result<(), Failure> {
        self.mode = Mode::Ready;
        self.end_implicit_block().await?;
        self.ready_for_query();
        Ok(())
    }
}

fn extended_reply(prepared: &Prepared, formats: &[Format]) -> HeldReply {
    HeldReply {
        prepared: Some(prepared.clone()),
        formats: formats.to_vec(),
        protocol: ReplyProtocol::Extended,
    }
}

/// 0 and `unknown` ask the server to find out. Types that are texts to us are taken as text.
fn parameter_type(oid: u32) -> Result<Option<PgType>, Report> {
    const UNSPECIFIED: u32 = 0;
    const BPCHAR: u32 = 1042;
    const VARCHAR_ARRAY: u32 = 1015;
    const NAME_ARRAY: u32 = 1003;
    match oid {
        UNSPECIFIED => Ok(None),
        BPCHAR => Ok(Some(PgType::Text)),
        VARCHAR_ARRAY | NAME_ARRAY => Ok(Some(PgType::TextArray)),
        oid => match PgType::from_oid(oid) {
            Some(PgType::Unknown) => Ok(None),
            Some(PgType::Void) | None => Err(Report::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("parameters of the type with oid {oid} are not supported"),
            )
            .with_hint("Send it as text and cast it in the statement.")),
            Some(known) => Ok(Some(known)),
        },
    }
}

/// Format codes as a client may shorten them: none, one for all, or one for each.
#[derive(Debug)]
enum Formats {
    All(Format),
    Each(Vec<Format>),
}

impl Formats {
    fn of(&self, index: usize) -> Format {
        match self {
            Formats::All(format) => *format,
            Formats::Each(formats) => formats.get(index).copied().unwrap_or_default(),
        }
    }
}

fn format(code: i16) -> Result<Format, Report> {
    Format::from_code(code).ok_or_else(|| {
        Report::new(SqlState::INVALID_PARAMETER_VALUE, format!("unsupported format code: {code}"))
    })
}

fn parameter_formats(codes: &[i16], parameters: usize) -> Result<Formats, Report> {
    match codes {
        [] => Ok(Formats::All(Format::Text)),
        [one] => format(*one).map(Formats::All),
        each if each.len() == parameters => {
            each.iter().map(|code| format(*code)).collect::<Result<_, _>>().map(Formats::Each)
        }
        other => Err(Report::protocol_violation(format!(
            "bind message has {} parameter formats but {parameters} parameters",
            other.len()
        ))),
    }
}

fn result_formats(codes: &[i16], columns: usize) -> Result<Vec<Format>, Report> {
    match codes {
        [] => Ok(Vec::new()),
        [one] => Ok(vec![format(*one)?; columns]),
        each if each.len() == columns => each.iter().map(|code| format(*code)).collect(),
        // A statement without rows may be bound with any formats.
        each if columns == 0 => each.iter().map(|code| format(*code)).collect(),
        other => Err(Report::protocol_violation(format!(
            "bind message has {} result formats but query has {columns} columns",
            other.len()
        ))),
    }
}

#[cfg(test)]
mod tests;
