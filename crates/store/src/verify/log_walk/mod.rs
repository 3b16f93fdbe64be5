//! Going through the segments of a log, and on behind what is wrong in them.
//!
//! Judges by recovery's own table. What comes behind a gap is still checked frame by frame, but
//! no longer audited or compared: that needs everything before it.

mod header;
mod tail;

pub(super) use header::store_of;

use super::audit::{Audit, AuditProblem};
use super::caches::Caches;
use super::findings::{Finding, Findings, Remedy};
use super::{Meter, VerifyReport};
use crate::OpenError;
use crate::log::files::{LogEnd, LogFiles};
use crate::log::frame::{self, HEADER_BYTES, Slot};
use crate::log::positions::LogPosition;
use crate::log::record::{DecodeError, Decoded};
use crate::log::recovery::{
    FramePlace, Verdict, decode_in_order, frames_of, judge, look, problem_at,
};
use crate::log::segment::SegmentName;
use crate::log::writer::{StoreIdentity, segment_sha256};
use crate::storage::{Storage, read_all};
use ledger::{BookName, Event, EventBody, Lsn, Timestamp};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tail::{Mark, Tail};

/// What is known of the segment before.
enum Previous {
    None,
    Sha256(String),
    /// It is damaged, or was not read.
    Unknown,
}

/// A segment that is being read.
struct Segment<'a> {
    path: PathBuf,
    name: SegmentName,
    next: Option<Lsn>,
    bytes: &'a [u8],
}

pub(super) struct LogWalk<'a> {
    storage: Arc<dyn Storage>,
    files: Arc<LogFiles>,
    caches: Caches,
    findings: Findings,
    meter: Meter<'a>,
    audit: Audit,
    identity: Option<StoreIdentity>,
    previous: Previous,
    due: Lsn,
    last_at: Timestamp,
    /// Nothing is missing so far.
    is_whole: bool,
    frames: u64,
    events: u64,
    transactions: u64,
    accounts: u64,
    books: HashSet<BookName>,
    marks: Vec<Mark>,
    tail: Option<Tail>,
}

impl<'a> LogWalk<'a> {
    pub(super) fn new(
        storage: Arc<dyn Storage>,
        files: Arc<LogFiles>,
        caches: Caches,
        findings: Findings,
        meter: Meter<'a>,
    ) -> Self {
        LogWalk {
            storage,
            files,
            caches,
            findings,
            meter,
            audit: Audit::new(),
            identity: None,
            previous: Previous::None,
            due: Lsn(1),
            last_at: Timestamp(i64::MIN),
            is_whole: true,
            frames: 0,
            events: 0,
            transactions: 0,
            accounts: 0,
            books: HashSet::new(),
            marks: Vec::new(),
            tail: None,
        }
    }

    pub(super) fn walk(
        mut self,
        dir: &Path,
        names: &[SegmentName],
    ) -> Result<VerifyReport, OpenError> {
        let mut log_bytes = 0;
        for (index, name) in names.iter().enumerate() {
            let path = self.files.dir().join(name.to_string());
            let next = names.get(index + 1).map(|next| next.first_lsn);
            let read = self.storage.open_to_read(&path).and_then(|file| read_all(&*file));
            match read {
                Ok(bytes) => {
                    log_bytes += bytes.len() as u64;
                    self.segment(&Segment { path, name: *name, next, bytes: &bytes });
                }
                Err(error) => {
                    self.note(
                        &path,
                        None,
                        Some(name.first_lsn),
                        error.to_string(),
                        Remedy::CheckAccess,
                    );
                    self.lose();
                    self.previous = Previous::Unknown;
                }
            }
        }
        self.caches.finish(self.is_whole, &mut self.findings);
        let next_start = self.next_start(dir, names);
        let identity = self.identity.take();
        let (findings, findings_left_out) = self.findings.into_parts();
        Ok(VerifyReport {
            epoch: identity.as_ref().map_or(0, |identity| identity.epoch),
            store: identity.map(|identity| identity.store),
            segments: names.len() as u64,
            log_bytes,
            frames: self.frames,
            events: self.events,
            transactions: self.transactions,
            books: self.books.len() as u64,
            accounts: self.accounts,
            head: Lsn(self.due.0 - 1),
            last_at: self.last_at,
            audited: self.audit.audited(),
            parts: self.caches.parts(),
            part_bytes: self.caches.bytes(),
            parts_compared: self.caches.compared(),
            findings,
            findings_left_out,
            next_start,
        })
    }

