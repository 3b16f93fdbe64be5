//! The ledger's tables for DataFusion.
//!
//! A table is a [`LedgerTable`]: its relation, what can narrow a scan, and rows at a view.
//! [`adapter`] makes a `TableProvider` of it, once, for the life of the server: which [`View`] a
//! statement reads is not the table's business but comes with the statement ([`PinnedView`]), so a
//! plan made once can be executed at any cut.
//!
//! Invariant: every table of a statement reads the same view.

mod adapter;
mod columns;
mod described;
mod moments;
mod page;
mod pinned;
mod postings;
mod pruning;
mod rows;
mod shares;
mod transfers;

pub(crate) use adapter::{LedgerProvider, LedgerScan};
pub(crate) use described::{describe, describe_reach};
pub(crate) use moments::MomentProvider;
pub(crate) use pinned::{PinnedView, ReadBooks};
pub(crate) use pruning::compare as narrow;

use crate::catalog::Relation;
use datafusion::arrow::array::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::scalar::ScalarValue;
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;
use store::{PageOrder, ReadError, SealedReach, Selection, View};

/// The part of a selection that a column's conditions can fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Narrows {
    Book,
    Path,
    TxId,
    IdempotencyKey,
    Seq,
    Lsn,
    CommittedAt,
}

/// The minimal thing a table of the ledger has to be.
pub(crate) trait LedgerTable: std::fmt::Debug + Send + Sync {
    fn relation(&self) -> &'static Relation;

    /// By column name; conditions on other columns do not narrow the scan.
    fn narrows(&self) -> &'static [(&'static str, Narrows)];

    /// Rows of the relation, at least those inside the selection, with the projected columns.
    ///
    /// # Errors
    /// If the disk could not be read.
    fn open(&self, view: &View, selection: &Selection, projection: &[usize]) -> Result<TableScan>;

    /// The rows of a page and no others, in its order. Only a table that is organised by account
    /// has pages.
    ///
    /// # Errors
    /// If the disk could not be read.
    fn page(&self, _view: &View, _page: &Page<'_>, _projection: &[usize]) -> Result<TableScan> {
        let name = self.relation().name;
        Err(DataFusionError::Internal(format!("{name} has no pages")))
    }

    /// The value that a column has in every row, where that is known without reading any.
    fn only_value(&self, _view: &View, _column: usize) -> Option<ScalarValue> {
        None
    }

    /// What of the sealed history a scan reads, for EXPLAIN; `None` if it looks through none.
    fn sealed(&self, _view: &View, _selection: &Selection) -> Option<SealedReach> {
        None
    }
}

/// The first or the last rows of an account's history in a range of seqs.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) book: &'a str,
    pub(crate) path: &'a str,
    pub(crate) seqs: RangeInclusive<u64>,
    pub(crate) order: PageOrder,
    pub(crate) limit: usize,
}

/// What the disk did not give goes through the planner as it is, to its own SQLSTATE.
fn unreadable(error: ReadError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

pub(crate) struct TableScan {
    /// How the rows are found, for EXPLAIN.
    pub(crate) access_path: &'static str,
    /// Rows at most, before filters.
    pub(crate) rows_max: usize,
    /// Whether there are exactly so many rows.
    pub(crate) is_exact: bool,
    /// What several threads may read beside each other.
    pub(crate) pieces: VecDeque<Batches>,
}

impl TableScan {
    /// All batches, in the order in which the rows are found.
    pub(crate) fn in_order(self) -> Batches {
        Box::new(self.pieces.into_iter().flatten())
    }
}

pub(crate) fn tables() -> Vec<Arc<dyn LedgerTable>> {
    vec![
        Arc::new(rows::Assets),
        Arc::new(rows::Books),
        Arc::new(rows::Accounts),
        Arc::new(postings::Transactions),
        Arc::new(postings::Postings),
        Arc::new(transfers::Transfers),
        Arc::new(postings::Events),
    ]
}
