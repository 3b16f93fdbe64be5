//! The oracle: double entry written a second time, in plain maps and without any shared code.
//!
//! It lists *every* fault it can see in a draft, each by itself, and expects the one that stands
//! first in the documented order. It does not aim to be fast or complete, only to be obvious.

use ledger::{
    AccountKind, Direction, Draft, PostingDraft, Rejection, TransactionContent, TransactionDraft,
    Uuid,
};
use std::collections::{BTreeMap, BTreeSet};

const BOUND: u128 = 10u128.pow(38) - 1;

/// What a draft should come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    New,
    Replay,
    Unchanged,
    /// The name of the rejection.
    Rejected(&'static str),
}

/// The faults in the order in which they are to be reported.
pub(crate) const ORDER: [&str; 19] = [
    "AssetExists",
    "AccountExists",
    "IdempotencyKeyConflict",
    "TxIdTaken",
    "UnknownAsset",
    "PrecisionOutOfRange",
    "UnknownReversed",
    "AlreadyReversed",
    "UnknownAccount",
    "AccountClosed",
    "AssetMismatch",
    "TooManyPostings",
    "TooFewPostings",
    "AmountNotPositive",
    "AmountOutOfRange",
    "Unbalanced",
    "BalanceOutOfRange",
    "BookTotalOutOfRange",
    "BelowMinBalance",
];

pub(crate) fn name_of(rejection: &Rejection) -> &'static str {
    let debug = format!("{rejection:?}");
    let name = debug.split([' ', '{']).next().unwrap_or_default();
    ORDER.into_iter().find(|known| *known == name).expect("every rejection is in the order")
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelAccount {
    pub(crate) asset: String,
    pub(crate) kind: AccountKind,
    opened_with: (Option<i128>, String),
    pub(crate) min_balance: Option<i128>,
    metadata: String,
    pub(crate) closed: bool,
    pub(crate) debits: u128,
    pub(crate) credits: u128,
}

type Leg = (String, String, bool, i128);

#[derive(Debug, Clone, PartialEq)]
struct ModelTransaction {
    id: Uuid,
    legs: Vec<Leg>,
    reverses: Option<Uuid>,
    rest: (Option<i64>, String, String),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    assets: BTreeMap<String, ledger::Asset>,
    pub(crate) accounts: BTreeMap<String, ModelAccount>,
    transactions: BTreeMap<String, ModelTransaction>,
}

impl Model {
    pub(crate) fn submit(&mut self, draft: &Draft) -> Verdict {
        match draft {
            Draft::RegisterAsset(asset) => self.register(asset),
            Draft::OpenAccount { opening, .. } => self.open(opening),
            Draft::ChangeAccount(draft) => self.change(draft),
            Draft::PostTransaction(draft) => self.post(draft),
        }
    }

    fn register(&mut self, asset: &ledger::Asset) -> Verdict {
        match self.assets.get(asset.id.as_str()) {
            Some(known) if known == asset => Verdict::Replay,
            Some(_) => Verdict::Rejected("AssetExists"),
            None if asset.precision > 38 => Verdict::Rejected("PrecisionOutOfRange"),
            None => {
                self.assets.insert(asset.id.as_str().to_owned(), asset.clone());
                Verdict::New
            }
        }
    }

    fn open(&mut self, opening: &ledger::AccountOpening) -> Verdict {
        let metadata = opening.metadata.as_str().to_owned();
        let fresh = ModelAccount {
            asset: opening.asset.as_str().to_owned(),
            kind: opening.kind,
            opened_with: (opening.min_balance, normal(&metadata)),
            min_balance: opening.min_balance,
            metadata,
            closed: false,
            debits: 0,
            credits: 0,
        };
        if let Some(known) = self.accounts.get(opening.path.as_str()) {
            let same = (&known.asset, known.kind, &known.opened_with)
                == (&fresh.asset, fresh.kind, &fresh.opened_with);
            return if same { Verdict::Replay } else { Verdict::Rejected("AccountExists") };
        }
        if !self.assets.contains_key(&fresh.asset) {
            return Verdict::Rejected("UnknownAsset");
        }
        if fresh.min_balance > Some(0) {
            return Verdict::Rejected("BelowMinBalance");
        }
        self.accounts.insert(opening.path.as_str().to_owned(), fresh);
        Verdict::New
    }

    fn change(&mut self, draft: &ledger::AccountChangeDraft) -> Verdict {
        let Some(account) = self.accounts.get_mut(draft.path.as_str()) else {
            return Verdict::Rejected("UnknownAccount");
        };
        let mut changed = account.clone();
        if let Some(min_balance) = draft.change.min_balance {
            changed.min_balance = min_balance;
        }
        if let Some(metadata) = &draft.change.metadata
            && normal(metadata.as_str()) != normal(&changed.metadata)
        {
            changed.metadata = metadata.as_str().to_owned();
        }
        if let Some(closed) = draft.change.closed {
            changed.closed = closed;
        }
        if changed == *account {
            return Verdict::Unchanged;
        }
        if changed.min_balance.is_some_and(|least| effective(&changed) < least) {
            return Verdict::Rejected("BelowMinBalance");
        }
        *account = changed;
        Verdict::New
    }

