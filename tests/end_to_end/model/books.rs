//! The simplest ledger that follows the rules: maps, and one function that posts. It knows nothing
//! of blocks, sessions or SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// A book and a name in it.
pub(crate) type Named = (&'static str, String);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Account {
    pub(crate) debits: i64,
    pub(crate) credits: i64,
    /// A liability that must not fall below zero; everything else is a clearing account.
    pub(crate) bounded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    Debit,
    Credit,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Leg {
    pub(crate) path: String,
    pub(crate) direction: Direction,
    pub(crate) amount: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) seq: i64,
    pub(crate) legs: Vec<Leg>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Write {
    Open(Named),
    Post {
        at: Named,
        legs: Vec<Leg>,
        /// `ON CONFLICT DO NOTHING`.
        skips: bool,
        /// The handle of a transaction whose legs come one by one: judged as a whole at COMMIT only.
        assembled: Option<u64>,
    },
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Written { seq: i64 },
    Replayed { seq: i64 },
    Skipped,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) accounts: BTreeMap<Named, Account>,
    pub(crate) transactions: BTreeMap<Named, Posted>,
    pub(crate) heads: BTreeMap<&'static str, i64>,
    /// A ledger answers the same write again with the first one, and a transaction stands where its last posting
    /// came. To plain tables the one is a conflict, and the other stands where its first row came.
    pub(crate) is_ledger: bool,
}

impl Books {
    pub(crate) fn new(is_ledger: bool) -> Books {
        let (accounts, transactions, heads) = Default::default();
        Books { accounts, transactions, heads, is_ledger }
    }

    /// What is in one and not the same in the other.
    pub(crate) fn differences(&self, other: &Books) -> Vec<String> {
        let mut all = differing("accounts", &self.accounts, &other.accounts);
        all.extend(differing("transactions", &self.transactions, &other.transactions));
        all.extend(differing("heads", &self.heads, &other.heads));
        all
    }

    /// Writes, or says the SQLSTATE of why not and changes nothing. A transaction that is still being assembled
    /// is taken as it is.
    pub(crate) fn write(&mut self, write: &Write, is_whole: bool) -> Result<Done, &'static str> {
        match write {
            Write::Open(at) => self.open(at),
            Write::Post { at, legs, skips, .. } => {
                if let Some(posted) = self.transactions.get(at) {
                    let same = sorted(&posted.legs) == sorted(legs);
                    return match (skips, same && self.is_ledger) {
                        (true, _) => Ok(Done::Skipped),
                        (false, true) => Ok(Done::Replayed { seq: posted.seq }),
                        (false, false) => Err("23505"),
                    };
                }
                self.post(at, legs, is_whole)
            }
        }
    }

    fn open(&mut self, at: &Named) -> Result<Done, &'static str> {
        if self.accounts.contains_key(at) {
            let replay = Done::Replayed { seq: 0 };
            return if self.is_ledger { Ok(replay) } else { Err("23505") };
        }
        self.accounts.insert(at.clone(), Account::default());
        Ok(Done::Written { seq: self.take_seq(at.0) })
    }

    fn post(&mut self, at: &Named, legs: &[Leg], is_whole: bool) -> Result<Done, &'static str> {
        for leg in legs {
            self.check_leg(at.0, leg)?;
        }
        if is_whole {
            let sum: i64 = legs.iter().map(signed).sum();
            if legs.len() < 2 || sum != 0 {
                return Err("23514");
            }
            for path in legs.iter().map(|leg| &leg.path) {
                let moved: i64 = legs.iter().filter(|leg| leg.path == *path).map(signed).sum();
                let account = &self.accounts[&(at.0, path.clone())];
                if account.bounded && account.credits - account.debits - moved < 0 {
                    return Err("23514");
                }
            }
        }
        for leg in legs {
            let account = self.accounts.get_mut(&(at.0, leg.path.clone())).expect("checked above");
            match leg.direction {
                Direction::Debit => account.debits += leg.amount,
                Direction::Credit => account.credits += leg.amount,
            }
        }
        let seq = self.take_seq(at.0);
        self.transactions.insert(at.clone(), Posted { seq, legs: legs.to_vec() });
        Ok(Done::Written { seq })
    }

    /// What is checked of a leg by itself.
    pub(crate) fn check_leg(&self, book: &'static str, leg: &Leg) -> Result<(), &'static str> {
        if !self.accounts.contains_key(&(book, leg.path.clone())) {
            return Err("23503");
        }
        if leg.amount <= 0 { Err("23514") } else { Ok(()) }
    }

    fn take_seq(&mut self, book: &'static str) -> i64 {
        let head = self.heads.entry(book).or_default();
        *head += 1;
        *head
    }
}

fn differing<K: Ord + Debug, V: PartialEq + Debug>(
    what: &str,
    one: &BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
) -> Vec<String> {
    let keys: BTreeSet<&K> = one.keys().chain(other.keys()).collect();
    let differing = keys.into_iter().filter(|key| one.get(key) != other.get(key));
    differing
        .map(|key| format!("{what} {key:?}: {:?} and {:?}", one.get(key), other.get(key)))
        .collect()
}

fn signed(leg: &Leg) -> i64 {
    match leg.direction {
        Direction::Debit => leg.amount,
        Direction::Credit => -leg.amount,
    }
}

fn sorted(legs: &[Leg]) -> Vec<Leg> {
    let mut legs = legs.to_vec();
    legs.sort();
    legs
}
