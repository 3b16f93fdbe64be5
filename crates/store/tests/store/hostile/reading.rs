//! What the checkers ask a ledger: the only place here that knows how views answer.

use std::collections::BTreeMap;
use store::*;

/// Every frame, from the first.
pub(crate) fn frames(ledger: &Ledger) -> Vec<Frame> {
    let mut frames = ledger.subscribe(Following::All { from: Lsn(1) });
    std::iter::from_fn(move || frames.try_next()).collect()
}

/// Lifetime sums of every account, by book and path.
pub(crate) fn account_totals(ledger: &Ledger) -> BTreeMap<(String, String), Totals> {
    let rows = ledger.view().accounts(&Selection::default());
    let key = |row: &AccountRow| (row.book.to_string(), row.opening.path.to_string());
    rows.iter().map(|row| (key(row), row.totals)).collect()
}

/// Lifetime sums of a book by asset.
pub(crate) fn trial_balance(ledger: &Ledger, book: &str) -> BTreeMap<String, Totals> {
    let sums = ledger.view().trial_balance(book);
    sums.into_iter().map(|(asset, totals)| (asset.to_string(), totals)).collect()
}
