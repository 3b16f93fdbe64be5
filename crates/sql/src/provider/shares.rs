//! How the partitions of a scan share its pieces.
//!
//! Each takes the next piece when it has read the one before, so none idles while another still
//! has much to do.
//!
//! Invariant: every piece of an opened scan is given to exactly one partition, however often the
//! plan is executed: an execution's partitions share what was opened for that execution.

use super::Batches;
use datafusion::arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

type Pieces = Arc<Mutex<VecDeque<Batches>>>;

/// The pieces that were opened and that a partition has not asked for yet.
pub(super) struct Opened {
    /// For each partition, the executions that it has not begun, the oldest first.
    waiting: Mutex<Vec<VecDeque<Pieces>>>,
    partitions: usize,
}

fn panicked<T>(_: T) -> DataFusionError {
    DataFusionError::Internal("a scan panicked before".to_owned())
}

impl Opened {
    /// Opened to plan, read by the first execution.
    pub(super) fn new(partitions: usize, pieces: VecDeque<Batches>) -> Self {
        let pieces = Arc::new(Mutex::new(pieces));
        let waiting = vec![VecDeque::from([pieces]); partitions];
        Opened { waiting: Mutex::new(waiting), partitions }
    }

    pub(super) fn partitions(&self) -> usize {
        self.partitions
    }

    /// What a partition reads at its next execution; the first to come opens for all of them.
    pub(super) fn share(
        &self,
        partition: usize,
        open: impl FnOnce() -> Result<VecDeque<Batches>>,
    ) -> Result<Share> {
        let mut waiting = self.waiting.lock().map_err(panicked)?;
        let unknown = || DataFusionError::Internal(format!("a scan has no partition {partition}"));
        if waiting.get(partition).ok_or_else(unknown)?.is_empty() {
            let pieces = Arc::new(Mutex::new(open()?));
            waiting.iter_mut().for_each(|each| each.push_back(Arc::clone(&pieces)));
        }
        let pieces = waiting[partition].pop_front().ok_or_else(unknown)?;
        Ok(Share { pieces, current: None })
    }
}

/// The batches of the pieces that one partition takes.
pub(super) struct Share {
    pieces: Pieces,
    current: Option<Batches>,
}

impl Share {
    fn next_piece(&self) -> Result<Option<Batches>> {
        Ok(self.pieces.lock().map_err(panicked)?.pop_front())
    }
}

impl Iterator for Share {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.current.as_mut().and_then(Iterator::next) {
                return Some(batch);
            }
            match self.next_piece() {
                Ok(piece) => self.current = Some(piece?),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
