//! Writing a run: in one pass, with the memory of one chapter's filters and the fences.

use super::filter::{self, FILTER_BYTES};
use super::hash::KeyEntry;
use super::layout::{BLOCK_BYTES, BLOCK_ENTRIES, CHAPTER_BLOCKS, FENCE_BYTES, trailer};
use std::io::{self, Write};

/// Writes entries, which must come in order, as the file of a run. Gives their number; an entry
/// that comes twice counts once.
pub(crate) fn write_run(
    entries: impl IntoIterator<Item = io::Result<KeyEntry>>,
    out: &mut impl Write,
) -> io::Result<u64> {
    let mut writer = RunWriter {
        out,
        count: 0,
        block: Vec::with_capacity(BLOCK_BYTES),
        filters: Vec::with_capacity(CHAPTER_BLOCKS * FILTER_BYTES),
        fences: Vec::new(),
    };
    let mut last = None;
    for entry in entries {
        let entry = entry?;
        if last == Some(entry) {
            continue;
        }
        if last > Some(entry) {
            let problem = "keys must be written in order";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        writer.push(entry)?;
        last = Some(entry);
    }
    writer.finish()
}

struct RunWriter<'a, W> {
    out: &'a mut W,
    count: u64,
    /// Entries of the block that is being filled.
    block: Vec<u8>,
    /// Filters of the chapter that is being written.
    filters: Vec<u8>,
    fences: Vec<u8>,
}

impl<W: Write> RunWriter<'_, W> {
    fn push(&mut self, entry: KeyEntry) -> io::Result<()> {
        if self.count.is_multiple_of(BLOCK_ENTRIES as u64) {
            self.end_block()?;
            self.fences.extend_from_slice(&entry.hash.0.to_le_bytes());
            self.filters.resize(self.filters.len() + FILTER_BYTES, 0);
        }
        let filter = self.filters.len() - FILTER_BYTES;
        filter::set(&mut self.filters[filter..], entry.hash);
        self.block.extend_from_slice(&entry.to_bytes());
        self.count += 1;
        Ok(())
    }

    fn end_block(&mut self) -> io::Result<()> {
        if !self.block.is_empty() {
            self.block.resize(BLOCK_BYTES, 0);
            self.out.write_all(&self.block)?;
            self.block.clear();
        }
        if self.filters.len() == CHAPTER_BLOCKS * FILTER_BYTES {
            self.end_chapter()?;
        }
        Ok(())
    }

    fn end_chapter(&mut self) -> io::Result<()> {
        self.out.write_all(&self.filters)?;
        self.filters.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<u64> {
        self.end_block()?;
        self.end_chapter()?;
        debug_assert_eq!(
            self.fences.len() as u64,
            FENCE_BYTES as u64 * self.count.div_ceil(BLOCK_ENTRIES as u64)
        );
        self.out.write_all(&self.fences)?;
        self.out.write_all(&trailer(self.count))?;
        Ok(self.count)
    }
}
