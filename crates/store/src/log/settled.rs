//! The latest time that was read while nothing later was on the disk yet, kept across restarts.
//!
//! Owns the file `settled`, one frame that holds that time, and who may have been promised it.
//! Times that the log itself has passed need no promise: the log's time never falls. Refuses to
//! know who reads the past, and what is in the log.
//!
//! Invariant: once [`SettledTime::keep`] has returned, no later start records anything at that
//! time or before.

use super::frame::{self, Slot};
use crate::storage::{Storage, read_all};
use crate::{OpenError, ReadError};
use ledger::Timestamp;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub(crate) const NAME: &str = "settled";

/// What is written promises this much more, so that readers of the present write seldom. A restart
/// within it records times that are ahead of the clock by no more than this.
const AHEAD_MICROS: i64 = 100_000;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// Microseconds since 1970-01-01 UTC.
    settled: i64,
}

#[derive(Debug)]
pub(crate) struct SettledTime {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
enum Kept {
    UpTo(Timestamp),
    /// A write failed: what the file holds now is unknown until it is read again.
    Unknown(ReadError),
}

/// The time that the file in a data directory holds; `None` if none was ever kept.
///
/// # Errors
/// If the file cannot be read, or is damaged.
pub(crate) fn read(storage: &dyn Storage, dir: &Path) -> Result<Option<Timestamp>, OpenError> {
    let file = dir.join(NAME);
    let bytes = match storage.open_to_read(&file).and_then(|opened| read_all(&*opened)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(OpenError::Io { what: format!("reading {}", file.display()), source });
        }
    };
    let record = match frame::read(&bytes, 0) {
        Slot::Frame { payload } => serde_json::from_slice::<Record>(payload).ok(),
        Slot::Empty | Slot::Bad(_) => None,
    };
    match record {
        Some(record) => Ok(Some(Timestamp(record.settled))),
        None => Err(OpenError::UnknownFormat { file, problem: PROBLEM.to_owned() }),
    }
}

/// What is told of a damaged file, and what to do about it.
const PROBLEM: &str = "the file is damaged; it keeps the past as it was read when the clock is set \
                       back: make sure that the clock is right, and remove the file";

impl SettledTime {
    /// `kept` is what the directory's file holds, as [`read`] told.
    pub(crate) fn new(storage: Arc<dyn Storage>, dir: &Path, kept: Option<Timestamp>) -> Self {
        let kept = Mutex::new(Kept::UpTo(kept.unwrap_or(Timestamp(i64::MIN))));
        SettledTime { storage, dir: dir.to_owned(), kept }
    }

    /// Promises that nothing is recorded at `at` or before, whatever happens from now on.
    ///
    /// # Errors
    /// If the disk fails, then and ever after: a failed write is not tried again.
    pub(crate) fn keep(&self, at: Timestamp) -> Result<(), ReadError> {
        let mut kept = self.kept.lock().expect("nothing panics while it is held");
        match &*kept {
            Kept::UpTo(time) if at <= *time => return Ok(()),
            Kept::UpTo(_) => {}
            Kept::Unknown(error) => return Err(error.clone()),
        }
        let ahead = Timestamp(at.0.saturating_add(AHEAD_MICROS));
        let written = self.write(ahead).map_err(|error| ReadError::Unsettled {
            file: self.dir.join(NAME),
            problem: error.to_string(),
        });
        *kept = match &written {
            Ok(()) => Kept::UpTo(ahead),
            Err(error) => Kept::Unknown(error.clone()),
        };
        written
    }

    /// Replaces the file in one step, durably.
    fn write(&self, settled: Timestamp) -> io::Result<()> {
        let payload = serde_json::to_vec(&Record { settled: settled.0 })?;
        let mut bytes = Vec::new();
        frame::append(&mut bytes, &payload, b"");
        let unfinished = self.dir.join(format!("{NAME}.new"));
        match self.storage.remove(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.storage.create(&unfinished)?;
        file.write_all_at(0, &bytes)?;
        file.sync_data()?;
        drop(file);
        self.storage.rename(&unfinished, &self.dir.join(NAME))?;
        self.storage.sync_dir(&self.dir)
    }
}
