//! Checking a data directory while nobody writes it.
//!
//! Owns: going through the whole log and every cache of it, and saying what is wrong, where, and
//! what to do; and foretelling what the next start will do to the directory.
//!
//! Refuses to know how a ledger is opened or repaired.
//!
//! Invariant: files are opened to be read, and nothing in the directory is created, changed or
//! removed. It works on directories that a start refuses.
//!
//! Every frame of the log is read, not only those behind a checkpoint; every event is audited by
//! the [`Auditor`](crate::Auditor); every table of every part is compared with what the log says.
//! What must be held meanwhile: the accounts, 16 bytes with overhead for every name of a
//! transaction, one segment.

mod audit;
mod caches;
mod findings;
mod log_walk;
mod next_start;
mod shadow;
#[cfg(test)]
mod tests;

pub use findings::{Finding, Remedy, Severity};
pub use next_start::Step;

use crate::OpenError;
use crate::history::{HISTORY_DIR, find_parts};
use crate::log::files::LogFiles;
use crate::log::recovery::{io_at, segment_names};
use crate::log::segment::SegmentName;
use crate::log::{lock, settled};
use crate::storage::{Disk, Storage};
use caches::Caches;
use findings::Findings;
use ledger::{Lsn, Timestamp};
use log_walk::LogWalk;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// How a directory is checked. [`VerifyOptions::default`] is right for production.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// Where the files are. Tests put other disks here.
    pub storage: Arc<dyn Storage>,
    /// Findings beyond this number are counted and not kept.
    pub findings_max: usize,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        VerifyOptions { storage: Arc::new(Disk), findings_max: 1_000 }
    }
}

/// How far a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done_bytes: u64,
    pub total_bytes: u64,
    /// The last event read.
    pub lsn: Lsn,
    /// Findings so far.
    pub findings: u64,
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// The id of the store, if a segment told it.
    pub store: Option<String>,
    /// Counts restores; 1 for a store that never was one.
    pub epoch: u64,
    pub segments: u64,
    pub log_bytes: u64,
    pub frames: u64,
    pub events: u64,
    pub transactions: u64,
    pub books: u64,
    pub accounts: u64,
    /// The last event of the log that the next start keeps.
    pub head: Lsn,
    pub last_at: Timestamp,
    /// Up to here every event was audited: all of them, unless something is missing before.
    pub audited: Lsn,
    /// Parts that a start would use.
    pub parts: u64,
    pub part_bytes: u64,
    /// How many of them were compared with the log.
    pub parts_compared: u64,
    /// In the order they were made.
    pub findings: Vec<Finding>,
    /// Findings that were counted and not kept.
    pub findings_left_out: u64,
    /// What the next start would do to the directory, in order.
    pub next_start: Vec<Step>,
}

impl VerifyReport {
    /// The worst of all findings; `None` if there are none.
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.remedy.severity()).max()
    }
}

/// Checks the directory of a ledger that is not open. `progress` is told now and then.
///
/// # Errors
/// If there is nothing to check, or another process has the directory. Whatever is wrong with a
/// log that is there is a finding.
pub fn verify(
    dir: &Path,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<VerifyReport, OpenError> {
    let names = segment_names(&*options.storage, &dir.join("log"))?;
    if names.is_empty() {
        return Err(no_log(dir));
    }
    let _lock = lock::acquire_to_read(&*options.storage, dir)?;
    check_locked(dir, options, progress)
}

fn no_log(dir: &Path) -> OpenError {
    let source = io::Error::new(io::ErrorKind::NotFound, "no segment of a log is there");
    io_at("checking", &dir.join("log"))(source)
}

/// Checks a directory that nobody can change meanwhile.
pub(crate) fn check_locked(
    dir: &Path,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<VerifyReport, OpenError> {
    let storage = &options.storage;
    let log_dir = dir.join("log");
    let names = segment_names(&**storage, &log_dir)?;
    if names.is_empty() {
        return Err(no_log(dir));
    }
    let files = Arc::new(LogFiles::new(storage.clone(), log_dir.clone()));
    names.iter().for_each(|name| files.add_segment(name.first_lsn));
    let mut findings = Findings::new(options.findings_max);
    note_foreign_files(&**storage, &log_dir, &mut findings)?;
    note_settled(&**storage, dir, &mut findings);
    let store = log_walk::store_of(&**storage, &log_dir, &names);
    let found = match &store {
        Some(store) => {
            let history = dir.join(HISTORY_DIR);
            Some(find_parts(&**storage, &history, store).map_err(io_at("listing", &history))?)
        }
        None => None,
    };
    let caches = Caches::new(&**storage, &dir.join(HISTORY_DIR), found, &mut findings);
    let total_bytes = log_bytes(&**storage, &log_dir, &names)? + caches.bytes();
    let meter = Meter { progress, done_bytes: 0, told_bytes: 0, total_bytes };
    LogWalk::new(storage.clone(), files, caches, findings, meter).walk(dir, &names)
}

fn note_foreign_files(
    storage: &dyn Storage,
    log_dir: &Path,
    findings: &mut Findings,
) -> Result<(), OpenError> {
    let mut names = storage.list(log_dir).map_err(io_at("listing", log_dir))?;
    names.sort_unstable();
    for name in names.iter().filter(|name| SegmentName::parse(name).is_none()) {
        findings.add(Finding {
            file: log_dir.join(name),
            offset: None,
            lsn: None,
            problem: "this is not a file of the log".to_owned(),
            remedy: Remedy::LeaveIt,
        });
    }
    Ok(())
}

/// Looks at the file of the time that was promised to readers.
fn note_settled(storage: &dyn Storage, dir: &Path, findings: &mut Findings) {
    let Err(error) = settled::read(storage, dir) else { return };
    let (problem, remedy) = match error {
        OpenError::UnknownFormat { .. } => {
            ("this is no settled time".to_owned(), Remedy::CheckClock)
        }
        error => (error.to_string(), Remedy::CheckAccess),
    };
    let file = dir.join(settled::NAME);
    findings.add(Finding { file, offset: None, lsn: None, problem, remedy });
}

fn log_bytes(
    storage: &dyn Storage,
    log_dir: &Path,
    names: &[SegmentName],
) -> Result<u64, OpenError> {
    let mut bytes = 0;
    for name in names {
        let path = log_dir.join(name.to_string());
        // One that cannot be opened is a finding, later.
        bytes += storage.open_to_read(&path).and_then(|file| file.size()).unwrap_or(0);
    }
    Ok(bytes)
}

/// Tells how far the check is, now and then.
struct Meter<'a> {
    progress: &'a mut dyn FnMut(&Progress),
    done_bytes: u64,
    told_bytes: u64,
    total_bytes: u64,
}

impl Meter<'_> {
    fn advance(&mut self, bytes: u64, lsn: Lsn, findings: &Findings) {
        const STEP_BYTES: u64 = 1024 * 1024;
        self.done_bytes += bytes;
        if self.done_bytes >= self.told_bytes + STEP_BYTES || self.done_bytes == self.total_bytes {
            self.told_bytes = self.done_bytes;
            (self.progress)(&Progress {
                done_bytes: self.done_bytes,
                total_bytes: self.total_bytes,
                lsn,
                findings: findings.count(),
            });
        }
    }
}
