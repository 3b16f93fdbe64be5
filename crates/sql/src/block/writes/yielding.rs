//! What others have committed since a block staged the same: the block's reads show it once.
//!
//! A key that somebody else has used meanwhile makes the block's own transaction a replay (or a
//! conflict) when the block commits. Until then only the committed one is shown.

use super::{BlockRow, BlockWrites, CameTo, Leg, book_of, is_begun};
use crate::insert::RowWrite;
use crate::{Error, Fault, Result};
use ledger::{Draft, Event, EventBody, Uuid};
use std::collections::HashSet;
use std::sync::Arc;
use store::{StagedWrites, View};

impl BlockWrites {
    /// Takes out of what is staged what `view` shows as committed.
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
        for (row, event) in found {
            self.rows[row].came_to = CameTo::Replayed(event);
        }
        self.stage_again();
        Ok(())
    }

    /// Rows whose key has been used by others. Transactions that are being assembled stay: their
    /// postings have to find them.
    fn committed_since(&self, view: &View) -> Result<Vec<(usize, Arc<Event>)>> {
        let rows = || self.rows.iter().enumerate().take(self.decided);
        let assembled: HashSet<usize> = rows()
            .filter_map(|(_, row)| match row.came_to {
                CameTo::Leg(Leg { transaction, .. }) => Some(transaction),
                _ => None,
            })
            .collect();
        let mut found = Vec::new();
        for (row, BlockRow { write, came_to, .. }) in rows() {
            let (RowWrite::Draft(draft), CameTo::New(EventBody::TransactionPosted(transaction))) =
                (write, came_to)
            else {
                continue;
            };
            if is_begun(draft) || assembled.contains(&row) {
                continue;
            }
            let (book, key) = (draft.book(), transaction.idempotency_key.as_str());
            let committed = view
                .transaction_by_key(book.as_str(), key)
                .map_err(|error| Error::new(Fault::Unreadable, error.to_string()))?;
            found.extend(committed.map(|event| (row, event)));
        }
        Ok(found)
    }

    /// Stages anew what the rows have come to.
    fn stage_again(&mut self) {
        let before = std::mem::take(&mut self.staged);
        let mut staged = StagedWrites::default();
        for row in 0..self.decided {
            match &self.rows[row].came_to {
                CameTo::New(body) => staged.add(&book_of(&self.rows[row].write), body.clone()),
                CameTo::Leg(Leg { transaction, index }) => {
                    let tx_id = self.tx_id_of(*transaction);
                    let posting = tx_id.and_then(|tx_id| {
                        let (_, transaction) = before.transaction(tx_id)?;
                        Some((tx_id, transaction.postings.get(*index)?.clone()))
                    });
                    if let Some((tx_id, posting)) = posting {
                        staged.add_postings(tx_id, vec![posting]);
                    }
                }
                _ => {}
            }
            self.rows[row].staged_after = staged.mark();
        }
        self.staged = Arc::new(staged);
    }

    fn tx_id_of(&self, row: usize) -> Option<Uuid> {
        match &self.rows[row].write {
            RowWrite::Draft(Draft::PostTransaction(draft)) => Some(draft.tx_id),
            _ => None,
        }
    }
}
