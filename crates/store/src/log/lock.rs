//! One process per directory.

use crate::OpenError;
use crate::storage::{Storage, StorageLock, read_all};
use std::io;
use std::path::Path;

/// Takes `<dir>/LOCK`, or says who has it.
pub(crate) fn acquire(
    storage: &dyn Storage,
    dir: &Path,
) -> Result<Box<dyn StorageLock>, OpenError> {
    let path = dir.join("LOCK");
    let io = |source| OpenError::Io { what: format!("locking {}", path.display()), source };
    match storage.try_lock(&path).map_err(io)? {
        Some(mut lock) => {
            let holder = format!("process {}", std::process::id());
            lock.describe_holder(&holder).map_err(io)?;
            Ok(lock)
        }
        None => Err(held(storage, dir)),
    }
}

/// Keeps writers away from a directory while it is read; `None` if nobody ever wrote there.
pub(crate) fn acquire_to_read(
    storage: &dyn Storage,
    dir: &Path,
) -> Result<Option<Box<dyn StorageLock>>, OpenError> {
    let path = dir.join("LOCK");
    match storage.try_lock_to_read(&path) {
        Ok(Some(lock)) => Ok(Some(lock)),
        Ok(None) => Err(held(storage, dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(OpenError::Io { what: format!("locking {}", path.display()), source }),
    }
}

/// Tells what the holder wrote about itself; reading that needs no lock.
fn held(storage: &dyn Storage, dir: &Path) -> OpenError {
    let holder = storage
        .open_to_read(&dir.join("LOCK"))
        .and_then(|file| read_all(&*file))
        .map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
        .ok()
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "another process".to_owned());
    OpenError::Locked { path: dir.to_owned(), holder }
}
