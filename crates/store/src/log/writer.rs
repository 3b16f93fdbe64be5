//! Appending to the log: cycles of frames, one sync each, and the turn to the next segment.
//!
//! Invariant: the first failure latches here, at the lowest layer. After any call has failed, no
//! later call touches the disk: a sync that is tried again may claim success for pages the kernel
//! has already thrown away.

use crate::log::files::LogFiles;
use crate::log::frame;
use crate::log::positions::LogPosition;
use crate::log::record::{self, frame_tail};
use crate::log::segment::{FORMAT_VERSION, HeaderRecord, SegmentHeader, SegmentName};
use crate::storage::{Storage, StorageFile};
use ledger::Lsn;
use sha2::{Digest as _, Sha256};
use std::io;
use std::sync::Arc;

/// How far ahead of the frames a segment is filled with zeros: a sync of bytes inside the file
/// need not also write the file's new length.
const ZEROED_AHEAD_BYTES: usize = 1024 * 1024;

/// A disk call that failed.
#[derive(Debug)]
pub(crate) struct LogFailure {
    pub(crate) call: &'static str,
    pub(crate) source: io::Error,
}

/// What every segment of a store says about the store.
#[derive(Debug, Clone)]
pub(crate) struct StoreIdentity {
    pub(crate) store: String,
    pub(crate) epoch: u64,
}

#[derive(Debug)]
pub(crate) struct LogWriter {
    storage: Arc<dyn Storage>,
    /// Told where segments and frames are, so that readers find them.
    files: Arc<LogFiles>,
    identity: StoreIdentity,
    segment_bytes: u64,
    file: Box<dyn StorageFile>,
    /// The first lsn of the segment.
    segment: Lsn,
    /// Where the next frame goes.
    offset: u64,
    /// The file holds zeros from `offset` to here.
    zeroed_to: u64,
    /// Over the segment's bytes up to `offset`.
    digest: Sha256,
    out: Vec<u8>,
    failed: bool,
}

/// What a writer needs beside the segment it writes.
#[derive(Debug, Clone)]
pub(crate) struct WriterSetup {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) files: Arc<LogFiles>,
    pub(crate) identity: StoreIdentity,
    pub(crate) segment_bytes: u64,
}

impl LogWriter {
    /// Creates a segment: header, sync, and the name made durable in its directory.
    pub(crate) fn create(
        setup: WriterSetup,
        first_lsn: Lsn,
        previous_sha256: Option<String>,
    ) -> Result<Self, LogFailure> {
        let WriterSetup { storage, files, identity, .. } = &setup;
        let (file, header) =
            create_segment(&**storage, files.dir(), identity, first_lsn, previous_sha256)?;
        Ok(Self::resume(setup, file, first_lsn, &header))
    }

    /// Goes on behind `bytes`, the whole and durable content of a segment.
    pub(crate) fn resume(
        setup: WriterSetup,
        file: Box<dyn StorageFile>,
        segment: Lsn,
        bytes: &[u8],
    ) -> Self {
        let WriterSetup { storage, files, identity, segment_bytes } = setup;
        files.add_segment(segment);
        LogWriter {
            storage,
            files,
            identity,
            segment_bytes,
            file,
            segment,
            offset: bytes.len() as u64,
            zeroed_to: bytes.len() as u64,
            digest: Sha256::new_with_prefix(bytes),
            out: Vec::new(),
            failed: false,
        }
    }

