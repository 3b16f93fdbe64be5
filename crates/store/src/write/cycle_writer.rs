//! Takes a cycle, writes it, syncs once. And what follows when the disk fails.
//!
//! Whoever holds the writer writes: the log thread, or a caller who found that thread asleep.
//!
//! Invariant: a cycle is taken only by who holds this, so cycles are written in the order in which
//! they were staged.

use super::staging::{Cycle, Entry, Staging};
use crate::CommitError;
use crate::log::record::closing_payload;
use crate::log::writer::{LogFailure, LogWriter};
use ledger::Lsn;
use std::io;
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Debug)]
pub(crate) struct CycleWriter {
    staging: Arc<Staging>,
    log: LogWriter,
    durable: Lsn,
    failed: bool,
}

/// One writes at a time.
pub(crate) type SharedCycleWriter = Arc<Mutex<CycleWriter>>;

pub(super) fn lock(writer: &Mutex<CycleWriter>) -> MutexGuard<'_, CycleWriter> {
    writer.lock().expect("a panic while writing the log is a bug that must not be written past")
}

impl CycleWriter {
    pub(crate) fn new(staging: Arc<Staging>, log: LogWriter, durable: Lsn) -> Self {
        CycleWriter { staging, log, durable, failed: false }
    }

    /// Everything up to here is on the disk.
    pub(super) fn durable(&self) -> Lsn {
        self.durable
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Takes what is staged to the disk; what is durable then is to be published next. `None` if
    /// nothing was staged, or the disk failed: then all who waited have been told.
    pub(super) fn run_cycle(&mut self) -> Option<Cycle> {
        let mut cycle = self.staging.take_cycle()?;
        if let Err(failure) = self.write(&cycle) {
            self.stop(&failure, cycle);
            return None;
        }
        self.staging.give_back(take(&mut cycle.payloads), take(&mut cycle.ends));
        if cycle.first_lsn.is_some() {
            self.durable = cycle.last_lsn;
        }
        Some(cycle)
    }

    fn write(&mut self, cycle: &Cycle) -> Result<(), LogFailure> {
        match cycle.first_lsn {
            Some(first) => self.log.write_cycle(cycle.frames(), first, self.durable),
            // Only answers that wait for earlier cycles, which are durable by now.
            None => Ok(()),
        }
    }

    /// Ends the log after a clean stop.
    pub(super) fn close(&mut self) {
        if let Err(failure) = self.log.close(&closing_payload(self.durable)) {
            self.failed = true;
            self.last_word(&failure);
        }
    }

    fn last_word(&self, failure: &LogFailure) {
        // The one line that must reach a person even where no log is configured.
        eprintln!(
            "tallybook: {} failed: {}; durable up to lsn {}; writes are refused until a restart",
            failure.call, failure.source, self.durable
        );
    }

    fn stop(&mut self, failure: &LogFailure, cycle: Cycle) {
        self.failed = true;
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
