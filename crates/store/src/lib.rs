//! The append-only log and its projections: a double-entry ledger to embed.
//!
//! Owns: frames, segments, book writers, the log thread, the publisher, recovery, projections,
//! cuts, the idempotency rule's memory, subscriptions.
//!
//! Refuses to know: SQL, DataFusion, sockets, SQLSTATEs.
//!
//! Invariant: decided ≥ written ≥ durable ≥ published ≥ acknowledged. Nothing is acknowledged
//! before it is durable and visible to everyone; nothing is visible before it is durable.
//!
//! ```
//! use std::sync::Arc;
//! use store::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! let ledger = Ledger::open(dir)?;
//! let book = BookName::user("shop")?;
//! let eur = AssetId::new("EUR")?;
//! let open = |path: &str, kind| -> Result<Draft, NameError> {
//!     Ok(Draft::OpenAccount {
//!         book: book.clone(),
//!         opening: Arc::new(AccountOpening {
//!             path: AccountPath::new(path)?,
//!             asset: eur.clone(),
//!             kind,
//!             min_balance: None,
//!             metadata: JsonDocument::default(),
//!         }),
//!     })
//! };
//!
//! // Register an asset and open two accounts: one group, one frame, all or nothing.
//! let register = Draft::RegisterAsset(Arc::new(Asset {
//!     id: eur.clone(),
//!     class: AssetClass::Fiat,
//!     network: None,
//!     native_id: None,
//!     precision: 2,
//!     name: "Euro".to_owned(),
//! }));
//! let opened = [open("cash", AccountKind::Asset)?, open("sales", AccountKind::Income)?];
//! ledger.submit(&[register]).wait()?;
//! ledger.submit(&opened).wait()?;
//!
//! // Commit a sale of 15.00 EUR.
//! let sale = |key: &str| -> Result<Draft, NameError> {
//!     let leg = |path: &str, direction| -> Result<PostingDraft, NameError> {
//!         let account = AccountPath::new(path)?;
//!         Ok(PostingDraft { account, asset: None, direction, amount: 1500 })
//!     };
//!     Ok(Draft::PostTransaction(TransactionDraft {
//!         book: book.clone(),
//!         tx_id: ledger.new_tx_id(),
//!         idempotency_key: IdempotencyKey::new(key)?,
//!         occurred_at: None,
//!         metadata: JsonDocument::default(),
//!         external_refs: JsonDocument::default(),
//!         content: TransactionContent::Postings(vec![
//!             leg("cash", Direction::Debit)?,
//!             leg("sales", Direction::Credit)?,
//!         ]),
//!     }))
//! };
//! let committed = ledger.submit(&[sale("sale-1")?]).wait()?;
//! assert!(matches!(&committed[..], [Outcome::Committed(event)] if event.seq == Seq(3)));
//! // The same key and content again: the original comes back.
//! let replayed = ledger.submit(&[sale("sale-1")?]).wait()?;
//! assert!(matches!(&replayed[..], [Outcome::Replayed(event)] if event.seq == Seq(3)));
//! // A batch: many groups together, each standing alone.
//! for ticket in ledger.batch(&[vec![sale("sale-2")?], vec![sale("sale-3")?]]) {
//!     ticket.wait()?;
//! }
//!
//! // Read at a cut.
//! let view = ledger.view();
//! let cash = view.account("shop", "cash")?.expect("opened above");
//! assert_eq!(cash.totals.balance(), 4500);
//! assert_eq!(view.account_history("shop", "cash", Seq(1), 10)?.len(), 3);
//! assert!(view.transaction_by_key("shop", "sale-1")?.is_some());
//! assert_eq!(view.trial_balance("shop")?, [(eur, Totals { debits: 4500, credits: 4500 })]);
//! assert_eq!(view.events_from("shop", Seq(1), 100)?.len(), 5);
//!
//! // Follow a book from its beginning, frame by frame.
//! let mut frames = ledger.subscribe(Following::Book { book, from: Seq(1) });
//! assert_eq!(frames.try_next()?.expect("published above").events.len(), 2);
//!
//! ledger.shutdown();
//! # Ok(())
//! # }
//! ```

pub mod backup;
mod embedded;
mod error;
mod history;
mod log;
mod opening;
mod projection;
mod selection;
mod staged;
pub mod storage;
mod subscription;
pub mod verify;
mod view;
mod write;

pub use backup::{BackupError, BackupOptions, BackupReport, backup, restore};
pub use embedded::{Ledger, Options};
pub use error::{CommitError, OpenError, ReadError};
pub use ledger::*;
pub use log::record::{event_payload, postings_json};
pub use selection::{OneOf, PathSelection, Selection};
pub use staged::{StagedMark, StagedWrites};
pub use storage::free_bytes;
pub use subscription::{Following, Frame, Subscription};
pub use verify::{VerifyOptions, VerifyReport, verify};
pub use view::{
    AccountPage, AccountRow, AssetRow, BookRow, HistoryRow, PageOrder, SEQS_LOOKED_UP_MAX, Scan,
    ScanPiece, SealedReach, View, events_schema, postings_schema, transactions_schema,
};
pub use write::{BooksRead, Conflict, Outcome, StagedDecision, Terms, Ticket, Unmoved};
