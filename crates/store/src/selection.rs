//! What a reader is looking for, where the projections are organised for it.
//!
//! A selection only narrows: a scan may give rows outside it, never leave out rows inside it.

use ledger::Uuid;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Values of which a wanted row has one. Rising, each once; there may be none. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOf<T>(Arc<[T]>);

impl<T: Ord + Clone> OneOf<T> {
    pub fn value(value: T) -> Self {
        OneOf(Arc::new([value]))
    }

    /// The values, rising.
    pub fn values(&self) -> &[T] {
        &self.0
    }

    /// What rows have that are in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.only(|value| other.0.binary_search(value).is_ok())
    }

    /// What rows have that are in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.0.iter().chain(other.0.iter()).cloned().collect()
    }

    #[must_use]
    pub fn only(&self, is_wanted: impl Fn(&T) -> bool) -> Self {
        OneOf(self.0.iter().filter(|value| is_wanted(value)).cloned().collect())
    }
}

impl OneOf<String> {
    pub fn contains(&self, text: &str) -> bool {
        self.0.binary_search_by(|value| value.as_str().cmp(text)).is_ok()
    }
}

impl<T: Ord> FromIterator<T> for OneOf<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut values: Vec<T> = values.into_iter().collect();
        values.sort();
        values.dedup();
        OneOf(values.into())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathSelection {
    OneOf(OneOf<String>),
    /// Every path that starts with this text.
    Prefix(String),
}

impl PathSelection {
    pub fn exact(path: &str) -> Self {
        PathSelection::OneOf(OneOf::value(path.to_owned()))
    }

    pub fn matches(&self, path: &str) -> bool {
        match self {
            PathSelection::OneOf(paths) => paths.contains(path),
            PathSelection::Prefix(prefix) => path.starts_with(prefix),
        }
    }

    /// What all wanted paths start with.
    pub fn prefix(&self) -> &str {
        match self {
            // What the lowest and the highest have in common, all between them have.
            PathSelection::OneOf(paths) => match paths.values() {
                [first, .., last] => common_prefix(first, last),
                [only] => only,
                [] => "",
            },
            PathSelection::Prefix(prefix) => prefix,
        }
    }
}

/// The longest text that both start with.
pub fn common_prefix<'a>(first: &'a str, second: &str) -> &'a str {
    let both = first.char_indices().zip(second.chars());
    let common = both.take_while(|((_, a), b)| a == b);
    let end = common.last().map_or(0, |((start, char), _)| start + char.len_utf8());
    &first[..end]
}

/// Conditions that all hold for every wanted row; `None` does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub book: Option<String>,
    pub path: Option<PathSelection>,
    pub tx_id: Option<OneOf<Uuid>>,
    pub idempotency_key: Option<OneOf<String>>,
    pub seq: Option<RangeInclusive<u64>>,
    /// Beside the range of `seq`: both hold.
    pub seqs: Option<OneOf<u64>>,
    pub lsn: Option<RangeInclusive<u64>>,
    /// Recorded time in microseconds.
    pub committed_at: Option<RangeInclusive<i64>>,
}
