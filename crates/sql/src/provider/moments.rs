//! A table as it stood at any moment: the table's own columns and two more that name the moment.
//!
//! What SQL functions such as `accounts_at` read. A scan needs a condition that says which moment,
//! `as_of = …` or `as_of_lsn = …`, and reads the table at that view instead of the statement's.
//!
//! Refuses a moment that is not known before the scan starts, and one behind a view that the
//! session or the block keeps: the past must not show what the present does not.

use super::{LedgerProvider, PinnedView};
use crate::moment::{self, Moment};
use crate::{Error, function};
use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, project_schema};
use datafusion::error::Result;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, TableProviderFilterPushDown, TableType,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::scalar::ScalarValue;
use ledger::{Lsn, Timestamp};
use std::sync::Arc;
use store::Ledger;

const AS_OF: &str = "as_of";
const AS_OF_LSN: &str = "as_of_lsn";

#[derive(Debug)]
pub(crate) struct MomentProvider {
    table: LedgerProvider,
    ledger: Ledger,
    schema: SchemaRef,
}

impl MomentProvider {
    pub(crate) fn new(table: LedgerProvider, ledger: Ledger) -> Self {
        let own = table.schema();
        let mut fields: Vec<Arc<Field>> = own.fields().iter().cloned().collect();
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        fields.push(Arc::new(Field::new(AS_OF, instant, true)));
        fields.push(Arc::new(Field::new(AS_OF_LSN, DataType::Int64, true)));
        MomentProvider { table, ledger, schema: Arc::new(Schema::new(fields)) }
    }

    async fn pinned(&self, state: &dyn Session, moment: Moment) -> crate::Result<PinnedView> {
        let view = moment::view(&self.ledger, moment).await?;
        let statement = state.config().get_extension::<PinnedView>();
        if let Some(statement) = statement.filter(|statement| statement.is_fixed)
            && view.cut() > statement.view.cut()
        {
            return Err(moment::beyond(moment, statement.view.cut()));
        }
        Ok(PinnedView::fixed(view))
    }
}

#[async_trait]
impl TableProvider for MomentProvider {
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
        filters
            .iter()
            .map(|filter| match named_moment(filter) {
                Some(_) => Ok(TableProviderFilterPushDown::Exact),
                None if is_never(filter) => Ok(TableProviderFilterPushDown::Exact),
                None => Ok(self.table.supports_filters_pushdown(&[filter])?.remove(0)),
            })
            .collect()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let nothing = || -> Result<Arc<dyn ExecutionPlan>> {
            Ok(Arc::new(EmptyExec::new(project_schema(&self.schema, projection)?)))
        };
        if filters.iter().any(is_never) {
            return nothing();
        }
        let mut named = filters.iter().filter_map(named_moment);
        let (Some((column, value)), None) = (named.next(), named.next()) else {
            return Err(function::own(not_known()));
        };
        let moment = match constant(value, state)? {
            value if value.is_null() => return nothing(),
            value => moment(column, &value).ok_or_else(|| function::own(not_known()))?,
        };
        let own_columns = self.table.schema().fields().len();
        let Some(projection) =
            projection.filter(|columns| columns.iter().all(|column| *column < own_columns))
        else {
            return Err(function::own(not_known()));
        };
        let pinned = self.pinned(state, moment).await.map_err(function::own)?;
        let others: Vec<Expr> =
            filters.iter().filter(|filter| named_moment(filter).is_none()).cloned().collect();
        let threads = state.config().target_partitions();
        self.table.scan_at(&pinned, Some(projection), &others, limit, threads)
    }
}

/// The column and the value of a condition that names a moment, if the value is one for all rows.
fn named_moment(filter: &Expr) -> Option<(&str, &Expr)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = filter else {
        return None;
    };
    let Expr::Column(column) = left.as_ref() else { return None };
    let differs = |expr: &Expr| {
        Ok(matches!(
            expr,
            Expr::Column(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::ScalarSubquery(_)
                | Expr::Placeholder(_)
        ))
    };
    let is_moment = [AS_OF, AS_OF_LSN].contains(&column.name.as_str());
    (is_moment && !right.exists(differs).ok()?).then_some((column.name.as_str(), right.as_ref()))
}

/// What planning did not compute, since it fails, is computed here, for its error.
fn constant(value: &Expr, state: &dyn Session) -> Result<ScalarValue> {
    if let Expr::Literal(value, _) = value {
        return Ok(value.clone());
    }
    let value = state.create_physical_expr(value.clone(), &DFSchema::empty())?;
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?;
    match value.evaluate(&row)? {
        ColumnarValue::Scalar(value) => Ok(value),
        ColumnarValue::Array(values) => ScalarValue::try_from_array(&values, 0),
    }
}

fn moment(column: &str, value: &ScalarValue) -> Option<Moment> {
    match (column, value) {
        (AS_OF, ScalarValue::TimestampMicrosecond(Some(at), _)) => {
            Some(Moment::Time(Timestamp(*at)))
        }
        (AS_OF_LSN, ScalarValue::Int64(Some(lsn))) => {
            // A negative position is none at which the ledger stood, nor is the last one.
            Some(Moment::Lsn(Lsn(u64::try_from(*lsn).unwrap_or(u64::MAX))))
        }
        _ => None,
    }
}

/// `as_of = NULL`, once it is simplified.
fn is_never(filter: &Expr) -> bool {
    matches!(filter, Expr::Literal(ScalarValue::Boolean(None) | ScalarValue::Null, _))
}

fn not_known() -> Error {
    Error::unsupported("a moment of the past must be the same for all rows of a query")
        .with_hint("Give a constant, a parameter or an expression of them, not a column.")
}
