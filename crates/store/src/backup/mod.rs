//! Copying a ledger's log away while it is written, and making a ledger of the copy again.
//!
//! Owns: what of a log belongs to a backup ([`source`]), the copy and its order on the disk
//! ([`copy`]), the manifest that makes files a backup ([`manifest`]), and restoring.
//!
//! Refuses to know who writes the log: nothing is asked of the server, nothing in its directory is
//! changed.
//!
//! Invariants: a backup is a prefix of the log that ends with a frame, and holds whatever was
//! acknowledged before it began; its manifest is written last, after the copy has passed
//! [`verify`](crate::verify()); and a restored ledger begins a new epoch, so that it is never
//! taken for the one it was copied from. See `docs/adr/0008-online-backup-copies-the-log.md`.

mod copy;
mod manifest;
mod restoring;
mod source;

pub use restoring::restore;

use crate::OpenError;
use crate::log::recovery::io_at;
use crate::log::segment::SegmentName;
use crate::storage::{Disk, Storage};
use crate::verify::{self, Finding, VerifyOptions, VerifyReport};
use copy::Target;
use ledger::{Lsn, Timestamp};
use manifest::{FileRecord, Manifest};
use source::{Source, Taken};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// How a backup is made or restored. [`BackupOptions::default`] is right for production.
#[derive(Debug, Clone)]
pub struct BackupOptions {
    /// Where the files are. Tests put other disks here.
    pub storage: Arc<dyn Storage>,
}

impl Default for BackupOptions {
    fn default() -> Self {
        BackupOptions { storage: Arc::new(Disk) }
    }
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupStage {
    Copying,
    /// Verifying the copy.
    Checking,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupProgress {
    pub stage: BackupStage,
    pub done_bytes: u64,
    pub total_bytes: u64,
}

/// What a backup holds, or what was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    pub store: String,
    pub epoch: u64,
    /// The last event.
    pub head: Lsn,
    /// Its recorded time.
    pub at: Timestamp,
    pub files: u64,
    pub bytes: u64,
    /// What was not there before.
    pub copied_bytes: u64,
}

/// Why no backup was made, or none restored.
#[derive(Debug)]
pub enum BackupError {
    Open(OpenError),
    /// The directory is not one to write this to.
    WrongTarget {
        path: PathBuf,
        problem: String,
    },
    /// The directory holds no backup, or not the one it says it is.
    NotABackup {
        path: PathBuf,
        problem: String,
    },
    /// The log, and so the copy, is not good.
    NotGood {
        findings: Vec<Finding>,
    },
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupError::Open(error) => error.fmt(f),
            BackupError::WrongTarget { path, problem } => {
                write!(f, "{} cannot be written to: {problem}", path.display())
            }
            BackupError::NotABackup { path, problem } => {
                write!(f, "{} is not a good backup: {problem}", path.display())
            }
            BackupError::NotGood { findings } => {
                f.write_str("the copy is not good, so it is not a backup")?;
                findings
                    .iter()
                    .try_for_each(|finding| write!(f, "\n{finding}\n  {}", finding.remedy))
            }
        }
    }
}

impl std::error::Error for BackupError {}

impl From<OpenError> for BackupError {
    fn from(error: OpenError) -> Self {
        BackupError::Open(error)
    }
}

type Tell<'a> = &'a mut dyn FnMut(&BackupProgress);

/// Copies the log of the directory `from`, which a server may be writing, to the directory `to`:
/// a new one, or one that holds an older backup of the same store, which is then carried on.
///
/// # Errors
/// If `to` holds anything else, if the log is damaged, or if a file cannot be read or written. An
/// older backup in `to` stays what it was.
pub fn backup(
    from: &Path,
    to: &Path,
    options: &BackupOptions,
    progress: &mut dyn FnMut(&BackupProgress),
) -> Result<BackupReport, BackupError> {
    let storage = &options.storage;
    let mut source = Source::open(storage.clone(), from)?;
    let target = Target::prepare(storage.clone(), to)?;
    // Before anything is written there, and again when nobody else can.
    target.older_backup(source.store())?;
    let _lock = target.lock()?;
    let older = target.older_backup(source.store())?;
    target.begin(source.store())?;
    let mut files = BTreeMap::new();
    let mut copied_bytes = 0;
    while let Some(name) = source.next_segment()? {
        let (file, copied) = copy_segment(&mut source, &target, name, older.as_ref())?;
        copied_bytes += copied;
        files.extend(file.map(|file| (name, file)));
        progress(&BackupProgress {
            stage: BackupStage::Copying,
            done_bytes: source.done_bytes(),
            total_bytes: source.total_bytes(),
        });
    }
    refuse_more_than_the_log(&target, &files)?;
    let report = check(storage, to, progress)?;
    let manifest = Manifest {
        store: source.store().to_owned(),
        epoch: report.epoch,
        head: report.head,
        at: report.last_at,
        made_at: now(),
        files: files.into_values().collect(),
    };
    target.finish(&manifest)?;
    Ok(manifest.report(copied_bytes))
}

