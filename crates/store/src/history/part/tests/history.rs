//! A made-up history, and the answers a list of it gives.

use super::super::table_writer::Layout;
use super::super::*;
use crate::projection::{AccountState, PostingRow};
use crate::{PathSelection, storage::Disk};
use ledger::*;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

pub(super) const STORE: &str = "8e6a3f1c-0000-4000-8000-000000000001";

/// How a history looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) events: u64,
    pub(super) books: u64,
    pub(super) accounts: u64,
    /// Whether amounts may be beyond 64 bits.
    pub(super) is_wide: bool,
}

/// Everything that happened.
#[derive(Debug)]
pub(super) struct History {
    pub(super) events: Vec<Arc<Event>>,
    pub(super) postings: Vec<PostingRow>,
    /// Every account after every event that touched it.
    accounts: Vec<(Lsn, AccountRecord)>,
}

struct Random(u64);

impl Random {
    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

pub(super) fn book_name(number: u64) -> BookName {
    // Names whose order is not that of their numbers, one the beginning of another.
    BookName::new(["shop", "s", "shop:2", "ü", "a"][number as usize % 5]).unwrap()
}

pub(super) fn path_name(number: u64) -> AccountPath {
    let kinds = ["cash", "cash:eur", "sales", "bank:ü", "bank"];
    let group = number / 5;
    let name = kinds[number as usize % 5];
    let text = if group == 0 { name.to_owned() } else { format!("{name}:{group}") };
    AccountPath::new(&text).unwrap()
}

/// The accounts and heads of books while a history is made.
struct World {
    random: Random,
    history: History,
    heads: BTreeMap<BookName, u64>,
    states: BTreeMap<(BookName, AccountPath), AccountRecord>,
    at: i64,
}

impl World {
    fn place(&mut self, book: &BookName) -> (Lsn, Seq, Timestamp) {
        // Several events share a frame, and so their time.
        if self.random.below(3) > 0 {
            self.at += 1 + self.random.below(50) as i64;
        }
        let seq = self.heads.entry(book.clone()).or_default();
        *seq += 1;
        (Lsn(self.history.events.len() as u64 + 1), Seq(*seq), Timestamp(self.at))
    }

    fn push(&mut self, book: BookName, body: EventBody) -> Arc<Event> {
        let (lsn, seq, at) = self.place(&book);
        let event = Arc::new(Event { lsn, book, seq, at, body });
        self.history.events.push(event.clone());
        event
    }

