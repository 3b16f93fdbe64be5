//! Reading events back from the log while it grows: what is no longer in memory is here.
//!
//! Only durable frames are asked for. Every frame's checksum is verified again, and every event is
//! checked to be the one that was asked for.

use super::frame::{FRAME_BYTES_MAX, HEADER_BYTES, Slot, read};
use super::large_frames::LargeFrames;
use super::lookup::Lookup;
use super::positions::{LogPosition, Positions};
use super::record::{Decoded, decode, first_lsn};
use super::segment::SegmentName;
use crate::ReadError;
use crate::storage::{Storage, StorageFile};
use ledger::{Event, Lsn};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

/// What is read from a segment at once, at least.
const WINDOW_BYTES: u64 = 64 * 1024;

/// The end of a frame in the log, and its checksum: enough to tell one history from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogEnd {
    pub(crate) segment: Lsn,
    /// Where the frame ends.
    pub(crate) offset: u64,
    /// Of the frame's payload.
    pub(crate) crc: u32,
}

/// The segments of the log, for reading.
#[derive(Debug)]
pub(crate) struct LogFiles {
    storage: Arc<dyn Storage>,
    log_dir: PathBuf,
    pub(crate) positions: Positions,
    pub(super) large_frames: LargeFrames,
    /// By first lsn; a file is opened when it is first read.
    segments: RwLock<BTreeMap<Lsn, Option<Arc<dyn StorageFile>>>>,
}

const POISONED: &str = "nothing panics while it holds this lock";

impl LogFiles {
    pub(crate) fn new(storage: Arc<dyn Storage>, log_dir: PathBuf) -> Self {
        LogFiles {
            storage,
            log_dir,
            positions: Positions::default(),
            large_frames: LargeFrames::default(),
            segments: RwLock::default(),
        }
    }

    /// Takes note of a segment that exists from now on.
    pub(crate) fn add_segment(&self, first: Lsn) {
        self.segments.write().expect(POISONED).entry(first).or_default();
    }

    /// The events at these lsns, which rise and are durable.
    pub(crate) fn events(&self, lsns: &[Lsn]) -> Result<Vec<Arc<Event>>, ReadError> {
        let mut lookup = Lookup::new(self);
        lsns.iter().map(|lsn| lookup.event(*lsn)).collect()
    }

    /// Whole frames from the one that holds `from` on, in order.
    pub(crate) fn frames_from(
        &self,
        from: Lsn,
    ) -> Result<impl Iterator<Item = Result<Vec<Arc<Event>>, ReadError>> + use<'_>, ReadError> {
        let mut cursor = self.cursor(self.position_of(from)?)?;
        let mut next = Some(cursor.frame_with(from));
        Ok(std::iter::from_fn(move || {
            if let Some(first) = next.take() {
                return Some(first);
            }
            cursor.next_events().transpose()
        }))
    }

    /// Where the frame ends whose last event is `last`.
    pub(crate) fn end_of(&self, last: Lsn) -> Result<LogEnd, ReadError> {
        let mut cursor = self.cursor(self.position_of(last)?)?;
        let frame = cursor.frame_with(last)?;
        match frame.last() {
            Some(event) if event.lsn == last => {
                Ok(LogEnd { segment: cursor.segment, offset: cursor.offset, crc: cursor.crc })
            }
            _ => Err(self.missing(last)),
        }
    }

    /// Whether `segment`, of `size` bytes, ends with the frame of the event `last`, or with
    /// frames behind it that hold no events.
    pub(crate) fn segment_ends_with(
        &self,
        segment: Lsn,
        size: u64,
        last: Lsn,
    ) -> Result<bool, ReadError> {
        let mut cursor = self.cursor(self.position_of(last)?)?;
        let frame = cursor.frame_with(last)?;
        if cursor.segment != segment || frame.last().is_none_or(|event| event.lsn != last) {
            return Ok(false);
        }
        while cursor.segment == segment && cursor.offset < size {
            match cursor.next_payload()? {
                Some(payload) if cursor.decode(&cursor.window[payload.clone()])?.is_empty() => {}
                _ => return Ok(false),
            }
        }
        Ok(cursor.segment == segment)
    }

    /// Whether a frame with this checksum ends there.
    pub(crate) fn has_end(&self, last: Lsn, end: &LogEnd) -> bool {
        self.end_of(last).is_ok_and(|found| found == *end)
    }

    pub(super) fn position_of(&self, lsn: Lsn) -> Result<LogPosition, ReadError> {
        self.positions.before(lsn).ok_or_else(|| self.missing(lsn))
    }

    pub(super) fn missing(&self, lsn: Lsn) -> ReadError {
        ReadError::new(&self.log_dir, format!("lsn {lsn} is not where the log had it"))
    }

    pub(super) fn cursor(&self, position: LogPosition) -> Result<FrameCursor<'_>, ReadError> {
        let file = self.file(position.segment)?;
        Ok(FrameCursor {
            files: self,
            segment: position.segment,
            file,
            offset: position.offset,
            crc: 0,
            window: Vec::new(),
            window_start: position.offset,
        })
    }

    pub(super) fn file(&self, segment: Lsn) -> Result<Arc<dyn StorageFile>, ReadError> {
        if let Some(Some(file)) = self.segments.read().expect(POISONED).get(&segment) {
            return Ok(file.clone());
        }
        let path = self.path_of(segment);
        let file: Arc<dyn StorageFile> = self
            .storage
            .open_to_read(&path)
            .map_err(|source| ReadError::new(&path, source.to_string()))?
            .into();
        self.segments.write().expect(POISONED).insert(segment, Some(file.clone()));
        Ok(file)
    }

    pub(super) fn path_of(&self, segment: Lsn) -> PathBuf {
        self.log_dir.join(SegmentName { first_lsn: segment }.to_string())
    }

    fn segment_after(&self, segment: Lsn) -> Option<Lsn> {
        let after = (std::ops::Bound::Excluded(segment), std::ops::Bound::Unbounded);
        self.segments.read().expect(POISONED).range(after).next().map(|(first, _)| *first)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.log_dir
    }
}

