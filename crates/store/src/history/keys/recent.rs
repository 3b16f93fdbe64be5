//! The entries in memory: those that no run has yet, and the newest of those that some run has.
//!
//! Invariant: an entry is forgotten only once its lsn is sealed. Whoever looks for a name asks here
//! first and the runs afterwards: an entry that is forgotten in between is in a run by then.

use super::hash::{KeyEntry, KeyHash};
use hashbrown::HashTable;
use ledger::{Event, Lsn};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

/// Enough that threads seldom meet, and that growing one table holds nobody up for long.
const SHARDS: usize = 64;

/// A multimap from hash to lsn that every thread may use.
#[derive(Debug)]
pub(crate) struct RecentKeys {
    shards: Vec<Mutex<Shard>>,
    /// Sealed entries beyond this number may be forgotten, shard by shard.
    shard_entries_max: usize,
}

#[derive(Debug, Default)]
struct Shard {
    table: HashTable<KeyEntry>,
    /// In the order they came, which is nearly that of their lsns.
    order: VecDeque<KeyEntry>,
    /// Whatever lies behind it is here: nothing newer was forgotten.
    floor: Lsn,
}

/// What is known of a hash without asking the runs.
#[derive(Debug)]
pub(crate) struct RecentLsns {
    /// In order.
    pub(crate) lsns: Vec<Lsn>,
    /// Runs that begin behind it have nothing to add.
    pub(crate) floor: Lsn,
}

impl RecentKeys {
    /// Keeps about `entries_max` entries, more only while they are not sealed. Will be given what
    /// lies behind `floor`.
    pub(crate) fn new(entries_max: usize, floor: Lsn) -> Self {
        let shard = || Mutex::new(Shard { floor, ..Shard::default() });
        RecentKeys {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            shard_entries_max: entries_max.div_ceil(SHARDS),
        }
    }

    fn shard(&self, hash: KeyHash) -> MutexGuard<'_, Shard> {
        // The tables use the lowest and the topmost bits.
        let shard = (hash.0 >> 32) as usize % SHARDS;
        self.lock(shard)
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        self.shards[shard].lock().expect("nothing panics while it holds this lock")
    }

    pub(crate) fn insert(&self, hash: KeyHash, lsn: Lsn) {
        let entry = KeyEntry { hash, lsn };
        let Shard { table, order, .. } = &mut *self.shard(hash);
        table.insert_unique(hash.0, entry, |entry| entry.hash.0);
        order.push_back(entry);
    }

    /// Adds whatever names a transaction.
    pub(crate) fn insert_names_of(&self, event: &Event) {
        for hash in KeyHash::names_of(event) {
            self.insert(hash, event.lsn);
        }
    }

    /// The lsns of a hash.
    pub(crate) fn find(&self, hash: KeyHash) -> RecentLsns {
        let shard = self.shard(hash);
        let found = shard.table.iter_hash(hash.0).filter(|entry| entry.hash == hash);
        let mut lsns: Vec<Lsn> = found.map(|entry| entry.lsn).collect();
        lsns.sort_unstable();
        RecentLsns { lsns, floor: shard.floor }
    }

    /// Forgets the oldest entries beyond the limit, as far as runs have them: those up to `sealed`.
    pub(crate) fn trim(&self, sealed: Lsn) {
        for shard in 0..SHARDS {
            let Shard { table, order, floor } = &mut *self.lock(shard);
            while order.len() > self.shard_entries_max
                && order.front().is_some_and(|oldest| oldest.lsn <= sealed)
            {
                let Some(oldest) = order.pop_front() else { break };
                *floor = oldest.lsn.max(*floor);
                if let Ok(entry) = table.find_entry(oldest.hash.0, |entry| *entry == oldest) {
                    entry.remove();
                }
            }
            // A burst must not hold its memory for ever.
            if table.capacity() > 4 * table.len() {
                table.shrink_to(2 * table.len(), |entry| entry.hash.0);
                order.shrink_to(2 * order.len());
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        (0..SHARDS).map(|shard| self.lock(shard).order.len()).sum()
    }

    #[cfg(test)]
    pub(crate) fn memory_bytes(&self) -> usize {
        let bytes = |shard: MutexGuard<'_, Shard>| {
            shard.table.allocation_size() + shard.order.capacity() * size_of::<KeyEntry>()
        };
        (0..SHARDS).map(|shard| bytes(self.lock(shard))).sum()
    }
}
