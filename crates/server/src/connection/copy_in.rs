//! COPY … FROM STDIN: the client's data between CopyInResponse and CopyDone.
//!
//! Invariant: nothing is written before CopyDone, and in a pipeline not before its Sync; unless the
//! statement asked to commit in pieces.

use super::copy_stream::CopyStream;
use super::extended::HeldWrite;
use super::{Connection, Failure, Mode};
use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::Frontend;
use sql::CopyIn;

/// What started a COPY, and so what an error in it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyProtocol {
    Simple,
    Extended,
}

impl Connection {
    pub(super) fn begin_copy(&mut self, copy: Box<CopyIn>, protocol: CopyProtocol) {
        let copy = CopyStream::new(copy);
        copy.write_response(&mut self.socket.output);
        self.mode = Mode::Copying { copy, protocol };
    }

    pub(super) async fn dispatch_during_copy(
        &mut self,
        frontend: Frontend<'_>,
    ) -> Result<(), Failure> {
        let Mode::Copying { copy, protocol } = &mut self.mode else { return Ok(()) };
        let protocol = *protocol;
        match frontend {
            Frontend::CopyData(bytes) => copy.push(bytes).await.map_err(Failure::from),
            Frontend::CopyDone => match std::mem::replace(&mut self.mode, Mode::Ready) {
                Mode::Copying { copy, .. } => self.copy_done(copy, protocol).await,
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

    async fn copy_done(&mut self, copy: CopyStream, protocol: CopyProtocol) -> Result<(), Failure> {
        let copy = copy.complete().await?;
        match protocol {
            CopyProtocol::Simple => {
                let tag = self.session.finish_copy(*copy).await?;
                self.send_notices();
                self.complete(&tag);
                self.ready_for_query();
            }
            CopyProtocol::Extended => {
                self.is_inside_pipeline = true;
                self.held = Some(HeldWrite::copy(copy));
            }
        }
        Ok(())
    }
}
