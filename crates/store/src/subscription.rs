//! Following the log: whole frames, up to the cut, never in a writer's way.
//!
//! A subscription reads what is published; it holds a position, not a place in a queue, so a slow
//! reader costs the writers nothing and can never fall off.

use crate::ReadError;
use crate::projection::Projections;
use futures::Stream;
use ledger::{BookName, Event, Lsn, Seq, Timestamp};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// Where a subscription starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Following {
    /// Every book, from this lsn on.
    All { from: Lsn },
    /// One book, from this seq on. It need not exist yet.
    Book { book: BookName, from: Seq },
}

/// The events of one frame that a subscription follows, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub at: Timestamp,
    pub events: Vec<Arc<Event>>,
}

/// A stream of frames; it ends when the ledger has shut down and everything was read.
#[derive(Debug)]
pub struct Subscription {
    projections: Arc<Projections>,
    wakers: Arc<Wakers>,
    following: Following,
    /// Read and not given yet, from the position in `following` on.
    ahead: VecDeque<Arc<Event>>,
}

/// Events that are read at once, since they may have to come from the disk.
const READ_AHEAD: u64 = 256;

impl Subscription {
    pub(crate) fn new(
        projections: Arc<Projections>,
        wakers: Arc<Wakers>,
        following: Following,
    ) -> Self {
        Subscription { projections, wakers, following, ahead: VecDeque::new() }
    }

    /// The next frame if it is published already.
    pub fn try_next(&mut self) -> Result<Option<Frame>, ReadError> {
        let Some(first) = self.next_event(None)? else { return Ok(None) };
        let at = first.at;
        let mut events = vec![first];
        // Events of one frame share its time. A cut ends a frame, so all of it is published.
        while let Some(event) = self.next_event(Some(at))? {
            events.push(event);
        }
        Ok(Some(Frame { at, events }))
    }

    /// Takes the next published event, if its time is the given one.
    fn next_event(&mut self, at: Option<Timestamp>) -> Result<Option<Arc<Event>>, ReadError> {
        if self.ahead.is_empty() {
            self.read_ahead()?;
        }
        let wanted = self.ahead.front().is_some_and(|next| at.is_none_or(|at| next.at == at));
        if !wanted {
            return Ok(None);
        }
        let event = self.ahead.pop_front();
        match (&event, &mut self.following) {
            (Some(event), Following::All { from }) => *from = event.lsn.next(),
            (Some(event), Following::Book { from, .. }) => *from = event.seq.next(),
            (None, _) => {}
        }
        Ok(event)
    }

    fn read_ahead(&mut self) -> Result<(), ReadError> {
        let cut = self.projections.cut();
        let lsns = match &self.following {
            Following::All { from } => {
                let first = from.0.max(1);
                (first..=cut.0.min(first.saturating_add(READ_AHEAD - 1))).map(Lsn).collect()
            }
            Following::Book { book, from } => match self.projections.book(book.as_str()) {
                Some(book) => {
                    let first = from.0.max(1);
                    let seqs = first..=first.saturating_add(READ_AHEAD - 1);
                    let mut lsns = self.projections.lsns_of(&book, &seqs)?;
                    lsns.retain(|lsn| *lsn <= cut);
                    lsns
                }
                None => Vec::new(),
            },
        };
        if !lsns.is_empty() {
            self.ahead = self.projections.events_at(&lsns)?.into();
        }
        Ok(())
    }
}

impl Stream for Subscription {
    type Item = Result<Frame, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(frame) = self.try_next().transpose() {
            return Poll::Ready(Some(frame));
        }
        // Register first, look again after: a frame published in between is not missed.
        let closed = self.wakers.register(context.waker());
        match self.try_next().transpose() {
            Some(frame) => Poll::Ready(Some(frame)),
            None if closed => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

/// The subscribers that wait for the cut to move.
#[derive(Debug, Default)]
pub(crate) struct Wakers {
    waiting: Mutex<Vec<Waker>>,
    closed: AtomicBool,
}

impl Wakers {
    /// Whether no further frame will come; otherwise `waker` is woken when one does.
    fn register(&self, waker: &Waker) -> bool {
        let mut waiting = self.lock();
        if !waiting.iter().any(|known| known.will_wake(waker)) {
            waiting.push(waker.clone());
        }
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn wake(&self) {
        let woken = std::mem::take(&mut *self.lock());
        woken.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.wake();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.waiting.lock().expect("nothing panics while it holds this lock")
    }
}
