//! What is wrong, where, and what to do about it.

use ledger::Lsn;
use std::fmt;
use std::path::PathBuf;

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub file: PathBuf,
    /// Where in the file, if that is known.
    pub offset: Option<u64>,
    /// The event that stands there, or is due there.
    pub lsn: Option<Lsn>,
    pub problem: String,
    pub remedy: Remedy,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(offset) = self.offset {
            write!(f, ", offset {offset}")?;
        }
        if let Some(lsn) = self.lsn {
            write!(f, ", lsn {lsn}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// What to do about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// Bytes of the ledger are gone or changed.
    RestoreFile,
    /// A cache is wrong and its checksums are right: a start would believe it.
    DeleteHistory,
    /// Written by another release.
    UseOtherRelease,
    /// The file cannot be read at all.
    CheckAccess,
    /// It is damaged, and a start goes on without it.
    CheckClock,
    /// The last write was torn by a crash.
    CutOff,
    /// A cache is damaged, stale or foreign, which is noticed.
    MadeAgain,
    LeaveIt,
}

/// How bad a finding is, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// The next start mends it; no answer was or will be wrong for it.
    Mended,
    /// Something could not be checked.
    Unchecked,
    /// Somebody has to act.
    Damage,
}

impl Remedy {
    pub fn severity(self) -> Severity {
        match self {
            Remedy::RestoreFile | Remedy::DeleteHistory | Remedy::CheckClock => Severity::Damage,
            Remedy::UseOtherRelease | Remedy::CheckAccess => Severity::Unchecked,
            Remedy::CutOff | Remedy::MadeAgain => Severity::Mended,
            Remedy::LeaveIt => Severity::Notice,
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Remedy::RestoreFile => {
                "restore this file from a backup; if the backup says the same, restore the whole \
                 ledger as of before, and do not edit the log"
            }
            Remedy::DeleteHistory => {
                "delete the directory history/ before the next start: it is a cache and will be \
                 made again, but as it is it would be believed"
            }
            Remedy::UseOtherRelease => "use the release that wrote it",
            Remedy::CheckAccess => {
                "let this user read the file, and check the disk; if it is failing, restore this \
                 file from a backup"
            }
            Remedy::CheckClock => {
                "make sure that the machine's clock is right, and remove the file"
            }
            Remedy::CutOff => {
                "nothing: the write was never answered for, and the next start cuts it off"
            }
            Remedy::MadeAgain => "nothing: it is a cache, it is ignored and made again",
            Remedy::LeaveIt => "nothing: it is left alone",
        })
    }
}

/// Findings as they are made, bounded.
#[derive(Debug)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    max: usize,
    left_out: u64,
}

impl Findings {
    pub(super) fn new(max: usize) -> Self {
        Findings { kept: Vec::new(), max, left_out: 0 }
    }

    /// Keeps the finding, or counts it if there are too many; one that is worse than all before
    /// is always kept.
    pub(super) fn add(&mut self, finding: Finding) {
        let severity = |finding: &Finding| finding.remedy.severity();
        let worst = self.kept.iter().map(severity).max();
        if self.kept.len() < self.max || worst < Some(severity(&finding)) {
            self.kept.push(finding);
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.kept.len() as u64 + self.left_out
    }

    pub(super) fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// The findings, and how many were left out.
    pub(super) fn into_parts(self) -> (Vec<Finding>, u64) {
        (self.kept, self.left_out)
    }
}
