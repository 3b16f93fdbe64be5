//! Where DataFusion plans something with a meaning that is not Postgres'.
//!
//! A uuid compared with a text compares uuids, in whatever spelling the text has. A text compared
//! with an instant is local time of the session's zone, and calendar functions count in that zone.
//! An instant cast to text is written as Postgres writes it. Casts to integers round.

use super::cast::{
    session_zone, text_to_date, text_to_timestamp, timestamptz, timestamptz_type, uuid_text,
};
use super::numeric_cast::{nearest_integer, numeric};
use super::own;
use super::to_char::instant_text;
use crate::catalog::PG_TYPE_KEY;
use crate::query::from_arrow;
use crate::{Error, Fault, PgType};
use chrono_tz::Tz;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ExprSchema, Result};
use datafusion::logical_expr::expr::{Between, Cast, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF, lit};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct PostgresMeaning;

impl FunctionRewrite for PostgresMeaning {
    fn name(&self) -> &'static str {
        "postgres_meaning"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) => {
                comparable(&left, op, &right, schema)?;
                let new_left = read_as(*left.clone(), &right, schema)?;
                let new_right = read_as(*right, &left, schema)?;
                Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr {
                    left: Box::new(new_left),
                    op,
                    right: Box::new(new_right),
                })))
            }
            // DataFusion merges lists as if all that is in them were constant.
            Expr::InList(InList { expr, list, negated })
                if list.iter().any(|each| !each.column_refs().is_empty()) =>
            {
                let equal = list.into_iter().map(|each| expr.as_ref().clone().eq(each));
                let any = equal.reduce(Expr::or).unwrap_or_else(|| lit(false));
                Ok(Transformed::yes(if negated { !any } else { any }))
            }
            Expr::InList(InList { expr, list, negated }) => {
                let list = list
                    .into_iter()
                    .map(|each| read_as(each, &expr, schema))
                    .collect::<Result<Vec<_>>>()?;
                Ok(Transformed::yes(Expr::InList(InList { expr, list, negated })))
            }
            Expr::Between(Between { expr, negated, low, high }) => {
                let low = Box::new(read_as(*low, &expr, schema)?);
                let high = Box::new(read_as(*high, &expr, schema)?);
                Ok(Transformed::yes(Expr::Between(Between { expr, negated, low, high })))
            }
            Expr::Case(case) if case.expr.is_none() => {
                for (condition, _) in &case.when_then_expr {
                    is_condition(condition, schema)?;
                }
                Ok(Transformed::no(Expr::Case(case)))
            }
            Expr::Cast(cast) => rewrite_cast(cast, schema, session_zone(config)),
            Expr::ScalarFunction(function) => {
                Ok(calendar_function(function, schema, session_zone(config)))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

/// A text and a number are not compared: neither would be read as the other in Postgres.
fn comparable(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Result<()> {
    let (left_type, right_type) = (left.get_type(schema)?, right.get_type(schema)?);
    if let (DataType::Interval(_), DataType::Interval(_)) = (&left_type, &right_type) {
        return Err(own(Error::unsupported("comparing intervals is not supported")));
    }
    let typed_text = |expr: &Expr, data_type: &DataType| {
        data_type == &DataType::Utf8 && !matches!(expr, Expr::Literal(..) | Expr::Placeholder(_))
    };
    let mixed = typed_text(left, &left_type) && right_type.is_numeric()
        || typed_text(right, &right_type) && left_type.is_numeric();
    let (Ok(left), Ok(right)) = (from_arrow(&left_type), from_arrow(&right_type)) else {
        return Ok(());
    };
    if !mixed {
        return Ok(());
    }
    let message = format!("operator does not exist: {} {op} {}", left.name(), right.name());
    Err(own(Error::new(Fault::UndefinedFunction, message)
        .with_hint("You might need to add explicit type casts.")))
}

/// What stands behind WHEN is true or false.
fn is_condition(condition: &Expr, schema: &DFSchema) -> Result<()> {
    let data_type = condition.get_type(schema)?;
    let literal = matches!(condition, Expr::Literal(..));
    if matches!(data_type, DataType::Boolean | DataType::Null) || literal && is_text(&data_type) {
        return Ok(());
    }
    let name = from_arrow(&data_type).map_or("another type", PgType::name);
    let message = format!("argument of CASE/WHEN must be type boolean, not type {name}");
    Err(own(Error::new(Fault::DatatypeMismatch, message)))
}

fn compares(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

fn call(function: ScalarUDF, arg: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![arg]))
}

/// A text constant as a value of the type it is compared with.
fn read_as(constant: Expr, compared: &Expr, schema: &DFSchema) -> Result<Expr> {
    let Expr::Literal(ScalarValue::Utf8(Some(text)), metadata) = constant else {
        return Ok(constant);
    };
    if is_uuid(compared, schema) {
        return Ok(Expr::Literal(ScalarValue::from(uuid_text(&text)?), metadata));
    }
    let literal = Expr::Literal(ScalarValue::Utf8(Some(text)), metadata);
    Ok(match compared.get_type(schema) {
        Ok(DataType::Timestamp(_, Some(_))) => call(timestamptz(), literal),
        // With all its decimals: the column's scale would round them away.
        Ok(DataType::Decimal128(..)) => call(numeric(), literal),
        _ => literal,
    })
}

fn is_uuid(expr: &Expr, schema: &DFSchema) -> bool {
    let Expr::Column(column) = expr else { return false };
    schema
        .field_from_column(column)
        .is_ok_and(|field| field.metadata().get(PG_TYPE_KEY).is_some_and(|name| name == "uuid"))
}

fn is_instant(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Timestamp(_, Some(_))))
}

