//! The bytes of one file, twice: as the page cache shows them and as the platter holds them.
//!
//! Refuses to know names. Invariant: a byte is durable only through [`FileContent::sync`], or
//! because a crash was kind.

use super::loss::Fate;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a disk writes whole or not at all.
pub(crate) const SECTOR_BYTES: usize = 512;

type Sector = [u8; SECTOR_BYTES];

/// Bytes by sector; what is absent is zero.
#[derive(Debug, Clone, Default)]
pub(crate) struct SparseBytes {
    sectors: BTreeMap<u64, Arc<Sector>>,
    len: u64,
}

impl SparseBytes {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len as usize];
        self.read(0, &mut bytes);
        bytes
    }

    /// Fills `out`, which lies inside the length.
    pub(crate) fn read(&self, offset: u64, out: &mut [u8]) {
        out.fill(0);
        let end = offset + out.len() as u64;
        let first = offset / SECTOR_BYTES as u64;
        for (index, sector) in self.sectors.range(first..end.div_ceil(SECTOR_BYTES as u64)) {
            let start = index * SECTOR_BYTES as u64;
            let from = start.max(offset);
            let to = (start + SECTOR_BYTES as u64).min(end);
            out[(from - offset) as usize..(to - offset) as usize]
                .copy_from_slice(&sector[(from - start) as usize..(to - start) as usize]);
        }
    }

    fn put(&mut self, index: u64, sector: Option<Arc<Sector>>) {
        match sector {
            Some(sector) => drop(self.sectors.insert(index, sector)),
            None => drop(self.sectors.remove(&index)),
        }
    }

    /// Cuts or extends with zeros; nothing stale comes back when the file grows again.
    fn set_len(&mut self, len: u64) {
        let whole = len / SECTOR_BYTES as u64;
        let inside = (len % SECTOR_BYTES as u64) as usize;
        let mut behind = self.sectors.split_off(&whole);
        if inside > 0
            && let Some(sector) = behind.remove(&whole)
        {
            let mut kept = *sector;
            kept[inside..].fill(0);
            self.put(whole, as_stored(kept));
        }
        self.len = len;
    }
}

/// Zeros behind the end mean nothing, so they do not count.
impl PartialEq for SparseBytes {
    fn eq(&self, other: &Self) -> bool {
        self.sectors == other.sectors
    }
}

fn as_stored(sector: Sector) -> Option<Arc<Sector>> {
    (sector != [0; SECTOR_BYTES]).then(|| Arc::new(sector))
}

/// A change that no sync has made durable.
#[derive(Debug, Clone)]
enum Change {
    /// The sectors as the page cache held them after the write.
    Write {
        first: u64,
        sectors: Vec<Option<Arc<Sector>>>,
        end: u64,
    },
    SetLen(u64),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct FileContent {
    pub(crate) cached: SparseBytes,
    pub(crate) durable: SparseBytes,
    pending: Vec<Change>,
}

impl FileContent {
    /// A file as a reboot finds it.
    pub(crate) fn durable(bytes: SparseBytes) -> Self {
        FileContent { cached: bytes.clone(), durable: bytes, pending: Vec::new() }
    }

    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len() as u64;
        let first = offset / SECTOR_BYTES as u64;
        let mut sectors = Vec::new();
        for index in first..end.div_ceil(SECTOR_BYTES as u64) {
            let start = index * SECTOR_BYTES as u64;
            let mut sector = self.cached.sectors.get(&index).map_or([0; SECTOR_BYTES], |s| **s);
            let from = start.max(offset);
            let to = (start + SECTOR_BYTES as u64).min(end);
            sector[(from - start) as usize..(to - start) as usize]
                .copy_from_slice(&bytes[(from - offset) as usize..(to - offset) as usize]);
            let stored = as_stored(sector);
            self.cached.put(index, stored.clone());
            sectors.push(stored);
        }
        self.cached.len = self.cached.len.max(end);
        self.pending.push(Change::Write { first, sectors, end });
    }

    pub(crate) fn set_len(&mut self, len: u64) {
        self.cached.set_len(len);
        self.pending.push(Change::SetLen(len));
    }

    /// Everything dirty becomes durable. What an earlier failed sync marked clean does not.
    pub(crate) fn sync(&mut self) {
        self.durable = self.after(&mut Fate::of(super::Loss::Nothing));
        self.pending.clear();
    }

    /// A sync that fails: some of the dirty pages arrived, all of them count as clean from now on,
    /// and the page cache goes on showing what the disk does not have. The length, which is
    /// metadata, stays dirty.
    pub(crate) fn fail_sync(&mut self, fate: &mut Fate) {
        self.durable = self.after(fate);
        self.pending = vec![Change::SetLen(self.cached.len)];
    }

    /// What the platter may hold after a power cut now.
    pub(crate) fn after(&self, fate: &mut Fate) -> SparseBytes {
        let mut bytes = self.durable.clone();
        let lengths_kept = fate.prefix(self.pending.len());
        for (place, change) in self.pending.iter().enumerate() {
            let length_kept = place < lengths_kept;
            match change {
                Change::Write { first, sectors, end } => {
                    let kept = fate.sectors(*first, sectors.len());
                    for ((index, sector), kept) in (*first..).zip(sectors).zip(kept) {
                        if kept {
                            bytes.put(index, sector.clone());
                        }
                    }
                    if length_kept {
                        bytes.len = bytes.len.max(*end);
                    }
                }
                Change::SetLen(len) if length_kept => bytes.set_len(*len),
                Change::SetLen(_) => {}
            }
        }
        // Sectors that arrived behind the length that survived belong to nobody.
        bytes.set_len(bytes.len);
        bytes
    }
}
