//! The stack that a ledger runs on in these tests, from the top:
//! merge gate, planted bug, order monitor, fault injector, fake disk.
//!
//! Owns the wiring. Time comes from a counter that goes on over restarts. Parts are made when a
//! script says so and at a clean stop, never by themselves: a crash point is the same at every run.

use super::disk::{FakeDisk, Loss, SparseBytes};
use super::faults::{Call, Fault, FaultyDisk};
use super::history::{History, event_of};
use super::merge_gate::{Gate, MergeGate};
use super::monitor::{Knowledge, Monitor};
use super::violation::Violation;
use super::workload::Step;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::storage::Storage;
use store::*;

/// Where the ledger lies on the fake disk.
pub(crate) const DIR: &str = "/data";

/// A bug between the store and the disk, and who looks for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plant {
    pub(crate) bug: fn(Arc<dyn Storage>) -> Arc<dyn Storage>,
    /// Whether the monitor's findings count; without them the oracle has to notice.
    pub(crate) monitored: bool,
}

/// No bug.
pub(crate) const SOUND: Plant = Plant { bug: |storage| storage, monitored: true };

/// What stays the same over the restarts of one case.
#[derive(Debug, Clone)]
pub(crate) struct Rig {
    pub(crate) segment_bytes: u64,
    pub(crate) plant: Plant,
    clock: Arc<AtomicI64>,
}

/// A disk as a restart finds it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    pub(crate) disk: FakeDisk,
    knowledge: Knowledge,
}

/// What goes wrong during a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The machine stops instead of carrying out this operation.
    Crash(usize),
    Fault(Fault),
}

/// From one start of the machine, or the process, to its end.
#[derive(Debug)]
pub(crate) struct Session {
    rig: Rig,
    disk: FakeDisk,
    faulty: FaultyDisk,
    monitor: Monitor,
    gate: Gate,
}

impl Image {
    fn history_dir() -> PathBuf {
        Path::new(DIR).join("history")
    }

    /// The files of the sealed history.
    pub(crate) fn history(&self) -> BTreeMap<String, Vec<u8>> {
        let files = self.disk.files(&Self::history_dir()).into_iter();
        files.map(|(name, bytes)| (name, bytes.to_vec())).collect()
    }

    /// The same disk with these files in the place of the sealed history, all of them durable.
    pub(crate) fn with_history(&self, files: &BTreeMap<String, Vec<u8>>) -> Image {
        let image = Image { disk: self.disk.after(Loss::Process), ..self.clone() };
        let (disk, dir) = (&image.disk, Self::history_dir());
        let replace = || -> std::io::Result<()> {
            for name in disk.files(&dir).into_keys() {
                disk.remove(&dir.join(name))?;
            }
            if files.is_empty() {
                return Ok(());
            }
            disk.create_dir_durable(&dir)?;
            for (name, bytes) in files {
                let file = disk.create(&dir.join(name))?;
                file.write_all_at(0, bytes)?;
                file.sync_data()?;
            }
            disk.sync_dir(&dir)
        };
        replace().expect("a disk that was just made has not crashed");
        image
    }

    /// The same disk without sealed history.
    pub(crate) fn without_history(&self) -> Image {
        self.with_history(&BTreeMap::new())
    }
}

impl Rig {
    pub(crate) fn new(segment_bytes: u64, plant: Plant) -> Self {
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        Rig { segment_bytes, plant, clock }
    }

    pub(crate) fn start(&self, image: &Image, trouble: Option<Trouble>) -> Session {
        let disk = image.disk.after(Loss::Process);
        let fault = match trouble {
            Some(Trouble::Crash(operation)) => {
                disk.crash_at(operation);
                None
            }
            Some(Trouble::Fault(fault)) => Some(fault),
            None => None,
        };
        let failing = disk.clone();
        let faulty = FaultyDisk::new(Arc::new(disk.clone()), fault, move |path| {
            failing.fail_sync(path);
        });
        let monitor = Monitor::new(
            Arc::new(faulty.clone()),
            Arc::new(disk.clone()),
            Path::new(DIR),
            image.knowledge.clone(),
        );
        Session { rig: self.clone(), disk, faulty, monitor, gate: Gate::default() }
    }
}

impl Session {
    /// What a store of this session works on.
    pub(crate) fn storage(&self) -> Arc<dyn Storage> {
        let buggy = (self.rig.plant.bug)(Arc::new(self.monitor.clone()));
        Arc::new(MergeGate::new(buggy, self.gate.clone()))
    }

    pub(crate) fn open(&self) -> Result<Ledger, OpenError> {
        let clock = self.rig.clock.clone();
        let options = Options {
            segment_bytes: self.rig.segment_bytes,
            checkpoint_every_events: u64::MAX,
            alone_from_the_first: true,
            storage: self.storage(),
            clock: Arc::new(move || Timestamp(clock.fetch_add(1_000, Ordering::Relaxed))),
            ..Options::default()
        };
        let ledger = Ledger::open_with(DIR, options)?;
        self.monitor.watch(Some(ledger.clone()));
        Ok(ledger)
    }

