//! Queries: from a syntax tree to rows at a view.
//!
//! Owns the one [`QueryEngine`] of a server: its catalog, functions, rules and memory. A statement
//! is planned once ([`PreparedQuery`]) and executed at any view; the view travels in the session
//! configuration of one execution, never in the plan.
//!
//! Refuses to know: blocks, writes, wires. Which view is read is the caller's decision.
//!
//! Invariant: a query answers from exactly one view, or with an error.

mod any_and_all;
mod calls;
mod casts;
mod catalog_query;
mod comparison_keys;
mod context;
mod copied;
mod dependent;
mod distinct_beside_sums;
mod early_look_ups;
mod explain;
mod fixed_times;
mod function_names;
mod grammar;
mod interruptible;
mod interval_extremes;
mod interval_literal;
mod join_keys;
mod limits;
mod literals;
mod membership;
mod merged_columns;
mod naming;
mod normalize;
mod nullable_side;
mod operators;
mod output;
mod parameter_hints;
mod parameters;
mod planning;
mod point;
mod postgres_calls;
mod postgres_operators;
mod row_query;
mod rows;
mod separate_lists;
mod session_values;
mod set_functions;
mod set_operations;
mod sql_function;
mod subquery_order;
mod syntax;
mod table_functions;
mod ties;
mod types;
mod typing;
mod values;
mod whole_row;

pub(crate) use typing::{from_arrow, from_field};

pub use point::Served;
pub(crate) use row_query::RowQuery;
pub(crate) use sql_function::is_function_of_from;
use typing::columns;

use crate::catalog::{Catalog, ViewDefinition};
use crate::provider::PinnedView;
use crate::query_memory::{QueryMemory, QueryPool};
use crate::stop::{Rows, StopSignal};
use crate::temporary_files::disk_manager;
use crate::{
    Column, Error, PgType, Result, SessionSettings, TemporaryFiles, Value, exact, function,
};
use chrono_tz::Tz;
use datafusion::common::ParamValues;
use datafusion::execution::context::SessionState;
use datafusion::execution::disk_manager::DiskManager;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionConfig;
use datafusion::sql::sqlparser::ast;
use explain::Explain;
use futures::TryStreamExt;
use interruptible::interruptible;
use point::PointRead;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use store::{Ledger, View};

/// Rows per batch.
const BATCH_ROWS: usize = 8_192;

/// Plans and executes queries. One per server.
pub(crate) struct QueryEngine {
    /// Functions, rules and configuration; cloned for a statement, never changed.
    base: SessionState,
    catalog: Arc<Catalog>,
    memory: QueryMemory,
    disk: Arc<DiskManager>,
    point_reads: PointReads,
}

/// Tests compare the two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PointReads {
    Recognised,
    /// Like any other query.
    #[cfg(test)]
    Planned,
}

/// A query planned once. Its plan names tables, not their contents.
#[derive(Debug)]
pub(crate) struct PreparedQuery {
    pub(crate) parameter_types: Vec<PgType>,
    pub(crate) columns: Vec<Column>,
    plan: LogicalPlan,
    explain: Option<Explain>,
    /// Columns of the explained query, or of the query itself.
    query_columns: Vec<Column>,
    /// Whether the plan asks for values of the session, or of its view.
    asks_session: bool,
    /// How the query is answered without a plan, if it is a point read.
    point: Option<Arc<PointRead>>,
    /// The plan as it was last optimised, where nothing but parameters and zone changes it.
    optimized: Option<Mutex<Option<Arc<Optimized>>>>,
}

/// A plan with its parameters in it: what they leave out is left out.
#[derive(Debug)]
struct Optimized {
    plan: LogicalPlan,
    parameters: Vec<Value>,
    /// Constants are read in it.
    zone: Tz,
}

impl PreparedQuery {
    /// Whether [`QueryEngine::serve`] may have its rows at once.
    pub(crate) fn is_point_read(&self) -> bool {
        self.point.is_some() && self.explain.is_none()
    }
}

