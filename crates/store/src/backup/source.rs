//! What of a log belongs to a backup, while somebody may be writing it.
//!
//! A segment that has a successor was synced whole and never changes. Of the last one, the good
//! frames up to the first place without one are taken, and they count only after the file was
//! synced through a descriptor of our own: what is whole and synced survives every later start.

use super::copy::digest_of;
use super::{BackupError, failed};
use crate::OpenError;
use crate::log::frame::{self, HEADER_BYTES, Slot};
use crate::log::record::{Decoded, decode};
use crate::log::recovery::{
    FramePlace, Verdict, frames_of, io_at, judge, look, problem_at, read_header, segment_names,
};
use crate::log::segment::SegmentName;
use crate::storage::{Storage, StorageFile, read_all};
use ledger::Lsn;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often it is looked for new segments: each time far fewer than the time before.
const ROUNDS_MAX: u32 = 16;

pub(super) struct Source {
    storage: Arc<dyn Storage>,
    log_dir: PathBuf,
    store: String,
    waiting: VecDeque<SegmentName>,
    /// The segment that was the last one when it was taken.
    growing: Option<SegmentName>,
    /// The sealed segment that is being copied.
    open: Option<(SegmentName, Box<dyn StorageFile>)>,
    rounds: u32,
    done_bytes: u64,
    total_bytes: u64,
}

/// What is taken of a segment.
pub(super) enum Taken {
    /// All of it.
    Sealed { size: u64 },
    /// The frames that were there.
    Growing { bytes: Vec<u8> },
    /// It is being created, or holds no events yet.
    Nothing,
}

impl Source {
    pub(super) fn open(storage: Arc<dyn Storage>, dir: &Path) -> Result<Self, BackupError> {
        let log_dir = dir.join("log");
        let names = segment_names(&*storage, &log_dir)?;
        let first = names.first().copied();
        let header = first.map(|first| {
            let path = log_dir.join(first.to_string());
            let file = storage.open_to_read(&path).map_err(io_at("opening", &path))?;
            let bytes = read_growing(&*file).map_err(io_at("reading", &path))?;
            match frame::read(&bytes, 0) {
                Slot::Frame { payload } => read_header(&path, payload),
                _ => Err(OpenError::Damaged {
                    file: path,
                    offset: 0,
                    lsn: first.first_lsn,
                    problem: "the segment's header is not readable".to_owned(),
                }),
            }
        });
        let Some(header) = header.transpose()? else {
            let none = io::Error::new(io::ErrorKind::NotFound, "no segment of a log is there");
            return Err(failed("copying", &log_dir)(none));
        };
        let mut source = Source {
            storage,
            log_dir,
            store: header.store,
            waiting: names.into(),
            growing: None,
            open: None,
            rounds: 0,
            done_bytes: 0,
            total_bytes: 0,
        };
        source.measure();
        Ok(source)
    }

    pub(super) fn store(&self) -> &str {
        &self.store
    }

    pub(super) fn done_bytes(&self) -> u64 {
        self.done_bytes
    }

    pub(super) fn total_bytes(&self) -> u64 {
        self.total_bytes.max(self.done_bytes)
    }

    /// These bytes are in the backup.
    pub(super) fn pass(&mut self, bytes: u64) {
        self.done_bytes += bytes;
        self.open = None;
    }

    fn path(&self, name: SegmentName) -> PathBuf {
        self.log_dir.join(name.to_string())
    }

    fn measure(&mut self) {
        let sizes = self.waiting.iter().map(|name| {
            let file = self.storage.open_to_read(&self.path(*name));
            file.and_then(|file| file.size()).unwrap_or(0)
        });
        self.total_bytes = self.done_bytes + sizes.sum::<u64>();
    }

    /// The next segment to take. When all are taken and there are new ones by then, the one that
    /// was the last is sealed now: it is taken again, whole, and the new ones behind it.
    pub(super) fn next_segment(&mut self) -> Result<Option<SegmentName>, BackupError> {
        if self.waiting.is_empty()
            && self.rounds < ROUNDS_MAX
            && let Some(growing) = self.growing.take()
        {
            self.rounds += 1;
            let names = segment_names(&*self.storage, &self.log_dir)?;
            let from = names.partition_point(|name| *name < growing);
            if names.len() - from > 1 {
                self.waiting = names.into_iter().skip(from).collect();
                self.measure();
            }
        }
        Ok(self.waiting.pop_front())
    }

