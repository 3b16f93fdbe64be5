//! Reading segments in order, and knowing what is due next. Changes nothing on the disk.

use super::decoding::{FramePlace, decode_in_order};
use super::io_at;
use super::tail::{LastSegment, SegmentTail};
use super::verdict::{Sight, Verdict, judge};
use crate::log::files::LogFiles;
use crate::log::frame::{self, HEADER_BYTES, Slot};
use crate::log::positions::LogPosition;
use crate::log::record::{DecodeError, Decoded, decode};
use crate::log::segment::{FORMAT_VERSION, HeaderRecord, SegmentName};
use crate::log::writer::{StoreIdentity, segment_sha256};
use crate::storage::{Storage, StorageFile, read_all};
use crate::{OpenError, ReadError};
use ledger::{Event, Lsn, Timestamp};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Takes what the log says, event by event.
pub(crate) trait Replay {
    /// Audits the next event and takes it.
    fn event(&mut self, event: &Arc<Event>) -> Result<(), ReplayError>;
    /// Everything up to here, the end of a frame, is known to be durable.
    fn durable(&mut self, lsn: Lsn);
}

/// Why an event was not taken.
#[derive(Debug)]
pub(crate) enum ReplayError {
    /// The rules cannot have produced it.
    Finding(String),
    Read(ReadError),
}

/// Where a checkpoint says that the log was known to be good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checkpoint {
    pub(crate) last: Lsn,
    pub(crate) last_at: Timestamp,
    /// The segment in which the event `last` stands, and where its frame ends.
    pub(crate) segment: Lsn,
    pub(crate) offset: u64,
}

/// What is known of the segment before.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Previous {
    None,
    Sha256(String),
    /// It lies before the checkpoint and was not read.
    NotRead(SegmentName),
}

pub(crate) struct LogReader {
    storage: Arc<dyn Storage>,
    files: Arc<LogFiles>,
    pub(super) identity: Option<StoreIdentity>,
    previous: Previous,
    checkpoint: Option<Checkpoint>,
    pub(super) next_lsn: Lsn,
    pub(super) last_at: Timestamp,
}

