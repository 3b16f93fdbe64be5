//! The benchmarks of the store: one word each, one table each.
//!
//! Owns the command line. `bench/store/run` builds this, describes the machine and chooses the
//! directory; numbers that can be varied come from the environment ([`settings`]).

mod books;
mod child;
mod cpu;
mod disk;
mod drafts;
mod latencies;
mod load;
mod memory;
mod quiet;
mod settings;
mod start;
mod tasks;
mod throughput;

use clap::{Parser, Subcommand};
use std::error::Error;
use std::path::PathBuf;

/// The allocator of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Debug, Parser)]
#[command(about = "Measures the store alone; started by bench/store/run")]
struct Arguments {
    #[command(subcommand)]
    work: Work,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// A large book under a memory budget.
    Load(In),
    /// Opening that book.
    Start(In),
    /// Commits and batches from many tasks.
    Throughput(In),
    /// Very many books.
    Books(In),
    /// A quiet client beside busy ones.
    Quiet(In),
    #[command(hide = true)]
    Child {
        work: child::ChildWork,
        #[command(flatten)]
        place: In,
    },
}

#[derive(Debug, clap::Args)]
struct In {
    /// An existing directory to make data directories in.
    #[arg(long)]
    dir: PathBuf,
}

fn main() -> Outcome {
    match Arguments::parse().work {
        Work::Load(place) => load::run(&place.dir),
        Work::Start(place) => start::run(&place.dir),
        Work::Throughput(place) => throughput::run(&place.dir),
        Work::Books(place) => books::run(&place.dir),
        Work::Quiet(place) => quiet::run(&place.dir),
        Work::Child { work, place } => child::run(work, &place.dir),
    }
}
