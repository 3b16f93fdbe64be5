//! The folder of a data directory in which queries keep temporary files.
//!
//! Owns its name, how much of the disk it may take, and that it is empty at a start. Only who holds
//! the lock of the data directory may call it: another process would lose its files.

use sql::TemporaryFiles;
use std::io;
use std::path::Path;

const TEMPORARY_DIR: &str = "temporary";

/// Deletes what an earlier process left, and makes room for so many bytes, or none.
///
/// Writers stop for good when the disk is full, and they share it with queries, so those get half
/// of what is free at most.
pub(crate) fn prepare(data: &Path, bytes_max: u64) -> io::Result<Option<TemporaryFiles>> {
    let dir = data.join(TEMPORARY_DIR);
    match std::fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if bytes_max == 0 {
        return Ok(None);
    }
    std::fs::create_dir(&dir)?;
    let free = sql::store::free_bytes(data)?;
    Ok(Some(TemporaryFiles { dir, bytes_max: bytes_max.min(free / 2) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_process_left_is_gone() {
        let data = tempfile::tempdir().unwrap();
        let first = prepare(data.path(), 1 << 20).unwrap().unwrap();
        assert_eq!(first.bytes_max, 1 << 20);
        std::fs::create_dir(first.dir.join("run")).unwrap();
        std::fs::write(first.dir.join("run/rows"), "rows").unwrap();
        let second = prepare(data.path(), u64::MAX).unwrap().unwrap();
        assert_eq!(second.dir, first.dir);
        assert!(second.bytes_max < u64::MAX);
        assert_eq!(std::fs::read_dir(&second.dir).unwrap().count(), 0);
        assert_eq!(prepare(data.path(), 0).unwrap(), None);
        assert!(!second.dir.exists());
    }
}