    fn note(
        &mut self,
        path: &Path,
        offset: Option<usize>,
        lsn: Option<Lsn>,
        problem: impl Into<String>,
        remedy: Remedy,
    ) {
        self.findings.add(Finding {
            file: path.to_owned(),
            offset: offset.map(|offset| offset as u64),
            lsn,
            problem: problem.into(),
            remedy,
        });
    }

    fn damaged(&mut self, segment: &Segment<'_>, offset: usize, problem: impl Into<String>) {
        let due = self.due;
        self.note(&segment.path, Some(offset), Some(due), problem, Remedy::RestoreFile);
    }

    /// Something is missing from here on.
    fn lose(&mut self) {
        self.is_whole = false;
        self.audit.stop();
        self.caches.stop();
    }

    fn segment(&mut self, segment: &Segment<'_>) {
        self.marks.clear();
        let bytes = segment.bytes;
        let mut is_damaged = false;
        let mut at = match frame::read(bytes, 0) {
            Slot::Frame { payload } => {
                if !self.header(segment, payload) {
                    self.lose();
                    self.previous = Previous::Unknown;
                    return;
                }
                HEADER_BYTES + payload.len()
            }
            _ if segment.next.is_none() && frame::find_later(bytes, 0).next().is_none() => {
                return self.torn_creation(segment);
            }
            _ => {
                self.damaged(segment, 0, "the segment's header is not readable");
                self.lose();
                is_damaged = true;
                self.previous = Previous::Unknown;
                self.due = segment.name.first_lsn;
                match frame::find_later(bytes, 0).next() {
                    Some((offset, _)) => offset,
                    None => return,
                }
            }
        };
        loop {
            let frames = frames_of(bytes, at);
            self.take_frames(segment, &frames);
            let end = frames.last().map_or(at, FramePlace::end);
            let sight = look(bytes, end, self.due, segment.next);
            let verdict = judge(&sight);
            if verdict != Verdict::Damage {
                if !is_damaged {
                    self.previous = Previous::Sha256(segment_sha256(&bytes[..end]));
                }
                self.end(segment, end, verdict);
                return;
            }
            is_damaged = true;
            self.previous = Previous::Unknown;
            let mut problem = problem_at(bytes, end, &sight, segment.next);
            if sight.rest_is_zero && segment.next.is_some_and(|next| next > self.due) {
                problem.push_str("; perhaps whole segments are");
            }
            let later = frame::find_later(bytes, end).next().map(|(offset, _)| offset);
            match later {
                Some(offset) => {
                    let problem = format!("{problem}; good frames go on at offset {offset}");
                    self.damaged(segment, end, problem);
                    self.lose();
                    at = offset;
                }
                None => {
                    self.damaged(segment, end, problem);
                    return self.lose();
                }
            }
        }
    }

    fn torn_creation(&mut self, segment: &Segment<'_>) {
        let bytes = segment.bytes;
        let due = self.due;
        self.note(
            &segment.path,
            Some(0),
            Some(due),
            "a crash interrupted the creation of this segment",
            Remedy::CutOff,
        );
        self.tail = Some(Tail {
            path: segment.path.clone(),
            first: segment.name.first_lsn,
            length: bytes.len() as u64,
            end: 0,
            cut: bytes.len() as u64,
            is_torn_creation: true,
            marks: Vec::new(),
        });
        self.advance(bytes.len());
    }

    /// The segment ends as it may.
    fn end(&mut self, segment: &Segment<'_>, end: usize, verdict: Verdict) {
        let rest = &segment.bytes[end..];
        let cut = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if verdict == Verdict::Torn {
            let problem = format!(
                "the last write was torn by a crash: {cut} bytes behind the last good frame"
            );
            let due = self.due;
            self.note(&segment.path, Some(end), Some(due), problem, Remedy::CutOff);
        }
        if segment.next.is_none() {
            self.tail = Some(Tail {
                path: segment.path.clone(),
                first: segment.name.first_lsn,
                length: segment.bytes.len() as u64,
                end: end as u64,
                cut: cut as u64,
                is_torn_creation: false,
                marks: std::mem::take(&mut self.marks),
            });
        }
        self.advance(rest.len());
    }

