//! Opening a ledger: the lock, the checkpoint, the log behind it.
//!
//! Owns the order of these steps. What a checkpoint holds is taken over without a second look at
//! the log before it (`verify` does that); what the log holds behind it is audited, event by event.

use crate::embedded::spawn;
use crate::history::checkpointer::Checkpoints;
use crate::history::{History, Part, RegisteredAsset};
use crate::log::recovery::{Checkpoint, Recovered, Replay, ReplayError, Segments};
use crate::log::{lock, settled};
use crate::projection::{AccountRecord, Projections};
use crate::storage::StorageLock;
use crate::write::{Books, Names, Past};
use crate::{OpenError, Options};
use ledger::{Account, Auditor, BookName, BookState, Event, EventBody, Lsn, Timestamp, Uuid};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A ledger whose log is read and durable, and that nobody writes yet.
pub(crate) struct Opened {
    pub(crate) lock: Box<dyn StorageLock>,
    pub(crate) books: Books,
    pub(crate) projections: Arc<Projections>,
    pub(crate) checkpoints: Arc<Checkpoints>,
    pub(crate) history_threads: Vec<JoinHandle<()>>,
    pub(crate) recovered: Recovered,
    /// The latest time that was promised to readers before.
    pub(crate) settled: Option<Timestamp>,
}

pub(crate) fn open(dir: &Path, options: &Options) -> Result<Opened, OpenError> {
    let storage = &options.storage;
    storage
        .create_dir_durable(dir)
        .map_err(|source| OpenError::Io { what: format!("creating {}", dir.display()), source })?;
    let lock = lock::acquire(&**storage, dir)?;
    let settled = settled::read(&**storage, dir)?;
    let segments = Segments::list(storage.clone(), dir)?;
    let store = match segments.store()? {
        Some(store) => store,
        None => Uuid::now_v7().to_string(),
    };
    let history = History::open(
        storage.clone(),
        dir,
        &store,
        segments.files().clone(),
        options.history_limits(),
    )
    .map_err(|source| OpenError::Io {
        what: format!("opening the parts in {}", dir.display()),
        source,
    })?;
    let records = load_parts(&history);
    let books = Books::default();
    let checkpoint = checkpoint(&history);
    let projections = Arc::new(Projections::new(history));
    restore(records, &books, &projections);
    let checkpoints = Arc::new(Checkpoints::new(options.checkpoint_policy()));
    let history_threads = history_threads(&checkpoints, &projections)?;
    let mut replaying = Replaying {
        books: &books,
        projections: &projections,
        checkpoints: &checkpoints,
        auditors: HashMap::new(),
    };
    let recovered = segments.recover(dir, store, options.segment_bytes, checkpoint, &mut replaying);
    match recovered {
        Ok(recovered) => {
            projections.publish(recovered.head);
            Ok(Opened {
                lock,
                books,
                projections,
                checkpoints,
                history_threads,
                recovered,
                settled,
            })
        }
        Err(error) => {
            checkpoints.stop();
            history_threads.into_iter().for_each(|thread| drop(thread.join()));
            Err(error)
        }
    }
}

fn history_threads(
    checkpoints: &Arc<Checkpoints>,
    projections: &Arc<Projections>,
) -> Result<Vec<JoinHandle<()>>, OpenError> {
    let (of_checkpointer, of_merger) = (checkpoints.clone(), checkpoints.clone());
    let (for_checkpointer, for_merger) = (projections.clone(), projections.clone());
    Ok(vec![
        spawn("tallybook-checkpoint", move || of_checkpointer.run_checkpointer(&for_checkpointer))?,
        spawn("tallybook-merge", move || of_merger.run_merger(&for_merger))?,
    ])
}

/// What the parts hold of accounts, newest record of each, and of assets.
#[derive(Default)]
struct Records {
    accounts: BTreeMap<BookName, BTreeMap<String, AccountRecord>>,
    assets: Vec<Arc<Event>>,
}

