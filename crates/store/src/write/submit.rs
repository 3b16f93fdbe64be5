//! Deciding: the part of a commit that runs on the caller's thread.
//!
//! The books of a group are locked in name order, so that groups cannot wait for each other in a
//! circle; the locks are given up before anything waits for the disk.

use super::books::{Book, Books, InFlight, lock};
use super::past::{Names, Past};
use super::staging::{Decided, Pending, Staging};
use super::ticket::{Reply, Ticket};
use crate::log::frame::{FRAME_BYTES_MAX, HEADER_BYTES};
use crate::log::record::encode_body;
use crate::projection::Projections;
use crate::write::staging::tell;
use crate::{CommitError, Options};
use ledger::{
    BookName, Decision, Draft, EventBody, Lsn, Original, Overlay, Rejection, Seq, Transaction,
    decide,
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
    let decided = look_up_past(group, staging, projections)
        .and_then(|past| decide_group(books, &locked, &past, group))
        .and_then(|decided| {
            admit(books, &locked, &decided, projections, options)?;
            Ok(decided)
        });
    match decided {
        Ok(DecidedGroup { events, outcomes, .. }) if events.is_empty() => {
            let outcomes = outcomes.into_iter().map(|outcome| outcome.pending(&[])).collect();
            answer(staging, projections, rests_on, Ok(outcomes), reply);
        }
        Ok(DecidedGroup { events, outcomes, bytes }) => {
            let mut in_flight: Vec<(Arc<InFlight>, usize)> = bytes
                .iter()
                .map(|(book, bytes)| (locked[book].in_flight.clone(), *bytes))
                .collect();
            in_flight.push((books.in_flight().clone(), bytes.values().sum()));
            let outcomes = |events: &[_]| {
                outcomes.into_iter().map(|outcome| outcome.pending(events)).collect()
            };
            staging.stage(events, in_flight, outcomes, reply, |events| {
                for event in events {
                    let book = locked.get_mut(&event.book).expect("the group's books are locked");
                    books.apply(book, event);
                    projections.history.keys.insert_names_of(event);
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

/// The transactions that a group's drafts can clash with, by book.
fn look_up_past(
    group: &[Draft],
    staging: &Staging,
    projections: &Projections,
) -> Result<HashMap<BookName, Past>, CommitError> {
    let mut past: HashMap<BookName, Past> = HashMap::new();
    for draft in group {
        if let Draft::PostTransaction(draft) = draft {
            let event_at = |lsn| match staging.unpublished_event(lsn) {
                Some(event) => Ok(Some(event)),
                // Published by now, if it was not before.
                None => projections.event_at(lsn),
            };
            past.entry(draft.book.clone())
                .or_default()
                .look_up(Names::of_draft(draft), projections, event_at)
                .map_err(CommitError::Read)?;
        }
    }
    Ok(past)
}

/// A draft's outcome before its event has a place.
enum DraftOutcome {
    /// The event at this index of the group.
    New(usize),
    /// The same as an earlier draft of the group, whose event has this index.
    Repeated(usize),
    Known(Pending),
}

impl DraftOutcome {
    fn pending(self, events: &[Arc<ledger::Event>]) -> Pending {
        match self {
            DraftOutcome::New(index) => Pending::New(events[index].clone()),
            DraftOutcome::Repeated(index) => Pending::ReplayedTransaction(events[index].clone()),
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
    past: &HashMap<BookName, Past>,
    group: &[Draft],
) -> Result<DecidedGroup, CommitError> {
    let nothing = Past::default();
    let past_of = |book: &BookName| past.get(book).unwrap_or(&nothing);
    books.with_assets(|assets| {
        let rejected =
            |index| move |rejection: Rejection| CommitError::Rejected { index, rejection };
        let mut decided = DecidedGroup::default();
        if let [draft] = group {
            // The common case needs no overlay: nothing is decided on top of it here.
            let name = draft.book();
            let (state, past) = (&locked[&name].state, past_of(&name));
            let decision = decide(&state.with(assets, past), draft).map_err(rejected(0))?;
            decided.add(name, past, decision, |_| state.head().next());
            return Ok(decided);
        }
        let mut overlays: BTreeMap<&BookName, Overlay<'_, Past>> = locked
            .iter()
            .map(|(name, book)| (*name, Overlay::new(&book.state, assets, past_of(name))))
            .collect();
        for (index, draft) in group.iter().enumerate() {
            let name = draft.book();
            let past = past_of(&name);
            let overlay = overlays.get_mut(&name).expect("the group's books are locked");
            let decision = decide(overlay, draft).map_err(rejected(index))?;
            if let Decision::New(EventBody::AssetRegistered(asset)) = &decision {
                let asset = asset.clone();
                overlays.values_mut().for_each(|overlay| overlay.show_asset(asset.clone()));
            }
            let overlay = overlays.get_mut(&name).expect("the group's books are locked");
            decided.add(name, past, decision, |body| overlay.apply(body));
        }
        Ok(decided)
    })
}

impl DecidedGroup {
    fn add(
        &mut self,
        book: BookName,
        past: &Past,
        decision: Decision,
        place: impl FnOnce(&EventBody) -> Seq,
    ) {
        let outcome = match decision {
            Decision::New(body) => {
                let seq = place(&body);
                let encoded = encode_body(&body);
                *self.bytes.entry(book.clone()).or_default() +=
                    encoded.frame_bytes_max(book.as_str());
                self.events.push(Decided { book, seq, body, encoded });
                DraftOutcome::New(self.events.len() - 1)
            }
            Decision::Replay(Original::Transaction { transaction, .. }) => {
                match past.event_of(&transaction.tx_id) {
                    Some(event) => DraftOutcome::Known(Pending::ReplayedTransaction(event.clone())),
                    None => DraftOutcome::Repeated(self.index_of(&book, &transaction)),
                }
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
        self.outcomes.push(outcome);
    }

    /// Where in the group a transaction was decided.
    fn index_of(&self, book: &BookName, transaction: &Transaction) -> usize {
        let same = |decided: &Decided| {
            decided.book == *book
                && matches!(&decided.body, EventBody::TransactionPosted(posted)
                    if posted.tx_id == transaction.tx_id)
        };
        self.events.iter().position(same).expect("an original is in the past or in the group")
    }
}

/// Bounds at the door: the frame, and what each book may have in flight.
///
/// A book that has nothing in flight is admitted whatever the others do, so that a flood in one
/// book keeps no other book out.
fn admit(
    books: &Books,
    locked: &BTreeMap<&BookName, MutexGuard<'_, Book>>,
    group: &DecidedGroup,
    projections: &Projections,
    options: &Options,
) -> Result<(), CommitError> {
    let bytes = FRAME_OVERHEAD_BYTES + group.bytes.values().sum::<usize>();
    if bytes > FRAME_BYTES_MAX {
        return Err(CommitError::FrameTooLarge { bytes, bytes_max: FRAME_BYTES_MAX });
    }
    let all_in_flight = books.in_flight().bytes();
    let full = all_in_flight + bytes > options.in_flight_bytes_max()
        // Parts are not made as fast as events come: the last resort before memory runs out.
        || projections.recent_bytes() > options.recent_bytes_limit();
    for (name, bytes) in &group.bytes {
        let in_flight = locked[name].in_flight.bytes();
        let book_full = in_flight + bytes > options.in_flight_bytes_per_book_max;
        if in_flight > 0 && (full || book_full) {
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
