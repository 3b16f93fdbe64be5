//! The numbers that can be varied, from the environment.

use crate::tasks::Until;
use std::time::Duration;
use store::Options;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number: {text}")),
        Err(_) => default,
    }
}

pub(crate) fn transactions() -> u64 {
    number("BENCH_TRANSACTIONS", 10_000_000).max(1)
}

pub(crate) fn books() -> usize {
    number("BENCH_BOOKS", 100_000).max(1) as usize
}

pub(crate) fn seconds() -> Duration {
    Duration::from_secs(number("BENCH_SECONDS", 5).max(1))
}

pub(crate) fn rounds() -> usize {
    number("BENCH_ROUNDS", 3).max(1) as usize
}

/// How long a round of throughput is: as much work in every run where BENCH_POSTED says so, which
/// is what processor time is best compared by.
pub(crate) fn until() -> Until {
    match number("BENCH_POSTED", 0) {
        0 => Until::Elapsed(seconds()),
        transactions => Until::Posted(transactions),
    }
}

/// What the names of throughput's workloads must have in them.
pub(crate) fn only() -> String {
    std::env::var("BENCH_ONLY").unwrap_or_default()
}

/// Threads that tasks run on.
pub(crate) fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    number("BENCH_THREADS", cores as u64).max(1) as usize
}

/// How the large book is opened: with a bound on memory.
pub(crate) fn bounded() -> Options {
    Options { memory_budget_bytes: memory_mib() * 1024 * 1024, ..Options::default() }
}

pub(crate) fn memory_mib() -> u64 {
    number("BENCH_MEMORY_MIB", 512)
}
