//! The `tallybook` program: arguments, logging, signals, and the wiring of a server.
//!
//! Refuses to know: rules of the ledger, SQL, the wire. They are libraries; this starts them.

mod arguments;

use arguments::{Arguments, Command, ServeArguments};
use clap::Parser;
use server::{Database, Limits, Storing};
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Deeply nested queries are planned on the stack of whichever thread runs them.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// The example book as SQL, so that it is also an example of SQL.
const DEMO: &str = include_str!("demo.sql");

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let Arguments { command: Command::Serve(arguments) } = Arguments::parse();
    start_logging();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("tallybook: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn start_logging() {
    let filter = EnvFilter::try_from_env("TALLYBOOK_LOG")
        .or_else(|_| EnvFilter::try_from_default_env())
        .unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}

fn run(arguments: ServeArguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()?;
    runtime.block_on(async {
        // A task, so that everything runs on threads with that stack.
        tokio::spawn(serve(arguments)).await?
    })
}

async fn serve(arguments: ServeArguments) -> Result<(), Failure> {
    let ServeArguments { data, listen, demo, max_connections, .. } = &arguments;
    let storing = Storing {
        memory_budget_bytes: arguments.memory_budget,
        checkpoint_every_events: arguments.checkpoint_every,
        idempotency_hot_cap: arguments.idempotency_hot_cap,
    };
    // Before the directory is touched: a refused address must leave nothing behind.
    let listener = server::bind(*listen).await?;
    // Signals count from here on, so that one during recovery is not lost.
    let shutdown = shutdown_signal()?;
    let database = Database::open_with(data, &storing)?;
    if *demo {
        database.run_script(DEMO).await.map_err(|error| format!("the demo book: {error}"))?;
    }
    let address = listener.local_addr()?;
    tracing::info!(%address, data = %data.display(), max_connections, "serving");
    announce(&format!(
        "tallybook is ready: postgres://{address}/tallybook (psql -h {} -p {} tallybook)",
        address.ip(),
        address.port()
    ))?;
    let limits = Limits { max_connections: *max_connections, ..Limits::default() };
    server::serve(listener, database, limits, shutdown).await?;
    Ok(())
}

/// The one line on stdout: scripts wait for it.
fn announce(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// Resolves at the first SIGTERM or SIGINT.
fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM"),
            _ = interrupt.recv() => tracing::info!("SIGINT"),
        }
    })
}