impl std::fmt::Debug for QueryEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryEngine").finish_non_exhaustive()
    }
}

impl QueryEngine {
    pub(crate) fn new(ledger: Ledger, memory: QueryMemory) -> Result<Self> {
        Self::with_views(ledger, memory, Vec::new())
    }

    /// Gives running queries room on a disk for what they have no memory for.
    pub(crate) fn spill_to(&mut self, files: TemporaryFiles) -> Result<()> {
        self.disk = Arc::new(disk_manager(Some(files)).build()?);
        self.memory = self.memory.clone().beside_files();
        Ok(())
    }

    /// An engine whose catalog has these views besides the ledger's own.
    pub(crate) fn with_views(
        ledger: Ledger,
        memory: QueryMemory,
        views: Vec<ViewDefinition>,
    ) -> Result<Self> {
        let of_functions = memory.of_query(memory.query_max(), &StopSignal::default());
        let base = base_state(&ledger, of_functions)?;
        let mut engine = QueryEngine {
            base,
            disk: Arc::new(disk_manager(None).build()?),
            catalog: Arc::new(Catalog::tables(&ledger)),
            memory,
            point_reads: PointReads::Recognised,
        };
        let own = ViewDefinition::own();
        for view in own.into_iter().chain(views) {
            let (plan, columns) = engine.plan_view(&view)?;
            Arc::make_mut(&mut engine.catalog).add_view(view, plan, columns);
        }
        Arc::make_mut(&mut engine.catalog).describe_itself()?;
        function::register_catalog_functions(&mut engine.base, &engine.catalog)?;
        Ok(engine)
    }

    /// The same engine without point reads.
    #[cfg(test)]
    pub(crate) fn planning_everything(self) -> Self {
        QueryEngine { point_reads: PointReads::Planned, ..self }
    }

    pub(crate) async fn prepare(
        &self,
        statement: &ast::Statement,
        parameter_types: &[Option<PgType>],
        settings: &SessionSettings,
    ) -> Result<PreparedQuery> {
        let (explain, query) = explain::split(statement)?;
        let planned = self.plan(query.clone(), parameter_types, settings);
        let planned = planned.map_err(cannot_be_planned)?;
        let query_columns = columns(&planned.plan)?;
        let asks_session =
            session_values::asked_for(&planned.plan)? || session_values::reads_view(&planned.plan)?;
        let settled = !asks_session && session_values::is_settled(&planned.plan)?;
        let parameter_types = &planned.parameter_types;
        let point = match self.point_reads {
            PointReads::Recognised => {
                point::recognize(&planned.plan, parameter_types, &query_columns, &self.base)
            }
            #[cfg(test)]
            PointReads::Planned => None,
        };
        Ok(PreparedQuery {
            point: point.map(Arc::new),
            columns: match &explain {
                Some(_) => explain::columns(),
                None => query_columns.clone(),
            },
            query_columns,
            parameter_types: planned.parameter_types,
            plan: planned.plan,
            explain,
            asks_session,
            optimized: settled.then(Mutex::default),
        })
    }

    pub(crate) async fn execute(
        &self,
        prepared: &PreparedQuery,
        parameters: &[Value],
        view: PinnedView,
        settings: &SessionSettings,
    ) -> Result<Rows> {
        if let Some(point) = &prepared.point {
            let types = &prepared.parameter_types;
            let answer = match &prepared.explain {
                Some(explain) => explain.answer_point(point, types, parameters, &view)?,
                None => point.stream(types, parameters, &view),
            };
            if let Some(rows) = answer {
                return Ok(rows.into());
            }
        }
        let read = view.view.clone();
        let state = self.state_at(view, settings);
        let optimized = optimize(&state, prepared, parameters, settings, &read);
        let optimized = optimized.map_err(cannot_be_planned)?;
        let physical = state.query_planner().create_physical_plan(&optimized, &state).await;
        let physical = physical.map_err(|error| cannot_be_planned(error.into()))?;
        let stop = StopSignal::default();
        let physical = interruptible(physical, &stop)?;
        let memory = self.memory.of_query(settings.query_bytes(), &stop);
        let context = task_context(&state, Arc::clone(&memory), Arc::clone(&self.disk));
        let rows = match &prepared.explain {
            Some(explain) => explain.answer(&optimized, physical, context)?,
            None => output::presented(execute_stream(physical, context)?, &prepared.query_columns),
        };
        Ok(Rows::new(telling_why(rows, memory), stop))
    }