impl LogReader {
    /// Reads from the first segment on, or behind a checkpoint.
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        files: Arc<LogFiles>,
        checkpoint: Option<Checkpoint>,
    ) -> Self {
        LogReader {
            storage,
            files,
            identity: None,
            previous: Previous::None,
            checkpoint,
            next_lsn: Lsn(1),
            last_at: Timestamp(i64::MIN),
        }
    }

    /// What the next segment has to quote of the one before.
    pub(super) fn previous_sha256(&self) -> Result<Option<String>, OpenError> {
        match &self.previous {
            Previous::None => Ok(None),
            Previous::Sha256(digest) => Ok(Some(digest.clone())),
            Previous::NotRead(name) => {
                let path = self.path(*name);
                let file = self.storage.open_to_read(&path).map_err(io_at("opening", &path))?;
                let bytes = read_all(&*file).map_err(io_at("reading", &path))?;
                Ok(Some(segment_sha256(&bytes)))
            }
        }
    }

    fn path(&self, name: SegmentName) -> PathBuf {
        self.files.dir().join(name.to_string())
    }

    fn damaged(&self, path: &Path, offset: usize, problem: impl Into<String>) -> OpenError {
        OpenError::Damaged {
            file: path.to_owned(),
            offset: offset as u64,
            lsn: self.next_lsn,
            problem: problem.into(),
        }
    }

    pub(super) fn read_segment(
        &mut self,
        name: SegmentName,
        next: Option<Lsn>,
        replay: &mut impl Replay,
    ) -> Result<LastSegment, OpenError> {
        let path = self.path(name);
        let file = self.storage.open(&path).map_err(io_at("opening", &path))?;
        if let (Some(checkpoint), Some(next)) = (self.checkpoint, next)
            && checkpoint.last >= Lsn(next.0.saturating_sub(1))
        {
            self.pass_by(&path, &*file, name, next)?;
            return Ok(LastSegment::PassedBy);
        }
        let bytes = read_all(&*file).map_err(io_at("reading", &path))?;
        let header_end = match frame::read(&bytes, 0) {
            Slot::Frame { payload } => {
                self.check_header(&path, name, payload)?;
                HEADER_BYTES + payload.len()
            }
            _ if next.is_none() && frame::find_later(&bytes, 0).next().is_none() => {
                return Ok(LastSegment::TornCreation { path, bytes });
            }
            _ => return Err(self.damaged(&path, 0, "the segment's header is not readable")),
        };
        let frames = frames_of(&bytes, header_end);
        let behind = self.pass_checkpoint(&path, name, &frames)?;
        let unread = &frames[behind..];
        let (end, unmarked_from) = self.take_frames(&path, name, &bytes, unread, next, replay)?;
        let end =
            if unread.is_empty() { frames.last().map_or(header_end, FramePlace::end) } else { end };
        self.check_end(&path, &bytes, end, next)?;
        if next.is_some() {
            replay.durable(Lsn(self.next_lsn.0 - 1));
        }
        self.previous = Previous::Sha256(segment_sha256(&bytes[..end]));
        let unmarked_from = unmarked_from.unwrap_or(end);
        Ok(LastSegment::Whole(SegmentTail {
            first: name.first_lsn,
            path,
            file,
            bytes,
            end,
            unmarked_from,
        }))
    }

    /// A sealed segment before the checkpoint: its beginning and its end are checked, what is in
    /// between was when the checkpoint was made. `verify` reads all of it.
    fn pass_by(
        &mut self,
        path: &Path,
        file: &dyn StorageFile,
        name: SegmentName,
        next: Lsn,
    ) -> Result<(), OpenError> {
        const HEADER_FRAME_BYTES_MAX: u64 = 4096;
        let size = file.size().map_err(io_at("reading", path))?;
        let mut head = vec![0; size.min(HEADER_FRAME_BYTES_MAX) as usize];
        file.read_exact_at(0, &mut head).map_err(io_at("reading", path))?;
        match frame::read(&head, 0) {
            Slot::Frame { payload } => self.check_header(path, name, payload)?,
            _ => return Err(self.damaged(path, 0, "the segment's header is not readable")),
        }
        self.next_lsn = next;
        let last = Lsn(next.0 - 1);
        match self.files.segment_ends_with(name.first_lsn, size, last) {
            Ok(true) => {}
            _ => {
                let problem = format!("the segment does not end with lsn {last}");
                return Err(self.damaged(path, size as usize, problem));
            }
        }
        self.previous = Previous::NotRead(name);
        self.last_at = self.checkpoint.map_or(self.last_at, |checkpoint| checkpoint.last_at);
        Ok(())
    }

    /// How many frames of the segment the checkpoint covers.
    fn pass_checkpoint(
        &mut self,
        path: &Path,
        name: SegmentName,
        frames: &[FramePlace],
    ) -> Result<usize, OpenError> {
        let Some(checkpoint) = self.checkpoint else { return Ok(0) };
        if checkpoint.last < self.next_lsn {
            return Ok(0);
        }
        let offset = usize::try_from(checkpoint.offset).unwrap_or(usize::MAX);
        let covered = frames.partition_point(|frame| frame.end() <= offset);
        let reaches = frames[..covered].last().is_some_and(|frame| frame.end() == offset);
        if checkpoint.segment != name.first_lsn || !reaches {
            // Bytes that were durable when the checkpoint was made are not there any more.
            let end = frames.last().map_or(0, FramePlace::end);
            return Err(self.damaged(path, end, "the log breaks off before its checkpoint"));
        }
        self.next_lsn = checkpoint.last.next();
        self.last_at = checkpoint.last_at;
        Ok(covered)
    }

    /// Takes the events of frames; gives where they end and where the first frame begins that no
    /// `durable` mark covers.
    fn take_frames(
        &mut self,
        path: &Path,
        name: SegmentName,
        bytes: &[u8],
        frames: &[FramePlace],
        next: Option<Lsn>,
        replay: &mut impl Replay,
    ) -> Result<(usize, Option<usize>), OpenError> {
        let before = Lsn(self.next_lsn.0 - 1);
        let mut durable = self.checkpoint.map_or(Lsn(0), |checkpoint| checkpoint.last.min(before));
        let mut lasts: Vec<(Lsn, usize)> = Vec::with_capacity(frames.len());
        // Where a closing frame begins that is the last frame: no later one says it is durable.
        let mut closing = None;
        let taken = decode_in_order(bytes, frames, |frame, decoded| {
            let due = self.next_lsn;
            match self.take_frame(path, name, frame, decoded, replay) {
                Ok(mark) => {
                    let last = Lsn(self.next_lsn.0 - 1);
                    lasts.push((last, frame.offset));
                    closing = (self.next_lsn == due).then_some(frame.offset);
                    let known = if next.is_some() { last } else { mark };
                    if known > durable {
                        durable = known;
                        replay.durable(durable);
                    }
                    ControlFlow::Continue(())
                }
                Err(error) => ControlFlow::Break(error),
            }
        });
        if let ControlFlow::Break(error) = taken {
            return Err(error);
        }
        let end = frames.last().map_or(0, FramePlace::end);
        // Before the first mark in this segment not even its header is known to be durable.
        let unmarked_from = if durable < name.first_lsn {
            Some(0)
        } else {
            let unmarked = lasts.iter().find(|(last, _)| *last > durable);
            unmarked.map(|(_, start)| *start).or(closing)
        };
        Ok((end, unmarked_from))
    }

    fn check_header(
        &mut self,
        path: &Path,
        name: SegmentName,
        payload: &[u8],
    ) -> Result<(), OpenError> {
        let header = read_header(path, payload)?;
        if header.first_lsn != name.first_lsn.0 {
            return Err(self.damaged(path, 0, "the header does not match the file's name"));
        }
        if name.first_lsn != self.next_lsn {
            let problem = format!("lsn {} is due: a segment is missing", self.next_lsn);
            return Err(self.damaged(path, 0, problem));
        }
        let chained = match &self.previous {
            Previous::NotRead(_) => true,
            Previous::None => header.previous_sha256.is_none(),
            Previous::Sha256(digest) => header.previous_sha256.as_ref() == Some(digest),
        };
        match &self.identity {
            Some(identity) if identity.store != header.store => {
                return Err(self.damaged(path, 0, "the segment belongs to another store"));
            }
            Some(_) if !chained => {
                return Err(self.damaged(path, 0, "the previous segment is not what it was"));
            }
            _ => {}
        }
        self.identity = Some(StoreIdentity { store: header.store, epoch: header.epoch });
        Ok(())
    }

    /// Whether the frames may end at `offset`.
    fn check_end(
        &self,
        path: &Path,
        bytes: &[u8],
        offset: usize,
        next: Option<Lsn>,
    ) -> Result<(), OpenError> {
        let sight = look(bytes, offset, self.next_lsn, next);
        match judge(&sight) {
            Verdict::End | Verdict::SealedEnd | Verdict::Torn => Ok(()),
            Verdict::Damage => {
                Err(self.damaged(path, offset, problem_at(bytes, offset, &sight, next)))
            }
        }
    }

    /// Checks a frame and hands its events on; gives its `durable` mark.
    fn take_frame(
        &mut self,
        path: &Path,
        name: SegmentName,
        place: &FramePlace,
        decoded: Result<Decoded, DecodeError>,
        replay: &mut impl Replay,
    ) -> Result<Lsn, OpenError> {
        let offset = place.offset;
        let decoded = decoded.map_err(|error| OpenError::UnknownFormat {
            file: path.to_owned(),
            problem: format!("the frame at offset {offset} is not readable: {}", error.0),
        })?;
        let (durable, events) = match decoded {
            Decoded::Closed { durable } => return Ok(durable),
            Decoded::Events { durable, events } => (durable, events),
        };
        if durable >= self.next_lsn {
            return Err(self.damaged(path, offset, "a frame marks itself durable"));
        }
        let (lsn, segment) = (self.next_lsn, name.first_lsn);
        self.files.positions.note(LogPosition { lsn, segment, offset: offset as u64 });
        for event in &events {
            if event.lsn != self.next_lsn {
                let problem = format!("lsn {} stands where {} is due", event.lsn, self.next_lsn);
                return Err(self.damaged(path, offset, problem));
            }
            if event.at <= self.last_at {
                return Err(self.damaged(path, offset, "time does not rise from frame to frame"));
            }
            replay.event(event).map_err(|error| match error {
                ReplayError::Finding(finding) => {
                    self.damaged(path, offset, format!("book \"{}\" {finding}", event.book))
                }
                ReplayError::Read(error) => OpenError::Io {
                    what: "looking up what came before".to_owned(),
                    source: std::io::Error::other(error),
                },
            })?;
            self.next_lsn = self.next_lsn.next();
        }
        self.last_at = events.last().map_or(self.last_at, |event| event.at);
        Ok(durable)
    }
}

