//! A sum that cannot overflow on the way.
//!
//! A plain `i128` would make the verdict "out of range" depend on the order in which partitions
//! are added. [`Wide`] counts its overflows, so only the final value is judged.

use super::decimal::in_range;

/// `high × 2^128 + low`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wide {
    pub(super) low: i128,
    pub(super) high: i64,
}

impl Wide {
    #[inline]
    pub(super) fn add(&mut self, value: i128) {
        let (low, overflowed) = self.low.overflowing_add(value);
        self.low = low;
        if overflowed {
            // It wrapped towards the other sign: the true value is 2^128 away.
            self.high += if value > 0 { 1 } else { -1 };
        }
    }

    #[inline]
    pub(super) fn subtract(&mut self, value: i128) {
        let (low, overflowed) = self.low.overflowing_sub(value);
        self.low = low;
        if overflowed {
            self.high += if value > 0 { -1 } else { 1 };
        }
    }

    pub(super) fn merge(&mut self, other: Wide) {
        self.add(other.low);
        self.high += other.high;
    }

    /// The sum, if it fits 38 digits.
    pub(super) fn exact(self) -> Option<i128> {
        (self.high == 0).then_some(self.low).and_then(in_range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::AMOUNT_MAX;

    #[test]
    fn the_order_of_additions_does_not_matter() {
        let mut forth = Wide::default();
        for _ in 0..10 {
            forth.add(AMOUNT_MAX);
        }
        assert_eq!(forth.exact(), None);
        for _ in 0..9 {
            forth.subtract(AMOUNT_MAX);
        }
        assert_eq!(forth.exact(), Some(AMOUNT_MAX));
        let mut back = Wide::default();
        for _ in 0..9 {
            back.add(-AMOUNT_MAX);
        }
        back.merge(forth);
        for _ in 0..8 {
            back.add(AMOUNT_MAX);
        }
        assert_eq!(back.exact(), Some(0));
    }
}
