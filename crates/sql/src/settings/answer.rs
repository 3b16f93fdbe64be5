//! Settings as rows: SHOW, and `SELECT set_config(…)`, which drivers use for SET.

use super::SessionSettings;
use crate::arrow::array::{ArrayRef, RecordBatch, StringArray};
use crate::arrow::datatypes::{DataType, Field, Schema};
use crate::expression::{Analysis, Expression, ParameterTypes, Scope, no_columns};
use crate::statement::ShowCommand;
use crate::{Answer, Column, Error, Fault, PgType, Result, RowsTag, Value};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::sql::sqlparser::ast;
use std::sync::Arc;

fn text_column(name: &str) -> Column {
    let (typmod, table_oid, attribute_number) = (-1, 0, 0);
    Column { name: name.to_owned(), pg_type: PgType::Text, typmod, table_oid, attribute_number }
}

type TextRow = Vec<Option<String>>;

pub(crate) fn text_rows(columns: Vec<Column>, rows: &[TextRow], tag: RowsTag) -> Result<Answer> {
    let internal = |error: &dyn std::fmt::Display| Error::new(Fault::Internal, error.to_string());
    let fields: Vec<Field> =
        columns.iter().map(|column| Field::new(&column.name, DataType::Utf8, true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays: Vec<ArrayRef> = (0..columns.len())
        .map(|place| {
            let texts = rows.iter().map(|row| row.get(place).and_then(Option::as_deref));
            Arc::new(texts.collect::<StringArray>()) as ArrayRef
        })
        .collect();
    let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(|error| internal(&error))?;
    let rows =
        MemoryStream::try_new(vec![batch], schema, None).map_err(|error| internal(&error))?;
    let rows: SendableRecordBatchStream = Box::pin(rows);
    Ok(Answer::Rows { columns, rows: rows.into(), tag })
}

pub(crate) fn show_columns(
    command: &ShowCommand,
    settings: &SessionSettings,
) -> Result<Vec<Column>> {
    Ok(match command {
        ShowCommand::One(name) => vec![text_column(&settings.show(name)?.0)],
        ShowCommand::All => ["name", "setting", "description"].map(text_column).to_vec(),
    })
}

pub(crate) fn show(command: &ShowCommand, settings: &SessionSettings) -> Result<Answer> {
    let rows = match command {
        ShowCommand::One(name) => vec![vec![Some(settings.show(name)?.1.into_owned())]],
        ShowCommand::All => settings
            .rows()
            .map(|row| {
                vec![
                    Some(row.name.to_owned()),
                    Some(row.value.into_owned()),
                    Some(row.description.to_owned()),
                ]
            })
            .collect(),
    };
    text_rows(show_columns(command, settings)?, &rows, RowsTag::Plain("SHOW"))
}

/// `SELECT set_config(name, value, is_local), …`, with `current_setting(name)` beside it as some
/// drivers send it. Anywhere else set_config is not known: a query must not change its session.
#[derive(Debug)]
pub(crate) struct ConfigSelect {
    calls: Vec<ConfigCall>,
    pub(crate) columns: Vec<Column>,
    pub(crate) parameter_types: Vec<PgType>,
}

#[derive(Debug)]
enum ConfigCall {
    Get(Expression),
    Set { name: Expression, value: Expression, is_local: Expression },
}

/// A change that a [`ConfigSelect`] asks for.
#[derive(Debug)]
pub(crate) struct ConfigChange {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) is_local: bool,
}

impl ConfigSelect {
    /// `None` if the statement is not one of these.
    pub(crate) fn analyse(
        statement: &ast::Statement,
        given: &[Option<PgType>],
    ) -> Result<Option<Self>> {
        let Some(select) = plain_select(statement) else { return Ok(None) };
        let mut analysis =
            Analysis { parameters: ParameterTypes::new(given), ..Analysis::default() };
        let mut calls = Vec::new();
        let mut columns = Vec::new();
        for item in &select.projection {
            let (expression, alias) = match item {
                ast::SelectItem::UnnamedExpr(expression) => (expression, None),
                ast::SelectItem::ExprWithAlias { expr, alias } => (expr, Some(&alias.value)),
                _ => return Ok(None),
            };
            let Some((name, arguments)) = call(expression) else { return Ok(None) };
            match (name, arguments.as_slice()) {
                ("current_setting", [name]) => {
                    calls.push(ConfigCall::Get(analysis.value(name, Some(PgType::Text))?));
                }
                ("set_config", [name, value, is_local]) => calls.push(ConfigCall::Set {
                    name: analysis.value(name, Some(PgType::Text))?,
                    value: analysis.value(value, Some(PgType::Text))?,
                    is_local: analysis.value(is_local, Some(PgType::Bool))?,
                }),
                _ => return Ok(None),
            }
            columns.push(text_column(alias.map_or(name, String::as_str)));
        }
        let sets = calls.iter().any(|call| matches!(call, ConfigCall::Set { .. }));
        if !sets || !analysis.computed.is_empty() {
            return Ok(None);
        }
        let parameter_types = analysis.parameters.finish()?;
        Ok(Some(ConfigSelect { calls, columns, parameter_types }))
    }

    /// Evaluates the calls in order; `change` makes each change take place.
    pub(crate) fn run(
        &self,
        parameters: &[Value],
        settings: &mut SessionSettings,
        mut change: impl FnMut(&mut SessionSettings, &ConfigChange) -> Result<()>,
    ) -> Result<Answer> {
        let zone = settings.time_zone();
        let scope = Scope { parameters, computed: &[], column: &no_columns, zone };
        let mut row: TextRow = Vec::with_capacity(self.calls.len());
        for call in &self.calls {
            let name = match call {
                ConfigCall::Get(name) => required(name, &scope)?,
                ConfigCall::Set { name, value, is_local } => {
                    let name = required(name, &scope)?;
                    let is_local = text(is_local, &scope)?
                        .is_some_and(|text| super::boolean(&text).unwrap_or_default());
                    let value = text(value, &scope)?.unwrap_or_default();
                    change(settings, &ConfigChange { name: name.clone(), value, is_local })?;
                    name
                }
            };
            row.push(Some(settings.show(&name)?.1.into_owned()));
        }
        text_rows(self.columns.clone(), &[row], RowsTag::Counted("SELECT"))
    }
}

fn text<'a>(expression: &'a Expression, scope: &Scope<'a>) -> Result<Option<String>> {
    Ok(expression.evaluate(scope)?.to_text(scope.zone)?.map(String::from))
}

