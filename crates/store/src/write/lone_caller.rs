//! A caller who has the store for itself takes its cycle to the disk and publishes it on its own
//! thread, instead of waking the log thread, which wakes the publisher, which wakes the caller.
//!
//! Invariant: it does so only when everything written before is published. Then its cycle is the
//! next to be published too, and holding the writer keeps it so.

use super::cycle_writer::SharedCycleWriter;
use super::publisher::Publishing;
use super::staging::Wake;
use std::sync::Arc;

/// Groups in a row without another under way, before a caller waits for a sync of its own: where
/// there are several, one sync is to serve them all.
const LONE_GROUPS: u32 = 16;

#[derive(Debug)]
pub(crate) struct LoneCaller {
    pub(crate) writer: SharedCycleWriter,
    pub(crate) publishing: Arc<Publishing>,
    /// Whether the first group may do so already: for tests, which are short.
    pub(crate) from_the_first: bool,
}

impl LoneCaller {
    /// Whether it is worth trying.
    pub(super) fn is_alone(&self, wake: Wake) -> bool {
        wake.is_for_lone_caller(if self.from_the_first { 1 } else { LONE_GROUPS })
    }

    /// Takes what is staged all its way. `false` if this thread may not: the log thread has to.
    pub(super) fn run_cycle(&self) -> bool {
        // Held by somebody who is writing, or who has panicked: the log thread deals with both.
        let Ok(mut writer) = self.writer.try_lock() else { return false };
        if writer.has_failed() || self.publishing.projections.cut() != writer.durable() {
            return false;
        }
        if let Some(cycle) = writer.run_cycle() {
            self.publishing.publish(cycle);
        }
        true
    }
}
