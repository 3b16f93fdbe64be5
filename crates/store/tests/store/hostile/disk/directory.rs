//! The names in one directory, twice: as the kernel shows them and as the platter holds them.
//!
//! Invariant: a name appears, moves or goes durably only through [`Directory::sync`], or because a
//! crash was kind. Each change stands alone: any subset of them may survive, but a rename is one.

use super::loss::Fate;
use std::collections::BTreeMap;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    File(u64),
    Directory,
}

#[derive(Debug, Clone)]
enum Change {
    Create(String, Entry),
    Remove(String),
    Rename { from: String, to: String, entry: Entry },
}

pub(crate) type Names = BTreeMap<String, Entry>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    pub(crate) cached: Names,
    durable: Names,
    pending: Vec<Change>,
}

impl Directory {
    /// A directory as a reboot finds it.
    pub(crate) fn durable(names: Names) -> Self {
        Directory { cached: names.clone(), durable: names, pending: Vec::new() }
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.cached, &change);
        self.pending.push(change);
    }

    pub(crate) fn create(&mut self, name: &str, entry: Entry) {
        self.change(Change::Create(name.to_owned(), entry));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.change(Change::Remove(name.to_owned()));
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str, entry: Entry) {
        self.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), entry });
    }

    pub(crate) fn sync(&mut self) {
        self.durable = self.cached.clone();
        self.pending.clear();
    }

    /// The names the platter may hold after a power cut now.
    pub(crate) fn after(&self, fate: &mut Fate) -> Names {
        let mut names = self.durable.clone();
        for change in &self.pending {
            if fate.keeps() {
                apply(&mut names, change);
            }
        }
        names
    }
}

fn apply(names: &mut Names, change: &Change) {
    match change {
        Change::Create(name, entry) => drop(names.insert(name.clone(), *entry)),
        Change::Remove(name) => drop(names.remove(name)),
        Change::Rename { from, to, entry } => {
            names.remove(from);
            names.insert(to.clone(), *entry);
        }
    }
}
