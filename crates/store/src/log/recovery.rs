//! Reading the log back: from bytes to events, and to a writer that goes on behind them.
//!
//! What to do where the frames end is a table ([`VERDICTS`]): a torn last cycle is cut off and
//! kept aside, anything else that is not what was once durable refuses to start. Every event is
//! audited before it is handed on; nothing here trusts a length, a number or a name.
//!
//! Invariant: when [`recover`] returns, every event it handed on is durable: what no `durable`
//! mark covers is written again and synced, because after a failed sync the page cache may show
//! bytes the disk does not have.

use crate::OpenError;
use crate::log::frame::{self, Slot};
use crate::log::record::{Decoded, decode};
use crate::log::segment::{FORMAT_VERSION, HeaderRecord, SegmentName};
use crate::log::writer::{LogFailure, LogWriter, StoreIdentity, segment_sha256};
use crate::storage::{Storage, StorageFile, read_all};
use ledger::{Auditor, BookName, Event, Lsn, Timestamp};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What recovery found.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) writer: LogWriter,
    /// The last event's position; everything up to it is durable.
    pub(crate) head: Lsn,
    pub(crate) last_at: Timestamp,
}

/// What is seen at a place where no good frame stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sight {
    last_segment: bool,
    /// Nothing but zeros, or nothing at all, from here on.
    rest_is_zero: bool,
    /// The next segment begins with the lsn that is due here. False in the last segment.
    next_begins_here: bool,
    /// A later good frame says that this place was durable, or is a closing frame.
    later_frame_vouches: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The end of the log.
    End,
    /// The end of a sealed segment.
    SealedEnd,
    /// The last cycle was torn by a crash: cut it off.
    Torn,
    /// Bytes that were durable are gone or changed: refuse to start.
    Damage,
}

/// One row: what must be so (`None`: either way) and what follows.
struct Row {
    last_segment: bool,
    rest_is_zero: Option<bool>,
    next_begins_here: Option<bool>,
    later_frame_vouches: Option<bool>,
    verdict: Verdict,
}

/// Exactly one row matches every [`Sight`]; a test tries them all.
#[rustfmt::skip]
const VERDICTS: [Row; 6] = [
    // The usual end: zeros written ahead, or the end of the file.
    Row { last_segment: true,  rest_is_zero: Some(true),  next_begins_here: None,        later_frame_vouches: None,        verdict: Verdict::End },
    // Only the last cycle was never marked durable, and its pages may be lost in any order.
    Row { last_segment: true,  rest_is_zero: Some(false), next_begins_here: None,        later_frame_vouches: Some(false), verdict: Verdict::Torn },
    // Somebody was answered for what stood here.
    Row { last_segment: true,  rest_is_zero: Some(false), next_begins_here: None,        later_frame_vouches: Some(true),  verdict: Verdict::Damage },
    // A sealed segment was synced whole before the next one began.
    Row { last_segment: false, rest_is_zero: Some(true),  next_begins_here: Some(true),  later_frame_vouches: None,        verdict: Verdict::SealedEnd },
    Row { last_segment: false, rest_is_zero: Some(true),  next_begins_here: Some(false), later_frame_vouches: None,        verdict: Verdict::Damage },
    Row { last_segment: false, rest_is_zero: Some(false), next_begins_here: None,        later_frame_vouches: None,        verdict: Verdict::Damage },
];

impl Row {
    fn matches(&self, sight: &Sight) -> bool {
        let holds = |wanted: Option<bool>, seen: bool| wanted.is_none_or(|wanted| wanted == seen);
        self.last_segment == sight.last_segment
            && holds(self.rest_is_zero, sight.rest_is_zero)
            && holds(self.next_begins_here, sight.next_begins_here)
            && holds(self.later_frame_vouches, sight.later_frame_vouches)
    }
}

fn judge(sight: &Sight) -> Verdict {
    VERDICTS.iter().find(|row| row.matches(sight)).expect("the table is complete").verdict
}

