//! Expressions over rows that are at hand: what RETURNING computes beyond plain columns.
//!
//! They are planned once, as the select list of a query over a table that is not in the catalog,
//! and evaluated on a batch of its rows: at once, without a stream and without a thread.
//!
//! Refuses what would read more than the row: subqueries, aggregates, the session.

use super::{QueryEngine, bound, output, session_values, typing};
use crate::clock::Clock;
use crate::{Column, Error, Fault, PgType, Result, SessionSettings, Value};
use chrono_tz::Tz;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNode;
use datafusion::execution::SessionState;
use datafusion::logical_expr::logical_plan::builder::LogicalTableSource;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, TableSource};
use datafusion::physical_expr::create_physical_expr;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use std::collections::HashSet;
use std::sync::Arc;

/// The name under which the planner finds the rows; no statement can mean it.
pub(super) const ROWS_TABLE: &str = "rows at hand";

/// Expressions over the rows of one schema.
#[derive(Debug)]
pub(crate) struct RowQuery {
    plan: LogicalPlan,
    parameter_types: Vec<PgType>,
    columns: Vec<Column>,
    /// Names of the columns that the expressions look at.
    uses: HashSet<String>,
    state: SessionState,
}

impl QueryEngine {
    /// Plans `items` over rows of `schema`, which they call `name`.
    pub(crate) fn prepare_row_query(
        &self,
        items: Vec<ast::SelectItem>,
        name: &str,
        schema: SchemaRef,
        parameter_types: &[Option<PgType>],
        settings: &SessionSettings,
    ) -> Result<RowQuery> {
        let rows: Arc<dyn TableSource> = Arc::new(LogicalTableSource::new(schema));
        let query = select(items, name);
        let planned = self.plan_over(query, parameter_types, settings, Some(rows))?;
        let mut uses = HashSet::new();
        check(&planned.plan, &mut uses)?;
        if session_values::asked_for(&planned.plan)? {
            return Err(unsupported("a setting or name of the session in RETURNING"));
        }
        Ok(RowQuery {
            columns: typing::columns(&planned.plan)?,
            plan: planned.plan,
            parameter_types: planned.parameter_types,
            uses,
            state: self.base.clone(),
        })
    }
}

/// `SELECT items FROM rows AS name`.
fn select(items: Vec<ast::SelectItem>, name: &str) -> ast::Statement {
    let text = format!("SELECT 1 FROM \"{ROWS_TABLE}\" AS x");
    let parsed = Parser::new(&PostgreSqlDialect {})
        .try_with_sql(&text)
        .and_then(|mut parser| parser.parse_query());
    let mut query = parsed.expect("the text is a query");
    if let ast::SetExpr::Select(select) = query.body.as_mut() {
        select.projection = items;
        for from in &mut select.from {
            if let ast::TableFactor::Table { alias: Some(alias), .. } = &mut from.relation {
                alias.name = ast::Ident::with_quote('"', name);
            }
        }
    }
    ast::Statement::Query(query)
}

fn unsupported(what: &str) -> Error {
    Error::unsupported(format!("{what} is not supported")).with_hint(
        "RETURNING takes expressions over the row. For anything else, SELECT afterwards.",
    )
}

/// Only what looks at one row at a time may be there.
fn check(plan: &LogicalPlan, uses: &mut HashSet<String>) -> Result<()> {
    match plan {
        LogicalPlan::Projection(projection) => {
            for expr in &projection.expr {
                let reads = expr.exists(|expr| {
                    Ok(matches!(
                        expr,
                        Expr::ScalarSubquery(_)
                            | Expr::Exists(_)
                            | Expr::InSubquery(_)
                            | Expr::SetComparison(_)
                    ))
                })?;
                if reads {
                    return Err(unsupported("a subquery in RETURNING"));
                }
                uses.extend(expr.column_refs().into_iter().map(|column| column.name.clone()));
            }
            check(&projection.input, uses)
        }
        LogicalPlan::SubqueryAlias(alias) => check(&alias.input, uses),
        LogicalPlan::TableScan(_) => Ok(()),
        LogicalPlan::Aggregate(_) => Err(Error::new(
            Fault::GroupingError,
            "aggregate functions are not allowed in RETURNING",
        )),
        LogicalPlan::Window(_) => Err(unsupported("a window function in RETURNING")),
        _ => Err(unsupported("an expression of several rows in RETURNING")),
    }
}

impl RowQuery {
    pub(crate) fn parameter_types(&self) -> &[PgType] {
        &self.parameter_types
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Whether the expressions look at a column; others need no values.
    pub(crate) fn uses(&self, column: &str) -> bool {
        self.uses.contains(column)
    }

    /// The values of all expressions for each row of `batch`.
    pub(crate) fn evaluate(
        &self,
        batch: &RecordBatch,
        parameters: &[Value],
        clock: Clock,
    ) -> Result<RecordBatch> {
        let mut state = self.state.clone();
        if clock.zone != Tz::UTC {
            let zone = clock.zone.name().to_owned();
            state.config_mut().options_mut().execution.time_zone = Some(zone);
        }
        state.mark_start_execution();
        state.execution_props_mut().query_execution_start_time = Some(clock.started);
        let mut plan = self.plan.clone();
        if !self.parameter_types.is_empty() {
            let parameters = &parameters[..self.parameter_types.len().min(parameters.len())];
            let values = bound(&self.parameter_types, parameters)?;
            plan = plan.replace_params_with_values(&values)?;
        }
        let optimized = state.optimize(&plan)?;
        let rows = evaluate(&optimized, batch, &state)?;
        Ok(output::presented_batch(&rows, &self.columns)?)
    }
}

/// What a plan that passed [`check`] gives for the rows.
fn evaluate(plan: &LogicalPlan, rows: &RecordBatch, state: &SessionState) -> Result<RecordBatch> {
    match plan {
        LogicalPlan::TableScan(scan) => match &scan.projection {
            Some(projection) => {
                let projected = rows.project(projection);
                projected.map_err(|error| Error::new(Fault::Internal, error.to_string()))
            }
            None => Ok(rows.clone()),
        },
        LogicalPlan::SubqueryAlias(alias) => evaluate(&alias.input, rows, state),
        LogicalPlan::Projection(projection) => {
            let input = evaluate(&projection.input, rows, state)?;
            let context = PhysicalPlanningContext::default();
            let arrays = projection.expr.iter().map(|expr| {
                let schema = projection.input.schema();
                let expr = create_physical_expr(expr, schema, state.execution_props(), &context)?;
                Ok(expr.evaluate(&input)?.into_array(input.num_rows())?)
            });
            let arrays = arrays.collect::<Result<Vec<_>>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(input.num_rows()));
            let schema = Arc::clone(projection.schema.inner());
            RecordBatch::try_new_with_options(schema, arrays, &options)
                .map_err(|error| Error::new(Fault::Internal, error.to_string()))
        }
        other => Err(Error::new(
            Fault::Internal,
            format!("expressions of a row became {}", other.display()),
        )),
    }
}
