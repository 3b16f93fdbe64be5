//! What a decision has to know of the past: found in the index and fetched before deciding, so
//! that deciding itself touches no disk and cannot fail for one.

use crate::ReadError;
use crate::history::keys::KeyHash;
use crate::projection::Projections;
use foldhash::fast::RandomState;
use ledger::{
    BookName, Event, EventBody, IdempotencyKey, Lsn, PostedTransaction, Transaction,
    TransactionContent, TransactionDraft, TransactionIndex, TransactionLookup, Uuid,
};
use std::collections::HashMap;
use std::sync::Arc;

/// What of a transaction must be new in its book, and what it says it reverses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) book: &'a BookName,
    pub(crate) key: &'a IdempotencyKey,
    pub(crate) tx_id: &'a Uuid,
    pub(crate) reverses: Option<&'a Uuid>,
}

impl<'a> Names<'a> {
    pub(crate) fn of_draft(draft: &'a TransactionDraft) -> Self {
        Names {
            book: &draft.book,
            key: &draft.idempotency_key,
            tx_id: &draft.tx_id,
            reverses: match &draft.content {
                TransactionContent::Postings(_) => None,
                TransactionContent::Reversal(reversed) => Some(reversed),
            },
        }
    }

    /// `None` for an event that posts nothing.
    pub(crate) fn of_event(event: &'a Event) -> Option<Self> {
        let transaction = posted(event)?;
        Some(Names {
            book: &event.book,
            key: &transaction.idempotency_key,
            tx_id: &transaction.tx_id,
            reverses: transaction.reverses.as_ref(),
        })
    }
}

/// The transactions that drafts can clash with or refer to: none, most of the time.
#[derive(Debug, Default)]
pub(crate) struct Past {
    transactions: TransactionIndex,
    /// By tx_id.
    events: HashMap<Uuid, Arc<Event>, RandomState>,
}

impl Past {
    /// Finds what a transaction can clash with: who used its key, who has its id, and who reversed
    /// what it reverses; and the reversed one itself.
    ///
    /// Nothing may be added to the book meanwhile.
    pub(crate) fn look_up(
        &mut self,
        names: Names<'_>,
        projections: &Projections,
        event_at: impl Fn(Lsn) -> Result<Option<Arc<Event>>, ReadError>,
    ) -> Result<(), ReadError> {
        self.look_up_in(names, |hash| projections.lsns_of_key(hash), event_at)
    }

    /// The same with any index: `lsns_of` may give too many lsns, never too few.
    pub(crate) fn look_up_in(
        &mut self,
        names: Names<'_>,
        lsns_of: impl Fn(KeyHash) -> Result<Vec<Lsn>, ReadError>,
        event_at: impl Fn(Lsn) -> Result<Option<Arc<Event>>, ReadError>,
    ) -> Result<(), ReadError> {
        let Names { book, key, tx_id, reverses } = names;
        let name = book.as_str();
        let mut find = |hash, wanted: &dyn Fn(&Transaction) -> bool| {
            for lsn in lsns_of(hash)? {
                if let Some(event) = event_at(lsn)?
                    && event.book == *book
                    && let Some(transaction) = posted(&event).filter(|found| wanted(found))
                {
                    self.transactions.insert(event.seq, transaction);
                    self.events.insert(transaction.tx_id, event.clone());
                }
            }
            Ok(())
        };
        find(KeyHash::of_key(name, key.as_str()), &|found| found.idempotency_key == *key)?;
        find(KeyHash::of_tx_id(tx_id), &|found| found.tx_id == *tx_id)?;
        if let Some(reversed) = reverses {
            find(KeyHash::of_tx_id(reversed), &|found| found.tx_id == *reversed)?;
            let hash = KeyHash::of_reversal(name, reversed);
            find(hash, &|found| found.reverses == Some(*reversed))?;
        }
        Ok(())
    }

    /// The event of a transaction that was found.
    pub(crate) fn event_of(&self, tx_id: &Uuid) -> Option<&Arc<Event>> {
        self.events.get(tx_id)
    }
}

fn posted(event: &Event) -> Option<&Arc<Transaction>> {
    match &event.body {
        EventBody::TransactionPosted(transaction) => Some(transaction),
        _ => None,
    }
}

impl TransactionLookup for Past {
    fn by_key(&self, key: &IdempotencyKey) -> Option<PostedTransaction> {
        self.transactions.by_key(key)
    }

    fn by_id(&self, tx_id: &Uuid) -> Option<PostedTransaction> {
        self.transactions.by_id(tx_id)
    }

    fn reversal_of(&self, tx_id: &Uuid) -> Option<Uuid> {
        self.transactions.reversal_of(tx_id)
    }
}
