//! Deciding: the part of a commit that runs on the caller's thread.
//!
//! The books of a group are locked in name order, so that groups cannot wait for each other in a
//! circle; the locks are given up before anything waits for the disk.

use super::books::Books;
use super::group::{GroupBooks, LockedBook, LockedBooks};
use super::in_flight::InFlight;
use super::lone_caller::LoneCaller;
use super::past::{Names, Past};
use super::staging::{Decided, Pending, Staging, Wake, tell};
use super::terms::Terms;
use super::ticket::{Reply, Ticket};
use crate::log::frame::{FRAME_BYTES_MAX, HEADER_BYTES};
use crate::log::record::EncodedEvent;
use crate::projection::Projections;
use crate::{CommitError, Options};
use foldhash::fast::RandomState;
use ledger::{
    BookName, BookView, Decision, Draft, EventBody, Lsn, Original, Overlay, Seq, Transaction, Uuid,
    decide,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of a frame beside its events: braces, time, `durable` mark, header.
const FRAME_OVERHEAD_BYTES: usize = HEADER_BYTES + 96;

/// What deciding and staging work on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WritePath<'a> {
    pub(crate) books: &'a Books,
    pub(crate) staging: &'a Staging,
    pub(crate) projections: &'a Projections,
    pub(crate) options: &'a Options,
}

/// Decides and stages a group; gives the ticket for its outcome.
pub(crate) fn submit(path: WritePath<'_>, group: &[Draft], terms: &Terms) -> Ticket {
    let (ticket, wake) = decide_and_stage(path, group, terms);
    path.staging.wake(wake);
    ticket
}

/// The same; and takes the group to the disk on this thread, if nothing else is under way.
pub(crate) fn submit_alone(
    path: WritePath<'_>,
    group: &[Draft],
    terms: &Terms,
    caller: &LoneCaller,
    block: impl FnOnce(&dyn Fn()),
) -> Ticket {
    let (ticket, wake) = decide_and_stage(path, group, terms);
    let run = || {
        if !caller.run_cycle() {
            path.staging.wake(wake);
        }
    };
    match caller.is_alone(wake) {
        true => block(&run),
        false => path.staging.wake(wake),
    }
    ticket
}

fn decide_and_stage(path: WritePath<'_>, group: &[Draft], terms: &Terms) -> (Ticket, Wake) {
    if group.is_empty() {
        return (Ticket::answered(Ok(Vec::new())), Wake::default());
    }
    let opened = GroupBooks::open(path.books, group, terms);
    let mut locked = opened.lock();
    submit_locked(path, &opened, &mut locked, group, terms)
}

/// Groups that are decided before the log thread is woken for them, and a book's lock is given up.
const BATCH_GROUPS: usize = 64;

/// Submits groups that each stand alone. Those that follow each other in one book take its lock
/// once, and the log thread finds many of them when it wakes.
pub(crate) fn submit_batch(path: WritePath<'_>, groups: &[Vec<Draft>]) -> Vec<Ticket> {
    let terms = Terms::default();
    let mut tickets = Vec::with_capacity(groups.len());
    for groups in groups.chunks(BATCH_GROUPS) {
        let mut wake = Wake::default();
        for run in groups.chunk_by(|a, b| only_book(a).is_some() && only_book(a) == only_book(b)) {
            let Some(first) = run.first().filter(|group| !group.is_empty()) else {
                tickets.extend(run.iter().map(|_| Ticket::answered(Ok(Vec::new()))));
                continue;
            };
            let opened = GroupBooks::open(path.books, first, &terms);
            let mut locked = opened.lock();
            for group in run {
                let (ticket, wakes) = submit_locked(path, &opened, &mut locked, group, &terms);
                tickets.push(ticket);
                wake = wake.or(wakes);
            }
        }
        path.staging.wake(wake);
    }
    tickets
}

/// The book of a group that needs no other and makes none.
fn only_book(group: &[Draft]) -> Option<&BookName> {
    let book = group.first()?.book_name();
    let is_only = |draft: &Draft| match draft {
        Draft::RegisterAsset(_) | Draft::OpenAccount { .. } => false,
        Draft::ChangeAccount(_) | Draft::PostTransaction(_) => draft.book_name() == book,
    };
    group.iter().all(is_only).then_some(book)
}

