//! The rules of double entry, and nothing else.
//!
//! Owns: the words of the ledger (assets, accounts, transactions, postings, events), the pure
//! decision [`decide`] that turns a [`Draft`] into what happened or a [`Rejection`], the
//! infallible [`BookState::apply`], and the [`Auditor`] that checks a whole history again.
//!
//! Refuses to know: time, randomness, files, threads, async, SQL. A clock reading or a fresh id
//! comes in as a value; whatever calls this crate twice with the same values gets the same answer.
//!
//! Invariant: an accepted history balances per asset, keeps every minimum, and replaying its
//! events gives the same state that deciding it gave.

mod account;
mod amount;
mod asset;
mod audit;
mod book_view;
mod decide;
mod draft;
mod event;
mod json;
mod name;
mod overlay;
mod rejection;
mod state;
mod transaction;
mod transaction_index;
mod unique_key;

pub use account::{Account, AccountChange, AccountKind, AccountOpening, NormalSide};
pub use amount::{AMOUNT_MAX, Totals};
pub use asset::{Asset, AssetClass};
pub use audit::{Auditor, Finding};
pub use book_view::{BookView, Original};
pub use decide::{Decision, decide, resolve_posting};
pub use draft::{AccountChangeDraft, Draft, PostingDraft, TransactionContent, TransactionDraft};
pub use event::{Event, EventBody, Lsn, Seq, Timestamp};
pub use json::{JsonDocument, JsonError};
pub use name::{AccountPath, AssetId, BookName, IdempotencyKey, NameError, NameProblem};
pub use overlay::Overlay;
pub use rejection::{AccountField, AssetField, Rejection, TransactionField};
pub use state::{AssetRegister, BookState, BookWithPast};
pub use transaction::{Direction, POSTINGS_MAX, Posting, Transaction};
pub use transaction_index::{PostedTransaction, TransactionIndex, TransactionLookup};
pub use unique_key::UniqueKey;

pub use uuid::Uuid;

/// Maps here are asked several times for every posting, so their hash is a fast one; it is seeded
/// at random, so that names cannot be chosen to collide.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
