//! The one adapter from a [`LedgerTable`] to DataFusion: projection, limit, statistics, EXPLAIN.

use super::columns::BATCH_ROWS;
use super::shares::Opened;
use super::{Batches, LedgerTable, Narrows, PinnedView, TableScan};
use super::{described, pruning};
use crate::catalog::Relation;
use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, project_schema};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, EmissionType, ReplaceChildrenOptions, SchedulingType,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use datafusion::scalar::ScalarValue;
use futures::stream;
use std::fmt;
use std::sync::Arc;
use store::{Lsn, Selection, View};

/// Fewer rows than this are not worth another thread.
const THREAD_ROWS_MIN: usize = 2 * BATCH_ROWS;

#[derive(Debug)]
pub(crate) struct LedgerProvider {
    table: Arc<dyn LedgerTable>,
    schema: SchemaRef,
}

impl LedgerProvider {
    pub(crate) fn new(table: Arc<dyn LedgerTable>) -> Self {
        LedgerProvider { schema: table.relation().schema(), table }
    }

    pub(crate) fn relation(&self) -> &'static Relation {
        self.table.relation()
    }

    pub(crate) fn table(&self) -> &Arc<dyn LedgerTable> {
        &self.table
    }

    /// A scan at a view, by so many threads at most.
    pub(super) fn scan_at(
        &self,
        pinned: &PinnedView,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
        threads: usize,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = project_schema(&self.schema, projection)?;
        let columns = match projection {
            Some(columns) => columns.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let selection = pruning::selection(self.table.as_ref(), filters);
        let is_by_book = self.table.narrows().iter().any(|(_, narrows)| *narrows == Narrows::Book);
        pinned.note(is_by_book, &selection);
        Ok(Arc::new(LedgerScan::new(
            Arc::clone(&self.table),
            pinned.view.clone(),
            selection,
            columns,
            schema,
            limit,
            threads,
        )?))
    }
}

#[async_trait]
impl TableProvider for LedgerProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match pruning::narrows(self.table.as_ref(), filter) {
                true => TableProviderFilterPushDown::Inexact,
                false => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(pinned) = state.config().get_extension::<PinnedView>() else {
            return Err(DataFusionError::Internal("a table was read without a view".to_owned()));
        };
        let threads = state.config().target_partitions();
        self.scan_at(&pinned, projection, filters, limit, threads)
    }
}

/// A scan of one table at one view.
pub(crate) struct LedgerScan {
    table: Arc<dyn LedgerTable>,
    view: View,
    selection: Selection,
    columns: Vec<usize>,
    schema: SchemaRef,
    limit: Option<usize>,
    properties: Arc<PlanProperties>,
    access_path: &'static str,
    rows_max: usize,
    is_exact: bool,
    opened: Opened,
    metrics: ExecutionPlanMetricsSet,
}

impl LedgerScan {
    fn new(
        table: Arc<dyn LedgerTable>,
        view: View,
        selection: Selection,
        columns: Vec<usize>,
        schema: SchemaRef,
        limit: Option<usize>,
        threads: usize,
    ) -> Result<Self> {
        let TableScan { access_path, rows_max, is_exact, pieces } =
            table.open(&view, &selection, &columns)?;
        let rows_wanted = limit.map_or(rows_max, |limit| limit.min(rows_max));
        let worthwhile = pieces.len().min(rows_wanted / THREAD_ROWS_MIN);
        let partitions = worthwhile.clamp(1, threads.max(1));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Ok(LedgerScan {
            table,
            view,
            selection,
            columns,
            schema,
            limit,
            properties: Arc::new(properties),
            access_path,
            rows_max,
            is_exact,
            opened: Opened::new(partitions, pieces),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// The value that a column of the scan has in every row, where that is known.
    pub(crate) fn only_value(&self, column: usize) -> Option<ScalarValue> {
        self.table.only_value(&self.view, *self.columns.get(column)?)
    }

    fn cut(&self) -> Lsn {
        self.view.cut()
    }

    fn batches(&self, partition: usize) -> Result<Batches> {
        let open = || Ok(self.table.open(&self.view, &self.selection, &self.columns)?.pieces);
        Ok(Box::new(self.opened.share(partition, open)?))
    }
}

impl fmt::Debug for LedgerScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerScan")
            .field("table", &self.table.relation().name)
            .field("selection", &self.selection)
            .field("cut", &self.cut())
            .finish_non_exhaustive()
    }
}

impl DisplayAs for LedgerScan {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let selection = described::describe(self.table.as_ref(), &self.selection);
        write!(
            f,
            "LedgerScan: table={}, access={}, selection=[{selection}], columns=[{}]",
            self.table.relation().name,
            self.access_path,
            names.join(", ")
        )?;
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        let sealed = self.table.sealed(&self.view, &self.selection);
        f.write_str(&described::describe_reach(sealed))?;
        if self.opened.partitions() > 1 {
            write!(f, ", partitions={}", self.opened.partitions())?;
        }
        write!(f, ", cut={}", self.cut())
    }
}

impl ExecutionPlan for LedgerScan {
    fn name(&self) -> &'static str {
        "LedgerScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _apply: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let measured = BaselineMetrics::new(&self.metrics, partition);
        let batches = measured_by(measured, limited(self.batches(partition)?, self.limit));
        Ok(Box::pin(datafusion::physical_plan::coop::cooperative(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            stream::iter(batches),
        ))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _inputs: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let rows = self.limit.map_or(self.rows_max, |limit| limit.min(self.rows_max));
        let rows = match args.partition() {
            // Which rows a partition gets is decided while they are read.
            Some(_) => Precision::Inexact(rows / self.opened.partitions()),
            None if self.is_exact && self.limit.is_none() => Precision::Exact(rows),
            None => Precision::Inexact(rows),
        };
        let statistics = Statistics::new_unknown(&self.schema).with_num_rows(rows);
        Ok(Arc::new(statistics))
    }
}

/// Notes rows and time, for EXPLAIN ANALYZE.
fn measured_by(
    measured: BaselineMetrics,
    mut batches: Batches,
) -> impl Iterator<Item = Result<RecordBatch>> + Send {
    std::iter::from_fn(move || {
        let timer = measured.elapsed_compute().timer();
        let next = batches.next();
        timer.done();
        if let Some(Ok(batch)) = &next {
            measured.record_output(batch.num_rows());
        }
        next
    })
}

fn limited(batches: Batches, limit: Option<usize>) -> Batches {
    let Some(limit) = limit else { return batches };
    let mut left = limit;
    Box::new(batches.map_while(move |batch| match batch {
        Ok(_) if left == 0 => None,
        Ok(batch) => Some(Ok(head(batch, &mut left))),
        Err(error) => Some(Err(error)),
    }))
}

fn head(batch: RecordBatch, left: &mut usize) -> RecordBatch {
    let rows = batch.num_rows().min(*left);
    *left -= rows;
    batch.slice(0, rows)
}
