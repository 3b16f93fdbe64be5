//! The rules: what a draft becomes, given a book as it stands.
//!
//! [`decide`] is pure. Checks run in the order of [`Rejection`]'s variants; when the last one has
//! passed, applying the event cannot fail.

use crate::{
    Account, AccountChangeDraft, AccountField, AccountOpening, AccountPath, Asset, AssetField,
    AssetId, BookView, Draft, EventBody, HashMap, Original, POSTINGS_MAX, Posting, PostingDraft,
    Rejection, Totals, Transaction, TransactionContent, TransactionDraft, TransactionField,
};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a draft comes to, if the rules do not reject it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It happens: this event extends the book.
    New(EventBody),
    /// It has happened already, with the same content; nothing changes.
    Replay(Original),
    /// An account change that asks for what is so already; nothing changes.
    Unchanged,
}

pub fn decide<V: BookView>(book: &V, draft: &Draft) -> Result<Decision, Rejection> {
    match draft {
        Draft::RegisterAsset(asset) => register_asset(book, asset),
        Draft::OpenAccount { opening, .. } => open_account(book, opening),
        Draft::ChangeAccount(draft) => change_account(book, draft),
        Draft::PostTransaction(draft) => post_transaction(book, draft),
    }
}

fn register_asset<V: BookView>(book: &V, asset: &Arc<Asset>) -> Result<Decision, Rejection> {
    if let Some(original) = book.asset(&asset.id) {
        let differs: Vec<AssetField> = [
            (AssetField::Class, original.class != asset.class),
            (AssetField::Network, original.network != asset.network),
            (AssetField::NativeId, original.native_id != asset.native_id),
            (AssetField::Precision, original.precision != asset.precision),
            (AssetField::Name, original.name != asset.name),
        ]
        .into_iter()
        .filter_map(|(field, differs)| differs.then_some(field))
        .collect();
        return if differs.is_empty() {
            Ok(Decision::Replay(Original::Asset(original)))
        } else {
            Err(Rejection::AssetExists { asset: asset.id.clone(), differs })
        };
    }
    if asset.precision > Asset::PRECISION_MAX {
        return Err(Rejection::PrecisionOutOfRange { precision: asset.precision });
    }
    Ok(Decision::New(EventBody::AssetRegistered(asset.clone())))
}

fn open_account<V: BookView>(
    book: &V,
    opening: &Arc<AccountOpening>,
) -> Result<Decision, Rejection> {
    if let Some(account) = book.account(&opening.path) {
        let original = &account.opening;
        let differs: Vec<AccountField> = [
            (AccountField::Asset, original.asset != opening.asset),
            (AccountField::Kind, original.kind != opening.kind),
            (AccountField::MinBalance, original.min_balance != opening.min_balance),
            (AccountField::Metadata, original.metadata != opening.metadata),
        ]
        .into_iter()
        .filter_map(|(field, differs)| differs.then_some(field))
        .collect();
        return if differs.is_empty() {
            Ok(Decision::Replay(Original::Account(original.clone())))
        } else {
            Err(Rejection::AccountExists { path: opening.path.clone(), differs })
        };
    }
    if book.asset(&opening.asset).is_none() {
        return Err(Rejection::UnknownAsset { asset: opening.asset.clone() });
    }
    // A new account stands at zero, so its minimum must allow that.
    check_minimum(&Account::open(opening.clone()), &Totals::default())?;
    Ok(Decision::New(EventBody::AccountOpened(opening.clone())))
}

fn change_account<V: BookView>(
    book: &V,
    draft: &AccountChangeDraft,
) -> Result<Decision, Rejection> {
    let account = book
        .account(&draft.path)
        .ok_or_else(|| Rejection::UnknownAccount { path: draft.path.clone() })?;
    let mut changed = account.clone();
    changed.change(&draft.change);
    if changed == *account {
        return Ok(Decision::Unchanged);
    }
    check_minimum(&changed, &changed.totals)?;
    Ok(Decision::New(EventBody::AccountChanged {
        path: draft.path.clone(),
        change: draft.change.clone(),
    }))
}

fn post_transaction<V: BookView>(
    book: &V,
    draft: &TransactionDraft,
) -> Result<Decision, Rejection> {
    if let Some(original) = book.transaction_by_key(&draft.idempotency_key) {
        let differs = differing_fields(book, &original.transaction, draft);
        return if differs.is_empty() {
            Ok(Decision::Replay(Original::Transaction {
                seq: original.seq,
                transaction: original.transaction,
            }))
        } else {
            Err(Rejection::IdempotencyKeyConflict {
                key: draft.idempotency_key.clone(),
                differs,
                seq: original.seq,
            })
        };
    }
    if let Some(taken) = book.transaction_by_id(&draft.tx_id) {
        return Err(Rejection::TxIdTaken { tx_id: draft.tx_id, seq: taken.seq });
    }
    let (postings, accounts, reverses) = match &draft.content {
        TransactionContent::Postings(postings) => {
            let accounts = accounts(book, postings.iter().map(|posting| &posting.account))?;
            (resolve(&accounts, postings)?, accounts, None)
        }
        TransactionContent::Reversal(reversed) => {
            let original = book
                .transaction_by_id(reversed)
                .ok_or(Rejection::UnknownReversed { tx_id: *reversed })?;
            if let Some(by) = book.reversal_of(reversed) {
                return Err(Rejection::AlreadyReversed { tx_id: *reversed, by });
            }
            let postings = mirror(&original.transaction);
            let accounts = accounts(book, postings.iter().map(|posting| &posting.account))?;
            (postings, accounts, Some(*reversed))
        }
    };
    check_postings(book, &postings, &accounts)?;
    Ok(Decision::New(EventBody::TransactionPosted(Arc::new(Transaction {
        tx_id: draft.tx_id,
        idempotency_key: draft.idempotency_key.clone(),
        occurred_at: draft.occurred_at,
        metadata: draft.metadata.clone(),
        external_refs: draft.external_refs.clone(),
        reverses,
        postings,
    }))))
}

