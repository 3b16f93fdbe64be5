//! Deciding rows before their block commits: on the ledger as it stands and on the block itself.

use super::staged::Staged;
use super::{BlockWrites, CameTo, Leg, is_begun};
use crate::insert::{PostingRow, RowWrite, commit_error};
use crate::{Error, Fault, Result};
use ledger::{
    Draft, EventBody, POSTINGS_MAX, Rejection, Seq, Transaction, TransactionContent,
    TransactionDraft, TransactionField, Uuid,
};
use std::sync::Arc;
use store::{CommitError, Conflict, Ledger, ReadError, StagedDecision, UniqueKey, View};

/// A row that was refused: the statement it is of, and why.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) statement: usize,
    pub(crate) error: Error,
}

impl BlockWrites {
    /// Decides the rows that have not been decided, in order, up to the first that is refused.
    pub(crate) async fn decide(&mut self, ledger: &Ledger) -> Result<(), Refused> {
        self.decide_before(self.statements.len(), ledger).await
    }

    /// The same for the first `statements` only.
    pub(crate) async fn decide_before(
        &mut self,
        statements: usize,
        ledger: &Ledger,
    ) -> Result<(), Refused> {
        let end = match statements.checked_sub(1).and_then(|last| self.statements.get(last)) {
            Some(last) => last.rows.end,
            None => 0,
        };
        while self.decided < end {
            let row = self.decided;
            let came_to = self.decide_row(row, ledger).await.map_err(|error| Refused {
                statement: self.statement_of(row),
                error: self.place(error, row),
            })?;
            if let CameTo::New(EventBody::TransactionPosted(transaction))
            | CameTo::SetAside(EventBody::TransactionPosted(transaction)) = &came_to
            {
                self.transactions.insert(transaction.tx_id, row);
            }
            self.rows[row].came_to = came_to;
            self.rows[row].staged_after = self.staged.place();
            self.decided += 1;
        }
        Ok(())
    }

    async fn decide_row(&mut self, row: usize, ledger: &Ledger) -> Result<CameTo> {
        let skips = self.statements[self.statement_of(row)].statement.skips();
        // Taken out for as long as it is decided: deciding also changes what is staged.
        match self.rows[row].write.clone() {
            RowWrite::Posting(posting) => self.decide_posting(posting, ledger).await,
            RowWrite::Draft(draft) if is_begun(&draft) => {
                match skips.is_some() && self.is_skipped(&draft, skips, ledger)? {
                    true => Ok(CameTo::Skipped),
                    false => self.begin(draft, ledger),
                }
            }
            RowWrite::Draft(draft) => self.decide_draft(&draft, skips, ledger).await,
        }
    }

    async fn decide_draft(
        &mut self,
        draft: &Draft,
        skips: Option<Conflict>,
        ledger: &Ledger,
    ) -> Result<CameTo> {
        let decided = match ledger.decide_staged(&self.staged.shown, draft).await {
            Err(CommitError::Rejected { rejection, .. })
                if rejection.unique_key().is_some() && self.is_skipped(draft, skips, ledger)? =>
            {
                return Ok(CameTo::Skipped);
            }
            decided => decided,
        };
        let decision =
            decided.map_err(|error| commit_error(error, std::slice::from_ref(draft), "INSERT"))?;
        Ok(match decision {
            StagedDecision::New(body) => {
                self.staged.shown_mut().add(&draft.book(), body.clone());
                CameTo::New(body)
            }
            StagedDecision::Replayed(event) => CameTo::Replayed(event),
            StagedDecision::ReplayedStaged(body) => CameTo::Repeated(body),
            StagedDecision::Unchanged => CameTo::Unchanged,
        })
    }

    /// Whether ON CONFLICT DO NOTHING leaves a draft out: what it names is there, in the ledger or
    /// in the block.
    fn is_skipped(&self, draft: &Draft, skips: Option<Conflict>, ledger: &Ledger) -> Result<bool> {
        let (wanted, draft) = match (skips, draft) {
            (None, _) => return Ok(false),
            // Another kind of draft has one uniqueness, and that is the one in the way.
            (Some(Conflict::Any | Conflict::On(_)), draft) if !posts(draft) => return Ok(true),
            (Some(Conflict::Any), _) => (None, draft),
            (Some(Conflict::On(key)), _) => (Some(key), draft),
        };
        let Draft::PostTransaction(draft) = draft else { return Ok(true) };
        let view = self.shown_in(ledger.view());
        let wants = |key| wanted.is_none_or(|wanted| wanted == key);
        if wants(UniqueKey::IdempotencyKey) {
            let key = draft.idempotency_key.as_str();
            let found = view.transaction_by_key(draft.book.as_str(), key).map_err(unreadable)?;
            if found.is_some() {
                return Ok(true);
            }
        }
        if wants(UniqueKey::TxId) {
            let found = view.transactions_by_id(draft.tx_id).map_err(unreadable)?;
            if found.iter().any(|event| event.book == draft.book) {
                return Ok(true);
            }
        }
        // What is left is a second reversal.
        let reverses = matches!(draft.content, TransactionContent::Reversal(_));
        Ok(reverses && wants(UniqueKey::Reverses))
    }

