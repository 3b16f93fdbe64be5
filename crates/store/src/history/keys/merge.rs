//! Merging runs: their entries in one order, with the memory of one block for each.

use super::hash::KeyEntry;
use super::run::Entries;
use super::{ReadAt, Run};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

/// All entries of some runs, in order. An entry that several runs have comes several times.
pub(crate) fn merge<'a, R: ReadAt>(runs: &[&'a Run<R>]) -> Merge<'a, R> {
    let mut merge = Merge {
        sources: runs.iter().map(|run| run.entries()).collect(),
        heads: BinaryHeap::with_capacity(runs.len()),
        failure: None,
    };
    for source in 0..merge.sources.len() {
        merge.advance(source);
    }
    merge
}

/// The entries of several runs. After an error it ends.
#[derive(Debug)]
pub(crate) struct Merge<'a, R> {
    sources: Vec<Entries<'a, R>>,
    /// The next entry of every source that has one.
    heads: BinaryHeap<Reverse<(KeyEntry, usize)>>,
    failure: Option<io::Error>,
}

impl<R: ReadAt> Merge<'_, R> {
    fn advance(&mut self, source: usize) {
        match self.sources[source].next() {
            Some(Ok(entry)) => self.heads.push(Reverse((entry, source))),
            Some(Err(error)) => self.failure = Some(error),
            None => {}
        }
    }
}

impl<R: ReadAt> Iterator for Merge<'_, R> {
    type Item = io::Result<KeyEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failure.take() {
            // What is left of the other runs must not pass for the whole.
            self.heads.clear();
            return Some(Err(error));
        }
        let Reverse((entry, source)) = self.heads.pop()?;
        self.advance(source);
        Some(Ok(entry))
    }
}