/// A place in the log, between two frames.
pub(super) struct FrameCursor<'a> {
    files: &'a LogFiles,
    pub(super) segment: Lsn,
    file: Arc<dyn StorageFile>,
    /// Where the next frame begins.
    pub(super) offset: u64,
    /// Of the payload of the last frame.
    crc: u32,
    /// Bytes of the segment from `window_start` on.
    pub(super) window: Vec<u8>,
    window_start: u64,
}

impl FrameCursor<'_> {
    /// Whether reading on from here is no longer a way than starting at `position`.
    pub(super) fn is_at_or_behind(&self, position: &LogPosition) -> bool {
        self.segment == position.segment && self.offset >= position.offset
    }

    /// The events of the frame that holds `lsn`, at the cursor or behind it.
    fn frame_with(&mut self, lsn: Lsn) -> Result<Vec<Arc<Event>>, ReadError> {
        loop {
            let payload = self.payload_near(lsn)?;
            let events = self.decode(&self.window[payload])?;
            match (events.first(), events.last()) {
                (Some(first), _) if first.lsn > lsn => return Err(self.files.missing(lsn)),
                (_, Some(last)) if last.lsn >= lsn => return Ok(events),
                _ => {}
            }
        }
    }

    /// Steps over the next frame that may hold `lsn`; gives its payload's place in the window.
    pub(super) fn payload_near(&mut self, lsn: Lsn) -> Result<Range<usize>, ReadError> {
        loop {
            let Some(payload) = self.next_payload()? else { return Err(self.files.missing(lsn)) };
            // Where the next frame can be seen to begin before the wanted event or with it, this
            // one need not be decoded.
            if self.next_first_lsn().is_none_or(|next| next > lsn) {
                return Ok(payload);
            }
        }
    }

    /// The first lsn of the frame at the cursor, if the window shows it. Not verified: a hint.
    fn next_first_lsn(&self) -> Option<Lsn> {
        let start = usize::try_from(self.offset.checked_sub(self.window_start)?).ok()?;
        first_lsn(self.window.get(start + HEADER_BYTES..)?)
    }

    fn next_events(&mut self) -> Result<Option<Vec<Arc<Event>>>, ReadError> {
        while let Some(payload) = self.next_payload()? {
            let events = self.decode(&self.window[payload])?;
            if !events.is_empty() {
                return Ok(Some(events));
            }
        }
        Ok(None)
    }

    /// No events: a header or a closing frame.
    pub(super) fn decode(&self, payload: &[u8]) -> Result<Vec<Arc<Event>>, ReadError> {
        if payload.starts_with(b"{\"tallybook_log\"") {
            return Ok(Vec::new());
        }
        match decode(payload) {
            Ok(Decoded::Events { events, .. }) => Ok(events),
            Ok(Decoded::Closed { .. }) => Ok(Vec::new()),
            Err(error) => Err(self.problem(error.0)),
        }
    }

    pub(super) fn problem(&self, problem: impl Into<String>) -> ReadError {
        let path = self.files.path_of(self.segment);
        ReadError::new(&path, format!("at offset {}: {}", self.offset, problem.into()))
    }

    /// Steps over the next frame; gives its payload's place in the window.
    fn next_payload(&mut self) -> Result<Option<Range<usize>>, ReadError> {
        loop {
            let start = usize::try_from(self.offset - self.window_start)
                .map_err(|_| self.problem("out of range"))?;
            let (ends_here, problem) = match read(&self.window, start) {
                Slot::Frame { payload } => {
                    let begin = start + HEADER_BYTES;
                    let end = begin + payload.len();
                    self.crc = crc32fast::hash(payload);
                    self.offset = self.window_start + end as u64;
                    return Ok(Some(begin..end));
                }
                Slot::Empty => (true, ""),
                Slot::Bad(problem) => (false, problem),
            };
            // Perhaps only the window ends here, perhaps the segment does.
            if self.widen()? {
                continue;
            }
            if !ends_here {
                return Err(self.problem(problem));
            }
            let Some(next) = self.files.segment_after(self.segment) else { return Ok(None) };
            self.file = self.files.file(next)?;
            self.segment = next;
            (self.offset, self.window_start) = (0, 0);
            self.window.clear();
        }
    }

    /// Reads on from the cursor: a window, or the frame there if that is larger. False if the
    /// window held all there is to the frame already.
    fn widen(&mut self) -> Result<bool, ReadError> {
        let failed = |cursor: &Self, source: std::io::Error| cursor.problem(source.to_string());
        let size = self.file.size().map_err(|source| failed(self, source))?;
        let start = (self.offset - self.window_start) as usize;
        let held = &self.window[start.min(self.window.len())..];
        let wanted = match held.first_chunk::<4>() {
            Some(length) => (u32::from_le_bytes(*length) as u64 + HEADER_BYTES as u64)
                .clamp(WINDOW_BYTES, FRAME_BYTES_MAX as u64),
            None => WINDOW_BYTES,
        };
        let wanted = wanted.min(size.saturating_sub(self.offset));
        if wanted <= held.len() as u64 {
            return Ok(false);
        }
        let mut window = vec![0; wanted as usize];
        self.file.read_exact_at(self.offset, &mut window).map_err(|source| failed(self, source))?;
        self.window = window;
        self.window_start = self.offset;
        Ok(true)
    }
}
