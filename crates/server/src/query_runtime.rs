//! The threads that queries run on.
//!
//! A query may compute for a long time without waiting for anything. On the threads that serve
//! sockets it would hold up timers, cancel requests and every post; here the operating system
//! divides the processor between the two.

use crate::report::Report;
use futures::StreamExt;
use futures::stream::BoxStream;
use sql::arrow::record_batch::RecordBatch;
use sql::{Error, Fault, StopSignal};
use std::future::Future;
use std::io;
use std::pin::pin;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Deeply nested queries are evaluated on the stack.
const STACK_BYTES: usize = 16 * 1024 * 1024;
/// Batches that a query may be ahead of its client.
const BATCHES_AHEAD: usize = 1;

/// Owns the threads.
#[derive(Debug)]
pub(crate) struct QueryRuntime {
    runtime: Option<Runtime>,
}

impl QueryRuntime {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("tallybook-query")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()?;
        Ok(QueryRuntime { runtime: Some(runtime) })
    }

    pub(crate) fn threads(&self) -> QueryThreads {
        let runtime = self.runtime.as_ref().expect("there until it is dropped");
        QueryThreads { handle: runtime.handle().clone() }
    }
}

impl Drop for QueryRuntime {
    fn drop(&mut self) {
        // Waiting is not allowed where this is dropped, and nothing on it is worth waiting for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A way onto the threads.
#[derive(Debug, Clone)]
pub(crate) struct QueryThreads {
    handle: Handle,
}

impl QueryThreads {
    /// Polls `work` here, and sends there what it spawns.
    pub(crate) async fn spawning<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        futures::future::poll_fn(|context| {
            let _entered = self.handle.enter();
            work.as_mut().poll(context)
        })
        .await
    }

    /// Runs work there to its end, or until this is dropped.
    pub(crate) async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Report> {
        let mut task = AbortOnDrop(self.handle.spawn(work));
        match (&mut task.0).await {
            Ok(done) => Ok(done?),
            Err(error) if error.is_cancelled() => Err(Report::shutting_down()),
            Err(error) => Err(Error::new(Fault::Internal, format!("in a query: {error}")).into()),
        }
    }

    /// Runs a query's stream there, as far ahead of its reader as is good.
    pub(crate) fn run(&self, mut batches: Batches, stop: StopSignal) -> RunningQuery {
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let task = self.handle.spawn(async move {
            while let Some(batch) = batches.next().await {
                // Operators need not be fit to go on after an error.
                let failed = batch.is_err();
                if sender.send(batch).await.is_err() || failed {
                    return;
                }
            }
        });
        RunningQuery { receiver, task, stop, is_finished: false }
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(crate) type Batches = BoxStream<'static, Result<RecordBatch, Error>>;

/// A query on its own threads. Dropping it ends the query.
#[derive(Debug)]
pub(crate) struct RunningQuery {
    receiver: mpsc::Receiver<Result<RecordBatch, Error>>,
    task: JoinHandle<()>,
    stop: StopSignal,
    is_finished: bool,
}

impl RunningQuery {
    /// `None` at the end of the rows. Safe to drop while it waits.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, Report> {
        if self.is_finished {
            return Ok(None);
        }
        if let Some(batch) = self.receiver.recv().await {
            return Ok(Some(batch?));
        }
        // A query that panicked must not look like one that has no more rows.
        let ended = (&mut self.task).await;
        self.is_finished = true;
        match ended {
            Ok(()) => Ok(None),
            Err(error) if error.is_cancelled() => Err(Report::shutting_down()),
            Err(error) => Err(Error::new(Fault::Internal, format!("in a query: {error}")).into()),
        }
    }
}

impl Drop for RunningQuery {
    fn drop(&mut self) {
        // The task ends where it waits next; the signal reaches it on its way there.
        self.stop.give();
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use sql::arrow::array::{ArrayRef, Int64Array};
    use std::sync::Arc;

    fn batch() -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        RecordBatch::try_from_iter([("c", column)]).unwrap()
    }

    #[tokio::test]
    async fn batches_come_in_order_and_end() {
        let runtime = QueryRuntime::start().unwrap();
        let batches = stream::repeat_with(|| Ok(batch())).take(3).boxed();
        let mut query = runtime.threads().run(batches, StopSignal::default());
        for _ in 0..3 {
            assert!(query.next().await.unwrap().is_some());
        }
        for _ in 0..2 {
            assert!(query.next().await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_no_end() {
        let runtime = QueryRuntime::start().unwrap();
        let batches = stream::once(async { panic!("planted") }).boxed();
        let mut query = runtime.threads().run(batches, StopSignal::default());
        assert_eq!(query.next().await.unwrap_err().state().as_str(), "XX000");
    }

    #[tokio::test]
    async fn nothing_is_asked_of_a_query_after_its_error() {
        let runtime = QueryRuntime::start().unwrap();
        let mut failed = false;
        let batches = stream::repeat_with(move || {
            assert!(!std::mem::replace(&mut failed, true), "asked again");
            Err(Error::new(Fault::NumericValueOutOfRange, "planted"))
        });
        let mut query = runtime.threads().run(batches.boxed(), StopSignal::default());
        assert_eq!(query.next().await.unwrap_err().state().as_str(), "22003");
        assert!(query.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_work_spawns_lands_on_the_query_threads() {
        let runtime = QueryRuntime::start().unwrap();
        let threads = runtime.threads();
        let spawned = threads.spawning(async {
            tokio::spawn(async { std::thread::current().name().map(str::to_owned) }).await
        });
        let name = spawned.await.unwrap();
        assert_eq!(name.as_deref(), Some("tallybook-query"));
    }
}
