//! Handing a group to the store.

use crate::blocking::blocking;
use futures::FutureExt;
use ledger::Draft;
use std::sync::Arc;
use store::{CommitError, Ledger, Outcome, Terms, Ticket};

/// Groups above this many drafts are decided off the async threads: it takes them milliseconds.
const INLINE_DRAFTS_MAX: usize = 256;

/// A group that the store has taken.
#[derive(Debug)]
pub(crate) enum Submitted {
    InFlight(Ticket),
    /// It changed nothing, so there was nothing to wait for.
    Done(Vec<Outcome>),
}

/// Decides and stages a group, waiting for room before. From then on its outcome is the disk's.
///
/// # Errors
/// What the store said at once, before anything was staged.
pub(crate) async fn submit_group(
    ledger: &Ledger,
    group: &Arc<Vec<Draft>>,
    terms: &Arc<Terms>,
) -> Result<Submitted, CommitError> {
    loop {
        let mut ticket = if group.len() <= INLINE_DRAFTS_MAX {
            ledger.submit_alone(group, terms, |commit| blocking(commit))
        } else {
            let (ledger, group, terms) = (ledger.clone(), group.clone(), terms.clone());
            let deciding =
                tokio::task::spawn_blocking(move || ledger.submit_on(&group, &terms)).await;
            // The thread panicked or the runtime is going down: it may have been staged.
            deciding.map_err(|_| CommitError::OutcomeUnknown)?
        };
        match (&mut ticket).now_or_never() {
            None => return Ok(Submitted::InFlight(ticket)),
            Some(Err(CommitError::Busy { book })) => ledger.wait_for_room(&book).await?,
            Some(outcome) => return outcome.map(Submitted::Done),
        }
    }
}