/// The instant, to be read in the zone; in UTC it is already.
fn in_zone(expr: Expr, zone: Tz) -> Expr {
    match zone {
        Tz::UTC => expr,
        zone => {
            let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.name().into()));
            Expr::Cast(Cast::new(Box::new(expr), zoned))
        }
    }
}

fn rewrite_cast(cast: Cast, schema: &DFSchema, zone: Tz) -> Result<Transformed<Expr>> {
    let from = cast.expr.get_type(schema)?;
    let zoned = matches!(from, DataType::Timestamp(_, Some(_)));
    match cast.field.data_type() {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8
            if matches!(from, DataType::Timestamp(..)) =>
        {
            let instant = if zoned { in_zone(*cast.expr, zone) } else { *cast.expr };
            Ok(Transformed::yes(call(instant_text(), instant)))
        }
        DataType::Timestamp(_, None) if is_text(&from) => {
            Ok(Transformed::yes(call(text_to_timestamp(), *cast.expr)))
        }
        DataType::Date32 if is_text(&from) => {
            Ok(Transformed::yes(call(text_to_date(), *cast.expr)))
        }
        DataType::Date32 | DataType::Time64(_) | DataType::Timestamp(_, None)
            if zoned && zone != Tz::UTC =>
        {
            let expr = Box::new(in_zone(*cast.expr, zone));
            Ok(Transformed::yes(Expr::Cast(Cast { expr, field: cast.field })))
        }
        // Postgres rounds where arrow cuts off.
        to if to.is_integer() && matches!(from, DataType::Float32 | DataType::Float64) => {
            let expr = Box::new(call(nearest_integer(), *cast.expr));
            Ok(Transformed::yes(Expr::Cast(Cast { expr, field: cast.field })))
        }
        to if to.is_integer() && matches!(from, DataType::Decimal128(_, 1..)) => {
            let expr = Box::new(Expr::Cast(Cast::new(cast.expr, DataType::Decimal128(38, 0))));
            Ok(Transformed::yes(Expr::Cast(Cast { expr, field: cast.field })))
        }
        _ => Ok(Transformed::no(Expr::Cast(cast))),
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Functions that ask for days, months or hours ask for those of the session's zone.
fn calendar_function(
    mut function: ScalarFunction,
    schema: &DFSchema,
    zone: Tz,
) -> Transformed<Expr> {
    let calendar = matches!(function.name(), "date_trunc" | "date_part" | "extract" | "to_char");
    if zone == Tz::UTC || !calendar {
        return Transformed::no(Expr::ScalarFunction(function));
    }
    function.args = function
        .args
        .into_iter()
        .map(|arg| if is_instant(&arg, schema) { in_zone(arg, zone) } else { arg })
        .collect();
    let truncates = function.name() == "date_trunc";
    let expr = Expr::ScalarFunction(function);
    Transformed::yes(match truncates && is_instant(&expr, schema) {
        true => Expr::Cast(Cast::new(Box::new(expr), timestamptz_type())),
        false => expr,
    })
}
