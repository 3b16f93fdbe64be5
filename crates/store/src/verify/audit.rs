//! The rules, checked once more for every event of the log.
//!
//! What a book has to remember of its transactions is kept for all books together as hashes; a
//! hash that comes again is looked up in the log, so it costs a read and never a wrong verdict.

use crate::ReadError;
use crate::history::keys::{KeyEntry, KeyHash};
use crate::log::files::LogFiles;
use crate::write::{Names, Past};
use hashbrown::HashTable;
use ledger::{AssetId, Auditor, BookName, Event, EventBody, Lsn};
use std::collections::{HashMap, HashSet};

/// Why an event cannot have come about by the rules, or could not be judged.
pub(super) enum AuditProblem {
    Finding(String),
    Read(ReadError),
}

/// Goes through all events in order, as long as none is missing.
pub(super) struct Audit {
    /// `None` for a book with a finding: what follows it cannot be judged.
    books: HashMap<BookName, Option<Auditor>>,
    assets: HashSet<AssetId>,
    seen: SeenNames,
    is_over: bool,
    /// Up to here every event was judged.
    audited: Lsn,
}

impl Audit {
    pub(super) fn new() -> Self {
        Audit {
            books: HashMap::new(),
            assets: HashSet::new(),
            seen: SeenNames::new(),
            is_over: false,
            audited: Lsn(0),
        }
    }

    /// Something is missing: what comes behind it cannot be judged.
    pub(super) fn stop(&mut self) {
        *self = Audit { is_over: true, audited: self.audited, ..Audit::new() };
    }

    pub(super) fn audited(&self) -> Lsn {
        self.audited
    }

    /// Judges the next event. Events of a book behind a finding are passed over.
    pub(super) fn check(&mut self, event: &Event, log: &LogFiles) -> Result<(), AuditProblem> {
        if self.is_over {
            return Ok(());
        }
        self.audited = event.lsn;
        let mut past = Past::default();
        if let Some(names) = Names::of_event(event) {
            let event_at = |lsn| log.events(&[lsn]).map(|events| events.into_iter().next());
            past.look_up_in(names, |hash| Ok(self.seen.find(hash)), event_at)
                .map_err(AuditProblem::Read)?;
        }
        for hash in KeyHash::names_of(event) {
            self.seen.insert(KeyEntry { hash, lsn: event.lsn });
        }
        if let EventBody::AssetRegistered(asset) = &event.body {
            self.assets.insert(asset.id.clone());
        }
        let fresh = || Some(Auditor::default());
        let book = self.books.entry(event.book.clone()).or_insert_with(fresh);
        let Some(auditor) = book else { return Ok(()) };
        let checked = auditor.check(event, &past).map_err(|finding| finding.to_string());
        match checked.and_then(|()| check_asset(event, &self.assets)) {
            Ok(()) => Ok(()),
            Err(problem) => {
                *book = None;
                let name = &event.book;
                Err(AuditProblem::Finding(format!("book \"{name}\" {problem}")))
            }
        }
    }
}

/// The auditor of a book does not see the assets, which are of another book.
fn check_asset(event: &Event, assets: &HashSet<AssetId>) -> Result<(), String> {
    match &event.body {
        EventBody::AccountOpened(opening) if !assets.contains(&opening.asset) => Err(format!(
            "at seq {}: account \"{}\" holds \"{}\", which was never registered",
            event.seq, opening.path, opening.asset
        )),
        _ => Ok(()),
    }
}

/// Every name that was used, as its hash and the place of its event.
struct SeenNames {
    /// Many small tables: each grows by itself, so growing takes little memory on top.
    tables: Vec<HashTable<KeyEntry>>,
}

impl SeenNames {
    const TABLES: usize = 256;

    fn new() -> Self {
        SeenNames { tables: (0..Self::TABLES).map(|_| HashTable::new()).collect() }
    }

    /// Tables use the lowest and the topmost bits of a hash: these are others.
    fn table(hash: KeyHash) -> usize {
        (hash.bits() >> 32) as usize % Self::TABLES
    }

    fn insert(&mut self, entry: KeyEntry) {
        let table = &mut self.tables[Self::table(entry.hash)];
        table.insert_unique(entry.hash.bits(), entry, |entry| entry.hash.bits());
    }

    fn find(&self, hash: KeyHash) -> Vec<Lsn> {
        let entries = self.tables[Self::table(hash)].iter_hash(hash.bits());
        entries.filter(|entry| entry.hash == hash).map(|entry| entry.lsn).collect()
    }
}
