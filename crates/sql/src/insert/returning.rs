//! RETURNING: which values, under which names, in which types.
//!
//! What is more than columns, constants, casts and `||` is planned by DataFusion, once, and evaluated
//! over the rows; the rest needs no planner.
//!
//! Owns the made-up column `deduplicated`, true where the row was there already. It can be named,
//! but `*` leaves it out, so that `RETURNING *` has the columns that SELECT has.

use super::datum::Datum;
use super::recorded::Recorded;
use super::table::Table;
use crate::arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Int16Array, Int32Array, Int64Array, RecordBatch,
    RecordBatchOptions, StringArray, TimestampMicrosecondArray,
};
use crate::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use crate::clock::Clock;
use crate::expression::{Analysis, Expression, Scope, pg_type};
use crate::query::{QueryEngine, RowQuery};
use crate::settings::SessionSettings;
use crate::{Column, Error, Fault, MONEY_TYPMOD, PgType, Result, Value};
use chrono_tz::Tz;
use datafusion::sql::sqlparser::ast;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Returning {
    pub(super) columns: Vec<Column>,
    items: Vec<Expression>,
    /// Gives the items that are [`Expression::Computed`].
    computed: Option<RowQuery>,
    /// Of the rows, if no item has to be computed first.
    schema: SchemaRef,
}

/// What an item of the list is.
enum Item {
    Simple(Expression, Column),
    /// To be planned: by place among those.
    Computed(usize),
}

const DEDUPLICATED: &str = "deduplicated";

impl Returning {
    pub(crate) fn analyse(
        table: Table,
        alias: Option<&str>,
        items: &[ast::SelectItem],
        analysis: &mut Analysis,
        settings: &SessionSettings,
        engine: &QueryEngine,
    ) -> Result<Self> {
        let mut reader = Reader { table, alias, analysis };
        let mut found: Vec<Item> = Vec::new();
        let mut planned: Vec<ast::SelectItem> = Vec::new();
        let mut plan = |item: &ast::SelectItem| {
            planned.push(item.clone());
            Item::Computed(planned.len() - 1)
        };
        for item in items {
            match item {
                ast::SelectItem::Wildcard(_) => found.extend(reader.all_columns()),
                ast::SelectItem::QualifiedWildcard(
                    ast::SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => {
                    reader.check_qualifier(&name.to_string())?;
                    found.extend(reader.all_columns());
                }
                ast::SelectItem::UnnamedExpr(expression) => {
                    found.push(reader.item(expression, None)?.unwrap_or_else(|| plan(item)));
                }
                ast::SelectItem::ExprWithAlias { expr, alias } => {
                    let name = Some(super::identifier(alias));
                    found.push(reader.item(expr, name)?.unwrap_or_else(|| plan(item)));
                }
                _ => return Err(unsupported()),
            }
        }
        let computed = match planned.is_empty() {
            true => None,
            false => Some(reader.plan(planned, settings, engine)?),
        };
        let columns_of = |query: &Option<RowQuery>, place: usize| {
            let column = query.as_ref().and_then(|query| query.columns().get(place));
            column.cloned().ok_or_else(|| Error::new(Fault::Internal, "an item was not planned"))
        };
        let mut items = Vec::new();
        let mut columns = Vec::new();
        for item in found {
            let (item, column) = match item {
                Item::Simple(item, column) => (item, column),
                Item::Computed(place) => {
                    (Expression::Computed(place), columns_of(&computed, place)?)
                }
            };
            items.push(item);
            columns.push(column);
        }
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        Ok(Returning { columns, items, computed, schema })
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The rows that `recorded` shows, in order.
    pub(crate) fn rows(
        &self,
        table: Table,
        recorded: &[Recorded],
        parameters: &[Value],
        clock: Clock,
    ) -> Result<RecordBatch> {
        let zone = clock.zone;
        let computed = match &self.computed {
            Some(query) => {
                let rows = rows_at_hand(query, table, recorded, zone)?;
                Some(query.evaluate(&rows, parameters, clock)?)
            }
            None => None,
        };
        let mut arrays = Vec::with_capacity(self.items.len());
        for (item, column) in self.items.iter().zip(&self.columns) {
            if let (Expression::Computed(place), Some(computed)) = (item, &computed) {
                arrays.push(computed.column(*place).clone());
                continue;
            }
            let values: Vec<Datum<'_>> = recorded
                .iter()
                .map(|row| {
                    if let Expression::Column(index) = item {
                        return Ok(shown(row, table, *index));
                    }
                    let value = |index| shown(row, table, index);
                    let scope = Scope { parameters, computed: &[], column: &value, zone };
                    // The scope ends here, so what it gave is made to last.
                    item.evaluate(&scope).map(Datum::into_owned)
                })
                .collect::<Result<_>>()?;
            arrays.push(array(column.pg_type, &values, zone)?);
        }
        let schema = match &computed {
            Some(computed) => Arc::new(self.schema_with(computed)),
            None => self.schema.clone(),
        };
        batch(schema, arrays, recorded.len())
    }

    /// The types of computed items are those that they came out as.
    fn schema_with(&self, computed: &RecordBatch) -> Schema {
        let schema = computed.schema();
        let fields = self.items.iter().zip(self.schema.fields());
        let fields = fields.map(|(item, own)| match item {
            Expression::Computed(place) => schema.field(*place).clone(),
            _ => own.as_ref().clone(),
        });
        Schema::new(fields.collect::<Vec<_>>())
    }
}

fn batch(schema: SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, arrays, &options)
        .map_err(|error| Error::new(Fault::Internal, error.to_string()))
}

/// The columns of the table, and `deduplicated` behind them, as planned expressions see them.
fn all_columns(table: Table) -> Vec<Column> {
    let own = (0..table.width()).map(|index| table.result_column(index, table.column_name(index)));
    own.chain([computed(DEDUPLICATED, PgType::Bool)]).collect()
}

/// The recorded rows with the columns that `query` looks at; the others are null.
fn rows_at_hand(
    query: &RowQuery,
    table: Table,
    recorded: &[Recorded],
    zone: Tz,
) -> Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (index, column) in all_columns(table).iter().enumerate() {
        let values: Vec<Datum<'_>> = match query.uses(&column.name) {
            true => recorded.iter().map(|row| shown(row, table, index)).collect(),
            false => vec![Datum::Null; recorded.len()],
        };
        fields.push(field(column));
        arrays.push(array(column.pg_type, &values, zone)?);
    }
    batch(Arc::new(Schema::new(fields)), arrays, recorded.len())
}

