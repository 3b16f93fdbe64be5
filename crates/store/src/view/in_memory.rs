//! Reading without waiting for the disk: what is no longer in memory is refused, and the reader
//! asks again where waiting holds nobody up.
//!
//! Whether something is in memory is looked at before it is read. What is evicted in between is
//! read from the disk after all: that is rare, and the answer is the same.

use super::{Disk, View};
use crate::ReadError;
use crate::history::keys::KeyHash;
use crate::projection::{BookProjection, PostingRow};
use ledger::{Event, Lsn};
use std::ops::RangeInclusive;
use std::sync::Arc;

impl View {
    /// The same ledger, for a reader that must not wait for the disk: what is not in memory is
    /// [`ReadError::NotInMemory`].
    pub fn in_memory(self) -> View {
        View { disk: Disk::NotWaitedFor, ..self }
    }

    /// The next thing to be done may read the disk.
    pub(super) fn may_read_disk(&self) -> Result<(), ReadError> {
        match self.disk {
            Disk::MayBeRead => Ok(()),
            Disk::NotWaitedFor => Err(ReadError::NotInMemory),
        }
    }

    fn is_bound_to_memory(&self) -> bool {
        self.disk == Disk::NotWaitedFor
    }

    pub(super) fn events_at(&self, lsns: &[Lsn]) -> Result<Vec<Arc<Event>>, ReadError> {
        if self.is_bound_to_memory()
            && lsns.first().is_some_and(|lsn| *lsn <= self.projections.events().floor())
        {
            return Err(ReadError::NotInMemory);
        }
        self.projections.events_at(lsns)
    }

    pub(super) fn lsns_of(
        &self,
        book: &BookProjection,
        seqs: &RangeInclusive<u64>,
    ) -> Result<Vec<Lsn>, ReadError> {
        if self.is_bound_to_memory() && book.has_sealed(seqs) {
            return Err(ReadError::NotInMemory);
        }
        self.projections.lsns_of(book, seqs)
    }

    pub(super) fn lsns_of_key(&self, hash: KeyHash) -> Result<Vec<Lsn>, ReadError> {
        if self.is_bound_to_memory() {
            return self.projections.lsns_of_key_in_memory(hash).ok_or(ReadError::NotInMemory);
        }
        self.projections.lsns_of_key(hash)
    }

    pub(super) fn postings_of(&self, event: &Arc<Event>) -> Result<Vec<PostingRow>, ReadError> {
        if self.is_bound_to_memory() && event.lsn <= self.projections.postings().floor() {
            return Err(ReadError::NotInMemory);
        }
        self.projections.postings_of(event)
    }
}
