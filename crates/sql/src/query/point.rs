//! Point reads: statements that an index of the ledger answers, recognised when they are prepared
//! and served from the projection by the tables' own code, without DataFusion.
//!
//! Owns which statements those are ([`recognize`]), their constants ([`constant`]) and their rows
//! ([`rows`]). Whatever is not surely one of them is not recognised; what turns out not to be one
//! when it is executed ([`Served::Elsewhere`]) is executed like any other query.
//!
//! Invariant: a point read gives the rows that the general way gives, or leaves the answer to it.

mod constant;
mod explain;
mod recognize;
mod rows;

use crate::provider::{LedgerTable, Narrows, Page, PinnedView, TableScan, narrow};
use crate::{PgType, Result, Value};
use constant::{Constant, Constants};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::Operator;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::scalar::ScalarValue;
use futures::stream;
pub(super) use recognize::recognize;
use rows::Checked;
use std::sync::Arc;
use store::{PageOrder, PathSelection, ReadError, SEQS_LOOKED_UP_MAX, Selection};

/// Rows that are answered at once. More are streamed, on the threads of queries.
const ROWS_AT_ONCE: usize = 1_024;

/// A page is held whole. Longer ones are scanned.
const PAGE_ROWS_MAX: usize = 65_536;

/// A statement that is answered without a plan.
#[derive(Debug)]
pub(super) struct PointRead {
    table: Arc<dyn LedgerTable>,
    is_by_book: bool,
    conditions: Vec<Condition>,
    /// Columns of the table that are read: those that are shown and those that are looked at.
    scanned: Vec<usize>,
    /// Which of them are shown, in order.
    shown: Vec<usize>,
    schema: SchemaRef,
    access: Access,
    order: Order,
    offset: Option<Constant>,
    limit: Option<Constant>,
    constants: Constants,
}

/// `column op value`; NULL on either side lets no row through.
#[derive(Debug)]
struct Condition {
    /// Place among the scanned columns; `None` if the access leaves no other rows.
    checked: Option<usize>,
    narrows: Option<Narrows>,
    op: Operator,
    value: Constant,
}

/// How the rows are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// By the table's own index, as its scan finds them.
    Scan,
    /// Events by a book's seq, which has no gaps: a limit bounds what is looked at.
    Seqs,
    /// A page of an account's history. All conditions are those of the page.
    Page(PageOrder),
}

/// What ORDER BY wants of rows as they are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Nothing.
    Any,
    /// The order in which they were recorded, which is the one they are found in.
    Recorded,
    /// Something else: only a single row is surely in it.
    Other,
}

/// What came of an attempt to answer a point read at once.
#[derive(Debug)]
pub enum Served {
    Rows(Vec<RecordBatch>),
    /// It needs the disk, or has many rows: executing it reads them, and plans nothing.
    Unplanned,
    /// It is no point read with these parameters, and has to be planned.
    Elsewhere,
}

/// A point read with its parameters.
struct Bound {
    selection: Selection,
    values: Vec<ScalarValue>,
    offset: usize,
    limit: Option<usize>,
    /// A condition that is NULL.
    is_empty: bool,
}

impl PointRead {
    /// The rows, if they are in memory and few.
    pub(super) fn serve(
        &self,
        parameter_types: &[PgType],
        parameters: &[Value],
        view: &PinnedView,
    ) -> Result<Served> {
        let Some(mut bound) = self.bind(parameter_types, parameters, view) else {
            return Ok(Served::Elsewhere);
        };
        let streams = self.order != Order::Other && !self.is_too_long(&bound);
        let later = if streams { Served::Unplanned } else { Served::Elsewhere };
        if self.access == Access::Seqs {
            bound.end_with(ROWS_AT_ONCE + 1);
        }
        if bound.is_empty {
            return Ok(Served::Rows(Vec::new()));
        }
        let in_memory = PinnedView::from(view.view.clone().in_memory());
        let scan = match self.open(&bound, &in_memory, ROWS_AT_ONCE + 1) {
            Err(error) if is_not_in_memory(&error) => return Ok(later),
            scan => scan?,
        };
        let rows_max = scan.rows_max;
        if rows_max > ROWS_AT_ONCE {
            return Ok(later);
        }
        let checked = Checked::new(self, &bound, scan.in_order());
        let batches = checked.collect::<datafusion::error::Result<Vec<RecordBatch>>>()?;
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if self.order == Order::Other && (rows > 1 || rows_max > 1 && bound.cuts()) {
            return Ok(Served::Elsewhere);
        }
        Ok(Served::Rows(batches))
    }

