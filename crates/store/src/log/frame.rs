//! A frame: one atomic group of events on disk.
//!
//! | offset | bytes | field                                        |
//! |--------|-------|----------------------------------------------|
//! | 0      | 4     | payload length, u32 little-endian            |
//! | 4      | 4     | crc32 (IEEE) of the payload, u32 little-endian |
//! | 8      | n     | payload, JSON in UTF-8                       |
//!
//! A length of zero marks the end of the log: a segment is zeroed ahead of its writer, and the
//! crc32 of nothing is zero, so eight zero bytes would otherwise pass for a frame.

/// Bytes in front of the payload.
pub(crate) const HEADER_BYTES: usize = 8;

/// The largest frame, header included: 64 MiB. The top byte of a length is therefore at most 4,
/// and JSON text holds no raw byte below 9: no payload can imitate a frame header.
pub(crate) const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What stands at an offset of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Slot<'a> {
    /// A whole frame with a good checksum.
    Frame { payload: &'a [u8] },
    /// No bytes, or a length of zero.
    Empty,
    /// Bytes that are not a frame; says why.
    Bad(&'static str),
}

/// Reads what stands at `offset`. Trusts no length.
pub(crate) fn read(bytes: &[u8], offset: usize) -> Slot<'_> {
    let rest = bytes.get(offset..).unwrap_or_default();
    if rest.is_empty() {
        return Slot::Empty;
    }
    let Some((length, rest)) = rest.split_first_chunk::<4>() else {
        return Slot::Bad("the header is cut off");
    };
    let length = u32::from_le_bytes(*length) as usize;
    if length == 0 {
        return Slot::Empty;
    }
    if length > FRAME_BYTES_MAX - HEADER_BYTES {
        return Slot::Bad("the length is beyond the frame limit");
    }
    let Some((crc, rest)) = rest.split_first_chunk::<4>() else {
        return Slot::Bad("the header is cut off");
    };
    let Some(payload) = rest.get(..length) else {
        return Slot::Bad("the payload is cut off");
    };
    if crc32fast::hash(payload) != u32::from_le_bytes(*crc) {
        return Slot::Bad("the checksum does not match");
    }
    Slot::Frame { payload }
}

/// Appends a frame whose payload is the two parts, one after the other.
pub(crate) fn append(out: &mut Vec<u8>, payload: &[u8], tail: &[u8]) {
    let length = payload.len() + tail.len();
    assert!(
        (1..=FRAME_BYTES_MAX - HEADER_BYTES).contains(&length),
        "staging bounds every frame, and none is empty"
    );
    let mut crc = crc32fast::Hasher::new();
    crc.update(payload);
    crc.update(tail);
    out.extend_from_slice(&(length as u32).to_le_bytes());
    out.extend_from_slice(&crc.finalize().to_le_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(tail);
}

/// Offsets behind `offset` where a good frame begins, wherever lengths before it point.
pub(crate) fn find_later(bytes: &[u8], offset: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = offset;
    std::iter::from_fn(move || {
        while at + HEADER_BYTES < bytes.len() {
            let candidate = at;
            at += 1;
            // Cheap signs first: a small top length byte, and the brace every payload opens with.
            if bytes[candidate + 3] <= 4
                && bytes[candidate + HEADER_BYTES] == b'{'
                && let Slot::Frame { payload } = read(bytes, candidate)
            {
                at = candidate + HEADER_BYTES + payload.len();
                return Some((candidate, payload));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(payloads: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in payloads {
            append(&mut bytes, payload.as_bytes(), b"");
        }
        bytes
    }

    #[test]
    fn a_frame_comes_back_and_zeros_are_the_end() {
        let mut bytes = framed(&["{\"a\":1}"]);
        let end = bytes.len();
        bytes.extend_from_slice(&[0; 32]);
        assert_eq!(read(&bytes, 0), Slot::Frame { payload: b"{\"a\":1}" });
        assert_eq!(read(&bytes, end), Slot::Empty);
        assert_eq!(read(&bytes, bytes.len()), Slot::Empty);
        assert_eq!(read(&bytes, bytes.len() + 7), Slot::Empty);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = framed(&["{\"amount\":\"100\"}"]);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(read(&flipped, 0), Slot::Frame { .. }), "bit {bit}");
        }
    }

    #[test]
    fn every_truncation_is_noticed() {
        let bytes = framed(&["{\"amount\":\"100\"}"]);
        for length in 1..bytes.len() {
            assert!(matches!(read(&bytes[..length], 0), Slot::Bad(_)), "length {length}");
        }
    }

    #[test]
    fn later_frames_are_found_behind_a_broken_length() {
        let mut bytes = framed(&["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]);
        bytes[0] = 0xff;
        bytes[2] = 0xff;
        let found: Vec<&[u8]> = find_later(&bytes, 0).map(|(_, payload)| payload).collect();
        assert_eq!(found, [b"{\"b\":2}", b"{\"c\":3}"]);
    }
}
