//! Reading a run: finding a hash, and all entries in order.

use super::filter::{self, FILTER_BYTES};
use super::hash::{KeyEntry, KeyHash};
use super::layout::{BLOCK_BYTES, CHAPTER_BLOCKS, FENCE_BYTES, Layout, TRAILER_BYTES};
use super::{ReadAt, bad};
use ledger::Lsn;
use std::io;
use std::ops::Range;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Where the filter of a run is kept while the run is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FilterPlace {
    /// An absent hash costs no read. Takes about 10 bits an entry.
    Memory,
    /// An absent hash costs one small read.
    Disk,
}

/// An open run. Its fences are in memory, 8 bytes for 1,024 entries.
#[derive(Debug)]
pub(crate) struct Run<R> {
    file: R,
    layout: Layout,
    /// The hash of each block's first entry.
    fences: Vec<u64>,
    /// The filters of all blocks, end to end, if they are in memory.
    filters: RwLock<Option<Vec<u8>>>,
}

impl<R: ReadAt> Run<R> {
    pub(crate) fn open(file: R, place: FilterPlace) -> io::Result<Self> {
        let size = file.size();
        let trailer_offset =
            size.checked_sub(TRAILER_BYTES as u64).ok_or_else(|| bad("has no trailer"))?;
        let mut trailer = [0; TRAILER_BYTES];
        file.read_exact_at(trailer_offset, &mut trailer)?;
        let layout = Layout::of_file(&trailer, size)?;
        let mut bytes = vec![0; layout.blocks() * FENCE_BYTES];
        file.read_exact_at(layout.fences_offset(), &mut bytes)?;
        let (fences, _) = bytes.as_chunks();
        let fences: Vec<u64> = fences.iter().map(|fence| u64::from_le_bytes(*fence)).collect();
        if !fences.is_sorted() {
            return Err(bad("has fences out of order"));
        }
        let run = Run { file, layout, fences, filters: RwLock::default() };
        run.place_filter(place)?;
        Ok(run)
    }

    #[cfg(test)]
    pub(super) fn file(&self) -> &R {
        &self.file
    }

    /// The number of entries.
    #[cfg(test)]
    pub(crate) fn len(&self) -> u64 {
        self.layout.entries()
    }

    /// Loads the filter or gives its memory back.
    pub(crate) fn place_filter(&self, place: FilterPlace) -> io::Result<()> {
        let filters = match place {
            FilterPlace::Disk => None,
            FilterPlace::Memory if self.filters().is_some() => return Ok(()),
            FilterPlace::Memory => Some(self.load_filters()?),
        };
        // A lock that a panic left behind guards nothing but a cache.
        *self.filters.write().unwrap_or_else(PoisonError::into_inner) = filters;
        Ok(())
    }

    fn filters(&self) -> RwLockReadGuard<'_, Option<Vec<u8>>> {
        self.filters.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn load_filters(&self) -> io::Result<Vec<u8>> {
        let mut filters = vec![0; self.layout.blocks() * FILTER_BYTES];
        for (index, bytes) in filters.chunks_mut(CHAPTER_BLOCKS * FILTER_BYTES).enumerate() {
            self.file.read_exact_at(self.layout.filter_offset(index * CHAPTER_BLOCKS), bytes)?;
        }
        Ok(filters)
    }

    /// What the run holds in memory now.
    #[cfg(test)]
    pub(crate) fn memory_bytes(&self) -> usize {
        let filters = self.filters().as_ref().map_or(0, Vec::capacity);
        size_of::<Self>() + self.fences.capacity() * size_of::<u64>() + filters
    }

    /// What [`Self::place_filter`] in memory adds to that.
    pub(crate) fn filter_bytes(&self) -> usize {
        self.layout.blocks() * FILTER_BYTES
    }

    /// The lsns of a hash, in order.
    pub(crate) fn find(&self, hash: KeyHash) -> io::Result<Vec<Lsn>> {
        let mut lsns = Vec::new();
        for block in self.blocks_of(hash) {
            if self.may_hold(block, hash)? {
                self.find_in(block, hash, &mut lsns)?;
            }
        }
        Ok(lsns)
    }

