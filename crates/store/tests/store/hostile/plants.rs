//! Bugs to plant between the store and the disk, each as a storage that does one thing wrong.
//!
//! At the seam a store that forgets a call and a storage that swallows it are the same, so the
//! code under test needs no hooks.

mod stale_checkpoint;

pub(crate) use stale_checkpoint::trust_stale_checkpoint;

use super::log_bytes;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::storage::{Storage, StorageFile, StorageLock};

/// What a file does wrong; whatever is not named here goes through.
trait FileBug: std::fmt::Debug + Send + Sync {
    fn write_all_at(&self, file: &dyn StorageFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_all_at(offset, bytes)
    }
    fn set_len(&self, file: &dyn StorageFile, len: u64) -> io::Result<()> {
        file.set_len(len)
    }
    fn sync_data(&self, file: &dyn StorageFile) -> io::Result<()> {
        file.sync_data()
    }
}

#[derive(Debug)]
struct BuggyFile<B> {
    file: Box<dyn StorageFile>,
    bug: B,
}

impl<B: FileBug> StorageFile for BuggyFile<B> {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }
    fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(offset, bytes)
    }
    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.bug.write_all_at(&*self.file, offset, bytes)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.bug.set_len(&*self.file, len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.bug.sync_data(&*self.file)
    }
}

pub(super) type Opened = io::Result<Box<dyn StorageFile>>;

fn with_bug<B: FileBug + Default + 'static>(opened: Opened) -> Opened {
    Ok(Box::new(BuggyFile { file: opened?, bug: B::default() }))
}

/// What a storage does wrong; whatever is not named here goes through.
pub(super) trait StorageBug: std::fmt::Debug + Send + Sync {
    fn create_dir_durable(&self, storage: &dyn Storage, path: &Path) -> io::Result<()> {
        storage.create_dir_durable(path)
    }
    fn created(&self, opened: Opened) -> Opened {
        opened
    }
    /// A file that existed, as recovery opens it.
    fn opened(&self, opened: Opened) -> Opened {
        opened
    }
    fn open_to_read(&self, storage: &dyn Storage, path: &Path) -> Opened {
        storage.open_to_read(path)
    }
    fn sync_dir(&self, storage: &dyn Storage, path: &Path) -> io::Result<()> {
        storage.sync_dir(path)
    }
}

#[derive(Debug)]
struct Buggy<B> {
    storage: Arc<dyn Storage>,
    bug: B,
}

