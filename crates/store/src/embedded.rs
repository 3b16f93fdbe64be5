//! The door to the store: an open ledger.
//!
//! Owns the wiring of log, books, projections and threads, and their order at start and stop.

use crate::history::HistoryLimits;
use crate::history::checkpointer::{CheckpointPolicy, Checkpoints};
use crate::log::settled::SettledTime;
use crate::opening::{Opened, open};
use crate::projection::Projections;
use crate::storage::{Disk, Storage, StorageLock};
use crate::subscription::{Following, Subscription, Wakers};
use crate::write::{
    Books, CycleWriter, LogThread, LoneCaller, Publisher, Publishing, Settled, Staging, Ticket,
    WritePath, submit, submit_alone, submit_batch,
};
use crate::{
    CommitError, OpenError, Outcome, ReadError, StagedDecision, StagedWrites, Terms, View,
};
use ledger::{BookName, Draft, Lsn, Posting, PostingDraft, Timestamp, Uuid};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

/// Cycles that may be durable and not yet published: enough that a sync never waits for a reply.
const PUBLISH_QUEUE_CYCLES: usize = 4;

const MIB: u64 = 1024 * 1024;

/// How a ledger is opened. [`Options::default`] is right for production.
#[derive(Clone)]
pub struct Options {
    /// A segment of the log is sealed once it has this many bytes.
    pub segment_bytes: u64,
    /// The memory the ledger may use for history, in bytes: events that are not in a part yet, and
    /// those that are kept to be read fast. Accounts come on top: they are always in memory.
    pub memory_budget_bytes: u64,
    /// A checkpoint is made whenever this many events have been published since the last one.
    pub checkpoint_every_events: u64,
    /// How many transactions' idempotency keys and ids are kept in memory; the rest are found in
    /// the index on disk.
    pub idempotency_hot_cap: usize,
    /// What one book may have staged and not yet published before new groups answer
    /// [`CommitError::Busy`]. A group alone in its book is always admitted.
    pub in_flight_bytes_per_book_max: usize,
    /// Whether the first group of [`Ledger::submit_alone`] may go to the disk on its caller's
    /// thread already, instead of only when many in a row were alone. For tests, which are short.
    pub alone_from_the_first: bool,
    /// Where the files are. Tests put other disks here.
    pub storage: Arc<dyn Storage>,
    /// Reads the time. The log keeps its own time rising whatever this says.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            segment_bytes: 32 * MIB,
            memory_budget_bytes: 1024 * MIB,
            checkpoint_every_events: 100_000,
            idempotency_hot_cap: 500_000,
            in_flight_bytes_per_book_max: 4 * MIB as usize,
            alone_from_the_first: false,
            storage: Arc::new(Disk),
            clock: Arc::new(system_time),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("segment_bytes", &self.segment_bytes)
            .field("memory_budget_bytes", &self.memory_budget_bytes)
            .field("checkpoint_every_events", &self.checkpoint_every_events)
            .field("idempotency_hot_cap", &self.idempotency_hot_cap)
            .field("in_flight_bytes_per_book_max", &self.in_flight_bytes_per_book_max)
            .field("alone_from_the_first", &self.alone_from_the_first)
            .field("storage", &self.storage)
            .finish_non_exhaustive()
    }
}

/// How the memory budget is divided.
impl Options {
    /// Sealed events stay in memory while all events there take no more than an eighth. Parts in
    /// the making, merges, filters and buffers take about as much again, each.
    fn recent_bytes_max(&self) -> u64 {
        self.memory_budget_bytes / 8
    }

    /// At a third, writers are refused until parts were made: the last resort. Rows leave memory in
    /// chunks, so a budget cannot be held that has no room for a few of them.
    pub(crate) fn recent_bytes_limit(&self) -> u64 {
        (self.memory_budget_bytes / 3).max(32 * MIB)
    }

