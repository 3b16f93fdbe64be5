//! The `tallybook` program: arguments, logging, signals, the wiring of a server, offline tools.
//!
//! Refuses to know: rules of the ledger, SQL, the wire. They are libraries; this starts them.

mod arguments;
mod backup;
mod progress;
mod verify;

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
    let Arguments { command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let result = match command {
        Command::Serve(arguments) => {
            start_logging();
            run(arguments)
        }
        Command::Verify(arguments) => return verify::run(&arguments),
        Command::Backup(arguments) => backup::back_up(&arguments),
        Command::Restore(arguments) => backup::restore(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("tallybook: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Prints help or what is wrong with the command line.
fn usage(error: &clap::Error) -> ExitCode {
    // Where nothing can be printed, the status still tells.
    let _ = error.print();
    let is_verify = std::env::args_os().nth(1).is_some_and(|command| command == "verify");
    match u8::try_from(error.exit_code()) {
        Ok(0) => ExitCode::SUCCESS,
        // The codes below have a meaning of their own there.
        _ if is_verify => ExitCode::from(verify::UNCHECKED),
        Ok(code) => ExitCode::from(code),
        Err(_) => ExitCode::FAILURE,
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
        query_memory_bytes: arguments.query_memory,
        checkpoint_every_events: arguments.checkpoint_every,
        idempotency_hot_cap: arguments.idempotency_hot_cap,
        temporary_bytes_max: arguments.temp_limit,
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
