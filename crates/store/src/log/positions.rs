//! Where frames stand: a sparse index from lsn to segment and offset, for all of the log.
//!
//! Kept in memory whole, because it is small: 24 bytes for each 32 KiB of log.

use ledger::Lsn;
use std::ops::RangeInclusive;
use std::sync::RwLock;

/// Log bytes between two positions that are kept: what a lookup reads through at most.
const SPACING_BYTES: u64 = 32 * 1024;

/// The place of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogPosition {
    /// The frame's first lsn.
    pub(crate) lsn: Lsn,
    /// The first lsn of its segment, which names the file.
    pub(crate) segment: Lsn,
    pub(crate) offset: u64,
}

/// Rising in lsn.
#[derive(Debug, Default)]
pub(crate) struct Positions(RwLock<Vec<LogPosition>>);

const POISONED: &str = "nothing panics while it holds this lock";

impl Positions {
    /// Takes note of a frame, if none near it is noted already. Frames come in log order.
    pub(crate) fn note(&self, position: LogPosition) {
        let mut known = self.0.write().expect(POISONED);
        let near = known.last().is_some_and(|last| {
            last.segment == position.segment && position.offset < last.offset + SPACING_BYTES
        });
        if !near {
            known.push(position);
        }
    }

    /// Takes over positions that were noted before a restart.
    pub(crate) fn restore(&self, positions: &[LogPosition]) {
        self.0.write().expect(POISONED).extend_from_slice(positions);
    }

    /// Forgets frames that begin with `from` or behind it.
    pub(crate) fn forget(&self, from: Lsn) {
        let mut known = self.0.write().expect(POISONED);
        let count = known.partition_point(|position| position.lsn < from);
        known.truncate(count);
    }

    /// The last noted frame that begins with `lsn` or before it.
    pub(crate) fn before(&self, lsn: Lsn) -> Option<LogPosition> {
        let known = self.0.read().expect(POISONED);
        let count = known.partition_point(|position| position.lsn <= lsn);
        known[..count].last().copied()
    }

    /// The noted frames that begin in a range.
    pub(crate) fn within(&self, lsns: &RangeInclusive<Lsn>) -> Vec<LogPosition> {
        let known = self.0.read().expect(POISONED);
        let start = known.partition_point(|position| position.lsn < *lsns.start());
        let end = known.partition_point(|position| position.lsn <= *lsns.end());
        known[start..end].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(lsn: u64, segment: u64, offset: u64) -> LogPosition {
        LogPosition { lsn: Lsn(lsn), segment: Lsn(segment), offset }
    }

    #[test]
    fn frames_near_a_noted_one_are_found_through_it() {
        let positions = Positions::default();
        assert_eq!(positions.before(Lsn(9)), None);
        for noted in [
            position(1, 1, 100),
            position(2, 1, 200),
            position(3, 1, 100 + SPACING_BYTES),
            position(7, 7, 100),
        ] {
            positions.note(noted);
        }
        let found = |lsn| positions.before(Lsn(lsn)).map(|position| position.lsn.0);
        assert_eq!([1, 2, 3, 6, 7, 99].map(found), [1, 1, 3, 3, 7, 7].map(Some));
        assert_eq!(found(0), None);
        let within = positions.within(&(Lsn(2)..=Lsn(7)));
        assert_eq!(within, [position(3, 1, 100 + SPACING_BYTES), position(7, 7, 100)]);
    }
}
