//! Staging: the one short store-wide step. It gives lsn and time, and appends to the next cycle.

use super::in_flight::InFlight;
use super::ticket::Reply;
use crate::log::record::{EncodedEvent, open_frame};
use crate::projection::Projections;
use crate::{CommitError, Outcome};
use ledger::{AccountPath, AssetId, BookName, Event, EventBody, Lsn, Seq, Timestamp};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// A draft's result before it may be told.
#[derive(Debug)]
pub(crate) enum Pending {
    /// An event of this group's frame.
    New(Arc<Event>),
    /// The original of a transaction that is sent again.
    ReplayedTransaction(Arc<Event>),
    ReplayedAccount {
        book: BookName,
        path: AccountPath,
    },
    ReplayedAsset(AssetId),
    Unchanged,
    Skipped,
}

/// Something that waits for its cycle to be durable.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A frame of the cycle, and what to tell its caller.
    Frame {
        events: Vec<Arc<Event>>,
        outcomes: Vec<Pending>,
        in_flight: Vec<(Arc<InFlight>, usize)>,
        reply: Reply,
    },
    /// An answer that rests on something staged: told only when that is durable.
    Answer { result: Result<Vec<Pending>, CommitError>, reply: Reply },
}

/// What the log thread writes and syncs at once.
#[derive(Debug, Default)]
pub(crate) struct Cycle {
    /// Payloads of the frames, end to end, without their `durable` marks.
    pub(crate) payloads: Vec<u8>,
    /// Where each payload ends.
    pub(crate) ends: Vec<usize>,
    pub(crate) first_lsn: Option<Lsn>,
    pub(crate) last_lsn: Lsn,
    pub(crate) entries: Vec<Entry>,
}

impl Cycle {
    pub(crate) fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.payloads[start..*end])
    }
}

/// Whether the log takes more.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Intake {
    Open,
    /// Refuses everything with this error.
    Closed(CommitError),
}

#[derive(Debug)]
struct Inner {
    next_lsn: Lsn,
    last_at: Timestamp,
    cycle: Cycle,
    /// Events that are staged and not yet published, without a gap: readers cannot see them, but
    /// what is decided next may rest on them.
    unpublished: VecDeque<Arc<Event>>,
    intake: Intake,
    /// The log thread waits for work: only then must it be woken.
    log_thread_waits: bool,
    /// Groups in a row that were staged when all before them was published.
    lone_groups: u32,
    /// Buffers of an earlier cycle, to be filled again: fresh memory costs more than the bytes.
    spare: Option<(Vec<u8>, Vec<usize>)>,
}

impl Inner {
    fn head(&self) -> Lsn {
        Lsn(self.next_lsn.0 - 1)
    }

    fn wake(&self) -> Wake {
        Wake { is_due: self.log_thread_waits, lone_groups: 0 }
    }
}

/// An event that was decided and waits for its place.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) book: BookName,
    pub(crate) seq: Seq,
    pub(crate) body: EventBody,
    pub(crate) encoded: EncodedEvent,
}

/// Whether the log thread waits for work, now that there is some. To be given to
/// [`Staging::wake`], sooner or later.
#[derive(Debug, Clone, Copy, Default)]
#[must_use = "the log thread may be waiting"]
pub(crate) struct Wake {
    is_due: bool,
    lone_groups: u32,
}

impl Wake {
    pub(crate) fn or(self, other: Wake) -> Wake {
        Wake { is_due: self.is_due || other.is_due, lone_groups: 0 }
    }

    /// Whether the log thread sleeps, and this many groups in a row found nothing else under way:
    /// one caller commits, waits, and commits again.
    pub(crate) fn is_for_lone_caller(self, groups: u32) -> bool {
        self.is_due && self.lone_groups >= groups.max(1)
    }
}

/// Where the past up to a moment is that does not change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    Published,
    /// Some of it is on its way to the disk.
    InFlight,
}

/// Larger buffers are not kept: they were for one large frame.
const SPARE_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

pub(crate) struct Staging {
    inner: Mutex<Inner>,
    work: Condvar,
    clock: Clock,
}

