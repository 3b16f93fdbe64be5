//! Single events of the log, by lsn.
//!
//! Of a small frame all events are decoded, and kept for the lsns that come next; of a large one
//! only the stretch is read that holds the event.

use super::files::{FrameCursor, LogFiles};
use super::large_frames::{LARGE_PAYLOAD_BYTES, LargeFrame, OpenStretch, StretchPlace};
use crate::ReadError;
use ledger::{Event, Lsn};
use std::sync::Arc;

/// One way through the log, for lsns that rise.
pub(super) struct Lookup<'a> {
    files: &'a LogFiles,
    cursor: Option<FrameCursor<'a>>,
    /// The small frame that was read last.
    frame: Vec<Arc<Event>>,
    stretch: Option<OpenStretch>,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(files: &'a LogFiles) -> Self {
        Lookup { files, cursor: None, frame: Vec::new(), stretch: None }
    }

    pub(super) fn event(&mut self, lsn: Lsn) -> Result<Arc<Event>, ReadError> {
        if let Some(event) = in_frame(&self.frame, lsn) {
            return Ok(event);
        }
        if let Some(event) = self.in_stretch(lsn)? {
            return Ok(event);
        }
        if let Some(place) = self.files.large_frames.place_of(lsn) {
            return self.open_stretch(&place, lsn);
        }
        self.search(lsn)
    }

    fn in_stretch(&mut self, lsn: Lsn) -> Result<Option<Arc<Event>>, ReadError> {
        let Some(stretch) = &mut self.stretch else { return Ok(None) };
        stretch.take(lsn).map_err(|error| ReadError::new(self.files.dir(), error.0))
    }

    /// Reads the stretch of a verified frame that holds an event, and the event.
    fn open_stretch(&mut self, place: &StretchPlace, lsn: Lsn) -> Result<Arc<Event>, ReadError> {
        let failed = |problem: String| {
            let path = self.files.path_of(place.segment);
            ReadError::new(&path, format!("at offset {}: {problem}", place.bytes.start))
        };
        let mut bytes = vec![0; (place.bytes.end - place.bytes.start) as usize];
        let file = self.files.file(place.segment)?;
        file.read_exact_at(place.bytes.start, &mut bytes)
            .map_err(|source| failed(source.to_string()))?;
        let stretch = OpenStretch::new(place, bytes).map_err(|problem| failed(problem.into()))?;
        self.stretch = Some(stretch);
        self.in_stretch(lsn)?.ok_or_else(|| self.files.missing(lsn))
    }

    /// Reads frames up to the one that holds an event.
    fn search(&mut self, lsn: Lsn) -> Result<Arc<Event>, ReadError> {
        let position = self.files.position_of(lsn)?;
        let mut cursor = match self.cursor.take() {
            // The frame is ahead in what is being read already.
            Some(cursor) if cursor.is_at_or_behind(&position) => cursor,
            _ => self.files.cursor(position)?,
        };
        loop {
            let payload = cursor.payload_near(lsn)?;
            let offset = cursor.offset - payload.len() as u64;
            let bytes = &cursor.window[payload];
            let large = match bytes.len() >= LARGE_PAYLOAD_BYTES {
                true => LargeFrame::of(bytes, cursor.segment, offset)
                    .map_err(|error| cursor.problem(error.0))?,
                false => None,
            };
            let first = match large {
                Some(large) => {
                    let (first, place) = (large.first(), large.place_of(lsn));
                    self.files.large_frames.keep(large);
                    if let Some(place) = place {
                        self.cursor = Some(cursor);
                        return self.open_stretch(&place, lsn);
                    }
                    Some(first)
                }
                None => {
                    self.frame = cursor.decode(bytes)?;
                    if let Some(event) = in_frame(&self.frame, lsn) {
                        self.cursor = Some(cursor);
                        return Ok(event);
                    }
                    self.frame.first().map(|event| event.lsn)
                }
            };
            if first.is_some_and(|first| first > lsn) {
                return Err(self.files.missing(lsn));
            }
        }
    }
}

fn in_frame(frame: &[Arc<Event>], lsn: Lsn) -> Option<Arc<Event>> {
    let first = frame.first()?.lsn;
    frame.get(usize::try_from(lsn.0.checked_sub(first.0)?).ok()?).cloned()
}
