//! A book as the next draft of a block finds it: as it stands, with what the block staged on top.
//!
//! Only what the draft touches is laid over the book, so that deciding costs as much as the draft
//! is large, however much the block has staged. Where the book has something itself, that goes
//! first: somebody else may have committed it since it was staged.

use super::{StagedBook, StagedTransaction, StagedWrites};
use crate::write::Past;
use ledger::{
    Account, AccountPath, AssetId, AssetRegister, BookState, BookView, Draft, Overlay, Posting,
    PostingDraft, Rejection, TransactionContent, TransactionDraft,
};
use std::collections::BTreeSet;

/// What a draft is decided on.
///
/// # Errors
/// If an account's sums with the staged ones would be out of range.
pub(crate) fn book_for_draft<'a>(
    state: &'a BookState,
    assets: &'a AssetRegister,
    past: &'a Past,
    staged: &StagedWrites,
    draft: &Draft,
) -> Result<Overlay<'a, Past>, Rejection> {
    let mut laid = Laid {
        overlay: Overlay::new(state, assets, past),
        staged,
        book: staged.book(draft.book().as_str()),
    };
    match draft {
        Draft::RegisterAsset(asset) => laid.asset(&asset.id),
        Draft::OpenAccount { opening, .. } => {
            laid.asset(&opening.asset);
            laid.account(&opening.path)?;
        }
        Draft::ChangeAccount(draft) => laid.account(&draft.path)?,
        Draft::PostTransaction(draft) => laid.transaction(draft)?,
    }
    Ok(laid.overlay)
}

/// What legs of a transaction that is being assembled are resolved on.
///
/// # Errors
/// As [`book_for_draft`].
pub(crate) fn book_for_postings<'a>(
    state: &'a BookState,
    assets: &'a AssetRegister,
    past: &'a Past,
    staged: &StagedWrites,
    book: &str,
    postings: &[PostingDraft],
) -> Result<Overlay<'a, Past>, Rejection> {
    let mut laid =
        Laid { overlay: Overlay::new(state, assets, past), staged, book: staged.book(book) };
    laid.accounts(postings.iter().map(|posting| &posting.account))?;
    Ok(laid.overlay)
}

/// An overlay in the making.
struct Laid<'a, 'b> {
    overlay: Overlay<'a, Past>,
    staged: &'b StagedWrites,
    book: Option<&'b StagedBook>,
}

impl Laid<'_, '_> {
    fn asset(&mut self, id: &AssetId) {
        if self.overlay.asset(id).is_none()
            && let Some(asset) = self.staged.asset(id)
        {
            self.overlay.show_asset(asset.clone());
        }
    }

    fn account(&mut self, path: &AccountPath) -> Result<(), Rejection> {
        let Some(staged) = self.book.and_then(|book| book.account(path.as_str())) else {
            return Ok(());
        };
        let base = self.overlay.account(path).cloned();
        let Some(mut account) = base.or_else(|| staged.opening.clone().map(Account::open)) else {
            return Ok(());
        };
        if let Some(change) = staged.change() {
            account.change(change);
        }
        account.totals = account
            .totals
            .checked_add(&staged.totals)
            .ok_or_else(|| Rejection::BalanceOutOfRange { path: path.clone() })?;
        self.overlay.show_account(account);
        Ok(())
    }

    /// Accounts that get legs, and the book's sums in their assets.
    fn accounts<'p>(
        &mut self,
        paths: impl Iterator<Item = &'p AccountPath>,
    ) -> Result<(), Rejection> {
        let Some(book) = self.book else { return Ok(()) };
        let paths: BTreeSet<&AccountPath> = paths.collect();
        let mut assets: BTreeSet<AssetId> = BTreeSet::new();
        for path in paths {
            self.account(path)?;
            assets.extend(self.overlay.account(path).map(|account| account.opening.asset.clone()));
        }
        for asset in assets {
            let totals = self.overlay.totals(&asset).checked_add(&book.totals(&asset));
            match totals {
                Some(totals) => self.overlay.show_totals(asset, totals),
                None => return Err(Rejection::BookTotalOutOfRange { asset }),
            }
        }
        Ok(())
    }

    fn transaction(&mut self, draft: &TransactionDraft) -> Result<(), Rejection> {
        let Some(book) = self.book else { return Ok(()) };
        if self.overlay.transaction_by_key(&draft.idempotency_key).is_none() {
            self.named(book.place_of_key(draft.idempotency_key.as_str()));
        }
        if self.overlay.transaction_by_id(&draft.tx_id).is_none() {
            self.named(book.place_of_id(&draft.tx_id));
        }
        match &draft.content {
            TransactionContent::Postings(postings) => {
                self.accounts(postings.iter().map(|posting| &posting.account))
            }
            TransactionContent::Reversal(reversed) => {
                if self.overlay.transaction_by_id(reversed).is_none() {
                    self.named(book.place_of_id(reversed));
                }
                if self.overlay.reversal_of(reversed).is_none() {
                    self.named(book.place_of_reversal(reversed));
                }
                let original = self.overlay.transaction_by_id(reversed);
                let postings: &[Posting] =
                    original.as_ref().map_or(&[], |original| &original.transaction.postings);
                self.accounts(postings.iter().map(|posting| &posting.account))
            }
        }
    }

    fn named(&mut self, place: Option<usize>) {
        if let Some(place) = place {
            let StagedTransaction { transaction, .. } = &self.staged.transactions()[place];
            self.overlay.show_transaction(transaction);
        }
    }
}