fn required<'a>(expression: &'a Expression, scope: &Scope<'a>) -> Result<String> {
    text(expression, scope)?
        .ok_or_else(|| Error::new(Fault::InvalidParameterValue, "SET requires parameter name"))
}

/// The SELECT of a statement that has nothing but a select list.
fn plain_select(statement: &ast::Statement) -> Option<&ast::Select> {
    let ast::Statement::Query(query) = statement else { return None };
    let ast::SetExpr::Select(select) = query.body.as_ref() else { return None };
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && select.from.is_empty()
        && select.selection.is_none();
    plain.then_some(select)
}

/// A call of a function of `pg_catalog`, by its name, with plain arguments.
fn call(expression: &ast::Expr) -> Option<(&str, Vec<&ast::Expr>)> {
    let ast::Expr::Function(function) = expression else { return None };
    let parts: Vec<&ast::Ident> =
        function.name.0.iter().map(ast::ObjectNamePart::as_ident).collect::<Option<_>>()?;
    let name = match parts.as_slice() {
        [name] => name,
        [schema, name] if schema.value.eq_ignore_ascii_case("pg_catalog") => name,
        _ => return None,
    };
    let known = ["set_config", "current_setting"];
    let name = known.into_iter().find(|known| name.value.eq_ignore_ascii_case(known))?;
    let ast::FunctionArguments::List(list) = &function.args else { return None };
    let arguments = list
        .args
        .iter()
        .map(|argument| match argument {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(argument)) => Some(argument),
            _ => None,
        })
        .collect::<Option<_>>()?;
    Some((name, arguments))
}
