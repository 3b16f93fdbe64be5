//! The parts of the history, compared with the log while it is read.
//!
//! Parts are a gapless chain from the first event on, so at any time one of them is being
//! compared: the one whose range the log is in. What the log says of the range is added up in
//! memory that does not grow with it, except for the accounts.

use super::findings::{Finding, Findings, Remedy};
use super::next_start::Step;
use super::shadow::Shadow;
use crate::history::{ContentSums, Found, NeededBy, Part, RegisteredAsset, culprits_of_part};
use crate::log::files::LogEnd;
use crate::log::positions::LogPosition;
use crate::log::recovery::Checkpoint;
use crate::projection::{PostingRow, TransactionRow};
use crate::storage::Storage;
use ledger::{Event, EventBody, Lsn};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are gathered before they are added up.
const BATCH_ROWS: usize = 4_096;

pub(super) struct Caches {
    /// Not yet compared.
    waiting: VecDeque<Arc<Part>>,
    range: Range,
    shadow: Shadow,
    /// Nothing can be compared any more: the log is not whole, or wrong.
    is_over: bool,
    /// The last part that a start keeps.
    kept: Option<Arc<Part>>,
    parts: u64,
    bytes: u64,
    compared: u64,
    /// What a start does to the files, in order.
    pub(super) steps: Vec<Step>,
}

/// What the log says of the range of the current part.
#[derive(Default)]
struct Range {
    sums: ContentSums,
    events: Vec<Arc<Event>>,
    postings: Vec<PostingRow>,
    assets: Vec<RegisteredAsset>,
    /// How many of the part's positions were found in the log.
    positions: usize,
    position_problem: Option<Lsn>,
}