    /// All books together may have an eighth in flight.
    pub(crate) fn in_flight_bytes_max(&self) -> usize {
        usize::try_from(self.memory_budget_bytes / 8).unwrap_or(usize::MAX)
    }

    /// Filters may have an eighth; a transaction has two entries. Columns of sealed history that
    /// scans have read stay in memory as far as a quarter goes.
    pub(crate) fn history_limits(&self) -> HistoryLimits {
        HistoryLimits {
            hot_entries_max: self.idempotency_hot_cap.saturating_mul(2),
            filter_bytes_max: usize::try_from(self.memory_budget_bytes / 8).unwrap_or(usize::MAX),
            column_bytes_max: usize::try_from(self.memory_budget_bytes / 4).unwrap_or(usize::MAX),
        }
    }

    pub(crate) fn checkpoint_policy(&self) -> CheckpointPolicy {
        CheckpointPolicy {
            every_events: self.checkpoint_every_events.max(1),
            unsealed_bytes_max: self.memory_budget_bytes / 12,
            recent_bytes_max: self.recent_bytes_max(),
        }
    }
}

fn system_time() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

/// An open ledger. Cheap to clone; all clones are the same ledger.
///
/// Dropping the last clone shuts the ledger down.
#[derive(Debug, Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    books: Books,
    staging: Arc<Staging>,
    settled: SettledTime,
    lone_caller: LoneCaller,
    projections: Arc<Projections>,
    wakers: Arc<Wakers>,
    checkpoints: Arc<Checkpoints>,
    /// The log thread and the publisher.
    write_threads: Mutex<Vec<JoinHandle<()>>>,
    /// The checkpointer and the merger.
    history_threads: Mutex<Vec<JoinHandle<()>>>,
    /// Held until the threads have ended.
    _lock: Box<dyn StorageLock>,
}

impl Ledger {
    /// Opens the ledger in a directory, creating both if there is none.
    pub fn open(dir: impl AsRef<Path>) -> Result<Ledger, OpenError> {
        Self::open_with(dir, Options::default())
    }

    pub fn open_with(dir: impl AsRef<Path>, options: Options) -> Result<Ledger, OpenError> {
        let Opened { lock, books, projections, checkpoints, history_threads, recovered, settled } =
            open(dir.as_ref(), &options)?;
        let head = recovered.head;
        let last_at = settled.map_or(recovered.last_at, |time| time.max(recovered.last_at));
        let settled = SettledTime::new(options.storage.clone(), dir.as_ref(), settled);
        let staging = Arc::new(Staging::new(head, last_at, options.clock.clone()));
        let wakers = Arc::new(Wakers::default());
        let (sender, cycles) = mpsc::sync_channel(PUBLISH_QUEUE_CYCLES);
        let writer = CycleWriter::new(staging.clone(), recovered.writer, head);
        let writer = Arc::new(Mutex::new(writer));
        let publishing = Arc::new(Publishing {
            staging: staging.clone(),
            projections: projections.clone(),
            checkpoints: checkpoints.clone(),
            wakers: wakers.clone(),
        });
        let log_thread =
            LogThread { staging: staging.clone(), writer: writer.clone(), publisher: sender };
        let publisher = Publisher { cycles, publishing: publishing.clone() };
        let from_the_first = options.alone_from_the_first;
        let lone_caller = LoneCaller { writer, publishing, from_the_first };
        let write_threads = vec![
            spawn("tallybook-log", move || log_thread.run())?,
            spawn("tallybook-publisher", move || publisher.run())?,
        ];
        Ok(Ledger {
            inner: Arc::new(Inner {
                options,
                books,
                staging,
                settled,
                lone_caller,
                projections,
                wakers,
                checkpoints,
                write_threads: Mutex::new(write_threads),
                history_threads: Mutex::new(history_threads),
                _lock: lock,
            }),
        })
    }

    /// Decides and stages a group: all of it commits, as one frame, or none. Never waits for the
    /// disk; the ticket does.
    pub fn submit(&self, group: &[Draft]) -> Ticket {
        self.submit_on(group, &Terms::default())
    }

