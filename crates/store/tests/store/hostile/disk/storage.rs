//! The fake disk as the store sees it: which call changes what, and which ones are operations.

use super::directory::{Directory, Entry};
use super::{FakeDisk, split};
use std::io;
use std::path::{Path, PathBuf};
use store::storage::{Storage, StorageFile, StorageLock};

impl Storage for FakeDisk {
    fn create_dir_durable(&self, path: &Path) -> io::Result<()> {
        let Ok((parent, name)) = split(path) else { return Ok(()) };
        let exists = self.look(|state| Ok(state.directories.contains_key(path)))?;
        if !exists {
            // An ancestor that exists is left as it is: whoever wants it durable must say so.
            if !self.look(|state| Ok(state.directories.contains_key(parent)))? {
                self.create_dir_durable(parent)?;
            }
            self.operate(
                || format!("mkdir {}", path.display()),
                |state| {
                    state.directory(parent)?.create(name, Entry::Directory);
                    state.directories.insert(path.to_owned(), Directory::default());
                    Ok(())
                },
            )?;
        }
        // A directory that exists may have been made by a process that ended before this.
        self.sync_dir(parent)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.look(|state| Ok(state.directory(dir)?.cached.keys().cloned().collect()))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        let id =
            self.operate(|| format!("create {}", path.display()), |state| state.create_file(path))?;
        Ok(self.handle(id, path))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        let id = self.look(|state| state.file_id(path))?;
        Ok(self.handle(id, path))
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        self.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let ((dir, old), (to_dir, new)) = (split(from)?, split(to)?);
        assert_eq!(dir, to_dir, "the store renames within a directory");
        self.operate(
            || format!("rename {} to {new}", from.display()),
            |state| {
                let id = state.file_id(from)?;
                state.directory(dir)?.rename(old, new, Entry::File(id));
                Ok(())
            },
        )
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let (dir, name) = split(path)?;
        self.operate(
            || format!("remove {}", path.display()),
            |state| {
                state.file_id(path)?;
                state.directory(dir)?.remove(name);
                Ok(())
            },
        )
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.operate(
            || format!("sync directory {}", path.display()),
            |state| {
                state.directory(path)?.sync();
                Ok(())
            },
        )
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn StorageLock>>> {
        self.look(|state| {
            if state.entry(path)?.is_none() {
                state.create_file(path)?;
            }
            let taken = !state.locks.insert(path.to_owned());
            let lock = FakeLock { disk: self.clone(), path: path.to_owned() };
            Ok((!taken).then(|| Box::new(lock) as Box<dyn StorageLock>))
        })
    }
}

#[derive(Debug)]
pub(super) struct FakeFile {
    pub(super) disk: FakeDisk,
    pub(super) id: u64,
    pub(super) path: PathBuf,
}

impl StorageFile for FakeFile {
    fn size(&self) -> io::Result<u64> {
        self.disk.look(|state| Ok(state.file(self.id).cached.len()))
    }

    fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.disk.look(|state| {
            let cached = &state.file(self.id).cached;
            if offset + bytes.len() as u64 > cached.len() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            cached.read(offset, bytes);
            Ok(())
        })
    }

    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.operate(
            || format!("write {} bytes at {offset} of {}", bytes.len(), self.path.display()),
            |state| {
                state.file(self.id).write(offset, bytes);
                Ok(())
            },
        )
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.operate(
            || format!("set length {len} of {}", self.path.display()),
            |state| {
                state.file(self.id).set_len(len);
                Ok(())
            },
        )
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.operate(
            || format!("sync {}", self.path.display()),
            |state| {
                state.file(self.id).sync();
                Ok(())
            },
        )
    }
}

#[derive(Debug)]
struct FakeLock {
    disk: FakeDisk,
    path: PathBuf,
}

impl StorageLock for FakeLock {
    fn describe_holder(&mut self, _text: &str) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for FakeLock {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.path);
    }
}
