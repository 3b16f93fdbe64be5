//! A block on its way to the disk, and what its statements are told once it is there.
//!
//! Invariant: what has been handed to the store is awaited to its real outcome. An error is told
//! at the place of the statement it is about; what comes before it is answered as inside a block
//! that then failed.

use super::writes::{BlockWrites, Group, Refused};
use crate::insert::{Submitted, commit_error, submit_group};
use crate::{Error, Fault, WriteAnswer};
use ledger::Draft;
use std::sync::Arc;
use store::{CommitError, Ledger, Outcome, Terms, Unmoved};

/// What the statements of a block that were not answered yet are told, in order.
#[derive(Debug)]
pub struct BlockOutcome {
    /// Fewer than there are statements if one of them failed.
    pub answers: Vec<WriteAnswer>,
    /// Nothing of the block was written, unless it says that this is not known.
    pub error: Option<Error>,
    /// It is about no statement, or about what is checked when all have run.
    pub fails_at_end: bool,
}

impl BlockOutcome {
    fn failed(answers: Vec<WriteAnswer>, error: Error) -> Self {
        BlockOutcome { answers, error: Some(error), fails_at_end: false }
    }

    pub(crate) fn of(answers: Result<Vec<WriteAnswer>, Error>) -> Self {
        match answers {
            Ok(answers) => BlockOutcome { answers, error: None, fails_at_end: false },
            Err(error) => Self::failed(Vec::new(), error),
        }
    }

    pub(crate) fn refused(writes: &mut BlockWrites, refused: Refused, ledger: &Ledger) -> Self {
        match writes.tentative_answers(refused.statement, &ledger.view()) {
            Ok(answers) => Self::failed(answers, refused.error),
            Err(error) => Self::failed(Vec::new(), error),
        }
    }
}

/// The writes of a block that the store has taken.
#[derive(Debug)]
pub struct BlockCommit {
    writes: BlockWrites,
    ledger: Ledger,
    drafts: Arc<Vec<Draft>>,
    rows: Vec<usize>,
    deferred: Vec<usize>,
    submitted: Result<Submitted, CommitError>,
}

impl BlockCommit {
    /// Hands the writes to the store, waiting for room before.
    pub(crate) async fn submit(
        mut writes: BlockWrites,
        unmoved: Option<Unmoved>,
        ledger: &Ledger,
    ) -> Result<Self, BlockOutcome> {
        if writes.needs_assembly()
            && let Err(refused) = writes.decide(ledger).await
        {
            return Err(BlockOutcome::refused(&mut writes, refused, ledger));
        }
        let Group { drafts, rows, skip_conflicts, deferred } = writes.group();
        let drafts = Arc::new(drafts);
        let terms = Arc::new(Terms { skip_conflicts, unmoved });
        let submitted = submit_group(ledger, &drafts, &terms).await;
        let ledger = ledger.clone();
        Ok(BlockCommit { writes, ledger, drafts, rows, deferred, submitted })
    }

    /// Waits until the writes are durable and visible, or known not to be.
    pub async fn outcome(self) -> BlockOutcome {
        let BlockCommit { writes, ledger, drafts, rows, deferred, submitted } = self;
        let outcomes = match submitted {
            Ok(Submitted::InFlight(ticket)) => ticket.await,
            Ok(Submitted::Done(outcomes)) => Ok(outcomes),
            Err(error) => Err(error),
        };
        match outcomes {
            Ok(outcomes) => BlockOutcome::of(writes.answers(&rows, outcomes, &ledger)),
            Err(error) => failed(writes, error, &drafts, &rows, &deferred, &ledger).await,
        }
    }
}

async fn failed(
    mut writes: BlockWrites,
    error: CommitError,
    drafts: &[Draft],
    rows: &[usize],
    deferred: &[usize],
    ledger: &Ledger,
) -> BlockOutcome {
    let row = match &error {
        CommitError::Rejected { index, .. } => rows.get(*index).copied(),
        _ => None,
    };
    let error = commit_error(error, drafts, writes.verb());
    // Without a row it is about the whole block: no statement of it may look as if it had worked.
    let Some(row) = row else {
        return BlockOutcome { fails_at_end: true, ..BlockOutcome::failed(Vec::new(), error) };
    };
    let error = writes.place(error, row);
    // What is checked at the end of a block is told there, behind the answers of all statements.
    let fails_at_end = deferred.contains(&row);
    let statements = match fails_at_end {
        true => writes.len(),
        false => writes.statement_of(row),
    };
    if let Err(refused) = writes.decide_before(statements, ledger).await {
        return BlockOutcome::refused(&mut writes, refused, ledger);
    }
    match writes.tentative_answers(statements, &ledger.view()) {
        Ok(answers) => BlockOutcome { fails_at_end, ..BlockOutcome::failed(answers, error) },
        Err(error) => BlockOutcome::failed(Vec::new(), error),
    }
}

impl BlockWrites {
    /// Answers of the statements that have none yet, now that their rows are in the ledger.
    fn answers(
        self,
        rows: &[usize],
        outcomes: Vec<Outcome>,
        ledger: &Ledger,
    ) -> Result<Vec<WriteAnswer>, Error> {
        if rows.len() != outcomes.len() {
            return Err(Error::new(Fault::Internal, "the store answered for other drafts"));
        }
        self.final_answers(rows.iter().copied().zip(outcomes).collect(), ledger)
    }
}
