//! The write path: from a group of drafts to a durable, published frame.
//!
//! ```text
//! submit: lock the group's books, decide, stage   (the caller's thread)
//! log thread: write a cycle, sync once             (one thread)
//! publisher: apply, publish the cut, reply         (one thread)
//! ```
//!
//! A caller who finds the other two idle does their work too ([`lone_caller`]).
//!
//! Owns the authoritative state of every book, the staging area, and the two threads. Refuses to
//! know how frames lie in segments ([`crate::log`]) and what readers ask ([`crate::projection`]).
//!
//! Invariant: whatever was decided on top of something is behind it in the staged order, the log
//! holds a prefix of that order, and an answer that rests on a staged event waits until that event
//! is durable.

mod books;
mod cycle_writer;
mod group;
mod in_flight;
mod log_thread;
mod lone_caller;
mod past;
mod publisher;
mod staging;
mod submit;
mod tentative;
mod terms;
mod ticket;

pub(crate) use books::Books;
pub(crate) use cycle_writer::CycleWriter;
pub(crate) use log_thread::LogThread;
pub(crate) use lone_caller::LoneCaller;
pub(crate) use past::{Names, Past};
pub(crate) use publisher::{Publisher, Publishing};
pub(crate) use staging::{Settled, Staging};
pub(crate) use submit::{WritePath, submit, submit_alone, submit_batch};
pub use tentative::StagedDecision;
pub use terms::{BooksRead, Conflict, Terms, Unmoved};
pub use ticket::{Outcome, Ticket};
