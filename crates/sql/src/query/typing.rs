//! What a client is told about the columns of a result.
//!
//! Arrow types alone do not tell a uuid from a text. So every output column is followed back
//! through the plan: to a table's column it comes from unchanged, or to a function, cast or
//! parameter whose Postgres type is known. What is left is told by its arrow type.

use super::naming::shown;
use crate::catalog::{PG_TYPE_KEY, typmod};
use crate::function::{MAY_BE_NULL, result_type};
use crate::provider::LedgerProvider;
use crate::{Column, Error, PgType, Result};
use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit};
use datafusion::common::JoinType;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::AggregateFunctionParams;
use datafusion::logical_expr::{Expr, ExprSchemable, Join, LogicalPlan, Operator, TableScan};

/// A column's Postgres type and, if it comes unchanged from a table, where from.
#[derive(Debug, Clone, Copy)]
struct Traced {
    pg_type: PgType,
    typmod: i32,
    origin: Option<(u32, i16)>,
}

impl Traced {
    fn plain(pg_type: PgType) -> Self {
        Traced { pg_type, typmod: -1, origin: None }
    }

    /// Of the same type, with neither a size nor a place where it comes from.
    fn computed(self) -> Self {
        Traced::plain(self.pg_type)
    }
}

/// Of several alternatives the widest number or time, else the first.
fn common(alternatives: impl Iterator<Item = Option<Traced>>) -> Option<Traced> {
    let rank = |pg_type: PgType| match pg_type {
        PgType::Int2 => 1,
        PgType::Int4 => 2,
        PgType::Int8 => 3,
        PgType::Numeric => 4,
        PgType::Float4 => 5,
        PgType::Float8 => 6,
        PgType::Timestamp => 1,
        PgType::TimestampTz => 2,
        _ => 0,
    };
    let widest =
        alternatives.flatten().reduce(|a, b| if rank(b.pg_type) > rank(a.pg_type) { b } else { a });
    widest.map(Traced::computed)
}

/// A NULL takes the type of what is beside it.
fn is_value<E: std::borrow::Borrow<Expr>>(expr: &E) -> bool {
    !matches!(expr.borrow(), Expr::Literal(value, _) if value.is_null())
}

pub(crate) fn columns(plan: &LogicalPlan) -> Result<Vec<Column>> {
    plan.schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let traced = match trace(plan, index) {
                Some(traced) => traced,
                None => Traced::plain(from_field(field)?),
            };
            let (table_oid, attribute_number) = traced.origin.unwrap_or_default();
            Ok(Column {
                name: shown(field.name()).to_owned(),
                pg_type: traced.pg_type,
                typmod: traced.typmod,
                table_oid,
                attribute_number,
            })
        })
        .collect()
}

/// The Postgres type of an expression over a plan's columns.
pub(super) fn type_of(expr: &Expr, input: &LogicalPlan) -> Option<PgType> {
    trace_expr(expr, input).map(|traced| traced.pg_type)
}

fn trace(plan: &LogicalPlan, index: usize) -> Option<Traced> {
    match plan {
        LogicalPlan::Projection(projection) => {
            trace_expr(projection.expr.get(index)?, &projection.input)
        }
        LogicalPlan::TableScan(scan) => trace_scan(scan, index),
        LogicalPlan::Join(join) => trace_join(join, index),
        LogicalPlan::Aggregate(aggregate) => {
            let (groups, between) = match aggregate.group_expr.as_slice() {
                // Behind the columns of grouping sets comes the number of the set.
                [Expr::GroupingSet(set)] => (set.distinct_expr(), 1),
                exprs => (exprs.iter().collect(), 0),
            };
            let expr = match groups.get(index) {
                Some(expr) => *expr,
                None => aggregate.aggr_expr.get(index.checked_sub(groups.len() + between)?)?,
            };
            trace_expr(expr, &aggregate.input)
        }
        LogicalPlan::Window(window) => {
            let inputs = window.input.schema().fields().len();
            match index.checked_sub(inputs) {
                None => trace(&window.input, index),
                Some(index) => trace_expr(window.window_expr.get(index)?, &window.input),
            }
        }
        LogicalPlan::Unnest(unnest) => {
            let input = *unnest.dependency_indices.get(index)?;
            let traced = trace(&unnest.input, input)?;
            match unnest.list_type_columns.iter().any(|(list, _)| *list == input) {
                true => traced.pg_type.element().map(Traced::plain),
                false => Some(traced),
            }
        }
        LogicalPlan::Union(union) => common(union.inputs.iter().map(|input| trace(input, index))),
        LogicalPlan::Values(values) => common(
            values
                .values
                .iter()
                .filter_map(|row| row.get(index))
                .filter(is_value)
                .map(|each| trace_expr(each, plan)),
        ),
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Subquery(_) => match plan.inputs().as_slice() {
            [input] if input.schema().fields().len() == plan.schema().fields().len() => {
                trace(input, index)
            }
            _ => None,
        },
        _ => None,
    }
}

