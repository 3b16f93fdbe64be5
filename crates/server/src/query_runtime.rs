//! The threads that queries run on.
//!
//! A query may compute for a long time without waiting for anything. On the threads that serve
//! sockets it would hold up timers, cancel requests and every post; here the operating system
//! divides the processor between the two.

use crate::report::Report;
use futures::StreamExt;
use futures::stream::BoxStream;
use sql::arrow::record_batch::RecordBatch;
use sql::{Error, Fault};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::Poll;
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

    /// Runs a query's stream there, as far ahead of its reader as is good.
    pub(crate) fn run(&self, mut batches: Batches) -> RunningQuery {
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let task = self.handle.spawn(async move {
            while let Some(batch) = batches.next().await {
                if sender.send(batch).await.is_err() {
                    // Nobody reads on.
                    return;
                }
            }
        });
        RunningQuery { receiver, task }
    }
}

pub(crate) type Batches = BoxStream<'static, Result<RecordBatch, Error>>;

/// A query on its own threads. Dropping it ends the query.
#[derive(Debug)]
pub(crate) struct RunningQuery {
    receiver: mpsc::Receiver<Result<RecordBatch, Error>>,
    task: JoinHandle<()>,
}

impl RunningQuery {
    /// `None` at the end of the rows. Safe to drop while it waits.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, Report> {
        if let Some(batch) = self.receiver.recv().await {
            return Ok(Some(batch?));
        }
        // A query that panicked must not look like one that has no more rows.
        match futures::future::poll_fn(|context| Poll::Ready(self.poll_task(context))).await {
            Ok(()) => Ok(None),
            Err(problem) => Err(Error::new(Fault::Internal, problem).into()),
        }
    }

    fn poll_task(&mut self, context: &mut std::task::Context<'_>) -> Result<(), String> {
        if !self.task.is_finished() {
            // The channel is closed by the task's last breath, so it has come to its end.
            return Ok(());
        }
        match std::pin::Pin::new(&mut self.task).poll(context) {
            Poll::Ready(Err(error)) if error.is_panic() => Err(format!("a query panicked: {error}")),
            _ => Ok(()),
        }
    }
}

impl Drop for RunningQuery {
    fn drop(&mut self) {
        self.task.abort();
    }
}
