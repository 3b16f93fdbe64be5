//! The header of a segment, and whether the segment follows the one before.

use super::super::findings::Remedy;
use super::{LogWalk, Previous, Segment};
use crate::OpenError;
use crate::log::frame::{self, Slot};
use crate::log::recovery::read_header;
use crate::log::segment::SegmentName;
use crate::log::writer::StoreIdentity;
use crate::storage::Storage;
use std::path::Path;

/// The store's id, from the first segment that tells one.
pub(in crate::verify) fn store_of(
    storage: &dyn Storage,
    log_dir: &Path,
    names: &[SegmentName],
) -> Option<String> {
    const HEADER_FRAME_BYTES_MAX: u64 = 4_096;
    names.iter().find_map(|name| {
        let path = log_dir.join(name.to_string());
        let file = storage.open_to_read(&path).ok()?;
        let mut bytes = vec![0; file.size().ok()?.min(HEADER_FRAME_BYTES_MAX) as usize];
        file.read_exact_at(0, &mut bytes).ok()?;
        match frame::read(&bytes, 0) {
            Slot::Frame { payload } => Some(read_header(&path, payload).ok()?.store),
            _ => None,
        }
    })
}

impl LogWalk<'_> {
    /// Checks a header; false if the segment cannot be read behind it.
    pub(super) fn header(&mut self, segment: &Segment<'_>, payload: &[u8]) -> bool {
        let Segment { path, name, .. } = segment;
        let header = match read_header(path, payload) {
            Ok(header) => header,
            Err(OpenError::UnknownFormat { problem, .. }) => {
                self.note(path, Some(0), Some(name.first_lsn), problem, Remedy::UseOtherRelease);
                return false;
            }
            Err(error) => {
                self.damaged(segment, 0, error.to_string());
                return false;
            }
        };
        if header.first_lsn != name.first_lsn.0 {
            self.damaged(segment, 0, "the header does not match the file's name");
        }
        if name.first_lsn != self.due {
            if self.is_whole || name.first_lsn < self.due {
                let problem = format!("lsn {} is due: a segment is missing", self.due);
                self.damaged(segment, 0, problem);
            }
            self.lose();
            self.due = name.first_lsn;
            self.previous = Previous::Unknown;
        }
        let chained = match &self.previous {
            Previous::Unknown => true,
            Previous::None => header.previous_sha256.is_none(),
            Previous::Sha256(digest) => header.previous_sha256.as_ref() == Some(digest),
        };
        if !chained {
            self.damaged(segment, 0, "the previous segment is not what it was");
        }
        let problem = match &self.identity {
            Some(identity) if identity.store != header.store => {
                Some("the segment belongs to another store")
            }
            Some(identity) if identity.epoch > header.epoch => {
                Some("the epoch went back: the segments are of two histories")
            }
            _ => None,
        };
        match problem {
            Some(problem) => self.damaged(segment, 0, problem),
            None => {
                self.identity = Some(StoreIdentity { store: header.store, epoch: header.epoch });
            }
        }
        true
    }
}
