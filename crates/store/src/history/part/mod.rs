//! Parts: immutable pieces of history on disk, each covering a range of lsns.
//!
//! Owns the files of a part and how they are written, read, merged, found again and deleted.
//!
//! Refuses to know: when history is sealed, which parts are merged, what is in memory, how frames
//! look. A part answers for its own range only.
//!
//! Invariant: every answer is what the log says, or an error. An error of kind `InvalidData`,
//! `NotFound` or `UnexpectedEof` means that the part is bad; deleting it costs time only.

mod accounts;
mod builder;
mod coded_texts;
mod content;
mod content_sums;
mod directory;
mod fences;
mod file_chunks;
mod lookup;
mod manifest;
mod merge;
mod names;
mod posting_columns;
mod run_merge;
mod scan;
mod schema;
mod sequence;
mod table;
mod table_scan;
mod table_writer;
#[cfg(test)]
mod tests;
mod values;
mod write;

pub(crate) use content::{
    AccountRecord, LogEnd, LogPosition, Narrowing, PartContent, RegisteredAsset, SealedPosting,
};
pub(crate) use content_sums::{ContentSums, NeededBy};
pub(crate) use directory::{Found, culprits, find, open_parts};
pub(crate) use merge::merge_parts;
pub(crate) use write::write_part;

use super::checked_file::CheckedFile;
use super::column_cache::ColumnCache;
use super::keys::{FilterPlace, KeyHash, Run};
use crate::storage::{Storage, read_all};
use arrow_array::Int64Array;
use ledger::{Lsn, Timestamp};
use manifest::{Covered, Manifest};
use names::{KEYS_SUFFIX, PartPaths, TableName, data_suffixes};
use std::io;
use std::path::Path;
use std::sync::Arc;
use table::{Table, bad};

/// A range of the log, sealed. Shared by many readers, none of whom changes it.
#[derive(Debug)]
pub(crate) struct Part {
    paths: PartPaths,
    range: Covered,
    assets: Vec<RegisteredAsset>,
    postings: Table,
    transactions: Table,
    sequence: Table,
    accounts: Table,
    positions_table: Table,
    positions: Vec<LogPosition>,
    keys: Run<Arc<CheckedFile>>,
    keys_file: Arc<CheckedFile>,
    bytes_on_disk: u64,
}

impl Part {
    /// Opens the part of a range. Reads what finds rows, not the rows.
    fn open(
        storage: &dyn Storage,
        dir: &Path,
        first: Lsn,
        last: Lsn,
        store: &str,
    ) -> io::Result<Self> {
        let paths = PartPaths::new(dir, first, last);
        let manifest_bytes = read_all(&*storage.open_to_read(&paths.manifest())?)?;
        let mut manifest = Manifest::from_bytes(&manifest_bytes)?;
        let range = manifest.range.clone();
        let is_range = first.0 > 0 && first <= last && last.0 < u64::MAX;
        if (range.first, range.last) != (first, last) || !is_range {
            return Err(bad("is named for another range"));
        }
        if range.store != store {
            return Err(bad("belongs to another store"));
        }
        let bytes_on_disk = manifest.files.values().map(|file| file.checks.size).sum::<u64>()
            + manifest_bytes.len() as u64;
        let mut entry = |suffix: &str| {
            manifest.files.remove(suffix).ok_or_else(|| bad("is not in the manifest"))
        };
        let mut open = |table: TableName| {
            let entry = entry(table.suffix())?;
            let path = paths.file(table.suffix());
            Table::open(storage, &path, entry.checks, entry.fences, &schema::of_table(table))
        };
        let postings = open(TableName::Postings)?;
        let transactions = open(TableName::Transactions)?;
        let sequence = open(TableName::Sequence)?;
        let accounts = open(TableName::Accounts)?;
        let positions_table = open(TableName::Positions)?;
        let keys_checks = entry(KEYS_SUFFIX)?.checks;
        let keys_file =
            Arc::new(CheckedFile::open(storage, &paths.file(KEYS_SUFFIX), keys_checks)?);
        let keys = Run::open(keys_file.clone(), FilterPlace::Disk)?;
        if !manifest.files.is_empty() || sequence.fences().rows() != last.0 - first.0 + 1 {
            return Err(bad("is not what the manifest says"));
        }
        Ok(Part {
            positions: read_positions(&positions_table)?,
            paths,
            range,
            assets: manifest.assets,
            postings,
            transactions,
            sequence,
            accounts,
            positions_table,
            keys,
            keys_file,
            bytes_on_disk,
        })
    }