/// What is seen at `offset`, where no good frame stands and the lsn `due` should begin.
pub(crate) fn look(bytes: &[u8], offset: usize, due: Lsn, next: Option<Lsn>) -> Sight {
    let rest = bytes.get(offset..).unwrap_or_default();
    let vouches = |payload: &[u8]| match decode(payload) {
        Ok(Decoded::Events { durable, .. }) => durable >= due,
        Ok(Decoded::Closed { .. }) => true,
        Err(_) => false,
    };
    let rest_is_zero = rest.iter().all(|byte| *byte == 0);
    Sight {
        last_segment: next.is_none(),
        rest_is_zero,
        next_begins_here: next == Some(due),
        // The zeros written ahead are long, and no frame is in them.
        later_frame_vouches: !rest_is_zero
            && frame::find_later(bytes, offset).any(|(_, payload)| vouches(payload)),
    }
}

/// What to call damage that was seen at `offset`.
pub(crate) fn problem_at(bytes: &[u8], offset: usize, sight: &Sight, next: Option<Lsn>) -> String {
    match (frame::read(bytes, offset), next) {
        (_, Some(next)) if sight.rest_is_zero => {
            format!("the next segment begins with lsn {next}: frames are missing")
        }
        (Slot::Bad(problem), _) => problem.to_owned(),
        (Slot::Empty | Slot::Frame { .. }, _) => "a gap of zeros".to_owned(),
    }
}

