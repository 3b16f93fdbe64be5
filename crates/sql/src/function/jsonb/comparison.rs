//! Comparisons of jsonb as jsonb, by [`jsonb_key`]: `1.0` equals `1`, and objects do not have an
//! order of keys.

use super::document::parse;
use super::key::key;
use super::operators::{call, named};
use crate::function::MAY_BE_NULL;
use crate::function::families::no_operator;
use crate::function::numeric_cast::numeric;
use crate::function::own;
use crate::function::rewrite::compares;
use crate::function::type_of::written;
use crate::query::{from_arrow, from_field};
use crate::{Error, PgType};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::{Cast, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF, binary_expr, lit, not, when,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// What documents are compared by.
pub(crate) fn jsonb_key() -> Arc<ScalarUDF> {
    named("jsonb_key")
}

/// A text that is known to be of jsonb.
pub(crate) fn jsonb_value() -> Arc<ScalarUDF> {
    named("jsonb_value")
}

pub(super) fn is_jsonb(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Alias(alias) => is_jsonb(&alias.expr, schema),
        Expr::Cast(cast) => from_field(&cast.field).is_ok_and(|found| found == PgType::Jsonb),
        Expr::Case(case) => {
            let branches = case.when_then_expr.iter().map(|(_, then)| then);
            branches.chain(&case.else_expr).any(|each| is_jsonb(each, schema))
        }
        Expr::ScalarFunction(function)
            if matches!(function.name(), "coalesce" | "greatest" | "least" | "nullif")
                || function.name() == MAY_BE_NULL =>
        {
            function.args.iter().any(|arg| is_jsonb(arg, schema))
        }
        Expr::ScalarSubquery(subquery) => subquery
            .subquery
            .schema()
            .fields()
            .first()
            .is_some_and(|field| from_field(field).is_ok_and(|found| found == PgType::Jsonb)),
        _ => has_type(expr, schema, PgType::Jsonb),
    }
}

pub(super) fn has_type(expr: &Expr, schema: &DFSchema, pg_type: PgType) -> bool {
    let field = expr.to_field(schema);
    field.is_ok_and(|(_, field)| from_field(&field).is_ok_and(|found| found == pg_type))
}

/// Compares jsonb as jsonb: `1.0` equals `1`, and objects do not have an order of keys.
#[derive(Debug)]
pub(in crate::function) struct JsonbComparison;

impl FunctionRewrite for JsonbComparison {
    fn name(&self) -> &'static str {
        "jsonb_comparison"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        match expr {
            Expr::Cast(cast) if is_jsonb(&cast.expr, schema) => cast_value(cast),
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if compares(op) && (is_jsonb(&left, schema) || is_jsonb(&right, schema)) =>
            {
                comparable(&left, op, &right, schema)?;
                Ok(Transformed::yes(compared(*left, op, *right)?))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if compares(op) && (holds_jsonb(&left, schema) || holds_jsonb(&right, schema)) =>
            {
                Err(own(Error::unsupported(format!("{op} of arrays of jsonb is not supported"))))
            }
            Expr::InList(InList { expr, list, negated })
                if is_jsonb(&expr, schema) || list.iter().any(|each| is_jsonb(each, schema)) =>
            {
                Ok(Transformed::yes(listed(*expr, list, negated, schema)?))
            }
            other => compared_inside(other, schema),
        }
    }
}

/// A number or truth value in a document becomes that of SQL.
fn cast_value(cast: Cast) -> Result<Transformed<Expr>> {
    let Cast { expr, field } = cast;
    let name = |of: PgType| match of {
        PgType::Int2 => "smallint",
        PgType::Int4 => "integer",
        PgType::Int8 => "bigint",
        PgType::Float4 => "real",
        PgType::Float8 => "double precision",
        _ => "numeric",
    };
    let value = match field.data_type() {
        DataType::Boolean => {
            return Ok(Transformed::yes(call(named("jsonb_bool"), vec![*expr])));
        }
        other if other.is_numeric() => {
            let wanted = from_arrow(other).map_or("numeric", name);
            let digits = call(named("jsonb_number"), vec![*expr, lit(wanted)]);
            // An integer is rounded to, by way of all the digits.
            match other.is_integer() {
                true => call(Arc::new(numeric()), vec![digits]),
                false => digits,
            }
        }
        _ => return Ok(Transformed::no(Expr::Cast(Cast { expr, field }))),
    };
    Ok(Transformed::yes(Expr::Cast(Cast { expr: Box::new(value), field })))
}

