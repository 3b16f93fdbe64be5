//! The two background threads of the sealed history: one makes parts, the other merges them.
//!
//! Neither holds anything that a writer waits for. If a part cannot be made (the disk is full,
//! say), the events stay in memory and it is tried again when more have come.

use super::part::{Part, merge_parts};
use super::seal::SliceMax;
use crate::projection::Projections;
use ledger::Lsn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// When parts are made and how much stays in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CheckpointPolicy {
    /// A checkpoint is due when this many events are published and not sealed.
    pub(crate) every_events: u64,
    /// A checkpoint is due when the events in memory take this many bytes, however few they are.
    pub(crate) unsealed_bytes_max: u64,
    /// Sealed events are kept in memory as long as all events there take no more than this.
    pub(crate) recent_bytes_max: u64,
}

/// Events in one part made from memory, at most (a frame that is larger is a part).
const SLICE_EVENTS_MAX: u64 = 131_072;

/// Parts of similar size that are merged into one.
const MERGE_PARTS: usize = 8;

/// Parts beyond this many events are not merged further.
const MERGED_EVENTS_MAX: u64 = 1 << 25;

#[derive(Debug, Default)]
struct Progress {
    stopping: bool,
    /// Somebody waits for everything up to here to be sealed.
    requested: Lsn,
    /// Counts attempts, so that one who waits sees that one failed.
    attempts: u64,
    failed: Option<String>,
    /// The checkpointer is gone: nobody should wait for it.
    ended: bool,
    /// No merge begins any more.
    merging_is_over: bool,
    /// Counts those who wait for merges, and up to whom the merger has found nothing left to do.
    merges_wanted: u64,
    merges_done: u64,
}

/// What publisher, callers and the two threads tell each other.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    policy: CheckpointPolicy,
    progress: Mutex<Progress>,
    changed: Condvar,
    /// Apart from `changed`, which would wake the checkpointer into trying again what failed.
    merged: Condvar,
    /// Set while the checkpointer works, so that the publisher need not wake it for every cycle.
    busy: AtomicBool,
}

const POISONED: &str = "nothing panics while it holds this lock";

impl Checkpoints {
    pub(crate) fn new(policy: CheckpointPolicy) -> Self {
        Checkpoints {
            policy,
            progress: Mutex::default(),
            changed: Condvar::new(),
            merged: Condvar::new(),
            busy: AtomicBool::new(false),
        }
    }

    /// Wakes the checkpointer if a checkpoint is due. Called for every cycle, so it is cheap.
    pub(crate) fn consider(&self, projections: &Projections) {
        if !self.busy.load(Ordering::Relaxed) && self.is_due(projections) {
            let _progress = self.progress.lock().expect(POISONED);
            self.changed.notify_all();
        }
    }

    fn is_due(&self, projections: &Projections) -> bool {
        let unsealed = projections.cut().0.saturating_sub(projections.history.sealed().0);
        unsealed >= self.policy.every_events
            || (unsealed > 0 && projections.unsealed_bytes() > self.policy.unsealed_bytes_max)
    }

    /// Seals everything that is published now, and waits for it.
    pub(crate) fn checkpoint(&self, projections: &Projections) -> Result<(), String> {
        let wanted = projections.cut();
        let mut progress = self.progress.lock().expect(POISONED);
        progress.requested = progress.requested.max(wanted);
        let attempts = progress.attempts;
        self.changed.notify_all();
        while projections.history.sealed() < wanted {
            if progress.attempts > attempts
                && let Some(problem) = &progress.failed
            {
                return Err(problem.clone());
            }
            if progress.stopping || progress.ended {
                return Err("the checkpointer has ended".to_owned());
            }
            progress = self.changed.wait(progress).expect(POISONED);
        }
        Ok(())
    }

    /// Waits while memory holds more than it should and there is enough to make a part of: for a
    /// recovery that reads faster than parts are made. Gives up when making parts fails.
    pub(crate) fn wait_for_memory(&self, projections: &Projections) {
        // Half of what makes a checkpoint due, because recovery holds a segment in memory too.
        let crowded = || {
            projections.recent_bytes() > self.policy.recent_bytes_max
                && projections.cut() > projections.history.sealed()
                && projections.unsealed_bytes() > self.policy.unsealed_bytes_max / 2
        };
        if !crowded() {
            return;
        }
        let mut progress = self.progress.lock().expect(POISONED);
        let attempts = progress.attempts;
        while crowded() {
            if progress.ended || (progress.attempts > attempts && progress.failed.is_some()) {
                return;
            }
            progress.requested = progress.requested.max(projections.history.sealed().next());
            self.changed.notify_all();
            progress = self.changed.wait(progress).expect(POISONED);
        }
    }

