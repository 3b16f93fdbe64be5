//! Watches the order of calls at the storage seam, while they happen.
//!
//! | rule | broken when |
//! |---|---|
//! | [`Rule::AcknowledgedBeforeDurable`] | a caller was told of an event whose frame was not synced, in a file whose name was not durable |
//! | [`Rule::VisibleBeforeDurable`] | a view could see such an event, at any call to the disk |
//! | [`Rule::RenamedBeforeSync`] | a file got its final name with bytes that were not synced |
//! | [`Rule::SyncRetried`] | a file was synced again after a failed sync, and not rewritten before |
//!
//! The monitor stands between the store and the disk, so it sees what really reaches the disk; it
//! believes a sync only for bytes that no failed sync has touched since they were written.

use super::disk::is_crash;
use super::log_bytes;
use super::violation::{Rule, Violation};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use store::storage::{Storage, StorageFile, StorageLock};
use store::{Ledger, Lsn};

/// What is known of a file that was touched.
#[derive(Debug, Clone, Default)]
struct Watched {
    /// Written and not synced since.
    unsynced: Vec<Range<u64>>,
    /// Written, and then a sync failed: clean for the kernel, perhaps not on the disk.
    lost: Vec<Range<u64>>,
    name_unsynced: bool,
    /// Frames up to here were durable when they were last looked at.
    durable_to: usize,
}

/// What is known of all files; survives the end of the process, as the page cache does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Knowledge {
    files: BTreeMap<PathBuf, Watched>,
    unsynced_directories: BTreeSet<PathBuf>,
    durable: Lsn,
}

/// Clones are the same monitor.
#[derive(Debug, Clone)]
pub(crate) struct Monitor {
    inner: Arc<dyn Storage>,
    /// Reads the bytes that the store wrote, past whatever fails calls on purpose.
    reader: Arc<dyn Storage>,
    log_dir: PathBuf,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    knowledge: Knowledge,
    watched_ledger: Option<Ledger>,
    violations: Vec<Violation>,
}

impl Monitor {
    /// Watches `inner`. `knowledge` is empty after a reboot: what is there is durable then.
    pub(crate) fn new(
        inner: Arc<dyn Storage>,
        reader: Arc<dyn Storage>,
        dir: &Path,
        knowledge: Knowledge,
    ) -> Self {
        let shared = Arc::new(Mutex::new(Shared { knowledge, ..Shared::default() }));
        let monitor = Monitor { inner, reader, log_dir: dir.join("log"), shared };
        monitor.advance(&mut monitor.shared().knowledge);
        monitor
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("the monitor does not panic")
    }

    /// Looks at this ledger's cut at every call, or at none any more.
    pub(crate) fn watch(&self, ledger: Option<Ledger>) {
        let before = std::mem::replace(&mut self.shared().watched_ledger, ledger);
        // Not under the lock: a ledger that is dropped may have a last word for the disk.
        drop(before);
    }

    pub(crate) fn knowledge(&self) -> Knowledge {
        self.shared().knowledge.clone()
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.shared().violations.clone()
    }

    /// A caller was told of the event at this lsn.
    pub(crate) fn acknowledged(&self, lsn: Lsn) {
        let mut shared = self.shared();
        let durable = shared.knowledge.durable;
        if lsn > durable {
            let text = format!("lsn {lsn} was acknowledged, durable is {durable}");
            shared.violations.push(Violation::new(Rule::AcknowledgedBeforeDurable, text));
        }
    }

    /// What every call begins with.
    fn look_at_the_cut(&self) -> MutexGuard<'_, Shared> {
        let mut shared = self.shared();
        if let Some(ledger) = &shared.watched_ledger {
            let (cut, durable) = (ledger.view().cut(), shared.knowledge.durable);
            if cut > durable {
                let text = format!("lsn {cut} can be seen, durable is {durable}");
                shared.violations.push(Violation::new(Rule::VisibleBeforeDurable, text));
            }
        }
        shared
    }

    /// Moves the durable lsn over the frames that are durable by now.
    fn advance(&self, knowledge: &mut Knowledge) {
        let Ok(mut names) = self.reader.list(&self.log_dir) else { return };
        let mut unsynced = knowledge.unsynced_directories.iter();
        if unsynced.any(|dir| self.log_dir.starts_with(dir)) {
            return;
        }
        names.sort();
        for name in names.iter().filter(|name| log_bytes::is_segment(name)) {
            let path = self.log_dir.join(name);
            let Ok(bytes) = read(&*self.reader, &path) else { return };
            let watched = knowledge.files.entry(path).or_default();
            if watched.name_unsynced {
                return;
            }
            for frame in log_bytes::frames(&bytes, watched.durable_to) {
                let range = frame.range.start as u64..frame.range.end as u64;
                let overlaps =
                    |other: &Range<u64>| other.start < range.end && range.start < other.end;
                if watched.unsynced.iter().chain(&watched.lost).any(overlaps) {
                    return;
                }
                watched.durable_to = frame.range.end;
                let last = frame.last_lsn().map_or(Lsn(0), Lsn);
                knowledge.durable = knowledge.durable.max(last);
            }
        }
    }

    fn file(&self, file: Box<dyn StorageFile>, path: &Path) -> Box<dyn StorageFile> {
        Box::new(MonitoredFile { file, path: path.to_owned(), monitor: self.clone() })
    }
}

