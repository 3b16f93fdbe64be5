//! SQL cursors: what DECLARE, FETCH, MOVE and CLOSE ask for, and rows that are kept to be read
//! again.
//!
//! Owns the syntax, which row a FETCH means, and the bound on what is kept.
//!
//! Refuses to know: where a cursor lives. Cursors and the portals of the protocol have one
//! namespace, which is the server's.

mod command;
mod kept_rows;
mod position;

pub use command::{CursorOptions, FetchCommand};
pub(crate) use command::{DeclareCommand, parse_close, parse_declare, parse_fetch};
pub use kept_rows::KeptRows;
pub use position::{CursorPosition, CursorStep, Direction, FetchEnd, FetchPlan};

use crate::{Column, Rows};

/// What a cursor statement wants done with the session's cursors.
pub enum CursorCommand {
    Declare(DeclaredCursor),
    /// FETCH or MOVE.
    Fetch(FetchCommand),
    /// CLOSE; without a name, of all.
    Close {
        name: Option<String>,
    },
}

/// A cursor that has just been declared: its query runs at the cut of the DECLARE.
pub struct DeclaredCursor {
    pub name: String,
    pub options: CursorOptions,
    pub columns: Vec<Column>,
    pub rows: Rows,
}

impl std::fmt::Debug for CursorCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CursorCommand::Declare(declared) => {
                f.debug_tuple("Declare").field(&declared.name).field(&declared.options).finish()
            }
            CursorCommand::Fetch(fetch) => f.debug_tuple("Fetch").field(fetch).finish(),
            CursorCommand::Close { name } => f.debug_tuple("Close").field(name).finish(),
        }
    }
}

impl std::fmt::Debug for DeclaredCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeclaredCursor").field("name", &self.name).finish_non_exhaustive()
    }
}
