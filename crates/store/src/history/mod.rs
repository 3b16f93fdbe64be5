//! Sealed history: caches of the log that make it searchable without holding it in memory.
//!
//! Invariant: nothing here is the truth. Every file can be deleted and made again from the log.

#[allow(dead_code, reason = "the parts are written beside this")]
pub(crate) mod checked_file;
#[allow(dead_code, unused_imports, reason = "the parts that hold runs are written beside this")]
pub(crate) mod keys;
#[allow(dead_code, unused_imports, reason = "nothing seals history yet")]
pub(crate) mod part;
