//! Many tasks on few threads, as a server has them.

use crate::drafts::{BenchBook, Random};
use crate::{Outcome, cpu, settings};
use futures::executor::block_on;
use futures::future::try_join_all;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::{CommitError, Draft, Ledger};

/// What every task does over and over until the work is done.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Commits one transaction.
    Single,
    /// Submits this many transactions together, each standing alone.
    Batch(usize),
    /// Commits this many transactions as one group.
    Group(usize),
}

impl Shape {
    fn transactions(self) -> usize {
        match self {
            Shape::Single => 1,
            Shape::Batch(transactions) | Shape::Group(transactions) => transactions,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    Elapsed(Duration),
    Posted(u64),
}

impl std::fmt::Display for Until {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Until::Elapsed(limit) => write!(f, "{} s", limit.as_secs()),
            Until::Posted(limit) => write!(f, "{limit} transactions"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Posting<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) books: &'a [BenchBook],
    pub(crate) shape: Shape,
    pub(crate) tasks: usize,
    pub(crate) until: Until,
}

/// What was posted, and in what time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posted {
    pub(crate) transactions: u64,
    pub(crate) elapsed: Duration,
    /// Processor time, the store's threads included.
    pub(crate) cpu: Duration,
}

impl Posted {
    pub(crate) fn per_second(&self) -> f64 {
        self.transactions as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn cpu_microseconds_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.transactions as f64
    }
}

impl Posting<'_> {
    pub(crate) fn run(&self) -> Outcome<Posted> {
        let (begin, cpu_before) = (Instant::now(), cpu::used()?);
        let posted = AtomicU64::new(0);
        let claimed = AtomicU64::new(0);
        let threads = settings::threads().min(self.tasks);
        std::thread::scope(|scope| -> Outcome {
            let thread = |first: usize| {
                let (posted, claimed) = (&posted, &claimed);
                scope.spawn(move || -> Outcome {
                    let tasks = (first..self.tasks)
                        .step_by(threads)
                        .map(|task| self.task(task, begin, claimed, posted));
                    block_on(try_join_all(tasks)).map(drop)
                })
            };
            let running: Vec<_> = (0..threads).map(thread).collect();
            running.into_iter().try_for_each(|thread| thread.join().expect("a task panicked"))
        })?;
        Ok(Posted {
            transactions: posted.into_inner(),
            elapsed: begin.elapsed(),
            cpu: cpu::used()?.saturating_sub(cpu_before),
        })
    }

    async fn task(
        &self,
        task: usize,
        begin: Instant,
        claimed: &AtomicU64,
        posted: &AtomicU64,
    ) -> Outcome {
        let mut random = Random(task as u64);
        let per_turn = self.shape.transactions() as u64;
        loop {
            let wanted = match self.until {
                Until::Elapsed(limit) if begin.elapsed() >= limit => return Ok(()),
                Until::Elapsed(_) => per_turn,
                Until::Posted(limit) => {
                    let before = claimed.fetch_add(per_turn, Ordering::Relaxed);
                    per_turn.min(limit.saturating_sub(before))
                }
            };
            if wanted == 0 {
                return Ok(());
            }
            self.turn(wanted, &mut random).await?;
            posted.fetch_add(wanted, Ordering::Relaxed);
        }
    }

    async fn turn(&self, transactions: u64, random: &mut Random) -> Outcome {
        let book = &self.books[random.below(self.books.len())];
        let mut draft = || {
            // Keys must differ from those of every earlier run on the directory: ids do.
            let id = self.ledger.new_tx_id();
            book.transfer(self.ledger, &id.simple().to_string(), random.next())
        };
        match self.shape {
            Shape::Single => drop(self.ledger.commit(&[draft()]).await?),
            Shape::Group(_) => {
                let group: Vec<Draft> = (0..transactions).map(|_| draft()).collect();
                self.ledger.commit(&group).await?;
            }
            Shape::Batch(_) => {
                let groups: Vec<Vec<Draft>> = (0..transactions).map(|_| vec![draft()]).collect();
                for (ticket, group) in self.ledger.batch(&groups).into_iter().zip(&groups) {
                    match ticket.await {
                        // No room: this one waits for it, as a client would.
                        Err(CommitError::Busy { .. }) => drop(self.ledger.commit(group).await?),
                        outcome => drop(outcome?),
                    }
                }
            }
        }
        Ok(())
    }
}
