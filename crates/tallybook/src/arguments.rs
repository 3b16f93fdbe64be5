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
        connect to it from another terminal\n  \
        tallybook backup --to /backup   copy the ledger while it is served\n\n\
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
    /// Check a data directory: the whole log, and every cache against it
    Verify(VerifyArguments),
    /// Copy the log away, while a server writes it or not
    Backup(BackupArguments),
    /// Make a data directory of a backup
    Restore(RestoreArguments),
}

const SERVE_EXAMPLES: &str = "\
The data directory
  Holds the log, which is the whole truth: everything else in there is made again from it, if it
  is deleted. `tallybook backup` copies it while the server runs. One server at a time can have it
  open.

Memory
  Accounts and their balances are always in memory; history is there as far as --memory-budget goes
  and is read from the disk beyond that. A query that would hold more than --query-memory ends
  with 53200, and the others run on. A start reads the checkpoints and the events after the
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

    /// The most that one query may hold, and where work_mem starts; half of what queries have [default]
    #[arg(long, value_name = "SIZE", value_parser = query_memory)]
    pub(crate) query_memory: Option<u64>,

    /// Make a checkpoint whenever this many events were written: the most a start has to read
    #[arg(long, value_name = "EVENTS", default_value_t = 100_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) checkpoint_every: u64,

    /// How many transactions' idempotency keys to keep in memory; the rest are looked up on disk
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    pub(crate) idempotency_hot_cap: usize,

    /// Disk space in the data directory for what running queries have no memory for, such as 10GiB, and
    /// half of what is free at most; 0 for none
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = temp_limit)]
    pub(crate) temp_limit: u64,
}

const VERIFY_EXAMPLES: &str = "\
What is checked
  Every frame of the log, its place and its checksum; every event against the rules: sequences
  without gaps, debits that equal credits, minimum balances, keys and ids that are used once; every
  part of the history against what the log says. Nothing in the directory is changed. It takes about
  as long as reading the directory, and works where `serve` refuses to start.

Exit status
  0  all is good
  1  damage: somebody has to act; each finding says what to do
  2  the ledger is good; a cache is damaged or the last write was torn, and the next start mends that
  3  something could not be checked: a server uses the directory, a file cannot be read, another
     release wrote it, or there is no log

Repair report
  With --repair-report, stdout has one line of JSON for each step that the next start would take
  (what it removes, cuts off, keeps aside, writes again, or why it refuses) and for each thing that a
  person has to do. Findings and summary go to stderr then.

    tallybook verify --data /srv/tallybook
    tallybook verify --data /srv/tallybook --repair-report | jq .";

#[derive(Debug, Args)]
#[command(after_long_help = VERIFY_EXAMPLES)]
pub(crate) struct VerifyArguments {
    /// The directory that holds the ledger, or a backup of it
    #[arg(long, value_name = "DIR", default_value = "./tallybook-data")]
    pub(crate) data: PathBuf,

    /// Print, as lines of JSON, what the next start would do to the directory
    #[arg(long)]
    pub(crate) repair_report: bool,
}

const BACKUP_EXAMPLES: &str = "\
What a backup holds
  All that was acknowledged before it began, up to the end of some group. The copy is verified, and
  only then it gets its manifest, backup.json. The server is not asked and need not run.

The same directory again
  Only what is new is copied. If that is interrupted, the older backup in it stays good, and the same
  command carries on. Keep a second directory for the day when the first is lost.

    tallybook backup --data /srv/tallybook --to /backup/tallybook
    tallybook restore --from /backup/tallybook --data /srv/restored";

#[derive(Debug, Args)]
#[command(after_long_help = BACKUP_EXAMPLES)]
pub(crate) struct BackupArguments {
    /// The directory that holds the ledger
    #[arg(long, value_name = "DIR", default_value = "./tallybook-data")]
    pub(crate) data: PathBuf,

    /// An empty or new directory, or one that holds an older backup of this ledger
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
}

const RESTORE_EXAMPLES: &str = "\
What is restored
  The log, byte by byte; history/ is made again by the server. The restored ledger begins a new epoch,
  so that its log and that of the ledger it was copied from cannot be mixed up. It is verified. A
  restore that was interrupted refuses to start: delete the directory and restore again.

    tallybook restore --from /backup/tallybook --data /srv/restored
    tallybook serve --data /srv/restored";

#[derive(Debug, Args)]
#[command(after_long_help = RESTORE_EXAMPLES)]
pub(crate) struct RestoreArguments {
    /// The directory that holds the backup
    #[arg(long, value_name = "DIR")]
    pub(crate) from: PathBuf,

    /// An empty or new directory for the ledger
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
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
    size(text, MEMORY_BUDGET_MIN)
}

/// Less is too little to sort or join anything.
const QUERY_MEMORY_MIN: u64 = 1 << 20;

fn query_memory(text: &str) -> Result<u64, String> {
    size(text, QUERY_MEMORY_MIN)
}

fn temp_limit(text: &str) -> Result<u64, String> {
    if text == "0" { Ok(0) } else { size(text, 0) }
}

fn size(text: &str, least: u64) -> Result<u64, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "mib" | "mb" | "m" => 1 << 20,
        "gib" | "gb" | "g" => 1 << 30,
        "tib" | "tb" | "t" => 1 << 40,
        _ => return Err(format!("{text:?} is not a size: write 512MiB or 4GiB")),
    };
    let bytes = text[..digits].parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    match bytes {
        Some(bytes) if bytes >= least => Ok(bytes),
        Some(_) => Err(format!("at least {}MiB are needed", least >> 20)),
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
        let Command::Serve(serve) = arguments.command else { panic!("{arguments:?}") };
        assert_eq!(serve.data, PathBuf::from("./tallybook-data"));
        assert_eq!(serve.listen.to_string(), "127.0.0.1:5433");
        assert_eq!((serve.demo, serve.max_connections), (false, 256));
        assert_eq!(serve.memory_budget, 2 << 30);
        assert_eq!(serve.query_memory, None);
        assert_eq!((serve.checkpoint_every, serve.idempotency_hot_cap), (100_000, 500_000));
        assert_eq!(serve.temp_limit, 4 << 30);
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
        for (text, expected) in [("0", Some(0)), ("1MiB", Some(1 << 20)), ("1", None), ("", None)] {
            assert_eq!(temp_limit(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn offline_tools_take_directories() {
        for (arguments, is_good) in [
            (&["verify"][..], true),
            (&["verify", "--data", "d", "--repair-report"], true),
            (&["backup", "--data", "d"], false),
            (&["backup", "--data", "d", "--to", "b"], true),
            (&["restore", "--from", "b"], false),
            (&["restore", "--from", "b", "--data", "d"], true),
        ] {
            let all = ["tallybook"].iter().chain(arguments);
            assert_eq!(Arguments::try_parse_from(all).is_ok(), is_good, "{arguments:?}");
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