    /// A transaction whose postings follow: it takes its key and its id in the block, and is
    /// decided when the block commits. Reads show it unless its key is committed by now.
    fn begin(&mut self, draft: Draft, ledger: &Ledger) -> Result<CameTo> {
        let Draft::PostTransaction(begun) = &draft else {
            return Err(Error::new(Fault::Internal, "only transactions are assembled"));
        };
        self.check_names_free(begun, &draft)?;
        let body = EventBody::TransactionPosted(Arc::new(Transaction {
            tx_id: begun.tx_id,
            idempotency_key: begun.idempotency_key.clone(),
            occurred_at: begun.occurred_at,
            metadata: begun.metadata.clone(),
            external_refs: begun.external_refs.clone(),
            reverses: None,
            postings: Vec::new(),
        }));
        if is_committed(begun, &ledger.view())? {
            self.staged.aside.add(&begun.book, body.clone());
            return Ok(CameTo::SetAside(body));
        }
        self.staged.shown_mut().add(&begun.book, body.clone());
        Ok(CameTo::New(body))
    }

    fn check_names_free(&self, begun: &TransactionDraft, draft: &Draft) -> Result<()> {
        let taken = |rejection| {
            let error = CommitError::Rejected { index: 0, rejection };
            Err(commit_error(error, std::slice::from_ref(draft), "INSERT"))
        };
        let Staged { shown, aside } = &self.staged;
        let staged = [shown.as_ref(), aside];
        if staged.iter().any(|each| each.has_key(&begun.book, &begun.idempotency_key)) {
            return taken(Rejection::IdempotencyKeyConflict {
                key: begun.idempotency_key.clone(),
                differs: vec![TransactionField::Postings],
                seq: Seq(0),
            });
        }
        let same_id = staged.iter().filter_map(|each| each.transaction(begun.tx_id));
        if same_id.into_iter().any(|(book, _)| book == begun.book) {
            return taken(Rejection::TxIdTaken { tx_id: begun.tx_id, seq: Seq(0) });
        }
        Ok(())
    }

    async fn decide_posting(&mut self, row: PostingRow, ledger: &Ledger) -> Result<CameTo> {
        let PostingRow { tx_id, book, index, posting } = row;
        let row = self.transactions.get(&tx_id).copied();
        let staged = row.and_then(|row| Some((row, self.staged_with(row).transaction(tx_id)?)));
        let Some((row, (own_book, transaction))) = staged else {
            return Err(not_of_this_block(tx_id, ledger));
        };
        if book.is_some_and(|given| given != own_book) {
            return Err(Error::new(
                Fault::InvalidParameterValue,
                format!("transaction {tx_id} is in book \"{own_book}\""),
            )
            .with_hint("Leave the book out: a posting is in the book of its transaction."));
        }
        if transaction.reverses.is_some() {
            return Err(Error::new(
                Fault::InvalidParameterValue,
                format!("transaction {tx_id} is a reversal and takes no postings"),
            )
            .with_hint("The postings of a reversal follow from what it reverses."));
        }
        let place = transaction.postings.len();
        if place >= POSTINGS_MAX {
            return Err(Error::new(
                Fault::ProgramLimitExceeded,
                format!("transaction {tx_id} has {POSTINGS_MAX} postings: more are not allowed"),
            ));
        }
        if index.is_some_and(|given| usize::try_from(given) != Ok(place)) {
            return Err(Error::new(
                Fault::InvalidParameterValue,
                format!("the next posting of transaction {tx_id} has idx {place}"),
            )
            .with_hint(
                "Leave idx out, or number the postings from 0 in the order you send them.",
            ));
        }
        let resolved = ledger
            .resolve_postings(&self.staged.shown, &own_book, std::slice::from_ref(&posting))
            .await
            .map_err(|error| {
                let content = TransactionContent::Postings(vec![posting.clone()]);
                let draft = Draft::PostTransaction(TransactionDraft {
                    book: own_book.clone(),
                    tx_id,
                    idempotency_key: transaction.idempotency_key.clone(),
                    occurred_at: None,
                    metadata: transaction.metadata.clone(),
                    external_refs: transaction.external_refs.clone(),
                    content,
                });
                commit_error(error, &[draft], "INSERT")
            })?;
        // Given up first: what nobody else holds grows in place.
        drop(transaction);
        match self.rows[row].came_to {
            CameTo::SetAside(_) => self.staged.aside.add_postings(tx_id, resolved),
            _ => self.staged.shown_mut().add_postings(tx_id, resolved),
        }
        Ok(CameTo::Leg(Leg { transaction: row, index: place }))
    }
}

/// Whether a transaction with the same key is in the ledger.
pub(super) fn is_committed(draft: &TransactionDraft, view: &View) -> Result<bool> {
    let (book, key) = (draft.book.as_str(), draft.idempotency_key.as_str());
    let found = view.transaction_by_key(book, key);
    found.map(|found| found.is_some()).map_err(unreadable)
}

pub(super) fn unreadable(error: ReadError) -> Error {
    Error::new(Fault::Unreadable, error.to_string())
}

fn posts(draft: &Draft) -> bool {
    matches!(draft, Draft::PostTransaction(_))
}

/// Postings are never added to what is in the ledger already.
fn not_of_this_block(tx_id: Uuid, ledger: &Ledger) -> Error {
    let committed = match ledger.view().transactions_by_id(tx_id) {
        Ok(found) => !found.is_empty(),
        Err(error) => return unreadable(error),
    };
    if committed {
        return Error::new(
            Fault::ObjectNotInPrerequisiteState,
            format!("transaction {tx_id} is committed: nothing can be added to it"),
        )
        .with_hint("Post another transaction, or a reversal and a corrected one.");
    }
    Error::new(
        Fault::UnknownTransaction,
        "insert or update on table \"postings\" violates foreign key constraint \
         \"postings_tx_id_fkey\"",
    )
    .with_detail(format!("Key (tx_id)=({tx_id}) is not present in table \"transactions\"."))
    .with_hint(
        "Send the transaction and its postings in one block: BEGIN; INSERT INTO transactions …; \
         INSERT INTO postings …; COMMIT.",
    )
}