    /// Answers a point read at once, without waiting for anything.
    pub(crate) fn serve(
        &self,
        prepared: &PreparedQuery,
        parameters: &[Value],
        view: &PinnedView,
    ) -> Result<Served> {
        match &prepared.point {
            Some(point) if prepared.explain.is_none() => {
                point.serve(&prepared.parameter_types, parameters, view)
            }
            _ => Ok(Served::Elsewhere),
        }
    }

    /// Memory for what is kept of a query.
    pub(crate) fn memory_of(&self, settings: &SessionSettings) -> Arc<dyn MemoryPool> {
        self.memory.of_query(settings.query_bytes(), &StopSignal::default())
    }

    /// What all queries may hold.
    pub(crate) fn memory(&self) -> &QueryMemory {
        &self.memory
    }

    /// The state of one statement.
    fn state_at(&self, view: PinnedView, settings: &SessionSettings) -> SessionState {
        let mut state = self.base.clone();
        if settings.time_zone() != Tz::UTC {
            let zone = settings.time_zone().name().to_owned();
            state.config_mut().options_mut().execution.time_zone = Some(zone);
        }
        if settings.shows_iso_intervals() {
            let style = function::ISO_INTERVALS.to_owned();
            state.config_mut().options_mut().format.duration_format = style;
        }
        let options = state.config_mut().options_mut();
        options.execution.sort_spill_reservation_bytes = sort_reserve(settings.query_bytes());
        state.mark_start_execution();
        state.execution_props_mut().query_execution_start_time = Some(view.started);
        state.config_mut().set_extension(Arc::new(view));
        state.config_mut().set_extension(Arc::new(settings.clone()));
        state
    }
}

/// What each sort keeps free to merge what it put into files, of what the query may hold.
fn sort_reserve(query_bytes: usize) -> usize {
    const PART: usize = 32;
    const MOST: usize = 10 * 1024 * 1024;
    (query_bytes / PART).min(MOST)
}

/// A planner that contradicts itself cannot plan the query: a feature that is missing.
fn cannot_be_planned(error: Error) -> Error {
    match error.fault() {
        crate::Fault::Internal => {
            tracing::warn!(error = error.message(), "a query could not be planned");
            Error::unsupported("a query of this shape cannot be planned")
                .with_hint("Write its subqueries as WITH queries or joins.")
        }
        _ => error,
    }
}

fn optimize(
    state: &SessionState,
    prepared: &PreparedQuery,
    parameters: &[Value],
    settings: &SessionSettings,
    view: &View,
) -> Result<LogicalPlan> {
    let zone = settings.time_zone();
    let last = prepared.optimized.as_ref().filter(|_| parameters.iter().all(is_small));
    if let Some(last) = last {
        let last = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(last) = last.filter(|last| last.zone == zone && last.parameters == parameters) {
            return Ok(last.plan.clone());
        }
    }
    let mut plan = prepared.plan.clone();
    if !prepared.parameter_types.is_empty() {
        plan = plan.replace_params_with_values(&bound(&prepared.parameter_types, parameters)?)?;
    }
    if prepared.asks_session {
        plan = session_values::answer(plan, settings, view)?;
    }
    let plan = state.optimize(&plan)?;
    if let Some(last) = last {
        let parameters = parameters.to_vec();
        let optimized = Arc::new(Optimized { plan: plan.clone(), parameters, zone });
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(optimized);
    }
    Ok(plan)
}

