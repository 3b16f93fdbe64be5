//! Write, then sync, then reply: shown by a trace at the storage seam, because a SIGKILL forgives
//! a missing sync. And what happens when the disk says no.

use crate::fixture::*;
use futures::FutureExt as _;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use store::storage::{Disk, Storage, StorageFile, StorageLock};
use store::*;

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Created(String),
    DirSynced,
    Wrote(Vec<u8>),
    Synced,
    Acknowledged(String),
}

/// The real disk, with every step written down, and a switch that makes the next sync fail.
#[derive(Debug, Clone, Default)]
struct TracingDisk {
    steps: Arc<Mutex<Vec<Step>>>,
    fail_sync: Arc<AtomicBool>,
    /// Who asked for the newest sync.
    synced_by: Arc<Mutex<Option<ThreadId>>>,
}

impl TracingDisk {
    fn note(&self, step: Step) {
        self.steps.lock().unwrap().push(step);
    }

    fn wrap(&self, file: Box<dyn StorageFile>) -> Box<dyn StorageFile> {
        Box::new(TracingFile { file, disk: self.clone() })
    }
}

impl Storage for TracingDisk {
    fn create_dir_durable(&self, path: &Path) -> io::Result<()> {
        Disk.create_dir_durable(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        Disk.list(dir)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        self.note(Step::Created(path.file_name().unwrap().to_string_lossy().into_owned()));
        Ok(self.wrap(Disk.create(path)?))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        Ok(self.wrap(Disk.open(path)?))
    }
    fn open_to_read(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        Disk.open_to_read(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        Disk.sync_dir(path)?;
        self.note(Step::DirSynced);
        Ok(())
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn StorageLock>>> {
        Disk.try_lock(path)
    }
}

#[derive(Debug)]
struct TracingFile {
    file: Box<dyn StorageFile>,
    disk: TracingDisk,
}

impl StorageFile for TracingFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }
    fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(offset, bytes)
    }
    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.note(Step::Wrote(bytes.to_vec()));
        self.file.write_all_at(offset, bytes)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        if self.disk.fail_sync.load(Ordering::SeqCst) {
            return Err(io::Error::other("planted"));
        }
        self.file.sync_data()?;
        *self.disk.synced_by.lock().unwrap() = Some(std::thread::current().id());
        self.disk.note(Step::Synced);
        Ok(())
    }
}

/// Through the log thread always, or on the caller's own where that is idle.
type Way = fn(&Ledger, &[Draft]) -> Ticket;
const WAYS: [Way; 2] = [|ledger, group| ledger.submit(group), |ledger, group| alone(ledger, group)];

fn alone(ledger: &Ledger, group: &[Draft]) -> Ticket {
    ledger.submit_alone(group, &Terms::default(), |run| run())
}

fn traced(disk: &TracingDisk) -> Options {
    let storage = Arc::new(disk.clone());
    Options { storage, alone_from_the_first: true, ..Options::default() }
}

/// Says which acknowledgement in a trace came before its bytes were written and then synced.
fn early_acknowledgements(steps: &[Step]) -> Vec<String> {
    let mut early = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let Step::Acknowledged(key) = step else { continue };
        let needle = format!("\"{key}\"");
        let holds = |bytes: &[u8]| bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
        let before = &steps[..place];
        let written =
            before.iter().position(|step| matches!(step, Step::Wrote(bytes) if holds(bytes)));
        let durable = written.is_some_and(|at| before[at..].contains(&Step::Synced));
        if !durable {
            early.push(key.clone());
        }
    }
    early
}

#[test]
fn every_acknowledgement_follows_its_write_and_sync() {
    WAYS.into_iter().for_each(acknowledgements_follow_write_and_sync);
}

fn acknowledgements_follow_write_and_sync(way: Way) {
    let dir = tempfile::tempdir().unwrap();
    let disk = TracingDisk::default();
    let ledger = Ledger::open_with(dir.path(), traced(&disk)).unwrap();
    open_books(&ledger, &["a", "b"]);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (ledger, disk) = (&ledger, &disk);
            scope.spawn(move || {
                for index in 0..50 {
                    let key = format!("w{writer}-{index}");
                    let book = if index % 2 == 0 { "a" } else { "b" };
                    way(ledger, &[transfer(book, &key, "cash", "sales", 1)]).wait().unwrap();
                    disk.note(Step::Acknowledged(key));
                }
            });
        }
    });
    let steps = disk.steps.lock().unwrap().clone();
    let acknowledged = steps.iter().filter(|step| matches!(step, Step::Acknowledged(_))).count();
    assert_eq!(acknowledged, 200);
    assert_eq!(early_acknowledgements(&steps), Vec::<String>::new());

    // The planted bug: the same trace without its syncs must be caught.
    let unsynced: Vec<Step> = steps.iter().filter(|step| **step != Step::Synced).cloned().collect();
    assert_eq!(early_acknowledgements(&unsynced).len(), 200);

    // Whoever wrote what, it is one log.
    drop(ledger);
    let ledger = Ledger::open(dir.path()).unwrap();
    assert_eq!(balance(&ledger.view(), "a", "cash") + balance(&ledger.view(), "b", "cash"), 200);
}

