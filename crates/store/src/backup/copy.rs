//! A directory that files of a log are copied to.
//!
//! Invariant: a file gets its name when it is whole and synced; what had the name before is whole
//! until then.

use super::manifest::{self, MANIFEST_NAME, Manifest, UNFINISHED_NAME};
use super::{BackupError, failed};
use crate::log::lock;
use crate::log::recovery::segment_names;
use crate::log::segment::SegmentName;
use crate::log::writer::hex;
use crate::storage::{Storage, StorageFile, StorageLock, read_all};
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CHUNK_BYTES: u64 = 1024 * 1024;

/// Fills bytes from an offset on.
pub(super) type Read<'a> = &'a mut dyn FnMut(u64, &mut [u8]) -> io::Result<()>;

pub(super) struct Target {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    log_dir: PathBuf,
}

impl Target {
    pub(super) fn new(storage: Arc<dyn Storage>, dir: &Path) -> Self {
        Target { storage, dir: dir.to_owned(), log_dir: dir.join("log") }
    }

    /// Creates the directory if there is none.
    pub(super) fn prepare(storage: Arc<dyn Storage>, dir: &Path) -> Result<Self, BackupError> {
        let target = Target::new(storage, dir);
        target.storage.create_dir_durable(dir).map_err(failed("creating", dir))?;
        Ok(target)
    }

    pub(super) fn lock(&self) -> Result<Box<dyn StorageLock>, BackupError> {
        Ok(lock::acquire(&*self.storage, &self.dir)?)
    }

    pub(super) fn wrong(&self, problem: impl Into<String>) -> BackupError {
        BackupError::WrongTarget { path: self.dir.clone(), problem: problem.into() }
    }

    /// Names in the directory, without the lock's.
    pub(super) fn names(&self) -> Result<Vec<String>, BackupError> {
        let mut names = self.storage.list(&self.dir).map_err(failed("listing", &self.dir))?;
        names.retain(|name| name != "LOCK");
        Ok(names)
    }

    /// The manifest of the backup that is there. An error if something else is there, or the
    /// backup of another store.
    pub(super) fn older_backup(&self, store: &str) -> Result<Option<Manifest>, BackupError> {
        let names = self.names()?;
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        if has(MANIFEST_NAME) {
            let manifest = self.manifest()?;
            if manifest.store != store {
                return Err(self.wrong("it holds a backup of another store"));
            }
            return Ok(Some(manifest));
        }
        if has(UNFINISHED_NAME) {
            let bytes = self.read(UNFINISHED_NAME)?;
            return match manifest::store_of_unfinished(&bytes) {
                Some(of) if of == store => Ok(None),
                _ => Err(self.wrong("it holds an unfinished backup of another store")),
            };
        }
        if names.is_empty() {
            return Ok(None);
        }
        Err(self.wrong("it is not empty and holds no backup"))
    }

    pub(super) fn manifest(&self) -> Result<Manifest, BackupError> {
        Manifest::from_bytes(&self.read(MANIFEST_NAME)?).map_err(|problem| self.no_backup(problem))
    }

