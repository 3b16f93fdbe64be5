//! The manifest: what makes a directory of files a backup.

use super::BackupReport;
use crate::log::segment::SegmentName;
use ledger::{Lsn, Timestamp};
use serde::{Deserialize, Serialize};

/// The name of the manifest in a backup's directory.
pub(super) const MANIFEST_NAME: &str = "backup.json";

/// Is there while a first backup is not finished: says whose it will be.
pub(super) const UNFINISHED_NAME: &str = "unfinished.json";

const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) store: String,
    pub(super) epoch: u64,
    pub(super) head: Lsn,
    /// Recorded time of the last event.
    pub(super) at: Timestamp,
    /// When the backup was made, by the clock of the machine that made it.
    pub(super) made_at: Timestamp,
    /// In order.
    pub(super) files: Vec<FileRecord>,
}

/// A file of the backup. Bytes behind `size` are of a later backup that was not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRecord {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestRecord {
    tallybook_backup: u32,
    store: String,
    epoch: u64,
    head_lsn: u64,
    at: i64,
    made_at: i64,
    files: Vec<FileRecord>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnfinishedRecord {
    tallybook_backup_of: String,
}

/// How a segment is called in a manifest.
pub(super) fn file_name(segment: SegmentName) -> String {
    format!("log/{segment}")
}

impl FileRecord {
    /// The segment, if the name is one that [`file_name`] gives.
    pub(super) fn segment(&self) -> Option<SegmentName> {
        SegmentName::parse(self.name.strip_prefix("log/")?)
    }
}

impl Manifest {
    pub(super) fn file(&self, name: &str) -> Option<&FileRecord> {
        self.files.iter().find(|file| file.name == name)
    }

    pub(super) fn report(&self, copied_bytes: u64) -> BackupReport {
        BackupReport {
            store: self.store.clone(),
            epoch: self.epoch,
            head: self.head,
            at: self.at,
            files: self.files.len() as u64,
            bytes: self.files.iter().map(|file| file.size).sum(),
            copied_bytes,
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let record = ManifestRecord {
            tallybook_backup: VERSION,
            store: self.store.clone(),
            epoch: self.epoch,
            head_lsn: self.head.0,
            at: self.at.0,
            made_at: self.made_at.0,
            files: self.files.clone(),
        };
        let mut bytes = serde_json::to_vec_pretty(&record).expect("plain records are always JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Trusts nothing; says what is wrong.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let version = serde_json::from_slice::<serde_json::Value>(bytes)
            .ok()
            .and_then(|value| value.get("tallybook_backup")?.as_u64())
            .ok_or("its manifest is not readable")?;
        if version != u64::from(VERSION) {
            return Err(format!(
                "its version {version} is unknown to this tallybook, which reads version {VERSION}"
            ));
        }
        let record: ManifestRecord = serde_json::from_slice(bytes)
            .map_err(|error| format!("its manifest is not readable: {error}"))?;
        let segments: Option<Vec<SegmentName>> =
            record.files.iter().map(FileRecord::segment).collect();
        if !segments.is_some_and(|names| !names.is_empty() && names.is_sorted_by(|a, b| a < b)) {
            return Err("its manifest does not name the segments of a log in order".to_owned());
        }
        Ok(Manifest {
            store: record.store,
            epoch: record.epoch,
            head: Lsn(record.head_lsn),
            at: Timestamp(record.at),
            made_at: Timestamp(record.made_at),
            files: record.files,
        })
    }
}

pub(super) fn unfinished_bytes(store: &str) -> Vec<u8> {
    let record = UnfinishedRecord { tallybook_backup_of: store.to_owned() };
    serde_json::to_vec(&record).expect("plain records are always JSON")
}

pub(super) fn store_of_unfinished(bytes: &[u8]) -> Option<String> {
    let record: UnfinishedRecord = serde_json::from_slice(bytes).ok()?;
    Some(record.tallybook_backup_of)
}