impl std::fmt::Debug for Staging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Staging").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Staging {
    pub(crate) fn new(head: Lsn, last_at: Timestamp, clock: Clock) -> Self {
        Staging {
            inner: Mutex::new(Inner {
                next_lsn: head.next(),
                last_at,
                cycle: Cycle::default(),
                unpublished: VecDeque::new(),
                intake: Intake::Open,
                log_thread_waits: false,
                lone_groups: 0,
                spare: None,
            }),
            work: Condvar::new(),
            clock,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("a panic while staging is a bug that must not be written past")
    }

    /// The last event that is staged.
    pub(crate) fn head(&self) -> Lsn {
        self.inner().head()
    }

    /// The staging area if it takes more; otherwise the reply is told why not.
    fn open_intake(&self, reply: Reply) -> Option<(MutexGuard<'_, Inner>, Reply)> {
        let inner = self.inner();
        match &inner.intake {
            Intake::Open => Some((inner, reply)),
            Intake::Closed(error) => {
                // A caller that went away does not need its answer.
                let _ = reply.send(Err(error.clone()));
                None
            }
        }
    }

    /// Gives a decided group its place in the log and puts it into the next cycle.
    ///
    /// The caller holds the locks of all books concerned, so that nothing else is decided on them
    /// before `place` has taken the events into their state. `check_head` may still refuse: it is
    /// asked with the last event before the group, when nothing can come in between any more.
    pub(crate) fn stage(
        &self,
        decided: Vec<Decided>,
        in_flight: Vec<(Arc<InFlight>, usize)>,
        outcomes: impl FnOnce(&[Arc<Event>]) -> Vec<Pending>,
        check_head: impl FnOnce(Lsn) -> Result<(), CommitError>,
        reply: Reply,
        place: impl FnOnce(&[Arc<Event>]),
    ) -> Wake {
        let Some((mut inner, reply)) = self.open_intake(reply) else { return Wake::default() };
        if let Err(error) = check_head(inner.head()) {
            // It rests on what is staged already, as every answer does that says no.
            inner.cycle.entries.push(Entry::Answer { result: Err(error), reply });
            return inner.wake();
        }
        let at = (self.clock)().max(Timestamp(inner.last_at.0.saturating_add(1)));
        inner.last_at = at;
        let first = inner.next_lsn;
        let Inner { cycle, .. } = &mut *inner;
        let encoded = decided.iter().map(|event| &event.encoded);
        open_frame(&mut cycle.payloads, at, first, encoded);
        cycle.ends.push(cycle.payloads.len());
        let events: Vec<Arc<Event>> = decided
            .into_iter()
            .zip((first.0..).map(Lsn))
            .map(|(event, lsn)| {
                let Decided { book, seq, body, .. } = event;
                Arc::new(Event { lsn, book, seq, at, body })
            })
            .collect();
        let last = events.last().expect("a group that stages has events").lsn;
        cycle.first_lsn.get_or_insert(first);
        cycle.last_lsn = last;
        for (bytes_of, bytes) in &in_flight {
            bytes_of.add(*bytes);
        }
        let outcomes = outcomes(&events);
        cycle.entries.push(Entry::Frame { events: events.clone(), outcomes, in_flight, reply });
        inner.next_lsn = last.next();
        inner.lone_groups = match inner.unpublished.is_empty() {
            true => inner.lone_groups.saturating_add(1),
            false => 0,
        };
        inner.unpublished.extend(events.iter().cloned());
        let wake = Wake { lone_groups: inner.lone_groups, ..inner.wake() };
        drop(inner);
        place(&events);
        wake
    }

    /// A staged event that is not published yet.
    pub(crate) fn unpublished_event(&self, lsn: Lsn) -> Option<Arc<Event>> {
        let inner = self.inner();
        let first = inner.unpublished.front()?.lsn;
        let index = usize::try_from(lsn.0.checked_sub(first.0)?).ok()?;
        inner.unpublished.get(index).cloned()
    }

    /// Sees to it that nothing more is recorded at `at` or before: from then on the past up to
    /// `at` does not change. Says whether some of that past is not published yet; `None` if `at`
    /// has not come.
    pub(crate) fn settle(&self, at: Timestamp) -> Option<Settled> {
        let mut inner = self.inner();
        if at > (self.clock)().max(inner.last_at) {
            return None;
        }
        inner.last_at = inner.last_at.max(at);
        let in_flight = inner.unpublished.front().is_some_and(|event| event.at <= at);
        Some(if in_flight { Settled::InFlight } else { Settled::Published })
    }

    /// Takes note that readers can see everything up to here.
    pub(crate) fn forget_published(&self, cut: Lsn) {
        let mut inner = self.inner();
        let count = inner.unpublished.partition_point(|event| event.lsn <= cut);
        inner.unpublished.drain(..count);
    }

    /// Puts an answer behind everything staged so far.
    pub(crate) fn answer_after_staged(
        &self,
        result: Result<Vec<Pending>, CommitError>,
        reply: Reply,
    ) -> Wake {
        let Some((mut inner, reply)) = self.open_intake(reply) else { return Wake::default() };
        inner.cycle.entries.push(Entry::Answer { result, reply });
        inner.wake()
    }

    /// Wakes the log thread, if it waited when something was staged for it.
    pub(crate) fn wake(&self, wake: Wake) {
        if wake.is_due {
            self.work.notify_one();
        }
    }

    /// Waits for work; `false` once the intake is closed and all is taken.
    pub(crate) fn wait_for_work(&self) -> bool {
        let mut inner = self.inner();
        loop {
            if !inner.cycle.entries.is_empty() {
                return true;
            }
            if inner.intake != Intake::Open {
                return false;
            }
            inner.log_thread_waits = true;
            inner = self
                .work
                .wait(inner)
                .expect("a panic while staging is a bug that must not be written past");
            inner.log_thread_waits = false;
        }
    }

    /// What is staged, if anything. To be asked by whoever may write it: what is taken first has
    /// to be written first.
    pub(crate) fn take_cycle(&self) -> Option<Cycle> {
        let mut inner = self.inner();
        if inner.cycle.entries.is_empty() {
            return None;
        }
        let (payloads, ends) = inner.spare.take().unwrap_or_default();
        let entries = Vec::with_capacity(inner.cycle.entries.len());
        let next = Cycle { payloads, ends, entries, ..Cycle::default() };
        Some(std::mem::replace(&mut inner.cycle, next))
    }

    /// Takes back the buffers of a cycle that is written.
    pub(crate) fn give_back(&self, mut payloads: Vec<u8>, mut ends: Vec<usize>) {
        if payloads.capacity() <= SPARE_BYTES_MAX {
            payloads.clear();
            ends.clear();
            self.inner().spare = Some((payloads, ends));
        }
    }

    /// Refuses everything from now on with `error`; the first reason stays.
    pub(crate) fn close(&self, error: CommitError) {
        let mut inner = self.inner();
        if inner.intake == Intake::Open {
            inner.intake = Intake::Closed(error);
        }
        drop(inner);
        self.work.notify_all();
    }

    /// Whether the disk has failed: then nothing more is to be written, caches included.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(
            self.inner().intake,
            Intake::Closed(CommitError::Stopped { .. } | CommitError::DiskFull { .. })
        )
    }

    /// After a disk failure: refuses everything, whatever the intake was closed for, and gives
    /// back what was staged and never written.
    pub(crate) fn stop(&self, error: CommitError) -> Cycle {
        let mut inner = self.inner();
        inner.intake = Intake::Closed(error);
        // The log thread ends, and with it the publisher, whoever met the failure.
        self.work.notify_all();
        std::mem::take(&mut inner.cycle)
    }
}

/// A group's outcomes, once everything they name is published.
pub(crate) fn tell(outcomes: Vec<Pending>, projections: &Projections) -> Vec<Outcome> {
    const PUBLISHED: &str = "an original is published before its replay is answered";
    outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Pending::New(event) => Outcome::Committed(event),
            Pending::ReplayedTransaction(event) => Outcome::Replayed(event),
            Pending::ReplayedAccount { book, path } => {
                let original = projections.book(book.as_str()).and_then(|projection| {
                    projection.with_account(path.as_str(), |account| account.opening_event(&book))
                });
                Outcome::Replayed(Arc::new(original.expect(PUBLISHED)))
            }
            Pending::ReplayedAsset(asset) => {
                Outcome::Replayed(projections.asset_event(&asset).expect(PUBLISHED))
            }
            Pending::Unchanged => Outcome::Unchanged,
            Pending::Skipped => Outcome::Skipped,
        })
        .collect()
}
