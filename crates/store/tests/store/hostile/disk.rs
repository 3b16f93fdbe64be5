//! A disk in memory that keeps what was written and what is durable apart, and can lose the rest.
//!
//! | what | durable after | a power cut before that |
//! |---|---|---|
//! | bytes of a file | `sync_data` | loses, keeps, tears (at 512 B or 4 KiB) or reorders them |
//! | length of a file | `sync_data` | keeps a prefix of the changes |
//! | a name made, moved or removed | `sync_dir` of its directory | keeps any subset of the changes |
//!
//! A sync that fails leaves clean pages that the disk does not have, as Linux does: a later sync
//! answers Ok and saves nothing of them. Names stay dirty after a failed `sync_dir`: a journal that
//! cannot be written stops the file system.
//!
//! Every call that changes something is an operation with a number. A crash is planted at one: it
//! is not carried out, and from then on every call fails. Then [`FakeDisk::after`] gives the disk
//! that a restart finds.

mod content;
mod directory;
mod loss;
mod storage;
mod tests;

pub(crate) use content::SparseBytes;
pub(crate) use loss::Loss;

use content::FileContent;
use directory::{Directory, Entry};
use loss::Fate;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use store::storage::StorageFile;

/// The disk. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct FakeDisk {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    gate: Condvar,
}

#[derive(Debug, Clone)]
struct State {
    files: BTreeMap<u64, FileContent>,
    directories: BTreeMap<PathBuf, Directory>,
    locks: BTreeSet<PathBuf>,
    /// What was done, in order: the number of an operation is its place here, from 1.
    operations: Vec<String>,
    crash_at: Option<usize>,
    crashed: bool,
    /// Operations wait while this is so.
    held: bool,
    waiting: usize,
}

impl Default for State {
    fn default() -> Self {
        let root = (PathBuf::from("/"), Directory::default());
        State {
            files: BTreeMap::new(),
            directories: BTreeMap::from([root]),
            locks: BTreeSet::new(),
            operations: Vec::new(),
            crash_at: None,
            crashed: false,
            held: false,
            waiting: 0,
        }
    }
}

/// Why every call fails after a crash: nobody is left who could notice.
#[derive(Debug)]
struct Crashed;

impl std::fmt::Display for Crashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the machine has crashed")
    }
}

impl std::error::Error for Crashed {}

/// Whether a call failed because the machine had crashed, and not because the disk said no.
pub(crate) fn is_crash(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|source| source.is::<Crashed>())
}

impl FakeDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("the fake disk does not panic")
    }

    /// Crashes at the operation of this number, from 1: neither it nor anything after it happens.
    pub(crate) fn crash_at(&self, operation: usize) {
        self.state().crash_at = Some(operation);
    }

    pub(crate) fn crash_now(&self) {
        let mut state = self.state();
        state.crashed = true;
        state.held = false;
        self.shared.gate.notify_all();
    }

    /// What was done so far.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.state().operations.clone()
    }

    /// Makes every operation wait until [`FakeDisk::release`].
    pub(crate) fn hold(&self) {
        let mut state = self.state();
        state.held = !state.crashed;
    }

    pub(crate) fn release(&self) {
        self.state().held = false;
        self.shared.gate.notify_all();
    }

    /// Returns when an operation waits, or none can.
    pub(crate) fn wait_until_held(&self) {
        let waiting = |state: &mut State| state.held && state.waiting == 0;
        drop(self.shared.gate.wait_while(self.state(), waiting));
    }

    /// The disk that a restart finds after the process or the machine ended now.
    pub(crate) fn after(&self, loss: Loss) -> FakeDisk {
        let state = self.state().after(loss);
        FakeDisk { shared: Arc::new(Shared { state: Mutex::new(state), gate: Condvar::new() }) }
    }

    /// Marks a file's dirty pages clean without saving them all: what a failed sync does.
    pub(crate) fn fail_sync(&self, path: &Path) {
        let mut state = self.state();
        let mut fate = Fate::of(Loss::Random(state.operations.len() as u64));
        if let Ok(id) = state.file_id(path) {
            state.file(id).fail_sync(&mut fate);
        }
    }

    /// The files of a directory as the page cache shows them, by name.
    pub(crate) fn files(&self, dir: &Path) -> BTreeMap<String, SparseBytes> {
        let mut state = self.state();
        let names = state.directories.get(dir).map(|dir| dir.cached.clone()).unwrap_or_default();
        let file = |(name, entry)| match entry {
            Entry::File(id) => Some((name, state.file(id).cached.clone())),
            Entry::Directory => None,
        };
        names.into_iter().filter_map(file).collect()
    }

    /// Carries an operation out, unless the machine crashes first.
    fn operate<T>(
        &self,
        what: impl FnOnce() -> String,
        work: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state();
        while state.held && !state.crashed {
            state.waiting += 1;
            self.shared.gate.notify_all();
            state = self.shared.gate.wait(state).expect("the fake disk does not panic");
            state.waiting -= 1;
        }
        if state.crash_at == Some(state.operations.len() + 1) {
            state.crashed = true;
            state.held = false;
            self.shared.gate.notify_all();
        }
        if state.crashed {
            return Err(io::Error::other(Crashed));
        }
        state.operations.push(what());
        work(&mut state)
    }

    fn look<T>(&self, work: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        if state.crashed { Err(io::Error::other(Crashed)) } else { work(&mut state) }
    }

    fn handle(&self, id: u64, path: &Path) -> Box<dyn StorageFile> {
        Box::new(storage::FakeFile { disk: self.clone(), id, path: path.to_owned() })
    }
}

impl State {
    fn directory(&mut self, path: &Path) -> io::Result<&mut Directory> {
        self.directories.get_mut(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn entry(&mut self, path: &Path) -> io::Result<Option<Entry>> {
        let (dir, name) = split(path)?;
        Ok(self.directory(dir)?.cached.get(name).copied())
    }

    fn file_id(&mut self, path: &Path) -> io::Result<u64> {
        match self.entry(path)? {
            Some(Entry::File(id)) => Ok(id),
            Some(Entry::Directory) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Files live on while a handle may use them, named or not.
    fn file(&mut self, id: u64) -> &mut FileContent {
        self.files.entry(id).or_default()
    }

    fn create_file(&mut self, path: &Path) -> io::Result<u64> {
        if self.entry(path)?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = self.files.len() as u64;
        self.files.insert(id, FileContent::default());
        let (dir, name) = split(path)?;
        self.directory(dir)?.create(name, Entry::File(id));
        Ok(id)
    }

    fn after(&self, loss: Loss) -> State {
        if loss == Loss::Process {
            let State { files, directories, .. } = self.clone();
            return State { files, directories, ..State::default() };
        }
        let mut fate = Fate::of(loss);
        let mut after = State::default();
        let mut reachable = vec![PathBuf::from("/")];
        while let Some(path) = reachable.pop() {
            let names =
                self.directories.get(&path).map(|dir| dir.after(&mut fate)).unwrap_or_default();
            for (name, entry) in &names {
                match entry {
                    Entry::Directory => reachable.push(path.join(name)),
                    Entry::File(id) => {
                        let bytes = self.files[id].after(&mut fate);
                        after.files.insert(*id, FileContent::durable(bytes));
                    }
                }
            }
            after.directories.insert(path, Directory::durable(names));
        }
        // Ids must stay free for new files.
        for id in 0..self.files.len() as u64 {
            after.files.entry(id).or_default();
        }
        after
    }
}

fn split(path: &Path) -> io::Result<(&Path, &str)> {
    let name = path.file_name().and_then(|name| name.to_str());
    path.parent().zip(name).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
