//! Where events stand inside large frames, so that one can be read without the others.
//!
//! A bulk load's frame holds thousands of events under one checksum. The first read of such a frame
//! verifies that, and notes stretches of the frame, each with a checksum of its own; later reads
//! take the one stretch that holds their event.
//!
//! Owns the stretches, in memory alone: after a restart they are noted again. Refuses to know files.

use super::record::{DecodeError, Records, frame_head};
use ledger::{Event, Lsn, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, RwLock};

/// Frames with payloads from this size on are read in stretches; smaller ones whole.
pub(super) const LARGE_PAYLOAD_BYTES: usize = 64 * 1024;

/// What a read of one event takes, but for the event that crosses the end.
const STRETCH_BYTES: usize = 8 * 1024;

/// Stretches that are remembered: 8 MiB of memory for 4 GiB of large frames.
const STRETCHES_MAX: usize = 512 * 1024;

const POISONED: &str = "nothing panics while it holds this lock";

/// Some events of a frame, from the start of the first one on.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    start: u32,
    crc: u32,
    /// How many events of the frame are before it.
    index: u32,
}

/// A frame whose checksum was good, and where its events stand.
#[derive(Debug)]
pub(super) struct LargeFrame {
    /// The first lsn of its segment, which names the file.
    segment: Lsn,
    /// Where in the segment its payload begins.
    offset: u64,
    at: Timestamp,
    first: Lsn,
    events: u32,
    stretches: Vec<Stretch>,
    /// Where in the payload its events end.
    end: u32,
}

/// What to read for one event.
#[derive(Debug, Clone)]
pub(super) struct StretchPlace {
    pub(super) segment: Lsn,
    pub(super) bytes: Range<u64>,
    crc: u32,
    at: Timestamp,
    lsns: Range<u64>,
}

impl LargeFrame {
    /// Walks the events of a payload with a good checksum. `None` if it is not a frame of events as
    /// they are written.
    pub(super) fn of(
        payload: &[u8],
        segment: Lsn,
        offset: u64,
    ) -> Result<Option<LargeFrame>, DecodeError> {
        let Some((at, start)) = frame_head(payload) else { return Ok(None) };
        let mut records = Records::new(&payload[start..]);
        let mut stretches: Vec<Stretch> = Vec::with_capacity(payload.len() / STRETCH_BYTES + 1);
        let (mut first, mut events) = (None, 0_u32);
        loop {
            let place = start + records.position();
            let Some(lsn) = records.skip()? else { break };
            let expected = first.get_or_insert(lsn).0 + u64::from(events);
            if lsn.0 != expected {
                return Err(DecodeError(format!("lsn {lsn} where {expected} should be")));
            }
            let begins =
                stretches.last().is_none_or(|last| place - last.start as usize >= STRETCH_BYTES);
            if begins {
                // A frame is shorter than 64 MiB.
                stretches.push(Stretch { start: place as u32, crc: 0, index: events });
            }
            events += 1;
        }
        let Some(first) = first else { return Ok(None) };
        let end = (start + records.position()) as u32;
        let mut next = end;
        for stretch in stretches.iter_mut().rev() {
            stretch.crc = crc32fast::hash(&payload[stretch.start as usize..next as usize]);
            next = stretch.start;
        }
        Ok(Some(LargeFrame { segment, offset, at, first, events, stretches, end }))
    }

    pub(super) fn first(&self) -> Lsn {
        self.first
    }

    fn last(&self) -> Lsn {
        Lsn(self.first.0 + u64::from(self.events) - 1)
    }

    pub(super) fn place_of(&self, lsn: Lsn) -> Option<StretchPlace> {
        if lsn > self.last() {
            return None;
        }
        let index = lsn.0.checked_sub(self.first.0)?;
        let count = self.stretches.partition_point(|stretch| u64::from(stretch.index) <= index);
        let stretch = self.stretches.get(count.checked_sub(1)?)?;
        let next = self.stretches.get(count);
        let (end, next_index) =
            next.map_or((self.end, self.events), |next| (next.start, next.index));
        let lsn_of = |index: u32| self.first.0 + u64::from(index);
        Some(StretchPlace {
            segment: self.segment,
            bytes: self.offset + u64::from(stretch.start)..self.offset + u64::from(end),
            crc: stretch.crc,
            at: self.at,
            lsns: lsn_of(stretch.index)..lsn_of(next_index),
        })
    }
}

/// The large frames that were read, by first lsn.
#[derive(Debug, Default)]
pub(super) struct LargeFrames(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    frames: BTreeMap<Lsn, LargeFrame>,
    /// First lsns in the order in which the frames were read.
    order: VecDeque<Lsn>,
    stretches: usize,
}

impl LargeFrames {
    pub(super) fn place_of(&self, lsn: Lsn) -> Option<StretchPlace> {
        let known = self.0.read().expect(POISONED);
        known.frames.range(..=lsn).next_back()?.1.place_of(lsn)
    }

    /// Remembers a frame, and forgets those that were read first if they are too many.
    pub(super) fn keep(&self, frame: LargeFrame) {
        let Known { frames, order, stretches } = &mut *self.0.write().expect(POISONED);
        let first = frame.first;
        *stretches += frame.stretches.len();
        match frames.insert(first, frame) {
            // Two readers came at once.
            Some(again) => *stretches -= again.stretches.len(),
            None => order.push_back(first),
        }
        while *stretches > STRETCHES_MAX
            && let Some(earliest) = order.pop_front()
            && let Some(forgotten) = frames.remove(&earliest)
        {
            *stretches -= forgotten.stretches.len();
        }
    }
}

/// A stretch that was read, from which events are taken in rising order.
#[derive(Debug)]
pub(super) struct OpenStretch {
    bytes: Vec<u8>,
    at: Timestamp,
    /// Those that can still be taken.
    lsns: Range<u64>,
    /// Where the first of these begins.
    position: usize,
}

impl OpenStretch {
    /// # Errors
    /// If these are not the bytes that were verified with their frame.
    pub(super) fn new(place: &StretchPlace, bytes: Vec<u8>) -> Result<Self, &'static str> {
        if crc32fast::hash(&bytes) != place.crc {
            return Err("the checksum does not match");
        }
        Ok(OpenStretch { bytes, at: place.at, lsns: place.lsns.clone(), position: 0 })
    }

    /// The event, if it is ahead in this stretch.
    pub(super) fn take(&mut self, lsn: Lsn) -> Result<Option<Arc<Event>>, DecodeError> {
        if !self.lsns.contains(&lsn.0) {
            return Ok(None);
        }
        let mut records = Records::new(&self.bytes[self.position..]);
        for _ in self.lsns.start..lsn.0 {
            records.skip()?;
        }
        let event = records.read(self.at)?.filter(|event| event.lsn == lsn);
        let event = event.ok_or_else(|| DecodeError(format!("lsn {lsn} is not in its place")))?;
        self.position += records.position();
        self.lsns.start = lsn.0 + 1;
        Ok(Some(Arc::new(event)))
    }
}

#[cfg(test)]
mod tests;
