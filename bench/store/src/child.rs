//! Work that is done in a process of its own, so that its time and memory are nobody else's.
//!
//! A child prints its figures as lines of `name number`; everything else of it is silent.

use crate::memory::resident;
use crate::{Outcome, books, load, settings};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use store::{Ledger, Lsn, Options};

/// Events behind the checkpoint of [`ChildWork::LeaveTail`].
pub(crate) const TAIL_EVENTS: u64 = 100_000;

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum ChildWork {
    /// Opens the ledger, and ends as a crash would.
    Open,
    /// Opens the ledger, makes a checkpoint, posts behind it, and ends as a crash would.
    LeaveTail,
    /// Opens the ledger and shuts it down.
    CleanStop,
    /// Opens the ledger and commits to its books at random.
    CommitToBooks,
}

impl ChildWork {
    fn name(self) -> &'static str {
        match self {
            ChildWork::Open => "open",
            ChildWork::LeaveTail => "leave-tail",
            ChildWork::CleanStop => "clean-stop",
            ChildWork::CommitToBooks => "commit-to-books",
        }
    }
}

pub(crate) type Figures = BTreeMap<String, f64>;

/// Runs this program again to do one thing on a data directory.
pub(crate) fn start(work: ChildWork, data: &Path) -> Outcome<Figures> {
    let output = Command::new(std::env::current_exe()?)
        .args(["child", work.name(), "--dir"])
        .arg(data)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("child {} ended with {}", work.name(), output.status).into());
    }
    let mut figures = Figures::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let (name, number) = line.split_once(' ').ok_or("a figure is a name and a number")?;
        figures.insert(name.to_owned(), number.parse()?);
    }
    Ok(figures)
}

pub(crate) fn run(work: ChildWork, data: &Path) -> Outcome {
    let before = resident()?;
    let begin = Instant::now();
    let options = match work {
        ChildWork::CommitToBooks => Options::default(),
        // Nothing may make a checkpoint of the tail.
        ChildWork::LeaveTail => {
            Options { checkpoint_every_events: u64::MAX, ..settings::bounded() }
        }
        ChildWork::Open | ChildWork::CleanStop => settings::bounded(),
    };
    let ledger = Ledger::open_with(data, options)?;
    println!("open_seconds {}", begin.elapsed().as_secs_f64());
    let opened = resident()?;
    println!("peak_mib {}", opened.peak_mib);
    println!("grown_mib {}", opened.now_mib.saturating_sub(before.now_mib));
    let Lsn(events) = ledger.view().cut();
    println!("events {events}");
    match work {
        ChildWork::Open => {}
        ChildWork::LeaveTail => {
            ledger.checkpoint()?;
            load::post(&ledger, TAIL_EVENTS)?;
        }
        ChildWork::CleanStop => {
            let begin = Instant::now();
            ledger.shutdown();
            println!("stop_seconds {}", begin.elapsed().as_secs_f64());
        }
        ChildWork::CommitToBooks => {
            let mut latencies = books::commit_to_any(&ledger)?;
            println!("p50_ms {}", latencies.milliseconds(0.5));
            println!("p99_ms {}", latencies.milliseconds(0.99));
        }
    }
    // Nothing is dropped: but for a shutdown above, this is what a crash leaves.
    std::process::exit(0)
}