    /// The rows as a stream that may read the disk; `None` if it has to be planned.
    pub(super) fn stream(
        self: &Arc<Self>,
        parameter_types: &[PgType],
        parameters: &[Value],
        view: &PinnedView,
    ) -> Option<SendableRecordBatchStream> {
        if self.order == Order::Other {
            return None;
        }
        let bound = self.bind(parameter_types, parameters, view)?;
        if self.is_too_long(&bound) {
            return None;
        }
        let (read, view) = (Arc::clone(self), view.clone());
        let batches = stream::once(async move {
            let batches: Box<dyn Iterator<Item = _> + Send> = if bound.is_empty {
                Box::new(std::iter::empty())
            } else {
                let scan = read.open(&bound, &view, usize::MAX)?;
                Box::new(Checked::new(&read, &bound, scan.in_order()))
            };
            Ok::<_, DataFusionError>(stream::iter(batches))
        });
        let batches = futures::TryStreamExt::try_flatten(batches);
        let schema = Arc::clone(&self.schema);
        Some(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    /// Puts in the parameters, and notes what will be read.
    fn bind(
        &self,
        parameter_types: &[PgType],
        parameters: &[Value],
        view: &PinnedView,
    ) -> Option<Bound> {
        let is_ordered = self.order == Order::Recorded || self.access != Access::Scan;
        if is_ordered && view.view.has_staged() {
            return None;
        }
        let constants = self.constants.bind(parameter_types, parameters)?;
        let mut selection = Selection::default();
        let mut values = Vec::with_capacity(self.conditions.len());
        let mut is_empty = false;
        for condition in &self.conditions {
            let value = constants.value(&condition.value)?;
            is_empty |= value.is_null();
            if let Some(narrows) = condition.narrows {
                narrow(narrows, condition.op, &value, &mut selection);
            }
            values.push(value);
        }
        let offset = match &self.offset {
            Some(offset) => constants.count(offset)?,
            None => 0,
        };
        let limit = match &self.limit {
            Some(limit) => Some(constants.count(limit)?),
            None => None,
        };
        if !is_empty {
            view.note(self.is_by_book, &selection);
        }
        let mut bound = Bound { selection, values, offset, limit, is_empty };
        if self.access == Access::Seqs {
            bound.end_with(bound.wanted());
        }
        Some(bound)
    }

    /// Whether it would hold more rows than it may.
    fn is_too_long(&self, bound: &Bound) -> bool {
        match self.access {
            Access::Page(_) => bound.wanted() > PAGE_ROWS_MAX,
            Access::Seqs => bound.seqs() > SEQS_LOOKED_UP_MAX,
            Access::Scan => false,
        }
    }

    /// At most `rows_max` rows of a page.
    fn open(
        &self,
        bound: &Bound,
        view: &PinnedView,
        rows_max: usize,
    ) -> datafusion::error::Result<TableScan> {
        let Access::Page(order) = self.access else {
            return self.table.open(&view.view, &bound.selection, &self.scanned);
        };
        let (Some(book), Some(PathSelection::OneOf(paths))) =
            (&bound.selection.book, &bound.selection.path)
        else {
            return Err(DataFusionError::Internal("a page of no account".to_owned()));
        };
        let [path] = paths.values() else {
            return Err(DataFusionError::Internal("a page of several accounts".to_owned()));
        };
        let seqs = bound.selection.seq.clone().unwrap_or(0..=u64::MAX);
        let limit = bound.wanted().min(rows_max);
        let page = Page { book, path, seqs, order, limit };
        self.table.page(&view.view, &page, &self.scanned)
    }
}

impl Bound {
    /// Whether rows are left out by number.
    fn cuts(&self) -> bool {
        self.offset > 0 || self.limit.is_some()
    }

    /// Rows that are looked at, those of OFFSET included.
    fn wanted(&self) -> usize {
        self.limit.map_or(usize::MAX, |limit| limit.saturating_add(self.offset))
    }

    /// How many seqs it asks for, of which a book may have fewer.
    fn seqs(&self) -> u64 {
        let seqs = self.selection.seq.as_ref();
        seqs.map_or(u64::MAX, |seqs| seqs.end().saturating_sub(*seqs.start()).saturating_add(1))
    }

    /// Of seqs without gaps, so many rows are so many seqs.
    fn end_with(&mut self, rows: usize) {
        let seqs = self.selection.seq.clone().unwrap_or(0..=u64::MAX);
        let first = (*seqs.start()).max(1);
        let last = first.saturating_add(rows as u64).saturating_sub(1);
        self.selection.seq = Some(first..=last.min(*seqs.end()));
    }
}

fn is_not_in_memory(error: &DataFusionError) -> bool {
    match error {
        DataFusionError::External(error) => {
            matches!(error.downcast_ref::<ReadError>(), Some(ReadError::NotInMemory))
        }
        _ => false,
    }
}