/// Opens the log in `dir`, creating it if there is none, and hands every event to `on_event`.
pub(crate) fn recover(
    storage: Arc<dyn Storage>,
    dir: &Path,
    segment_bytes: u64,
    new_store: impl FnOnce() -> String,
    mut on_event: impl FnMut(&Arc<Event>),
) -> Result<Recovered, OpenError> {
    let log_dir = dir.join("log");
    storage.create_dir_durable(&log_dir).map_err(io_at("creating", &log_dir))?;
    let names = segment_names(&*storage, &log_dir)?;
    let mut reader = LogReader::new(storage.clone(), log_dir.clone());
    let mut last = None;
    for (index, name) in names.iter().enumerate() {
        let next = names.get(index + 1).map(|next| next.first_lsn);
        last = Some(reader.read_segment(*name, next, &mut on_event)?);
    }
    let previous = reader.previous_sha256.take();
    let LogReader { identity, next_lsn, last_at, .. } = reader;
    let head = Lsn(next_lsn.0 - 1);
    let writer = match last {
        Some(LastSegment::Whole(tail)) => {
            let identity = identity.expect("a segment with a good header told who the store is");
            tail.make_durable(&*storage, dir, head)?.resume(
                storage,
                log_dir,
                identity,
                segment_bytes,
            )
        }
        // No segment yet, or one whose creation was torn: before its header was durable, nothing
        // can have followed it.
        torn => {
            let previous_sha256 = match torn {
                Some(LastSegment::TornCreation { path, bytes }) => {
                    keep_aside(&*storage, dir, head, 0, &bytes)?;
                    storage.remove(&path).map_err(io_at("removing", &path))?;
                    previous
                }
                _ => None,
            };
            let identity =
                identity.unwrap_or_else(|| StoreIdentity { store: new_store(), epoch: 1 });
            LogWriter::create(storage, log_dir, identity, segment_bytes, next_lsn, previous_sha256)
                .map_err(|LogFailure { call, source }| OpenError::Io {
                    what: format!("{call} of a new segment"),
                    source,
                })?
        }
    };
    Ok(Recovered { writer, head, last_at })
}

fn io_at<'a>(what: &'a str, path: &'a Path) -> impl FnOnce(std::io::Error) -> OpenError + use<'a> {
    move |source| OpenError::Io { what: format!("{what} {}", path.display()), source }
}

