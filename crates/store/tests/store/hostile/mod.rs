//! The store on a disk that wants to lose everything.
//!
//! [`disk`] loses, [`faults`] fails, [`monitor`] watches the order of calls, [`oracle`] knows what
//! must be so after any crash, [`workload`] says what is done, [`case`] plays one story of it,
//! [`sweep`] tries them all. [`planted_bugs`] shows that each checker sees what it is there for.
//! [`stale_parts`] puts into the folder of the sealed history what does not belong there.

pub(crate) mod answers;
mod case;
pub(crate) mod disk;
mod failed_sync;
mod faults;
mod history;
mod latching;
mod log_bytes;
mod merge_gate;
mod monitor;
mod oracle;
mod planted_bugs;
mod plants;
pub(crate) mod random;
pub(crate) mod reading;
mod rig;
mod settled_time;
mod stale_parts;
mod sweep;
mod sweeps;
mod violation;
mod workload;