/// Whether a parameter is kept with the plan it is in. Floats are not: equal ones may differ in sign.
fn is_small(parameter: &Value) -> bool {
    const TEXT_BYTES_MAX: usize = 256;
    match parameter {
        Value::Text(text) => text.len() <= TEXT_BYTES_MAX,
        Value::Float(_) | Value::Json(_) | Value::Bytes(_) | Value::Array(_) => false,
        _ => true,
    }
}

fn bound(parameter_types: &[PgType], parameters: &[Value]) -> Result<ParamValues> {
    if parameters.is_empty() && !parameter_types.is_empty() {
        return Err(Error::new(crate::Fault::UndefinedParameter, "there is no parameter $1"));
    }
    if parameters.len() != parameter_types.len() {
        return Err(Error::new(
            crate::Fault::SyntaxError,
            format!(
                "the statement takes {} parameters, {} were given",
                parameter_types.len(),
                parameters.len()
            ),
        ));
    }
    let scalars = parameters
        .iter()
        .zip(parameter_types)
        .map(|(value, pg_type)| parameters::to_scalar(value, *pg_type))
        .collect::<Result<Vec<_>>>()?;
    Ok(ParamValues::from(scalars))
}

/// The same rows; where memory was refused, the error says which.
fn telling_why(
    rows: SendableRecordBatchStream,
    memory: Arc<QueryPool>,
) -> SendableRecordBatchStream {
    let schema = rows.schema();
    let rows = rows.map_err(move |error| memory.explained(error));
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

/// What execution needs of a state: it looks up no function by name any more.
fn task_context(
    state: &SessionState,
    memory: Arc<QueryPool>,
    disk: Arc<DiskManager>,
) -> Arc<TaskContext> {
    let shared = state.runtime_env().as_ref();
    let runtime = RuntimeEnv { memory_pool: memory, disk_manager: disk, ..shared.clone() };
    Arc::new(TaskContext::new(
        None,
        state.session_id().to_owned(),
        state.config().clone(),
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        Arc::new(runtime),
    ))
}

fn base_state(ledger: &Ledger, of_functions: Arc<dyn MemoryPool>) -> Result<SessionState> {
    let partitions = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
    let mut config = SessionConfig::new()
        .with_batch_size(BATCH_ROWS)
        .with_target_partitions(partitions)
        .with_default_catalog_and_schema("tallybook", "public")
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false);
    let options = config.options_mut();
    // 0.1 is a tenth, never a float.
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.collect_spans = true;
    // Rows come out of a subquery in its order, and aggregates take them in it.
    options.sql_parser.enable_subquery_sort_elimination = false;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.time_zone = Some("UTC".to_owned());
    // Few rows are not worth spreading over threads, and a scan knows how many it has at most.
    options.execution.use_row_number_estimates_to_optimize_partitioning = true;
    // Documents are read where they are asked for, not at the scan: the names given on the way down
    // are not unique where a plan reads a table twice.
    options.optimizer.enable_leaf_expression_pushdown = false;
    // The partitions of such a join wait for each other, and one whose output nobody wants, because
    // the join above it has nothing to match, never comes: the query would hang.
    options.optimizer.enable_join_dynamic_filter_pushdown = false;
    // Of CASE, the logical plan may know that it is never NULL where the physical one does not.
    options.execution.skip_physical_aggregate_schema_check = true;
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = vec![
        Arc::new(nullable_side::NullableSides),
        Arc::new(join_keys::DecidingKeys),
        Arc::new(early_look_ups::EarlyLookUps),
    ];
    rules.extend(PhysicalOptimizer::default().rules);
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_optimizer_rules(distinct_beside_sums::optimizer_rules())
        .with_physical_optimizer_rules(rules)
        .with_runtime_env(runtime()?)
        .with_default_features()
        .build();
    function::register(&mut state, ledger, &of_functions)?;
    exact::register(&mut state)?;
    Ok(state)
}

/// What all queries share, which is neither their memory nor their files.
fn runtime() -> Result<Arc<RuntimeEnv>> {
    Ok(RuntimeEnvBuilder::new().with_disk_manager_builder(disk_manager(None)).build_arc()?)
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
