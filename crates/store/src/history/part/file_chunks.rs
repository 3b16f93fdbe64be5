//! A checked file as the Parquet reader wants to read it.

use super::super::checked_file::CheckedFile;
use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};

/// Bytes that a scan reads at once of a column.
const WINDOW_BYTES: u64 = 128 * 1024;

/// Windows that a scan keeps: more than any table here has columns.
const WINDOWS_MAX: usize = 16;

/// How a reader goes through a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// A few pages here and there.
    Point,
    /// Each column from page to page.
    Scan,
}

#[derive(Debug)]
pub(super) struct FileChunks {
    file: Arc<CheckedFile>,
    /// For scans: checked bytes around the places that were read last, the newest in front.
    windows: Option<Mutex<VecDeque<Window>>>,
}

#[derive(Debug)]
struct Window {
    offset: u64,
    bytes: Bytes,
}

impl Window {
    fn get(&self, start: u64, length: usize) -> Option<Bytes> {
        let from = usize::try_from(start.checked_sub(self.offset)?).ok()?;
        let to = from.checked_add(length)?;
        (to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
    }
}

impl FileChunks {
    pub(super) fn new(file: Arc<CheckedFile>, access: Access) -> Self {
        let windows = match access {
            Access::Point => None,
            Access::Scan => Some(Mutex::default()),
        };
        FileChunks { file, windows }
    }

    fn read(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let Some(windows) = &self.windows else { return self.file.read(start, length) };
        let mut windows = windows.lock().expect("reading a window does not panic");
        if let Some(bytes) = windows.iter().find_map(|window| window.get(start, length)) {
            return Ok(bytes);
        }
        let left = self.file.size().saturating_sub(start);
        let bytes = self.file.read(start, length.max(WINDOW_BYTES.min(left) as usize))?;
        windows.truncate(WINDOWS_MAX - 1);
        windows.push_front(Window { offset: start, bytes: bytes.clone() });
        Ok(bytes.slice(..length))
    }
}

impl Length for FileChunks {
    fn len(&self) -> u64 {
        self.file.size()
    }
}

impl ChunkReader for FileChunks {
    type T = FromOffset;

    fn get_read(&self, start: u64) -> Result<FromOffset> {
        Ok(FromOffset { file: self.file.clone(), offset: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.read(start, length).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// Reads on from a place in the file.
#[derive(Debug)]
pub(super) struct FromOffset {
    file: Arc<CheckedFile>,
    offset: u64,
}

impl Read for FromOffset {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.file.size().saturating_sub(self.offset);
        let length = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        bytes[..length].copy_from_slice(&self.file.read(self.offset, length)?);
        self.offset += length as u64;
        Ok(length)
    }
}

/// The error of a file that cannot be read as what it should be.
pub(super) fn from_parquet(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::new(io::ErrorKind::InvalidData, cause),
        },
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}
