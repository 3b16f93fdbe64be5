//! The index from what names a transaction to its place in the log.
//!
//! Owns: the hash of a name ([`KeyHash`]), the immutable sorted file of hashes and lsns that a
//! part keeps ([`Run`]), and the entries in memory that are newer or asked for often
//! ([`RecentKeys`]).
//!
//! Refuses to know: events, books, where files are and how their bytes are checksummed
//! ([`ReadAt`] does that).
//!
//! Invariant: an index may answer with an lsn too many (two names can have one hash), never with
//! one too few. Whoever asks compares the name with the event at that lsn.
//!
//! How a name is hashed and what the bytes of a run are stands in `docs/format.md`.

mod filter;
mod hash;
mod layout;
mod merge;
mod recent;
mod run;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use hash::{KeyEntry, KeyHash};
pub(crate) use merge::merge;
pub(crate) use recent::{RecentKeys, RecentLsns};
pub(crate) use run::{FilterPlace, Run};
pub(crate) use write::write_run;

use std::fmt::Debug;
use std::io;

/// A file that does not change. Reading gives the bytes that were written, or an error: a place
/// that cannot tell whether its bytes are good must not implement this.
pub(crate) trait ReadAt: Debug + Send + Sync {
    fn size(&self) -> u64;
    /// Fills `bytes` from `offset` on; an error of kind `UnexpectedEof` if the file ends before.
    fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
}

/// The error of a file that is not what it should be.
fn bad(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a run of keys {problem}"))
}
