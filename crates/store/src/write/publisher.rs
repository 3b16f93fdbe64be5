//! Publishing: applies durable cycles, moves the cut, replies, wakes subscribers. The publisher is
//! the thread that does it behind the log thread.

use super::staging::{Cycle, Entry, Staging, tell};
use crate::history::checkpointer::Checkpoints;
use crate::projection::Projections;
use crate::subscription::Wakers;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// A cycle that is durable.
#[derive(Debug)]
pub(crate) struct Published(pub(crate) Cycle);

pub(crate) struct Publisher {
    pub(crate) cycles: Receiver<Published>,
    pub(crate) publishing: Arc<Publishing>,
}

impl Publisher {
    pub(crate) fn run(self) {
        while let Ok(Published(cycle)) = self.cycles.recv() {
            self.publishing.publish(cycle);
        }
        self.publishing.wakers.close();
    }
}

/// What follows a sync.
#[derive(Debug)]
pub(crate) struct Publishing {
    pub(crate) staging: Arc<Staging>,
    pub(crate) projections: Arc<Projections>,
    pub(crate) checkpoints: Arc<Checkpoints>,
    pub(crate) wakers: Arc<Wakers>,
}

impl Publishing {
    /// Cycles come in the order in which they were written.
    pub(super) fn publish(&self, cycle: Cycle) {
        for entry in &cycle.entries {
            if let Entry::Frame { events, .. } = entry {
                events.iter().for_each(|event| self.projections.apply(event));
            }
        }
        if cycle.first_lsn.is_some() {
            self.projections.publish(cycle.last_lsn);
            self.staging.forget_published(cycle.last_lsn);
        }
        let wrote = cycle.first_lsn.is_some();
        for entry in cycle.entries {
            // A caller that went away does not need its answer.
            match entry {
                Entry::Frame { outcomes, in_flight, reply, .. } => {
                    in_flight.iter().for_each(|(bytes_of, bytes)| bytes_of.remove(*bytes));
                    let _ = reply.send(Ok(tell(outcomes, &self.projections)));
                }
                Entry::Answer { result, reply } => {
                    let _ = reply.send(result.map(|outcomes| tell(outcomes, &self.projections)));
                }
            }
        }
        if wrote {
            self.wakers.wake();
            self.checkpoints.consider(&self.projections);
        }
    }
}
