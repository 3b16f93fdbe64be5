//! What a block has staged, in two parts: what its reads show, and what is set aside.
//!
//! Set aside is a transaction that is being assembled under a key that is committed already: it
//! will be a replay or a conflict when the block commits, so it counts for nothing, but its
//! postings still have to find it.

use std::sync::Arc;
use store::{StagedMark, StagedWrites};

/// The staged writes of a block.
#[derive(Debug, Default)]
pub(super) struct Staged {
    /// What the block's reads show, and what its next write is decided on.
    pub(super) shown: Arc<StagedWrites>,
    pub(super) aside: StagedWrites,
}

/// How much was staged by then, of both.
#[derive(Debug, Clone, Copy)]
pub(super) struct StagedPlace {
    shown: StagedMark,
    aside: StagedMark,
}

impl Staged {
    pub(super) fn place(&self) -> StagedPlace {
        StagedPlace { shown: self.shown.mark(), aside: self.aside.mark() }
    }

    /// Undoes what was staged since, newest first.
    pub(super) fn roll_back_to(&mut self, place: StagedPlace) {
        Arc::make_mut(&mut self.shown).roll_back_to(place.shown);
        self.aside.roll_back_to(place.aside);
    }

    pub(super) fn shown_mut(&mut self) -> &mut StagedWrites {
        Arc::make_mut(&mut self.shown)
    }
}
