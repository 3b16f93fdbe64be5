//! Making a part again that turned out bad, from the log.
//!
//! The reader that found it waits: a bad file costs time, never an answer.

use super::POISONED;
use super::chain::{BadPart, Chain};
use super::part::{Part, merge_parts};
use super::seal::SealError;
use crate::ReadError;
use crate::projection::{PostingRow, Projections, Sums, transaction_of};
use ledger::{Event, EventBody, Lsn};
use std::collections::HashMap;
use std::sync::Arc;

/// Events that are made into one file at once, before the files are merged.
const SLICE_EVENTS: usize = 65_536;

impl Projections {
    /// Reads sealed history; a part that turns out bad is made again, and the reading starts anew.
    pub(crate) fn sealed<T>(
        &self,
        mut read: impl FnMut(&Chain) -> Result<T, BadPart>,
    ) -> Result<T, ReadError> {
        loop {
            match read(&self.history.chain()) {
                Ok(answer) => return Ok(answer),
                Err(bad) => drop(self.reseal(&bad)?),
            }
        }
    }

    /// The part that stands in a bad one's place and holds the same rows in the same order.
    pub(crate) fn reseal(&self, bad: &BadPart) -> Result<Arc<Part>, ReadError> {
        loop {
            match self.try_reseal(bad) {
                Ok(again) => return Ok(again),
                // Sums come from the parts before: those first.
                Err(SealError::Bad(earlier)) => drop(self.reseal(&earlier)?),
                Err(error) => {
                    let problem = format!("making a bad part again: {error}");
                    return Err(ReadError::new(&self.history.dir, problem));
                }
            }
        }
    }

    fn try_reseal(&self, BadPart { part, source }: &BadPart) -> Result<Arc<Part>, SealError> {
        let moved_on =
            || SealError::Read(ReadError::new(&self.history.dir, "history moved on: read again"));
        let _one_at_a_time = self.history.resealing.lock().expect(POISONED);
        let chain = self.history.chain();
        if !chain.parts().iter().any(|known| Arc::ptr_eq(known, part)) {
            // Another reader found it too, and made it again.
            let range = (part.first(), part.last());
            let same = chain.parts().iter().find(|known| (known.first(), known.last()) == range);
            return same.cloned().ok_or_else(moved_on);
        }
        tracing::warn!(
            first = part.first().0,
            last = part.last().0,
            error = %source,
            "a part of the sealed history is bad and is made again from the log"
        );
        let again = self.make_again(part)?;
        match self.history.replace(std::slice::from_ref(part), again.clone()) {
            true => Ok(again),
            false => Err(moved_on()),
        }
    }

    fn make_again(&self, bad: &Part) -> Result<Arc<Part>, SealError> {
        // The new files may have the same names.
        self.history.delete(bad);
        let mut sums = RunningSums { projections: self, before: bad.first(), sums: HashMap::new() };
        let mut slices: Vec<Arc<Part>> = Vec::new();
        let mut events: Vec<Arc<Event>> = Vec::new();
        for frame in self.history.log.frames_from(bad.first())? {
            events.extend(frame?);
            let end = events.last().map_or(Lsn(0), |event| event.lsn);
            if events.len() >= SLICE_EVENTS || end >= bad.last() {
                slices.push(Arc::new(self.seal_again(std::mem::take(&mut events), &mut sums)?));
            }
            if end >= bad.last() {
                break;
            }
        }
        if let [only] = &slices[..] {
            return Ok(only.clone());
        }
        let merged = merge_parts(&*self.history.storage, &self.history.dir, &slices)
            .map_err(SealError::Write)?;
        slices.iter().for_each(|slice| self.history.delete(slice));
        Ok(Arc::new(merged))
    }

    fn seal_again(
        &self,
        events: Vec<Arc<Event>>,
        sums: &mut RunningSums<'_>,
    ) -> Result<Part, SealError> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Err(ReadError::new(self.history.log.dir(), "it has no such events").into());
        };
        let (first, last) = (first.lsn, last.lsn);
        let mut postings = Vec::new();
        for event in &events {
            if matches!(event.body, EventBody::TransactionPosted(_)) {
                sums.post(event, &mut postings)?;
            }
        }
        self.write_content(first, last, events, postings, |book, path| sums.of(book, path))
    }
}

/// The sums of accounts while their history is gone through once more.
struct RunningSums<'a> {
    projections: &'a Projections,
    /// Where the range begins: sums before it come from the parts before.
    before: Lsn,
    sums: HashMap<(String, String), Sums>,
}

impl RunningSums<'_> {
    fn of(&self, book: &str, path: &str) -> Result<Sums, SealError> {
        if let Some(sums) = self.sums.get(&(book.to_owned(), path.to_owned())) {
            return Ok(*sums);
        }
        let Some(cut) = self.before.0.checked_sub(1) else { return Ok(Sums::default()) };
        let chain = self.projections.history.chain();
        chain.sums_at(book, path, Lsn(cut)).map_err(SealError::Bad)
    }

    fn post(&mut self, event: &Arc<Event>, rows: &mut Vec<PostingRow>) -> Result<(), SealError> {
        for (posting, index) in transaction_of(event).postings.iter().zip(0u16..) {
            let (book, path) = (event.book.as_str(), posting.account.as_str());
            let broken = || ReadError::new(self.projections.history.log.dir(), "sums do not fit");
            let before = self.of(book, path)?.totals;
            let totals_after = before.checked_add(&posting.totals()).ok_or_else(broken)?;
            let kind = self
                .projections
                .book(book)
                .and_then(|book| book.with_account(path, |account| account.opening.kind))
                .ok_or_else(broken)?;
            let sums = Sums { totals: totals_after, last_posting: Some((event.lsn, event.seq)) };
            self.sums.insert((book.to_owned(), path.to_owned()), sums);
            rows.push(PostingRow { event: event.clone(), index, kind, totals_after });
        }
        Ok(())
    }
}
