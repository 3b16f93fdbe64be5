//! Finds the parts in a directory.

use super::super::checked_file::CheckedFile;
use super::Part;
use super::manifest::Manifest;
use super::names::{FileKind, PartFileName, PartPaths};
use crate::storage::{Storage, read_all};
use ledger::Lsn;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The parts that cover the most from the beginning of the log on without a gap, in order; of two
/// ways to cover the same, the one with larger parts. Every other file of a part is deleted.
pub(crate) fn open_parts(
    storage: &dyn Storage,
    history_dir: &Path,
    store: &str,
) -> io::Result<Vec<Part>> {
    let Found { chain, bad, files } = find(storage, history_dir, store)?;
    for (name, error) in bad {
        tracing::warn!(name, %error, "a part of history is bad");
    }
    remove_others(storage, history_dir, files, &chain);
    Ok(chain)
}

/// What a directory holds of parts. Nothing is changed by finding out.
#[derive(Debug)]
pub(crate) struct Found {
    /// The parts that a start uses.
    pub(crate) chain: Vec<Part>,
    /// Manifests of parts that cannot be used, and why.
    pub(crate) bad: Vec<(String, io::Error)>,
    files: Vec<(String, PartFileName)>,
}

impl Found {
    /// Names of the files that belong to no part of the chain: a start removes them.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &str> {
        let unused = self.files.iter().filter(|(_, file)| !is_of_chain(file, &self.chain));
        unused.map(|(name, _)| name.as_str())
    }
}

pub(crate) fn find(storage: &dyn Storage, history_dir: &Path, store: &str) -> io::Result<Found> {
    let names = match storage.list(history_dir) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let files: Vec<(String, PartFileName)> = names
        .into_iter()
        .filter_map(|name| PartFileName::parse(&name).map(|parsed| (name, parsed)))
        .collect();
    let (mut readable, mut bad) = (Vec::new(), Vec::new());
    for (name, file) in files.iter().filter(|(_, file)| file.kind == FileKind::Manifest) {
        match Part::open(storage, history_dir, file.first, file.last, store) {
            Ok(part) => readable.push(part),
            Err(error) => bad.push((name.clone(), error)),
        }
    }
    Ok(Found { chain: longest_chain(readable), bad, files })
}

/// The files that a part cannot be used for, as far as its manifest can tell.
pub(crate) fn culprits(
    storage: &dyn Storage,
    history_dir: &Path,
    manifest_name: &str,
) -> Vec<(PathBuf, io::Error)> {
    let path = history_dir.join(manifest_name);
    let manifest = storage.open_to_read(&path).and_then(|file| read_all(&*file));
    let manifest = match manifest.and_then(|bytes| Manifest::from_bytes(&bytes)) {
        Ok(manifest) => manifest,
        Err(error) => return vec![(path, error)],
    };
    let paths = PartPaths::new(history_dir, manifest.range.first, manifest.range.last);
    let files = manifest.files.into_iter().filter_map(|(suffix, entry)| {
        let file = paths.file(&suffix);
        let checked = CheckedFile::open(storage, &file, entry.checks);
        Some((file, checked.and_then(|checked| checked.verify()).err()?))
    });
    files.collect()
}

fn is_of_chain(file: &PartFileName, chain: &[Part]) -> bool {
    file.kind != FileKind::Unfinished
        && chain.iter().any(|part| (part.first(), part.last()) == (file.first, file.last))
}

fn longest_chain(parts: Vec<Part>) -> Vec<Part> {
    let mut by_first: BTreeMap<Lsn, Vec<Part>> = BTreeMap::new();
    for part in parts {
        by_first.entry(part.first()).or_default().push(part);
    }
    // From behind: how far a chain that begins at an lsn reaches, and with which part.
    let mut reached: BTreeMap<Lsn, (Lsn, Lsn)> = BTreeMap::new();
    for (first, parts) in by_first.iter().rev() {
        let best = parts
            .iter()
            .map(|part| {
                let behind = reached.get(&part.last().next());
                (behind.map_or(part.last(), |(end, _)| *end), part.last())
            })
            .max();
        reached.extend(best.map(|best| (*first, best)));
    }
    let mut chain = Vec::new();
    let mut next = Lsn(1);
    while let Some((_, last)) = reached.get(&next) {
        let parts = by_first.remove(&next).unwrap_or_default();
        chain.extend(parts.into_iter().find(|part| part.last() == *last));
        next = last.next();
    }
    chain
}

/// Removes the files of no part of the chain, manifests first. What cannot be removed costs
/// space, nothing else.
fn remove_others(
    storage: &dyn Storage,
    dir: &Path,
    mut files: Vec<(String, PartFileName)>,
    chain: &[Part],
) {
    files.retain(|(_, file)| !is_of_chain(file, chain));
    files.sort_by_key(|(_, file)| file.kind != FileKind::Manifest);
    for (name, _) in &files {
        tracing::warn!(name, "removing a file of history that is not used");
        if let Err(error) = storage.remove(&dir.join(name)) {
            tracing::warn!(name, %error, "cannot remove it");
        }
    }
    if !files.is_empty()
        && let Err(error) = storage.sync_dir(dir)
    {
        tracing::warn!(%error, "cannot sync the directory of history");
    }
}
