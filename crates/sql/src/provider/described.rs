//! How EXPLAIN shows what is asked of the store.

use super::{LedgerTable, Narrows};
use std::fmt::Display;
use std::ops::RangeInclusive;
use store::{OneOf, PathSelection, SealedReach, Selection};

/// Of a longer list, so many values are shown.
const VALUES_SHOWN: usize = 8;

/// What of the sealed history is read, as EXPLAIN shows it behind the rest.
pub(crate) fn describe_reach(reach: Option<SealedReach>) -> String {
    let Some(SealedReach { parts, parts_all, blocks, blocks_all }) = reach else {
        return String::new();
    };
    format!(", parts={parts} of {parts_all}, blocks={blocks} of {blocks_all}")
}

/// `book = 'x' AND account = 'y' …`, for EXPLAIN.
pub(crate) fn describe(table: &dyn LedgerTable, selection: &Selection) -> String {
    let mut parts = Vec::new();
    for (name, narrows) in table.narrows() {
        parts.extend(match narrows {
            Narrows::Book => selection.book.as_ref().map(|book| format!("{name} = '{book}'")),
            Narrows::Path => selection.path.as_ref().map(|path| match path {
                PathSelection::OneOf(paths) => describe_texts(name, paths),
                PathSelection::Prefix(prefix) => format!("{name} LIKE '{prefix}%'"),
            }),
            Narrows::TxId => selection.tx_id.as_ref().map(|ids| describe_texts(name, ids)),
            Narrows::IdempotencyKey => {
                selection.idempotency_key.as_ref().map(|keys| describe_texts(name, keys))
            }
            Narrows::Seq => match selection.listed_seqs() {
                Some(seqs) => Some(describe_values(name, &seqs, ToString::to_string)),
                None => selection.seq.as_ref().map(|range| describe_range(name, range, u64::MAX)),
            },
            Narrows::Lsn => {
                selection.lsn.as_ref().map(|range| describe_range(name, range, u64::MAX))
            }
            Narrows::CommittedAt => {
                selection.committed_at.as_ref().map(|range| describe_range(name, range, i64::MAX))
            }
        });
    }
    parts.join(" AND ")
}

fn describe_range<T: PartialEq + std::fmt::Display>(
    name: &str,
    range: &RangeInclusive<T>,
    unbounded: T,
) -> String {
    match (range.start(), range.end()) {
        (start, end) if start == end => format!("{name} = {start}"),
        (start, end) if *end == unbounded => format!("{name} >= {start}"),
        (start, end) => format!("{name} in {start}..={end}"),
    }
}

fn describe_texts<T: Display + Ord + Clone>(name: &str, values: &OneOf<T>) -> String {
    describe_values(name, values, |value| format!("'{value}'"))
}

fn describe_values<T: Ord + Clone>(
    name: &str,
    values: &OneOf<T>,
    show: impl Fn(&T) -> String,
) -> String {
    let values = values.values();
    if let [only] = values {
        return format!("{name} = {}", show(only));
    }
    let shown: Vec<String> = values.iter().take(VALUES_SHOWN).map(show).collect();
    let more = match values.len() - shown.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{name} IN ({}{more})", shown.join(", "))
}