    pub(crate) fn first(&self) -> Lsn {
        self.range.first
    }

    pub(crate) fn last(&self) -> Lsn {
        self.range.last
    }

    pub(crate) fn end(&self) -> LogEnd {
        self.range.end
    }

    pub(crate) fn last_at(&self) -> Timestamp {
        self.range.last_at
    }

    /// Assets that were registered in the part's range, in order.
    pub(crate) fn assets(&self) -> &[RegisteredAsset] {
        &self.assets
    }

    pub(crate) fn postings_count(&self) -> u64 {
        self.postings.fences().rows()
    }

    pub(crate) fn transactions_count(&self) -> u64 {
        self.transactions.fences().rows()
    }

    /// In order of lsn.
    pub(crate) fn positions(&self) -> &[LogPosition] {
        &self.positions
    }

    pub(crate) fn bytes_on_disk(&self) -> u64 {
        self.bytes_on_disk
    }

    /// The accounts that events of the part's range touched, as of its end, by book and path.
    pub(crate) fn accounts(
        &self,
    ) -> io::Result<impl Iterator<Item = io::Result<AccountRecord>> + Send + use<>> {
        Ok(accounts::Accounts::new(self.accounts.read_all()?))
    }

    /// Lsns of the transactions that something of this hash may name.
    pub(crate) fn find(&self, hash: KeyHash) -> io::Result<Vec<Lsn>> {
        self.keys.find(hash)
    }

    /// The index that [`Self::find`] reads.
    pub(crate) fn keys(&self) -> &Run<Arc<CheckedFile>> {
        &self.keys
    }

    /// Reads and checks every byte of the part's files.
    #[cfg(test)]
    pub(crate) fn verify(&self) -> io::Result<()> {
        let tables = [
            &self.postings,
            &self.transactions,
            &self.sequence,
            &self.accounts,
            &self.positions_table,
        ];
        tables.iter().try_for_each(|table| table.file().verify())?;
        self.keys_file.verify()
    }

    /// Deletes the part's files. Readers that have it go on reading.
    /// Lets go of what is kept of the part's columns.
    pub(crate) fn forget(&self, cache: &ColumnCache) {
        self.postings.forget(cache);
        self.transactions.forget(cache);
    }

    pub(crate) fn delete(&self, storage: &dyn Storage) -> io::Result<()> {
        storage.remove(&self.paths.manifest())?;
        // Durable before the rest goes: a manifest must not come back without its files.
        storage.sync_dir(self.paths.dir())?;
        for suffix in data_suffixes() {
            storage.remove(&self.paths.file(suffix))?;
        }
        storage.sync_dir(self.paths.dir())
    }
}

fn read_positions(table: &Table) -> io::Result<Vec<LogPosition>> {
    let mut positions = Vec::new();
    for batch in table.read_all()? {
        let batch = batch?;
        let lsns: &Int64Array = values::column(&batch, "lsn")?;
        let segments: &Int64Array = values::column(&batch, "segment")?;
        let offsets: &Int64Array = values::column(&batch, "offset")?;
        positions.extend((0..batch.num_rows()).map(|row| LogPosition {
            lsn: Lsn(values::unsigned(lsns, row)),
            segment: Lsn(values::unsigned(segments, row)),
            offset: values::unsigned(offsets, row),
        }));
    }
    Ok(positions)
}
