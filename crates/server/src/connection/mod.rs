//! One client's session on the wire, from its greeting to its end.
//!
//! Owns the loop over messages, the state of the protocol between them, named statements and
//! portals. Refuses to know what a statement does: [`sql::Session`] does it.
//!
//! Invariants: every Query and every Sync gets exactly one ReadyForQuery. Replies are in the order
//! of the messages and leave together, once no complete message is left to read. A write outside
//! of BEGIN … COMMIT waits for the end of its Query or for its Sync, and is then awaited to its
//! real outcome, while the messages behind it are read.

mod copy_binary;
mod copy_in;
mod copy_out;
mod copy_stream;
mod cursors;
mod extended;
mod outcomes;
mod point_read;
mod portal;
mod replies;
mod rows;
mod simple;

use crate::query_runtime::QueryThreads;
use crate::registry::Registration;
use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::backend;
use crate::wire::{Frontend, Message, Socket};
use bytes::BytesMut;
use copy_in::CopyProtocol;
use copy_stream::CopyStream;
use pgwire::messages::simplequery::MESSAGE_TYPE_BYTE_QUERY;
use portal::Portals;
use replies::Replies;
use sql::{BlockStatus, Session, Statement};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub(crate) struct Connection {
    /// Dropped first: a client that sees its connection closed can count on its place being free.
    registration: Registration,
    socket: Socket,
    session: Session,
    query_threads: QueryThreads,
    stopping: CancellationToken,
    portals: Portals,
    mode: Mode,
    replies: Replies,
    /// Between the first message of a pipeline and its Sync.
    is_inside_pipeline: bool,
    /// Several statements came in one Query: they are a block.
    query_is_block: bool,
    /// What is written and not sent holds all that a Query or a Sync is answered with.
    has_whole_answer: bool,
}

/// What the next message is taken for.
#[derive(Debug)]
enum Mode {
    Ready,
    /// An error came up in a pipeline: everything until its Sync is skipped.
    Skipping,
    Copying {
        copy: CopyStream,
        protocol: CopyProtocol,
        /// What stands behind the COPY in the text of its Query.
        rest: VecDeque<Statement>,
    },
}

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The client said so, or closed its side.
    Closed,
    Io(io::Error),
    Fatal(Report),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Closed => f.write_str("closed by the client"),
            End::Io(error) => error.fmt(f),
            End::Fatal(report) => report.fmt(f),
        }
    }
}

/// Why a message was not answered as it should be.
#[derive(Debug)]
enum Failure {
    Report(Report),
    Io(io::Error),
}

impl From<Report> for Failure {
    fn from(report: Report) -> Self {
        Failure::Report(report)
    }
}

