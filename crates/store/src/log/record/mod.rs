//! The JSON inside a frame: disk records, which are not the ledger's types.
//!
//! A domain rename cannot change the format: names and shapes are spelled out here, in
//! `docs/format.md`, and nowhere else. Writing is by hand, because staging patches in what only it
//! knows; reading is strict, so that nothing of a newer version is half understood.

mod decode;
mod encode;

pub(crate) use decode::{DecodeError, Decoded, Records, decode, first_lsn, frame_head};
pub(crate) use encode::{EncodedEvent, closing_payload, frame_tail, open_frame};
pub use encode::{event_payload, postings_json};

#[cfg(test)]
mod tests;