fn trace_scan(scan: &TableScan, index: usize) -> Option<Traced> {
    let index =
        scan.projection.as_ref().map_or(Some(index), |columns| columns.get(index).copied())?;
    let provider = source_as_provider(&scan.source).ok()?;
    if let Some(ledger) = (provider.as_ref() as &dyn std::any::Any).downcast_ref::<LedgerProvider>()
    {
        let relation = ledger.relation();
        let pg_type = relation.columns.get(index)?.pg_type;
        let number = i16::try_from(index + 1).ok()?;
        return Some(Traced {
            pg_type,
            typmod: typmod(pg_type),
            origin: Some((relation.oid, number)),
        });
    }
    let schema = provider.schema();
    from_field(schema.fields().get(index)?).ok().map(Traced::plain)
}

fn trace_join(join: &Join, index: usize) -> Option<Traced> {
    let left = join.left.schema().fields().len();
    match join.join_type {
        JoinType::RightSemi | JoinType::RightAnti => trace(&join.right, index),
        _ if index < left => trace(&join.left, index),
        _ => trace(&join.right, index - left),
    }
}

fn trace_expr(expr: &Expr, input: &LogicalPlan) -> Option<Traced> {
    match expr {
        Expr::Alias(alias) => trace_expr(&alias.expr, input),
        Expr::Column(column) => trace(input, input.schema().maybe_index_of_column(column)?),
        Expr::Placeholder(placeholder) => {
            let field = placeholder.field.as_ref()?;
            from_field(field).ok().map(Traced::plain)
        }
        Expr::Cast(cast) => {
            let pg_type = from_field(&cast.field).ok()?;
            Some(Traced { pg_type, typmod: decimal_typmod(cast.field.data_type()), origin: None })
        }
        Expr::ScalarFunction(function) => match result_type(function.name()) {
            Some(pg_type) => Some(Traced::plain(pg_type)),
            None if matches!(function.name(), "coalesce" | "nullif" | "greatest" | "least") => {
                common(function.args.iter().filter(is_value).map(|arg| trace_expr(arg, input)))
            }
            None if function.name().starts_with("checked_") && function.args.len() == 2 => {
                let operands = [&function.args[0], &function.args[1]];
                let integers = of_integers(operands.map(|each| trace_expr(each, input)));
                integers.or_else(|| by_type(expr, input))
            }
            None if function.name() == "make_array" => {
                let items = function.args.iter().filter(is_value);
                array_of(common(items.map(|arg| trace_expr(arg, input))))
                    .or_else(|| by_type(expr, input))
            }
            None if function.name() == MAY_BE_NULL => trace_expr(function.args.first()?, input),
            None => {
                let (_, field) = expr.to_field(input.schema().as_ref()).ok()?;
                from_field(&field).ok().map(Traced::plain)
            }
        },
        Expr::BinaryExpr(binary) if is_arithmetic(binary.op) => {
            let operands = [&binary.left, &binary.right].map(|each| trace_expr(each, input));
            of_integers(operands).or_else(|| by_type(expr, input))
        }
        Expr::Case(case) => {
            let branches = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
            let branches = branches.chain(case.else_expr.as_deref());
            common(branches.filter(is_value).map(|each| trace_expr(each, input)))
        }
        Expr::AggregateFunction(aggregate) => {
            let AggregateFunctionParams { args, .. } = &aggregate.params;
            match aggregate.func.name() {
                "min" | "max" | "first_value" | "last_value" | "any_value" => {
                    trace_expr(args.first()?, input).map(Traced::computed)
                }
                "array_agg" => {
                    array_of(trace_expr(args.first()?, input)).or_else(|| by_type(expr, input))
                }
                _ => by_type(expr, input),
            }
        }
        Expr::WindowFunction(window) => match window.fun.name() {
            "min" | "max" | "lag" | "lead" | "first_value" | "last_value" | "nth_value" => {
                trace_expr(window.params.args.first()?, input).map(Traced::computed)
            }
            _ => by_type(expr, input),
        },
        Expr::ScalarSubquery(subquery) => trace(&subquery.subquery, 0).map(Traced::computed),
        _ => by_type(expr, input),
    }
}

