//! Brings the files of a part onto the disk.
//!
//! Invariant: each file is complete and durable under another name before it gets its own, and
//! the manifest is the last: a part that has a manifest has everything.

use super::super::checked_file::CheckedWriter;
use super::super::keys::{KeyEntry, write_run};
use super::Part;
use super::content::RegisteredAsset;
use super::fences::Fences;
use super::manifest::{Covered, FileEntry, Manifest};
use super::names::{KEYS_SUFFIX, MANIFEST_SUFFIX, PartPaths, TableName, data_suffixes};
use super::table_writer::{Layout, TableWriter};
use crate::storage::Storage;
use arrow_schema::SchemaRef;
use ledger::Lsn;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

pub(super) struct PartBuilder<'a> {
    storage: &'a dyn Storage,
    paths: PartPaths,
    layout: Layout,
    files: BTreeMap<String, FileEntry>,
}

impl<'a> PartBuilder<'a> {
    /// Builds a part; if that fails, what was written of it is removed.
    pub(super) fn build(
        storage: &'a dyn Storage,
        dir: &Path,
        (first, last): (Lsn, Lsn),
        layout: Layout,
        fill: impl FnOnce(&mut Self) -> io::Result<(Covered, Vec<RegisteredAsset>)>,
    ) -> io::Result<Part> {
        storage.create_dir_durable(dir)?;
        let paths = PartPaths::new(dir, first, last);
        let mut builder = PartBuilder { storage, paths, layout, files: BTreeMap::new() };
        let built = fill(&mut builder).and_then(|(range, assets)| builder.publish(range, assets));
        if built.is_err() {
            // The error is told; that leftovers cannot be removed either is not worth another.
            for suffix in data_suffixes().chain([MANIFEST_SUFFIX]) {
                let _ = storage.remove(&builder.paths.unfinished(suffix));
            }
        }
        built
    }

    pub(super) fn table(
        &mut self,
        table: TableName,
        schema: SchemaRef,
        fill: impl FnOnce(&mut TableWriter) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut writer = TableWriter::new(self.create(table.suffix())?, schema, self.layout)?;
        fill(&mut writer)?;
        let (checks, fences) = writer.finish()?;
        self.files.insert(table.suffix().to_owned(), FileEntry { checks, fences });
        Ok(())
    }

    /// Entries must come in order.
    pub(super) fn keys(
        &mut self,
        entries: impl IntoIterator<Item = io::Result<KeyEntry>>,
    ) -> io::Result<()> {
        let mut file = self.create(KEYS_SUFFIX)?;
        write_run(entries, &mut file)?;
        let entry = FileEntry { checks: file.finish()?, fences: Fences::default() };
        self.files.insert(KEYS_SUFFIX.to_owned(), entry);
        Ok(())
    }

    fn create(&self, suffix: &str) -> io::Result<CheckedWriter> {
        CheckedWriter::create(self.storage, &self.paths.unfinished(suffix))
    }

    fn publish(&mut self, range: Covered, assets: Vec<RegisteredAsset>) -> io::Result<Part> {
        let store = range.store.clone();
        let (first, last) = (range.first, range.last);
        let manifest = Manifest { range, assets, files: std::mem::take(&mut self.files) };
        let mut file = self.create(MANIFEST_SUFFIX)?;
        file.write_all(&manifest.to_bytes())?;
        file.finish()?;
        // A part of the same range that was found bad: it must not vouch for the new files.
        match self.storage.remove(&self.paths.manifest()) {
            Ok(()) => self.storage.sync_dir(self.paths.dir())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        for suffix in manifest.files.keys() {
            self.storage.rename(&self.paths.unfinished(suffix), &self.paths.file(suffix))?;
        }
        self.storage.sync_dir(self.paths.dir())?;
        self.storage.rename(&self.paths.unfinished(MANIFEST_SUFFIX), &self.paths.manifest())?;
        self.storage.sync_dir(self.paths.dir())?;
        Part::open(self.storage, self.paths.dir(), first, last, &store)
    }
}
