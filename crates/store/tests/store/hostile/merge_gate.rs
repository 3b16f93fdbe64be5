//! Keeps the merger from the disk but where a script lets it merge.
//!
//! The merger is a thread of its own: if it merged whenever it likes, the operations of a script
//! would not have the same numbers at every run. Behind the closed gate each of its calls fails
//! before anything below hears of it, so a merge fails before it begins.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::storage::{Storage, StorageFile, StorageLock};

const MERGER: &str = "tallybook-merge";

/// Clones are the same gate, closed at first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate {
    open: Arc<AtomicBool>,
}

impl Gate {
    pub(crate) fn open_during(&self, work: impl FnOnce()) {
        self.open.store(true, Ordering::SeqCst);
        work();
        self.open.store(false, Ordering::SeqCst);
    }

    fn pass(&self) -> io::Result<()> {
        if std::thread::current().name() == Some(MERGER) && !self.open.load(Ordering::SeqCst) {
            return Err(io::Error::other("the script does not merge here"));
        }
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct MergeGate {
    inner: Arc<dyn Storage>,
    gate: Gate,
}

impl MergeGate {
    pub(crate) fn new(inner: Arc<dyn Storage>, gate: Gate) -> Self {
        MergeGate { inner, gate }
    }

    fn file(&self, file: Box<dyn StorageFile>) -> Box<dyn StorageFile> {
        Box::new(GatedFile { file, gate: self.gate.clone() })
    }
}

impl Storage for MergeGate {
    fn create_dir_durable(&self, path: &Path) -> io::Result<()> {
        self.gate.pass().and_then(|()| self.inner.create_dir_durable(path))
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.gate.pass().and_then(|()| self.inner.list(dir))
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        self.gate.pass().and_then(|()| self.inner.create(path)).map(|file| self.file(file))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        self.gate.pass().and_then(|()| self.inner.open(path)).map(|file| self.file(file))
    }
    fn open_to_read(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        self.gate.pass().and_then(|()| self.inner.open_to_read(path)).map(|file| self.file(file))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.gate.pass().and_then(|()| self.inner.rename(from, to))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.gate.pass().and_then(|()| self.inner.remove(path))
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.gate.pass().and_then(|()| self.inner.sync_dir(path))
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn StorageLock>>> {
        self.inner.try_lock(path)
    }
}

#[derive(Debug)]
struct GatedFile {
    file: Box<dyn StorageFile>,
    gate: Gate,
}

impl StorageFile for GatedFile {
    fn size(&self) -> io::Result<u64> {
        self.gate.pass().and_then(|()| self.file.size())
    }
    fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.gate.pass().and_then(|()| self.file.read_exact_at(offset, bytes))
    }
    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.gate.pass().and_then(|()| self.file.write_all_at(offset, bytes))
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.gate.pass().and_then(|()| self.file.set_len(len))
    }
    fn sync_data(&self) -> io::Result<()> {
        self.gate.pass().and_then(|()| self.file.sync_data())
    }
}
