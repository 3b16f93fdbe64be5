//! Where DataFusion plans something with a meaning that is not Postgres'.
//!
//! A uuid compared with a text compares uuids, in whatever spelling the text has. A text compared
//! with an instant is local time of the session's zone, and calendar functions count in that zone.
//! An instant cast to text is written as Postgres writes it. Casts to integers round.

use super::array::{contains, equals_any};
use super::cast::{
    session_zone, text_to_date, text_to_timestamp, timestamptz, timestamptz_type, uuid_text,
};
use super::choosing::chosen;
use super::families;
use super::interval::{interval_of_text, interval_order};
use super::made_times::time_of_text;
use super::numeric_cast::{nearest_integer, numeric};
use super::own;
use super::replacing;
use super::shown::{is_shown_otherwise, text_of};
use super::temporal_operators;
use super::type_of::{TYPE_OF, type_name};
use super::zoned;
use crate::catalog::PG_TYPE_KEY;
use crate::query::from_arrow;
use crate::{Error, Fault, PgType};
use chrono_tz::Tz;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ExprSchema, Result, internal_err};
use datafusion::logical_expr::expr::{Between, Case, Cast, InList, InSubquery, ScalarFunction};
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
            Expr::BinaryExpr(binary) if compares(binary.op) => compared(binary, schema),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if replacing::matches(op) => {
                Ok(Transformed::yes(infix(*left, op, replacing::postgres_pattern(*right))))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right })
                if grows(&left, schema) && grows(&right, schema) =>
            {
                let call = ScalarFunction::new_udf(Arc::clone(&self.joined), vec![*left, *right]);
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            Expr::BinaryExpr(binary) => computed(binary, schema),
            // DataFusion merges lists as if all that is in them were constant.
            Expr::InList(InList { expr, list, negated })
                if list.iter().any(|each| !each.column_refs().is_empty()) =>
            {
                listed_comparable(&expr, &list, negated, schema)?;
                let mut list = list_beside(&expr, list, schema)?.into_iter();
                let expr = list.next().unwrap_or(*expr);
                let any = list
                    .map(|each| expr.clone().eq(each))
                    .reduce(Expr::or)
                    .unwrap_or_else(|| lit(false));
                Ok(Transformed::yes(if negated { !any } else { any }))
            }
            Expr::Negative(inner) if is_interval(&inner, schema) => {
                Ok(match temporal_operators::negated(inner.as_ref().clone()) {
                    Some(negated) => Transformed::yes(negated),
                    None => Transformed::no(Expr::Negative(inner)),
                })
            }
            Expr::InList(InList { expr, list, negated }) => {
                listed_comparable(&expr, &list, negated, schema)?;
                let mut list = list_beside(&expr, list, schema)?;
                let expr = Box::new(list.remove(0));
                let ordered = is_interval(&expr, schema);
                let expr = Box::new(if ordered { order(*expr) } else { *expr });
                let list = if ordered { list.into_iter().map(order).collect() } else { list };
                Ok(Transformed::yes(Expr::InList(InList { expr, list, negated })))
            }
            Expr::InSubquery(within) => {
                members_comparable(&within, schema)?;
                Ok(Transformed::no(Expr::InSubquery(within)))
            }
            Expr::Between(bounds) => between(bounds, schema),
            Expr::Case(case) => Ok(Transformed::yes(Expr::Case(alternatives(case, schema)?))),
            Expr::Cast(cast) => rewrite_cast(cast, schema, session_zone(config)),
            Expr::ScalarFunction(mut function) if UNIFYING.contains(&function.name()) => {
                go_together(&function, schema)?;
                function.args = zoned::unified(function.args, schema)?;
                chosen(function, schema).map(Transformed::yes)
            }
            Expr::ScalarFunction(call) => function_meaning(call, schema, session_zone(config)),
            other => Ok(Transformed::no(other)),
        }
    }
}

fn compared(binary: BinaryExpr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let BinaryExpr { left, op, right } = binary;
    families::comparable(&left, op, &right, schema)?;
    if holds_intervals(&left, schema) || holds_intervals(&right, schema) {
        return Err(own(Error::unsupported(format!(
            "{op} of arrays of interval is not supported"
        ))));
    }
    let new_left = read_as(*left.clone(), &right, schema)?;
    let new_right = read_as(*right, &left, schema)?;
    let mut both = zoned::unified(vec![new_left, new_right], schema)?.into_iter();
    let (Some(left), Some(right)) = (both.next(), both.next()) else {
        return internal_err!("a comparison has two operands");
    };
    let ordered = is_interval(&left, schema) || is_interval(&right, schema);
    Ok(Transformed::yes(match ordered {
        true => infix(order(left), op, order(right)),
        false => infix(left, op, right),
    }))
}