    pub(super) fn take(&mut self, name: SegmentName) -> Result<Taken, BackupError> {
        let path = self.path(name);
        let file = self.storage.open_to_read(&path).map_err(failed("opening", &path))?;
        if !self.waiting.is_empty() {
            let size = file.size().map_err(failed("reading", &path))?;
            self.open = Some((name, file));
            return Ok(Taken::Sealed { size });
        }
        self.growing = Some(name);
        let mut bytes = read_growing(&*file).map_err(failed("reading", &path))?;
        let header_end = match frame::read(&bytes, 0) {
            Slot::Frame { payload } => {
                read_header(&path, payload)?;
                HEADER_BYTES + payload.len()
            }
            // Its creation is under way, or was torn by a crash.
            _ => return Ok(Taken::Nothing),
        };
        let end = match self.good_end(name, &bytes, header_end) {
            Ok(end) => end,
            Err(_) => {
                // A write may have passed the place while it was read. What was written since then
                // is whole now.
                bytes = read_growing(&*file).map_err(failed("reading", &path))?;
                self.good_end(name, &bytes, header_end)?
            }
        };
        // Not before this do these bytes belong to history for good.
        file.sync_data().map_err(failed("syncing", &path))?;
        if end == header_end && name.first_lsn > Lsn(1) {
            return Ok(Taken::Nothing);
        }
        bytes.truncate(end);
        Ok(Taken::Growing { bytes })
    }

    /// Where the good frames end, if they may end there.
    fn good_end(
        &self,
        name: SegmentName,
        bytes: &[u8],
        header_end: usize,
    ) -> Result<usize, BackupError> {
        let frames = frames_of(bytes, header_end);
        let end = frames.last().map_or(header_end, FramePlace::end);
        let last_event = frames.iter().rev().find_map(|frame| {
            match decode(&bytes[frame.offset + HEADER_BYTES..frame.end()]) {
                Ok(Decoded::Events { events, .. }) => events.last().map(|event| event.lsn),
                _ => None,
            }
        });
        let due = last_event.map_or(name.first_lsn, Lsn::next);
        let sight = look(bytes, end, due, None);
        match judge(&sight) {
            Verdict::Damage => Err(BackupError::Open(OpenError::Damaged {
                file: self.path(name),
                offset: end as u64,
                lsn: due,
                problem: problem_at(bytes, end, &sight, None),
            })),
            _ => Ok(end),
        }
    }

    /// Fills `bytes` from the sealed segment that was taken last.
    pub(super) fn read(&self, name: SegmentName, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.taken(name)?.read_exact_at(at, bytes)
    }

    /// The digest of the sealed segment that was taken last.
    pub(super) fn digest(&self, name: SegmentName, size: u64) -> Result<String, BackupError> {
        let digest = self.taken(name).and_then(|file| digest_of(file, size));
        digest.map_err(failed("reading", &self.path(name)))
    }

    fn taken(&self, name: SegmentName) -> io::Result<&dyn StorageFile> {
        match &self.open {
            Some((taken, file)) if *taken == name => Ok(&**file),
            _ => Err(io::Error::other("the segment was not taken")),
        }
    }
}

/// All of a segment that may be sealed while it is read. Sealing cuts off, once, what was zeroed
/// ahead: the file may be shorter than it was said to be.
fn read_growing(file: &dyn StorageFile) -> io::Result<Vec<u8>> {
    match read_all(file) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => read_all(file),
        read => read,
    }
}

/// Fills `out` from bytes in memory.
pub(super) fn read_from(bytes: &[u8], at: u64, out: &mut [u8]) -> io::Result<()> {
    let start = usize::try_from(at).map_err(io::Error::other)?;
    let found = bytes.get(start..).and_then(|rest| rest.get(..out.len()));
    out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
    Ok(())
}
