//! Bytes on the socket and the messages they are.
//!
//! Owns framing, the bounds on what a client may send, decoding of what it sent and encoding of
//! what it gets. Refuses to know: sessions, statements, values.
//!
//! Invariant: no byte of a client is trusted. A length is checked before anything is buffered for
//! it, every read is bounds-checked, and text is UTF-8 before anybody else sees it.
//!
//! pgwire's types encode the rare replies and name the messages. Its decoders are not used: they
//! panic on short bodies and replace bytes that are not UTF-8.

pub(crate) mod backend;
mod body;
mod frontend;
mod socket;

pub(crate) use body::{Body, Malformed};
pub(crate) use frontend::{Bind, Frontend, Target, decode_startup_parameters, decode_text};
pub(crate) use socket::{Message, Socket};
