//! Ending a query that nobody reads any more, also one that computes for a long time without giving
//! rows or waiting for any.
//!
//! A dropped stream ends at its next row. Until then an operator may be in the middle of a loop that
//! is as long as a join is large: it looks here whenever it asks for memory, or evaluates the
//! condition of a join.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use futures::Stream;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// Tells a running query to end. Cheap to clone; all clones are the same signal.
#[derive(Debug, Clone, Default)]
pub struct StopSignal {
    given: Arc<AtomicBool>,
}

impl StopSignal {
    /// The query ends, with an error that nobody reads.
    pub fn give(&self) {
        self.given.store(true, Ordering::Relaxed);
    }

    /// # Errors
    /// Once the signal was given.
    pub(crate) fn check(&self) -> Result<()> {
        match self.given.load(Ordering::Relaxed) {
            false => Ok(()),
            true => Err(DataFusionError::Execution("nobody reads the query any more".to_owned())),
        }
    }
}

/// The rows of a query as they come. Dropping them ends the query, and so does their signal, from
/// any thread.
pub struct Rows {
    batches: SendableRecordBatchStream,
    stop: StopSignal,
}

impl Rows {
    pub(crate) fn new(batches: SendableRecordBatchStream, stop: StopSignal) -> Self {
        Rows { batches, stop }
    }

    pub fn stop_signal(&self) -> &StopSignal {
        &self.stop
    }
}

/// Rows that end by themselves before anybody could wait for it.
impl From<SendableRecordBatchStream> for Rows {
    fn from(batches: SendableRecordBatchStream) -> Self {
        Rows { batches, stop: StopSignal::default() }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // What runs on other threads may be in the middle of something.
        self.stop.give();
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("stop", &self.stop).finish_non_exhaustive()
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.as_mut().poll_next(context)
    }
}

impl RecordBatchStream for Rows {
    fn schema(&self) -> SchemaRef {
        self.batches.schema()
    }
}