    fn open(&mut self, book: BookName, path: AccountPath) {
        let number = self.random.below(6) as usize;
        let opening = Arc::new(AccountOpening {
            path: path.clone(),
            asset: AssetId::new(if number == 0 { "BTC" } else { "EUR" }).unwrap(),
            kind: AccountKind::ALL[number],
            min_balance: (number == 1).then_some(-AMOUNT_MAX),
            metadata: JsonDocument::parse(if number < 4 { "{}" } else { r#"{"a":[1.50]}"# })
                .unwrap(),
        });
        let event = self.push(book.clone(), EventBody::AccountOpened(opening.clone()));
        let record = AccountRecord {
            book: book.clone(),
            opened_at: event.at,
            states: vec![AccountState {
                lsn: event.lsn,
                seq: event.seq,
                min_balance: opening.min_balance,
                metadata: opening.metadata.clone(),
                closed: false,
            }],
            opening,
            totals: Totals::default(),
            last_posting: None,
        };
        self.history.accounts.push((event.lsn, record.clone()));
        self.states.insert((book, path), record);
    }

    fn change(&mut self, book: BookName, path: AccountPath) {
        let change = AccountChange {
            min_balance: Some((self.random.below(2) == 0).then_some(7)),
            metadata: Some(JsonDocument::parse(r#"{"note":"x"}"#).unwrap()),
            closed: Some(self.random.below(2) == 0),
        };
        let event = self.push(
            book.clone(),
            EventBody::AccountChanged { path: path.clone(), change: change.clone() },
        );
        let record = self.states.get_mut(&(book, path)).unwrap();
        record.states.push(AccountState {
            lsn: event.lsn,
            seq: event.seq,
            min_balance: change.min_balance.unwrap(),
            metadata: change.metadata.unwrap(),
            closed: change.closed.unwrap(),
        });
        self.history.accounts.push((event.lsn, record.clone()));
    }

    fn post(&mut self, book: BookName, paths: &[AccountPath], is_wide: bool) {
        let lsn = self.history.events.len() as u64 + 1;
        let mut postings = Vec::new();
        for _ in 0..1 + self.random.below(2) {
            let amount = match is_wide && self.random.below(4) == 0 {
                true => 10i128.pow(30) + i128::from(self.random.below(1_000)),
                false => 1 + i128::from(self.random.below(1_000_000)),
            };
            for direction in [Direction::Debit, Direction::Credit] {
                let account = paths[self.random.below(paths.len() as u64) as usize].clone();
                let asset = self.states[&(book.clone(), account.clone())].opening.asset.clone();
                postings.push(Posting { account, asset, direction, amount });
            }
        }
        let transaction = Arc::new(Transaction {
            tx_id: Uuid::from_u128(u128::from(lsn) << 64 | u128::from(self.random.below(1 << 20))),
            idempotency_key: IdempotencyKey::new(&format!("key-{lsn}")).unwrap(),
            occurred_at: (self.random.below(3) == 0).then_some(Timestamp(-5)),
            metadata: JsonDocument::default(),
            external_refs: JsonDocument::default(),
            reverses: (self.random.below(5) == 0).then(|| Uuid::from_u128(u128::from(lsn) + 7)),
            postings,
        });
        let event = self.push(book, EventBody::TransactionPosted(transaction.clone()));
        for (posting, index) in transaction.postings.iter().zip(0..) {
            let key = (event.book.clone(), posting.account.clone());
            let record = self.states.get_mut(&key).unwrap();
            record.totals = record.totals.checked_add(&posting.totals()).unwrap();
            record.last_posting = Some((event.lsn, event.seq));
            let kind = record.opening.kind;
            let totals_after = record.totals;
            self.history.postings.push(PostingRow {
                event: event.clone(),
                index,
                kind,
                totals_after,
            });
            self.history.accounts.push((event.lsn, record.clone()));
        }
    }
}

pub(super) fn history(seed: u64, shape: Shape) -> History {
    let history = History { events: Vec::new(), postings: Vec::new(), accounts: Vec::new() };
    let (heads, states) = (BTreeMap::new(), BTreeMap::new());
    let mut world =
        World { random: Random(seed), history, heads, states, at: 1_700_000_000_000_000 };
    for id in ["EUR", "BTC"] {
        let asset = Asset {
            id: AssetId::new(id).unwrap(),
            class: AssetClass::Fiat,
            network: (id == "BTC").then(|| "bit\"coin".to_owned()),
            native_id: None,
            precision: 2,
            name: id.to_owned(),
        };
        world.push(BookName::system(), EventBody::AssetRegistered(Arc::new(asset)));
    }
    while (world.history.events.len() as u64) < shape.events {
        let book = book_name(world.random.below(shape.books));
        let path = path_name(world.random.below(shape.accounts));
        let paths: Vec<AccountPath> = world
            .states
            .keys()
            .filter(|(of_book, _)| *of_book == book)
            .map(|(_, path)| path.clone())
            .collect();
        if !paths.contains(&path) {
            world.open(book, path);
        } else if world.random.below(12) == 0 {
            world.change(book, path);
        } else {
            world.post(book, &paths, shape.is_wide);
        }
    }
    world.history
}

pub(super) fn position(lsn: u64) -> LogPosition {
    LogPosition { lsn: Lsn(lsn), segment: Lsn(lsn - lsn % 100 + 1), offset: lsn * 311 }
}

impl History {
    /// What memory has of a range of lsns.
    pub(super) fn content(&self, lsns: RangeInclusive<u64>) -> PartContent {
        let contains = |lsn: Lsn| lsns.contains(&lsn.0);
        let events: Vec<Arc<Event>> =
            self.events.iter().filter(|event| contains(event.lsn)).cloned().collect();
        let assets = events.iter().filter_map(|event| match &event.body {
            EventBody::AssetRegistered(asset) => {
                Some((asset.clone(), event.lsn, event.seq, event.at))
            }
            _ => None,
        });
        let last = events.last().unwrap();
        PartContent {
            store: STORE.to_owned(),
            first: Lsn(*lsns.start()),
            last: Lsn(*lsns.end()),
            end: end_of(last.lsn),
            last_at: last.at,
            assets: assets.collect(),
            postings: self.postings.iter().filter(|row| contains(row.event.lsn)).cloned().collect(),
            accounts: self.accounts_of(&lsns),
            positions: lsns.clone().step_by(7).map(position).collect(),
            events,
        }
    }

    /// The accounts that a range touched, as of its end, by book and path.
    pub(super) fn accounts_of(&self, lsns: &RangeInclusive<u64>) -> Vec<AccountRecord> {
        let touched = self.accounts.iter().filter(|(lsn, _)| lsns.contains(&lsn.0));
        let newest: BTreeMap<_, _> = touched
            .map(|(_, record)| ((record.book.clone(), record.opening.path.clone()), record))
            .collect();
        newest.into_values().cloned().collect()
    }

    /// The postings of an account, as a part gives them.
    pub(super) fn account_postings(&self, book: &str, path: &str) -> Vec<SealedPosting> {
        self.postings
            .iter()
            .filter(|row| row.event.book.as_str() == book && row.posting().account.as_str() == path)
            .map(sealed)
            .collect()
    }

    pub(super) fn postings_of(&self, lsn: Lsn) -> Vec<SealedPosting> {
        self.postings.iter().filter(|row| row.event.lsn == lsn).map(sealed).collect()
    }

    /// Cuts the history behind some lsns and seals the pieces.
    pub(super) fn parts(&self, dir: &Path, cuts: &[u64], layout: Layout) -> Vec<Arc<Part>> {
        let mut ends: Vec<u64> = cuts.to_vec();
        ends.push(self.events.len() as u64);
        ends.sort_unstable();
        ends.dedup();
        let mut first = 1;
        let mut parts = Vec::new();
        for end in ends {
            let content = self.content(first..=end);
            let part = write::write_laid_out(&Disk, dir, &content, layout).unwrap();
            parts.push(Arc::new(part));
            first = end + 1;
        }
        parts
    }
}

pub(super) fn end_of(lsn: Lsn) -> LogEnd {
    LogEnd { segment: Lsn(1), offset: lsn.0 * 1_000, crc: lsn.0 as u32 ^ 0xdead_beef }
}

fn sealed(row: &PostingRow) -> SealedPosting {
    let posting = row.posting();
    let transaction = crate::projection::transaction_of(&row.event);
    SealedPosting {
        tx_id: transaction.tx_id,
        seq: row.event.seq,
        lsn: row.event.lsn,
        index: row.index,
        asset: posting.asset.clone(),
        amount: posting.amount,
        direction: posting.direction,
        occurred_at: transaction.occurred_at,
        committed_at: row.event.at,
        totals_after: row.totals_after,
    }
}

/// Whether a narrowing wants a row.
pub(super) fn wants(narrowing: &Narrowing, event: &Event, path: Option<&str>) -> bool {
    let (lsn, at) = (narrowing.lsn, narrowing.at);
    (lsn.0..=lsn.1).contains(&event.lsn.0)
        && (at.0..=at.1).contains(&event.at.0)
        && narrowing.book.as_ref().is_none_or(|book| book == event.book.as_str())
        && match (&narrowing.path, path) {
            (Some(PathSelection::OneOf(paths)), Some(path)) => {
                paths.values().iter().any(|wanted| wanted == path)
            }
            (Some(PathSelection::Prefix(prefix)), Some(path)) => path.starts_with(prefix.as_str()),
            _ => true,
        }
}