/// Brings one segment into the backup; gives what the manifest says of it, and the bytes copied.
fn copy_segment(
    source: &mut Source,
    target: &Target,
    name: SegmentName,
    older: Option<&Manifest>,
) -> Result<(Option<FileRecord>, u64), BackupError> {
    let there = target.segment_size(name)?;
    let file = manifest::file_name(name);
    match source.take(name)? {
        Taken::Sealed { size } if there == Some(size) => {
            // What an older backup vouches for is not read again before it is verified.
            let known =
                older.and_then(|older| older.file(&file)).filter(|known| known.size == size);
            let (sha256, copied) = match known {
                Some(known) => (known.sha256.clone(), 0),
                None => copy_if_different(source, target, name, size)?,
            };
            source.pass(size);
            Ok((Some(FileRecord { name: file, size, sha256 }), copied))
        }
        Taken::Sealed { size } => {
            target.require_prefix(name, there, &mut |at, bytes| source.read(name, at, bytes))?;
            let sha256 = target.copy(name, size, &mut |at, bytes| source.read(name, at, bytes))?;
            source.pass(size);
            Ok((Some(FileRecord { name: file, size, sha256 }), size - there.unwrap_or(0)))
        }
        Taken::Growing { bytes } => {
            let size = bytes.len() as u64;
            let read = &mut |at: u64, out: &mut [u8]| source::read_from(&bytes, at, out);
            target.require_prefix(name, there, read)?;
            let sha256 = target.copy(name, size, read)?;
            source.pass(size);
            Ok((Some(FileRecord { name: file, size, sha256 }), size - there.unwrap_or(0)))
        }
        Taken::Nothing => Ok((None, 0)),
    }
}

/// Carries on an unfinished backup, which nothing vouches for yet.
fn copy_if_different(
    source: &Source,
    target: &Target,
    name: SegmentName,
    size: u64,
) -> Result<(String, u64), BackupError> {
    let sha256 = source.digest(name, size)?;
    if target.digest(name, size)? == sha256 {
        return Ok((sha256, 0));
    }
    let read = &mut |at: u64, bytes: &mut [u8]| source.read(name, at, bytes);
    Ok((target.copy(name, size, read)?, size))
}

/// Segments that the log does not have come from another history.
fn refuse_more_than_the_log(
    target: &Target,
    files: &BTreeMap<SegmentName, FileRecord>,
) -> Result<(), BackupError> {
    match target.segments()?.into_iter().find(|name| !files.contains_key(name)) {
        Some(name) => Err(target.wrong(format!(
            "it holds {name}, which the log does not have: it is a backup of another history; \
             choose another directory"
        ))),
        None => Ok(()),
    }
}

/// Runs verify on a directory that is locked already.
fn check(
    storage: &Arc<dyn Storage>,
    dir: &Path,
    progress: Tell<'_>,
) -> Result<VerifyReport, BackupError> {
    let options = VerifyOptions { storage: storage.clone(), ..VerifyOptions::default() };
    let report = verify::check_locked(dir, &options, &mut |checked| {
        progress(&BackupProgress {
            stage: BackupStage::Checking,
            done_bytes: checked.done_bytes,
            total_bytes: checked.total_bytes,
        });
    })?;
    match report.severity() {
        None | Some(verify::Severity::Notice) => Ok(report),
        Some(_) => Err(BackupError::NotGood { findings: report.findings }),
    }
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

fn failed<'a>(
    what: &'a str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> BackupError + use<'a> {
    move |source| BackupError::Open(io_at(what, path)(source))
}