    /// Waits until what is due to be merged is merged, or cannot be.
    pub(crate) fn wait_for_merges(&self) {
        let mut progress = self.progress.lock().expect(POISONED);
        progress.merges_wanted += 1;
        let wanted = progress.merges_wanted;
        self.changed.notify_all();
        while progress.merges_done < wanted && !progress.stopping {
            progress = self.merged.wait(progress).expect(POISONED);
        }
    }

    /// Lets no merge begin any more: nobody should wait for one who only wants to stop.
    pub(crate) fn end_merging(&self) {
        self.progress.lock().expect(POISONED).merging_is_over = true;
    }

    /// Lets both threads end when they have done what is asked for.
    pub(crate) fn stop(&self) {
        let mut progress = self.progress.lock().expect(POISONED);
        progress.stopping = true;
        progress.merging_is_over = true;
        self.changed.notify_all();
        self.merged.notify_all();
    }

    /// Makes parts until [`Self::stop`].
    pub(crate) fn run_checkpointer(&self, projections: &Projections) {
        // However it ends, a panic included, nobody goes on waiting.
        let _ended = Ended(self);
        let mut progress = self.progress.lock().expect(POISONED);
        loop {
            let asked = progress.requested > projections.history.sealed();
            if !(asked || self.is_due(projections)) {
                if progress.stopping {
                    return;
                }
                progress = self.changed.wait(progress).expect(POISONED);
                continue;
            }
            self.busy.store(true, Ordering::Relaxed);
            drop(progress);
            let sealed = projections.seal_next(SliceMax {
                events: SLICE_EVENTS_MAX,
                bytes: self.policy.unsealed_bytes_max,
            });
            projections.evict(projections.history.sealed(), self.policy.recent_bytes_max);
            self.busy.store(false, Ordering::Relaxed);
            progress = self.progress.lock().expect(POISONED);
            progress.attempts += 1;
            progress.failed = sealed.err().map(|error| error.to_string());
            if let Some(problem) = &progress.failed {
                tracing::warn!(problem, "no part was made; the events stay in memory");
                progress.requested = Lsn(0);
                if progress.stopping {
                    return;
                }
                self.changed.notify_all();
                // Not at once again: the next cycle will ask.
                progress = self.changed.wait(progress).expect(POISONED);
            } else {
                self.changed.notify_all();
            }
        }
    }

    /// Merges parts until [`Self::stop`].
    pub(crate) fn run_merger(&self, projections: &Projections) {
        loop {
            let (wanted, is_over) = {
                let progress = self.progress.lock().expect(POISONED);
                (progress.merges_wanted, progress.merging_is_over)
            };
            let chain = projections.history.chain();
            if !is_over
                && let Some(parts) = to_merge(chain.parts())
                && projections.merge(parts)
            {
                continue;
            }
            let mut progress = self.progress.lock().expect(POISONED);
            progress.merges_done = wanted;
            self.merged.notify_all();
            if progress.stopping {
                return;
            }
            let grown = projections.history.chain();
            if Arc::ptr_eq(&grown, &chain) && progress.merges_wanted == wanted {
                drop(self.changed.wait(progress).expect(POISONED));
            }
        }
    }
}

/// Tells everybody who waits that the checkpointer is gone.
struct Ended<'a>(&'a Checkpoints);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if let Ok(mut progress) = self.0.progress.lock() {
            progress.ended = true;
        }
        self.0.changed.notify_all();
    }
}

impl Projections {
    /// Puts one part in the place of several. False if it was not possible now.
    fn merge(&self, parts: &[Arc<Part>]) -> bool {
        let history = &self.history;
        let merged = match merge_parts(&*history.storage, &history.dir, parts) {
            Ok(merged) => Arc::new(merged),
            Err(error) => {
                // A bad one among them is found, and made again, by the next who reads it.
                tracing::warn!(%error, "parts could not be merged");
                return false;
            }
        };
        if history.replace(parts, merged.clone()) {
            parts.iter().for_each(|part| history.delete(part));
            return true;
        }
        history.delete(&merged);
        false
    }
}

fn events(part: &Part) -> u64 {
    part.last().0 - part.first().0 + 1
}

/// How large a part is: one more for each eightfold.
fn level(part: &Part) -> u32 {
    events(part).ilog2() / 3
}

/// The first run of neighbours of similar size or smaller that is long enough to be merged.
fn to_merge(parts: &[Arc<Part>]) -> Option<&[Arc<Part>]> {
    let highest = parts.iter().map(|part| level(part)).max()?;
    (0..=highest).find_map(|bound| {
        parts
            .chunk_by(|a, b| level(a) <= bound && level(b) <= bound)
            .filter(|run| run.iter().all(|part| level(part) <= bound))
            .find(|run| run.len() >= MERGE_PARTS)
            .map(|run| &run[..MERGE_PARTS])
            .filter(|run| run.iter().map(|part| events(part)).sum::<u64>() <= MERGED_EVENTS_MAX)
    })
}
