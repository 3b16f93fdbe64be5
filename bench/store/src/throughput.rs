//! Durable commits per second from many tasks, drafting included.

use crate::drafts::{BenchBook, open_books};
use crate::latencies::median;
use crate::tasks::{Posting, Shape, Until};
use crate::{Outcome, settings};
use std::path::Path;
use store::Ledger;

struct Workload {
    name: &'static str,
    shape: Shape,
    tasks: usize,
    books: usize,
    /// The workload that this one is compared with, by its place.
    compared_with: Option<usize>,
}

const WORKLOADS: [Workload; 6] = [
    Workload {
        name: "single commits",
        shape: Shape::Single,
        tasks: 1,
        books: 1,
        compared_with: None,
    },
    Workload {
        name: "single commits",
        shape: Shape::Single,
        tasks: 128,
        books: 1,
        compared_with: None,
    },
    Workload {
        name: "single commits",
        shape: Shape::Single,
        tasks: 128,
        books: 1_000,
        compared_with: Some(1),
    },
    Workload {
        name: "batches of 50",
        shape: Shape::Batch(50),
        tasks: 32,
        books: 1,
        compared_with: None,
    },
    Workload {
        name: "batches of 50",
        shape: Shape::Batch(50),
        tasks: 32,
        books: 1_000,
        compared_with: Some(3),
    },
    Workload {
        name: "groups of 50",
        shape: Shape::Group(50),
        tasks: 32,
        books: 1,
        compared_with: Some(3),
    },
];

pub(crate) fn run(dir: &Path) -> Outcome {
    println!(
        "throughput: medians of {} rounds of {} s, tasks on {} threads, each on an empty directory",
        settings::rounds(),
        settings::seconds().as_secs(),
        settings::threads(),
    );
    let mut results: Vec<Vec<f64>> = WORKLOADS.iter().map(|_| Vec::new()).collect();
    for _ in 0..settings::rounds() {
        for (workload, results) in WORKLOADS.iter().zip(&mut results) {
            results.push(workload.measure(dir)?);
        }
    }
    let medians: Vec<f64> = results.into_iter().map(median).collect();
    println!(
        "{:<16} {:>6} {:>6} {:>16} {:>22}",
        "work", "tasks", "books", "transactions/s", "ratio to one book"
    );
    for (workload, per_second) in WORKLOADS.iter().zip(&medians) {
        let Workload { name, tasks, books, compared_with, .. } = workload;
        let ratio = compared_with.map_or_else(String::new, |other| {
            format!("{:.2} of {}", per_second / medians[other], WORKLOADS[other].name)
        });
        println!("{name:<16} {tasks:>6} {books:>6} {per_second:>16.0} {ratio:>22}");
    }
    Ok(())
}

impl Workload {
    fn measure(&self, dir: &Path) -> Outcome<f64> {
        let data = dir.join("throughput");
        let ledger = Ledger::open_with(&data, settings::options())?;
        // As many accounts in all, however many books share them.
        let accounts = (1_000 / self.books).max(2);
        let books: Outcome<Vec<BenchBook>> =
            (0..self.books).map(|book| BenchBook::new(&format!("b{book}"), accounts)).collect();
        let books = books?;
        open_books(&ledger, &books)?;
        let posting = Posting {
            ledger: &ledger,
            books: &books,
            shape: self.shape,
            tasks: self.tasks,
            until: Until::Elapsed(settings::seconds()),
        };
        let posted = posting.run()?;
        drop(ledger);
        std::fs::remove_dir_all(&data)?;
        Ok(posted.per_second())
    }
}