/// Takes over the parts as far as they belong to this log and can be read. The first that does not
/// is dropped with all behind it: that costs the time to read the log from there.
fn load_parts(history: &History) -> Records {
    let mut records = Records::default();
    for part in history.chain().parts() {
        history.log.positions.restore(part.positions());
        let problem = if !history.log.has_end(part.last(), &part.end()) {
            Some("it is not of this log".to_owned())
        } else {
            take_accounts(part, &mut records).err().map(|error| error.to_string())
        };
        if let Some(problem) = problem {
            tracing::warn!(first = part.first().0, problem, "dropping a part and all behind it");
            history.log.positions.forget(part.first());
            history.cut_off(part.first());
            // Its accounts may be half read: once more, up to it.
            return load_parts_again(history);
        }
        records.assets.extend(part.assets().iter().map(registration));
    }
    records
}

fn load_parts_again(history: &History) -> Records {
    history.log.positions.forget(Lsn(0));
    load_parts(history)
}

fn take_accounts(part: &Arc<Part>, records: &mut Records) -> std::io::Result<()> {
    for record in part.accounts()? {
        let record = record?;
        let accounts = records.accounts.entry(record.book.clone()).or_default();
        accounts.insert(record.opening.path.as_str().to_owned(), record);
    }
    Ok(())
}

/// The event that registered an asset, made again.
fn registration((asset, lsn, seq, at): &RegisteredAsset) -> Arc<Event> {
    Arc::new(Event {
        lsn: *lsn,
        book: BookName::system(),
        seq: *seq,
        at: *at,
        body: EventBody::AssetRegistered(asset.clone()),
    })
}

/// Where the log goes on behind the parts.
fn checkpoint(history: &History) -> Option<Checkpoint> {
    let chain = history.chain();
    let part = chain.parts().last()?;
    let end = part.end();
    Some(Checkpoint {
        last: part.last(),
        last_at: part.last_at(),
        segment: end.segment,
        offset: end.offset,
    })
}

fn restore(records: Records, books: &Books, projections: &Projections) {
    for event in records.assets {
        if let EventBody::AssetRegistered(asset) = &event.body {
            books.restore_asset(asset.clone());
        }
        projections.restore_asset(event);
    }
    let mut states = Vec::with_capacity(records.accounts.len());
    for (name, accounts) in records.accounts {
        let mut restored = Vec::with_capacity(accounts.len());
        for record in accounts.into_values() {
            restored.push(account_of(&record));
            projections.restore_account(record);
        }
        states.push((name, restored));
    }
    for projection in projections.books() {
        projection.finish_restoring();
        let accounts = match states.binary_search_by(|(name, _)| name.cmp(&projection.name)) {
            Ok(index) => std::mem::take(&mut states[index].1),
            Err(_) => Vec::new(),
        };
        let state = BookState::restore(projection.head(), accounts)
            .expect("sums of a checksummed part were within bounds when it was made");
        books.restore(projection.name.clone(), state, projections.cut());
    }
}

fn account_of(record: &AccountRecord) -> Account {
    let mut account = Account::open(record.opening.clone());
    if let Some(state) = record.states.last() {
        account.min_balance = state.min_balance;
        account.metadata = state.metadata.clone();
        account.closed = state.closed;
    }
    account.totals = record.totals;
    account
}

/// Audits what recovery reads, and takes it into books and projections.
struct Replaying<'a> {
    books: &'a Books,
    projections: &'a Projections,
    checkpoints: &'a Checkpoints,
    auditors: HashMap<BookName, Auditor>,
}

impl Replay for Replaying<'_> {
    fn event(&mut self, event: &Arc<Event>) -> Result<(), ReplayError> {
        let mut past = Past::default();
        if let Some(names) = Names::of_event(event) {
            let event_at = |lsn| self.projections.event_at(lsn);
            past.look_up(names, self.projections, event_at).map_err(ReplayError::Read)?;
        }
        let (books, auditors) = (self.books, &mut self.auditors);
        books
            .replay(event, |state, assets| {
                let auditor = auditors
                    .entry(event.book.clone())
                    .or_insert_with(|| Auditor::resume(state, assets));
                auditor.check(event, &past)
            })
            .map_err(|finding| ReplayError::Finding(finding.to_string()))?;
        self.projections.history.keys.insert_names_of(event);
        self.projections.apply(event);
        Ok(())
    }

    fn durable(&mut self, lsn: Lsn) {
        self.projections.publish(lsn);
        self.checkpoints.consider(self.projections);
        self.checkpoints.wait_for_memory(self.projections);
    }
}
