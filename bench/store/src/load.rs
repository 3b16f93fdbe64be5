//! Loading a large book, and what it takes: time, disk, memory.

use crate::disk::on_disk;
use crate::drafts::{BenchBook, open_books};
use crate::memory::{Resident, reset_peak, resident};
use crate::tasks::{Posted, Posting, Shape, Until};
use crate::{Outcome, settings};
use arrow_array::cast::AsArray as _;
use arrow_array::types::Decimal128Type;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use store::{Ledger, Selection, postings_schema};

/// Accounts of the book.
const ACCOUNTS: usize = 1_000;

/// Where the loaded book is, for whoever measures on it afterwards.
pub(crate) fn loaded_dir(dir: &Path) -> PathBuf {
    dir.join("loaded")
}

pub(crate) fn book() -> Outcome<BenchBook> {
    BenchBook::new("large", ACCOUNTS)
}

/// Posts so many transactions into the large book.
pub(crate) fn post(ledger: &Ledger, transactions: u64) -> Outcome<Posted> {
    let books = [book()?];
    let posting = Posting {
        ledger,
        books: &books,
        shape: Shape::Batch(50),
        tasks: 32,
        until: Until::Posted(transactions),
    };
    posting.run()
}

/// A ledger with the large book in it, and how long that took.
pub(crate) fn fill(dir: &Path) -> Outcome<(Ledger, Posted)> {
    let ledger = Ledger::open_with(loaded_dir(dir), settings::bounded())?;
    open_books(&ledger, &[book()?])?;
    let posted = post(&ledger, settings::transactions())?;
    Ok((ledger, posted))
}

pub(crate) fn run(dir: &Path) -> Outcome {
    println!(
        "load: {} transactions of two postings, one book of {ACCOUNTS} accounts, batches of 50, \
         memory budget {} MiB",
        settings::transactions(),
        settings::memory_mib(),
    );
    println!("{:<12} {:>10} {:>14} {:>14}", "phase", "seconds", "peak RSS MiB", "RSS after MiB");
    let (ledger, posted) = fill(dir)?;
    phase("load", posted.elapsed, resident()?);
    reset_peak()?;
    let begin = Instant::now();
    let (rows, sum) = sum_of_amounts(&ledger)?;
    phase("full scan", begin.elapsed(), resident()?);
    reset_peak()?;
    let begin = Instant::now();
    ledger.checkpoint()?;
    phase("checkpoint", begin.elapsed(), resident()?);
    ledger.shutdown();
    let bytes = on_disk(&loaded_dir(dir))?;
    let per_transaction = |bytes: u64| bytes as f64 / posted.transactions as f64;
    println!("{:.0} transactions/s; the scan summed {rows} postings to {sum}", posted.per_second());
    println!(
        "bytes per transaction on disk: log {:.1}, caches {:.1}",
        per_transaction(bytes.log),
        per_transaction(bytes.caches),
    );
    Ok(())
}

fn phase(name: &str, elapsed: Duration, memory: Resident) {
    let Resident { peak_mib, now_mib } = memory;
    println!("{name:<12} {:>10.2} {peak_mib:>14} {now_mib:>14}", elapsed.as_secs_f64());
}

fn sum_of_amounts(ledger: &Ledger) -> Outcome<(u64, i128)> {
    let amount = postings_schema().index_of("amount")?;
    let (mut rows, mut sum) = (0, 0);
    for batch in ledger.view().scan_postings(&Selection::default(), &[amount])? {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        sum += batch.column(0).as_primitive::<Decimal128Type>().values().iter().sum::<i128>();
    }
    Ok((rows, sum))
}
