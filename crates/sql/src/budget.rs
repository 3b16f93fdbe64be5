//! A bound on what all sessions together may hold in memory for what they send.
//!
//! Small things are free: a flood of connections that each hold little is bounded by their number.

use crate::{Error, Fault};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What one holder may keep without being counted.
const FREE_BYTES: usize = 16 * 1024;

/// Cheap to clone; all clones are the same budget.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    used: AtomicUsize,
    max: usize,
}

/// What one holder has taken of a budget. Dropping it gives it back.
#[derive(Debug)]
pub struct MemoryCharge {
    budget: MemoryBudget,
    held: usize,
    charged: usize,
}

impl MemoryBudget {
    pub fn new(max: usize) -> Self {
        MemoryBudget { inner: Arc::new(Inner { used: AtomicUsize::new(0), max }) }
    }

    /// A holder that holds nothing yet.
    pub fn holder(&self) -> MemoryCharge {
        MemoryCharge { budget: self.clone(), held: 0, charged: 0 }
    }
}

impl MemoryCharge {
    /// Says how much is held now.
    ///
    /// # Errors
    /// If all holders together would hold more than they may. Then nothing has changed.
    pub fn hold(&mut self, bytes: usize) -> Result<(), Error> {
        let wanted = bytes.saturating_sub(FREE_BYTES);
        let Inner { used, max } = &*self.budget.inner;
        if wanted > self.charged {
            let more = wanted - self.charged;
            let room = |used: usize| used.checked_add(more).filter(|sum| sum <= max);
            if used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_err() {
                return Err(exhausted(*max));
            }
        } else {
            used.fetch_sub(self.charged - wanted, Ordering::Relaxed);
        }
        self.charged = wanted;
        self.held = bytes;
        Ok(())
    }

    /// Holds so many bytes more.
    ///
    /// # Errors
    /// As [`Self::hold`].
    pub fn add(&mut self, bytes: usize) -> Result<(), Error> {
        self.hold(self.held.saturating_add(bytes))
    }
}

impl Drop for MemoryCharge {
    fn drop(&mut self) {
        self.budget.inner.used.fetch_sub(self.charged, Ordering::Relaxed);
    }
}

fn exhausted(max: usize) -> Error {
    Error::new(
        Fault::InsufficientResources,
        "too much is being sent: statements and blocks of all sessions do not fit in memory",
    )
    .with_detail(format!("They may take {max} bytes, which --memory-budget decides."))
    .with_hint(
        "Try again later with the same idempotency keys, or send smaller statements and blocks.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_share_what_there_is_and_give_it_back() {
        let budget = MemoryBudget::new(1_000);
        let (mut first, mut second) = (budget.holder(), budget.holder());
        second.hold(FREE_BYTES).unwrap();
        first.hold(FREE_BYTES + 900).unwrap();
        assert_eq!(*second.add(101).unwrap_err().fault(), Fault::InsufficientResources);
        second.add(100).unwrap();
        first.hold(FREE_BYTES + 10).unwrap();
        second.add(890).unwrap();
        assert!(first.add(1).is_err());
        drop(second);
        first.hold(FREE_BYTES + 1_000).unwrap();
    }
}
