//! The filter of one block: says for certain that a hash is absent, or that it may be there.
//!
//! At 10 bits an entry and 7 probes, about one absent hash in 120 passes.

use super::hash::KeyHash;

pub(super) const FILTER_BYTES: usize = 1_280;
const FILTER_BITS: u64 = 8 * FILTER_BYTES as u64;
const PROBES: u32 = 7;

/// The bits of a hash. A block holds a narrow range of hashes, which share their upper bits: the
/// product spreads the lower ones.
fn bits(hash: KeyHash) -> impl Iterator<Item = usize> {
    let spread = hash.0.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (first, step) = ((spread >> 32) as u32, spread as u32 | 1);
    (0..PROBES).map(move |probe| {
        let place = first.wrapping_add(probe.wrapping_mul(step));
        ((u64::from(place) * FILTER_BITS) >> 32) as usize
    })
}

pub(super) fn set(filter: &mut [u8], hash: KeyHash) {
    for bit in bits(hash) {
        filter[bit / 8] |= 1 << (bit % 8);
    }
}

pub(super) fn may_hold(filter: &[u8], hash: KeyHash) -> bool {
    bits(hash).all(|bit| filter.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1))
}