/// A column of the table, or `deduplicated` behind them.
fn shown(row: &Recorded, table: Table, index: usize) -> Datum<'_> {
    match index == table.width() {
        true => Datum::Bool(row.is_replay()),
        false => row.column(table, index),
    }
}

struct Reader<'a> {
    table: Table,
    alias: Option<&'a str>,
    analysis: &'a mut Analysis,
}

impl Reader<'_> {
    fn all_columns(&self) -> Vec<Item> {
        (0..self.table.width())
            .map(|index| {
                let name = self.table.column_name(index);
                Item::Simple(Expression::Column(index), self.table.result_column(index, name))
            })
            .collect()
    }

    fn check_qualifier(&self, qualifier: &str) -> Result<()> {
        let expected = self.alias.unwrap_or(self.table.name());
        if qualifier == expected {
            return Ok(());
        }
        Err(Error::new(
            Fault::UndefinedTable,
            format!("missing FROM-clause entry for table \"{qualifier}\""),
        ))
    }

    /// `None` for what has to be planned.
    fn item(&mut self, expression: &ast::Expr, name: Option<String>) -> Result<Option<Item>> {
        let found = self.expression(expression)?;
        Ok(found.map(|(item, column)| {
            Item::Simple(item, Column { name: name.unwrap_or(column.name), ..column })
        }))
    }

    fn plan(
        &mut self,
        items: Vec<ast::SelectItem>,
        settings: &SessionSettings,
        engine: &QueryEngine,
    ) -> Result<RowQuery> {
        let fields: Vec<Field> = all_columns(self.table).iter().map(field).collect();
        let name = self.alias.unwrap_or(self.table.name());
        let parameters = &mut self.analysis.parameters;
        let schema = Arc::new(Schema::new(fields));
        let query =
            engine.prepare_row_query(items, name, schema, parameters.as_slice(), settings)?;
        for (index, found) in query.parameter_types().iter().enumerate() {
            parameters.note(index, Some(*found));
        }
        Ok(query)
    }

    fn expression(&mut self, expression: &ast::Expr) -> Result<Option<(Expression, Column)>> {
        match expression {
            ast::Expr::Nested(inner) => self.expression(inner),
            ast::Expr::Identifier(name) => self.column(&super::identifier(name)).map(Some),
            ast::Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [qualifier, name] => {
                    self.check_qualifier(&super::identifier(qualifier))?;
                    self.column(&super::identifier(name)).map(Some)
                }
                _ => Ok(None),
            },
            ast::Expr::Cast {
                kind: ast::CastKind::Cast | ast::CastKind::DoubleColon,
                expr,
                data_type,
                array: false,
                format: None,
            } => {
                // A parameter's type is that of its cast.
                if matches!(expr.as_ref(), ast::Expr::Value(_)) {
                    return Ok(None);
                }
                let target = pg_type(data_type).filter(|target| *target != PgType::Numeric);
                let Some(target) = target else { return Ok(None) };
                let Some((inner, column)) = self.expression(expr)? else { return Ok(None) };
                if !is_plain_cast(column.pg_type, target) {
                    return Ok(None);
                }
                let item = Expression::Cast(Box::new(inner), target);
                Ok(Some((item, computed(&column.name, target))))
            }
            ast::Expr::BinaryOp { left, op: ast::BinaryOperator::StringConcat, right } => {
                let (Some((left, left_column)), Some((right, right_column))) =
                    (self.expression(left)?, self.expression(right)?)
                else {
                    return Ok(None);
                };
                // `||` is also how documents are joined.
                let is_text = |column: &Column| {
                    !matches!(column.pg_type, PgType::Json | PgType::Jsonb | PgType::Bool)
                };
                if !(is_text(&left_column) && is_text(&right_column)) {
                    return Ok(None);
                }
                let column = computed("?column?", PgType::Text);
                Ok(Some((Expression::Concat(vec![left, right]), column)))
            }
            ast::Expr::Value(_) => self.constant(expression),
            _ => Ok(None),
        }
    }

    fn column(&self, name: &str) -> Result<(Expression, Column)> {
        if let Some(index) = self.table.column(name) {
            return Ok((Expression::Column(index), self.table.result_column(index, name)));
        }
        if name == DEDUPLICATED {
            let item = Expression::Column(self.table.width());
            return Ok((item, computed(DEDUPLICATED, PgType::Bool)));
        }
        Err(Error::new(Fault::UndefinedColumn, format!("column \"{name}\" does not exist")))
    }

    fn constant(&mut self, expression: &ast::Expr) -> Result<Option<(Expression, Column)>> {
        let constant = self.analysis.value(expression, Some(PgType::Text))?;
        let found = match &constant {
            Expression::Literal(Value::Int(number)) if i32::try_from(*number).is_ok() => {
                PgType::Int4
            }
            Expression::Literal(Value::Int(_)) => PgType::Int8,
            Expression::Literal(Value::Bool(_)) => PgType::Bool,
            Expression::Literal(Value::Text(_) | Value::Null) => PgType::Text,
            Expression::Parameter(index) => {
                let given = self.analysis.parameters.as_slice();
                given.get(*index).copied().flatten().unwrap_or(PgType::Text)
            }
            _ => return Ok(None),
        };
        Ok(Some((constant, computed("?column?", found))))
    }
}

