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
    fn or(&self, other: &Self) -> Self {
        self.0.iter().chain(other.0.iter()).cloned().collect()
    }

    fn only(&self, is_wanted: impl Fn(&T) -> bool) -> Self {
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
fn common_prefix<'a>(first: &'a str, second: &str) -> &'a str {
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

/// More values than this are not kept: their range or their common beginning is.
const VALUES_MAX: usize = 4_096;

impl Selection {
    /// What lets every row through that `self` or `other` does, and is as narrow as it can be said.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Selection {
            book: self.book.clone().filter(|book| other.book.as_ref() == Some(book)),
            path: either(&self.path, &other.path, PathSelection::or),
            tx_id: either(&self.tx_id, &other.tx_id, few),
            idempotency_key: either(&self.idempotency_key, &other.idempotency_key, few),
            seq: either(&self.span_of_seqs(), &other.span_of_seqs(), hull),
            seqs: either(&self.listed_seqs(), &other.listed_seqs(), few),
            lsn: either(&self.lsn, &other.lsn, hull),
            committed_at: either(&self.committed_at, &other.committed_at, hull),
        }
    }

    /// The seqs that are meant one by one, if they are.
    pub fn listed_seqs(&self) -> Option<OneOf<u64>> {
        match (&self.seqs, &self.seq) {
            (Some(seqs), Some(range)) => Some(seqs.only(|seq| range.contains(seq))),
            (Some(seqs), None) => Some(seqs.clone()),
            (None, Some(range)) if range.start() == range.end() => {
                Some(OneOf::value(*range.start()))
            }
            (None, _) => None,
        }
    }

    /// The range of all seqs that are meant.
    fn span_of_seqs(&self) -> Option<RangeInclusive<u64>> {
        match (self.listed_seqs(), &self.seq) {
            (Some(seqs), _) => Some(match seqs.values() {
                [first, .., last] => *first..=*last,
                [only] => *only..=*only,
                [] => RangeInclusive::new(1, 0),
            }),
            (None, range) => range.clone(),
        }
    }
}

impl PathSelection {
    /// What lets through all that one of them does.
    fn or(&self, other: &Self) -> Option<Self> {
        if let (PathSelection::OneOf(a), PathSelection::OneOf(b)) = (self, other)
            && let Some(paths) = few(a, b)
        {
            return Some(PathSelection::OneOf(paths));
        }
        let nothing = |path: &Self| matches!(path, PathSelection::OneOf(a) if a.0.is_empty());
        let prefix = match (nothing(self), nothing(other)) {
            (true, _) => other.prefix(),
            (_, true) => self.prefix(),
            _ => common_prefix(self.prefix(), other.prefix()),
        };
        (!prefix.is_empty()).then(|| PathSelection::Prefix(prefix.to_owned()))
    }

    /// What lets through all that both of them do.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (PathSelection::OneOf(paths), other) | (other, PathSelection::OneOf(paths)) => {
                PathSelection::OneOf(paths.only(|path| other.matches(path)))
            }
            // If neither begins with the other, nothing begins with both.
            (PathSelection::Prefix(a), PathSelection::Prefix(b)) => {
                PathSelection::Prefix(if a.len() < b.len() { b.clone() } else { a.clone() })
            }
        }
    }
}

/// A row that one side lets through whatever it has is let through.
fn either<T>(a: &Option<T>, b: &Option<T>, or: impl Fn(&T, &T) -> Option<T>) -> Option<T> {
    or(a.as_ref()?, b.as_ref()?)
}

fn few<T: Ord + Clone>(a: &OneOf<T>, b: &OneOf<T>) -> Option<OneOf<T>> {
    Some(a.or(b)).filter(|values| values.0.len() <= VALUES_MAX)
}

fn hull<T: Ord + Copy>(a: &RangeInclusive<T>, b: &RangeInclusive<T>) -> Option<RangeInclusive<T>> {
    Some(match (a.is_empty(), b.is_empty()) {
        (true, _) => b.clone(),
        (_, true) => a.clone(),
        _ => *a.start().min(b.start())..=*a.end().max(b.end()),
    })
}