    pub(super) fn no_backup(&self, problem: impl Into<String>) -> BackupError {
        BackupError::NotABackup { path: self.dir.clone(), problem: problem.into() }
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, BackupError> {
        let path = self.dir.join(name);
        let file = self.storage.open_to_read(&path).map_err(failed("opening", &path))?;
        read_all(&*file).map_err(failed("reading", &path))
    }

    /// From now on the directory is a backup that is not finished, unless it holds one already.
    pub(super) fn begin(&self, store: &str) -> Result<(), BackupError> {
        let names = self.names()?;
        if !names.iter().any(|name| name == MANIFEST_NAME || name == UNFINISHED_NAME) {
            self.put(&self.dir, UNFINISHED_NAME, &manifest::unfinished_bytes(store))?;
        }
        self.create_log_dir()
    }

    pub(super) fn create_log_dir(&self) -> Result<(), BackupError> {
        let log_dir = &self.log_dir;
        self.storage.create_dir_durable(log_dir).map_err(failed("creating", log_dir))?;
        // What an earlier attempt did not finish.
        for name in self.storage.list(log_dir).map_err(failed("listing", log_dir))? {
            if name.ends_with(".tmp") {
                let path = log_dir.join(name);
                self.storage.remove(&path).map_err(failed("removing", &path))?;
            }
        }
        Ok(())
    }

    /// Writes the manifest: from now on this is a backup.
    pub(super) fn finish(&self, manifest: &Manifest) -> Result<(), BackupError> {
        self.put(&self.dir, MANIFEST_NAME, &manifest.to_bytes())?;
        let unfinished = self.dir.join(UNFINISHED_NAME);
        match self.storage.remove(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("removing", &unfinished)(error));
            }
            _ => {}
        }
        self.storage.sync_dir(&self.dir).map_err(failed("syncing", &self.dir))
    }

    pub(super) fn segments(&self) -> Result<Vec<SegmentName>, BackupError> {
        Ok(segment_names(&*self.storage, &self.log_dir)?)
    }

    /// `None` if the segment is not there.
    pub(super) fn segment_size(&self, name: SegmentName) -> Result<Option<u64>, BackupError> {
        let path = self.log_dir.join(name.to_string());
        match self.storage.open_to_read(&path).and_then(|file| file.size()) {
            Ok(size) => Ok(Some(size)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("reading", &path)(error)),
        }
    }

    /// The digest of a segment that is there.
    pub(super) fn digest(&self, name: SegmentName, size: u64) -> Result<String, BackupError> {
        let path = self.log_dir.join(name.to_string());
        let file = self.storage.open_to_read(&path).map_err(failed("opening", &path))?;
        digest_of(&*file, size).map_err(failed("reading", &path))
    }

    /// What is there of a segment must be how the new bytes begin: a log only grows.
    pub(super) fn require_prefix(
        &self,
        name: SegmentName,
        there: Option<u64>,
        read: Read<'_>,
    ) -> Result<(), BackupError> {
        let Some(size) = there else { return Ok(()) };
        let path = self.log_dir.join(name.to_string());
        let file = self.storage.open_to_read(&path).map_err(failed("opening", &path))?;
        let mut is_prefix = true;
        let mut old = Vec::new();
        let compared = in_chunks(size, |at, bytes| {
            old.resize(bytes.len(), 0);
            file.read_exact_at(at, &mut old)?;
            read(at, bytes)?;
            is_prefix &= *bytes == *old;
            Ok(())
        });
        match compared {
            Ok(()) if is_prefix => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Err(failed("reading", &path)(error))
            }
            _ => Err(self.wrong(format!(
                "its {name} is not how that segment of the log begins: it is a backup of another \
                 history, or damaged; choose another directory"
            ))),
        }
    }

    /// Copies a segment; gives its digest.
    pub(super) fn copy(
        &self,
        name: SegmentName,
        size: u64,
        read: Read<'_>,
    ) -> Result<String, BackupError> {
        let mut sha256 = Sha256::new();
        self.replace(&self.log_dir, &name.to_string(), size, &mut |at, bytes| {
            read(at, bytes)?;
            sha256.update(&*bytes);
            Ok(())
        })?;
        Ok(hex(&sha256.finalize()))
    }

    /// Puts a small file in its place.
    pub(super) fn put(&self, dir: &Path, name: &str, content: &[u8]) -> Result<(), BackupError> {
        let read = &mut |at: u64, out: &mut [u8]| super::source::read_from(content, at, out);
        self.replace(dir, name, content.len() as u64, read)
    }

    /// Puts a segment in its place whose bytes are known.
    pub(super) fn put_segment(&self, name: SegmentName, content: &[u8]) -> Result<(), BackupError> {
        self.put(&self.log_dir, &name.to_string(), content)
    }

    fn replace(
        &self,
        dir: &Path,
        name: &str,
        size: u64,
        read: Read<'_>,
    ) -> Result<(), BackupError> {
        let (path, unfinished) = (dir.join(name), dir.join(format!("{name}.tmp")));
        match self.storage.remove(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("removing", &unfinished)(error));
            }
            _ => {}
        }
        let mut write = || {
            let file = self.storage.create(&unfinished)?;
            in_chunks(size, |at, bytes| {
                read(at, bytes)?;
                file.write_all_at(at, bytes)
            })?;
            file.sync_data()?;
            self.storage.rename(&unfinished, &path)?;
            self.storage.sync_dir(dir)
        };
        write().map_err(failed("writing", &path))
    }
}

/// The digest of a file's first bytes.
pub(super) fn digest_of(file: &dyn StorageFile, size: u64) -> io::Result<String> {
    let mut sha256 = Sha256::new();
    in_chunks(size, |at, bytes| {
        file.read_exact_at(at, bytes)?;
        sha256.update(&*bytes);
        Ok(())
    })?;
    Ok(hex(&sha256.finalize()))
}

/// Goes through `size` bytes chunk by chunk.
fn in_chunks(size: u64, mut each: impl FnMut(u64, &mut [u8]) -> io::Result<()>) -> io::Result<()> {
    let mut chunk = vec![0; size.min(CHUNK_BYTES) as usize];
    let mut at = 0;
    while at < size {
        let length = (size - at).min(CHUNK_BYTES) as usize;
        each(at, &mut chunk[..length])?;
        at += length as u64;
    }
    Ok(())
}
