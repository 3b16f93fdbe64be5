//! The write path: from a group of drafts to a durable, published frame.
//!
//! ```text
//! submit: lock the group's books, decide, stage   (the caller's thread)
//! log thread: write a cycle, sync once             (one thread)
//! publisher: apply, publish the cut, reply         (one thread)
//! ```
//!
//! Owns the authoritative state of every book, the staging area, and the two threads. Refuses to
//! know how frames lie in segments ([`crate::log`]) and what readers ask ([`crate::projection`]).
//!
//! Invariant: whatever was decided on top of something is behind it in the staged order, the log
//! holds a prefix of that order, and an answer that rests on a staged event waits until that event
//! is durable.

mod books;
mod group;
mod in_flight;
mod log_thread;
mod past;
mod publisher;
mod staging;
mod submit;
mod tentative;
mod terms;
mod ticket;

pub(crate) use books::Books;
pub(crate) use log_thread::LogThread;
pub(crate) use past::{Names, Past};
pub(crate) use publisher::Publisher;
pub(crate) use staging::{Settled, Staging};
pub(crate) use submit::{WritePath, submit, submit_batch};
pub use tentative::StagedDecision;
pub use terms::{BooksRead, Conflict, Terms, Unmoved};
pub use ticket::{Outcome, Ticket};
