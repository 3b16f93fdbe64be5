//! From the syntax of an INSERT to its plan.

use super::{InsertPlan, Returning, Source, Table, identifier, on_conflict};
use crate::expression::{Analysis, Expression, ParameterTypes};
use crate::query::{PreparedQuery, QueryEngine};
use crate::settings::SessionSettings;
use crate::{Error, Fault, PgType, Result};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

pub(super) async fn analyse(
    insert: &ast::Insert,
    given: &[Option<PgType>],
    settings: &SessionSettings,
    engine: &QueryEngine,
) -> Result<InsertPlan> {
    let ast::TableObject::TableName(name) = &insert.table else { return Err(odd_form()) };
    refuse_odd_forms(insert)?;
    let table = Table::resolve(&name_parts(name)?, settings, "INSERT")?;
    let skips = on_conflict::resolve(insert.on.as_ref(), table)?;
    let names = insert
        .columns
        .iter()
        .map(|column| match name_parts(column)?.as_slice() {
            [name] => Ok(name.clone()),
            _ => Err(odd_form()),
        })
        .collect::<Result<Vec<_>>>()?;
    let mut targets = table.target_columns(&names)?;
    let mut analysis = Analysis { parameters: ParameterTypes::new(given), ..Analysis::default() };
    let source = match &insert.source {
        None => {
            targets.clear();
            Source::Values { rows: vec![Vec::new()], computed: None }
        }
        Some(query) => match plain_values(query) {
            Some(values) => {
                check_lengths(values, targets.len(), !names.is_empty())?;
                let rows = analyse_rows(values, table, &targets, &mut analysis)?;
                let computed = prepare_computed(&mut analysis, settings, engine).await?;
                Source::Values { rows, computed }
            }
            None => {
                let prepared = prepare(query.as_ref().clone(), &mut analysis, settings, engine);
                let prepared = prepared.await?;
                check_length(prepared.columns.len(), targets.len(), !names.is_empty())?;
                Source::Query(prepared)
            }
        },
    };
    let alias = insert.table_alias.as_ref().map(|alias| identifier(&alias.alias));
    let returning = match &insert.returning {
        Some(items) => Some(Returning::analyse(table, alias.as_deref(), items, &mut analysis)?),
        None => None,
    };
    let parameter_types = analysis.parameters.finish()?;
    Ok(InsertPlan { table, targets, source, skips, returning, parameter_types })
}

fn odd_form() -> Error {
    Error::unsupported("this form of INSERT is not supported")
}

/// sqlparser reads several dialects; what Postgres does not have is not taken here either.
fn refuse_odd_forms(insert: &ast::Insert) -> Result<()> {
    let odd = insert.or.is_some()
        || !insert.into
        || insert.overwrite
        || !insert.assignments.is_empty()
        || insert.partitioned.is_some()
        || insert.has_table_keyword
        || insert.output.is_some()
        || insert.settings.is_some()
        || insert.format_clause.is_some();
    if odd { Err(odd_form()) } else { Ok(()) }
}

fn name_parts(name: &ast::ObjectName) -> Result<Vec<String>> {
    name.0.iter().map(|part| part.as_ident().map(identifier).ok_or_else(odd_form)).collect()
}

/// The rows of a plain VALUES; with ORDER BY, LIMIT or WITH it is a query like any other.
fn plain_values(query: &ast::Query) -> Option<&[ast::Parens<Vec<ast::Expr>>]> {
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none();
    match query.body.as_ref() {
        ast::SetExpr::Values(values) if plain => Some(&values.rows),
        _ => None,
    }
}

fn check_lengths(rows: &[ast::Parens<Vec<ast::Expr>>], targets: usize, named: bool) -> Result<()> {
    let first = rows.first().map_or(0, |row| row.content.len());
    if rows.iter().any(|row| row.content.len() != first) {
        return Err(Error::new(Fault::SyntaxError, "VALUES lists must all be the same length"));
    }
    check_length(first, targets, named)
}

fn check_length(given: usize, targets: usize, named: bool) -> Result<()> {
    let message = if given > targets {
        "INSERT has more expressions than target columns"
    } else if given < targets && named {
        "INSERT has more target columns than expressions"
    } else {
        return Ok(());
    };
    Err(Error::new(Fault::SyntaxError, message))
}

fn analyse_rows(
    rows: &[ast::Parens<Vec<ast::Expr>>],
    table: Table,
    targets: &[usize],
    analysis: &mut Analysis,
) -> Result<Vec<Vec<Expression>>> {
    rows.iter()
        .map(|row| {
            let cells = row.content.iter().zip(targets);
            cells
                .map(|(cell, target)| match is_default(cell) {
                    true => Ok(Expression::Default),
                    false => analysis.value(cell, Some(table.column_type(*target))),
                })
                .collect()
        })
        .collect()
}

fn is_default(expression: &ast::Expr) -> bool {
    matches!(expression, ast::Expr::Identifier(name)
        if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("default"))
}

/// The expressions that need a planner, as one constant SELECT.
pub(crate) async fn prepare_computed(
    analysis: &mut Analysis,
    settings: &SessionSettings,
    engine: &QueryEngine,
) -> Result<Option<PreparedQuery>> {
    if analysis.computed.is_empty() {
        return Ok(None);
    }
    let select = Parser::new(&PostgreSqlDialect {})
        .try_with_sql("SELECT 1")
        .and_then(|mut parser| parser.parse_query());
    let mut query = *select.expect("SELECT 1 is a query");
    if let ast::SetExpr::Select(select) = query.body.as_mut() {
        let computed = std::mem::take(&mut analysis.computed).into_iter().enumerate();
        // Two columns of one name would be refused.
        select.projection = computed
            .map(|(index, expr)| ast::SelectItem::ExprWithAlias {
                expr,
                alias: ast::Ident::new(format!("value_{}", index + 1)),
            })
            .collect();
    }
    prepare(query, analysis, settings, engine).await.map(Some)
}

async fn prepare(
    query: ast::Query,
    analysis: &mut Analysis,
    settings: &SessionSettings,
    engine: &QueryEngine,
) -> Result<PreparedQuery> {
    let statement = ast::Statement::Query(Box::new(query));
    let prepared = engine.prepare(&statement, analysis.parameters.as_slice(), settings).await?;
    for (index, found) in prepared.parameter_types.iter().enumerate() {
        analysis.parameters.note(index, Some(*found));
    }
    Ok(prepared)
}
