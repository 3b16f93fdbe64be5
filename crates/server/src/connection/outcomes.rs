//! Telling a client what its held writes came to.
//!
//! Invariant: every held write is answered exactly once, in its place: with what it wrote, or with
//! the error, behind which nothing of its block is answered.

use super::replies::{HeldReply, Part, ReplyProtocol};
use super::{Connection, Failure};
use crate::codec::{RowWriter, Style};
use crate::report::Report;
use crate::wire::backend;
use bytes::BytesMut;
use sql::{BlockOutcome, Column, Prepared, WriteAnswer};

impl Connection {
    /// The end of a Query, or of the messages up to a Sync: what was held is committed, and
    /// answered when it is durable. Messages go on being read meanwhile.
    pub(super) async fn end_implicit_block(&mut self) -> Result<(), Failure> {
        // What the session would have to take back if the block failed waits for its outcome.
        if self.session.changes_settings() || self.replies.holds_replaced() {
            self.commit_held().await?;
        }
        self.session.end_implicit_block();
        if !self.session.holds_writes() {
            return Ok(());
        }
        match self.session.submit_held().await {
            Ok(commit) => {
                self.replies.commit_open(commit);
                Ok(())
            }
            Err(outcome) => self.answer_open(outcome),
        }
    }

    /// Answers what the open block holds before it ends, as inside of BEGIN … COMMIT.
    pub(super) async fn answer_held(&mut self) -> Result<(), Failure> {
        if !self.session.holds_writes() {
            return Ok(());
        }
        let outcome = self.session.answer_held().await;
        self.answer_open(outcome)
    }

    /// Commits the open block and waits for it, for what has to stand behind it.
    async fn commit_held(&mut self) -> Result<(), Failure> {
        if !self.session.holds_writes() {
            return Ok(());
        }
        let outcome = self.held_outcome().await;
        self.answer_open(outcome)
    }

    /// The same for a COMMIT that nothing has begun.
    pub(super) async fn commit_held_at_commit(&mut self) -> Result<(), Failure> {
        if !self.session.holds_writes() {
            return Ok(());
        }
        let outcome = self.held_outcome().await;
        if outcome.fails_at_end {
            // The statement tells it before its own error; when it succeeds, when it is run.
            self.session.warn_no_block();
        }
        self.answer_open(outcome)
    }

    async fn held_outcome(&mut self) -> BlockOutcome {
        match self.session.submit_held().await {
            Ok(commit) => commit.outcome().await,
            Err(outcome) => outcome,
        }
    }

    /// Answers what the open block holds, but gives the answer of its last write.
    pub(super) async fn take_last_answer(&mut self) -> Result<Option<WriteAnswer>, Failure> {
        let mut outcome = self.session.answer_held().await;
        if outcome.error.is_some() {
            return self.answer_open(outcome).map(|()| None);
        }
        let last = outcome.answers.pop();
        self.replies.forget_last();
        self.answer_open(outcome)?;
        Ok(last)
    }

    fn answer_open(&mut self, outcome: BlockOutcome) -> Result<(), Failure> {
        let mut parts = self.replies.take_open().into_iter();
        let style = Style::of(self.session.settings());
        let out = self.replies.tail(&mut self.socket.output);
        let Some(report) = write_parts(out, &mut parts, outcome, style) else { return Ok(()) };
        let skipped = parts.rev().filter_map(Part::into_replaced);
        self.session.statements_mut().put_back(skipped.flat_map(|each| each.into_iter().rev()));
        Err(report.into())
    }

    /// Notes named statements that have changed, in case a write before it fails.
    pub(super) fn hold_replaced(&mut self) {
        let replaced = self.session.statements_mut().take_replaced();
        self.replies.hold_replaced(replaced);
    }

    /// Answers a write whose answer is there.
    pub(super) fn answer_now(
        &mut self,
        reply: &HeldReply,
        answer: &WriteAnswer,
    ) -> Result<(), Failure> {
        let style = Style::of(self.session.settings());
        write_answer(self.out(), reply, answer, style)?;
        self.complete(&answer.tag());
        Ok(())
    }

    /// Writes what every block whose outcome is there is owed.
    pub(super) fn answer_finished(&mut self) {
        while let Some(outcome) = self.replies.next_outcome_now() {
            self.answer_first(outcome);
        }
    }

    /// Waits until nothing of this session is in flight: what is read now has to see its writes.
    pub(super) async fn await_in_flight(&mut self) {
        while self.replies.has_in_flight() {
            let outcome = self.replies.next_outcome().await;
            self.answer_first(outcome);
        }
    }

    /// Answers the oldest block in flight.
    pub(super) fn answer_first(&mut self, outcome: BlockOutcome) {
        let Some((parts, behind)) = self.replies.take_first() else { return };
        let style = Style::of(self.session.settings());
        let out = &mut self.socket.output;
        if let Some(report) = write_parts(out, &mut parts.into_iter(), outcome, style) {
            report.write_error(out);
        }
        out.extend_from_slice(&behind);
        self.has_whole_answer = true;
    }
}

/// Writes the parts up to the one that failed, if one did; gives the error and leaves the rest.
fn write_parts(
    out: &mut BytesMut,
    parts: &mut impl Iterator<Item = Part>,
    outcome: BlockOutcome,
    style: Style,
) -> Option<Report> {
    let BlockOutcome { answers, error, .. } = outcome;
    let mut answers = answers.into_iter();
    for part in parts {
        match part {
            Part::Bytes(bytes) => out.extend_from_slice(&bytes),
            Part::LastTag(tag) if error.is_none() => backend::command_complete(out, &tag),
            Part::LastTag(_) | Part::Replaced(_) => {}
            Part::Held(held) => match answers.next() {
                Some(answer) => {
                    let fails =
                        error.is_some() && held.protocol == ReplyProtocol::Simple { is_last: true };
                    if let Err(report) = write_answer(out, &held, &answer, style) {
                        return Some(report);
                    }
                    if !fails {
                        backend::command_complete(out, &answer.tag());
                    }
                }
                None => return Some(error.map_or_else(unanswered, Report::from)),
            },
        }
    }
    error.map(Report::from)
}

fn unanswered() -> Report {
    sql::Error::new(sql::Fault::Internal, "a held write has no answer").into()
}

/// Writes what comes before the command tag.
fn write_answer(
    out: &mut BytesMut,
    held: &HeldReply,
    answer: &WriteAnswer,
    style: Style,
) -> Result<(), Report> {
    let columns = held.prepared.as_ref().and_then(Prepared::columns);
    if let (Some(rows), Some(columns)) = (&answer.rows, columns) {
        if held.protocol != ReplyProtocol::Extended {
            backend::row_description(out, columns, &held.formats);
        }
        write_rows(out, rows, columns, held, style)?;
    }
    Ok(())
}

fn write_rows(
    out: &mut BytesMut,
    rows: &sql::arrow::record_batch::RecordBatch,
    columns: &[Column],
    held: &HeldReply,
    style: Style,
) -> Result<(), Report> {
    let writer = RowWriter::new(columns, &held.formats, style);
    let reader = writer.read(rows)?;
    for row in 0..rows.num_rows() {
        writer.write_row(out, &reader, row)?;
    }
    Ok(())
}