    /// [`Self::submit`] on terms: conflicts to step over, and books that must not have moved.
    pub fn submit_on(&self, group: &[Draft], terms: &Terms) -> Ticket {
        submit(self.inner.write_path(), group, terms)
    }

    /// [`Self::submit_on`] for a caller who has nothing else to do before the outcome. While it has
    /// the store for itself, its group goes to the disk and is published on its own thread, which
    /// spares the way through two others. That is handed to `block`, which has to run it at once:
    /// it waits for a sync, so who runs on an async runtime tells that there.
    pub fn submit_alone(
        &self,
        group: &[Draft],
        terms: &Terms,
        block: impl FnOnce(&dyn Fn()),
    ) -> Ticket {
        submit_alone(self.inner.write_path(), group, terms, &self.inner.lone_caller, block)
    }

    /// Decides the next draft of a block on the books as they stand, what others have in flight
    /// included, with what the block staged on top. Writes nothing: whether it still holds is
    /// decided again when the block commits. Costs as much as the draft, not as the block.
    ///
    /// # Errors
    /// As [`Self::submit`], with index 0. A rejection or a replay that rests on events not yet
    /// published is told only when they are.
    pub async fn decide_staged(
        &self,
        staged: &StagedWrites,
        draft: &Draft,
    ) -> Result<StagedDecision, CommitError> {
        // No lock is held while it waits.
        let decided = self.inner.write_path().decide_staged(staged, draft);
        decided.decision().await
    }

    /// Legs for a transaction that a block is still assembling: what can be told of them before
    /// it is whole. Each sees those before it.
    ///
    /// # Errors
    /// As [`Self::decide_staged`]; the index is that of the posting.
    pub async fn resolve_postings(
        &self,
        staged: &StagedWrites,
        book: &BookName,
        postings: &[PostingDraft],
    ) -> Result<Vec<Posting>, CommitError> {
        let resolved = self.inner.write_path().resolve_postings(staged, book, postings);
        resolved.postings().await
    }

    /// Commits a group of drafts over one or more books: all or nothing, in one frame. Waits for
    /// room while a book has too much in flight.
    pub async fn commit(&self, group: &[Draft]) -> Result<Vec<Outcome>, CommitError> {
        loop {
            match self.submit(group).await {
                Err(CommitError::Busy { book }) => self.wait_for_room(&book).await?,
                outcome => return outcome,
            }
        }
    }

    /// Resolves when it is worth submitting to a book again that answered [`CommitError::Busy`].
    ///
    /// # Errors
    /// [`CommitError::Busy`] again, if too many wait for the book already.
    pub async fn wait_for_room(&self, book: &BookName) -> Result<(), CommitError> {
        let Some(room) = self.inner.books.wait_for_room(book) else {
            return Err(CommitError::Busy { book: book.clone() });
        };
        // A book that is gone with the ledger answers when it is asked again.
        let _ = room.await;
        Ok(())
    }

    /// Submits many groups together, each standing alone; results are by position.
    pub fn batch(&self, groups: &[Vec<Draft>]) -> Vec<Ticket> {
        submit_batch(self.inner.write_path(), groups)
    }

    /// A time-ordered id for a new transaction (UUIDv7).
    pub fn new_tx_id(&self) -> Uuid {
        Uuid::now_v7()
    }

    /// The ledger as it stands now.
    pub fn view(&self) -> View {
        let projections = self.inner.projections.clone();
        let cut = projections.cut();
        View::new(projections, cut)
    }

    /// The ledger as it stood at an earlier cut. `None` if `lsn` is not published yet or lies
    /// inside a frame, where the ledger never stood.
    pub fn view_at(&self, lsn: Lsn) -> Result<Option<View>, ReadError> {
        let projections = self.inner.projections.clone();
        let cut = projections.cut();
        if lsn > cut {
            return Ok(None);
        }
        if lsn < cut && lsn > Lsn(0) {
            let events = projections.events_at(&[lsn, lsn.next()])?;
            if let [event, next] = &events[..]
                && event.at == next.at
            {
                return Ok(None);
            }
        }
        Ok(Some(View::new(projections, lsn)))
    }