fn infix(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) })
}

/// Arithmetic with times, where the types were not known when it was planned.
fn computed(binary: BinaryExpr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let BinaryExpr { left, op, right } = binary;
    let (left, right) =
        match op == Operator::Minus && (is_instant(&left, schema) || is_instant(&right, schema)) {
            // A date and a local time are instants beside one.
            true => {
                let (left_type, right_type) = (left.get_type(schema)?, right.get_type(schema)?);
                (zoned::instant(*left, &left_type), zoned::instant(*right, &right_type))
            }
            false => (*left, *right),
        };
    if let (Ok(left_type), Ok(right_type)) = (left.get_type(schema), right.get_type(schema))
        && let Some(call) = temporal_operators::call(op, (&left, &left_type), (&right, &right_type))
    {
        return Ok(Transformed::yes(call));
    }
    Ok(Transformed::yes(infix(left, op, right)))
}

fn between(bounds: Between, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Between { expr, negated, low, high } = bounds;
    let (lower, upper) = match negated {
        false => (Operator::GtEq, Operator::LtEq),
        true => (Operator::Lt, Operator::Gt),
    };
    families::comparable(&expr, lower, &low, schema)?;
    families::comparable(&expr, upper, &high, schema)?;
    let ordered = is_interval(&expr, schema);
    let all = list_beside(&expr, vec![*low, *high], schema)?;
    let mut all = all.into_iter().map(|each| Box::new(if ordered { order(each) } else { each }));
    let (Some(expr), Some(low), Some(high)) = (all.next(), all.next(), all.next()) else {
        return internal_err!("BETWEEN has three operands");
    };
    Ok(Transformed::yes(Expr::Between(Between { expr, negated, low, high })))
}

/// Functions of DataFusion whose answer is not that of Postgres.
fn function_meaning(
    mut function: ScalarFunction,
    schema: &DFSchema,
    zone: Tz,
) -> Result<Transformed<Expr>> {
    Ok(match function.name() {
        // A NULL among the elements is no value that is equal to another, and leaves it open.
        "array_has" => {
            let any = ScalarFunction::new_udf(Arc::new(equals_any()), function.args);
            Transformed::yes(Expr::ScalarFunction(any))
        }
        "array_has_all" => Transformed::yes(contains(function.args, schema)?),
        "round" if is_float(&function.args, schema) => {
            Transformed::yes(call(nearest_integer(), function.args.remove(0)))
        }
        // The type of what is rounded follows from how many decimals are left, if that is a literal.
        "round" | "trunc" if function.args.get(1).is_some_and(is_not_literal) => {
            let Some(decimals) = integer(&function.args[1]) else {
                return Ok(Transformed::no(Expr::ScalarFunction(function)));
            };
            function.args[1] = lit(decimals);
            Transformed::yes(Expr::ScalarFunction(function))
        }
        TYPE_OF => Transformed::yes(type_name(&function.args, schema)?),
        _ => calendar_function(function, schema, zone),
    })
}

fn is_not_literal(expr: &Expr) -> bool {
    !matches!(expr, Expr::Literal(..))
}

/// An integer that is written out, with a cast around it or not.
fn integer(expr: &Expr) -> Option<i32> {
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => i32::try_from(*number).ok(),
        Expr::Literal(ScalarValue::Int32(number), _) => *number,
        Expr::Cast(Cast { expr, .. }) => integer(expr),
        Expr::Negative(expr) => integer(expr)?.checked_neg(),
        _ => None,
    }
}

/// A text that is computed or read.
fn grows(operand: &Expr, schema: &DFSchema) -> bool {
    !matches!(operand, Expr::Literal(..) | Expr::Placeholder(_))
        && matches!(operand.get_type(schema), Ok(DataType::Utf8))
}

/// Whether what the function chooses from, or compares, goes together.
fn go_together(function: &ScalarFunction, schema: &DFSchema) -> Result<()> {
    let construct = match (function.name(), function.args.as_slice()) {
        ("nullif", [value, other]) => {
            return families::comparable(value, Operator::Eq, other, schema);
        }
        ("coalesce", _) => "COALESCE",
        ("greatest", _) => "GREATEST",
        ("least", _) => "LEAST",
        _ => "ARRAY",
    };
    families::alternatives(construct, &function.args, schema)
}

