//! A disk that says no: fails the n-th call of a kind, once or from then on, and carries out
//! everything else on the storage behind it.
//!
//! Invariant: what fails has no effect, but for a short write, which wrote its first half, and a
//! sync of a file, of which `on_failed_sync` says what it leaves.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use store::storage::{Storage, StorageFile, StorageLock};

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    MakeDirectory,
    List,
    Create,
    Open,
    Read,
    Write,
    SetLen,
    Sync,
    SyncDirectory,
    Rename,
    Remove,
}

impl Call {
    pub(crate) const ALL: [(Call, &'static str); 11] = [
        (Call::MakeDirectory, "mkdir"),
        (Call::List, "list"),
        (Call::Create, "create"),
        (Call::Open, "open"),
        (Call::Read, "read"),
        (Call::Write, "write"),
        (Call::SetLen, "setlen"),
        (Call::Sync, "sync"),
        (Call::SyncDirectory, "syncdir"),
        (Call::Rename, "rename"),
        (Call::Remove, "remove"),
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// EIO.
    Broken,
    /// ENOSPC.
    Full,
    /// Part of the bytes is written, then ENOSPC. For any other call the same as `Full`.
    Short,
}

impl Failure {
    pub(crate) const ALL: [(Failure, &'static str); 3] =
        [(Failure::Broken, "eio"), (Failure::Full, "enospc"), (Failure::Short, "short")];

    fn error(self) -> io::Error {
        match self {
            Failure::Broken => io::Error::from_raw_os_error(5),
            Failure::Full | Failure::Short => io::ErrorKind::StorageFull.into(),
        }
    }
}

/// Which call fails and how; prints as `sync3-eio`, or `sync3-eio-ever`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) call: Call,
    /// From 1, among the calls of its kind.
    pub(crate) nth: u64,
    pub(crate) failure: Failure,
    pub(crate) for_ever: bool,
}

fn name_of<T: PartialEq>(names: &[(T, &'static str)], wanted: &T) -> &'static str {
    names.iter().find(|(value, _)| value == wanted).expect("the table names all").1
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = name_of(&Call::ALL, &self.call);
        let failure = name_of(&Failure::ALL, &self.failure);
        write!(f, "{call}{}-{failure}{}", self.nth, if self.for_ever { "-ever" } else { "" })
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("unknown fault \"{text}\"");
        let (rest, for_ever) =
            text.strip_suffix("-ever").map_or((text, false), |rest| (rest, true));
        let (call, failure) = rest.split_once('-').ok_or_else(unknown)?;
        let digits = call.find(|c: char| c.is_ascii_digit()).ok_or_else(unknown)?;
        let (call, nth) = call.split_at(digits);
        let call = Call::ALL.iter().find(|(_, name)| *name == call).ok_or_else(unknown)?.0;
        let failure = Failure::ALL.iter().find(|(_, name)| *name == failure).ok_or_else(unknown)?.0;
        Ok(Fault { call, nth: nth.parse().map_err(|_| unknown())?, failure, for_ever })
    }
}

type OnFailedSync = dyn Fn(&Path) + Send + Sync;

/// Clones are the same.
#[derive(Clone)]
pub(crate) struct FaultyDisk {
    inner: Arc<dyn Storage>,
    fault: Option<Fault>,
    calls: Arc<Mutex<BTreeMap<Call, u64>>>,
    on_failed_sync: Arc<OnFailedSync>,
}

impl fmt::Debug for FaultyDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyDisk").field("fault", &self.fault).finish_non_exhaustive()
    }
}

impl FaultyDisk {
    pub(crate) fn new(
        inner: Arc<dyn Storage>,
        fault: Option<Fault>,
        on_failed_sync: impl Fn(&Path) + Send + Sync + 'static,
    ) -> Self {
        let on_failed_sync = Arc::new(on_failed_sync);
        FaultyDisk { inner, fault, calls: Arc::default(), on_failed_sync }
    }

    /// How many calls of a kind came so far.
    pub(crate) fn count(&self, call: Call) -> u64 {
        let calls = self.calls.lock().expect("counting does not panic");
        calls.get(&call).copied().unwrap_or_default()
    }

    fn failing(&self, call: Call) -> Option<Failure> {
        let nth = {
            let mut calls = self.calls.lock().expect("counting does not panic");
            let count = calls.entry(call).or_default();
            *count += 1;
            *count
        };
        let fault = self.fault.filter(|fault| fault.call == call)?;
        (nth == fault.nth || (fault.for_ever && nth > fault.nth)).then_some(fault.failure)
    }

    fn pass<T>(&self, call: Call, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.failing(call) {
            Some(failure) => Err(failure.error()),
            None => work(),
        }
    }

    fn file(&self, file: Box<dyn StorageFile>, path: &Path) -> Box<dyn StorageFile> {
        Box::new(FaultyFile { file, path: path.to_owned(), disk: self.clone() })
    }
}

impl Storage for FaultyDisk {
    fn create_dir_durable(&self, path: &Path) -> io::Result<()> {
        self.pass(Call::MakeDirectory, || self.inner.create_dir_durable(path))
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.pass(Call::List, || self.inner.list(dir))
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        self.pass(Call::Create, || self.inner.create(path)).map(|file| self.file(file, path))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        self.pass(Call::Open, || self.inner.open(path)).map(|file| self.file(file, path))
    }
    fn open_to_read(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        self.pass(Call::Open, || self.inner.open_to_read(path)).map(|file| self.file(file, path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.pass(Call::Rename, || self.inner.rename(from, to))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.pass(Call::Remove, || self.inner.remove(path))
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.pass(Call::SyncDirectory, || self.inner.sync_dir(path))
    }
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn StorageLock>>> {
        self.inner.try_lock(path)
    }
}

#[derive(Debug)]
struct FaultyFile {
    file: Box<dyn StorageFile>,
    path: PathBuf,
    disk: FaultyDisk,
}

impl StorageFile for FaultyFile {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }
    fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.disk.pass(Call::Read, || self.file.read_exact_at(offset, bytes))
    }
    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self.disk.failing(Call::Write) {
            Some(Failure::Short) => {
                // Half of what is not zeros: in the middle of the frames, not of the zeros ahead.
                let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
                self.file.write_all_at(offset, &bytes[..(bytes.len() - zeros) / 2])?;
                Err(Failure::Short.error())
            }
            Some(failure) => Err(failure.error()),
            None => self.file.write_all_at(offset, bytes),
        }
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.pass(Call::SetLen, || self.file.set_len(len))
    }
    fn sync_data(&self) -> io::Result<()> {
        match self.disk.failing(Call::Sync) {
            Some(failure) => {
                (self.disk.on_failed_sync)(&self.path);
                Err(failure.error())
            }
            None => self.file.sync_data(),
        }
    }
}