    /// Whether the filters say, without the disk, that nothing of this hash is here.
    pub(crate) fn surely_lacks(&self, hash: KeyHash) -> bool {
        let filters = self.filters();
        let Some(filters) = &*filters else { return false };
        !self.blocks_of(hash).any(|block| block_may_hold(filters, block, hash))
    }

    /// The blocks that entries of a hash can be in.
    fn blocks_of(&self, hash: KeyHash) -> Range<usize> {
        // Entries of one hash may begin at the end of the block before the first fence that has it.
        let first = self.fences.partition_point(|fence| *fence < hash.0).saturating_sub(1);
        let count = self.fences[first..].iter().take_while(|fence| **fence <= hash.0).count();
        first..first + count
    }

    fn may_hold(&self, block: usize, hash: KeyHash) -> io::Result<bool> {
        if let Some(filters) = &*self.filters() {
            return Ok(block_may_hold(filters, block, hash));
        }
        let mut filter = [0; FILTER_BYTES];
        self.file.read_exact_at(self.layout.filter_offset(block), &mut filter)?;
        Ok(filter::may_hold(&filter, hash))
    }

    fn find_in(&self, block: usize, hash: KeyHash, lsns: &mut Vec<Lsn>) -> io::Result<()> {
        let mut bytes = vec![0; BLOCK_BYTES];
        let entries = self.read_block(block, &mut bytes)?;
        let start = entries.partition_point(|entry| KeyEntry::from_bytes(*entry).hash < hash);
        let found = entries[start..].iter().map(|entry| KeyEntry::from_bytes(*entry));
        lsns.extend(found.take_while(|entry| entry.hash == hash).map(|entry| entry.lsn));
        Ok(())
    }

    fn read_block<'a>(
        &self,
        block: usize,
        bytes: &'a mut [u8],
    ) -> io::Result<&'a [[u8; KeyEntry::BYTES]]> {
        let bytes = &mut bytes[..self.layout.entries_in(block) * KeyEntry::BYTES];
        self.file.read_exact_at(self.layout.block_offset(block), bytes)?;
        Ok(bytes.as_chunks().0)
    }

    /// All entries in order, read block by block.
    pub(crate) fn entries(&self) -> Entries<'_, R> {
        Entries { run: self, next_block: 0, block: Vec::new(), next: 0, last: None, failed: false }
    }
}

/// The entries of a run. After an error it ends.
#[derive(Debug)]
pub(crate) struct Entries<'a, R> {
    run: &'a Run<R>,
    next_block: usize,
    block: Vec<u8>,
    /// The next entry's offset in `block`.
    next: usize,
    last: Option<KeyEntry>,
    failed: bool,
}

impl<R: ReadAt> Entries<'_, R> {
    fn read_next(&mut self) -> io::Result<Option<KeyEntry>> {
        if self.next == self.block.len() {
            if self.next_block == self.run.layout.blocks() {
                return Ok(None);
            }
            self.block.resize(BLOCK_BYTES, 0);
            let read = self.run.read_block(self.next_block, &mut self.block)?.len();
            self.block.truncate(read * KeyEntry::BYTES);
            self.next_block += 1;
            self.next = 0;
        }
        let Some(bytes) = self.block[self.next..].first_chunk() else {
            return Err(bad("has a block without entries"));
        };
        let entry = KeyEntry::from_bytes(*bytes);
        self.next += KeyEntry::BYTES;
        // A merge relies on this, and so does every search.
        if self.last >= Some(entry) {
            return Err(bad("has entries out of order"));
        }
        self.last = Some(entry);
        Ok(Some(entry))
    }
}

impl<R: ReadAt> Iterator for Entries<'_, R> {
    type Item = io::Result<KeyEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let entry = self.read_next();
        self.failed = entry.is_err();
        entry.transpose()
    }
}

/// What the filters of all blocks say of one block.
fn block_may_hold(filters: &[u8], block: usize, hash: KeyHash) -> bool {
    let start = block * FILTER_BYTES;
    filter::may_hold(&filters[start..start + FILTER_BYTES], hash)
}
