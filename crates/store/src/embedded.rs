//! The door to the store: an open ledger.
//!
//! Owns the wiring of log, books, projections and threads, and their order at start and stop.

use crate::log::lock;
use crate::log::recovery::{Recovered, recover};
use crate::projection::Projections;
use crate::storage::{Disk, Storage, StorageLock};
use crate::subscription::{Following, Subscription, Wakers};
use crate::write::{Books, LogThread, Outcome, Publisher, Staging, Ticket, submit};
use crate::{CommitError, OpenError, View};
use ledger::{Draft, Lsn, Timestamp, Uuid};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

/// Cycles that may be durable and not yet published: enough that a sync never waits for a reply.
const PUBLISH_QUEUE_CYCLES: usize = 4;

/// How a ledger is opened. [`Options::default`] is right for production.
#[derive(Clone)]
pub struct Options {
    /// A segment of the log is sealed once it has this many bytes.
    pub segment_bytes: u64,
    /// What one book may have staged and not yet published before new groups answer
    /// [`CommitError::Busy`]. A group alone in its book is always admitted.
    pub in_flight_bytes_per_book_max: usize,
    /// Where the files are. Tests put other disks here.
    pub storage: Arc<dyn Storage>,
    /// Reads the time. The log keeps its own time rising whatever this says.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            segment_bytes: 128 * 1024 * 1024,
            in_flight_bytes_per_book_max: 128 * 1024 * 1024,
            storage: Arc::new(Disk),
            clock: Arc::new(system_time),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("segment_bytes", &self.segment_bytes)
            .field("in_flight_bytes_per_book_max", &self.in_flight_bytes_per_book_max)
            .field("storage", &self.storage)
            .finish_non_exhaustive()
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
    projections: Arc<Projections>,
    wakers: Arc<Wakers>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Held until the threads have ended.
    _lock: Box<dyn StorageLock>,
}

impl Ledger {
    /// Opens the ledger in a directory, creating both if there is none.
    pub fn open(dir: impl AsRef<Path>) -> Result<Ledger, OpenError> {
        Self::open_with(dir, Options::default())
    }

    pub fn open_with(dir: impl AsRef<Path>, options: Options) -> Result<Ledger, OpenError> {
        let dir = dir.as_ref();
        options.storage.create_dir_durable(dir).map_err(|source| OpenError::Io {
            what: format!("creating {}", dir.display()),
            source,
        })?;
        let lock = lock::acquire(&*options.storage, dir)?;
        let books = Books::default();
        let projections = Arc::new(Projections::default());
        let Recovered { writer, head, last_at } = recover(
            options.storage.clone(),
            dir,
            options.segment_bytes,
            || Uuid::now_v7().to_string(),
            |event| {
                books.replay(event);
                projections.apply(event);
            },
        )?;
        projections.publish(head);
        let staging = Arc::new(Staging::new(head, last_at, options.clock.clone()));
        let wakers = Arc::new(Wakers::default());
        let (sender, cycles) = mpsc::sync_channel(PUBLISH_QUEUE_CYCLES);
        let log_thread =
            LogThread { staging: staging.clone(), writer, durable: head, publisher: sender };
        let publisher =
            Publisher { cycles, projections: projections.clone(), wakers: wakers.clone() };
        let threads = vec![
            spawn("tallybook-log", move || log_thread.run())?,
            spawn("tallybook-publisher", move || publisher.run())?,
        ];
        Ok(Ledger {
            inner: Arc::new(Inner {
                options,
                books,
                staging,
                projections,
                wakers,
                threads: Mutex::new(threads),
                _lock: lock,
            }),
        })
    }

    /// Decides and stages a group: all of it commits, as one frame, or none. Never waits for the
    /// disk; the ticket does.
    pub fn submit(&self, group: &[Draft]) -> Ticket {
        let Inner { books, staging, projections, options, .. } = &*self.inner;
        submit(books, staging, projections, options, group)
    }

    /// Commits a group of drafts over one or more books: all or nothing, in one frame.
    pub async fn commit(&self, group: &[Draft]) -> Result<Vec<Outcome>, CommitError> {
        self.submit(group).await
    }

    /// Submits many groups together, each standing alone; results are by position.
    pub fn batch(&self, groups: &[Vec<Draft>]) -> Vec<Ticket> {
        groups.iter().map(|group| self.submit(group)).collect()
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
    pub fn view_at(&self, lsn: Lsn) -> Option<View> {
        let projections = self.inner.projections.clone();
        let cut = projections.cut();
        if lsn > cut {
            return None;
        }
        if lsn < cut && lsn > Lsn(0) {
            let (at, next_at) =
                (projections.event_at(lsn)?.at, projections.event_at(lsn.next())?.at);
            if at == next_at {
                return None;
            }
        }
        Some(View::new(projections, lsn))
    }

    /// Follows all books or one, frame by frame.
    pub fn subscribe(&self, following: Following) -> Subscription {
        Subscription::new(self.inner.projections.clone(), self.inner.wakers.clone(), following)
    }

    /// Refuses new groups, finishes those in flight, closes the log. Reads go on. Idempotent.
    pub fn shutdown(&self) {
        self.inner.shutdown();
    }
}

impl Inner {
    fn shutdown(&self) {
        self.staging.close(CommitError::ShuttingDown);
        let mut threads = self.threads.lock().expect("nothing panics while it holds this lock");
        for thread in threads.drain(..) {
            // A panic there was reported when it happened, and writers were refused since.
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|source| OpenError::Io { what: format!("starting thread {name}"), source })
}
