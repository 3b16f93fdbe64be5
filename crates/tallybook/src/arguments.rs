//! The command line. Its help is meant to be learnt from.

use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Parser)]
#[command(
    name = "tallybook",
    version,
    about = "A double-entry ledger database that speaks the Postgres wire protocol.",
    long_about = "A double-entry ledger database that speaks the Postgres wire protocol.\n\n\
        Applications and people post with INSERT and read with SELECT, from psql or any Postgres \
        driver. Nothing is acknowledged before it is on the disk.",
    after_long_help = "Examples:\n  \
        tallybook serve --demo          start with an example book\n  \
        psql -h 127.0.0.1 -p 5433 tallybook\n                                  \
        connect to it from another terminal\n\n\
        `tallybook serve --help` explains the server's options.",
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a ledger to Postgres clients
    Serve(ServeArguments),
}

const SERVE_EXAMPLES: &str = "\
The data directory
  Holds the log, which is the whole truth: everything else in there is made again from it, if it
  is deleted. One server at a time can have it open.

Memory
  Accounts and their balances are always in memory; history is there as far as --memory-budget goes
  and is read from the disk beyond that. A start reads the checkpoints and the events after the
  last one.

Connecting
  Any user name will do and no password is asked for, so the server listens on loopback only.
  The database is called tallybook (postgres works too, because tools ask for it).

    psql -h 127.0.0.1 -p 5433 tallybook
    postgres://127.0.0.1:5433/tallybook

First statements
    \\d
    SELECT path, asset, kind, balance FROM accounts WHERE book = 'marketplace' ORDER BY path;
    SELECT * FROM trial_balance;

Stopping
  Ctrl-C or SIGTERM: running statements finish, then the log is closed. A crash or SIGKILL loses
  nothing that was acknowledged.

Logging
  Goes to stderr. TALLYBOOK_LOG (or RUST_LOG) chooses how much: error, warn, info (the default),
  debug, or a filter such as server=debug.";

#[derive(Debug, Args)]
#[command(after_long_help = SERVE_EXAMPLES)]
pub(crate) struct ServeArguments {
    /// The directory that holds the ledger; created on first use
    #[arg(long, value_name = "DIR", default_value = "./tallybook-data")]
    pub(crate) data: PathBuf,

    /// The loopback address to listen on; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5433")]
    pub(crate) listen: SocketAddr,

    /// Post a small example book, "marketplace", unless it is there already
    #[arg(long)]
    pub(crate) demo: bool,

    /// How many clients may be connected at the same time
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = connections)]
    pub(crate) max_connections: usize,

    /// Memory for history, indexes and running queries, such as 512MiB or 4GiB; accounts come on top
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = memory_budget)]
    pub(crate) memory_budget: u64,

    /// Make a checkpoint whenever this many events were written: the most a start has to read
    #[arg(long, value_name = "EVENTS", default_value_t = 100_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) checkpoint_every: u64,

    /// How many transactions' idempotency keys to keep in memory; the rest are looked up on disk
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    pub(crate) idempotency_hot_cap: usize,
}

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one connection is needed".to_owned()),
        Ok(connections) => Ok(connections),
        Err(_) => Err(format!("{text:?} is not a number of connections")),
    }
}

/// The least that makes sense: rows leave memory in chunks, and queries need room too.
const MEMORY_BUDGET_MIN: u64 = 128 << 20;

fn memory_budget(text: &str) -> Result<u64, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "mib" | "mb" | "m" => 1 << 20,
        "gib" | "gb" | "g" => 1 << 30,
        "tib" | "tb" | "t" => 1 << 40,
        _ => return Err(format!("{text:?} is not a size: write 512MiB or 4GiB")),
    };
    let bytes = text[..digits].parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    match bytes {
        Some(bytes) if bytes >= MEMORY_BUDGET_MIN => Ok(bytes),
        Some(_) => Err("at least 128MiB are needed".to_owned()),
        None => Err(format!("{text:?} is not a size: write 512MiB or 4GiB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_defaults_are_those_of_the_documentation() {
        Arguments::command().debug_assert();
        let arguments = Arguments::try_parse_from(["tallybook", "serve"]).unwrap();
        let Command::Serve(serve) = arguments.command;
        assert_eq!(serve.data, PathBuf::from("./tallybook-data"));
        assert_eq!(serve.listen.to_string(), "127.0.0.1:5433");
        assert_eq!((serve.demo, serve.max_connections), (false, 256));
        assert_eq!(serve.memory_budget, 2 << 30);
        assert_eq!((serve.checkpoint_every, serve.idempotency_hot_cap), (100_000, 500_000));
    }

    #[test]
    fn a_memory_budget_has_a_unit_and_a_least_size() {
        for (text, expected) in [
            ("512MiB", Some(512 << 20)),
            ("4g", Some(4 << 30)),
            ("1 TB", Some(1 << 40)),
            ("128mib", Some(128 << 20)),
            ("127MiB", None),
            ("512", None),
            ("GiB", None),
            ("-1GiB", None),
            ("99999999999TiB", None),
        ] {
            assert_eq!(memory_budget(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_server_without_connections_makes_no_sense() {
        for value in ["0", "-1", "many"] {
            let arguments = ["tallybook", "serve", "--max-connections", value];
            assert!(Arguments::try_parse_from(arguments).is_err(), "{value}");
        }
    }
}
