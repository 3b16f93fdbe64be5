//! Accounts: what they are, how their balance is turned to its normal side, how they change.

use crate::{AccountPath, AssetId, JsonDocument, Totals};
use std::fmt;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountKind {
    Asset,
    Liability,
    Income,
    Expense,
    Equity,
    Clearing,
}

/// The side on which an account's balance is normally positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormalSide {
    Debit,
    Credit,
    /// A clearing account: no side, shown debit-positive.
    None,
}

impl NormalSide {
    /// `debit` or `credit`; `None` for an account without a side.
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            NormalSide::Debit => Some("debit"),
            NormalSide::Credit => Some("credit"),
            NormalSide::None => None,
        }
    }
}

impl AccountKind {
    pub const ALL: [AccountKind; 6] = [
        AccountKind::Asset,
        AccountKind::Liability,
        AccountKind::Income,
        AccountKind::Expense,
        AccountKind::Equity,
        AccountKind::Clearing,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            AccountKind::Asset => "asset",
            AccountKind::Liability => "liability",
            AccountKind::Income => "income",
            AccountKind::Expense => "expense",
            AccountKind::Equity => "equity",
            AccountKind::Clearing => "clearing",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    pub fn normal_side(self) -> NormalSide {
        match self {
            AccountKind::Asset | AccountKind::Expense => NormalSide::Debit,
            AccountKind::Liability | AccountKind::Income | AccountKind::Equity => {
                NormalSide::Credit
            }
            AccountKind::Clearing => NormalSide::None,
        }
    }

    /// The balance as its owner reads it: turned to the normal side.
    pub fn effective(self, totals: &Totals) -> i128 {
        match self.normal_side() {
            NormalSide::Debit | NormalSide::None => totals.balance(),
            NormalSide::Credit => -totals.balance(),
        }
    }
}

impl fmt::Display for AccountKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An account as it is opened. A later `INSERT` of the same path compares with this, so a seed
/// file stays valid however the account changed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountOpening {
    pub path: AccountPath,
    pub asset: AssetId,
    pub kind: AccountKind,
    /// Bounds the effective balance from below.
    pub min_balance: Option<i128>,
    pub metadata: JsonDocument,
}

/// What changes about an account; `None` leaves a thing as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountChange {
    /// `Some(None)` removes the minimum.
    pub min_balance: Option<Option<i128>>,
    pub metadata: Option<JsonDocument>,
    pub closed: Option<bool>,
}

/// An account as it stands: its opening, what changed since, and its lifetime sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub opening: Arc<AccountOpening>,
    pub min_balance: Option<i128>,
    pub metadata: JsonDocument,
    pub closed: bool,
    pub totals: Totals,
}

impl Account {
    pub fn open(opening: Arc<AccountOpening>) -> Self {
        Account {
            min_balance: opening.min_balance,
            metadata: opening.metadata.clone(),
            closed: false,
            totals: Totals::default(),
            opening,
        }
    }

    /// The balance turned to the account's normal side.
    pub fn effective_balance(&self) -> i128 {
        self.opening.kind.effective(&self.totals)
    }

    pub fn change(&mut self, change: &AccountChange) {
        if let Some(min_balance) = change.min_balance {
            self.min_balance = min_balance;
        }
        if let Some(metadata) = &change.metadata {
            self.metadata = metadata.clone();
        }
        if let Some(closed) = change.closed {
            self.closed = closed;
        }
    }
}
