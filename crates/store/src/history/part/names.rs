//! The files of a part and their names.

use ledger::Lsn;
use std::path::{Path, PathBuf};

/// A column file of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TableName {
    Postings,
    Transactions,
    Sequence,
    Accounts,
    Positions,
}

impl TableName {
    pub(super) const ALL: [TableName; 5] = [
        TableName::Postings,
        TableName::Transactions,
        TableName::Sequence,
        TableName::Accounts,
        TableName::Positions,
    ];

    pub(super) fn suffix(self) -> &'static str {
        match self {
            TableName::Postings => "postings",
            TableName::Transactions => "transactions",
            TableName::Sequence => "sequence",
            TableName::Accounts => "accounts",
            TableName::Positions => "positions",
        }
    }
}

pub(super) const KEYS_SUFFIX: &str = "keys";
pub(super) const MANIFEST_SUFFIX: &str = "json";
/// What a name ends with until its file is complete.
const UNFINISHED: &str = ".tmp";

/// Where the files of one part are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartPaths {
    dir: PathBuf,
    stem: String,
}

impl PartPaths {
    pub(super) fn new(dir: &Path, first: Lsn, last: Lsn) -> Self {
        PartPaths { dir: dir.to_owned(), stem: format!("part-{:020}-{:020}", first.0, last.0) }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn file(&self, suffix: &str) -> PathBuf {
        self.dir.join(format!("{}.{suffix}", self.stem))
    }

    pub(super) fn unfinished(&self, suffix: &str) -> PathBuf {
        self.dir.join(format!("{}.{suffix}{UNFINISHED}", self.stem))
    }

    pub(super) fn manifest(&self) -> PathBuf {
        self.file(MANIFEST_SUFFIX)
    }
}

/// The suffixes of a part's data files.
pub(super) fn data_suffixes() -> impl Iterator<Item = &'static str> {
    TableName::ALL.into_iter().map(TableName::suffix).chain([KEYS_SUFFIX])
}

/// What the name of a part's file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartFileName {
    pub(super) first: Lsn,
    pub(super) last: Lsn,
    pub(super) kind: FileKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Manifest,
    Data,
    /// A file of either kind that was not completed.
    Unfinished,
}

impl PartFileName {
    /// `None` for a name that no file of a part has.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (finished_name, is_finished) = match name.strip_suffix(UNFINISHED) {
            Some(rest) => (rest, false),
            None => (name, true),
        };
        let (first, rest) = lsn_in_front(finished_name.strip_prefix("part-")?)?;
        let (last, rest) = lsn_in_front(rest.strip_prefix('-')?)?;
        let suffix = rest.strip_prefix('.')?;
        let is_manifest = suffix == MANIFEST_SUFFIX;
        if !is_manifest && !data_suffixes().any(|data| data == suffix) {
            return None;
        }
        let kind = match (is_finished, is_manifest) {
            (false, _) => FileKind::Unfinished,
            (true, true) => FileKind::Manifest,
            (true, false) => FileKind::Data,
        };
        Some(PartFileName { first, last, kind })
    }
}

fn lsn_in_front(text: &str) -> Option<(Lsn, &str)> {
    let (digits, rest) = text.split_at_checked(20)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((Lsn(digits.parse().ok()?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_are_told_from_others() {
        let paths = PartPaths::new(Path::new("h"), Lsn(1), Lsn(20));
        let stem = "part-00000000000000000001-00000000000000000020";
        assert_eq!(paths.manifest(), Path::new("h").join(format!("{stem}.json")));
        let cases = [
            (format!("{stem}.json"), Some(FileKind::Manifest)),
            (format!("{stem}.json.tmp"), Some(FileKind::Unfinished)),
            (format!("{stem}.postings"), Some(FileKind::Data)),
            (format!("{stem}.keys.tmp"), Some(FileKind::Unfinished)),
            (format!("{stem}.notes"), None),
            (stem.to_owned(), None),
            ("part-1-20.json".to_owned(), None),
            ("part-+0000000000000000001-00000000000000000020.json".to_owned(), None),
            ("part-99999999999999999999-00000000000000000020.json".to_owned(), None),
            ("notes.tmp".to_owned(), None),
        ];
        for (name, kind) in cases {
            let expected = kind.map(|kind| PartFileName { first: Lsn(1), last: Lsn(20), kind });
            assert_eq!(PartFileName::parse(&name), expected, "{name}");
        }
    }
}
