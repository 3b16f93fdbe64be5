//! What one row of a writing statement asks the ledger for.

use ledger::{BookName, Draft, PostingDraft, TransactionContent, Uuid};

#[derive(Debug, Clone)]
pub(crate) enum RowWrite {
    /// A draft by itself. A transaction without postings waits for those of its block.
    Draft(Draft),
    /// A leg for a transaction that the same block has begun.
    Posting(PostingRow),
}

/// A row of `INSERT INTO postings`.
#[derive(Debug, Clone)]
pub(crate) struct PostingRow {
    pub(crate) tx_id: Uuid,
    /// Given for the reader's sake: it has to be the transaction's.
    pub(crate) book: Option<BookName>,
    /// Given for the reader's sake: it has to be the next place in the transaction.
    pub(crate) index: Option<i16>,
    pub(crate) posting: PostingDraft,
}

/// What a row takes at the least, beside its texts.
const ROW_BYTES: usize = 100;
const POSTING_BYTES: usize = 40;

impl RowWrite {
    /// About what the row takes in memory and in the log.
    pub(crate) fn bytes(&self) -> usize {
        let posting_bytes = |posting: &PostingDraft| {
            POSTING_BYTES
                + posting.account.as_str().len()
                + posting.asset.as_ref().map_or(0, |asset| asset.as_str().len())
        };
        ROW_BYTES
            + match self {
                RowWrite::Posting(row) => posting_bytes(&row.posting),
                RowWrite::Draft(Draft::PostTransaction(draft)) => {
                    draft.idempotency_key.as_str().len()
                        + draft.metadata.as_str().len()
                        + draft.external_refs.as_str().len()
                        + match &draft.content {
                            TransactionContent::Postings(postings) => {
                                postings.iter().map(posting_bytes).sum()
                            }
                            TransactionContent::Reversal(_) => 0,
                        }
                }
                RowWrite::Draft(Draft::OpenAccount { opening, .. }) => {
                    opening.path.as_str().len() + opening.metadata.as_str().len()
                }
                RowWrite::Draft(Draft::ChangeAccount(draft)) => {
                    draft.change.metadata.as_ref().map_or(0, |metadata| metadata.as_str().len())
                }
                RowWrite::Draft(Draft::RegisterAsset(asset)) => asset.name.len(),
            }
    }
}
