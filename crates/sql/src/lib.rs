//! SQL on the ledger: statements become commands or queries.
//!
//! Owns: sessions and blocks, INSERT and COPY into drafts, DataFusion providers over the store's
//! views, catalogs, functions, checked arithmetic.
//!
//! Refuses to know: sockets, wire messages, file paths, SQLSTATEs.
//!
//! Invariant: nothing is silently accepted. A statement does what it says, or answers an error.

mod answer;
mod block;
mod blocking;
mod budget;
mod catalog;
mod change;
mod clock;
mod copy;
mod cursor;
mod datafusion_error;
mod engine;
mod error;
mod exact;
mod explain_write;
mod expression;
mod function;
mod insert;
mod memory_error;
mod moment;
mod pg_type;
mod planning_error;
mod prepared;
mod provider;
mod query;
mod query_memory;
mod session;
mod settings;
mod statement;
mod stop;
mod temporary_files;
mod timestamp;
mod value;
mod write_plan;

/// The ledger below, for who opens it and for who tells its rejections: the server reaches it
/// through this crate alone.
pub use ::store;
pub use answer::{Answer, Column, RowsTag, WriteAnswer};
pub use block::{BlockCommit, BlockOutcome, BlockStatus, Notice, NoticeKind, Severity};
pub use budget::{MemoryBudget, MemoryCharge};
pub use copy::{CommittedRows, CopyFormat, CopyIn, CopyOut, CopyRowFormat};
pub use cursor::{
    CursorCommand, CursorOptions, CursorPosition, CursorStep, DeclaredCursor, Direction,
    FetchCommand, FetchEnd, FetchPlan, KeptRows,
};
pub use datafusion::arrow;
pub use engine::{Engine, SessionIdentity};
pub use error::{Error, Fault, Result};
pub use pg_type::{MONEY_TYPMOD, PgType};
pub use prepared::Prepared;
pub use query::Served;
pub use session::{GatheredRows, Gathering, PreparedStatements, Replaced, Session};
pub use settings::SessionSettings;
pub use statement::{Statement, StatementKind};
pub use stop::{Rows, StopSignal};
pub use temporary_files::TemporaryFiles;
pub use value::{Numeric, NumericError, Value};
