//! Handing a group to the store and waiting for its real outcome.

use super::rejection::commit_error;
use crate::Error;
use ledger::Draft;
use std::sync::Arc;
use store::{CommitError, Ledger, Outcome};

/// Groups above this many drafts are decided off the async threads: it takes them milliseconds.
const INLINE_DRAFTS_MAX: usize = 256;

/// Commits `group`. An error comes with the place of the draft that was rejected.
pub(crate) async fn commit_group(
    ledger: &Ledger,
    group: Vec<Draft>,
    what: &str,
) -> Result<Vec<Outcome>, (Error, Option<usize>)> {
    if group.len() <= INLINE_DRAFTS_MAX {
        let committed = ledger.commit(&group).await;
        return committed.map_err(|error| explained(error, &group, what));
    }
    let group = Arc::new(group);
    loop {
        let deciding = {
            let (ledger, group) = (ledger.clone(), group.clone());
            tokio::task::spawn_blocking(move || ledger.submit(&group))
        };
        let committed = match deciding.await {
            Ok(ticket) => ticket.await,
            // The thread panicked or the runtime is going down: it may have been staged.
            Err(_) => Err(CommitError::OutcomeUnknown),
        };
        let busy = match committed {
            Err(CommitError::Busy { book }) => ledger.wait_for_room(&book).await,
            outcome => return outcome.map_err(|error| explained(error, &group, what)),
        };
        busy.map_err(|error| explained(error, &group, what))?;
    }
}

fn explained(error: CommitError, group: &[Draft], what: &str) -> (Error, Option<usize>) {
    let index = match &error {
        CommitError::Rejected { index, .. } => Some(*index),
        _ => None,
    };
    (commit_error(error, group, what), index)
}