/// The good frames from `start` on, end to end.
pub(crate) fn frames_of(bytes: &[u8], start: usize) -> Vec<FramePlace> {
    let mut frames = Vec::new();
    let mut offset = start;
    while let Slot::Frame { payload } = frame::read(bytes, offset) {
        let frame = FramePlace { offset, payload_len: payload.len() };
        offset = frame.end();
        frames.push(frame);
    }
    frames
}

/// What a segment's header says, if this version knows how to read it.
pub(crate) fn read_header(
    path: &Path,
    payload: &[u8],
) -> Result<crate::log::segment::SegmentHeader, OpenError> {
    let unknown = |problem: String| OpenError::UnknownFormat { file: path.to_owned(), problem };
    // The version is read on its own first: a newer header may have fields we do not know.
    let version = serde_json::from_slice::<serde_json::Value>(payload)
        .ok()
        .and_then(|value| value.get("tallybook_log")?.get("version")?.as_u64())
        .ok_or_else(|| unknown("this is not a tallybook log".to_owned()))?;
    if version != u64::from(FORMAT_VERSION) {
        return Err(unknown(format!(
            "log format version {version} is unknown to this tallybook, which reads version \
             {FORMAT_VERSION}: use the release that wrote it"
        )));
    }
    let HeaderRecord { tallybook_log: header } =
        serde_json::from_slice(payload).map_err(|error| unknown(error.to_string()))?;
    Ok(header)
}