#[test]
fn who_is_alone_syncs_for_itself_and_has_its_outcome_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let disk = TracingDisk::default();
    let ledger = Ledger::open_with(dir.path(), traced(&disk)).unwrap();
    open_books(&ledger, &["a"]);
    // The log thread may not have come to rest yet; it has at some time.
    for index in 0.. {
        let key = format!("k{index}");
        let ticket = alone(&ledger, &[transfer("a", &key, "cash", "sales", 1)]);
        let synced_by = *disk.synced_by.lock().unwrap();
        if synced_by == Some(std::thread::current().id()) {
            let outcome = ticket.now_or_never().expect("it is published too");
            assert!(matches!(outcome.as_deref(), Ok([Outcome::Committed(_)])));
            assert_eq!(balance(&ledger.view(), "a", "cash"), index + 1);
            return;
        }
        ticket.wait().unwrap();
    }
}

#[test]
fn a_new_segment_is_durable_by_name_before_anything_is_written_behind_its_header() {
    let dir = tempfile::tempdir().unwrap();
    let disk = TracingDisk::default();
    let options =
        Options { storage: Arc::new(disk.clone()), segment_bytes: 2_000, ..Options::default() };
    let ledger = Ledger::open_with(dir.path(), options).unwrap();
    open_books(&ledger, &["a"]);
    for index in 0..30 {
        sell(&ledger, "a", &format!("k{index}"), 1);
    }
    drop(ledger);
    let steps = disk.steps.lock().unwrap().clone();
    let created = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| matches!(step, Step::Created(name) if name.starts_with("segment-")));
    let mut count = 0;
    for (place, _) in created {
        count += 1;
        let [Step::Wrote(_), Step::Synced, Step::DirSynced, ..] = &steps[place + 1..] else {
            panic!("after creating a segment: {:?}", &steps[place + 1..place + 4])
        };
    }
    assert!(count > 3, "{count} segments");
}

#[test]
fn a_failed_sync_is_told_latched_and_healed_by_a_restart() {
    WAYS.into_iter().for_each(failed_sync_is_told_latched_and_healed);
}

fn failed_sync_is_told_latched_and_healed(way: Way) {
    let dir = tempfile::tempdir().unwrap();
    let disk = TracingDisk::default();
    let ledger = Ledger::open_with(dir.path(), traced(&disk)).unwrap();
    open_books(&ledger, &["a"]);
    sell(&ledger, "a", "before", 1);
    let durable = ledger.view().cut();

    disk.fail_sync.store(true, Ordering::SeqCst);
    let unknown = way(&ledger, &[transfer("a", "during", "cash", "sales", 1)]).wait();
    assert_eq!(unknown, Err(CommitError::OutcomeUnknown));
    // The disk works again, but nothing may be written until a restart has looked.
    disk.fail_sync.store(false, Ordering::SeqCst);
    let writes_before = disk.steps.lock().unwrap().len();
    for key in ["after", "during", "before"] {
        let refused = way(&ledger, &[transfer("a", key, "cash", "sales", 1)]).wait();
        assert_eq!(refused, Err(CommitError::Stopped { durable }), "{key}");
    }
    ledger.shutdown();
    assert_eq!(disk.steps.lock().unwrap().len(), writes_before, "a stopped log touches no disk");
    // Reads go on, and see nothing of the failed write.
    assert_eq!(ledger.view().cut(), durable);
    assert_eq!(balance(&ledger.view(), "a", "cash"), 1);
    drop(ledger);

    // On this disk the bytes were written: a restart finds, rewrites and syncs them.
    let ledger = Ledger::open(dir.path()).unwrap();
    assert!(ledger.view().transaction_by_key("a", "during").unwrap().is_some());
    let again = ledger.submit(&[transfer("a", "during", "cash", "sales", 1)]).wait();
    assert!(matches!(again.as_deref(), Ok([Outcome::Replayed(_)])));
}
