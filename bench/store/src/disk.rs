//! Bytes of a data directory: the log, and what can be made again from it.

use crate::Outcome;
use std::path::Path;

#[derive(Debug, Clone, Copy)]
pub(crate) struct OnDisk {
    pub(crate) log: u64,
    pub(crate) caches: u64,
}

pub(crate) fn on_disk(dir: &Path) -> Outcome<OnDisk> {
    let log = bytes(&dir.join("log"))?;
    Ok(OnDisk { log, caches: bytes(dir)? - log })
}

fn bytes(dir: &Path) -> Outcome<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() {
            bytes(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(sum)
}