impl<B: StorageBug> Storage for Buggy<B> {
    fn create_dir_durable(&self, path: &Path) -> io::Result<()> {
        self.bug.create_dir_durable(&*self.storage, path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.storage.list(dir)
    }
    fn create(&self, path: &Path) -> Opened {
        self.bug.created(self.storage.create(path))
    }
    fn open(&self, path: &Path) -> Opened {
        self.bug.opened(self.storage.open(path))
    }
    fn open_to_read(&self, path: &Path) -> Opened {
        self.bug.open_to_read(&*self.storage, path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.storage.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.storage.remove(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.bug.sync_dir(&*self.storage, path)
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn StorageLock>>> {
        self.storage.try_lock(path)
    }
}

pub(super) fn plant<B: StorageBug + Default + 'static>(
    storage: Arc<dyn Storage>,
) -> Arc<dyn Storage> {
    Arc::new(Buggy { storage, bug: B::default() })
}

/// Acknowledges before the sync: there never is one.
pub(crate) fn acknowledge_before_sync(storage: Arc<dyn Storage>) -> Arc<dyn Storage> {
    plant::<NoSync>(storage)
}

#[derive(Debug, Default)]
struct NoSync;

impl FileBug for NoSync {
    fn sync_data(&self, _file: &dyn StorageFile) -> io::Result<()> {
        Ok(())
    }
}

impl StorageBug for NoSync {
    fn created(&self, opened: Opened) -> Opened {
        with_bug::<NoSync>(opened)
    }
    fn opened(&self, opened: Opened) -> Opened {
        with_bug::<NoSync>(opened)
    }
}

/// Applies before the bytes are durable: the sync comes only before the next write.
pub(crate) fn apply_before_durable(storage: Arc<dyn Storage>) -> Arc<dyn Storage> {
    plant::<LateSync>(storage)
}

#[derive(Debug, Default)]
struct LateSync {
    due: AtomicBool,
}

impl FileBug for LateSync {
    fn write_all_at(&self, file: &dyn StorageFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.due.swap(false, Ordering::SeqCst) {
            file.sync_data()?;
        }
        file.write_all_at(offset, bytes)
    }
    fn sync_data(&self, _file: &dyn StorageFile) -> io::Result<()> {
        self.due.store(true, Ordering::SeqCst);
        Ok(())
    }
}

impl StorageBug for LateSync {
    fn created(&self, opened: Opened) -> Opened {
        with_bug::<LateSync>(opened)
    }
}

/// Forgets to make names durable.
pub(crate) fn forget_directory_sync(storage: Arc<dyn Storage>) -> Arc<dyn Storage> {
    plant::<NoDirectorySync>(storage)
}

#[derive(Debug, Default)]
struct NoDirectorySync;

impl StorageBug for NoDirectorySync {
    fn sync_dir(&self, _storage: &dyn Storage, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// Takes a directory that exists for a durable one.
pub(crate) fn trust_existing_directory(storage: Arc<dyn Storage>) -> Arc<dyn Storage> {
    plant::<ExistingIsDurable>(storage)
}

#[derive(Debug, Default)]
struct ExistingIsDurable;

impl StorageBug for ExistingIsDurable {
    fn create_dir_durable(&self, storage: &dyn Storage, path: &Path) -> io::Result<()> {
        if storage.list(path).is_ok() { Ok(()) } else { storage.create_dir_durable(path) }
    }
}

/// Tries a failed sync again and believes the second answer.
pub(crate) fn retry_failed_sync(storage: Arc<dyn Storage>) -> Arc<dyn Storage> {
    plant::<SyncTwice>(storage)
}

#[derive(Debug, Default)]
struct SyncTwice;

impl FileBug for SyncTwice {
    fn sync_data(&self, file: &dyn StorageFile) -> io::Result<()> {
        file.sync_data().or_else(|_| file.sync_data())
    }
}

impl StorageBug for SyncTwice {
    fn created(&self, opened: Opened) -> Opened {
        with_bug::<SyncTwice>(opened)
    }
    fn opened(&self, opened: Opened) -> Opened {
        with_bug::<SyncTwice>(opened)
    }
}

/// Takes any bad frame for the end of the log and cuts there.
pub(crate) fn damage_as_torn_tail(storage: Arc<dyn Storage>) -> Arc<dyn Storage> {
    plant::<CutAtFirstBadFrame>(storage)
}

#[derive(Debug, Default)]
struct CutAtFirstBadFrame;

impl StorageBug for CutAtFirstBadFrame {
    fn opened(&self, opened: Opened) -> Opened {
        let file = opened?;
        let mut bytes = vec![0; file.size()? as usize];
        file.read_exact_at(0, &mut bytes)?;
        let end = log_bytes::frames(&bytes, 0).last().map_or(0, |frame| frame.range.end);
        file.set_len(end as u64)?;
        Ok(file)
    }
}

/// Recovery does not cut what stands behind the last good frame.
pub(crate) fn leave_stale_frames(storage: Arc<dyn Storage>) -> Arc<dyn Storage> {
    plant::<NoCut>(storage)
}

#[derive(Debug, Default)]
struct NoCut;

impl FileBug for NoCut {
    fn set_len(&self, file: &dyn StorageFile, len: u64) -> io::Result<()> {
        if len < file.size()? { Ok(()) } else { file.set_len(len) }
    }
}

impl StorageBug for NoCut {
    fn opened(&self, opened: Opened) -> Opened {
        with_bug::<NoCut>(opened)
    }
}

/// Recovery does not write again what no mark covers.
pub(crate) fn skip_rewriting(storage: Arc<dyn Storage>) -> Arc<dyn Storage> {
    plant::<NoRewrite>(storage)
}

#[derive(Debug, Default)]
struct NoRewrite {
    rewritten: AtomicBool,
}

impl FileBug for NoRewrite {
    fn write_all_at(&self, file: &dyn StorageFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.rewritten.swap(true, Ordering::SeqCst) {
            file.write_all_at(offset, bytes)
        } else {
            Ok(())
        }
    }
}

impl StorageBug for NoRewrite {
    fn opened(&self, opened: Opened) -> Opened {
        with_bug::<NoRewrite>(opened)
    }
}
