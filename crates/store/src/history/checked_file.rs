//! Files whose every byte is checked when it is read.
//!
//! Owns the block checksums: a CRC-32 of each 16 KiB block, gathered while a file is written and
//! compared whenever a block is read. They are kept outside the file, so that a file put in the
//! place of another is noticed too.
//!
//! Refuses to know what the files hold.
//!
//! Invariant: a read gives the bytes that were written, or an error; never other bytes.

use super::keys::ReadAt;
use crate::storage::{Storage, StorageFile};
use bytes::Bytes;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Bytes that share one checksum.
pub(crate) const BLOCK_BYTES: usize = 16 * 1024;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 16 * BLOCK_BYTES;

/// What must be known of a file from elsewhere to trust what is read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checks {
    pub(crate) size: u64,
    /// CRC-32 of each block; the last block may be short.
    pub(crate) blocks: Vec<u32>,
}

/// Writes a new file from its beginning to its end.
#[derive(Debug)]
pub(crate) struct CheckedWriter {
    file: Box<dyn StorageFile>,
    buffer: Vec<u8>,
    checks: Checks,
}

impl CheckedWriter {
    /// Creates the file; whatever an earlier attempt left under its name goes.
    pub(crate) fn create(storage: &dyn Storage, path: &Path) -> io::Result<Self> {
        match storage.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(CheckedWriter {
            file: storage.create(path)?,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            checks: Checks { size: 0, blocks: Vec::new() },
        })
    }

    /// Writes what is left and makes the file's bytes durable.
    pub(crate) fn finish(mut self) -> io::Result<Checks> {
        self.write_buffer()?;
        self.file.sync_data()?;
        Ok(self.checks)
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        self.file.write_all_at(self.checks.size, &self.buffer)?;
        self.checks.blocks.extend(self.buffer.chunks(BLOCK_BYTES).map(crc32fast::hash));
        self.checks.size += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl Write for CheckedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BUFFER_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        // Only a full buffer is written before the end, so that blocks keep their places.
        if self.buffer.len() == BUFFER_BYTES {
            self.write_buffer()?;
        }
        Ok(taken)
    }

    /// Bytes reach the disk when the buffer is full and at the end, nowhere between.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is complete and does not change.
#[derive(Debug)]
pub(crate) struct CheckedFile {
    file: Box<dyn StorageFile>,
    checks: Checks,
}

impl CheckedFile {
    /// Opens a file that must have the size it was written with.
    pub(crate) fn open(storage: &dyn Storage, path: &Path, checks: Checks) -> io::Result<Self> {
        let file = storage.open_to_read(path)?;
        let blocks = checks.size.div_ceil(BLOCK_BYTES as u64);
        if file.size()? != checks.size || blocks != checks.blocks.len() as u64 {
            return Err(damaged("the file does not have the size it was written with"));
        }
        Ok(CheckedFile { file, checks })
    }

    pub(crate) fn size(&self) -> u64 {
        self.checks.size
    }

    /// The `length` bytes from `offset` on.
    pub(crate) fn read(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.checks.size);
        let Some(end) = end else {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "read behind the file's end"));
        };
        let block_bytes = BLOCK_BYTES as u64;
        let first_block = offset / block_bytes;
        let from = first_block * block_bytes;
        let to = end.next_multiple_of(block_bytes).min(self.checks.size);
        let mut bytes = vec![0; (to - from) as usize];
        self.file.read_exact_at(from, &mut bytes)?;
        let expected = &self.checks.blocks[first_block as usize..];
        for (block, expected) in bytes.chunks(BLOCK_BYTES).zip(expected) {
            if crc32fast::hash(block) != *expected {
                return Err(damaged("a block does not have the checksum it was written with"));
            }
        }
        let start = (offset - from) as usize;
        Ok(Bytes::from(bytes).slice(start..start + length))
    }

    /// Reads and checks every block.
    pub(crate) fn verify(&self) -> io::Result<()> {
        let mut offset = 0;
        while offset < self.checks.size {
            let length = (self.checks.size - offset).min(BUFFER_BYTES as u64);
            self.read(offset, length as usize)?;
            offset += length;
        }
        Ok(())
    }
}

impl ReadAt for Arc<CheckedFile> {
    fn size(&self) -> u64 {
        self.checks.size
    }

    fn read_exact_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        bytes.copy_from_slice(&self.read(offset, bytes.len())?);
        Ok(())
    }
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
