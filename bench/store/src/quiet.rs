//! What the client of a quiet book waits, alone and beside clients that do what they can to
//! another book.

use crate::drafts::{BenchBook, Random, open_books};
use crate::latencies::Latencies;
use crate::{Outcome, settings};
use futures::FutureExt as _;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;
use store::{CommitError, Draft, Ledger, Options};

/// Transactions of one group whose frame takes about 60 MiB.
const LARGE_GROUP: usize = 160_000;

#[derive(Debug, Clone, Copy)]
enum Beside {
    Nobody,
    /// A client that submits as long as it is admitted, and again at once when it is not.
    Flood,
    /// A client that commits one group of a whole frame after the other.
    LargeGroups,
}

pub(crate) fn run(dir: &Path) -> Outcome {
    println!(
        "quiet: one client, one commit at a time, medians of all its commits in {} rounds of {} s",
        settings::rounds(),
        settings::seconds().as_secs(),
    );
    println!(
        "{:<34} {:>10} {:>12} {:>12} {:>12} {:>14}",
        "beside", "commits", "p50", "p99", "longest", "other book tx/s"
    );
    let cases = [
        ("nobody", Beside::Nobody),
        ("a flood of single commits", Beside::Flood),
        ("groups of a 60 MiB frame", Beside::LargeGroups),
    ];
    let mut results: Vec<(Latencies, f64)> = cases.iter().map(|_| Default::default()).collect();
    for _ in 0..settings::rounds() {
        for ((_, beside), (latencies, posted)) in cases.iter().zip(&mut results) {
            let (more, per_second) = measure(dir, *beside)?;
            latencies.extend(more);
            *posted += per_second / settings::rounds() as f64;
        }
    }
    for ((name, _), (mut latencies, posted)) in cases.into_iter().zip(results) {
        println!(
            "{name:<34} {:>10} {:>9.3} ms {:>9.3} ms {:>9.3} ms {posted:>14.0}",
            latencies.count(),
            latencies.milliseconds(0.5),
            latencies.milliseconds(0.99),
            latencies.milliseconds(1.0),
        );
    }
    Ok(())
}

/// The quiet client's latencies, and the transactions per second of the other one.
fn measure(dir: &Path, beside: Beside) -> Outcome<(Latencies, f64)> {
    let data = dir.join("quiet");
    let ledger = Ledger::open_with(&data, Options::default())?;
    let (quiet, busy) = (BenchBook::new("quiet", 2)?, BenchBook::new("busy", 1_000)?);
    open_books(&ledger, &[quiet.clone(), busy.clone()])?;
    let done = AtomicBool::new(false);
    let posted = AtomicU64::new(0);
    let begin = Instant::now();
    let latencies = std::thread::scope(|scope| -> Outcome<Latencies> {
        let other = scope.spawn(|| match beside {
            Beside::Nobody => Ok(()),
            Beside::Flood => flood(&ledger, &busy, &done, &posted),
            Beside::LargeGroups => large_groups(&ledger, &busy, &done, &posted),
        });
        let latencies = post_quietly(&ledger, &quiet);
        done.store(true, Ordering::Relaxed);
        other.join().expect("the other client panicked")?;
        latencies
    })?;
    let per_second = posted.into_inner() as f64 / begin.elapsed().as_secs_f64();
    drop(ledger);
    std::fs::remove_dir_all(&data)?;
    Ok((latencies, per_second))
}

fn post_quietly(ledger: &Ledger, book: &BenchBook) -> Outcome<Latencies> {
    let mut latencies = Latencies::default();
    let end = Instant::now() + settings::seconds();
    for number in 0u64.. {
        let draft = book.transfer(ledger, &format!("k{number}"), number);
        let begin = Instant::now();
        if begin >= end {
            break;
        }
        ledger.submit(&[draft]).wait()?;
        latencies.add(begin.elapsed());
    }
    Ok(latencies)
}

/// Answers that the flooding client leaves waiting: more than admission lets it have.
const ANSWERS_WAITING_MAX: usize = 500_000;

fn flood(ledger: &Ledger, book: &BenchBook, done: &AtomicBool, posted: &AtomicU64) -> Outcome {
    let mut random = Random(1);
    let mut waiting = VecDeque::new();
    for number in 0u64.. {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let draft = [book.transfer(ledger, &format!("k{number}"), random.next())];
        loop {
            let mut ticket = ledger.submit(&draft);
            let refused = match (&mut ticket).now_or_never() {
                None => {
                    waiting.push_back(ticket);
                    false
                }
                Some(answer) => !count(answer, posted)?,
            };
            let full = refused || waiting.len() > ANSWERS_WAITING_MAX;
            if let Some(oldest) = waiting.pop_front_if(|_| full) {
                count(oldest.wait(), posted)?;
            }
            if !refused {
                break;
            }
        }
    }
    waiting.into_iter().try_for_each(|ticket| count(ticket.wait(), posted).map(drop))
}

/// Counts a committed transaction; `false` if the book was too busy for it.
fn count(answer: Result<Vec<store::Outcome>, CommitError>, posted: &AtomicU64) -> Outcome<bool> {
    match answer {
        Ok(committed) => {
            posted.fetch_add(committed.len() as u64, Ordering::Relaxed);
            Ok(true)
        }
        Err(CommitError::Busy { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn large_groups(
    ledger: &Ledger,
    book: &BenchBook,
    done: &AtomicBool,
    posted: &AtomicU64,
) -> Outcome {
    let mut random = Random(1);
    for group in 0u64.. {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let drafts: Vec<Draft> = (0..LARGE_GROUP)
            .map(|number| book.transfer(ledger, &format!("g{group}-{number}"), random.next()))
            .collect();
        count(ledger.submit(&drafts).wait(), posted)?;
    }
    Ok(())
}
