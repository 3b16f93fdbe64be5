//! Making the end of the log durable, and keeping aside what a crash tore.

use super::io_at;
use crate::OpenError;
use crate::log::writer::{LogWriter, WriterSetup};
use crate::storage::{Storage, StorageFile};
use ledger::Lsn;
use std::path::{Path, PathBuf};

/// How the last segment was left.
pub(super) enum LastSegment {
    Whole(SegmentTail),
    /// It is sealed and lies before the checkpoint.
    PassedBy,
    /// Its header never became durable.
    TornCreation {
        path: PathBuf,
        bytes: Vec<u8>,
    },
}

/// The last segment, read but not yet made durable.
pub(super) struct SegmentTail {
    pub(super) first: Lsn,
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn StorageFile>,
    pub(super) bytes: Vec<u8>,
    /// Where the good frames end.
    pub(super) end: usize,
    /// Where the first frame begins that no `durable` mark covers.
    pub(super) unmarked_from: usize,
}

/// The last segment, durable up to its end and with nothing behind it.
pub(super) struct DurableTail {
    first: Lsn,
    file: Box<dyn StorageFile>,
    bytes: Vec<u8>,
}

impl SegmentTail {
    pub(super) fn make_durable(
        mut self,
        storage: &dyn Storage,
        dir: &Path,
        head: Lsn,
    ) -> Result<DurableTail, OpenError> {
        let cut = &self.bytes[self.end..];
        if cut.iter().any(|byte| *byte != 0) {
            let used = cut.len() - cut.iter().rev().take_while(|byte| **byte == 0).count();
            keep_aside(storage, dir, head, self.end, &cut[..used])?;
        }
        let path = &self.path;
        self.file.set_len(self.end as u64).map_err(io_at("cutting", path))?;
        self.file
            .write_all_at(self.unmarked_from as u64, &self.bytes[self.unmarked_from..self.end])
            .map_err(io_at("rewriting the tail of", path))?;
        self.file.sync_data().map_err(io_at("syncing", path))?;
        let log_dir = path.parent().expect("a segment lies in the log directory");
        storage.sync_dir(log_dir).map_err(io_at("syncing", log_dir))?;
        self.bytes.truncate(self.end);
        Ok(DurableTail { first: self.first, file: self.file, bytes: self.bytes })
    }
}

impl DurableTail {
    pub(super) fn resume(self, setup: WriterSetup) -> LogWriter {
        LogWriter::resume(setup, self.file, self.first, &self.bytes)
    }
}

/// Keeps the bytes of a torn cycle for whoever wants to look: nobody was answered for them.
pub(super) fn keep_aside(
    storage: &dyn Storage,
    dir: &Path,
    head: Lsn,
    offset: usize,
    bytes: &[u8],
) -> Result<(), OpenError> {
    let cut_dir = dir.join("cut");
    storage.create_dir_durable(&cut_dir).map_err(io_at("creating", &cut_dir))?;
    let name = format!("after-lsn-{:020}-offset-{offset}.bytes", head.0);
    let path = cut_dir.join(&name);
    let existing = storage.list(&cut_dir).map_err(io_at("listing", &cut_dir))?;
    if existing.contains(&name) {
        storage.remove(&path).map_err(io_at("removing", &path))?;
    }
    let file = storage.create(&path).map_err(io_at("creating", &path))?;
    file.write_all_at(0, bytes).map_err(io_at("writing", &path))?;
    file.sync_data().map_err(io_at("syncing", &path))?;
    storage.sync_dir(&cut_dir).map_err(io_at("syncing", &cut_dir))?;
    tracing::warn!(
        lsn = head.0,
        file = %path.display(),
        bytes = bytes.len(),
        "the last write was torn by a crash and is cut off; its bytes are kept aside"
    );
    Ok(())
}
