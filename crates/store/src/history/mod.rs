//! Sealed history: caches of the log that make it searchable without holding it in memory.
//!
//! Owns: the parts in use and their order ([`Chain`]), the index of names ([`keys`]), when a part
//! is made and when parts are merged ([`checkpointer`]), and making a part again that turned out
//! bad ([`reseal`]).
//!
//! Refuses to know: how events are decided, and what readers ask beyond rows of one part.
//!
//! Invariants: nothing here is the truth, every file can be deleted and is made again from the
//! log; and the parts are a gapless chain from lsn 1, whose end only moves forward.

mod chain;
pub(crate) mod checked_file;
pub(crate) mod checkpointer;
mod column_cache;
pub(crate) mod keys;
mod part;
mod reseal;
mod seal;

pub(crate) use chain::{BadPart, Chain};
pub(crate) use column_cache::ColumnCache;
pub(crate) use part::{
    ContentSums, Found, Narrowing, NeededBy, Part, RegisteredAsset, SealedPosting,
};
#[cfg(test)]
pub(crate) use part::{PartContent, write_part};
pub(crate) use part::{culprits as culprits_of_part, find as find_parts};

use crate::log::files::LogFiles;
use crate::storage::Storage;
use keys::{FilterPlace, RecentKeys};
use ledger::Lsn;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

/// The folder of a data directory that holds the parts.
pub(crate) const HISTORY_DIR: &str = "history";

/// How much of the index and of the columns is kept in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HistoryLimits {
    /// Entries of [`RecentKeys`].
    pub(crate) hot_entries_max: usize,
    /// Filters of the runs on disk.
    pub(crate) filter_bytes_max: usize,
    /// Columns of parts that scans have read.
    pub(crate) column_bytes_max: usize,
}

#[derive(Debug)]
pub(crate) struct History {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    store: String,
    pub(crate) log: Arc<LogFiles>,
    /// Names of the newest transactions, staged ones included.
    pub(crate) keys: RecentKeys,
    pub(crate) columns: ColumnCache,
    chain: RwLock<Arc<Chain>>,
    /// What the filters of the parts' key runs may take in memory; the rest stay on the disk.
    filter_bytes_max: usize,
    /// Held while a bad part is made again, so that it is made once.
    resealing: Mutex<()>,
}

const POISONED: &str = "nothing panics while it holds this lock";

impl History {
    /// Opens the parts of a store that are of this log: the rest is deleted.
    ///
    /// A directory that cannot be read as such is an error; a bad file in it only costs time.
    pub(crate) fn open(
        storage: Arc<dyn Storage>,
        data_dir: &Path,
        store: &str,
        log: Arc<LogFiles>,
        limits: HistoryLimits,
    ) -> io::Result<Self> {
        let dir = data_dir.join(HISTORY_DIR);
        storage.create_dir_durable(&dir)?;
        let parts = part::open_parts(&*storage, &dir, store)?;
        let chain = Chain::new(parts.into_iter().map(Arc::new).collect());
        let history = History {
            storage,
            dir,
            store: store.to_owned(),
            log,
            keys: RecentKeys::new(limits.hot_entries_max, chain.sealed()),
            columns: ColumnCache::new(limits.column_bytes_max),
            chain: RwLock::new(Arc::new(chain)),
            filter_bytes_max: limits.filter_bytes_max,
            resealing: Mutex::default(),
        };
        history.place_filters();
        Ok(history)
    }

    /// Filters of the newest parts are kept in memory, as far as they fit.
    ///
    /// Reads the disk, so never under the chain's lock, which every lookup of a name takes: until
    /// a part's filter is loaded, its names are found through the disk.
    fn place_filters(&self) {
        let mut left = self.filter_bytes_max;
        for part in self.chain().parts().iter().rev() {
            let place = match left.checked_sub(part.keys().filter_bytes()) {
                Some(rest) => {
                    left = rest;
                    FilterPlace::Memory
                }
                None => FilterPlace::Disk,
            };
            if let Err(error) = part.keys().place_filter(place) {
                // Then it is read from the disk, and found to be bad there if it is.
                tracing::warn!(first = part.first().0, %error, "a filter could not be loaded");
            }
        }
    }

    pub(crate) fn chain(&self) -> Arc<Chain> {
        self.chain.read().expect(POISONED).clone()
    }

    /// Everything up to here is in a part.
    pub(crate) fn sealed(&self) -> Lsn {
        self.chain.read().expect(POISONED).sealed()
    }

    /// Adds a part behind the last one.
    fn append(&self, part: Arc<Part>) {
        {
            let mut chain = self.chain.write().expect(POISONED);
            *chain = Arc::new(chain.with(part));
        }
        self.place_filters();
    }

    /// Puts one part in the place of those that cover its range. False if the chain has changed
    /// meanwhile and they are not there any more.
    fn replace(&self, old: &[Arc<Part>], new: Arc<Part>) -> bool {
        {
            let mut chain = self.chain.write().expect(POISONED);
            let Some(replaced) = chain.replacing(old, new) else { return false };
            *chain = Arc::new(replaced);
        }
        self.place_filters();
        true
    }

    /// Forgets the parts from this one on, before anything relies on them: a start that finds
    /// a part bad reads the log from there.
    pub(crate) fn cut_off(&self, from: Lsn) {
        let dropped = {
            let mut chain = self.chain.write().expect(POISONED);
            let (kept, dropped) = chain.split(from);
            *chain = Arc::new(kept);
            dropped
        };
        dropped.iter().for_each(|part| self.delete(part));
    }

    /// Deletes a part's files. A file that cannot be deleted is deleted at the next start.
    fn delete(&self, part: &Part) {
        part.forget(&self.columns);
        if let Err(error) = part.delete(&*self.storage) {
            tracing::warn!(first = part.first().0, last = part.last().0, %error, "a part is left behind");
        }
    }
}
