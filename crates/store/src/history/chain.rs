//! The parts in use, in order, and the questions that more than one of them may have to answer.

use super::keys::KeyHash;
use super::part::{Part, SealedPosting};
use crate::projection::Sums;
use ledger::{Event, Lsn, Seq};
use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// A part that could not be read. It is only a cache: it can be made again.
#[derive(Debug)]
pub(crate) struct BadPart {
    pub(crate) part: Arc<Part>,
    pub(crate) source: io::Error,
}

/// A gapless chain of parts from lsn 1. It never changes: a new part makes a new chain.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    parts: Vec<Arc<Part>>,
}

type Read<T> = Result<T, BadPart>;

fn ask<T>(part: &Arc<Part>, read: impl FnOnce(&Arc<Part>) -> io::Result<T>) -> Read<T> {
    read(part).map_err(|source| BadPart { part: part.clone(), source })
}

impl Chain {
    pub(super) fn new(parts: Vec<Arc<Part>>) -> Self {
        let mut due = Lsn(1);
        for part in &parts {
            assert_eq!(part.first(), due, "parts follow each other without a gap");
            due = part.last().next();
        }
        Chain { parts }
    }

    pub(super) fn with(&self, part: Arc<Part>) -> Chain {
        let mut parts = self.parts.clone();
        parts.push(part);
        Chain::new(parts)
    }

    /// The chain with `new` in the place of `old`, if those are there, side by side.
    pub(super) fn replacing(&self, old: &[Arc<Part>], new: Arc<Part>) -> Option<Chain> {
        let first = old.first()?;
        let start = self.parts.iter().position(|part| Arc::ptr_eq(part, first))?;
        let found = self.parts.get(start..start + old.len())?;
        if !found.iter().zip(old).all(|(found, old)| Arc::ptr_eq(found, old)) {
            return None;
        }
        let mut parts = self.parts.clone();
        parts.splice(start..start + old.len(), [new]);
        Some(Chain::new(parts))
    }

    /// The chain up to the part that holds `from`, and the parts from that one on.
    pub(super) fn split(&self, from: Lsn) -> (Chain, Vec<Arc<Part>>) {
        let count = self.parts.partition_point(|part| part.last() < from);
        (Chain { parts: self.parts[..count].to_vec() }, self.parts[count..].to_vec())
    }

    pub(crate) fn parts(&self) -> &[Arc<Part>] {
        &self.parts
    }

    pub(crate) fn sealed(&self) -> Lsn {
        self.parts.last().map_or(Lsn(0), |part| part.last())
    }

    /// The part that holds an lsn.
    pub(crate) fn holding(&self, lsn: Lsn) -> Option<&Arc<Part>> {
        let index = self.parts.partition_point(|part| part.last() < lsn);
        self.parts.get(index).filter(|part| part.first() <= lsn)
    }

    /// The parts that have something in a range.
    pub(crate) fn within(&self, lsns: (u64, u64)) -> &[Arc<Part>] {
        let start = self.parts.partition_point(|part| part.last().0 < lsns.0);
        let end = self.parts.partition_point(|part| part.first().0 <= lsns.1);
        &self.parts[start..end.max(start)]
    }

    fn newest_first(&self, cut: Lsn) -> impl Iterator<Item = &Arc<Part>> {
        self.within((0, cut.0)).iter().rev()
    }

    /// Whether [`Self::find`] may find something, as far as is known without the disk.
    pub(crate) fn may_know(&self, hash: KeyHash, through: Lsn) -> bool {
        self.within((0, through.0)).iter().any(|part| !part.keys().surely_lacks(hash))
    }

    /// What the parts that begin at `through` or before it know of a hash.
    pub(crate) fn find(&self, hash: KeyHash, through: Lsn) -> Read<Vec<Lsn>> {
        let mut lsns = Vec::new();
        for part in self.within((0, through.0)) {
            lsns.extend(ask(part, |part| part.find(hash))?);
        }
        Ok(lsns)
    }

    pub(crate) fn lsns_of(&self, book: &str, seqs: &RangeInclusive<u64>) -> Read<Vec<Lsn>> {
        let mut lsns = Vec::new();
        let wanted = seqs.end().saturating_sub(*seqs.start()) + 1;
        for part in &self.parts {
            lsns.extend(ask(part, |part| part.lsns_of(book, seqs.clone()))?);
            if lsns.len() as u64 >= wanted {
                break;
            }
        }
        Ok(lsns)
    }

    /// A book's last event at a cut.
    pub(crate) fn head_at(&self, book: &str, cut: Lsn) -> Read<Option<(Seq, Lsn)>> {
        for part in self.newest_first(cut) {
            let Some((seq, _)) = ask(part, |part| part.book_head_at(book, cut))? else { continue };
            let lsns = ask(part, |part| part.lsns_of(book, seq.0..=seq.0))?;
            return Ok(lsns.first().map(|lsn| (seq, *lsn)));
        }
        Ok(None)
    }

    pub(crate) fn postings_of(&self, event: &Event) -> Read<Vec<SealedPosting>> {
        match self.holding(event.lsn) {
            Some(part) => ask(part, |part| part.postings_of(event)),
            None => Ok(Vec::new()),
        }
    }

    /// An account's lifetime sums at a cut.
    pub(crate) fn sums_at(&self, book: &str, path: &str, cut: Lsn) -> Read<Sums> {
        for part in self.newest_first(cut) {
            if let Some(posting) = ask(part, |part| part.last_posting(book, path, cut))? {
                let last_posting = Some((posting.lsn, posting.seq));
                return Ok(Sums { totals: posting.totals_after, last_posting });
            }
        }
        Ok(Sums::default())
    }

    /// An account's last postings in a range of lsns, newest first.
    pub(crate) fn newest_account_postings(
        &self,
        book: &str,
        path: &str,
        lsns: RangeInclusive<u64>,
        limit: usize,
    ) -> Read<Vec<SealedPosting>> {
        let mut postings = Vec::new();
        for part in self.within((*lsns.start(), *lsns.end())).iter().rev() {
            let left = limit - postings.len();
            if left == 0 {
                break;
            }
            postings.extend(ask(part, |part| {
                part.newest_account_postings(book, path, lsns.clone(), left)
            })?);
        }
        Ok(postings)
    }

    /// An account's postings in a range of lsns, from a seq on, oldest first.
    pub(crate) fn account_postings(
        &self,
        book: &str,
        path: &str,
        lsns: RangeInclusive<u64>,
        from: Seq,
        limit: usize,
    ) -> Read<Vec<SealedPosting>> {
        let mut postings = Vec::new();
        for part in self.within((*lsns.start(), *lsns.end())) {
            let left = limit - postings.len();
            if left == 0 {
                break;
            }
            postings.extend(ask(part, |part| {
                part.account_postings(book, path, lsns.clone(), from, left)
            })?);
        }
        Ok(postings)
    }
}
