//! Making a ledger of a backup.
//!
//! Files are put in place from the last to the first: until the very end the first segment is
//! missing, and a directory without it refuses to start. So a restore that was interrupted cannot
//! be taken for a shorter ledger.

use super::copy::Target;
use super::manifest::{FileRecord, MANIFEST_NAME, Manifest};
use super::{BackupError, BackupOptions, BackupProgress, BackupReport, BackupStage, check, failed};
use crate::log::segment::SegmentName;
use crate::log::writer::{StoreIdentity, header_frame};
use std::path::Path;

/// Restores the backup in the directory `from` to the directory `to`, which must be empty or not
/// exist. The restored ledger has the same history and begins a new epoch behind it.
///
/// # Errors
/// If `from` is not a good backup, if `to` holds anything, or if a file cannot be read or written.
pub fn restore(
    from: &Path,
    to: &Path,
    options: &BackupOptions,
    progress: &mut dyn FnMut(&BackupProgress),
) -> Result<BackupReport, BackupError> {
    let storage = &options.storage;
    let backup = Target::new(storage.clone(), from);
    if !backup.names()?.iter().any(|name| name == MANIFEST_NAME) {
        return Err(backup.no_backup(format!(
            "it has no {MANIFEST_NAME}: the backup was not finished; run it again"
        )));
    }
    let manifest = backup.manifest()?;
    let target = Target::prepare(storage.clone(), to)?;
    if !target.names()?.is_empty() {
        return Err(target.wrong("it is not empty; a backup is restored to a directory of its own"));
    }
    let _lock = target.lock()?;
    target.create_log_dir()?;
    // A last segment without events is not carried over: the new epoch begins in its place.
    let next = manifest.head.next();
    let kept: Vec<(SegmentName, &FileRecord)> = manifest
        .files
        .iter()
        .filter_map(|file| Some((file.segment()?, file)))
        .filter(|(name, _)| name.first_lsn < next)
        .collect();
    let identity = StoreIdentity { store: manifest.store.clone(), epoch: manifest.epoch + 1 };
    let previous = kept.last().map(|(_, file)| file.sha256.clone());
    let begins = SegmentName { first_lsn: next };
    target.put_segment(begins, &header_frame(&identity, next, previous))?;
    let mut done_bytes = 0;
    let total_bytes = kept.iter().map(|(_, file)| file.size).sum();
    for (name, file) in kept.iter().rev() {
        copy_back(options, &backup, from, &target, *name, file)?;
        done_bytes += file.size;
        let stage = BackupStage::Copying;
        progress(&BackupProgress { stage, done_bytes, total_bytes });
    }
    let report = check(storage, to, progress)?;
    if (report.head, report.store.as_deref()) != (manifest.head, Some(&*manifest.store)) {
        return Err(backup.no_backup(format!(
            "its files end with lsn {}, its manifest says {}",
            report.head, manifest.head
        )));
    }
    let restored = Manifest { epoch: identity.epoch, ..manifest };
    Ok(restored.report(total_bytes))
}

fn copy_back(
    options: &BackupOptions,
    backup: &Target,
    from: &Path,
    target: &Target,
    name: SegmentName,
    record: &FileRecord,
) -> Result<(), BackupError> {
    let changed = || backup.no_backup(format!("{} is not what was copied there", record.name));
    if backup.segment_size(name)?.is_none_or(|size| size < record.size) {
        return Err(changed());
    }
    // Before anything of it stands in the target.
    if backup.digest(name, record.size)? != record.sha256 {
        return Err(changed());
    }
    let path = from.join(&record.name);
    let file = options.storage.open_to_read(&path).map_err(failed("opening", &path))?;
    let copied = target.copy(name, record.size, &mut |at, bytes| file.read_exact_at(at, bytes))?;
    if copied == record.sha256 { Ok(()) } else { Err(changed()) }
}
