//! Very many books in one directory, all but one of them idle at any time.

use crate::child::{self, ChildWork};
use crate::drafts::{BenchBook, Random, open_books};
use crate::latencies::Latencies;
use crate::{Outcome, settings};
use std::path::Path;
use std::time::Instant;
use store::{Draft, Ledger, Options};

const COMMITS: usize = 20_000;

fn book(number: usize) -> Outcome<BenchBook> {
    BenchBook::new(&format!("book-{number:07}"), 2)
}

pub(crate) fn run(dir: &Path) -> Outcome {
    let data = dir.join("books");
    create(&data)?;
    let figures = child::start(ChildWork::CommitToBooks, &data)?;
    println!(
        "books: {} books of two accounts and one transaction; {COMMITS} commits to one at random",
        settings::books(),
    );
    println!(
        "{:>12} {:>16} {:>20} {:>12} {:>12}",
        "open s", "peak RSS MiB", "bytes per idle book", "commit p50", "commit p99"
    );
    println!(
        "{:>12.2} {:>16} {:>20.0} {:>9.3} ms {:>9.3} ms",
        figures["open_seconds"],
        figures["peak_mib"],
        figures["grown_mib"] * 1024.0 * 1024.0 / settings::books() as f64,
        figures["p50_ms"],
        figures["p99_ms"],
    );
    Ok(std::fs::remove_dir_all(&data)?)
}

fn create(data: &Path) -> Outcome {
    let ledger = Ledger::open_with(data, Options::default())?;
    open_books(&ledger, &[])?;
    let numbers: Vec<usize> = (0..settings::books()).collect();
    for numbers in numbers.chunks(10_000) {
        let groups: Outcome<Vec<Vec<Draft>>> = numbers
            .iter()
            .map(|number| {
                let book = book(*number)?;
                let mut group = book.openings()?;
                group.push(book.transfer(&ledger, "first", *number as u64));
                Ok(group)
            })
            .collect();
        for ticket in ledger.batch(&groups?) {
            ticket.wait()?;
        }
    }
    ledger.shutdown();
    Ok(())
}

/// Commits to one book after another, chosen at random, one at a time.
pub(crate) fn commit_to_any(ledger: &Ledger) -> Outcome<Latencies> {
    let mut random = Random(0);
    let mut latencies = Latencies::default();
    for commit in 0..COMMITS {
        let book = book(random.below(settings::books()))?;
        let draft = book.transfer(ledger, &format!("commit-{commit}"), random.next());
        let begin = Instant::now();
        ledger.submit(&[draft]).wait()?;
        latencies.add(begin.elapsed());
    }
    Ok(latencies)
}
