//! Reading a log from the description in `docs/format.md`, and from nothing else: what checks the
//! store must not believe the store.

use std::ops::Range;

/// A frame with a good checksum, and where it stands in its segment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogFrame {
    pub(crate) range: Range<usize>,
    pub(crate) payload: serde_json::Value,
}

impl LogFrame {
    /// The last lsn of a frame of events; `None` for a header or a closing frame.
    pub(crate) fn last_lsn(&self) -> Option<u64> {
        self.payload.get("events")?.as_array()?.last()?.get("lsn")?.as_u64()
    }
}

/// The frames from `offset` on, until a length of zero or a frame that is not good.
pub(crate) fn frames(bytes: &[u8], offset: usize) -> Vec<LogFrame> {
    let mut frames = Vec::new();
    let mut start = offset;
    while let Some(frame) = frame_at(bytes, start) {
        start = frame.range.end;
        frames.push(frame);
    }
    frames
}

fn frame_at(bytes: &[u8], start: usize) -> Option<LogFrame> {
    let number = |at: usize| {
        let four = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes(four.try_into().ok()?))
    };
    let length = number(start)? as usize;
    let payload = bytes.get(start + 8..start + 8 + length)?;
    if length == 0 || crc32fast::hash(payload) != number(start + 4)? {
        return None;
    }
    let range = start..start + 8 + length;
    serde_json::from_slice(payload).ok().map(|payload| LogFrame { range, payload })
}

/// Whether a file of the log directory is a segment.
pub(crate) fn is_segment(name: &str) -> bool {
    name.starts_with("segment-") && name.ends_with(".log")
}
