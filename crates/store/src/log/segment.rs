//! Segments: the files of the log, by name, and the header frame each one opens with.

use ledger::Lsn;
use serde::{Deserialize, Serialize};

/// The version of the log format that this code writes, and the only one it reads.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// A segment's file name: `segment-<first lsn, 20 digits>.log`. The one place that knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentName {
    pub(crate) first_lsn: Lsn,
}

impl SegmentName {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let digits = name.strip_prefix("segment-")?.strip_suffix(".log")?;
        if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(SegmentName { first_lsn: Lsn(digits.parse().ok()?) })
    }
}

impl std::fmt::Display for SegmentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "segment-{:020}.log", self.first_lsn.0)
    }
}

/// The payload of a segment's first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderRecord {
    pub(crate) tallybook_log: SegmentHeader,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SegmentHeader {
    pub(crate) version: u32,
    /// The id of this store (a UUID), made when its first segment was.
    pub(crate) store: String,
    /// Counts restores; 1 for a store that never was one.
    pub(crate) epoch: u64,
    pub(crate) first_lsn: u64,
    /// SHA-256 in hex of the previous segment's bytes, absent in the first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) previous_sha256: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_print_and_parse() {
        let name = SegmentName { first_lsn: Lsn(42) };
        assert_eq!(name.to_string(), "segment-00000000000000000042.log");
        assert_eq!(SegmentName::parse(&name.to_string()), Some(name));
        for foreign in ["segment-42.log", "segment-00000000000000000042.log.tmp", "LOCK", ""] {
            assert_eq!(SegmentName::parse(foreign), None, "{foreign}");
        }
    }
}
