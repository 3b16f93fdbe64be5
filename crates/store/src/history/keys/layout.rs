//! Where things stand in the file of a run. Everything follows from the number of entries.
//!
//! Blocks of entries begin at multiples of their size, so that a checksum over blocks of 16 KiB is
//! verified once for each of them.

use super::bad;
use super::filter::FILTER_BYTES;
use super::hash::KeyEntry;
use std::io;
use std::ops::Range;

pub(super) const BLOCK_ENTRIES: usize = 1_024;
pub(super) const BLOCK_BYTES: usize = BLOCK_ENTRIES * KeyEntry::BYTES;
pub(super) const CHAPTER_BLOCKS: usize = 64;
const CHAPTER_BYTES: u64 = (CHAPTER_BLOCKS * (BLOCK_BYTES + FILTER_BYTES)) as u64;
pub(super) const FENCE_BYTES: usize = 8;
pub(super) const TRAILER_BYTES: usize = 24;

const MAGIC: [u8; 8] = *b"tbkeyrun";
const VERSION: u32 = 1;

pub(super) fn trailer(entries: u64) -> [u8; TRAILER_BYTES] {
    let mut bytes = [0; TRAILER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..].copy_from_slice(&entries.to_le_bytes());
    bytes
}

/// The places in a file, which is known to be as long as they need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    entries: u64,
    blocks: usize,
}

impl Layout {
    /// Trusts neither the trailer nor the size: they must agree.
    pub(super) fn of_file(trailer: &[u8; TRAILER_BYTES], size: u64) -> io::Result<Self> {
        let (magic, rest) = trailer.split_at(8);
        let (version, rest) = rest.split_at(4);
        if magic != MAGIC {
            return Err(bad("has no trailer"));
        }
        if version != VERSION.to_le_bytes() {
            return Err(bad("has a version that this build does not know"));
        }
        let (zero, entries) = rest.split_at(4);
        let entries = entries.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        // A bound first: the sums below cannot overflow then.
        if zero != [0; 4] || entries > size / KeyEntry::BYTES as u64 {
            return Err(bad("is shorter than its trailer says"));
        }
        let blocks = usize::try_from(entries.div_ceil(BLOCK_ENTRIES as u64))
            .map_err(|_| bad("does not fit the memory of this machine"))?;
        let layout = Layout { entries, blocks };
        if layout.fences_offset() + (blocks * FENCE_BYTES + TRAILER_BYTES) as u64 != size {
            return Err(bad("is not as long as its trailer says"));
        }
        Ok(layout)
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    /// Entries in a block: all are full but the last.
    pub(super) fn entries_in(&self, block: usize) -> usize {
        let before = (block * BLOCK_ENTRIES) as u64;
        self.entries.saturating_sub(before).min(BLOCK_ENTRIES as u64) as usize
    }

    pub(super) fn block_offset(&self, block: usize) -> u64 {
        let (chapter, block) = (block / CHAPTER_BLOCKS, block % CHAPTER_BLOCKS);
        chapter as u64 * CHAPTER_BYTES + (block * BLOCK_BYTES) as u64
    }

    pub(super) fn filter_offset(&self, block: usize) -> u64 {
        let first = block - block % CHAPTER_BLOCKS;
        let blocks = self.chapter(first).len();
        self.block_offset(first) + (blocks * BLOCK_BYTES + (block - first) * FILTER_BYTES) as u64
    }

    /// The blocks of the chapter that begins with block `first`.
    pub(super) fn chapter(&self, first: usize) -> Range<usize> {
        first..self.blocks.min(first + CHAPTER_BLOCKS)
    }

    pub(super) fn fences_offset(&self) -> u64 {
        self.blocks as u64 * (BLOCK_BYTES + FILTER_BYTES) as u64
    }
}
