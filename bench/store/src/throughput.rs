//! Durable commits per second from many tasks, drafting included.

use crate::drafts::{BenchBook, open_books};
use crate::latencies::median;
use crate::tasks::{Posted, Posting, Shape};
use crate::{Outcome, cpu, settings};
use std::path::Path;
use store::{Ledger, Options};

struct Workload {
    name: &'static str,
    shape: Shape,
    tasks: usize,
    books: usize,
    /// The workload that this one is compared with, by its place.
    compared_with: Option<usize>,
}

const WORKLOADS: [Workload; 7] = [
    workload("single commits", Shape::Single, 1, 1, None),
    workload("single commits", Shape::Single, 128, 1, None),
    workload("single commits", Shape::Single, 128, 1_000, Some(1)),
    workload("batches of 50", Shape::Batch(50), 32, 1, None),
    workload("batches of 50", Shape::Batch(50), 32, 1_000, Some(3)),
    workload("groups of 50", Shape::Group(50), 32, 1, Some(3)),
    // As COPY in pieces sends them.
    workload("groups of 5,000", Shape::Group(5_000), 4, 1, Some(3)),
];

const fn workload(
    name: &'static str,
    shape: Shape,
    tasks: usize,
    books: usize,
    compared_with: Option<usize>,
) -> Workload {
    Workload { name, shape, tasks, books, compared_with }
}

pub(crate) fn run(dir: &Path) -> Outcome {
    println!(
        "throughput: medians of {} rounds of {}, tasks on {} threads, each on an empty directory",
        settings::rounds(),
        settings::until(),
        settings::threads(),
    );
    let mut results: Vec<Vec<Posted>> = WORKLOADS.iter().map(|_| Vec::new()).collect();
    let only = settings::only();
    for _ in 0..settings::rounds() {
        for (workload, results) in WORKLOADS.iter().zip(&mut results) {
            if workload.name.contains(&only) {
                results.push(workload.measure(dir)?);
            }
        }
    }
    let median_of = |figure: fn(&Posted) -> f64| -> Vec<f64> {
        results.iter().map(|posted| median(posted.iter().map(figure).collect())).collect()
    };
    let (medians, cpu) = (median_of(Posted::per_second), median_of(Posted::cpu_microseconds_each));
    println!(
        "{:<16} {:>6} {:>6} {:>16} {:>12}   ratio",
        "work", "tasks", "books", "transactions/s", "CPU µs each"
    );
    for ((workload, per_second), cpu) in WORKLOADS.iter().zip(&medians).zip(cpu) {
        let Workload { name, tasks, books, compared_with, .. } = workload;
        if !name.contains(&only) {
            continue;
        }
        let measured = compared_with.filter(|other| medians[*other].is_finite());
        let ratio = measured.map_or_else(String::new, |other| {
            let other = (per_second / medians[other], WORKLOADS[other].name);
            format!("{:.2} of {}, one book", other.0, other.1)
        });
        println!("{name:<16} {tasks:>6} {books:>6} {per_second:>16.0} {cpu:>12.1}   {ratio}");
    }
    Ok(())
}

impl Workload {
    fn measure(&self, dir: &Path) -> Outcome<Posted> {
        let data = dir.join("throughput");
        let ledger = Ledger::open_with(&data, Options::default())?;
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
            until: settings::until(),
        };
        let cpu_before = cpu::used()?;
        let posted = posting.run()?;
        drop(ledger);
        // What is posted is sealed at last, which costs as much whenever it is done.
        let cpu = cpu::used()?.saturating_sub(cpu_before);
        std::fs::remove_dir_all(&data)?;
        Ok(Posted { cpu, ..posted })
    }
}
