//! One process per directory.

use crate::OpenError;
use crate::storage::{Storage, StorageLock, read_all};
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
        None => {
            // What the holder wrote about itself; a reader needs no lock.
            let holder = storage
                .open_to_read(&path)
                .and_then(|file| read_all(&*file))
                .map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
                .ok()
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| "another process".to_owned());
            Err(OpenError::Locked { path: dir.to_owned(), holder })
        }
    }
}