/// An array of what arrow does not tell from a text.
fn array_of(item: Option<Traced>) -> Option<Traced> {
    let item = item?.pg_type;
    matches!(item, PgType::Uuid | PgType::Jsonb).then(|| item.array()).flatten().map(Traced::plain)
}

fn is_arithmetic(op: Operator) -> bool {
    use Operator::{Divide, Minus, Modulo, Multiply, Plus};
    matches!(op, Plus | Minus | Multiply | Divide | Modulo)
}

/// Arithmetic of integers gives the wider of the two, which CASE does not tell its arrow type.
fn of_integers(operands: [Option<Traced>; 2]) -> Option<Traced> {
    let integers = operands
        .iter()
        .flatten()
        .filter(|operand| matches!(operand.pg_type, PgType::Int2 | PgType::Int4 | PgType::Int8));
    if integers.count() < 2 {
        return None;
    }
    common(operands.into_iter())
}

/// By the arrow type alone; metadata of a part says nothing about the whole.
fn by_type(expr: &Expr, input: &LogicalPlan) -> Option<Traced> {
    let data_type = expr.get_type(input.schema().as_ref()).ok()?;
    from_arrow(&data_type).ok().map(Traced::plain)
}

fn decimal_typmod(data_type: &DataType) -> i32 {
    match data_type {
        DataType::Decimal128(precision, scale) => {
            ((i32::from(*precision) << 16) | i32::from(*scale)) + 4
        }
        _ => -1,
    }
}

/// The Postgres type of a field, by what it is marked with or by its arrow type.
pub(crate) fn from_field(field: &Field) -> Result<PgType> {
    if let Some(name) = field.metadata().get(PG_TYPE_KEY)
        && let Some(pg_type) = PgType::from_name(name)
    {
        return Ok(pg_type);
    }
    if field.metadata().contains_key("pg.oid_alias") {
        return Ok(PgType::Oid);
    }
    from_arrow(field.data_type())
}

pub(crate) fn from_arrow(data_type: &DataType) -> Result<PgType> {
    Ok(match data_type {
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => PgType::Text,
        DataType::Boolean => PgType::Bool,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => PgType::Int2,
        DataType::Int32 | DataType::UInt16 => PgType::Int4,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => PgType::Int8,
        DataType::Float16 | DataType::Float32 => PgType::Float4,
        DataType::Float64 => PgType::Float8,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => {
            PgType::Numeric
        }
        DataType::Date32 | DataType::Date64 => PgType::Date,
        DataType::Time32(_) | DataType::Time64(_) => PgType::Time,
        DataType::Timestamp(_, None) => PgType::Timestamp,
        DataType::Timestamp(_, Some(_)) => PgType::TimestampTz,
        DataType::Interval(IntervalUnit::MonthDayNano) => PgType::Interval,
        DataType::Interval(_) | DataType::Duration(_) => PgType::Interval,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => PgType::Bytea,
        DataType::Dictionary(_, value) => from_arrow(value)?,
        DataType::List(item) | DataType::LargeList(item) => from_field(item)?
            .array()
            .ok_or_else(|| Error::unsupported(format!("arrays of {}", item.data_type())))?,
        DataType::Struct(_) => {
            return Err(Error::unsupported("a result that is a row is not supported")
                .with_hint("Select the fields of the row one by one."));
        }
        other => {
            return Err(Error::unsupported(format!(
                "a result of type {other} has no Postgres type here"
            )));
        }
    })
}
