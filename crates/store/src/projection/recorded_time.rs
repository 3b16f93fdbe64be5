//! From a moment of recorded time to the cut at which the ledger stood then.

use super::Projections;
use crate::ReadError;
use ledger::{Lsn, Timestamp};

impl Projections {
    /// The end of the last published frame that was recorded at `at` or before; 0 if there is none.
    ///
    /// Time rises with every frame and is one time within it, so what is found ends a frame.
    /// Takes as many looks at single events as the position has digits: those in parts are read
    /// from the log.
    pub(crate) fn cut_at(&self, at: Timestamp) -> Result<Lsn, ReadError> {
        let (mut low, mut high) = self.bounds_of(at);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match self.event_at(Lsn(middle))? {
                Some(event) if event.at <= at => low = middle,
                _ => high = middle - 1,
            }
        }
        Ok(Lsn(low))
    }

    /// The cut lies between these two, both included: parts know when they end.
    fn bounds_of(&self, at: Timestamp) -> (u64, u64) {
        let chain = self.history.chain();
        let parts = chain.parts();
        let early = parts.partition_point(|part| part.last_at() <= at);
        let low = early.checked_sub(1).map_or(0, |index| parts[index].last().0);
        let high = parts.get(early).map_or(self.cut().0, |part| part.last().0 - 1);
        (low, high.max(low))
    }
}
