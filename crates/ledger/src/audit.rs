//! The second pair of eyes: checks a history of one book without trusting who wrote it.
//!
//! Shares no code path with `decide` beyond the types, so a mistake there is found here. Recovery
//! feeds every event through an [`Auditor`] before it applies it; `verify` does the same offline.
//! The auditor keeps its own accounts; who used a key or an id before is asked of the caller.

use crate::{
    Account, AccountPath, AssetId, AssetRegister, BookState, Direction, Event, EventBody, HashMap,
    POSTINGS_MAX, Posting, Seq, Timestamp, Totals, Transaction, TransactionLookup,
};
use std::collections::HashSet;
use std::fmt;
use uuid::Uuid;

/// A history that the rules cannot have produced, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub seq: Seq,
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at seq {}: {}", self.seq, self.problem)
    }
}

impl std::error::Error for Finding {}

/// Checks one book's events, in order.
#[derive(Debug, Default)]
pub struct Auditor {
    head: Seq,
    last_at: Timestamp,
    assets: HashSet<AssetId>,
    accounts: HashMap<AccountPath, Account>,
    totals: HashMap<AssetId, Totals>,
}

impl Auditor {
    /// An auditor that goes on behind a state and the assets registered so far, and trusts them.
    pub fn resume(state: &BookState, assets: &AssetRegister) -> Self {
        Auditor {
            head: state.head,
            assets: assets.keys().cloned().collect(),
            accounts: state.accounts.clone(),
            totals: state.totals.clone(),
            ..Auditor::default()
        }
    }

    /// Checks the next event; `past` finds the transactions before it. After a finding the auditor
    /// must not be used further.
    pub fn check(&mut self, event: &Event, past: &impl TransactionLookup) -> Result<(), Finding> {
        self.check_event(event, past).map_err(|problem| Finding { seq: event.seq, problem })
    }

    fn check_event(&mut self, event: &Event, past: &impl TransactionLookup) -> Result<(), String> {
        if event.seq != self.head.next() {
            return Err(format!("seq {} follows {}", event.seq, self.head));
        }
        if event.at < self.last_at {
            return Err("time went backwards".to_owned());
        }
        self.head = event.seq;
        self.last_at = event.at;
        match &event.body {
            EventBody::AssetRegistered(asset) => match self.assets.insert(asset.id.clone()) {
                true => Ok(()),
                false => Err(format!("asset \"{}\" is registered twice", asset.id)),
            },
            EventBody::AccountOpened(opening) => {
                let account = Account::open(opening.clone());
                check_minimum(&account)?;
                match self.accounts.insert(opening.path.clone(), account) {
                    None => Ok(()),
                    Some(_) => Err(format!("account \"{}\" is opened twice", opening.path)),
                }
            }
            EventBody::AccountChanged { path, change } => match self.accounts.get_mut(path) {
                Some(account) => {
                    account.change(change);
                    check_minimum(account)
                }
                None => Err(format!("account \"{path}\" changes but was never opened")),
            },
            EventBody::TransactionPosted(transaction) => self.check_transaction(transaction, past),
        }
    }

    fn check_transaction(
        &mut self,
        transaction: &Transaction,
        past: &impl TransactionLookup,
    ) -> Result<(), String> {
        let postings = &transaction.postings;
        if !(2..=POSTINGS_MAX).contains(&postings.len()) {
            return Err(format!("a transaction of {} postings", postings.len()));
        }
        if past.by_key(&transaction.idempotency_key).is_some() {
            return Err(format!("idempotency key \"{}\" again", transaction.idempotency_key));
        }
        if let Some(reversed) = transaction.reverses {
            check_reversal(reversed, transaction, past)?;
        }
        if past.by_id(&transaction.tx_id).is_some() {
            return Err(format!("tx_id {} again", transaction.tx_id));
        }
        self.check_balance(transaction)?;
        self.check_accounts(transaction)?;
        self.check_book_totals(transaction)
    }

    fn check_balance(&self, transaction: &Transaction) -> Result<(), String> {
        let mut sums: HashMap<&str, i128> = HashMap::default();
        for posting in &transaction.postings {
            if !(1..=crate::AMOUNT_MAX).contains(&posting.amount) {
                return Err(format!("amount {} is out of range", posting.amount));
            }
            let signed = match posting.direction {
                Direction::Debit => posting.amount,
                Direction::Credit => -posting.amount,
            };
            let sum = sums.entry(posting.asset.as_str()).or_default();
            *sum = sum.checked_add(signed).ok_or("amounts out of range")?;
        }
        match sums.into_iter().find(|(_, sum)| *sum != 0) {
            Some((asset, sum)) => Err(format!("unbalanced in \"{asset}\" by {sum}")),
            None => Ok(()),
        }
    }

    fn check_accounts(&mut self, transaction: &Transaction) -> Result<(), String> {
        for posting in &transaction.postings {
            let path = &posting.account;
            let account = self
                .accounts
                .get_mut(path)
                .ok_or_else(|| format!("account \"{path}\" was never opened"))?;
            if account.closed {
                return Err(format!("account \"{path}\" is closed"));
            }
            if account.opening.asset != posting.asset {
                return Err(format!("account \"{path}\" does not hold \"{}\"", posting.asset));
            }
            account.totals = account
                .totals
                .checked_add(&posting.totals())
                .ok_or_else(|| format!("lifetime sums of \"{path}\" out of range"))?;
        }
        for posting in &transaction.postings {
            check_minimum(&self.accounts[&posting.account])?;
        }
        Ok(())
    }

    fn check_book_totals(&mut self, transaction: &Transaction) -> Result<(), String> {
        for posting in &transaction.postings {
            let totals = self.totals.entry(posting.asset.clone()).or_default();
            *totals = totals
                .checked_add(&posting.totals())
                .ok_or_else(|| format!("the book's sums in \"{}\" out of range", posting.asset))?;
        }
        Ok(())
    }

    /// Compares the audited end of the history with a state that claims to be it.
    pub fn agrees_with(&self, state: &BookState) -> Result<(), Finding> {
        let disagree = |problem| Err(Finding { seq: self.head, problem });
        if state.head != self.head {
            return disagree(format!("the state stands at seq {}", state.head));
        }
        if state.accounts != self.accounts {
            return disagree("accounts of the state differ from the history".to_owned());
        }
        if state.totals != self.totals {
            return disagree("totals of the state differ from the history".to_owned());
        }
        Ok(())
    }
}

fn check_reversal(
    reversed: Uuid,
    by: &Transaction,
    past: &impl TransactionLookup,
) -> Result<(), String> {
    let original = past
        .by_id(&reversed)
        .ok_or_else(|| format!("reverses {reversed}, which is not in the book"))?;
    let turned =
        |posting: &Posting| Posting { direction: posting.direction.opposite(), ..posting.clone() };
    if !original.transaction.postings.iter().map(turned).eq(by.postings.iter().cloned()) {
        return Err(format!("is not the mirror image of {reversed}, which it reverses"));
    }
    match past.reversal_of(&reversed) {
        Some(_) => Err(format!("{reversed} is reversed a second time")),
        None => Ok(()),
    }
}

fn check_minimum(account: &Account) -> Result<(), String> {
    let balance = account.effective_balance();
    match account.min_balance {
        Some(least) if balance < least => {
            Err(format!("\"{}\" falls to {balance}, below {least}", account.opening.path))
        }
        _ => Ok(()),
    }
}
