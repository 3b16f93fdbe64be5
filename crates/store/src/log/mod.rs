//! The log: bytes on disk, and back.
//!
//! Owns the frame, the records inside it, segments, appending and recovery. Refuses to know the
//! rules of the ledger (it audits what it reads, through [`ledger::Auditor`]) and who reads it.

pub(crate) mod files;
pub(crate) mod frame;
mod large_frames;
pub(crate) mod lock;
mod lookup;
pub(crate) mod positions;
pub(crate) mod record;
pub(crate) mod recovery;
pub(crate) mod segment;
pub(crate) mod settled;
pub(crate) mod writer;
