//! Opening a large book, each time in a fresh process.

use crate::child::{self, ChildWork, Figures, TAIL_EVENTS};
use crate::{Outcome, load};
use std::path::Path;

pub(crate) fn run(dir: &Path) -> Outcome {
    let data = load::loaded_dir(dir);
    if !data.exists() {
        load::fill(dir)?;
    }
    println!(
        "{:<40} {:>10} {:>12} {:>12} {:>14}",
        "start", "events", "seconds", "events/s", "peak RSS MiB"
    );
    remove_caches(&data)?;
    row("without a checkpoint", &child::start(ChildWork::Open, &data)?);
    child::start(ChildWork::LeaveTail, &data)?;
    let name = format!("crashed {TAIL_EVENTS} events after a checkpoint");
    row(&name, &child::start(ChildWork::Open, &data)?);
    child::start(ChildWork::CleanStop, &data)?;
    row("after a clean stop", &child::start(ChildWork::Open, &data)?);
    Ok(())
}

/// Everything beside the log can be made again from it.
fn remove_caches(data: &Path) -> Outcome {
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name() != "log" {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn row(name: &str, figures: &Figures) {
    let (events, seconds) = (figures["events"], figures["open_seconds"]);
    println!(
        "{name:<40} {events:>10} {seconds:>12.2} {:>12.0} {:>14}",
        events / seconds,
        figures["peak_mib"]
    );
}
