//! Deciding without committing: what a block's next draft would come to, if the block committed
//! now. The same locks, the same rules and the same rule for answers as in [`super::submit`];
//! nothing is staged in the log.

use super::group::{GroupBooks, LockedBooks};
use super::past::Past;
use super::staging::Pending;
use super::submit::WritePath;
use super::ticket::Ticket;
use crate::staged::StagedWrites;
use crate::staged::deciding::{book_for_draft, book_for_postings};
use crate::{CommitError, Outcome};
use ledger::{
    BookName, BookView, Decision, Draft, Event, EventBody, Original, Posting, PostingDraft,
    Rejection, decide, resolve_posting,
};
use std::sync::Arc;

/// What a draft would come to, on top of what its block has staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StagedDecision {
    /// It would happen.
    New(EventBody),
    /// It has happened, with the same content, and is committed.
    Replayed(Arc<Event>),
    /// It repeats something that the block has staged.
    ReplayedStaged(EventBody),
    /// A change of an account that was so already.
    Unchanged,
}

/// A decision, and when it may be told.
#[derive(Debug)]
pub(crate) enum Tentative<T> {
    AtOnce(T),
    /// It rests on what may not be published yet: the ticket resolves when it is. What it resolves
    /// to is the answer, unless there is one here.
    Behind(Ticket, Option<T>),
}

impl WritePath<'_> {
    pub(crate) fn decide_staged(
        &self,
        staged: &StagedWrites,
        draft: &Draft,
    ) -> Tentative<StagedDecision> {
        let opened = GroupBooks::of_draft(self.books, draft);
        let mut locked = opened.lock();
        let name = draft.book();
        let found = self.look_up_past(&mut locked, std::slice::from_ref(draft)).and_then(|()| {
            let place = locked.place(&name);
            let (state, past) = (&locked[place].book.state, &locked[place].past);
            let found = self.books.with_assets(|assets| {
                let decision = decide(&book_for_draft(state, assets, past, staged, draft)?, draft)?;
                Ok(Found::of(decision, &state.with(assets, past), past, &name))
            });
            found.map_err(|rejection| CommitError::Rejected { index: 0, rejection })
        });
        match found {
            Ok(Found::New(body)) => Tentative::AtOnce(StagedDecision::New(body)),
            Ok(Found::Committed(pending)) => self.behind(&locked, Ok(vec![pending]), None),
            Ok(Found::Staged(body)) => {
                let decision = StagedDecision::ReplayedStaged(body);
                self.behind(&locked, Ok(Vec::new()), Some(decision))
            }
            Err(error) => self.behind(&locked, Err(error), None),
        }
    }

    pub(crate) fn resolve_postings(
        &self,
        staged: &StagedWrites,
        book: &BookName,
        postings: &[PostingDraft],
    ) -> Tentative<Vec<Posting>> {
        let opened = GroupBooks::of_book(self.books, book);
        let locked = opened.lock();
        let (state, past) = (&locked[0].book.state, &locked[0].past);
        let resolved = self.books.with_assets(|assets| {
            let rejected =
                |index| move |rejection: Rejection| CommitError::Rejected { index, rejection };
            let mut overlay =
                book_for_postings(state, assets, past, staged, book.as_str(), postings)
                    .map_err(rejected(0))?;
            let mut resolved = Vec::with_capacity(postings.len());
            for (index, draft) in postings.iter().enumerate() {
                let posting = resolve_posting(&overlay, draft).map_err(rejected(index))?;
                overlay.show_posting(&posting);
                resolved.push(posting);
            }
            Ok(resolved)
        });
        match resolved {
            Ok(postings) => Tentative::AtOnce(postings),
            Err(error) => self.behind(&locked, Err(error), None),
        }
    }

    fn behind<T>(
        &self,
        locked: &LockedBooks<'_>,
        result: Result<Vec<Pending>, CommitError>,
        decision: Option<T>,
    ) -> Tentative<T> {
        let (reply, ticket) = Ticket::new();
        let wake = self.answer(locked.staged(), result, reply);
        self.staging.wake(wake);
        Tentative::Behind(ticket, decision)
    }
}

/// A decision, and whether what it repeats is committed or staged.
enum Found {
    New(EventBody),
    Committed(Pending),
    Staged(EventBody),
}

impl Found {
    /// `base` is the book without what is staged, which deciding prefers.
    fn of<V: BookView>(decision: Decision, base: &V, past: &Past, book: &BookName) -> Self {
        match decision {
            Decision::New(body) => Found::New(body),
            Decision::Unchanged => Found::Committed(Pending::Unchanged),
            Decision::Replay(Original::Transaction { transaction, .. }) => {
                match base.transaction_by_key(&transaction.idempotency_key) {
                    Some(_) => {
                        let event = past.event_of(&transaction.tx_id);
                        let event = event.expect("what was found in the past is an event of it");
                        Found::Committed(Pending::ReplayedTransaction(event.clone()))
                    }
                    None => Found::Staged(EventBody::TransactionPosted(transaction)),
                }
            }
            Decision::Replay(Original::Account(opening)) => match base.account(&opening.path) {
                Some(_) => Found::Committed(Pending::ReplayedAccount {
                    book: book.clone(),
                    path: opening.path.clone(),
                }),
                None => Found::Staged(EventBody::AccountOpened(opening)),
            },
            Decision::Replay(Original::Asset(asset)) => match base.asset(&asset.id) {
                Some(_) => Found::Committed(Pending::ReplayedAsset(asset.id.clone())),
                None => Found::Staged(EventBody::AssetRegistered(asset)),
            },
        }
    }
}

impl Tentative<StagedDecision> {
    pub(crate) async fn decision(self) -> Result<StagedDecision, CommitError> {
        match self {
            Tentative::AtOnce(decision) => Ok(decision),
            Tentative::Behind(ticket, decision) => {
                let outcomes = ticket.await?;
                Ok(decision.unwrap_or_else(|| match outcomes.into_iter().next() {
                    Some(Outcome::Replayed(event)) => StagedDecision::Replayed(event),
                    _ => StagedDecision::Unchanged,
                }))
            }
        }
    }
}

impl Tentative<Vec<Posting>> {
    pub(crate) async fn postings(self) -> Result<Vec<Posting>, CommitError> {
        match self {
            Tentative::AtOnce(postings) => Ok(postings),
            // Only a rejection has to wait.
            Tentative::Behind(ticket, _) => ticket.await.map(|_| Vec::new()),
        }
    }
}
