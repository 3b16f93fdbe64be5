//! The storage seam: the few file operations the store needs, as traits.
//!
//! Everything that touches a disk goes through here, so that tests can put a tracing or a hostile
//! disk behind it. Knows nothing of frames.
//!
//! Invariant: a name that [`Storage::create`] returned survives a crash once
//! [`Storage::sync_dir`] on its directory has returned, and not before.

mod disk;

pub use disk::{Disk, free_bytes};

use std::fmt::Debug;
use std::io;
use std::path::Path;

/// A file system.
pub trait Storage: Debug + Send + Sync {
    /// Creates a directory and its missing ancestors, each made durable in its parent. One that
    /// exists is made durable too: who created it may have been killed before that.
    fn create_dir_durable(&self, path: &Path) -> io::Result<()>;
    /// Names of the files in a directory, in no order.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Creates a file that must not exist yet.
    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageFile>>;
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageFile>>;
    /// Opens an existing file for reading alone.
    fn open_to_read(&self, path: &Path) -> io::Result<Box<dyn StorageFile>>;
    /// Gives a file another name, in place of whatever had it, in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Takes the advisory lock on a file, creating it; `Ok(None)` if another process has it.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn StorageLock>>>;
    /// Takes the lock on an existing file beside others who only read, and writes nothing;
    /// `Ok(None)` if another process has it for itself.
    fn try_lock_to_read(&self, path: &Path) -> io::Result<Option<Box<dyn StorageLock>>> {
        self.try_lock(path)
    }
}

/// An open file. Reading and writing take a place, so one file may be used by many threads.
pub trait StorageFile: Debug + Send + Sync {
    fn size(&self) -> io::Result<u64>;
    /// Fills `bytes` from `offset` on; an error of kind `UnexpectedEof` if the file ends before.
    fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes the file's bytes, and its length if it changed, durable.
    fn sync_data(&self) -> io::Result<()>;
}

/// The whole content of a file.
pub(crate) fn read_all(file: &dyn StorageFile) -> io::Result<Vec<u8>> {
    let size = usize::try_from(file.size()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; size];
    file.read_exact_at(0, &mut bytes)?;
    Ok(bytes)
}

/// A held lock; dropping it releases it.
pub trait StorageLock: Debug + Send + Sync {
    /// Writes who holds it, for whoever finds it taken.
    fn describe_holder(&mut self, text: &str) -> io::Result<()>;
}