fn segment_names(storage: &dyn Storage, log_dir: &Path) -> Result<Vec<SegmentName>, OpenError> {
    let mut names = Vec::new();
    for name in storage.list(log_dir).map_err(io_at("listing", log_dir))? {
        match SegmentName::parse(&name) {
            Some(segment) => names.push(segment),
            None => tracing::warn!(file = name, "ignoring a foreign file in the log directory"),
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// How the last segment was left.
enum LastSegment {
    Whole(SegmentTail),
    /// Its header never became durable.
    TornCreation {
        path: PathBuf,
        bytes: Vec<u8>,
    },
}

/// The last segment, read but not yet made durable.
struct SegmentTail {
    path: PathBuf,
    file: Box<dyn StorageFile>,
    bytes: Vec<u8>,
    /// Where the good frames end.
    end: usize,
    /// Where the first frame begins that no `durable` mark covers.
    unmarked_from: usize,
}

/// The last segment, durable up to its end and with nothing behind it.
struct DurableTail {
    file: Box<dyn StorageFile>,
    bytes: Vec<u8>,
}

impl SegmentTail {
    fn make_durable(
        mut self,
        storage: &dyn Storage,
        dir: &Path,
        head: Lsn,
    ) -> Result<DurableTail, OpenError> {
        let cut = &self.bytes[self.end..];
        if cut.iter().any(|byte| *byte != 0) {
            let used = cut.len() - cut.iter().rev().take_while(|byte| **byte == 0).count();
            keep_aside(storage, dir, head, self.end, &cut[..used])?;
        }
        let path = &self.path;
        self.file.set_len(self.end as u64).map_err(io_at("cutting", path))?;
        self.file
            .write_all_at(self.unmarked_from as u64, &self.bytes[self.unmarked_from..self.end])
            .map_err(io_at("rewriting the tail of", path))?;
        self.file.sync_data().map_err(io_at("syncing", path))?;
        let log_dir = path.parent().expect("a segment lies in the log directory");
        storage.sync_dir(log_dir).map_err(io_at("syncing", log_dir))?;
        self.bytes.truncate(self.end);
        Ok(DurableTail { file: self.file, bytes: self.bytes })
    }
}

impl DurableTail {
    fn resume(
        self,
        storage: Arc<dyn Storage>,
        log_dir: PathBuf,
        identity: StoreIdentity,
        segment_bytes: u64,
    ) -> LogWriter {
        LogWriter::resume(storage, log_dir, identity, segment_bytes, self.file, &self.bytes)
    }
}

/// Keeps the bytes of a torn cycle for whoever wants to look: nobody was answered for them.
fn keep_aside(
    storage: &dyn Storage,
    dir: &Path,
    head: Lsn,
    offset: usize,
    bytes: &[u8],
) -> Result<(), OpenError> {
    let cut_dir = dir.join("cut");
    storage.create_dir_durable(&cut_dir).map_err(io_at("creating", &cut_dir))?;
    let name = format!("after-lsn-{:020}-offset-{offset}.bytes", head.0);
    let path = cut_dir.join(&name);
    let existing = storage.list(&cut_dir).map_err(io_at("listing", &cut_dir))?;
    if existing.contains(&name) {
        storage.remove(&path).map_err(io_at("removing", &path))?;
    }
    let file = storage.create(&path).map_err(io_at("creating", &path))?;
    file.write_all_at(0, bytes).map_err(io_at("writing", &path))?;
    file.sync_data().map_err(io_at("syncing", &path))?;
    storage.sync_dir(&cut_dir).map_err(io_at("syncing", &cut_dir))?;
    tracing::warn!(
        lsn = head.0,
        file = %path.display(),
        bytes = bytes.len(),
        "the last write was torn by a crash and is cut off; its bytes are kept aside"
    );
    Ok(())
}

/// Reads segments in order and knows what is due next.
struct LogReader {
    storage: Arc<dyn Storage>,
    log_dir: PathBuf,
    identity: Option<StoreIdentity>,
    previous_sha256: Option<String>,
    next_lsn: Lsn,
    last_at: Timestamp,
    auditors: HashMap<BookName, Auditor>,
}

impl LogReader {
    fn new(storage: Arc<dyn Storage>, log_dir: PathBuf) -> Self {
        LogReader {
            storage,
            log_dir,
            identity: None,
            previous_sha256: None,
            next_lsn: Lsn(1),
            last_at: Timestamp(i64::MIN),
            auditors: HashMap::new(),
        }
    }

    fn damaged(&self, path: &Path, offset: usize, problem: impl Into<String>) -> OpenError {
        OpenError::Damaged {
            file: path.to_owned(),
            offset: offset as u64,
            lsn: self.next_lsn,
            problem: problem.into(),
        }
    }

    fn read_segment(
        &mut self,
        name: SegmentName,
        next: Option<Lsn>,
        on_event: &mut impl FnMut(&Arc<Event>),
    ) -> Result<LastSegment, OpenError> {
        let path = self.log_dir.join(name.to_string());
        let file = self.storage.open(&path).map_err(io_at("opening", &path))?;
        let bytes = read_all(&*file).map_err(io_at("reading", &path))?;
        let mut offset = match frame::read(&bytes, 0) {
            Slot::Frame { payload } => {
                self.check_header(&path, name, payload)?;
                frame::HEADER_BYTES + payload.len()
            }
            _ if next.is_none() && frame::find_later(&bytes, 0).next().is_none() => {
                return Ok(LastSegment::TornCreation { path, bytes });
            }
            _ => return Err(self.damaged(&path, 0, "the segment's header is not readable")),
        };
        // Offsets of frames by their last lsn, to find where the durable marks stop.
        let mut frames: Vec<(Lsn, usize)> = Vec::new();
        let mut durable = Lsn(0);
        // Where a closing frame begins that is the last frame: no later one says it is durable.
        let mut closing = None;
        loop {
            let payload = match frame::read(&bytes, offset) {
                Slot::Frame { payload } => payload,
                Slot::Empty => {
                    self.check_end(&path, &bytes, offset, next, "a gap of zeros")?;
                    break;
                }
                Slot::Bad(problem) => {
                    self.check_end(&path, &bytes, offset, next, problem)?;
                    break;
                }
            };
            let due = self.next_lsn;
            let mark = self.take_frame(&path, offset, payload, on_event)?;
            closing = (self.next_lsn == due).then_some(offset);
            durable = durable.max(mark);
            frames.push((Lsn(self.next_lsn.0 - 1), offset));
            offset += frame::HEADER_BYTES + payload.len();
        }
        // Before the first mark in this segment not even its header is known to be durable.
        let unmarked_from = if durable < name.first_lsn {
            0
        } else {
            let unmarked = frames.iter().find(|(last, _)| *last > durable);
            unmarked.map(|(_, start)| *start).or(closing).unwrap_or(offset)
        };
        self.previous_sha256 = Some(segment_sha256(&bytes[..offset]));
        Ok(LastSegment::Whole(SegmentTail { path, file, bytes, end: offset, unmarked_from }))
    }

    fn check_header(
        &mut self,
        path: &Path,
        name: SegmentName,
        payload: &[u8],
    ) -> Result<(), OpenError> {
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
        if header.first_lsn != name.first_lsn.0 {
            return Err(self.damaged(path, 0, "the header does not match the file's name"));
        }
        if name.first_lsn != self.next_lsn {
            let problem = format!("lsn {} is due: a segment is missing", self.next_lsn);
            return Err(self.damaged(path, 0, problem));
        }
        match &self.identity {
            Some(identity) if identity.store != header.store => {
                return Err(self.damaged(path, 0, "the segment belongs to another store"));
            }
            Some(_) if header.previous_sha256 != self.previous_sha256 => {
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
        problem: &str,
    ) -> Result<(), OpenError> {
        let rest = bytes.get(offset..).unwrap_or_default();
        let due = self.next_lsn;
        let vouches = |payload: &[u8]| match decode(payload) {
            Ok(Decoded::Events { durable, .. }) => durable >= due,
            Ok(Decoded::Closed { .. }) => true,
            Err(_) => false,
        };
        let sight = Sight {
            last_segment: next.is_none(),
            rest_is_zero: rest.iter().all(|byte| *byte == 0),
            next_begins_here: next == Some(due),
            later_frame_vouches: frame::find_later(bytes, offset)
                .any(|(_, payload)| vouches(payload)),
        };
        match (judge(&sight), next) {
            (Verdict::End | Verdict::SealedEnd | Verdict::Torn, _) => Ok(()),
            (Verdict::Damage, Some(next)) if sight.rest_is_zero => {
                let problem =
                    format!("the next segment begins with lsn {next}: frames are missing");
                Err(self.damaged(path, offset, problem))
            }
            (Verdict::Damage, _) => Err(self.damaged(path, offset, problem)),
        }
    }

    /// Checks a frame and hands its events on; gives its `durable` mark.
    fn take_frame(
        &mut self,
        path: &Path,
        offset: usize,
        payload: &[u8],
        on_event: &mut impl FnMut(&Arc<Event>),
    ) -> Result<Lsn, OpenError> {
        let decoded = decode(payload).map_err(|error| OpenError::UnknownFormat {
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
        for event in &events {
            if event.lsn != self.next_lsn {
                let problem = format!("lsn {} stands where {} is due", event.lsn, self.next_lsn);
                return Err(self.damaged(path, offset, problem));
            }
            if event.at <= self.last_at {
                return Err(self.damaged(path, offset, "time does not rise from frame to frame"));
            }
            self.auditors
                .entry(event.book.clone())
                .or_default()
                .check(event)
                .map_err(|finding| self_damaged(path, offset, event.lsn, &event.book, &finding))?;
            on_event(event);
            self.next_lsn = self.next_lsn.next();
        }
        self.last_at = events.last().map_or(self.last_at, |event| event.at);
        Ok(durable)
    }
}

fn self_damaged(
    path: &Path,
    offset: usize,
    lsn: Lsn,
    book: &BookName,
    finding: &ledger::Finding,
) -> OpenError {
    OpenError::Damaged {
        file: path.to_owned(),
        offset: offset as u64,
        lsn,
        problem: format!("book \"{book}\" {finding}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sight_matches_exactly_one_row() {
        for bits in 0..16u8 {
            let bit = |place: u8| bits >> place & 1 == 1;
            let sight = Sight {
                last_segment: bit(0),
                rest_is_zero: bit(1),
                next_begins_here: bit(2),
                later_frame_vouches: bit(3),
            };
            let matching = VERDICTS.iter().filter(|row| row.matches(&sight)).count();
            assert_eq!(matching, 1, "{sight:?}");
        }
    }
}