/// The postings that undo a transaction: every leg turned round.
fn mirror(transaction: &Transaction) -> Vec<Posting> {
    transaction
        .postings
        .iter()
        .map(|posting| Posting { direction: posting.direction.opposite(), ..posting.clone() })
        .collect()
}

/// Which parts of a draft differ from the transaction that has its key.
fn differing_fields<V: BookView>(
    book: &V,
    original: &Transaction,
    draft: &TransactionDraft,
) -> Vec<TransactionField> {
    let (same_postings, reverses) = match &draft.content {
        TransactionContent::Postings(postings) => {
            (same_multiset(book, &original.postings, postings), None)
        }
        // A reversal's postings follow from what it reverses.
        TransactionContent::Reversal(reversed) => {
            (original.reverses == Some(*reversed), Some(*reversed))
        }
    };
    [
        (TransactionField::Postings, !same_postings),
        (TransactionField::Metadata, original.metadata != draft.metadata),
        (TransactionField::ExternalRefs, original.external_refs != draft.external_refs),
        (TransactionField::Reverses, original.reverses != reverses),
        (TransactionField::OccurredAt, original.occurred_at != draft.occurred_at),
    ]
    .into_iter()
    .filter_map(|(field, differs)| differs.then_some(field))
    .collect()
}

fn same_multiset<V: BookView>(book: &V, original: &[Posting], draft: &[PostingDraft]) -> bool {
    if original.len() != draft.len() {
        return false;
    }
    let mut sent = Vec::with_capacity(draft.len());
    for posting in draft {
        let implied =
            || book.account(&posting.account).map(|account| account.opening.asset.clone());
        match posting.asset.clone().or_else(implied) {
            Some(asset) => sent.push(posted(posting, asset)),
            None => return false,
        }
    }
    let mut posted = original.to_vec();
    posted.sort_unstable();
    sent.sort_unstable();
    posted == sent
}

fn posted(draft: &PostingDraft, asset: AssetId) -> Posting {
    Posting {
        account: draft.account.clone(),
        asset,
        direction: draft.direction,
        amount: draft.amount,
    }
}

/// The accounts of postings: every one is there, and then every one is open.
fn accounts<'b, 'p, V: BookView>(
    book: &'b V,
    paths: impl ExactSizeIterator<Item = &'p AccountPath>,
) -> Result<Vec<&'b Account>, Rejection> {
    let mut accounts = Vec::with_capacity(paths.len());
    for path in paths {
        let account = book.account(path);
        accounts.push(account.ok_or_else(|| Rejection::UnknownAccount { path: path.clone() })?);
    }
    match accounts.iter().find(|account| account.closed) {
        Some(closed) => Err(Rejection::AccountClosed { path: closed.opening.path.clone() }),
        None => Ok(accounts),
    }
}

/// Fills in the assets that accounts imply; refuses accounts that hold another.
fn resolve(accounts: &[&Account], drafts: &[PostingDraft]) -> Result<Vec<Posting>, Rejection> {
    let mut postings = Vec::with_capacity(drafts.len());
    for (account, draft) in accounts.iter().zip(drafts) {
        let holds = &account.opening.asset;
        if let Some(given) = draft.asset.as_ref().filter(|given| *given != holds) {
            return Err(Rejection::AssetMismatch {
                path: draft.account.clone(),
                holds: holds.clone(),
                given: given.clone(),
            });
        }
        postings.push(Posting {
            // The account's own path, not the caller's copy: history shares one text per account.
            account: account.opening.path.clone(),
            asset: holds.clone(),
            direction: draft.direction,
            amount: draft.amount,
        });
    }
    Ok(postings)
}

/// One more leg of a transaction that is still being assembled: everything about it that can be
/// told before the transaction is whole. Its balance and the accounts' minimums cannot.
///
/// The book's sums are bounded with this leg in them, so it may be shown to those that follow
/// ([`crate::Overlay::show_posting`]).
pub fn resolve_posting<V: BookView>(book: &V, draft: &PostingDraft) -> Result<Posting, Rejection> {
    let accounts = accounts(book, std::iter::once(&draft.account))?;
    let mut postings = resolve(&accounts, std::slice::from_ref(draft))?;
    check_amounts(&postings)?;
    // The transaction's sums are bounded when it is whole; a single amount is one of them.
    let by_asset = sums_by_asset(&postings)?;
    check_totals(&postings, &accounts)?;
    check_book_totals(book, &by_asset)?;
    Ok(postings.swap_remove(0))
}

