//! What others have committed since a block staged the same: the block's reads show it once.
//!
//! A key that somebody else has used meanwhile makes the block's own transaction a replay (or a
//! conflict) when the block commits. Until then only the committed one is shown.

use super::deciding::unreadable;
use super::staged::Staged;
use super::{BlockRow, BlockWrites, CameTo, Leg, book_of, is_begun};
use crate::Result;
use crate::insert::RowWrite;
use ledger::{EventBody, Posting, Uuid};
use std::collections::{HashMap, HashSet};
use store::View;

impl BlockWrites {
    /// Takes out of what is shown what `view` shows as committed.
    ///
    /// # Errors
    /// If the disk could not be read.
    pub(crate) fn yield_to_committed(&mut self, view: &View) -> Result<()> {
        if self.decided == 0 || view.cut() <= self.seen {
            return Ok(());
        }
        self.seen = view.cut();
        let found = self.committed_since(view)?;
        if found.is_empty() {
            return Ok(());
        }
        let legs = self.staged_legs();
        for (row, came_to) in found {
            self.rows[row].came_to = came_to;
        }
        self.stage_again(legs);
        Ok(())
    }

    /// Rows whose key has been used by others, and what they come to now. Transactions that are
    /// being assembled are set aside: their postings have to find them.
    fn committed_since(&self, view: &View) -> Result<Vec<(usize, CameTo)>> {
        let rows = || self.rows.iter().enumerate().take(self.decided);
        let assembled: HashSet<usize> = rows()
            .filter_map(|(_, row)| match row.came_to {
                CameTo::Leg(Leg { transaction, .. }) => Some(transaction),
                _ => None,
            })
            .collect();
        let mut found = Vec::new();
        for (row, BlockRow { write, came_to, .. }) in rows() {
            let (
                RowWrite::Draft(draft),
                CameTo::New(body @ EventBody::TransactionPosted(transaction)),
            ) = (write, came_to)
            else {
                continue;
            };
            let (book, key) = (draft.book(), transaction.idempotency_key.as_str());
            let committed = view.transaction_by_key(book.as_str(), key).map_err(unreadable)?;
            let Some(event) = committed else { continue };
            found.push(match is_begun(draft) || assembled.contains(&row) {
                true => (row, CameTo::SetAside(body.clone())),
                false => (row, CameTo::Replayed(event)),
            });
        }
        Ok(found)
    }

    /// By row: the posting that it staged, and of which transaction.
    fn staged_legs(&self) -> HashMap<usize, (Uuid, Posting)> {
        let rows = self.rows.iter().enumerate().take(self.decided);
        rows.filter_map(|(row, each)| {
            let CameTo::Leg(leg) = each.came_to else { return None };
            let (_, transaction) = self.transaction_of(leg).ok()?;
            Some((row, (transaction.tx_id, transaction.postings.get(leg.index)?.clone())))
        })
        .collect()
    }

    /// Stages anew what the rows have come to.
    fn stage_again(&mut self, mut legs: HashMap<usize, (Uuid, Posting)>) {
        let mut staged = Staged::default();
        for row in 0..self.decided {
            let BlockRow { write, came_to, .. } = &self.rows[row];
            match came_to {
                CameTo::New(body) => staged.shown_mut().add(&book_of(write), body.clone()),
                CameTo::SetAside(body) => staged.aside.add(&book_of(write), body.clone()),
                CameTo::Leg(leg) => {
                    let aside = matches!(self.rows[leg.transaction].came_to, CameTo::SetAside(_));
                    if let Some((tx_id, posting)) = legs.remove(&row) {
                        match aside {
                            true => staged.aside.add_postings(tx_id, vec![posting]),
                            false => staged.shown_mut().add_postings(tx_id, vec![posting]),
                        }
                    }
                }
                _ => {}
            }
            self.rows[row].staged_after = staged.place();
        }
        self.staged = staged;
    }
}
