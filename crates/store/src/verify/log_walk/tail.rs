//! How the last segment ends, and what a start would do about it and about everything else.

use super::super::findings::Remedy;
use super::super::next_start::Step;
use super::LogWalk;
use crate::log::segment::SegmentName;
use ledger::Lsn;
use std::path::{Path, PathBuf};

/// How the last segment ends.
pub(super) struct Tail {
    pub(super) path: PathBuf,
    pub(super) first: Lsn,
    pub(super) length: u64,
    /// Where the good frames end.
    pub(super) end: u64,
    /// Bytes behind them that are not zeros at the end of the file.
    pub(super) cut: u64,
    pub(super) is_torn_creation: bool,
    pub(super) marks: Vec<Mark>,
}

/// What a frame says is durable.
pub(super) struct Mark {
    pub(super) offset: u64,
    /// The last event up to the frame's end.
    pub(super) last: Lsn,
    pub(super) durable: Lsn,
    pub(super) is_closing: bool,
}

impl LogWalk<'_> {
    /// What a start would do, in its order: caches first, then the log.
    pub(super) fn next_start(&mut self, dir: &Path, names: &[SegmentName]) -> Vec<Step> {
        let mut steps = std::mem::take(&mut self.caches.steps);
        let checkpoint = self.caches.checkpoint().map_or(Lsn(0), |checkpoint| checkpoint.last);
        let mut is_refused = false;
        for finding in self.findings.kept() {
            let refuses = matches!(
                finding.remedy,
                Remedy::RestoreFile
                    | Remedy::UseOtherRelease
                    | Remedy::CheckAccess
                    | Remedy::CheckClock
            );
            if !refuses {
                continue;
            }
            let (file, offset) = (finding.file.clone(), finding.offset);
            let (lsn, problem) = (finding.lsn.map(|lsn| lsn.0), finding.problem.clone());
            let is_passed_by = self.is_passed_by(&file, names, checkpoint) && offset != Some(0);
            steps.push(match is_passed_by {
                true => Step::NotNoticed { file: file.clone(), offset, lsn, problem },
                false => Step::Refuse { file: file.clone(), offset, lsn, problem },
            });
            steps.push(Step::Act { file, what: finding.remedy.to_string() });
            is_refused |= !is_passed_by;
        }
        if !is_refused && let Some(tail) = &self.tail {
            tail.add_steps(dir, Lsn(self.due.0 - 1), checkpoint, &mut steps);
        }
        steps
    }

    /// Whether the file is a segment that lies before the checkpoint.
    fn is_passed_by(&self, file: &Path, names: &[SegmentName], checkpoint: Lsn) -> bool {
        let index = names.iter().position(|name| file.ends_with(name.to_string()));
        let next = index.and_then(|index| names.get(index + 1));
        next.is_some_and(|next| checkpoint.next() >= next.first_lsn)
    }
}

impl Tail {
    fn add_steps(&self, dir: &Path, head: Lsn, checkpoint: Lsn, steps: &mut Vec<Step>) {
        let file = || self.path.clone();
        if self.cut > 0 {
            let name = format!("after-lsn-{:020}-offset-{}.bytes", head.0, self.end);
            let to = dir.join("cut").join(name);
            steps.push(Step::KeepAside { file: file(), offset: self.end, bytes: self.cut, to });
        }
        if self.is_torn_creation {
            return steps.push(Step::CreateAgain { file: file() });
        }
        if self.length > self.end {
            steps.push(Step::Cut { file: file(), length: self.end });
        }
        let from = self.unmarked_from(checkpoint);
        if from < self.end {
            steps.push(Step::Rewrite { file: file(), offset: from, end: self.end });
        }
    }

    /// Where the first frame begins that neither a mark nor the checkpoint covers.
    fn unmarked_from(&self, checkpoint: Lsn) -> u64 {
        let read: Vec<&Mark> = self.marks.iter().filter(|mark| mark.last > checkpoint).collect();
        let closing = self.marks.last().filter(|mark| mark.is_closing).map(|mark| mark.offset);
        let durable = read.iter().map(|mark| mark.durable).fold(checkpoint, Lsn::max);
        if durable < self.first {
            // Not even the header is known to be durable.
            return 0;
        }
        match read.iter().find(|mark| mark.last > durable) {
            Some(mark) => mark.offset,
            None => closing.unwrap_or(self.end),
        }
    }
}
