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
  Holds the log, which is the whole truth: everything else in there can be rebuilt from it. Back up
  the directory while the server is stopped. One server at a time can have it open.

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
}

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one connection is needed".to_owned()),
        Ok(connections) => Ok(connections),
        Err(_) => Err(format!("{text:?} is not a number of connections")),
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
    }

    #[test]
    fn a_server_without_connections_makes_no_sense() {
        for value in ["0", "-1", "many"] {
            let arguments = ["tallybook", "serve", "--max-connections", value];
            assert!(Arguments::try_parse_from(arguments).is_err(), "{value}");
        }
    }
}