    fn advance(&mut self, bytes: usize) {
        let last = Lsn(self.due.0 - 1);
        self.meter.advance(bytes as u64, last, &self.findings);
    }

    fn take_frames(&mut self, segment: &Segment<'_>, frames: &[FramePlace]) {
        let all = decode_in_order(segment.bytes, frames, |frame, decoded| {
            self.frames += 1;
            self.take_frame(segment, frame, decoded);
            self.advance(HEADER_BYTES + frame.payload_len);
            ControlFlow::<()>::Continue(())
        });
        debug_assert!(all.is_continue(), "nothing breaks off");
    }

    fn take_frame(
        &mut self,
        segment: &Segment<'_>,
        place: &FramePlace,
        decoded: Result<Decoded, DecodeError>,
    ) {
        let offset = place.offset;
        let (durable, events) = match decoded {
            Ok(Decoded::Events { durable, events }) => (durable, events),
            Ok(Decoded::Closed { durable }) => {
                if durable >= self.due {
                    self.damaged(segment, offset, "a closing frame names more than is there");
                }
                return self.mark(place, durable, true);
            }
            Err(error) => {
                let problem = format!("the frame is not readable: {}", error.0);
                let due = self.due;
                self.note(&segment.path, Some(offset), Some(due), problem, Remedy::UseOtherRelease);
                return self.lose();
            }
        };
        let Some(first) = events.first().map(|event| event.lsn) else { return };
        let due = self.due;
        if first != due {
            if self.is_whole || first < due {
                self.damaged(segment, offset, format!("lsn {first} stands where {due} is due"));
            }
            if first < due {
                // A frame that was there before, or one of another history: passed over.
                return;
            }
            self.lose();
            self.due = first;
        }
        if durable >= first {
            self.damaged(segment, offset, "a frame marks itself durable");
        }
        self.take_events(segment, place, &events);
        self.mark(place, durable, false);
    }

    fn mark(&mut self, place: &FramePlace, durable: Lsn, is_closing: bool) {
        self.marks.push(Mark {
            offset: place.offset as u64,
            last: Lsn(self.due.0 - 1),
            durable,
            is_closing,
        });
    }

    fn take_events(&mut self, segment: &Segment<'_>, place: &FramePlace, events: &[Arc<Event>]) {
        let offset = place.offset;
        let position =
            LogPosition { lsn: self.due, segment: segment.name.first_lsn, offset: offset as u64 };
        self.files.positions.note(position);
        let at = events.first().map_or(self.last_at, |event| event.at);
        if at <= self.last_at {
            self.damaged(segment, offset, "time does not rise from frame to frame");
        }
        self.last_at = self.last_at.max(at);
        for event in events {
            if event.lsn != self.due {
                let problem = format!("lsn {} stands where {} is due", event.lsn, self.due);
                self.damaged(segment, offset, problem);
                return self.lose();
            }
            self.count(event);
            match self.audit.check(event, &self.files) {
                Ok(()) => {}
                Err(AuditProblem::Finding(problem)) => self.damaged(segment, offset, problem),
                Err(AuditProblem::Read(error)) => {
                    let due = self.due;
                    let problem = format!("looking up what came before: {error}");
                    self.note(&segment.path, Some(offset), Some(due), problem, Remedy::CheckAccess);
                }
            }
            self.due = self.due.next();
        }
        let crc_at = offset + 4;
        let crc = segment.bytes.get(crc_at..).and_then(|bytes| bytes.first_chunk());
        let end = LogEnd {
            segment: segment.name.first_lsn,
            offset: place.end() as u64,
            crc: crc.map_or(0, |crc| u32::from_le_bytes(*crc)),
        };
        let read = self.caches.frame(&position, events, &end, &mut self.findings);
        self.advance(read as usize);
    }

    fn count(&mut self, event: &Event) {
        self.events += 1;
        if !self.books.contains(&event.book) {
            self.books.insert(event.book.clone());
        }
        match &event.body {
            EventBody::TransactionPosted(_) => self.transactions += 1,
            EventBody::AccountOpened(_) => self.accounts += 1,
            _ => {}
        }
    }
}
