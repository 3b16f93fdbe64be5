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
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::project_schema;
use datafusion::error::Result;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType,
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
            .map(|filter| match moment_of(filter) {
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
        if filters.iter().any(is_never) {
            let schema = project_schema(&self.schema, projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let mut moments = filters.iter().filter_map(moment_of);
        let (Some(moment), None) = (moments.next(), moments.next()) else {
            return Err(function::own(not_known()));
        };
        let own_columns = self.table.schema().fields().len();
        let Some(projection) =
            projection.filter(|columns| columns.iter().all(|column| *column < own_columns))
        else {
            return Err(function::own(not_known()));
        };
        let pinned = self.pinned(state, moment).await.map_err(function::own)?;
        let others: Vec<Expr> =
            filters.iter().filter(|filter| moment_of(filter).is_none()).cloned().collect();
        self.table.scan_at(&pinned, Some(projection), &others, limit)
    }
}

/// The moment that a condition names, if that is all it says.
fn moment_of(filter: &Expr) -> Option<Moment> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = filter else {
        return None;
    };
    let (Expr::Column(column), Expr::Literal(value, _)) = (left.as_ref(), right.as_ref()) else {
        return None;
    };
    match (column.name.as_str(), value) {
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
