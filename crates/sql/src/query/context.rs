//! What names mean while a statement is planned: tables through the search path, functions with
//! or without `pg_catalog.` in front, types as Postgres has them.

use super::row_query::ROWS_TABLE;
use crate::catalog::Catalog;
use crate::function::undefined_function;
use crate::{Error, Fault};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableProvider};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{DFSchema, TableReference};
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    AggregateUDF, Expr, ExprSchemable, HigherOrderUDF, LogicalPlanBuilder, ScalarUDF, TableSource,
    WindowUDF,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

pub(super) struct Names<'a> {
    pub(super) state: &'a SessionState,
    pub(super) catalog: &'a Catalog,
    /// Schemas in which names without one are looked up, in order.
    pub(super) search_path: &'a [String],
    pub(super) types: Arc<dyn TypePlanner>,
    /// The table of [`ROWS_TABLE`], for expressions over rows at hand.
    pub(super) rows: Option<Arc<dyn TableSource>>,
}

fn own(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// `pg_catalog.lower` is `lower`.
fn unqualified(name: &str) -> &str {
    name.strip_prefix("pg_catalog.").unwrap_or(name)
}

/// DataFusion's functions in FROM know integers as int8 only.
fn wide_literal(arg: Expr) -> Expr {
    match arg {
        Expr::Literal(ScalarValue::Int16(value), metadata) => {
            Expr::Literal(ScalarValue::Int64(value.map(i64::from)), metadata)
        }
        Expr::Literal(ScalarValue::Int32(value), metadata) => {
            Expr::Literal(ScalarValue::Int64(value.map(i64::from)), metadata)
        }
        other => other,
    }
}

/// A series has the type of its widest bound, and its column the function's name.
fn integer_series(
    series: Arc<dyn TableProvider>,
    types: &[DataType],
) -> Result<Arc<dyn TableSource>> {
    let wide = types.contains(&DataType::Int64);
    let data_type = if wide { DataType::Int64 } else { DataType::Int32 };
    let plan = LogicalPlanBuilder::scan("series", provider_as_source(series), None)?;
    let columns = plan.schema().columns();
    let values = columns.into_iter().map(|column| {
        Expr::Cast(Cast::new(Box::new(Expr::Column(column)), data_type.clone()))
            .alias("generate_series")
    });
    let plan = plan.project(values.collect::<Vec<_>>())?.build()?;
    Ok(provider_as_source(Arc::new(ViewTable::new(plan, None))))
}

impl Names<'_> {
    fn find(&self, name: &TableReference) -> Option<Arc<dyn TableSource>> {
        if name.table() == ROWS_TABLE && name.schema().is_none() {
            return self.rows.clone();
        }
        let Some(schema) = name.schema() else {
            let path =
                std::iter::once("pg_catalog").chain(self.search_path.iter().map(String::as_str));
            return path.filter_map(|schema| self.catalog.table(schema, name.table())).next();
        };
        self.catalog.table(schema, name.table())
    }
}

impl ContextProvider for Names<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        if let Some(database) = name.catalog()
            && !matches!(database, "tallybook" | "postgres")
        {
            return Err(own(Error::unsupported(format!(
                "cross-database references are not implemented: \"{name}\""
            ))));
        }
        self.find(&name).ok_or_else(|| {
            own(Error::new(Fault::UndefinedTable, format!("relation \"{name}\" does not exist")))
        })
    }

    fn get_table_function_source(
        &self,
        name: &str,
        args: Vec<Expr>,
    ) -> Result<Arc<dyn TableSource>> {
        let function = self
            .state
            .table_functions()
            .get(unqualified(name))
            .ok_or_else(|| own(undefined_function(unqualified(name))))?;
        let context = SimplifyContext::builder()
            .with_config_options(Arc::clone(self.state.config_options()))
            .build();
        let simplifier = ExprSimplifier::new(context);
        let schema = DFSchema::empty();
        let args = args
            .into_iter()
            .map(|arg| simplifier.coerce(arg, &schema).and_then(|arg| simplifier.simplify(arg)))
            .collect::<Result<Vec<_>>>()?;
        let types = args.iter().map(|arg| arg.get_type(&schema)).collect::<Result<Vec<_>>>()?;
        let args: Vec<Expr> = args.into_iter().map(wide_literal).collect();
        let table =
            function.create_table_provider_with_args(TableFunctionArgs::new(&args, self.state))?;
        match unqualified(name) {
            "generate_series" => integer_series(table, &types),
            _ => Ok(provider_as_source(table)),
        }
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.expr_planners()
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::clone(&self.types))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.state.scalar_functions().get(unqualified(name)).cloned()
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(unqualified(name)).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.window_functions().get(unqualified(name)).cloned()
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.state.scalar_functions().keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().cloned().collect()
    }
}
