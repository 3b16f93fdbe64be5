//! What the statements of a committed block are answered with.

use super::{BlockRow, BlockWrites, CameTo, Leg, StagedStatement};
use crate::block::statement::WriteStatement;
use crate::insert::{Recorded, RowWrite};
use crate::{Error, Fault, Result, WriteAnswer};
use ledger::{Event, EventBody};
use std::collections::HashMap;
use store::{Ledger, Outcome, View};

impl BlockWrites {
    /// Answers of the statements that have none yet; `outcomes` is by row.
    pub(crate) fn final_answers(
        &self,
        outcomes: HashMap<usize, Outcome>,
        ledger: &Ledger,
    ) -> Result<Vec<WriteAnswer>> {
        let unanswered = self.statements.iter().skip(self.answered);
        unanswered
            .map(|StagedStatement { statement, rows, .. }| {
                let counting = rows.clone().filter(|row| {
                    outcomes.get(row).is_none_or(|outcome| counts(outcome, statement))
                });
                if !statement.returns_rows() {
                    return statement.answer(&[], counting.count());
                }
                let view = ledger.view();
                let recorded = counting
                    .map(|row| self.recorded(row, &outcomes, &view))
                    .collect::<Result<Vec<_>>>()?;
                statement.answer(&recorded, recorded.len())
            })
            .collect()
    }

    fn recorded(
        &self,
        row: usize,
        outcomes: &HashMap<usize, Outcome>,
        view: &View,
    ) -> Result<Recorded> {
        let BlockRow { write, came_to, .. } = &self.rows[row];
        let (row, leg) = match came_to {
            CameTo::Leg(Leg { transaction, index }) => (*transaction, Some(*index)),
            _ => (row, None),
        };
        match (outcomes.get(&row), leg) {
            (Some(Outcome::Committed(event)), Some(index)) => {
                Ok(Recorded::leg_of_event(event.clone(), index))
            }
            (Some(Outcome::Replayed(event)), Some(index)) => {
                let index = place_in_original(event, write).unwrap_or(index);
                Ok(Recorded::leg_of_event(event.clone(), index))
            }
            (Some(Outcome::Committed(event)), None) => {
                Recorded::of_event(event.clone(), false, view)
            }
            (Some(Outcome::Replayed(event)), None) => Recorded::of_event(event.clone(), true, view),
            (Some(Outcome::Unchanged), None) => Recorded::unchanged(write, view),
            _ => Err(Error::new(Fault::Internal, "a row that was written has no outcome")),
        }
    }
}

/// Where a posting is in a transaction that may have been sent in another order.
fn place_in_original(event: &Event, write: &RowWrite) -> Option<usize> {
    let (EventBody::TransactionPosted(original), RowWrite::Posting(row)) = (&event.body, write)
    else {
        return None;
    };
    let sent = &row.posting;
    original.postings.iter().position(|posting| {
        posting.account == sent.account
            && posting.direction == sent.direction
            && posting.amount == sent.amount
    })
}

/// Whether a row is in its statement's tag: ON CONFLICT DO NOTHING leaves out what was there.
fn counts(outcome: &Outcome, statement: &WriteStatement) -> bool {
    match outcome {
        Outcome::Skipped => false,
        Outcome::Replayed(_) => statement.skips().is_none(),
        Outcome::Committed(_) | Outcome::Unchanged => true,
    }
}
