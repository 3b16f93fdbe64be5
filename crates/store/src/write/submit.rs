//! Deciding: the part of a commit that runs on the caller's thread.
//!
//! The books of a group are locked in name order, so that groups cannot wait for each other in a
//! circle; the locks are given up before anything waits for the disk.

use super::books::{Book, Books, InFlight, lock};
use super::staging::{Decided, Pending, Staging};
use super::ticket::{Reply, Ticket};
use crate::log::frame::{FRAME_BYTES_MAX, HEADER_BYTES};
use crate::log::record::encode_body;
use crate::projection::Projections;
use crate::write::staging::tell;
use crate::{CommitError, Options};
use ledger::{
    BookName, Decision, Draft, EventBody, Lsn, Original, Overlay, Rejection, Seq, decide,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes of a frame beside its events: braces, time, `durable` mark, header.
const FRAME_OVERHEAD_BYTES: usize = HEADER_BYTES + 96;

/// Decides and stages a group; gives the ticket for its outcome.
pub(crate) fn submit(
    books: &Books,
    staging: &Staging,
    projections: &Projections,
    options: &Options,
    group: &[Draft],
) -> Ticket {
    if group.is_empty() {
        return Ticket::answered(Ok(Vec::new()));
    }
    let opened = open_books(books, group);
    let mut locked: BTreeMap<&BookName, MutexGuard<'_, Book>> =
        opened.iter().map(|(name, book)| (name, lock(book))).collect();
    let rests_on = locked.values().map(|book| book.staged).max().unwrap_or_default();
    let (reply, ticket) = Ticket::new();
    match decide_group(books, &locked, group).and_then(|decided| {
        admit(&locked, &decided, options)?;
        Ok(decided)
    }) {
        Ok(DecidedGroup { events, outcomes, .. }) if events.is_empty() => {
            let outcomes = outcomes.into_iter().map(|outcome| outcome.pending(&[])).collect();
            answer(staging, projections, rests_on, Ok(outcomes), reply);
        }
        Ok(DecidedGroup { events, outcomes, bytes }) => {
            let in_flight = bytes
                .iter()
                .map(|(book, bytes)| (locked[book].in_flight.clone(), *bytes))
                .collect::<Vec<(Arc<InFlight>, usize)>>();
            let outcomes = |events: &[_]| {
                outcomes.into_iter().map(|outcome| outcome.pending(events)).collect()
            };
            staging.stage(events, in_flight, outcomes, reply, |events| {
                for event in events {
                    let book = locked.get_mut(&event.book).expect("the group's books are locked");
                    books.apply(book, event);
                }
            });
        }
        Err(error) => answer(staging, projections, rests_on, Err(error), reply),
    }
    ticket
}

/// The books a group looks at or extends, in name order.
///
/// Only opening an account makes a book; any other draft on a book that does not exist is decided
/// on an empty one, which is then forgotten. Drafts on assets and openings of accounts look at the
/// system book, where the assets are.
fn open_books(books: &Books, group: &[Draft]) -> BTreeMap<BookName, Arc<Mutex<Book>>> {
    let mut opened = BTreeMap::new();
    for draft in group {
        let makes_book = matches!(draft, Draft::OpenAccount { .. } | Draft::RegisterAsset(_));
        if matches!(draft, Draft::OpenAccount { .. }) {
            let system = BookName::system();
            let book = books.get_or_open(&system);
            opened.insert(system, book);
        }
        let name = draft.book();
        let book = if makes_book {
            books.get_or_open(&name)
        } else if opened.contains_key(&name) {
            continue;
        } else {
            books.get(&name).unwrap_or_default()
        };
        opened.insert(name, book);
    }
    opened
}

/// A draft's outcome before its event has a place.
enum DraftOutcome {
    /// The event at this index of the group.
    New(usize),
    Known(Pending),
}

impl DraftOutcome {
    fn pending(self, events: &[Arc<ledger::Event>]) -> Pending {
        match self {
            DraftOutcome::New(index) => Pending::New(events[index].clone()),
            DraftOutcome::Known(pending) => pending,
        }
    }
}

#[derive(Default)]
struct DecidedGroup {
    events: Vec<Decided>,
    outcomes: Vec<DraftOutcome>,
    /// Frame bytes by book, at most.
    bytes: HashMap<BookName, usize>,
}

fn decide_group(
    books: &Books,
    locked: &BTreeMap<&BookName, MutexGuard<'_, Book>>,
    group: &[Draft],
) -> Result<DecidedGroup, CommitError> {
    books.with_assets(|assets| {
        let rejected =
            |index| move |rejection: Rejection| CommitError::Rejected { index, rejection };
        let mut collector = Collector::default();
        if let [draft] = group {
            // The common case needs no overlay: nothing is decided on top of it here.
            let name = draft.book();
            let state = &locked[&name].state;
            let decision = decide(&state.with_assets(assets), draft).map_err(rejected(0))?;
            collector.add(name, decision, |_| state.head().next());
            return Ok(collector.group);
        }
        let mut overlays: BTreeMap<&BookName, Overlay<'_>> =
            locked.iter().map(|(name, book)| (*name, Overlay::new(&book.state, assets))).collect();
        for (index, draft) in group.iter().enumerate() {
            let name = draft.book();
            let overlay = overlays.get_mut(&name).expect("the group's books are locked");
            let decision = decide(overlay, draft).map_err(rejected(index))?;
            if let Decision::New(EventBody::AssetRegistered(asset)) = &decision {
                let asset = asset.clone();
                overlays.values_mut().for_each(|overlay| overlay.show_asset(asset.clone()));
            }
            let overlay = overlays.get_mut(&name).expect("the group's books are locked");
            collector.add(name, decision, |body| overlay.apply(body));
        }
        Ok(collector.group)
    })
}

#[derive(Default)]
struct Collector {
    group: DecidedGroup,
}

impl Collector {
    fn add(&mut self, book: BookName, decision: Decision, place: impl FnOnce(&EventBody) -> Seq) {
        let outcome = match decision {
            Decision::New(body) => {
                let seq = place(&body);
                let encoded = encode_body(&body);
                *self.group.bytes.entry(book.clone()).or_default() +=
                    encoded.frame_bytes_max(book.as_str());
                self.group.events.push(Decided { book, seq, body, encoded });
                DraftOutcome::New(self.group.events.len() - 1)
            }
            Decision::Replay(Original::Transaction { seq, .. }) => {
                DraftOutcome::Known(Pending::ReplayedTransaction { book, seq })
            }
            Decision::Replay(Original::Account(opening)) => {
                let path = opening.path.clone();
                DraftOutcome::Known(Pending::ReplayedAccount { book, path })
            }
            Decision::Replay(Original::Asset(asset)) => {
                DraftOutcome::Known(Pending::ReplayedAsset(asset.id.clone()))
            }
            Decision::Unchanged => DraftOutcome::Known(Pending::Unchanged),
        };
        self.group.outcomes.push(outcome);
    }
}

/// Bounds at the door: the frame, and what each book may have in flight.
fn admit(
    locked: &BTreeMap<&BookName, MutexGuard<'_, Book>>,
    group: &DecidedGroup,
    options: &Options,
) -> Result<(), CommitError> {
    let bytes = FRAME_OVERHEAD_BYTES + group.bytes.values().sum::<usize>();
    if bytes > FRAME_BYTES_MAX {
        return Err(CommitError::FrameTooLarge { bytes, bytes_max: FRAME_BYTES_MAX });
    }
    for (name, bytes) in &group.bytes {
        let in_flight = locked[name].in_flight.bytes();
        if in_flight > 0 && in_flight + bytes > options.in_flight_bytes_per_book_max {
            return Err(CommitError::Busy { book: name.clone() });
        }
    }
    Ok(())
}

/// Tells an answer that changes nothing: at once if all it rests on is published, else behind it.
fn answer(
    staging: &Staging,
    projections: &Projections,
    rests_on: Lsn,
    result: Result<Vec<Pending>, CommitError>,
    reply: Reply,
) {
    if rests_on > projections.cut() {
        staging.answer_after_staged(result, reply);
    } else {
        let _ = reply.send(result.map(|outcomes| tell(outcomes, projections)));
    }
}
