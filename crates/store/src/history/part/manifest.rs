//! The manifest of a part: what the part covers, and what its files must hold.
//!
//! One line of JSON and, in a second line, the CRC-32 of the first in hexadecimal. A part whose
//! manifest cannot be read, is of another version or of another store does not exist.

use super::super::checked_file::Checks;
use super::content::{LogEnd, RegisteredAsset};
use super::fences::Fences;
use ledger::{Asset, AssetClass, AssetId, Lsn, Seq, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Manifest {
    pub(super) range: Covered,
    pub(super) assets: Vec<RegisteredAsset>,
    /// By suffix.
    pub(super) files: BTreeMap<String, FileEntry>,
}

/// The range of the log that a part covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Covered {
    pub(super) store: String,
    pub(super) first: Lsn,
    pub(super) last: Lsn,
    pub(super) end: LogEnd,
    pub(super) first_at: Timestamp,
    pub(super) last_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct FileEntry {
    pub(super) checks: Checks,
    /// Empty for a file that is no table.
    pub(super) fences: Fences,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestRecord {
    tallybook_part: u32,
    store: String,
    first_lsn: u64,
    last_lsn: u64,
    end: EndRecord,
    first_at: i64,
    last_at: i64,
    assets: Vec<AssetRecord>,
    files: BTreeMap<String, FileRecord>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndRecord {
    segment: u64,
    offset: u64,
    crc32: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AssetRecord {
    id: String,
    class: String,
    network: Option<String>,
    native_id: Option<String>,
    precision: u8,
    name: String,
    lsn: u64,
    seq: u64,
    registered_at: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRecord {
    size: u64,
    /// Eight digits for each block.
    blocks_crc32: String,
    fences: Fences,
}

impl Manifest {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let range = &self.range;
        let record = ManifestRecord {
            tallybook_part: VERSION,
            store: range.store.clone(),
            first_lsn: range.first.0,
            last_lsn: range.last.0,
            end: EndRecord {
                segment: range.end.segment.0,
                offset: range.end.offset,
                crc32: range.end.crc,
            },
            first_at: range.first_at.0,
            last_at: range.last_at.0,
            assets: self.assets.iter().map(AssetRecord::from).collect(),
            files: self
                .files
                .iter()
                .map(|(suffix, entry)| (suffix.clone(), FileRecord::from(entry)))
                .collect(),
        };
        let mut bytes = serde_json::to_vec(&record).expect("plain records are always JSON");
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(format!("\n{crc:08x}\n").as_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        let (json, crc) = bytes
            .strip_suffix(b"\n")
            .and_then(|bytes| bytes.split_last_chunk::<8>())
            .ok_or_else(|| bad("is cut off"))?;
        let json = json.strip_suffix(b"\n").ok_or_else(|| bad("is cut off"))?;
        if hex_u32(crc) != Some(crc32fast::hash(json)) {
            return Err(bad("does not have its checksum"));
        }
        let record: ManifestRecord =
            serde_json::from_slice(json).map_err(|error| bad(&error.to_string()))?;
        if record.tallybook_part != VERSION {
            return Err(bad("is of another version"));
        }
        let files = record
            .files
            .into_iter()
            .map(|(suffix, file)| Ok((suffix, file.entry()?)))
            .collect::<io::Result<_>>()?;
        Ok(Manifest {
            range: Covered {
                store: record.store,
                first: Lsn(record.first_lsn),
                last: Lsn(record.last_lsn),
                end: LogEnd {
                    segment: Lsn(record.end.segment),
                    offset: record.end.offset,
                    crc: record.end.crc32,
                },
                first_at: Timestamp(record.first_at),
                last_at: Timestamp(record.last_at),
            },
            assets: record.assets.into_iter().map(AssetRecord::asset).collect::<Result<_, _>>()?,
            files,
        })
    }
}

impl From<&RegisteredAsset> for AssetRecord {
    fn from((asset, lsn, seq, at): &RegisteredAsset) -> Self {
        AssetRecord {
            id: asset.id.as_str().to_owned(),
            class: asset.class.as_str().to_owned(),
            network: asset.network.clone(),
            native_id: asset.native_id.clone(),
            precision: asset.precision,
            name: asset.name.clone(),
            lsn: lsn.0,
            seq: seq.0,
            registered_at: at.0,
        }
    }
}

impl AssetRecord {
    fn asset(self) -> io::Result<RegisteredAsset> {
        let asset = Asset {
            id: AssetId::new(&self.id).map_err(|error| bad(&error.to_string()))?,
            class: AssetClass::parse(&self.class).ok_or_else(|| bad("has an unknown class"))?,
            network: self.network,
            native_id: self.native_id,
            precision: self.precision,
            name: self.name,
        };
        Ok((Arc::new(asset), Lsn(self.lsn), Seq(self.seq), Timestamp(self.registered_at)))
    }
}

impl From<&FileEntry> for FileRecord {
    fn from(entry: &FileEntry) -> Self {
        let mut blocks_crc32 = String::with_capacity(8 * entry.checks.blocks.len());
        for crc in &entry.checks.blocks {
            let _ = write!(blocks_crc32, "{crc:08x}");
        }
        FileRecord { size: entry.checks.size, blocks_crc32, fences: entry.fences.clone() }
    }
}

impl FileRecord {
    fn entry(self) -> io::Result<FileEntry> {
        let (digits, rest) = self.blocks_crc32.as_bytes().as_chunks::<8>();
        let blocks: Option<Vec<u32>> = digits.iter().map(hex_u32).collect();
        match blocks {
            Some(blocks) if rest.is_empty() => {
                Ok(FileEntry { checks: Checks { size: self.size, blocks }, fences: self.fences })
            }
            _ => Err(bad("has a checksum that is none")),
        }
    }
}

fn hex_u32(digits: &[u8; 8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |number: u32, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

fn bad(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the manifest of a part {problem}"))
}
