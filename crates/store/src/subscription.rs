//! Following the log: whole frames, up to the cut, never in a writer's way.
//!
//! A subscription reads what is published; it holds a position, not a place in a queue, so a slow
//! reader costs the writers nothing and can never fall off.

use crate::projection::Projections;
use futures::Stream;
use ledger::{BookName, Event, Lsn, Seq, Timestamp};
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
}

impl Subscription {
    pub(crate) fn new(
        projections: Arc<Projections>,
        wakers: Arc<Wakers>,
        following: Following,
    ) -> Self {
        Subscription { projections, wakers, following }
    }

    /// The next frame if it is published already.
    pub fn try_next(&mut self) -> Option<Frame> {
        let cut = self.projections.cut();
        match &mut self.following {
            Following::All { from } => {
                let mut lsn = Lsn(from.0.max(1));
                let frame = collect_frame(|| {
                    let event = (lsn <= cut).then(|| self.projections.event_at(lsn)).flatten();
                    lsn = lsn.next();
                    event
                })?;
                *from = frame.events.last()?.lsn.next();
                Some(frame)
            }
            Following::Book { book, from } => {
                let mut seq = Seq(from.0.max(1));
                let frame = collect_frame(|| {
                    let event = self.projections.event(book.as_str(), seq);
                    seq = seq.next();
                    event.filter(|event| event.lsn <= cut)
                })?;
                *from = frame.events.last()?.seq.next();
                Some(frame)
            }
        }
    }
}

/// Takes events while they belong to the same frame, which is to say share its time.
fn collect_frame(mut next: impl FnMut() -> Option<Arc<Event>>) -> Option<Frame> {
    let first = next()?;
    let at = first.at;
    let mut events = vec![first];
    while let Some(event) = next().filter(|event| event.at == at) {
        events.push(event);
    }
    Some(Frame { at, events })
}

impl Stream for Subscription {
    type Item = Frame;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Frame>> {
        if let Some(frame) = self.try_next() {
            return Poll::Ready(Some(frame));
        }
        // Register first, look again after: a frame published in between is not missed.
        let closed = self.wakers.register(context.waker());
        match self.try_next() {
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
