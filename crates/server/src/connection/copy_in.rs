//! COPY … FROM STDIN: the client's data between CopyInResponse and CopyDone.
//!
//! Invariant: nothing is written before CopyDone, and in a block not before its end; unless the
//! statement asked to commit in pieces.

use super::copy_stream::CopyStream;
use super::replies::{HeldReply, ReplyProtocol};
use super::{Connection, Failure, Mode};
use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::Frontend;
use sql::{Answer, CopyIn, Statement};
use std::collections::VecDeque;

/// What started a COPY, and so what an error in it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyProtocol {
    Simple,
    Extended,
}

impl Connection {
    /// Asks the client for its data. `rest` is what follows in the text of the Query.
    pub(super) fn begin_copy(
        &mut self,
        copy: Box<CopyIn>,
        protocol: CopyProtocol,
        rest: VecDeque<Statement>,
    ) -> Result<(), Failure> {
        if copy.commits_in_pieces() && rest.iter().any(|statement| statement.kind().is_write()) {
            return Err(CopyIn::pieces_in_block().into());
        }
        let copy = CopyStream::new(copy);
        copy.write_response(self.out());
        self.mode = Mode::Copying { copy, protocol, rest };
        Ok(())
    }

    pub(super) async fn dispatch_during_copy(
        &mut self,
        frontend: Frontend<'_>,
    ) -> Result<(), Failure> {
        let Mode::Copying { copy, protocol, .. } = &mut self.mode else { return Ok(()) };
        let protocol = *protocol;
        match frontend {
            Frontend::CopyData(bytes) => copy.push(bytes).await.map_err(Failure::from),
            Frontend::CopyDone => match std::mem::replace(&mut self.mode, Mode::Ready) {
                Mode::Copying { copy, rest, .. } => self.copy_done(copy, protocol, rest).await,
                _ => Ok(()),
            },
            Frontend::CopyFail(why) => {
                let why = format!("COPY from stdin failed: {why}");
                Err(copy.failed(Report::new(SqlState::QUERY_CANCELED, why)).await.into())
            }
            // Drivers send the Sync of their Execute before the data.
            Frontend::Flush | Frontend::Sync => Ok(()),
            _ => {
                let what = "unexpected message type during COPY from stdin";
                Err(copy.failed(Report::protocol_violation(what)).await.into())
            }
        }
    }

    async fn copy_done(
        &mut self,
        copy: CopyStream,
        protocol: CopyProtocol,
        rest: VecDeque<Statement>,
    ) -> Result<(), Failure> {
        let copy = copy.complete().await?;
        let answer = self.session.finish_copy(*copy).await?;
        self.send_notices();
        let protocol = match protocol {
            CopyProtocol::Simple => ReplyProtocol::Simple { is_last: rest.is_empty() },
            CopyProtocol::Extended => ReplyProtocol::Extended,
        };
        let reply = HeldReply { prepared: None, formats: Vec::new(), protocol };
        match answer {
            Answer::Written(answer) => self.answer_now(&reply, &answer)?,
            _ => self.replies.hold(reply),
        }
        match protocol {
            ReplyProtocol::Simple { .. } => self.run_text(rest).await,
            ReplyProtocol::Extended => {
                self.is_inside_pipeline = true;
                Ok(())
            }
        }
    }
}