    /// Whether `at` has come. If so, nothing is recorded at it or before from then on, so that the
    /// ledger [as it stood then](Self::view_as_of) is the same for ever.
    pub fn has_come(&self, at: Timestamp) -> bool {
        self.inner.staging.settle(at).is_some()
    }

    /// The ledger as it stood at a moment of recorded time: up to the last frame recorded at `at`
    /// or before. `None` if `at` has not come yet. What is on its way to the disk with an earlier
    /// time is waited for.
    ///
    /// # Errors
    /// If the disk cannot be read, or failed under what is waited for.
    pub async fn view_as_of(&self, at: Timestamp) -> Result<Option<View>, CommitError> {
        let staging = &self.inner.staging;
        match staging.settle(at) {
            None => return Ok(None),
            Some(Settled::Published) => {}
            Some(Settled::InFlight) => {
                let (reply, ticket) = Ticket::new();
                staging.wake(staging.answer_after_staged(Ok(Vec::new()), reply));
                ticket.await?;
            }
        }
        let projections = self.inner.projections.clone();
        let cut = projections.cut_at(at).map_err(CommitError::Read)?;
        if cut == projections.cut() {
            // No frame on the disk is later: a restart would not know that this time was read.
            self.inner.settled.keep(at).map_err(CommitError::Read)?;
        }
        Ok(Some(View::new(projections, cut)))
    }

    /// Follows all books or one, frame by frame.
    pub fn subscribe(&self, following: Following) -> Subscription {
        Subscription::new(self.inner.projections.clone(), self.inner.wakers.clone(), following)
    }

    /// Seals everything that is published now into parts, so that the next start need not read
    /// it from the log. Happens by itself too; waits until it is done.
    ///
    /// # Errors
    /// If no part could be made, says why. Nothing is lost by that: parts are caches.
    pub fn checkpoint(&self) -> Result<(), String> {
        self.inner.checkpoints.checkpoint(&self.inner.projections)
    }

    /// Waits until parts that are due to be merged are merged, or cannot be. Happens by itself;
    /// for who measures, or wants the directory at rest.
    pub fn wait_for_merges(&self) {
        self.inner.checkpoints.wait_for_merges();
    }

    /// Refuses new groups, finishes those in flight, closes the log, makes a last checkpoint.
    /// Reads go on. Idempotent.
    pub fn shutdown(&self) {
        self.inner.shutdown();
    }
}

impl Inner {
    fn write_path(&self) -> WritePath<'_> {
        let Inner { books, staging, projections, options, .. } = self;
        WritePath { books, staging, projections, options }
    }

    fn shutdown(&self) {
        self.staging.close(CommitError::ShuttingDown);
        if !join(&self.write_threads) {
            return;
        }
        self.checkpoints.end_merging();
        if self.staging.is_stopped() {
            // A disk that failed is left alone; the next start reads the log.
        } else if let Err(problem) = self.checkpoints.checkpoint(&self.projections) {
            tracing::warn!(problem, "no last checkpoint was made: the next start takes longer");
        }
        self.checkpoints.stop();
        join(&self.history_threads);
    }
}

/// Waits for threads to end; false if somebody else has done so before.
fn join(threads: &Mutex<Vec<JoinHandle<()>>>) -> bool {
    let mut threads = threads.lock().expect("nothing panics while it holds this lock");
    let running = !threads.is_empty();
    for thread in threads.drain(..) {
        // A panic there was reported when it happened, and writers were refused since.
        let _ = thread.join();
    }
    running
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shutdown();
    }
}

pub(crate) fn spawn(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|source| OpenError::Io { what: format!("starting thread {name}"), source })
}