/// Whether a value is compared with each of a list.
fn listed_comparable(expr: &Expr, list: &[Expr], negated: bool, schema: &DFSchema) -> Result<()> {
    let operator = if negated { Operator::NotEq } else { Operator::Eq };
    list.iter().try_for_each(|each| families::comparable(expr, operator, each, schema))
}

fn members_comparable(within: &InSubquery, schema: &DFSchema) -> Result<()> {
    if matches!(*within.expr, Expr::Literal(..) | Expr::Placeholder(_)) {
        return Ok(());
    }
    let (_, field) = within.expr.to_field(schema)?;
    let members = within.subquery.subquery.schema().field(0);
    families::fields_comparable(&field, Operator::Eq, members)
}

/// Functions whose arguments are alternatives of one value, or are compared.
const UNIFYING: [&str; 5] = ["coalesce", "greatest", "least", "make_array", "nullif"];

/// `expr` and what it is compared with, as one type.
fn list_beside(expr: &Expr, list: Vec<Expr>, schema: &DFSchema) -> Result<Vec<Expr>> {
    let list = list.into_iter().map(|each| read_as(each, expr, schema));
    let all = std::iter::once(Ok(expr.clone())).chain(list).collect::<Result<Vec<_>>>()?;
    zoned::unified(all, schema)
}

/// What is compared in a CASE as one type, and what it may come to as one.
fn alternatives(case: Case, schema: &DFSchema) -> Result<Case> {
    if case.expr.is_none() {
        for (condition, _) in &case.when_then_expr {
            is_condition(condition, schema)?;
        }
    }
    let thens = case.when_then_expr.iter().map(|(_, then)| then);
    families::alternatives("CASE", case.else_expr.iter().chain(thens).map(AsRef::as_ref), schema)?;
    if let Some(expr) = &case.expr {
        for (each, _) in &case.when_then_expr {
            families::comparable(expr, Operator::Eq, each, schema)?;
        }
    }
    let (conditions, results): (Vec<_>, Vec<_>) = case.when_then_expr.into_iter().unzip();
    let is_compared = case.expr.is_some();
    let compared = case.expr.into_iter().chain(conditions).map(|each| *each).collect();
    let mut compared = if is_compared { zoned::unified(compared, schema)? } else { compared };
    if is_compared && compared.iter().any(|each| is_interval(each, schema)) {
        compared = compared.into_iter().map(order).collect();
    }
    let has_else = case.else_expr.is_some();
    let results = results.into_iter().chain(case.else_expr).map(|each| *each).collect();
    let mut results = zoned::unified(results, schema)?;
    let else_expr = if has_else { results.pop().map(Box::new) } else { None };
    let mut compared = compared.into_iter().map(Box::new);
    let expr = if is_compared { compared.next() } else { None };
    let when_then_expr = compared.zip(results.into_iter().map(Box::new)).collect();
    Ok(Case { expr, when_then_expr, else_expr })
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

/// `=`, `<`, `IS DISTINCT FROM` and their kin.
pub(in crate::function) fn compares(operator: Operator) -> bool {
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

/// A float alone; of a numeric or with a number of decimals DataFusion makes what Postgres makes.
fn is_float(args: &[Expr], schema: &DFSchema) -> bool {
    matches!(args, [only] if matches!(only.get_type(schema), Ok(DataType::Float64)))
}

fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Interval(_) | DataType::Duration(_)))
}

fn holds_intervals(expr: &Expr, schema: &DFSchema) -> bool {
    let item = |list: DataType| match list {
        DataType::List(item) => matches!(item.data_type(), DataType::Interval(_)),
        _ => false,
    };
    expr.get_type(schema).is_ok_and(item)
}

/// An interval as the number it is compared by.
fn order(interval: Expr) -> Expr {
    call(interval_order(), interval)
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
        Ok(DataType::Interval(_) | DataType::Duration(_)) => call(interval_of_text(), literal),
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
        DataType::Time64(_) if is_text(&from) => {
            Ok(Transformed::yes(call(time_of_text(), *cast.expr)))
        }
        DataType::Interval(_) if is_text(&from) => {
            Ok(Transformed::yes(call(interval_of_text(), *cast.expr)))
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
    let calendar = matches!(function.name(), "date_trunc" | "date_part" | "extract");
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
