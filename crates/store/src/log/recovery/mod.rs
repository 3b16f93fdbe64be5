//! Reading the log back: from bytes to events, and to a writer that goes on behind them.
//!
//! What to do where the frames end is a table ([`verdict`]): a torn last cycle is cut off and kept
//! aside, anything else that is not what was once durable refuses to start. Every event behind the
//! checkpoint is audited before it is taken; nothing here trusts a length, a number or a name.
//!
//! Invariant: when [`recover`] returns, every event it handed on is durable: what no `durable`
//! mark covers is written again and synced, because after a failed sync the page cache may show
//! bytes the disk does not have.

mod decoding;
mod reader;
mod tail;
mod verdict;

pub(crate) use decoding::{FramePlace, decode_in_order};
pub(crate) use reader::{
    Checkpoint, LogReader, Replay, ReplayError, frames_of, look, problem_at, read_header,
};
pub(crate) use verdict::{Verdict, judge};

use crate::OpenError;
use crate::log::files::LogFiles;
use crate::log::frame::{self, Slot};
use crate::log::segment::SegmentName;
use crate::log::writer::{LogFailure, LogWriter, StoreIdentity, WriterSetup};
use crate::storage::Storage;
use ledger::{Lsn, Timestamp};
use std::path::Path;
use std::sync::Arc;
use tail::{LastSegment, keep_aside};

/// What recovery found.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) writer: LogWriter,
    /// The last event's position; everything up to it is durable.
    pub(crate) head: Lsn,
    pub(crate) last_at: Timestamp,
}

/// The segments of a log, before anything of them is believed.
#[derive(Debug)]
pub(crate) struct Segments {
    storage: Arc<dyn Storage>,
    files: Arc<LogFiles>,
    names: Vec<SegmentName>,
}

impl Segments {
    /// Lists the segments in `<dir>/log`, creating the folder if there is none.
    pub(crate) fn list(storage: Arc<dyn Storage>, dir: &Path) -> Result<Self, OpenError> {
        let log_dir = dir.join("log");
        storage.create_dir_durable(&log_dir).map_err(io_at("creating", &log_dir))?;
        let names = segment_names(&*storage, &log_dir)?;
        let files = Arc::new(LogFiles::new(storage.clone(), log_dir));
        names.iter().for_each(|name| files.add_segment(name.first_lsn));
        Ok(Segments { storage, files, names })
    }

    pub(crate) fn files(&self) -> &Arc<LogFiles> {
        &self.files
    }

    /// The id of the store, if the first segment tells one.
    pub(crate) fn store(&self) -> Result<Option<String>, OpenError> {
        const HEADER_FRAME_BYTES_MAX: usize = 4096;
        let Some(first) = self.names.first() else { return Ok(None) };
        let path = self.files.dir().join(first.to_string());
        let file = self.storage.open_to_read(&path).map_err(io_at("opening", &path))?;
        let size = file.size().map_err(io_at("reading", &path))?;
        let mut bytes = vec![0; (size as usize).min(HEADER_FRAME_BYTES_MAX)];
        file.read_exact_at(0, &mut bytes).map_err(io_at("reading", &path))?;
        match frame::read(&bytes, 0) {
            Slot::Frame { payload } => Ok(Some(reader::read_header(&path, payload)?.store)),
            _ => Ok(None),
        }
    }

    /// Reads the log behind a checkpoint, or all of it, hands every event to `replay`, and makes
    /// the end of the log durable.
    pub(crate) fn recover(
        self,
        dir: &Path,
        store: String,
        segment_bytes: u64,
        checkpoint: Option<Checkpoint>,
        replay: &mut impl Replay,
    ) -> Result<Recovered, OpenError> {
        let Segments { storage, files, names } = self;
        let mut reader = LogReader::new(storage.clone(), files.clone(), checkpoint);
        let mut last = None;
        for (index, name) in names.iter().enumerate() {
            let next = names.get(index + 1).map(|next| next.first_lsn);
            last = Some(reader.read_segment(*name, next, replay)?);
            tracing::info!(
                segment = index + 1,
                of = names.len(),
                lsn = reader.next_lsn.0 - 1,
                "the log is being read"
            );
        }
        let head = Lsn(reader.next_lsn.0 - 1);
        let (next_lsn, last_at) = (reader.next_lsn, reader.last_at);
        let setup = WriterSetup {
            storage: storage.clone(),
            files,
            identity: reader.identity.clone().unwrap_or(StoreIdentity { store, epoch: 1 }),
            segment_bytes,
        };
        let writer = match last {
            Some(LastSegment::Whole(tail)) => {
                tail.make_durable(&*storage, dir, head)?.resume(setup)
            }
            // Before the header of a segment was durable, nothing can have followed it.
            Some(LastSegment::TornCreation { path, bytes }) => {
                keep_aside(&*storage, dir, head, 0, &bytes)?;
                storage.remove(&path).map_err(io_at("removing", &path))?;
                create(setup, next_lsn, reader.previous_sha256()?)?
            }
            Some(LastSegment::PassedBy) => unreachable!("the last segment has no successor"),
            None => create(setup, next_lsn, None)?,
        };
        Ok(Recovered { writer, head, last_at })
    }
}

fn create(
    setup: WriterSetup,
    first: Lsn,
    previous_sha256: Option<String>,
) -> Result<LogWriter, OpenError> {
    LogWriter::create(setup, first, previous_sha256).map_err(|LogFailure { call, source }| {
        OpenError::Io { what: format!("{call} of a new segment"), source }
    })
}

pub(crate) fn io_at<'a>(
    what: &'a str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> OpenError + use<'a> {
    move |source| OpenError::Io { what: format!("{what} {}", path.display()), source }
}

pub(crate) fn segment_names(
    storage: &dyn Storage,
    log_dir: &Path,
) -> Result<Vec<SegmentName>, OpenError> {
    let mut names = Vec::new();
    for name in storage.list(log_dir).map_err(io_at("listing", log_dir))? {
        match SegmentName::parse(&name) {
            Some(segment) => names.push(segment),
            None => tracing::warn!(file = name, "ignoring a foreign file in the log directory"),
        }
    }
    names.sort_unstable();
    Ok(names)
}
