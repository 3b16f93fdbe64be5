//! Why the rules said no.
//!
//! The variants stand in the order in which they are checked, so two faults in one draft always
//! give the same answer. Numbers and texts in here are for messages; codes are chosen elsewhere.
//! A `seq` of zero stands for something of the same group, which has no place yet.

use crate::{AccountPath, AssetId, Seq};
use std::fmt;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    // --- what was asked for exists already, with other content ---
    AssetExists { asset: AssetId, differs: Vec<AssetField> },
    AccountExists { path: AccountPath, differs: Vec<AccountField> },
    IdempotencyKeyConflict { key: crate::IdempotencyKey, differs: Vec<TransactionField>, seq: Seq },
    TxIdTaken { tx_id: Uuid, seq: Seq },

    // --- what the draft refers to ---
    UnknownAsset { asset: AssetId },
    PrecisionOutOfRange { precision: u8 },
    UnknownReversed { tx_id: Uuid },
    AlreadyReversed { tx_id: Uuid, by: Uuid },
    UnknownAccount { path: AccountPath },
    AccountClosed { path: AccountPath },
    AssetMismatch { path: AccountPath, holds: AssetId, given: AssetId },

    // --- the draft itself ---
    TooManyPostings { count: usize },
    TooFewPostings { count: usize },
    AmountNotPositive { path: AccountPath, amount: i128 },
    AmountOutOfRange { path: AccountPath },
    Unbalanced { asset: AssetId, debits: i128, credits: i128 },

    // --- what it would do to the book ---
    BalanceOutOfRange { path: AccountPath },
    BookTotalOutOfRange { asset: AssetId },
    BelowMinBalance { path: AccountPath, balance: i128, min_balance: i128 },
}

/// A part of an asset's registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetField {
    Class,
    Network,
    NativeId,
    Precision,
    Name,
}

/// A part of an account's opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountField {
    Asset,
    Kind,
    MinBalance,
    Metadata,
}

/// A part of a transaction's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionField {
    Postings,
    Metadata,
    ExternalRefs,
    Reverses,
    OccurredAt,
}

macro_rules! column_names {
    ($type:ident { $($variant:ident => $name:literal),+ $(,)? }) => {
        /// Prints the name of the column that holds this part.
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $($type::$variant => $name),+
                })
            }
        }
    };
}

column_names!(AssetField {
    Class => "class",
    Network => "network",
    NativeId => "native_id",
    Precision => "precision",
    Name => "name",
});
column_names!(AccountField {
    Asset => "asset",
    Kind => "kind",
    MinBalance => "min_balance",
    Metadata => "metadata",
});
column_names!(TransactionField {
    Postings => "postings",
    Metadata => "metadata",
    ExternalRefs => "external_refs",
    Reverses => "reverses",
    OccurredAt => "occurred_at",
});

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejection::AssetExists { asset, .. } => {
                write!(f, "asset \"{asset}\" exists with another definition")
            }
            Rejection::AccountExists { path, .. } => {
                write!(f, "account \"{path}\" exists with another definition")
            }
            Rejection::IdempotencyKeyConflict { key, .. } => {
                write!(f, "idempotency key \"{key}\" was used for another transaction")
            }
            Rejection::TxIdTaken { tx_id, .. } => {
                write!(f, "tx_id {tx_id} belongs to another transaction")
            }
            Rejection::UnknownAsset { asset } => write!(f, "asset \"{asset}\" is not registered"),
            Rejection::PrecisionOutOfRange { precision } => {
                write!(f, "precision {precision} is out of range: 0 to 38 decimals are possible")
            }
            Rejection::UnknownReversed { tx_id } => {
                write!(f, "transaction {tx_id} to reverse does not exist in this book")
            }
            Rejection::AlreadyReversed { tx_id, by } => {
                write!(f, "transaction {tx_id} is already reversed by {by}")
            }
            Rejection::UnknownAccount { path } => {
                write!(f, "account \"{path}\" does not exist in this book")
            }
            Rejection::AccountClosed { path } => write!(f, "account \"{path}\" is closed"),
            Rejection::AssetMismatch { path, holds, given } => {
                write!(f, "account \"{path}\" holds \"{holds}\", not \"{given}\"")
            }
            Rejection::TooManyPostings { count } => write!(
                f,
                "a transaction of {count} postings is too large: at most {} are allowed",
                crate::POSTINGS_MAX
            ),
            Rejection::TooFewPostings { count } => {
                write!(f, "a transaction needs at least two postings, this one has {count}")
            }
            Rejection::AmountNotPositive { path, amount } => {
                write!(f, "amount {amount} on account \"{path}\" is not positive")
            }
            Rejection::AmountOutOfRange { path } => {
                write!(f, "amounts on account \"{path}\" are out of range: at most 38 digits")
            }
            Rejection::Unbalanced { asset, debits, credits } => write!(
                f,
                "transaction does not balance in \"{asset}\": debits {debits}, credits {credits}"
            ),
            Rejection::BalanceOutOfRange { path } => {
                write!(f, "lifetime debits or credits of account \"{path}\" would pass 38 digits")
            }
            Rejection::BookTotalOutOfRange { asset } => {
                write!(f, "the book's total in \"{asset}\" would pass 38 digits")
            }
            Rejection::BelowMinBalance { path, balance, min_balance } => write!(
                f,
                "balance of account \"{path}\" would be {balance}, below its minimum {min_balance}"
            ),
        }
    }
}
