//! RETURNING: which values, under which names, in which types.
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
use crate::expression::{Analysis, Expression, Scope, pg_type};
use crate::{Column, Error, Fault, MONEY_TYPMOD, PgType, Result, Value};
use chrono_tz::Tz;
use datafusion::sql::sqlparser::ast;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Returning {
    pub(super) columns: Vec<Column>,
    items: Vec<Expression>,
    schema: SchemaRef,
}

const DEDUPLICATED: &str = "deduplicated";

impl Returning {
    pub(crate) fn analyse(
        table: Table,
        alias: Option<&str>,
        items: &[ast::SelectItem],
        analysis: &mut Analysis,
    ) -> Result<Self> {
        let mut reader = Reader { table, alias, analysis };
        let mut found: Vec<(Expression, Column)> = Vec::new();
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
                    found.push(reader.item(expression, None)?);
                }
                ast::SelectItem::ExprWithAlias { expr, alias } => {
                    found.push(reader.item(expr, Some(super::identifier(alias)))?);
                }
                _ => return Err(unsupported()),
            }
        }
        let (items, columns): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let fields: Vec<Field> = columns.iter().map(field).collect();
        Ok(Returning { columns, items, schema: Arc::new(Schema::new(fields)) })
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
        zone: Tz,
    ) -> Result<RecordBatch> {
        let mut arrays = Vec::with_capacity(self.items.len());
        for (item, column) in self.items.iter().zip(&self.columns) {
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
        let options = RecordBatchOptions::new().with_row_count(Some(recorded.len()));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|error| Error::new(Fault::Internal, error.to_string()))
    }
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
    fn all_columns(&self) -> Vec<(Expression, Column)> {
        (0..self.table.width())
            .map(|index| {
                let name = self.table.column_name(index);
                (Expression::Column(index), self.table.result_column(index, name))
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

    fn item(
        &mut self,
        expression: &ast::Expr,
        name: Option<String>,
    ) -> Result<(Expression, Column)> {
        let (item, column) = self.expression(expression)?;
        Ok((item, Column { name: name.unwrap_or(column.name), ..column }))
    }

    fn expression(&mut self, expression: &ast::Expr) -> Result<(Expression, Column)> {
        match expression {
            ast::Expr::Nested(inner) => self.expression(inner),
            ast::Expr::Identifier(name) => self.column(&super::identifier(name)),
            ast::Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [qualifier, name] => {
                    self.check_qualifier(&super::identifier(qualifier))?;
                    self.column(&super::identifier(name))
                }
                _ => Err(unsupported()),
            },
            ast::Expr::Cast {
                kind: ast::CastKind::Cast | ast::CastKind::DoubleColon,
                expr,
                data_type,
                array: false,
                format: None,
            } => {
                let target = pg_type(data_type).filter(|target| *target != PgType::Numeric);
                let target = target.ok_or_else(unsupported)?;
                let (inner, column) = self.expression(expr)?;
                let item = Expression::Cast(Box::new(inner), target);
                Ok((item, computed(&column.name, target)))
            }
            ast::Expr::BinaryOp { left, op: ast::BinaryOperator::StringConcat, right } => {
                let (left, _) = self.expression(left)?;
                let (right, _) = self.expression(right)?;
                Ok((Expression::Concat(vec![left, right]), computed("?column?", PgType::Text)))
            }
            ast::Expr::Value(_) => self.constant(expression),
            _ => Err(unsupported()),
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

    fn constant(&mut self, expression: &ast::Expr) -> Result<(Expression, Column)> {
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
            _ => return Err(unsupported()),
        };
        Ok((constant, computed("?column?", found)))
    }
}

fn unsupported() -> Error {
    Error::unsupported("this expression in RETURNING is not supported").with_hint(
        "RETURNING takes columns, *, deduplicated, constants, casts and ||. For anything else, \
         SELECT afterwards.",
    )
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
