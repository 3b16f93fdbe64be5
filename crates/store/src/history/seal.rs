//! Making a part of the newest events, from memory.
//!
//! Everything here reads published events, which do not change, while writers and readers go on.

use super::chain::BadPart;
use super::part::{Part, PartContent, write_part};
use crate::ReadError;
use crate::projection::{
    AccountRecord, Bounds, EventRow, Piece, PostingRow, Projections, Sums, SumsAt, memory_bytes,
};
use foldhash::fast::RandomState;
use ledger::{Event, EventBody, Lsn};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Why no part was made. It is tried again later; meanwhile the events stay in memory.
#[derive(Debug)]
pub(crate) enum SealError {
    Write(std::io::Error),
    Read(ReadError),
    /// Another part is bad and must be made again first.
    Bad(BadPart),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SealError::Write(error) => error.fmt(f),
            SealError::Read(error) => error.fmt(f),
            SealError::Bad(bad) => bad.source.fmt(f),
        }
    }
}

impl From<ReadError> for SealError {
    fn from(error: ReadError) -> Self {
        SealError::Read(error)
    }
}

/// How large a part made from memory may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SliceMax {
    pub(crate) events: u64,
    /// Of the events as they lie in memory.
    pub(crate) bytes: u64,
}

impl Projections {
    /// Seals the next slice of what is published, if there is any.
    pub(super) fn seal_next(&self, max: SliceMax) -> Result<Option<Lsn>, SealError> {
        let first = self.history.sealed().next();
        let (events, bytes) = self.next_slice(first, max);
        let Some(last) = events.last().map(|event| event.lsn) else { return Ok(None) };
        let bounds = Bounds { lsn: (first.0, last.0), at: (i64::MIN, i64::MAX) };
        // Chunks are shared and then copied, so that the publisher is not held up meanwhile.
        let pieces = self.postings().pieces(&bounds);
        let postings = Piece::into_rows(pieces);
        let part = self.write_content(first, last, events, postings, |book, path| {
            Ok(self.sums_at(book, path, last)?)
        })?;
        self.history.append(Arc::new(part));
        self.note_sealed(bytes);
        self.history.keys.trim(last);
        Ok(Some(last))
    }

    /// Published events from `first` on, up to the end of a frame: at most `max` of them, unless
    /// the first frame alone is larger. Gives what they take in memory, too.
    fn next_slice(&self, first: Lsn, max: SliceMax) -> (Vec<Arc<Event>>, u64) {
        let cut = self.cut();
        let bounds = Bounds { lsn: (first.0, cut.0), at: (i64::MIN, i64::MAX) };
        let pieces = self.events().pieces(&bounds);
        let mut slice: Vec<Arc<Event>> = Vec::new();
        let mut bytes = 0;
        // How many events end with the last frame that is whole, and their bytes.
        let mut whole = (0, 0);
        for EventRow(event) in pieces.iter().flat_map(Piece::rows) {
            if slice.last().is_some_and(|last| last.at != event.at) {
                whole = (slice.len(), bytes);
            }
            let full = slice.len() as u64 >= max.events || bytes > max.bytes;
            if full && whole.0 > 0 {
                slice.truncate(whole.0);
                return (slice, whole.1);
            }
            bytes += memory_bytes(event);
            slice.push(event.clone());
        }
        // A cut ends a frame.
        (slice, bytes)
    }

    /// Writes the part of a range whose events and postings are known; `sums` are those of an
    /// account at the end of the range that has no posting in it.
    pub(super) fn write_content(
        &self,
        first: Lsn,
        last: Lsn,
        events: Vec<Arc<Event>>,
        postings: Vec<PostingRow>,
        sums: impl FnMut(&str, &str) -> Result<Sums, SealError>,
    ) -> Result<Part, SealError> {
        let history = &self.history;
        let content = PartContent {
            store: history.store.clone(),
            first,
            last,
            end: history.log.end_of(last)?,
            last_at: events.last().map(|event| event.at).unwrap_or_default(),
            accounts: self.touched_accounts(&events, &postings, last, sums)?,
            assets: events
                .iter()
                .filter_map(|event| match &event.body {
                    EventBody::AssetRegistered(asset) => {
                        Some((asset.clone(), event.lsn, event.seq, event.at))
                    }
                    _ => None,
                })
                .collect(),
            positions: history.log.positions.within(&(first..=last)),
            events,
            postings,
        };
        write_part(&*history.storage, &history.dir, &content).map_err(SealError::Write)
    }

    /// The accounts that events touch, as of the last of them.
    fn touched_accounts(
        &self,
        events: &[Arc<Event>],
        postings: &[PostingRow],
        last: Lsn,
        mut sums: impl FnMut(&str, &str) -> Result<Sums, SealError>,
    ) -> Result<Vec<AccountRecord>, SealError> {
        // Sums that a leg in the range tells: later legs of an account overwrite earlier ones.
        let mut touched: HashMap<(&str, &str), Option<Sums>, RandomState> = HashMap::default();
        for row in postings {
            let account = (row.event.book.as_str(), row.posting().account.as_str());
            let last_posting = Some((row.event.lsn, row.event.seq));
            touched.insert(account, Some(Sums { totals: row.totals_after, last_posting }));
        }
        for event in events {
            let path = match &event.body {
                EventBody::AccountOpened(opening) => &opening.path,
                EventBody::AccountChanged { path, .. } => path,
                // Their accounts are those of the postings.
                EventBody::AssetRegistered(_) | EventBody::TransactionPosted(_) => continue,
            };
            touched.entry((event.book.as_str(), path.as_str())).or_default();
        }
        let mut records = Vec::with_capacity(touched.len());
        for ((book, path), posted) in touched {
            let sums = match posted {
                Some(found) => found,
                None => sums(book, path)?,
            };
            let record = self.book(book).and_then(|projection| {
                projection
                    .with_account(path, |account| account.record(&projection.name, last, sums))
            });
            records.extend(record);
        }
        Ok(records)
    }

    /// An account's lifetime sums at a cut.
    pub(crate) fn sums_at(&self, book: &str, path: &str, cut: Lsn) -> Result<Sums, ReadError> {
        let found = self.book(book).and_then(|book| {
            book.with_account(path, |account| account.sums_at(cut, || self.postings()))
        });
        match found {
            None => Ok(Sums::default()),
            Some(SumsAt::Known(sums)) => Ok(sums),
            Some(SumsAt::Sealed) => self.sealed(|chain| chain.sums_at(book, path, cut)),
        }
    }
}
