//! Decoding frames on all cores, and handing them on in order.

use crate::log::frame::HEADER_BYTES;
use crate::log::record::{DecodeError, Decoded, decode};
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;

/// Frames that a thread decodes before it hands them on.
const CHUNK_FRAMES: usize = 256;

/// Chunks that a thread may be ahead: enough that nobody waits, few enough that memory is bounded.
const CHUNKS_AHEAD: usize = 2;

/// A frame of a segment: where it begins, and how long its payload is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FramePlace {
    pub(crate) offset: usize,
    pub(crate) payload_len: usize,
}

impl FramePlace {
    pub(crate) fn end(&self) -> usize {
        self.offset + HEADER_BYTES + self.payload_len
    }
}

/// Decodes the frames of a segment and gives them to `take` in order, until it breaks off.
pub(crate) fn decode_in_order<B>(
    bytes: &[u8],
    frames: &[FramePlace],
    mut take: impl FnMut(&FramePlace, Result<Decoded, DecodeError>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let decode_one = |frame: &FramePlace| decode(&bytes[frame.offset + HEADER_BYTES..frame.end()]);
    // The caller's thread takes what the others decode.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if threads == 1 || frames.len() <= CHUNK_FRAMES {
        return frames.iter().try_for_each(|frame| take(frame, decode_one(frame)));
    }
    let chunks: Vec<&[FramePlace]> = frames.chunks(CHUNK_FRAMES).collect();
    std::thread::scope(|scope| {
        let receivers: Vec<_> = (0..threads)
            .map(|thread| {
                let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
                let chunks = chunks.iter().skip(thread).step_by(threads);
                scope.spawn(move || {
                    for chunk in chunks {
                        let decoded: Vec<_> = chunk.iter().map(decode_one).collect();
                        if sender.send(decoded).is_err() {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        for (index, chunk) in chunks.iter().enumerate() {
            // A thread that is gone has panicked; the scope passes that on.
            let Ok(decoded) = receivers[index % threads].recv() else { break };
            for (frame, decoded) in chunk.iter().zip(decoded) {
                take(frame, decoded)?;
            }
        }
        ControlFlow::Continue(())
    })
}
