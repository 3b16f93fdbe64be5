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
use super::replacing;
use super::shown::{is_shown_otherwise, text_of};
use super::zoned;
use crate::catalog::PG_TYPE_KEY;
use crate::query::from_arrow;
use crate::{Error, Fault};
use chrono_tz::Tz;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ExprSchema, Result, internal_err};
use datafusion::logical_expr::expr::{Between, Case, Cast, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF, lit};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct PostgresMeaning {
    /// `||`, which asks for the memory of its results.
    pub(super) joined: Arc<ScalarUDF>,
}

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
                let mut both = zoned::unified(vec![new_left, new_right], schema)?.into_iter();
                let (Some(left), Some(right)) = (both.next(), both.next()) else {
                    return internal_err!("a comparison has two operands");
                };
                Ok(Transformed::yes(binary(left, op, right)))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if replacing::matches(op) => {
                Ok(Transformed::yes(binary(*left, op, replacing::postgres_pattern(*right))))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right })
                if grows(&left, schema) && grows(&right, schema) =>
            {
                let call = ScalarFunction::new_udf(Arc::clone(&self.joined), vec![*left, *right]);
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if matches!(op, Operator::Plus | Operator::Minus) =>
            {
                temporal(*left, op, *right, schema, session_zone(config))
            }
            // DataFusion merges lists as if all that is in them were constant.
            Expr::InList(InList { expr, list, negated })
                if list.iter().any(|each| !each.column_refs().is_empty()) =>
            {
                let mut list = list_beside(&expr, list, schema)?.into_iter();
                let expr = list.next().unwrap_or(*expr);
                let any = list
                    .map(|each| expr.clone().eq(each))
                    .reduce(Expr::or)
                    .unwrap_or_else(|| lit(false));
                Ok(Transformed::yes(if negated { !any } else { any }))
            }
            Expr::InList(InList { expr, list, negated }) => {
                let mut list = list_beside(&expr, list, schema)?;
                let expr = Box::new(list.remove(0));
                Ok(Transformed::yes(Expr::InList(InList { expr, list, negated })))
            }
            Expr::Between(Between { expr, negated, low, high }) => {
                let mut all =
                    list_beside(&expr, vec![*low, *high], schema)?.into_iter().map(Box::new);
                let (Some(expr), Some(low), Some(high)) = (all.next(), all.next(), all.next())
                else {
                    return internal_err!("BETWEEN has three operands");
                };
                Ok(Transformed::yes(Expr::Between(Between { expr, negated, low, high })))
            }
            Expr::Case(case) => Ok(Transformed::yes(Expr::Case(alternatives(case, schema)?))),
            Expr::Cast(cast) => rewrite_cast(cast, schema, session_zone(config)),
            Expr::ScalarFunction(mut function) if UNIFYING.contains(&function.name()) => {
                function.args = zoned::unified(function.args, schema)?;
                Ok(Transformed::yes(Expr::ScalarFunction(function)))
            }
            Expr::ScalarFunction(function) => {
                Ok(calendar_function(function, schema, session_zone(config)))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

/// A text that is computed or read.
fn grows(operand: &Expr, schema: &DFSchema) -> bool {
    !matches!(operand, Expr::Literal(..) | Expr::Placeholder(_))
        && matches!(operand.get_type(schema), Ok(DataType::Utf8))
}

/// Functions whose arguments are alternatives of one value, or are compared.
const UNIFYING: [&str; 5] = ["coalesce", "greatest", "least", "make_array", "nullif"];

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) })
}

/// `expr` and what it is compared with, as one type.
fn list_beside(expr: &Expr, list: Vec<Expr>, schema: &DFSchema) -> Result<Vec<Expr>> {
    let list = list.into_iter().map(|each| read_as(each, expr, schema));
    let all = std::iter::once(Ok(expr.clone())).chain(list).collect::<Result<Vec<_>>>()?;
    zoned::unified(all, schema)
}

/// `+` and `-` where a day or a month has to be one of the session's zone.
fn temporal(
    left: Expr,
    op: Operator,
    right: Expr,
    schema: &DFSchema,
    zone: Tz,
) -> Result<Transformed<Expr>> {
    let is_minus = op == Operator::Minus;
    if zone != Tz::UTC
        && let Some(moved) = zoned::arithmetic(left.clone(), right.clone(), is_minus, schema)?
    {
        return Ok(Transformed::yes(moved));
    }
    if is_minus && (is_instant(&left, schema) || is_instant(&right, schema)) {
        let left_type = left.get_type(schema)?;
        let right_type = right.get_type(schema)?;
        let left = zoned::instant(left, &left_type);
        return Ok(Transformed::yes(binary(left, op, zoned::instant(right, &right_type))));
    }
    Ok(Transformed::no(binary(left, op, right)))
}

/// What is compared in a CASE as one type, and what it may come to as one.
fn alternatives(case: Case, schema: &DFSchema) -> Result<Case> {
    let (conditions, results): (Vec<_>, Vec<_>) = case.when_then_expr.into_iter().unzip();
    let is_compared = case.expr.is_some();
    let compared = case.expr.into_iter().chain(conditions).map(|each| *each).collect();
    let compared = if is_compared { zoned::unified(compared, schema)? } else { compared };
    let has_else = case.else_expr.is_some();
    let results = results.into_iter().chain(case.else_expr).map(|each| *each).collect();
    let mut results = zoned::unified(results, schema)?;
    let else_expr = if has_else { results.pop().map(Box::new) } else { None };
    let mut compared = compared.into_iter().map(Box::new);
    let expr = if is_compared { compared.next() } else { None };
    let when_then_expr = compared.zip(results.into_iter().map(Box::new)).collect();
    Ok(Case { expr, when_then_expr, else_expr })
}

/// A text and a number are not compared: neither would be read as the other in Postgres.
fn comparable(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Result<()> {
    let (left_type, right_type) = (left.get_type(schema)?, right.get_type(schema)?);
    if let (DataType::Interval(_), DataType::Interval(_)) = (&left_type, &right_type) {
        return Err(own(Error::unsupported("comparing intervals is not supported")));
    }
    let typed_text = |expr: &Expr, data_type: &DataType| {
        data_type == &DataType::Utf8 && matches!(expr, Expr::Column(_) | Expr::Cast(_))
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
    let has_zone = matches!(from, DataType::Timestamp(_, Some(_)));
    match cast.field.data_type() {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 if is_shown_otherwise(&from) => {
            Ok(Transformed::yes(call(text_of(), *cast.expr)))
        }
        DataType::Timestamp(_, None) if is_text(&from) => {
            Ok(Transformed::yes(call(text_to_timestamp(), *cast.expr)))
        }
        DataType::Date32 if is_text(&from) => {
            Ok(Transformed::yes(call(text_to_date(), *cast.expr)))
        }
        DataType::Date32 | DataType::Time64(_) | DataType::Timestamp(_, None)
            if has_zone && !(zone == Tz::UTC && is_cast_by_arrow(cast.field.data_type())) =>
        {
            let expr = Box::new(call(zoned::local_time(), *cast.expr));
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

/// Whether arrow makes the same of an instant in UTC. A cast to a timestamp is one that was written,
/// never one that coercion put in.
fn is_cast_by_arrow(to: &DataType) -> bool {
    !matches!(to, DataType::Timestamp(..))
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