    fn post(&mut self, draft: &TransactionDraft) -> Verdict {
        let mut faults = BTreeSet::new();
        let mut fault = |found: bool, name: &'static str| {
            if found {
                faults.insert(ORDER.iter().position(|known| *known == name).unwrap());
            }
        };
        let (legs, reverses) = self.legs(draft);
        let key = draft.idempotency_key.as_str();
        let rest = (
            draft.occurred_at.map(|time| time.0),
            normal(draft.metadata.as_str()),
            normal(draft.external_refs.as_str()),
        );
        if let Some(known) = self.transactions.get(key) {
            let content = (sorted(&legs), reverses, rest);
            let same = content == (sorted(&known.legs), known.reverses, known.rest.clone());
            return if same {
                Verdict::Replay
            } else {
                Verdict::Rejected("IdempotencyKeyConflict")
            };
        }
        let by_id = |id: Uuid| self.transactions.values().find(|known| known.id == id);
        fault(by_id(draft.tx_id).is_some(), "TxIdTaken");
        if let Some(reversed) = reverses {
            fault(by_id(reversed).is_none(), "UnknownReversed");
            let again = self.transactions.values().any(|known| known.reverses == reverses);
            fault(again, "AlreadyReversed");
        }
        self.faults_of_legs(&legs, &mut fault);
        if let Some(first) = faults.first() {
            return Verdict::Rejected(ORDER[*first]);
        }
        for (path, _, is_debit, amount) in &legs {
            let account = self.accounts.get_mut(path).unwrap();
            let sum = if *is_debit { &mut account.debits } else { &mut account.credits };
            *sum += amount.unsigned_abs();
        }
        let transaction = ModelTransaction { id: draft.tx_id, legs, reverses, rest };
        self.transactions.insert(key.to_owned(), transaction);
        Verdict::New
    }

    /// The legs as (path, asset, is a debit, amount); `?` stands for an asset that nothing tells.
    fn legs(&self, draft: &TransactionDraft) -> (Vec<Leg>, Option<Uuid>) {
        match &draft.content {
            TransactionContent::Postings(postings) => {
                (postings.iter().map(|posting| self.leg(posting)).collect(), None)
            }
            TransactionContent::Reversal(reversed) => {
                let original = self.transactions.values().find(|known| known.id == *reversed);
                let turned = original.map_or(Vec::new(), |original| {
                    let legs = original.legs.iter().cloned();
                    legs.map(|(path, asset, is_debit, amount)| (path, asset, !is_debit, amount))
                        .collect()
                });
                (turned, Some(*reversed))
            }
        }
    }

    fn leg(&self, posting: &PostingDraft) -> Leg {
        let path = posting.account.as_str();
        let implied = self.accounts.get(path).map_or("?", |account| &account.asset);
        let asset = posting.asset.as_ref().map_or(implied, |given| given.as_str());
        let is_debit = posting.direction == Direction::Debit;
        (path.to_owned(), asset.to_owned(), is_debit, posting.amount)
    }

    fn faults_of_legs(&self, legs: &[Leg], fault: &mut impl FnMut(bool, &'static str)) {
        fault(legs.len() < 2, "TooFewPostings");
        fault(legs.len() > 4_095, "TooManyPostings");
        for (path, asset, _, amount) in legs {
            let account = self.accounts.get(path);
            fault(account.is_none(), "UnknownAccount");
            fault(account.is_some_and(|account| account.closed), "AccountClosed");
            fault(account.is_some_and(|account| account.asset != *asset), "AssetMismatch");
            fault(*amount <= 0, "AmountNotPositive");
        }
        if legs.iter().any(|(_, _, _, amount)| *amount <= 0) {
            return;
        }
        for (debits, credits) in grouped(legs, |leg| leg.1.clone()).values() {
            fault(*debits > BOUND || *credits > BOUND, "AmountOutOfRange");
            fault(debits != credits, "Unbalanced");
        }
        for (path, (debits, credits)) in grouped(legs, |leg| leg.0.clone()) {
            let Some(account) = self.accounts.get(&path) else { continue };
            let after = ModelAccount {
                debits: account.debits.saturating_add(debits),
                credits: account.credits.saturating_add(credits),
                ..account.clone()
            };
            let beyond = after.debits > BOUND || after.credits > BOUND;
            fault(beyond, "BalanceOutOfRange");
            if !beyond {
                let least = after.min_balance;
                fault(least.is_some_and(|least| effective(&after) < least), "BelowMinBalance");
            }
        }
        for (asset, (debits, credits)) in grouped(legs, |leg| leg.1.clone()) {
            let (all_debits, all_credits) = self.book_totals(&asset);
            let beyond = all_debits.saturating_add(debits) > BOUND
                || all_credits.saturating_add(credits) > BOUND;
            fault(beyond, "BookTotalOutOfRange");
        }
    }

    pub(crate) fn book_totals(&self, asset: &str) -> (u128, u128) {
        let of_asset = self.accounts.values().filter(|account| account.asset == asset);
        of_asset.fold((0, 0), |(debits, credits), account| {
            (debits + account.debits, credits + account.credits)
        })
    }

    pub(crate) fn assets(&self) -> impl Iterator<Item = &String> {
        self.assets.keys()
    }
}

fn grouped(legs: &[Leg], by: impl Fn(&Leg) -> String) -> BTreeMap<String, (u128, u128)> {
    let mut sums: BTreeMap<String, (u128, u128)> = BTreeMap::new();
    for leg in legs {
        let sum = sums.entry(by(leg)).or_default();
        let side = if leg.2 { &mut sum.0 } else { &mut sum.1 };
        *side = side.saturating_add(leg.3.unsigned_abs());
    }
    sums
}

fn sorted(legs: &[Leg]) -> Vec<Leg> {
    let mut legs = legs.to_vec();
    legs.sort();
    legs
}

pub(crate) fn effective(account: &ModelAccount) -> i128 {
    let balance = account.debits as i128 - account.credits as i128;
    match account.kind {
        AccountKind::Liability | AccountKind::Income | AccountKind::Equity => -balance,
        _ => balance,
    }
}

/// The histories only use these spellings, so equality by value is a lookup.
fn normal(json: &str) -> String {
    json.replace("1.0", "1")
}
