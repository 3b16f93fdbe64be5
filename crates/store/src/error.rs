//! What can go wrong, by what the caller should do about it.

use ledger::{BookName, Lsn, Rejection};
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a group was not committed. Except for [`CommitError::OutcomeUnknown`], nothing happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitError {
    /// The rules said no to the draft at `index`.
    Rejected {
        index: usize,
        rejection: Rejection,
    },
    /// The book has too much staged already: try again with the same key.
    Busy {
        book: BookName,
    },
    /// The group does not fit one frame.
    FrameTooLarge {
        bytes: usize,
        bytes_max: usize,
    },
    /// A disk failure came between the first byte and the end of the sync. A restart will show
    /// whether the group is in the log: look it up by its keys.
    OutcomeUnknown,
    /// An earlier disk failure stopped the log writer; a restart is needed.
    Stopped {
        durable: Lsn,
    },
    /// The disk was full; a restart with free space is needed.
    DiskFull {
        durable: Lsn,
    },
    ShuttingDown,
    /// A book that the group was to find unmoved has an event after that: this one, or any
    /// ([`crate::Unmoved`]). Decide again on the ledger as it is now.
    Moved {
        book: Option<BookName>,
    },
    /// What the rules had to look up could not be read.
    Read(ReadError),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommitError::Rejected { rejection, .. } => rejection.fmt(f),
            CommitError::Busy { book } => {
                write!(f, "book \"{book}\" has too many writes in flight")
            }
            CommitError::FrameTooLarge { bytes, bytes_max } => {
                write!(f, "the group takes {bytes} bytes, at most {bytes_max} fit one frame")
            }
            CommitError::OutcomeUnknown => {
                f.write_str("the disk failed while the write was on its way: outcome unknown")
            }
            CommitError::Stopped { durable } => {
                write!(
                    f,
                    "the log writer stopped after a disk failure; durable up to lsn {durable}"
                )
            }
            CommitError::DiskFull { durable } => {
                write!(f, "the disk is full; durable up to lsn {durable}")
            }
            CommitError::ShuttingDown => f.write_str("the ledger is shutting down"),
            CommitError::Moved { book: Some(book) } => {
                write!(f, "book \"{book}\" has moved on since it was read")
            }
            CommitError::Moved { book: None } => {
                f.write_str("the ledger has moved on since it was read")
            }
            CommitError::Read(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CommitError {}

/// Why a read has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// The disk fails, or the bytes are not what was written there.
    Unreadable { file: PathBuf, problem: String },
    /// A time was to be read after which nothing is recorded yet, and the disk does not take the
    /// note that nothing is to be recorded before it any more.
    Unsettled { file: PathBuf, problem: String },
    /// What was asked for has no answer that shows a block's staged writes.
    StagedNotShown { what: &'static str },
    /// The answer is not in memory, and the reader asked not to wait for the disk.
    NotInMemory,
}

impl ReadError {
    pub(crate) fn new(file: &Path, problem: impl Into<String>) -> Self {
        ReadError::Unreadable { file: file.to_owned(), problem: problem.into() }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Unreadable { file, problem } => {
                write!(f, "reading {} failed: {problem}", file.display())
            }
            ReadError::Unsettled { file, problem } => {
                write!(
                    f,
                    "the time could not be settled: writing {} failed: {problem}",
                    file.display()
                )
            }
            ReadError::StagedNotShown { what } => {
                write!(f, "{what} cannot be read in a block that has written: commit it first")
            }
            ReadError::NotInMemory => f.write_str("the answer is not in memory"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Why a directory could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// Another process holds the directory; `holder` is what it wrote about itself.
    Locked {
        path: PathBuf,
        holder: String,
    },
    Io {
        what: String,
        source: std::io::Error,
    },
    /// Written by a newer tallybook, or not by tallybook at all.
    UnknownFormat {
        file: PathBuf,
        problem: String,
    },
    /// Bytes that were once durable are not what they were.
    Damaged {
        file: PathBuf,
        offset: u64,
        lsn: Lsn,
        problem: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Locked { path, holder } => {
                write!(f, "{} is in use by {holder}", path.display())
            }
            OpenError::Io { what, source } => write!(f, "{what}: {source}"),
            OpenError::UnknownFormat { file, problem } => {
                write!(f, "{}: {problem}", file.display())
            }
            OpenError::Damaged { file, offset, lsn, problem } => write!(
                f,
                "{} is damaged at offset {offset} (lsn {lsn}): {problem}; \
                 restore this file from a backup, nothing was changed",
                file.display()
            ),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