/// The checks on resolved postings: amounts in range, balanced, and nothing in the book pushed out
/// of range or below its minimum. The minimum is checked once per account, on the
/// sum of its legs.
fn check_postings<V: BookView>(
    book: &V,
    postings: &[Posting],
    accounts: &[&Account],
) -> Result<(), Rejection> {
    if postings.len() > POSTINGS_MAX {
        return Err(Rejection::TooManyPostings { count: postings.len() });
    }
    if postings.len() < 2 {
        return Err(Rejection::TooFewPostings { count: postings.len() });
    }
    check_amounts(postings)?;
    let by_asset = sums_by_asset(postings)?;
    for (asset, legs) in &by_asset {
        if legs.debits != legs.credits {
            return Err(Rejection::Unbalanced {
                asset: (*asset).clone(),
                debits: legs.debits,
                credits: legs.credits,
            });
        }
    }
    let touched = check_totals(postings, accounts)?;
    check_book_totals(book, &by_asset)?;
    for (account, totals) in touched {
        check_minimum(account, &totals)?;
    }
    Ok(())
}

fn check_amounts(postings: &[Posting]) -> Result<(), Rejection> {
    match postings.iter().find(|posting| posting.amount <= 0) {
        Some(Posting { account, amount, .. }) => {
            Err(Rejection::AmountNotPositive { path: account.clone(), amount: *amount })
        }
        None => Ok(()),
    }
}

/// In the assets' order.
fn sums_by_asset(postings: &[Posting]) -> Result<Vec<(&AssetId, Totals)>, Rejection> {
    let mut sums = sums(postings, postings.iter().map(|posting| &posting.asset))?;
    sums.sort_unstable_by_key(|(asset, _)| *asset);
    Ok(sums)
}

/// Every account's sums stay in range; gives what they would be, in the order in which the
/// postings name the accounts.
fn check_totals<'a>(
    postings: &[Posting],
    accounts: &[&'a Account],
) -> Result<Vec<(&'a Account, Totals)>, Rejection> {
    // A book has each account once, so where it is says which it is.
    let legs = sums(postings, accounts.iter().map(|account| ByPlace(account)))?;
    legs.into_iter()
        .map(|(ByPlace(account), legs)| match account.totals.checked_add(&legs) {
            Some(totals) => Ok((account, totals)),
            None => Err(Rejection::BalanceOutOfRange { path: account.opening.path.clone() }),
        })
        .collect()
}

fn check_book_totals<V: BookView>(
    book: &V,
    by_asset: &[(&AssetId, Totals)],
) -> Result<(), Rejection> {
    match by_asset.iter().find(|(asset, legs)| book.totals(asset).checked_add(legs).is_none()) {
        Some((asset, _)) => Err(Rejection::BookTotalOutOfRange { asset: (*asset).clone() }),
        None => Ok(()),
    }
}

#[derive(Clone, Copy)]
struct ByPlace<'a>(&'a Account);

impl PartialEq for ByPlace<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for ByPlace<'_> {}

impl Hash for ByPlace<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        std::ptr::hash(self.0, hasher);
    }
}

/// Up to so many keys are looked for one by one.
const FEW_KEYS: usize = 16;

/// Lifetime sums that `postings` would add, by their keys, in the order in which those come.
fn sums<K: Copy + Eq + Hash>(
    postings: &[Posting],
    keys: impl Iterator<Item = K>,
) -> Result<Vec<(K, Totals)>, Rejection> {
    let mut sums: Vec<(K, Totals)> = Vec::with_capacity(postings.len().min(FEW_KEYS));
    let mut places: HashMap<K, usize> = HashMap::default();
    for (posting, key) in postings.iter().zip(keys) {
        let known = if sums.len() <= FEW_KEYS {
            sums.iter().position(|(known, _)| *known == key)
        } else {
            places.get(&key).copied()
        };
        let place = known.unwrap_or(sums.len());
        if known.is_none() {
            sums.push((key, Totals::default()));
            match sums.len() - 1 {
                ..FEW_KEYS => {}
                FEW_KEYS => places.extend(sums.iter().map(|(key, _)| *key).zip(0..)),
                place => drop(places.insert(key, place)),
            }
        }
        let (_, sum) = &mut sums[place];
        *sum = sum
            .checked_add(&posting.totals())
            .ok_or_else(|| Rejection::AmountOutOfRange { path: posting.account.clone() })?;
    }
    Ok(sums)
}

/// Whether an account may come to stand at `totals`.
fn check_minimum(account: &Account, totals: &Totals) -> Result<(), Rejection> {
    let balance = account.opening.kind.effective(totals);
    match account.min_balance {
        Some(min_balance) if balance < min_balance => Err(Rejection::BelowMinBalance {
            path: account.opening.path.clone(),
            balance,
            min_balance,
        }),
        _ => Ok(()),
    }
}