impl From<sql::Error> for Failure {
    fn from(error: sql::Error) -> Self {
        Failure::Report(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

/// Runs a read for as long as somebody is there to be told what it gives.
async fn while_client_stays<T>(
    socket: &Socket,
    read: impl Future<Output = Result<T, Report>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        done = read => Ok(done?),
        () = socket.client_gone() => Err(io::Error::from(io::ErrorKind::ConnectionAborted).into()),
    }
}

impl Connection {
    pub(crate) fn new(
        socket: Socket,
        session: Session,
        registration: Registration,
        query_threads: QueryThreads,
        stopping: CancellationToken,
    ) -> Self {
        Connection {
            socket,
            session,
            registration,
            query_threads,
            stopping,
            portals: Portals::default(),
            mode: Mode::Ready,
            replies: Replies::default(),
            is_inside_pipeline: false,
            query_is_block: false,
            has_whole_answer: false,
        }
    }

    /// Answers messages until one side ends the connection.
    pub(crate) async fn run(mut self) -> End {
        let end = self.answer_all().await;
        if matches!(end, End::Closed | End::Fatal(_)) {
            // Writes in flight have an outcome, and the client may still be reading.
            self.await_in_flight().await;
            if let End::Fatal(report) = &end {
                let report = self.end_copy(report.clone()).await;
                report.write_error(&mut self.socket.output);
            }
            // The connection is over: if the client is gone already, that is its end too.
            let _ = self.socket.flush().await;
        }
        end
    }

    async fn answer_all(&mut self) -> End {
        loop {
            if self.replies.is_full() {
                let outcome = self.replies.next_outcome().await;
                self.answer_first(outcome);
            }
            if self.replies.holds_too_much()
                && let Err(end) = self.answer_what_is_held().await
            {
                return end;
            }
            if self.socket.wants_flush()
                && let Err(error) = self.socket.flush().await
            {
                return End::Io(error);
            }
            match self.socket.next_message() {
                Ok(Some(message)) => {
                    if let Err(end) = self.answer(&message).await {
                        return end;
                    }
                }
                Ok(None) => {
                    self.answer_finished();
                    if let Err(error) = self.send_answers().await {
                        return End::Io(error);
                    }
                    match self.wait_for_more().await {
                        Ok(()) => {}
                        Err(end) => return end,
                    }
                }
                Err(report) => return End::Fatal(report),
            }
        }
    }

    /// Sends what is written, unless it is only how the answer to a write in flight begins: that
    /// waits for the rest. Sending is dear, for the client too.
    async fn send_answers(&mut self) -> io::Result<()> {
        if self.replies.has_in_flight() && !self.has_whole_answer {
            return Ok(());
        }
        self.has_whole_answer = false;
        self.socket.flush().await
    }

    /// As if the client had asked for what there is so far.
    async fn answer_what_is_held(&mut self) -> Result<(), End> {
        let answered = self.answer_held().await;
        self.settle(answered, self.is_inside_pipeline).await
    }

    /// Waits for more messages, or for the outcome of a write in flight.
    async fn wait_for_more(&mut self) -> Result<(), End> {
        let idle_timeout = self.idle_timeout();
        let timeout = async {
            match &idle_timeout {
                Some((timeout, _)) => tokio::time::sleep(*timeout).await,
                None => std::future::pending().await,
            }
        };
        let outcome = tokio::select! {
            () = self.stopping.cancelled() => return Err(End::Fatal(Report::shutting_down())),
            read = self.socket.read_more() => match read {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(End::Closed),
                Err(error) => return Err(End::Io(error)),
            },
            outcome = self.replies.next_outcome() => outcome,
            () = timeout => {
                let report = idle_timeout.map(|(_, report)| report);
                return Err(report.map_or(End::Closed, End::Fatal));
            }
        };
        self.answer_first(outcome);
        Ok(())
    }

    /// How long the session may idle here, and what it is told when it idled longer.
    fn idle_timeout(&self) -> Option<(Duration, Report)> {
        let is_busy = self.is_inside_pipeline || self.replies.has_in_flight();
        if is_busy || !matches!(self.mode, Mode::Ready) {
            return None;
        }
        let (timeout, state, what) = match self.session.status() {
            BlockStatus::Idle => (
                self.session.idle_timeout()?,
                SqlState::IDLE_SESSION_TIMEOUT,
                "idle-session timeout",
            ),
            BlockStatus::InBlock | BlockStatus::Failed => (
                self.session.idle_in_transaction_timeout()?,
                SqlState::IDLE_IN_TRANSACTION_TIMEOUT,
                "idle-in-transaction timeout",
            ),
        };
        let report = Report::new(state, format!("terminating connection due to {what}")).fatal();
        Some((timeout, report))
    }

    async fn answer(&mut self, message: &Message) -> Result<(), End> {
        let is_extended = match &self.mode {
            Mode::Copying { protocol, .. } => *protocol == CopyProtocol::Extended,
            Mode::Ready | Mode::Skipping => Frontend::is_extended(message.kind),
        };
        if matches!(self.mode, Mode::Skipping) && !Frontend::ends_skipping(message.kind) {
            return Ok(());
        }
        let body = match &message.body {
            Ok(body) => body,
            Err(why) => {
                let report = self.end_copy(why.clone()).await;
                return self.settle(Err(report.into()), is_extended).await;
            }
        };
        if message.kind == MESSAGE_TYPE_BYTE_QUERY
            && self.is_inside_pipeline
            && let Err(failure) = self.answer_held().await
        {
            // A write before it has failed: the Query is skipped like all up to the Sync.
            return self.settle(Err(failure), true).await;
        }
        let answered = match Frontend::decode(message.kind, body) {
            Ok(Frontend::Terminate) => return Err(End::Closed),
            Ok(frontend) if matches!(self.mode, Mode::Copying { .. }) => {
                self.dispatch_during_copy(frontend).await
            }
            Ok(frontend) => {
                self.is_inside_pipeline = is_extended;
                self.dispatch(frontend).await
            }
            Err(malformed) => Err(self.end_copy(malformed.into()).await.into()),
        };
        self.settle(answered, is_extended).await
    }

    /// An error ends a COPY, if there is one: what it committed in pieces is told with it.
    async fn end_copy(&mut self, report: Report) -> Report {
        match &mut self.mode {
            Mode::Copying { copy, .. } => copy.failed(report).await,
            Mode::Ready | Mode::Skipping => report,
        }
    }

    /// Reports a failure. In a pipeline, what follows it is skipped; elsewhere the client may go
    /// on at once.
    async fn settle(
        &mut self,
        answered: Result<(), Failure>,
        is_extended: bool,
    ) -> Result<(), End> {
        match answered {
            Ok(()) => {}
            Err(Failure::Io(error)) => return Err(End::Io(error)),
            Err(Failure::Report(report)) if report.is_fatal() => return Err(End::Fatal(report)),
            Err(Failure::Report(report)) => {
                self.report_error(report).await;
                if is_extended {
                    self.mode = Mode::Skipping;
                    self.is_inside_pipeline = true;
                } else {
                    self.mode = Mode::Ready;
                    self.ready_for_query();
                }
            }
        }
        if !self.is_inside_pipeline
            && matches!(self.mode, Mode::Ready)
            && self.stopping.is_cancelled()
        {
            return Err(End::Fatal(Report::shutting_down()));
        }
        Ok(())
    }

    async fn dispatch(&mut self, frontend: Frontend<'_>) -> Result<(), Failure> {
        match frontend {
            Frontend::Query(text) => self.query(text).await,
            Frontend::Parse { statement, text, parameter_types } => {
                self.parse(statement, text, &parameter_types).await
            }
            Frontend::Bind(bind) => self.bind(&bind),
            Frontend::Describe(target) => self.describe(target),
            Frontend::Execute { portal, max_rows } => self.execute(portal, max_rows).await,
            Frontend::Close(target) => {
                self.close(target);
                Ok(())
            }
            // What is written leaves anyway, as soon as nothing more is there to read.
            Frontend::Flush => self.answer_held().await,
            Frontend::Sync => self.sync().await,
            Frontend::FunctionCall => Err(Report::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "the function call protocol is not supported",
            )
            .with_hint("Call the function in a SELECT.")
            .into()),
            // The rest of a COPY that failed; or the end, which was seen before.
            Frontend::CopyData(_)
            | Frontend::CopyDone
            | Frontend::CopyFail(_)
            | Frontend::Terminate => Ok(()),
        }
    }

    /// Tells an error. A held write before it may have failed too: then that is what is told.
    async fn report_error(&mut self, report: Report) {
        let report = match self.answer_held().await {
            Err(Failure::Report(earlier)) => earlier,
            Err(Failure::Io(_)) | Ok(()) => report,
        };
        self.session.fail_block();
        if self.session.status() == BlockStatus::Idle {
            self.portals.roll_back();
        }
        self.send_notices();
        report.write_error(self.replies.tail(&mut self.socket.output));
    }

    fn send_notices(&mut self) {
        for notice in self.session.drain_notices() {
            Report::notice(&notice).write_notice(self.replies.tail(&mut self.socket.output));
        }
    }

    /// The end of a Query or of a pipeline. What they wrote is on its way.
    fn ready_for_query(&mut self) {
        let out = self.replies.tail(&mut self.socket.output);
        for (name, value) in self.session.changed_settings() {
            backend::parameter_status(out, &name, &value);
        }
        let status = self.session.status();
        if status == BlockStatus::Idle {
            // Portals live as long as the block around them, and here it has ended.
            self.portals.commit();
        }
        self.is_inside_pipeline = false;
        self.query_is_block = false;
        backend::ready_for_query(out, status);
        self.has_whole_answer |= !self.replies.has_in_flight();
    }

    /// Where the next reply is written.
    fn out(&mut self) -> &mut BytesMut {
        self.replies.tail(&mut self.socket.output)
    }

    /// When a statement that starts now has to be done.
    fn deadline(&self) -> Option<Instant> {
        self.session.statement_timeout().map(|timeout| Instant::now() + timeout)
    }
}