/// Whether a cast keeps the value, so that it needs no planner.
fn is_plain_cast(from: PgType, to: PgType) -> bool {
    to == PgType::Text || from == to || matches!((from, to), (PgType::Json, PgType::Jsonb))
}

fn unsupported() -> Error {
    Error::unsupported("this form of RETURNING is not supported")
        .with_hint("RETURNING takes expressions over the row, *, and deduplicated.")
}

fn computed(name: &str, pg_type: PgType) -> Column {
    let typmod = if pg_type == PgType::Numeric { MONEY_TYPMOD } else { -1 };
    Column { name: name.to_owned(), pg_type, typmod, table_oid: 0, attribute_number: 0 }
}

fn field(column: &Column) -> Field {
    let data_type = match column.pg_type {
        PgType::Bool => DataType::Boolean,
        PgType::Int2 => DataType::Int16,
        PgType::Int4 => DataType::Int32,
        PgType::Int8 => DataType::Int64,
        PgType::Numeric => DataType::Decimal128(38, 0),
        PgType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => DataType::Utf8,
    };
    let field = Field::new(&column.name, data_type, true);
    match column.pg_type {
        PgType::Uuid | PgType::Json | PgType::Jsonb => field.with_metadata(HashMap::from([(
            crate::catalog::PG_TYPE_KEY.to_owned(),
            column.pg_type.name().to_owned(),
        )])),
        _ => field,
    }
}

/// One arrow column of the values, in the layout that [`field`] names.
fn array(pg_type: PgType, values: &[Datum<'_>], zone: Tz) -> Result<ArrayRef> {
    Ok(match pg_type {
        PgType::Bool => Arc::new(
            values
                .iter()
                .map(|value| match value {
                    Datum::Bool(flag) => Some(*flag),
                    _ => None,
                })
                .collect::<BooleanArray>(),
        ),
        PgType::Int2 => Arc::new(integers(values)?.into_iter().collect::<Int16Array>()),
        PgType::Int4 => Arc::new(integers(values)?.into_iter().collect::<Int32Array>()),
        PgType::Int8 => Arc::new(integers(values)?.into_iter().collect::<Int64Array>()),
        PgType::Numeric => {
            let amounts = values
                .iter()
                .map(|value| value.to_amount("?column?"))
                .collect::<Result<Vec<_>>>()?;
            let array = amounts.into_iter().collect::<Decimal128Array>();
            let array = array.with_precision_and_scale(38, 0);
            Arc::new(array.map_err(|error| Error::new(Fault::Internal, error.to_string()))?)
        }
        PgType::TimestampTz => {
            let micros = values
                .iter()
                .map(|value| Ok(value.to_timestamp("?column?", zone)?.map(|at| at.0)))
                .collect::<Result<Vec<_>>>()?;
            Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))
        }
        _ => {
            let texts =
                values.iter().map(|value| value.to_text(zone)).collect::<Result<Vec<_>>>()?;
            Arc::new(texts.iter().map(Option::as_deref).collect::<StringArray>())
        }
    })
}

fn integers<N: TryFrom<i64>>(values: &[Datum<'_>]) -> Result<Vec<Option<N>>> {
    values
        .iter()
        .map(|value| match value {
            Datum::Int(number) => N::try_from(*number)
                .map(Some)
                .map_err(|_| Error::new(Fault::NumericValueOutOfRange, "integer out of range")),
            _ => Ok(None),
        })
        .collect()
}
