//! The log thread: one cycle after the other to the disk, and on to the publisher.

use super::cycle_writer::{SharedCycleWriter, lock};
use super::publisher::Published;
use super::staging::Staging;
use crate::CommitError;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

pub(crate) struct LogThread {
    pub(crate) staging: Arc<Staging>,
    pub(crate) writer: SharedCycleWriter,
    pub(crate) publisher: SyncSender<Published>,
}

impl LogThread {
    /// Runs until the intake is closed and all is written, or until the disk fails.
    pub(crate) fn run(self) {
        while self.staging.wait_for_work() {
            let mut writer = lock(&self.writer);
            let Some(cycle) = writer.run_cycle() else {
                match writer.has_failed() {
                    true => return,
                    // Somebody else was faster.
                    false => continue,
                }
            };
            if self.publisher.send(Published(cycle)).is_err() {
                // The publisher panicked: replies are lost, so nothing more may be promised.
                self.staging.close(CommitError::Stopped { durable: writer.durable() });
                return;
            }
        }
        let mut writer = lock(&self.writer);
        if !writer.has_failed() {
            writer.close();
        }
    }
}

/// A panic in this thread must not leave writers waiting for a log that nobody writes.
impl Drop for LogThread {
    fn drop(&mut self) {
        // Whoever panicked with the writer in hand has left it in no state to be used.
        let durable = match self.writer.lock() {
            Ok(writer) => writer.durable(),
            Err(poisoned) => poisoned.into_inner().durable(),
        };
        self.staging.close(CommitError::Stopped { durable });
    }
}
