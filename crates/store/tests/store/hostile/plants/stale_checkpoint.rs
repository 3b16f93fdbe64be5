//! Trusting a checkpoint that is not of this log.
//!
//! A start asks of every part whether the log has the frame that the part ends with, at its place
//! and with its checksum. Here each manifest names whatever frame the log has at that lsn, so the
//! question is always answered with yes: a recovery that does not ask.

use super::{Opened, StorageBug, plant};
use crate::hostile::log_bytes;
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use std::sync::Arc;
use store::storage::{Storage, StorageFile};

pub(crate) fn trust_stale_checkpoint(storage: Arc<dyn Storage>) -> Arc<dyn Storage> {
    plant::<NoBinding>(storage)
}

#[derive(Debug, Default)]
struct NoBinding;

impl StorageBug for NoBinding {
    fn open_to_read(&self, storage: &dyn Storage, path: &Path) -> Opened {
        let file = storage.open_to_read(path)?;
        if path.extension().is_none_or(|extension| extension != "json") {
            return Ok(file);
        }
        let manifest = all_of(&*file)?;
        let bound = rebound(storage, path, &manifest)?.unwrap_or(manifest);
        Ok(Box::new(BytesFile(bound)))
    }
}

/// The manifest with the end of the frame that this log has there; `None` if it has none.
fn rebound(storage: &dyn Storage, path: &Path, manifest: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let json = manifest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Ok(mut record) = serde_json::from_slice::<Value>(json) else { return Ok(None) };
    let log_dir = path.ancestors().nth(2).expect("a part lies two deep").join("log");
    for name in storage.list(&log_dir)? {
        let segment = name.strip_prefix("segment-").and_then(|name| name.strip_suffix(".log"));
        let Some(segment) = segment.and_then(|digits| digits.parse::<u64>().ok()) else { continue };
        let bytes = all_of(&*storage.open_to_read(&log_dir.join(&name))?)?;
        let frames = log_bytes::frames(&bytes, 0);
        let Some(frame) =
            frames.iter().find(|frame| frame.last_lsn() == record["last_lsn"].as_u64())
        else {
            continue;
        };
        let crc = crc32fast::hash(&bytes[frame.range.start + 8..frame.range.end]);
        record["end"] = json!({ "segment": segment, "offset": frame.range.end, "crc32": crc });
        let json = record.to_string();
        let crc = crc32fast::hash(json.as_bytes());
        return Ok(Some(format!("{json}\n{crc:08x}\n").into_bytes()));
    }
    Ok(None)
}

fn all_of(file: &dyn StorageFile) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; file.size()? as usize];
    file.read_exact_at(0, &mut bytes)?;
    Ok(bytes)
}

/// A file that is nowhere on the disk, for reading.
#[derive(Debug)]
struct BytesFile(Vec<u8>);

impl StorageFile for BytesFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
    fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let end = offset as usize + bytes.len();
        let found = self.0.get(offset as usize..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(found);
        Ok(())
    }
    fn write_all_at(&self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
    fn set_len(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
}
