//! The log thread: takes a cycle, writes it, syncs once, hands it on.

use super::publisher::Published;
use super::staging::{Cycle, Entry, Staging};
use crate::CommitError;
use crate::log::record::closing_payload;
use crate::log::writer::{LogFailure, LogWriter};
use ledger::Lsn;
use std::io;
use std::mem::take;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

pub(crate) struct LogThread {
    pub(crate) staging: Arc<Staging>,
    pub(crate) writer: LogWriter,
    /// Everything up to here is on the disk.
    pub(crate) durable: Lsn,
    pub(crate) publisher: SyncSender<Published>,
}

impl LogThread {
    /// Runs until the intake is closed and all is written, or until the disk fails.
    pub(crate) fn run(mut self) {
        while let Some(mut cycle) = self.staging.take_cycle() {
            if let Err(failure) = self.write(&cycle) {
                self.stop(&failure, cycle);
                return;
            }
            let (payloads, ends) = (take(&mut cycle.payloads), take(&mut cycle.ends));
            self.staging.give_back(payloads, ends);
            if cycle.first_lsn.is_some() {
                self.durable = cycle.last_lsn;
            }
            if self.publisher.send(Published(cycle)).is_err() {
                // The publisher panicked: replies are lost, so nothing more may be promised.
                self.staging.close(CommitError::Stopped { durable: self.durable });
                return;
            }
        }
        if let Err(failure) = self.writer.close(&closing_payload(self.durable)) {
            self.last_word(&failure);
        }
    }

    fn write(&mut self, cycle: &Cycle) -> Result<(), LogFailure> {
        match cycle.first_lsn {
            Some(first) => self.writer.write_cycle(cycle.frames(), first, self.durable),
            // Only answers that wait for earlier cycles, which are durable by now.
            None => Ok(()),
        }
    }

    fn last_word(&self, failure: &LogFailure) {
        // The one line that must reach a person even where no log is configured.
        eprintln!(
            "tallybook: {} failed: {}; durable up to lsn {}; writes are refused until a restart",
            failure.call, failure.source, self.durable
        );
    }

    fn stop(&self, failure: &LogFailure, cycle: Cycle) {
        self.last_word(failure);
        let durable = self.durable;
        let error = if failure.source.kind() == io::ErrorKind::StorageFull {
            CommitError::DiskFull { durable }
        } else {
            CommitError::Stopped { durable }
        };
        // What was staged behind the failed cycle was never written: nothing of it happened.
        let unwritten = self.staging.stop(error.clone());
        for entry in cycle.entries {
            match entry {
                Entry::Frame { reply, .. } => drop(reply.send(Err(CommitError::OutcomeUnknown))),
                Entry::Answer { reply, .. } => drop(reply.send(Err(error.clone()))),
            }
        }
        for entry in unwritten.entries {
            let (Entry::Frame { reply, .. } | Entry::Answer { reply, .. }) = entry;
            drop(reply.send(Err(error.clone())));
        }
    }
}

/// A panic in this thread must not leave writers waiting for a log that nobody writes.
impl Drop for LogThread {
    fn drop(&mut self) {
        self.staging.close(CommitError::Stopped { durable: self.durable });
    }
}