/// What compares without an operator: nullif, ANY of an array, CASE.
fn compared_inside(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, mut args })
            if func.name() == "nullif" && args.iter().any(|arg| is_jsonb(arg, schema)) =>
        {
            let [value, other] = args.as_mut_slice() else {
                return Ok(Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })));
            };
            comparable(value, Operator::Eq, other, schema)?;
            let equal = compared(value.clone(), Operator::Eq, other.clone())?;
            let none = lit(ScalarValue::Utf8(None));
            Ok(Transformed::yes(when(equal, none).otherwise(value.clone())?))
        }
        Expr::ScalarFunction(function)
            if function.name() == "array_has"
                && function
                    .args
                    .iter()
                    .any(|arg| is_jsonb(arg, schema) || holds_jsonb(arg, schema)) =>
        {
            match function.args.as_slice() {
                [Expr::ScalarFunction(list), item] if list.name() == "make_array" => {
                    let found = listed(item.clone(), list.args.clone(), false, schema)?;
                    Ok(Transformed::yes(found))
                }
                _ => Err(own(Error::unsupported("jsonb = ANY (array) is not supported")
                    .with_hint("Compare with the rows of unnest(array)."))),
            }
        }
        Expr::Case(mut case)
            if case.expr.as_ref().is_some_and(|expr| is_jsonb(expr, schema))
                || case.expr.is_some()
                    && case.when_then_expr.iter().any(|(each, _)| is_jsonb(each, schema)) =>
        {
            if let Some(expr) = case.expr.take() {
                for (each, _) in &mut case.when_then_expr {
                    comparable(&expr, Operator::Eq, each, schema)?;
                    **each = compared(*expr.clone(), Operator::Eq, *each.clone())?;
                }
            }
            Ok(Transformed::yes(Expr::Case(case)))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// A comparison by keys; an untyped literal is read as jsonb.
fn compared(left: Expr, op: Operator, right: Expr) -> Result<Expr> {
    Ok(binary_expr(keyed(left)?, op, keyed(right)?))
}

fn keyed(side: Expr) -> Result<Expr> {
    match &side {
        Expr::Literal(ScalarValue::Utf8(Some(text)), _) => Ok(lit(key(&parse(text)?)?)),
        Expr::Literal(value, _) if value.is_null() => Ok(lit(ScalarValue::Utf8(None))),
        _ => Ok(call(jsonb_key(), vec![side])),
    }
}

fn listed(expr: Expr, list: Vec<Expr>, negated: bool, schema: &DFSchema) -> Result<Expr> {
    let equal = list.into_iter().map(|each| {
        comparable(&expr, Operator::Eq, &each, schema)?;
        compared(expr.clone(), Operator::Eq, each)
    });
    let equal = equal.collect::<Result<Vec<_>>>()?;
    let any = equal.into_iter().reduce(Expr::or).unwrap_or_else(|| lit(false));
    Ok(if negated { not(any) } else { any })
}

/// jsonb is compared with jsonb only.
fn comparable(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Result<()> {
    let other = |side: &Expr| {
        if is_jsonb(side, schema) || matches!(side, Expr::Literal(value, _) if value.is_null()) {
            return Ok(None);
        }
        let data_type = side.get_type(schema)?;
        let text = data_type.is_string() && !matches!(side, Expr::Column(_) | Expr::Cast(_));
        let untyped = text || data_type.is_null();
        Ok::<_, DataFusionError>((!untyped).then(|| from_arrow(&data_type).ok()).flatten())
    };
    let name = |other: Option<PgType>| other.map_or_else(|| "jsonb".to_owned(), written);
    let (left, right) = (other(left)?, other(right)?);
    if left.is_none() && right.is_none() {
        return Ok(());
    }
    Err(own(no_operator(&name(left), &op.to_string(), &name(right))))
}

/// Whether it is an array of jsonb.
fn holds_jsonb(expr: &Expr, schema: &DFSchema) -> bool {
    if let Expr::ScalarFunction(function) = expr
        && function.name() == "make_array"
    {
        return function.args.iter().any(|arg| is_jsonb(arg, schema));
    }
    let field = expr.to_field(schema);
    field.is_ok_and(|(_, field)| match field.data_type() {
        DataType::List(item) => from_field(item).is_ok_and(|found| found == PgType::Jsonb),
        _ => false,
    })
}