/// Decides and stages a group whose books are locked.
fn submit_locked(
    path: WritePath<'_>,
    opened: &GroupBooks,
    locked: &mut LockedBooks<'_>,
    group: &[Draft],
    terms: &Terms,
) -> (Ticket, Wake) {
    let (reply, mut ticket) = Ticket::new();
    let check_head = |head| terms.check_head(head, path.books, opened.absent());
    if let Err(moved) = check_unmoved(path, terms, locked, check_head) {
        ticket.refuse();
        return (ticket, path.answer(path.staging.head(), Err(moved), reply));
    }
    let decided = path
        .look_up_past(locked, group)
        .and_then(|()| decide_group(path.books, locked, group, terms));
    let wake = match decided {
        Ok(decided) if decided.events.is_empty() => {
            let outcomes = decided.outcomes.into_iter();
            let outcomes = outcomes.map(|outcome| outcome.pending(&[])).collect();
            path.answer(locked.staged(), Ok(outcomes), reply)
        }
        Ok(decided) => match path.admit(locked, &decided) {
            Ok(()) => path.stage(locked, decided, check_head, reply),
            Err(error) => {
                // Rests on nothing that is staged, so it waits for nothing. A caller that went
                // away does not need it.
                let _ = reply.send(Err(error));
                Wake::default()
            }
        },
        Err(error) => {
            ticket.refuse();
            path.answer(locked.staged(), Err(error), reply)
        }
    };
    (ticket, wake)
}

/// The store's head is checked again when the group is staged: checked here too, it is checked for
/// groups that stage nothing.
fn check_unmoved(
    path: WritePath<'_>,
    terms: &Terms,
    locked: &LockedBooks<'_>,
    check_head: impl FnOnce(Lsn) -> Result<(), CommitError>,
) -> Result<(), CommitError> {
    if terms.unmoved.is_none() {
        return Ok(());
    }
    terms.check_locked(locked)?;
    check_head(path.staging.head())
}

impl WritePath<'_> {
    /// Finds the transactions that a group's drafts can clash with.
    pub(super) fn look_up_past(
        &self,
        locked: &mut LockedBooks<'_>,
        group: &[Draft],
    ) -> Result<(), CommitError> {
        for draft in group {
            if let Draft::PostTransaction(draft) = draft {
                let event_at = |lsn| match self.staging.unpublished_event(lsn) {
                    Some(event) => Ok(Some(event)),
                    // Published by now, if it was not before.
                    None => self.projections.event_at(lsn),
                };
                let past = &mut locked.get_mut(&draft.book).past;
                past.look_up(Names::of_draft(draft), self.projections, event_at)
                    .map_err(CommitError::Read)?;
            }
        }
        Ok(())
    }

    fn stage(
        &self,
        locked: &mut LockedBooks<'_>,
        decided: DecidedGroup,
        check_head: impl FnOnce(Lsn) -> Result<(), CommitError>,
        reply: Reply,
    ) -> Wake {
        let DecidedGroup { events, outcomes, bytes, .. } = decided;
        let mut in_flight: Vec<(Arc<InFlight>, usize)> = Vec::with_capacity(bytes.len() + 1);
        in_flight.push((self.books.in_flight().clone(), bytes.iter().sum()));
        for (locked, bytes) in locked.iter().zip(bytes) {
            in_flight.push((locked.book.in_flight.clone(), bytes));
        }
        let outcomes =
            |events: &[_]| outcomes.into_iter().map(|outcome| outcome.pending(events)).collect();
        self.staging.stage(events, in_flight, outcomes, check_head, reply, |events| {
            for event in events {
                self.books.apply(&mut locked.get_mut(&event.book).book, event);
                self.projections.history.keys.insert_names_of(event);
            }
        })
    }

    /// Bounds at the door: the frame, and what each book may have in flight.
    ///
    /// A book that has nothing in flight is admitted whatever the others do, so that a flood in
    /// one book keeps no other book out.
    fn admit(&self, locked: &LockedBooks<'_>, group: &DecidedGroup) -> Result<(), CommitError> {
        let bytes = FRAME_OVERHEAD_BYTES + group.bytes.iter().sum::<usize>();
        if bytes > FRAME_BYTES_MAX {
            return Err(CommitError::FrameTooLarge { bytes, bytes_max: FRAME_BYTES_MAX });
        }
        let full = self.books.in_flight().bytes() + bytes > self.options.in_flight_bytes_max()
            // Parts are not made as fast as events come: the last resort before memory runs out.
            || self.projections.recent_bytes() > self.options.recent_bytes_limit();
        for (locked, bytes) in locked.iter().zip(&group.bytes) {
            let in_flight = locked.book.in_flight.bytes();
            let book_full = in_flight + bytes > self.options.in_flight_bytes_per_book_max;
            if *bytes > 0 && in_flight > 0 && (full || book_full) {
                return Err(CommitError::Busy { book: locked.name.clone() });
            }
        }
        Ok(())
    }

    /// Tells an answer that changes nothing: at once if all it rests on is published, else behind
    /// it.
    pub(super) fn answer(
        &self,
        rests_on: Lsn,
        result: Result<Vec<Pending>, CommitError>,
        reply: Reply,
    ) -> Wake {
        if rests_on > self.projections.cut() {
            return self.staging.answer_after_staged(result, reply);
        }
        // A caller that went away does not need it.
        let _ = reply.send(result.map(|outcomes| tell(outcomes, self.projections)));
        Wake::default()
    }
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
    /// Frame bytes of each of the group's books, at most.
    bytes: Vec<usize>,
    /// Where transactions are among the first `indexed` events.
    index: HashMap<(BookName, Uuid), usize, RandomState>,
    indexed: usize,
}

