//! One client's socket with a buffer in each direction.
//!
//! Invariant: what a message may hold in memory is bounded by the bytes that have really arrived,
//! and replies leave in the order in which they were written.

use super::frontend::body_bytes_max;
use crate::report::Report;
use bytes::{Buf, Bytes, BytesMut};
use futures::FutureExt;
use sql::{MemoryBudget, MemoryCharge};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Replies beyond this are sent at once instead of waiting for the end of the client's messages.
pub(crate) const FLUSH_BYTES: usize = 64 * 1024;
/// How much a buffer may keep for the next message.
const IDLE_BUFFER_BYTES_MAX: usize = 32 * 1024;
const READ_BYTES: usize = 8 * 1024;
/// The kind and the length in front of every message.
const HEAD_BYTES: usize = 5;
/// How often a running read looks whether its client is still there.
const GONE_CHECK: Duration = Duration::from_secs(1);
/// The longest packet before a session exists, as in Postgres.
const STARTUP_BYTES_MAX: usize = 10_000;

/// A message as it lay on the wire: its kind and its body, or why that was not kept.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) body: Result<Bytes, Report>,
}

/// A message whose body is read and not kept, because all clients together have sent too much.
#[derive(Debug)]
struct Discarded {
    kind: u8,
    bytes_left: usize,
    why: Report,
}

#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    input: BytesMut,
    pub(crate) output: BytesMut,
    /// What the input takes of what all clients may have sent.
    charge: MemoryCharge,
    discarded: Option<Discarded>,
    /// Cancelled when clients that do not read are no longer waited for.
    give_up: CancellationToken,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, sent: &MemoryBudget, give_up: CancellationToken) -> Self {
        Socket {
            stream,
            give_up,
            charge: sent.holder(),
            discarded: None,
            input: BytesMut::with_capacity(READ_BYTES),
            output: BytesMut::with_capacity(READ_BYTES),
        }
    }

    /// The next message if all of it has arrived.
    pub(crate) fn next_message(&mut self) -> Result<Option<Message>, Report> {
        if let Some(discarded) = &mut self.discarded {
            let here = discarded.bytes_left.min(self.input.len());
            discarded.bytes_left -= here;
            self.input.advance(here);
            if discarded.bytes_left > 0 {
                return Ok(None);
            }
            let ended = self.discarded.take();
            return Ok(ended.map(|Discarded { kind, why, .. }| Message { kind, body: Err(why) }));
        }
        let Some((kind, body_length)) = self.next_head()? else { return Ok(None) };
        if self.input.len() < HEAD_BYTES + body_length {
            return Ok(None);
        }
        self.input.advance(HEAD_BYTES);
        let body = self.input.split_to(body_length).freeze();
        Ok(Some(Message { kind, body: Ok(body) }))
    }

    /// The kind of the next message and the length of its body, once they are there.
    fn next_head(&self) -> Result<Option<(u8, usize)>, Report> {
        let Some((head, _)) = self.input.split_first_chunk::<HEAD_BYTES>() else {
            // A kind that does not exist is refused by its first byte.
            return match self.input.first() {
                Some(kind) if body_bytes_max(*kind).is_none() => Err(unknown_kind(*kind)),
                _ => Ok(None),
            };
        };
        let [kind, length @ ..] = *head;
        let body_max = body_bytes_max(kind).ok_or_else(|| unknown_kind(kind))?;
        let length = i32::from_be_bytes(length);
        let body_length = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
        let body_length = body_length
            .filter(|length| *length <= body_max)
            .ok_or_else(|| Report::protocol_violation("invalid message length").fatal())?;
        Ok(Some((kind, body_length)))
    }

    /// The next packet of a client without a session: its code and what follows. `Err` for a
    /// length that no such packet has, which is what other protocols look like.
    pub(crate) fn next_startup_packet(&mut self) -> Result<Option<(u32, Bytes)>, InvalidLength> {
        let Some((length, _)) = self.input.split_first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| InvalidLength)?;
        if !(8..=STARTUP_BYTES_MAX).contains(&length) {
            return Err(InvalidLength);
        }
        if self.input.len() < length {
            return Ok(None);
        }
        self.input.advance(4);
        let code = self.input.get_u32();
        Ok(Some((code, self.input.split_to(length - 8).freeze())))
    }

    /// Waits for more bytes. `false` at the end of the stream. Safe to drop while it waits.
    pub(crate) async fn read_more(&mut self) -> io::Result<bool> {
        if let Err(error) = self.charge.hold(self.input.len()) {
            self.discard_message(error.into());
        }
        self.input.reserve(READ_BYTES);
        // Known only now: reserving takes back the room of messages that have been split off.
        if self.input.is_empty() && self.input.capacity() > IDLE_BUFFER_BYTES_MAX {
            self.input = BytesMut::with_capacity(READ_BYTES);
        }
        Ok(self.stream.read_buf(&mut self.input).await? > 0)
    }

    /// Keeps nothing of the message that is arriving. Whatever comes behind it is answered.
    fn discard_message(&mut self, why: Report) {
        if let Ok(Some((kind, body_length))) = self.next_head() {
            let bytes_left = (HEAD_BYTES + body_length).saturating_sub(self.input.len());
            self.input = BytesMut::new();
            self.discarded = Some(Discarded { kind, bytes_left, why });
        }
        // Holding less is never refused.
        let _ = self.charge.hold(self.input.len());
    }

    /// Sends everything written so far.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while self.output.has_remaining() {
            match self.stream.try_write(&self.output) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => self.output.advance(sent),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::select! {
                    writable = self.stream.writable() => writable?,
                    () = self.give_up.cancelled() => return Err(io::ErrorKind::TimedOut.into()),
                },
                Err(error) => return Err(error),
            }
        }
        if self.output.capacity() > IDLE_BUFFER_BYTES_MAX {
            self.output = BytesMut::with_capacity(READ_BYTES);
        } else {
            // Makes the room of what was sent usable again.
            self.output.clear();
            self.output.reserve(READ_BYTES);
        }
        Ok(())
    }

    /// Waits until the client has closed its side. It is looked for from time to time, and not at
    /// once: a client that sends its last statement and closes its side still gets a quick answer.
    pub(crate) async fn client_gone(&self) {
        loop {
            tokio::time::sleep(GONE_CHECK).await;
            match self.stream.ready(Interest::READABLE).now_or_never() {
                Some(Ok(ready)) if !ready.is_read_closed() => {}
                Some(_) => return,
                None => {}
            }
        }
    }

    pub(crate) fn wants_flush(&self) -> bool {
        self.output.len() >= FLUSH_BYTES
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidLength;

fn unknown_kind(kind: u8) -> Report {
    Report::protocol_violation(format!("invalid frontend message type {kind}")).fatal()
}
