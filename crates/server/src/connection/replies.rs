//! What a client is owed, in the order of its messages.
//!
//! Owns the order: behind a write whose outcome is not known yet, everything waits. Nothing here
//! decides what is answered; it only keeps each answer in its place.
//!
//! Invariants: replies leave in the order of the messages they answer, and what waits is bounded
//! in number and in bytes.

use crate::wire::backend::Format;
use bytes::BytesMut;
use futures::future::BoxFuture;
use sql::{BlockCommit, BlockOutcome, Prepared, Replaced};
use std::collections::VecDeque;
use std::fmt;

/// Commits that may be in flight on one connection.
const IN_FLIGHT_MAX: usize = 1_024;
/// Bytes of answers that may wait behind writes on one connection.
const WAITING_BYTES_MAX: usize = 256 * 1024;

/// A write whose answer is held until its block ends.
#[derive(Debug)]
pub(super) struct HeldReply {
    /// `None` for a COPY, which gives no rows.
    pub(super) prepared: Option<Prepared>,
    pub(super) formats: Vec<Format>,
    pub(super) protocol: ReplyProtocol,
}

/// How a write is answered, which the two protocols do differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplyProtocol {
    /// The columns are told before the rows. `is_last`: the write is the last statement of its
    /// Query, whose commit is part of it, so that it is not complete if that fails.
    Simple {
        is_last: bool,
    },
    Extended,
}

/// A piece of what one block is answered with.
#[derive(Debug)]
pub(super) enum Part {
    Bytes(BytesMut),
    Held(HeldReply),
    /// The command tag of a Query's last statement: it is complete with the commit behind it.
    LastTag(String),
    /// Named statements were prepared or closed here, which a write that failed before would have
    /// had skipped.
    Replaced(Vec<Replaced>),
}

/// A block that has ended for the client's messages and not for the disk.
pub(super) struct InFlight {
    pub(super) outcome: BoxFuture<'static, BlockOutcome>,
    pub(super) parts: Vec<Part>,
    /// ReadyForQuery and what was answered since.
    pub(super) behind: BytesMut,
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// Replies that wait, oldest first. What waits for nothing is in the socket's output already.
#[derive(Debug, Default)]
pub(super) struct Replies {
    in_flight: VecDeque<InFlight>,
    /// Of the implicit block that is being read: from its first held write on.
    open: Vec<Part>,
    /// Bytes of the open parts but the last.
    open_bytes: usize,
    waiting_bytes: usize,
}

impl Replies {
    /// Where the next reply is written.
    pub(super) fn tail<'a>(&'a mut self, output: &'a mut BytesMut) -> &'a mut BytesMut {
        if !self.open.is_empty() {
            if !matches!(self.open.last(), Some(Part::Bytes(_))) {
                push(&mut self.open, &mut self.open_bytes, Part::Bytes(BytesMut::new()));
            }
            if let Some(Part::Bytes(bytes)) = self.open.last_mut() {
                return bytes;
            }
        }
        match self.in_flight.back_mut() {
            Some(last) => &mut last.behind,
            None => output,
        }
    }

    pub(super) fn hold(&mut self, held: HeldReply) {
        push(&mut self.open, &mut self.open_bytes, Part::Held(held));
    }

    /// The last statement of a Query is done. `false` if nothing is held that its tag waits for.
    pub(super) fn hold_last_tag(&mut self, tag: &str) -> bool {
        if self.open.is_empty() {
            return false;
        }
        push(&mut self.open, &mut self.open_bytes, Part::LastTag(tag.to_owned()));
        true
    }

    /// Named statements have changed. That stands at once if no write is held.
    pub(super) fn hold_replaced(&mut self, replaced: Vec<Replaced>) {
        if !self.open.is_empty() && !replaced.is_empty() {
            push(&mut self.open, &mut self.open_bytes, Part::Replaced(replaced));
        }
    }

    /// Whether named statements have changed behind a held write.
    pub(super) fn holds_replaced(&self) -> bool {
        self.open.iter().any(|part| matches!(part, Part::Replaced(_)))
    }

    /// The last held write is answered by other means.
    pub(super) fn forget_last(&mut self) {
        self.open.pop();
    }

    /// What the open block is owed so far; it is answered now or never.
    pub(super) fn take_open(&mut self) -> Vec<Part> {
        self.open_bytes = 0;
        std::mem::take(&mut self.open)
    }

    /// The open block ends: its answers wait for its outcome.
    pub(super) fn commit_open(&mut self, commit: BlockCommit) {
        let parts = self.take_open();
        self.waiting_bytes += bytes_of(&parts);
        let outcome = Box::pin(commit.outcome());
        self.in_flight.push_back(InFlight { outcome, parts, behind: BytesMut::new() });
    }

    pub(super) fn has_in_flight(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// Whether no more may be taken on before something is answered.
    pub(super) fn is_full(&self) -> bool {
        let behind = self.in_flight.back().map_or(0, |last| last.behind.len());
        self.in_flight.len() >= IN_FLIGHT_MAX || self.waiting_bytes + behind > WAITING_BYTES_MAX
    }

    /// Whether the open block holds back more than it may.
    pub(super) fn holds_too_much(&self) -> bool {
        let last = self.open.last().map_or(0, Part::bytes);
        self.open_bytes + last > WAITING_BYTES_MAX
    }

    /// Waits for the oldest outcome. Safe to drop while it waits; pends for ever without one.
    pub(super) async fn next_outcome(&mut self) -> BlockOutcome {
        match self.in_flight.front_mut() {
            Some(first) => (&mut first.outcome).await,
            None => std::future::pending().await,
        }
    }

    /// The oldest outcome, if it is there.
    pub(super) fn next_outcome_now(&mut self) -> Option<BlockOutcome> {
        let first = self.in_flight.front_mut()?;
        futures::FutureExt::now_or_never(&mut first.outcome)
    }

    /// The block whose outcome was there.
    pub(super) fn take_first(&mut self) -> Option<(Vec<Part>, BytesMut)> {
        let InFlight { parts, behind, .. } = self.in_flight.pop_front()?;
        self.waiting_bytes -= bytes_of(&parts);
        Some((parts, behind))
    }
}

fn push(open: &mut Vec<Part>, open_bytes: &mut usize, part: Part) {
    *open_bytes += open.last().map_or(0, Part::bytes);
    open.push(part);
}

fn bytes_of(parts: &[Part]) -> usize {
    parts.iter().map(Part::bytes).sum()
}

impl Part {
    pub(super) fn into_replaced(self) -> Option<Vec<Replaced>> {
        match self {
            Part::Replaced(replaced) => Some(replaced),
            Part::Bytes(_) | Part::Held(_) | Part::LastTag(_) => None,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Part::Bytes(bytes) => bytes.len(),
            Part::Held(_) => size_of::<HeldReply>(),
            Part::LastTag(tag) => tag.len(),
            Part::Replaced(replaced) => size_of_val(replaced.as_slice()),
        }
    }
}