fn read(storage: &dyn Storage, path: &Path) -> io::Result<Vec<u8>> {
    let file = storage.open_to_read(path)?;
    let mut bytes = vec![0; file.size()? as usize];
    file.read_exact_at(0, &mut bytes)?;
    Ok(bytes)
}

fn subtract(from: &mut Vec<Range<u64>>, range: &Range<u64>) {
    *from = from
        .iter()
        .flat_map(|old| {
            [old.start..old.end.min(range.start), old.start.max(range.end)..old.end]
                .into_iter()
                .filter(|rest| !rest.is_empty())
        })
        .collect();
}

impl Storage for Monitor {
    fn create_dir_durable(&self, path: &Path) -> io::Result<()> {
        let mut shared = self.look_at_the_cut();
        let result = self.inner.create_dir_durable(path);
        let unsynced = &mut shared.knowledge.unsynced_directories;
        match result {
            Ok(()) => drop(unsynced.remove(path)),
            Err(_) => drop(unsynced.insert(path.to_owned())),
        }
        result
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.inner.list(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        drop(self.look_at_the_cut());
        let file = self.inner.create(path)?;
        let new = Watched { name_unsynced: true, ..Watched::default() };
        self.shared().knowledge.files.insert(path.to_owned(), new);
        Ok(self.file(file, path))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        Ok(self.file(self.inner.open(path)?, path))
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        self.inner.open_to_read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut shared = self.look_at_the_cut();
        let mut moved = shared.knowledge.files.get(from).cloned().unwrap_or_default();
        if !moved.unsynced.is_empty() || !moved.lost.is_empty() {
            let text = format!("{} became {}", from.display(), to.display());
            shared.violations.push(Violation::new(Rule::RenamedBeforeSync, text));
        }
        self.inner.rename(from, to)?;
        moved.name_unsynced = true;
        shared.knowledge.files.remove(from);
        shared.knowledge.files.insert(to.to_owned(), moved);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        drop(self.look_at_the_cut());
        self.inner.remove(path)?;
        self.shared().knowledge.files.remove(path);
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        drop(self.look_at_the_cut());
        self.inner.sync_dir(path)?;
        let mut shared = self.shared();
        for (file, watched) in &mut shared.knowledge.files {
            watched.name_unsynced &= file.parent() != Some(path);
        }
        self.advance(&mut shared.knowledge);
        Ok(())
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn StorageLock>>> {
        self.inner.try_lock(path)
    }
}

#[derive(Debug)]
struct MonitoredFile {
    file: Box<dyn StorageFile>,
    path: PathBuf,
    monitor: Monitor,
}

impl MonitoredFile {
    fn changed(&self, change: impl FnOnce(&mut Watched)) {
        let mut shared = self.monitor.shared();
        change(shared.knowledge.files.entry(self.path.clone()).or_default());
    }
}

impl StorageFile for MonitoredFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(offset, bytes)
    }

    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        drop(self.monitor.look_at_the_cut());
        let range = offset..offset + bytes.len() as u64;
        // Before the call: a write that fails may have written some of it.
        self.changed(|watched| {
            subtract(&mut watched.lost, &range);
            watched.durable_to = watched.durable_to.min(offset as usize);
            watched.unsynced.push(range);
        });
        self.file.write_all_at(offset, bytes)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        drop(self.monitor.look_at_the_cut());
        self.file.set_len(len)?;
        self.changed(|watched| {
            subtract(&mut watched.lost, &(len..u64::MAX));
            subtract(&mut watched.unsynced, &(len..u64::MAX));
            watched.durable_to = watched.durable_to.min(len as usize);
        });
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        drop(self.monitor.look_at_the_cut());
        let result = self.file.sync_data();
        let mut shared = self.monitor.shared();
        let Shared { knowledge, violations, .. } = &mut *shared;
        let watched = knowledge.files.entry(self.path.clone()).or_default();
        if !watched.lost.is_empty() {
            let text = format!("{}: {:?} were not rewritten", self.path.display(), watched.lost);
            violations.push(Violation::new(Rule::SyncRetried, text));
        }
        match &result {
            Ok(()) => watched.unsynced.clear(),
            // The machine stopped before the sync: the pages are as dirty as they were.
            Err(error) if is_crash(error) => {}
            Err(_) => watched.lost.append(&mut watched.unsynced),
        }
        self.monitor.advance(knowledge);
        result
    }
}
