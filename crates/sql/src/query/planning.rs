//! From a normalised syntax tree to a logical plan with known parameter types.

use super::QueryEngine;
use super::calls;
use super::comparison_keys;
use super::context::Names;
use super::copied;
use super::dependent;
use super::fixed_times;
use super::function_names;
use super::interval_extremes;
use super::membership;
use super::normalize::{Normalized, normalize};
use super::parameter_hints;
use super::parameters::ParameterTypes;
use super::separate_lists;
use super::set_operations;
use super::subquery_order;
use super::types::PostgresTypes;
use super::typing::columns;
use super::whole_row;
use crate::catalog::ViewDefinition;
use crate::{Column, Error, Fault, PgType, Result, SessionSettings};
use datafusion::common::TableReference;
use datafusion::logical_expr::planner::ContextProvider;
use datafusion::logical_expr::{LogicalPlan, TableSource, TableType};
use datafusion::sql::planner::{PlannerContext, SqlToRel};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use std::sync::Arc;

pub(super) struct Planned {
    pub(super) plan: LogicalPlan,
    pub(super) parameter_types: Vec<PgType>,
}

impl QueryEngine {
    pub(super) fn plan(
        &self,
        statement: ast::Statement,
        declared: &[Option<PgType>],
        settings: &SessionSettings,
    ) -> Result<Planned> {
        self.plan_over(statement, declared, settings, None)
    }

    /// Plans a statement that may name `rows` beside what the catalog has.
    pub(super) fn plan_over(
        &self,
        mut statement: ast::Statement,
        declared: &[Option<PgType>],
        settings: &SessionSettings,
        rows: Option<Arc<dyn TableSource>>,
    ) -> Result<Planned> {
        copied::check(&statement)?;
        function_names::check(&statement)?;
        let hints = parameter_hints::of(&statement);
        let mut normalized = normalize(&mut statement)?;
        // A cast says it with more right.
        for (number, pg_type) in hints {
            normalized.hints.entry(number).or_insert(pg_type);
        }
        let mut types = ParameterTypes::new(declared, &normalized.hints);
        let names = self.names(settings.search_path(), rows);
        let mut plan = with_whole_rows(&mut statement, &normalized, &types, &names)?;
        // A parameter's type may follow from the types of others, so until nothing new is found.
        while types.infer(&plan)? {
            plan = logical_plan(&statement, &types, &names)?;
        }
        let plan = as_postgres_means(plan)?;
        let plan = fixed_times::fix(plan, settings.time_zone())?;
        Ok(Planned { plan, parameter_types: types.resolved() })
    }

    /// Whether the name is that of a view.
    pub(crate) fn is_view(&self, name: &[String], settings: &SessionSettings) -> bool {
        let parts: Vec<&str> = name.iter().map(String::as_str).collect();
        let name = match parts[..] {
            [name] => TableReference::bare(name),
            [schema, name] => TableReference::partial(schema, name),
            [database, schema, name] => TableReference::full(database, schema, name),
            _ => return false,
        };
        let found = self.names(settings.search_path(), None).get_table_source(name);
        found.is_ok_and(|table| table.table_type() == TableType::View)
    }

    fn names<'a>(
        &'a self,
        search_path: &'a [String],
        rows: Option<Arc<dyn TableSource>>,
    ) -> Names<'a> {
        let types = Arc::new(PostgresTypes);
        Names { state: &self.base, catalog: &self.catalog, search_path, types, rows }
    }

    /// The plan of a view's text and the columns it shows.
    pub(super) fn plan_view(&self, view: &ViewDefinition) -> Result<(LogicalPlan, Vec<Column>)> {
        let mut statements =
            Parser::parse_sql(&PostgreSqlDialect {}, &view.query).map_err(|error| {
                Error::new(Fault::SyntaxError, format!("view {}: {error}", view.name))
            })?;
        let (Some(mut statement), true) = (statements.pop(), statements.is_empty()) else {
            return Err(Error::new(Fault::SyntaxError, "a view is exactly one query"));
        };
        normalize(&mut statement)?;
        let path = ["public".to_owned()];
        let names = self.names(&path, None);
        let plan = logical_plan(&statement, &ParameterTypes::default(), &names)?;
        let plan = as_postgres_means(plan)?;
        let columns = columns(&plan)?;
        Ok((plan, columns))
    }
}

/// The plan of what DataFusion answers otherwise, or not at all, in words it answers rightly.
fn as_postgres_means(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan =
        membership::three_valued(set_operations::counted(subquery_order::handed_up(plan)?)?)?;
    let plan = interval_extremes::taken(dependent::unnested(plan)?)?;
    Ok(separate_lists::separated(comparison_keys::by_key(plan)?)?)
}

/// The plan of a statement in which a table's name may stand for its row.
fn with_whole_rows(
    statement: &mut ast::Statement,
    normalized: &Normalized,
    types: &ParameterTypes,
    names: &Names<'_>,
) -> Result<LogicalPlan> {
    const ROWS_MAX: usize = 8;
    let columns = |query: ast::Query| {
        let statement = ast::Statement::Query(Box::new(query));
        let plan = logical_plan(&statement, types, names).ok()?;
        Some(plan.schema().fields().iter().map(|field| field.name().clone()).collect())
    };
    for _ in 0..ROWS_MAX {
        let error = match logical_plan(statement, types, names) {
            Err(error) if error.fault() == &Fault::UndefinedColumn => error,
            // Two calls go by one name if they differ in a cast only.
            Err(error) if error.fault() == &Fault::DuplicateColumn => {
                calls::tell_casts_apart(statement);
                return logical_plan(statement, types, names).map_err(|_| error);
            }
            planned => return planned,
        };
        let name = error.message().strip_prefix("column \"");
        let name = name.and_then(|rest| rest.strip_suffix("\" does not exist"));
        let Some(name) = name else { return Err(error) };
        let row = name.strip_prefix('\u{2}').and_then(|name| name.strip_suffix(".*"));
        let unsupported = || Error::unsupported("a whole row here is not supported");
        let error = if row.is_some() { unsupported() } else { error.clone() };
        let name = row.unwrap_or(name).to_owned();
        if !whole_row::rewrite(statement, &name, &normalized.functions, &columns) {
            return Err(error);
        }
    }
    logical_plan(statement, types, names)
}

fn logical_plan(
    statement: &ast::Statement,
    types: &ParameterTypes,
    names: &Names<'_>,
) -> Result<LogicalPlan> {
    let mut context = PlannerContext::new().with_prepare_param_data_types(types.fields());
    let plan =
        SqlToRel::new(names).sql_statement_to_plan_with_context(statement.clone(), &mut context)?;
    match plan {
        LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::Statement(_) => {
            Err(Error::unsupported("only queries can be planned as queries"))
        }
        plan => Ok(plan),
    }
}