    /// Ends a ledger in good order, as far as the disk lets it.
    pub(crate) fn close(&self, ledger: Ledger) {
        ledger.shutdown();
        self.monitor.watch(None);
    }

    /// Ends a ledger and the machine with it, at once.
    pub(crate) fn kill(&self, ledger: Ledger) {
        self.disk.crash_now();
        self.close(ledger);
    }

    /// The disk that the next start finds, if it all ends now.
    pub(crate) fn image(&self, loss: Loss) -> Image {
        let knowledge = match loss {
            Loss::Process => self.monitor.knowledge(),
            Loss::Unsynced | Loss::Nothing | Loss::Random(_) => Knowledge::default(),
        };
        Image { disk: self.disk.after(loss), knowledge }
    }

    /// The files of a directory as the page cache shows them.
    pub(crate) fn files(&self, dir: &Path) -> BTreeMap<String, SparseBytes> {
        self.disk.files(dir)
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        self.disk.operations()
    }

    pub(crate) fn calls(&self, call: Call) -> u64 {
        self.faulty.count(call)
    }

    /// What the monitor has seen going wrong.
    pub(crate) fn in_order(&self) -> Result<(), Violation> {
        let first = self.monitor.violations().into_iter().find(|_| self.rig.plant.monitored);
        first.map_or(Ok(()), Err)
    }

    /// Runs a script to its end, or until the disk stops it; gives whether it got to the end.
    pub(crate) fn run(&self, steps: &[Step], history: &mut History) -> bool {
        let Ok(mut ledger) = self.open() else { return false };
        let mut whole = true;
        for step in steps {
            whole = match step {
                Step::Commit(group) => self.commit(&ledger, group, history),
                Step::Batch(groups) => self.batch(&ledger, groups, history),
                Step::Again(index) => {
                    let drafts = history.submissions[*index].drafts.clone();
                    let result = self.submit(&ledger, &drafts);
                    history.note_told(&result);
                    result.is_ok()
                }
                Step::Refused(group) => match alone(&ledger, group) {
                    Err(CommitError::Rejected { .. }) => true,
                    Err(_) => false,
                    Ok(outcomes) => panic!("against the rules: {outcomes:?}"),
                },
                // A part that cannot be made costs time and nothing else: the script goes on.
                Step::Checkpoint => {
                    let _ = ledger.checkpoint();
                    true
                }
                Step::Merge => {
                    self.gate.open_during(|| ledger.wait_for_merges());
                    true
                }
                Step::Reopen => {
                    self.close(ledger);
                    match self.open() {
                        Ok(opened) => ledger = opened,
                        Err(_) => return false,
                    }
                    true
                }
            };
            if !whole {
                break;
            }
        }
        self.close(ledger);
        whole
    }

    /// Submits a group and waits; the monitor is told of the answer.
    pub(crate) fn submit(
        &self,
        ledger: &Ledger,
        group: &[Draft],
    ) -> Result<Vec<Outcome>, CommitError> {
        let result = alone(ledger, group);
        let told = result.as_deref().unwrap_or_default().iter().filter_map(event_of);
        told.for_each(|event| self.monitor.acknowledged(event.lsn));
        result
    }

    fn commit(&self, ledger: &Ledger, group: &[Draft], history: &mut History) -> bool {
        let result = self.submit(ledger, group);
        history.note(group, &result);
        result.is_ok()
    }

    /// The first group's cycle is held at the disk until all others are submitted, so that they
    /// form the next cycle whatever the threads do.
    fn batch(&self, ledger: &Ledger, groups: &[Vec<Draft>], history: &mut History) -> bool {
        let Some((first, others)) = groups.split_first() else { return true };
        self.disk.hold();
        let results: Vec<_> = std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                let result = alone(ledger, first);
                self.disk.release();
                result
            });
            self.disk.wait_until_held();
            let tickets = ledger.batch(others);
            self.disk.release();
            let first = first.join().expect("a submission does not panic");
            std::iter::once(first).chain(tickets.into_iter().map(Ticket::wait)).collect()
        });
        for (group, result) in groups.iter().zip(&results) {
            let told = history.note(group, result);
            told.iter().for_each(|event| self.monitor.acknowledged(event.lsn));
        }
        results.iter().all(Result::is_ok)
    }
}

/// Submits a group and waits. With nothing else under way, that goes to the disk on this thread.
fn alone(ledger: &Ledger, group: &[Draft]) -> Result<Vec<Outcome>, CommitError> {
    ledger.submit_alone(group, &Terms::default(), |run| run()).wait()
}
