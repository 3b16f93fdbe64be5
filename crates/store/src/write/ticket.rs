//! The caller's end of a submitted group.

use crate::CommitError;
use futures::channel::oneshot;
use ledger::Event;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What a draft came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It happened: this is its event.
    Committed(Arc<Event>),
    /// It had happened before, with the same content: this is the original's event.
    Replayed(Arc<Event>),
    /// A change of an account that was so already.
    Unchanged,
    /// It conflicts, and was to be left out then ([`crate::Terms::skip_conflicts`]).
    Skipped,
}

pub(crate) type GroupResult = Result<Vec<Outcome>, CommitError>;
pub(crate) type Reply = oneshot::Sender<GroupResult>;

/// A group on its way. It is decided and staged already: dropping the ticket does not undo it.
#[derive(Debug)]
pub struct Ticket {
    receiver: oneshot::Receiver<GroupResult>,
    refused: bool,
}

impl Ticket {
    pub(crate) fn new() -> (Reply, Ticket) {
        let (sender, receiver) = oneshot::channel();
        (sender, Ticket { receiver, refused: false })
    }

    pub(crate) fn answered(result: GroupResult) -> Ticket {
        let (sender, ticket) = Ticket::new();
        // The receiver is alive: it is in the ticket.
        let _ = sender.send(result);
        ticket
    }

    pub(crate) fn refuse(&mut self) {
        self.refused = true;
    }

    /// Whether the rules said no: nothing of the group will be committed. Why is told, as always,
    /// once all that rests on is durable; but who sends groups that build on each other can stop.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Blocks until the outcome is known. For callers without an async runtime.
    pub fn wait(self) -> Result<Vec<Outcome>, CommitError> {
        futures::executor::block_on(self)
    }
}

impl Future for Ticket {
    type Output = Result<Vec<Outcome>, CommitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // A dropped sender means that a thread of the store is gone: nobody knows the outcome.
        Pin::new(&mut self.receiver)
            .poll(context)
            .map(|result| result.unwrap_or(Err(CommitError::OutcomeUnknown)))
    }
}
