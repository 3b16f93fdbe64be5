//! From the rows of a block to the one group that it commits as.
//!
//! A transaction whose postings came in rows of their own stands where the last of them came: an
//! account opened between the two is there by then.

use super::{BlockWrites, CameTo, Leg, is_begun};
use crate::insert::RowWrite;
use ledger::{Draft, TransactionContent};
use std::collections::HashMap;
use store::Conflict;

/// What a block asks the store for.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) drafts: Vec<Draft>,
    /// By draft: the row it was made of.
    pub(crate) rows: Vec<usize>,
    pub(crate) skip_conflicts: Vec<(usize, Conflict)>,
    /// Rows whose transaction is checked as a whole only when the block commits.
    pub(crate) deferred: Vec<usize>,
}

impl BlockWrites {
    /// Takes the drafts out of the rows. Every posting has been decided.
    pub(crate) fn group(&self) -> Group {
        let mut group = Group::default();
        let legs = self.last_legs();
        let mut assembled: HashMap<usize, Vec<ledger::PostingDraft>> = HashMap::new();
        for statement in &self.statements {
            let skips = statement.statement.skips();
            for row in statement.rows.clone() {
                match (&self.rows[row].write, &self.rows[row].came_to) {
                    (RowWrite::Draft(draft), CameTo::Skipped) if is_begun(draft) => {}
                    (RowWrite::Draft(draft), _) => {
                        if legs.contains_key(&row) {
                            continue;
                        }
                        if is_begun(draft) {
                            group.deferred.push(row);
                        }
                        group.add(draft.clone(), row, skips);
                    }
                    (RowWrite::Posting(posting), CameTo::Leg(Leg { transaction, .. })) => {
                        let legs_so_far = assembled.entry(*transaction).or_default();
                        legs_so_far.push(posting.posting.clone());
                        if legs.get(transaction) == Some(&row) {
                            let postings = assembled.remove(transaction).unwrap_or_default();
                            let draft = self.with_postings(*transaction, postings);
                            group.add_each(draft, *transaction);
                        }
                    }
                    (RowWrite::Posting(_), _) => {}
                }
            }
        }
        group
    }

    /// By the row of a transaction: the row of its last posting that came by itself.
    fn last_legs(&self) -> HashMap<usize, usize> {
        let numbered = self.rows.iter().enumerate();
        numbered
            .filter_map(|(row, each)| match each.came_to {
                CameTo::Leg(leg) => Some((leg.transaction, row)),
                _ => None,
            })
            .collect()
    }

    /// The draft of a transaction, with the postings that came by themselves behind its own.
    fn with_postings(&self, row: usize, more: Vec<ledger::PostingDraft>) -> Option<Draft> {
        let RowWrite::Draft(Draft::PostTransaction(draft)) = &self.rows[row].write else {
            return None;
        };
        let mut draft = draft.clone();
        if let TransactionContent::Postings(postings) = &mut draft.content {
            postings.extend(more);
        }
        Some(Draft::PostTransaction(draft))
    }
}

impl Group {
    fn add(&mut self, draft: Draft, row: usize, skips: Option<Conflict>) {
        if let Some(conflict) = skips {
            self.skip_conflicts.push((self.drafts.len(), conflict));
        }
        self.drafts.push(draft);
        self.rows.push(row);
    }

    fn add_each(&mut self, draft: Option<Draft>, row: usize) {
        if let Some(draft) = draft {
            self.deferred.push(row);
            self.add(draft, row, None);
        }
    }
}
