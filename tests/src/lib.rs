//! The harness of the end-to-end tests: it starts the real `tallybook` binary in a directory of
//! its own, or a PostgreSQL to compare with, talks to it through real clients or byte by byte, and stops it in rough ways.
//!
//! Refuses to know: anything inside the server. What a test learns, it learns over the wire, from
//! an exit status or from the operating system.
//!
//! Invariant: nothing here waits for a fixed time. Whoever waits, waits for the thing itself, and
//! gives up at a deadline with the server's own log in the message.

mod deadline;
mod dice;
mod money;
mod postgres;
mod program;
mod raw;
mod script;
mod server;
pub mod slt;
mod transcript;

pub use deadline::{DEADLINE, until};
pub use dice::Dice;
pub use money::Money;
pub use postgres::Postgres;
pub use program::{
    Finished, data_dir, jdbc_script, node_script, psql, psql_session, psycopg_script, repository,
};
pub use raw::{Message, RawClient};
pub use script::converse;
pub use server::{Server, connect_to, connect_with_retry, tallybook};
pub use transcript::Transcript;