impl Caches {
    /// Takes what the directory holds of parts; `None` if the store is unknown.
    pub(super) fn new(
        storage: &dyn Storage,
        dir: &Path,
        found: Option<Found>,
        findings: &mut Findings,
    ) -> Self {
        let mut caches = Caches {
            waiting: VecDeque::new(),
            range: Range::default(),
            shadow: Shadow::default(),
            is_over: false,
            kept: None,
            parts: 0,
            bytes: 0,
            compared: 0,
            steps: Vec::new(),
        };
        let Some(found) = found else { return caches };
        for (name, error) in &found.bad {
            let culprits = culprits_of_part(storage, dir, name);
            let mut files: Vec<(PathBuf, String)> =
                culprits.into_iter().map(|(file, error)| (file, error.to_string())).collect();
            if files.is_empty() {
                files.push((dir.join(name), error.to_string()));
            }
            for (file, error) in files {
                findings.add(Finding {
                    file,
                    offset: None,
                    lsn: None,
                    problem: format!("a part of the history cannot be used for this: {error}"),
                    remedy: Remedy::MadeAgain,
                });
            }
        }
        let unused = found.unused().map(|name| dir.join(name));
        caches.steps.extend(unused.map(|file| Step::Remove { file }));
        if let Some(Step::Remove { file }) = caches.steps.first()
            && found.bad.is_empty()
        {
            findings.add(Finding {
                file: file.clone(),
                offset: None,
                lsn: None,
                problem: "a file of the history that no part of it uses any more".to_owned(),
                remedy: Remedy::LeaveIt,
            });
        }
        caches.bytes = found.chain.iter().map(Part::bytes_on_disk).sum();
        caches.parts = found.chain.len() as u64;
        caches.waiting = found.chain.into_iter().map(Arc::new).collect();
        caches
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn parts(&self) -> u64 {
        self.parts
    }

    pub(super) fn compared(&self) -> u64 {
        self.compared
    }

    /// Where a start goes on reading the log.
    pub(super) fn checkpoint(&self) -> Option<Checkpoint> {
        let part = self.kept.as_ref()?;
        Some(Checkpoint {
            last: part.last(),
            last_at: part.last_at(),
            segment: part.end().segment,
            offset: part.end().offset,
        })
    }

    /// Nothing behind this place can be compared.
    pub(super) fn stop(&mut self) {
        self.is_over = true;
        self.range = Range::default();
        self.shadow = Shadow::default();
    }

    /// Takes the next frame of the log, and compares the part that ends with it, if one does.
    /// Gives the bytes that were read for that.
    pub(super) fn frame(
        &mut self,
        position: &LogPosition,
        events: &[Arc<Event>],
        end: &LogEnd,
        findings: &mut Findings,
    ) -> u64 {
        if self.is_over {
            return 0;
        }
        let Some(part) = self.waiting.front().cloned() else { return 0 };
        if self.take(&part, position, events).is_none() {
            self.stop();
            return 0;
        }
        let Some(last) = events.last().map(|event| event.lsn).filter(|lsn| *lsn >= part.last())
        else {
            return 0;
        };
        if last > part.last() || part.end() != *end {
            self.drop_waiting("it is not of this log", findings);
            return 0;
        }
        let range = std::mem::take(&mut self.range);
        self.compare(&part, range, findings);
        part.bytes_on_disk()
    }

    /// `None` if the log is so wrong that no part can be right.
    fn take(&mut self, part: &Part, position: &LogPosition, events: &[Arc<Event>]) -> Option<()> {
        self.range.note(part, position);
        for event in events {
            let postings = self.shadow.apply(event)?;
            self.range.add(event, postings).ok()?;
        }
        Some(())
    }

    fn compare(&mut self, part: &Arc<Part>, mut range: Range, findings: &mut Findings) {
        self.compared += 1;
        let accounts: Vec<_> = self.shadow.take_touched().collect();
        let expected = accounts
            .chunks(BATCH_ROWS)
            .try_for_each(|chunk| range.sums.add_accounts(chunk))
            .and_then(|()| range.flush());
        let damaged = part.damaged_files();
        if !damaged.is_empty() {
            return self.note_damaged(damaged, findings);
        }
        self.waiting.pop_front();
        self.kept = Some(part.clone());
        let wrong = match expected.and_then(|()| part.content_sums()) {
            Ok(sums) => range.differences(part, &sums),
            Err(error) => Some(error.to_string()),
        };
        if let Some(wrong) = wrong {
            findings.add(finding_of(
                part,
                format!("this part is wrong: {wrong}"),
                Remedy::DeleteHistory,
            ));
            self.steps.push(Step::Act {
                file: part.manifest_path(),
                what: Remedy::DeleteHistory.to_string(),
            });
        }
        if self.waiting.is_empty() {
            // Nobody needs the accounts any more.
            self.shadow = Shadow::default();
        }
    }

    fn note_damaged(
        &mut self,
        damaged: Vec<(PathBuf, io::Error, NeededBy)>,
        findings: &mut Findings,
    ) {
        let is_dropped = damaged.iter().any(|(_, _, needed_by)| *needed_by == NeededBy::Starts);
        for (file, error, needed_by) in damaged {
            let lsn = self.waiting.front().map(|part| part.first());
            let when = match needed_by {
                NeededBy::Starts => "at the next start",
                NeededBy::Readers => "when it is first read",
            };
            findings.add(Finding {
                file: file.clone(),
                offset: None,
                lsn,
                problem: format!("this file of the history is damaged ({error}); found {when}"),
                remedy: Remedy::MadeAgain,
            });
            if !is_dropped {
                self.steps.push(Step::MakeAgain { file });
            }
        }
        if is_dropped {
            self.drop_waiting("its accounts, or those of a part before it, are damaged", findings);
        } else {
            self.kept = self.waiting.pop_front();
        }
    }

    /// A start drops the current part and all behind it.
    fn drop_waiting(&mut self, problem: &str, findings: &mut Findings) {
        for part in std::mem::take(&mut self.waiting) {
            let problem = format!("this part of the history is dropped: {problem}");
            findings.add(finding_of(&part, problem, Remedy::MadeAgain));
            self.steps.push(Step::DropPart {
                manifest: part.manifest_path(),
                first_lsn: part.first().0,
                last_lsn: part.last().0,
            });
        }
        self.stop();
    }

    /// The log has ended; parts that reach behind its end are of another one.
    pub(super) fn finish(&mut self, log_is_whole: bool, findings: &mut Findings) {
        if self.waiting.is_empty() {
            return;
        }
        if log_is_whole && !self.is_over {
            return self.drop_waiting("it reaches behind the end of the log", findings);
        }
        for part in &self.waiting {
            let problem = "this part of the history was not compared: something is missing or \
                           wrong in the log before its end";
            findings.add(finding_of(part, problem.to_owned(), Remedy::LeaveIt));
        }
    }
}

fn finding_of(part: &Part, problem: String, remedy: Remedy) -> Finding {
    Finding { file: part.manifest_path(), offset: None, lsn: Some(part.first()), problem, remedy }
}

impl Range {
    fn add(&mut self, event: &Arc<Event>, postings: Vec<PostingRow>) -> io::Result<()> {
        if let EventBody::AssetRegistered(asset) = &event.body {
            self.assets.push((asset.clone(), event.lsn, event.seq, event.at));
        }
        self.postings.extend(postings);
        self.events.push(event.clone());
        if self.events.len() >= BATCH_ROWS || self.postings.len() >= BATCH_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    /// Whether a frame is where the part has it, if the part has it.
    fn note(&mut self, part: &Part, position: &LogPosition) {
        let Some(expected) = part.positions().get(self.positions) else { return };
        if expected.lsn <= position.lsn {
            self.positions += 1;
            if expected != position {
                self.position_problem.get_or_insert(expected.lsn);
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let is_transaction =
            |event: &&Arc<Event>| matches!(event.body, EventBody::TransactionPosted(_));
        let transactions = self.events.iter().filter(is_transaction).cloned();
        let transactions: Vec<TransactionRow> = transactions.map(TransactionRow).collect();
        self.sums.add_events(&self.events)?;
        self.sums.add_transactions(&transactions)?;
        self.sums.add_postings(&self.postings)?;
        self.events.clear();
        self.postings.clear();
        Ok(())
    }

    /// What a part says that the log does not say, in words.
    fn differences(&self, part: &Part, sums: &ContentSums) -> Option<String> {
        let mut wrong: Vec<String> =
            self.sums.differences(sums).into_iter().map(str::to_owned).collect();
        if self.assets != part.assets() {
            wrong.push("assets".to_owned());
        }
        if self.positions != part.positions().len() || self.position_problem.is_some() {
            wrong.push("positions".to_owned());
        }
        (!wrong.is_empty()).then(|| format!("the log has other {}", wrong.join(", ")))
    }
}