    /// Writes a cycle of frames (each without its `durable` mark) and syncs once.
    pub(crate) fn write_cycle<'a>(
        &mut self,
        frames: impl Iterator<Item = &'a [u8]>,
        first_lsn: Lsn,
        durable: Lsn,
    ) -> Result<(), LogFailure> {
        self.latched(|writer| {
            if writer.offset >= writer.segment_bytes {
                writer.turn_to_next_segment(first_lsn)?;
            }
            let tail = frame_tail(durable);
            writer.out.clear();
            for payload in frames {
                if let Some(lsn) = record::first_lsn(payload) {
                    let offset = writer.offset + writer.out.len() as u64;
                    let segment = writer.segment;
                    writer.files.positions.note(LogPosition { lsn, segment, offset });
                }
                frame::append(&mut writer.out, payload, tail.as_bytes());
            }
            writer.append_out()
        })
    }

    /// Ends the log after a clean stop: a closing frame, and no zeros behind it.
    pub(crate) fn close(&mut self, payload: &str) -> Result<(), LogFailure> {
        self.latched(|writer| {
            writer.out.clear();
            frame::append(&mut writer.out, payload.as_bytes(), b"");
            writer.append_out()?;
            writer.trim()
        })
    }

    fn latched(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), LogFailure>,
    ) -> Result<(), LogFailure> {
        if self.failed {
            let source = io::Error::other("an earlier failure stopped the log writer");
            return Err(LogFailure { call: "write", source });
        }
        let result = work(self);
        self.failed = result.is_err();
        result
    }

    fn append_out(&mut self) -> Result<(), LogFailure> {
        let frames_len = self.out.len();
        let end = self.offset + frames_len as u64;
        self.digest.update(&self.out);
        if end > self.zeroed_to {
            self.out.resize(frames_len + ZEROED_AHEAD_BYTES, 0);
            self.zeroed_to = end + ZEROED_AHEAD_BYTES as u64;
        }
        self.file
            .write_all_at(self.offset, &self.out)
            .map_err(|source| LogFailure { call: "write", source })?;
        self.file.sync_data().map_err(|source| LogFailure { call: "fdatasync", source })?;
        self.offset = end;
        if self.out.capacity() > 8 * ZEROED_AHEAD_BYTES {
            self.out = Vec::new();
        }
        Ok(())
    }

    /// Cuts the zeros off: a sealed segment ends with its last frame.
    fn trim(&mut self) -> Result<(), LogFailure> {
        self.file
            .set_len(self.offset)
            .map_err(|source| LogFailure { call: "ftruncate", source })?;
        self.zeroed_to = self.offset;
        self.file.sync_data().map_err(|source| LogFailure { call: "fdatasync", source })
    }

    fn turn_to_next_segment(&mut self, first_lsn: Lsn) -> Result<(), LogFailure> {
        self.trim()?;
        let previous_sha256 = hex(&std::mem::take(&mut self.digest).finalize());
        let (file, header) = create_segment(
            &*self.storage,
            self.files.dir(),
            &self.identity,
            first_lsn,
            Some(previous_sha256),
        )?;
        self.files.add_segment(first_lsn);
        self.segment = first_lsn;
        self.file = file;
        self.offset = header.len() as u64;
        self.zeroed_to = self.offset;
        self.digest = Sha256::new_with_prefix(&header);
        Ok(())
    }
}

/// SHA-256 of a whole segment, as the next segment's header quotes it.
pub(crate) fn segment_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn create_segment(
    storage: &dyn Storage,
    log_dir: &std::path::Path,
    identity: &StoreIdentity,
    first_lsn: Lsn,
    previous_sha256: Option<String>,
) -> Result<(Box<dyn StorageFile>, Vec<u8>), LogFailure> {
    let header = header_frame(identity, first_lsn, previous_sha256);
    let path = log_dir.join(SegmentName { first_lsn }.to_string());
    let file = storage.create(&path).map_err(|source| LogFailure { call: "open", source })?;
    file.write_all_at(0, &header).map_err(|source| LogFailure { call: "write", source })?;
    file.sync_data().map_err(|source| LogFailure { call: "fdatasync", source })?;
    storage
        .sync_dir(log_dir)
        .map_err(|source| LogFailure { call: "fsync of the log directory", source })?;
    Ok((file, header))
}

/// The frame that a segment begins with.
pub(crate) fn header_frame(
    identity: &StoreIdentity,
    first_lsn: Lsn,
    previous_sha256: Option<String>,
) -> Vec<u8> {
    let record = HeaderRecord {
        tallybook_log: SegmentHeader {
            version: FORMAT_VERSION,
            store: identity.store.clone(),
            epoch: identity.epoch,
            first_lsn: first_lsn.0,
            previous_sha256,
        },
    };
    let payload = serde_json::to_string(&record).expect("a header of texts and numbers is JSON");
    let mut header = Vec::new();
    frame::append(&mut header, payload.as_bytes(), b"");
    header
}
