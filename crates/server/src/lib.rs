//! The Postgres wire: who connects, what they send, what they get.
//!
//! Owns: the accept loop and its limits, startup, the simple and the extended protocol, COPY,
//! cancelling, the binary and text form of values, the table of SQLSTATEs, shutdown.
//!
//! Refuses to know: frames, segments, plans, the meaning of a statement. It hands statements to a
//! [`sql::Session`] and writes down what comes back.
//!
//! Invariant: a write that has been handed to the ledger is awaited to its real outcome, and no
//! byte of a client can crash the process or make it allocate what has not arrived.

mod codec;
mod connection;
mod database;
mod listen;
mod query_runtime;
mod registry;
mod report;
mod serve;
mod sqlstate;
mod startup;
mod temporary_files;
mod wire;

pub use database::{Database, OpenError, ScriptError, Storing};
pub use listen::{ListenError, bind};
pub use serve::{Limits, serve};
