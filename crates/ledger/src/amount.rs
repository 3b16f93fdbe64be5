//! Money is an integer of minor units in an `i128`, bounded so that every sum fits
//! `numeric(38,0)`, and every addition is checked.

/// The largest amount, balance or lifetime sum: 10³⁸ − 1.
pub const AMOUNT_MAX: i128 = 10i128.pow(38) - 1;

/// Lifetime debits and credits, of an account or of a book in one asset.
///
/// Both are never negative and never above [`AMOUNT_MAX`], so their difference cannot overflow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub debits: i128,
    pub credits: i128,
}

impl Totals {
    /// The debit-positive balance.
    pub fn balance(&self) -> i128 {
        self.debits - self.credits
    }

    /// Both sums with `other` added, or `None` where one would pass [`AMOUNT_MAX`].
    pub fn checked_add(&self, other: &Totals) -> Option<Totals> {
        Some(Totals {
            debits: sum(self.debits, other.debits)?,
            credits: sum(self.credits, other.credits)?,
        })
    }
}

/// `a + b`, or `None` past [`AMOUNT_MAX`]. Both are non-negative and within the bound.
pub(crate) fn sum(a: i128, b: i128) -> Option<i128> {
    a.checked_add(b).filter(|total| *total <= AMOUNT_MAX)
}
