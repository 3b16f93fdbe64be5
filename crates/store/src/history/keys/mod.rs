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
//! # The hash of a name
//!
//! XXH64 (the 64-bit algorithm of the xxHash specification) over these bytes, with this seed:
//!
//! | what | seed | bytes |
//! |---|---|---|
//! | an idempotency key | 1 | book name, one zero byte, key (both UTF-8; neither can hold a zero byte) |
//! | a transaction's id | 2 | the 16 bytes of the UUID, in the order it is printed |
//! | the transaction that an id reverses | 3 | book name, one zero byte, the 16 bytes of the UUID |
//!
//! # A run on disk, version 1
//!
//! Numbers are little-endian. An entry is `hash u64, lsn u64`; entries stand in order of hash, then
//! lsn. 1,024 entries are a block of 16 KiB; zeros fill the last one. Up to 64 blocks make a chapter:
//! the blocks, then for each block its filter of 1,280 bytes. Chapters are full except for the last.
//! Behind the chapters stand the fences, for each block the hash of its first entry, and then the
//! trailer:
//!
//! | bytes | field |
//! |---|---|
//! | 8 | `tbkeyrun` |
//! | 4 | version: 1 |
//! | 4 | zero |
//! | 8 | number of entries |
//!
//! A filter is a Bloom filter of 10,240 bits; bit `i` is bit `i % 8` of byte `i / 8`. With
//! `m = hash * 0x9E3779B97F4A7C15 mod 2⁶⁴`, `a` its upper and `b` its lower 32 bits, made odd, an
//! entry sets the bits `((a + k * b) mod 2³²) * 10240 / 2³²` for `k` from 0 to 6.

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
pub(crate) use merge::{Merge, merge};
pub(crate) use recent::RecentKeys;
pub(crate) use run::{Entries, FilterPlace, Run};
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