fn decide_group(
    books: &Books,
    locked: &LockedBooks<'_>,
    group: &[Draft],
    terms: &Terms,
) -> Result<DecidedGroup, CommitError> {
    books.with_assets(|assets| {
        let mut decided = DecidedGroup { bytes: vec![0; locked.len()], ..Default::default() };
        if let [draft] = group {
            // The common case needs no overlay: nothing is decided on top of it here.
            let place = locked.place(draft.book_name());
            let (state, past) = (&locked[place].book.state, &locked[place].past);
            match decide_on_terms(&state.with(assets, past), 0, draft, terms)? {
                Some(decision) => {
                    let name = locked[place].name;
                    decided.add(name, place, past, decision, |_| state.head().next());
                }
                None => decided.skip(),
            }
            return Ok(decided);
        }
        let mut overlays: Vec<Overlay<'_, Past>> = locked
            .iter()
            .map(|LockedBook { book, past, .. }| Overlay::new(&book.state, assets, past))
            .collect();
        for (index, draft) in group.iter().enumerate() {
            let place = locked.place(draft.book_name());
            let Some(decision) = decide_on_terms(&overlays[place], index, draft, terms)? else {
                decided.skip();
                continue;
            };
            if let Decision::New(EventBody::AssetRegistered(asset)) = &decision {
                overlays.iter_mut().for_each(|overlay| overlay.show_asset(asset.clone()));
            }
            let (overlay, LockedBook { name, past, .. }) = (&mut overlays[place], &locked[place]);
            decided.add(name, place, past, decision, |body| overlay.apply(body));
        }
        Ok(decided)
    })
}

/// Decides the group's draft at `index`; `None` if it is to be skipped.
fn decide_on_terms<V: BookView>(
    book: &V,
    index: usize,
    draft: &Draft,
    terms: &Terms,
) -> Result<Option<Decision>, CommitError> {
    match decide(book, draft) {
        Ok(decision) => Ok(Some(decision)),
        Err(rejection) if terms.skips(index, book, draft, &rejection) => Ok(None),
        Err(rejection) => Err(CommitError::Rejected { index, rejection }),
    }
}

impl DecidedGroup {
    fn skip(&mut self) {
        self.outcomes.push(DraftOutcome::Known(Pending::Skipped));
    }

    fn add(
        &mut self,
        book: &BookName,
        place_of_book: usize,
        past: &Past,
        decision: Decision,
        place: impl FnOnce(&EventBody) -> Seq,
    ) {
        let outcome = match decision {
            Decision::New(body) => {
                let seq = place(&body);
                let encoded = EncodedEvent::new(book.as_str(), seq, &body);
                self.bytes[place_of_book] += encoded.frame_bytes_max();
                self.events.push(Decided { book: book.clone(), seq, body, encoded });
                DraftOutcome::New(self.events.len() - 1)
            }
            Decision::Replay(Original::Transaction { transaction, .. }) => {
                match past.event_of(&transaction.tx_id) {
                    Some(event) => DraftOutcome::Known(Pending::ReplayedTransaction(event.clone())),
                    None => DraftOutcome::Repeated(self.index_of(book, &transaction)),
                }
            }
            Decision::Replay(Original::Account(opening)) => {
                let path = opening.path.clone();
                DraftOutcome::Known(Pending::ReplayedAccount { book: book.clone(), path })
            }
            Decision::Replay(Original::Asset(asset)) => {
                DraftOutcome::Known(Pending::ReplayedAsset(asset.id.clone()))
            }
            Decision::Unchanged => DraftOutcome::Known(Pending::Unchanged),
        };
        self.outcomes.push(outcome);
    }

    /// Where in the group a transaction was decided.
    fn index_of(&mut self, book: &BookName, transaction: &Transaction) -> usize {
        // Indexed when it is first asked for: few groups repeat themselves.
        for (index, event) in self.events.iter().enumerate().skip(self.indexed) {
            if let EventBody::TransactionPosted(posted) = &event.body {
                self.index.insert((event.book.clone(), posted.tx_id), index);
            }
        }
        self.indexed = self.events.len();
        let index = self.index.get(&(book.clone(), transaction.tx_id));
        *index.expect("an original is in the past or in the group")
    }
}
