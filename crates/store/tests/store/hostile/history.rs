//! What was asked of a ledger and what it answered: all that an outsider can know.

use std::sync::Arc;
use store::*;

/// What the caller of a group learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is in the ledger.
    Acknowledged,
    /// Nobody knows.
    Unknown,
    /// It did not happen.
    Refused,
}

#[derive(Debug, Clone)]
pub(crate) struct Submission {
    pub(crate) drafts: Vec<Draft>,
    pub(crate) answer: Answer,
}

/// The groups that were new to the ledger, in the order of their submission.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) submissions: Vec<Submission>,
    /// Every event that any answer named.
    pub(crate) told: Vec<Arc<Event>>,
}

impl History {
    /// Notes the answer to a group; gives the events that it named.
    pub(crate) fn note(
        &mut self,
        drafts: &[Draft],
        result: &Result<Vec<Outcome>, CommitError>,
    ) -> Vec<Arc<Event>> {
        let answer = match result {
            Ok(_) => Answer::Acknowledged,
            Err(CommitError::OutcomeUnknown) => Answer::Unknown,
            Err(_) => Answer::Refused,
        };
        self.submissions.push(Submission { drafts: drafts.to_vec(), answer });
        self.note_told(result)
    }

    /// Notes what the answer to a group that is not new named.
    pub(crate) fn note_told(
        &mut self,
        result: &Result<Vec<Outcome>, CommitError>,
    ) -> Vec<Arc<Event>> {
        let outcomes = result.as_deref().unwrap_or_default();
        let events: Vec<Arc<Event>> = outcomes.iter().filter_map(event_of).cloned().collect();
        self.told.extend(events.iter().cloned());
        events
    }
}

/// The event that an outcome names.
pub(crate) fn event_of(outcome: &Outcome) -> Option<&Arc<Event>> {
    match outcome {
        Outcome::Committed(event) | Outcome::Replayed(event) => Some(event),
        Outcome::Unchanged | Outcome::Skipped => None,
    }
}

/// Whether an event is what a draft asked for.
pub(crate) fn is_event_of(draft: &Draft, event: &Event) -> bool {
    if draft.book() != event.book {
        return false;
    }
    match (draft, &event.body) {
        (Draft::RegisterAsset(asset), EventBody::AssetRegistered(registered)) => {
            asset == registered
        }
        (Draft::OpenAccount { opening, .. }, EventBody::AccountOpened(opened)) => opening == opened,
        (Draft::ChangeAccount(draft), EventBody::AccountChanged { path, change }) => {
            draft.path == *path && draft.change == *change
        }
        (Draft::PostTransaction(draft), EventBody::TransactionPosted(posted)) => {
            is_transaction_of(draft, posted)
        }
        _ => false,
    }
}

fn is_transaction_of(draft: &TransactionDraft, posted: &Transaction) -> bool {
    let same_content = match &draft.content {
        TransactionContent::Postings(legs) => {
            let leg = |leg: &PostingDraft| (leg.account.clone(), leg.direction, leg.amount);
            let posting = |leg: &Posting| (leg.account.clone(), leg.direction, leg.amount);
            posted.reverses.is_none()
                && legs.iter().map(leg).eq(posted.postings.iter().map(posting))
        }
        TransactionContent::Reversal(original) => posted.reverses == Some(*original),
    };
    same_content
        && draft.tx_id == posted.tx_id
        && draft.idempotency_key == posted.idempotency_key
        && draft.occurred_at == posted.occurred_at
        && draft.metadata == posted.metadata
        && draft.external_refs == posted.external_refs
}
