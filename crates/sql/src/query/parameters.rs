//! Parameters: which types they have, and values of those types as arrow scalars.

use super::normalize::ParameterHints;
use super::typing::from_field;
use crate::catalog::{PG_TYPE_KEY, arrow_type};
use crate::function::{compares_elements, parse_interval};
use crate::{Error, Fault, Numeric, PgType, Result, Value};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::scalar::ScalarValue;
use ledger::Uuid;
use std::collections::HashMap;
use std::sync::Arc;

/// What is known of every parameter, by number from 1.
#[derive(Debug, Clone, Default)]
pub(super) struct ParameterTypes(Vec<Option<PgType>>);

impl ParameterTypes {
    /// What the client said goes first, then what the statement says.
    pub(super) fn new(declared: &[Option<PgType>], hints: &ParameterHints) -> Self {
        let mut types: Vec<Option<PgType>> =
            declared.iter().map(|each| each.filter(|each| *each != PgType::Unknown)).collect();
        for (number, pg_type) in hints {
            if types.len() < *number {
                types.resize(*number, None);
            }
            if let Some(slot) = number.checked_sub(1).and_then(|index| types.get_mut(index)) {
                slot.get_or_insert(*pg_type);
            }
        }
        ParameterTypes(types)
    }

    pub(super) fn fields(&self) -> Vec<Option<FieldRef>> {
        self.0.iter().map(|each| each.map(parameter_field)).collect()
    }

    /// Fills in what the plan found out; says whether anything is new.
    pub(super) fn infer(&mut self, plan: &LogicalPlan) -> Result<bool> {
        let found = placeholders(plan)?;
        let mut changed = false;
        for (number, pg_type) in found {
            if self.0.len() < number {
                self.0.resize(number, None);
            }
            if let Some(slot) = number.checked_sub(1).and_then(|index| self.0.get_mut(index))
                && slot.is_none()
            {
                *slot = Some(pg_type.unwrap_or(PgType::Text));
                changed = true;
            }
        }
        Ok(changed)
    }

    pub(super) fn resolved(&self) -> Vec<PgType> {
        self.0.iter().map(|each| each.unwrap_or(PgType::Text)).collect()
    }
}

fn placeholders(plan: &LogicalPlan) -> Result<HashMap<usize, Option<PgType>>> {
    let mut found: HashMap<usize, Option<PgType>> = HashMap::new();
    plan.apply_with_subqueries(|plan| {
        plan.apply_expressions(|expr| {
            expr.apply(|expr| {
                let beside = array_compared_with(expr, plan).into_iter();
                for (number, pg_type) in beside.chain(one_of_values(expr, plan)) {
                    *found.entry(number).or_default() = Some(pg_type);
                }
                if let Expr::Placeholder(placeholder) = expr
                    && let Ok(number) = placeholder.id.trim_start_matches('$').parse::<usize>()
                {
                    let pg_type = placeholder
                        .field
                        .as_ref()
                        .filter(|field| !field.data_type().is_null())
                        .and_then(|field| from_field(field).ok());
                    let slot = found.entry(number).or_insert(pg_type);
                    if slot.is_none() {
                        *slot = pg_type;
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// `coalesce($1, x)`: the parameter is of the type of the others.
fn one_of_values(expr: &Expr, plan: &LogicalPlan) -> Vec<(usize, PgType)> {
    let Expr::ScalarFunction(function) = expr else { return Vec::new() };
    if !matches!(function.name(), "coalesce" | "nullif" | "greatest" | "least") {
        return Vec::new();
    }
    let column = function.args.iter().find(|arg| matches!(arg, Expr::Column(_)));
    let pg_type = column.and_then(|column| {
        plan.inputs().iter().find_map(|input| {
            let (_, field) = column.to_field(input.schema().as_ref()).ok()?;
            from_field(&field).ok()
        })
    });
    let Some(pg_type) = pg_type else { return Vec::new() };
    let untyped = function.args.iter().filter_map(|arg| match arg {
        Expr::Placeholder(placeholder)
            if placeholder.field.as_ref().is_none_or(|field| field.data_type().is_null()) =>
        {
            placeholder.id.trim_start_matches('$').parse().ok()
        }
        _ => None,
    });
    untyped.map(|number| (number, pg_type)).collect()
}

/// `x = ANY($1)`: the parameter is an array of what it is compared with.
fn array_compared_with(expr: &Expr, plan: &LogicalPlan) -> Option<(usize, PgType)> {
    let Expr::ScalarFunction(function) = expr else { return None };
    let [list, element] = function.args.as_slice() else { return None };
    if !compares_elements(function.name()) {
        return None;
    }
    let Expr::Placeholder(placeholder) = without_casts(list) else { return None };
    if placeholder.field.as_ref().is_some_and(|field| !field.data_type().is_null()) {
        return None;
    }
    let number = placeholder.id.trim_start_matches('$').parse().ok()?;
    let element = without_casts(element);
    let pg_type = plan.inputs().iter().find_map(|input| {
        let (_, field) = element.to_field(input.schema().as_ref()).ok()?;
        from_field(&field).ok()
    })?;
    Some((number, pg_type.array()?))
}

fn without_casts(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) => without_casts(&cast.expr),
        other => other,
    }
}

pub(super) fn parameter_field(pg_type: PgType) -> FieldRef {
    let field = Field::new("", arrow_type(pg_type), true);
    Arc::new(match pg_type {
        PgType::Uuid | PgType::Jsonb | PgType::Json | PgType::Oid => field
            .with_metadata(HashMap::from([(PG_TYPE_KEY.to_owned(), pg_type.name().to_owned())])),
        _ => field,
    })
}

fn malformed(pg_type: PgType, text: &str) -> Error {
    Error::new(
        Fault::InvalidTextRepresentation,
        format!("invalid input syntax for type {}: \"{text}\"", pg_type.name()),
    )
}

fn mismatch(pg_type: PgType) -> Error {
    Error::new(
        Fault::DatatypeMismatch,
        format!("a parameter of type {} got a value of another type", pg_type.name()),
    )
}

/// A value as a scalar of its parameter's type.
pub(super) fn to_scalar(value: &Value, pg_type: PgType) -> Result<ScalarValue> {
    match value {
        Value::Null => Ok(ScalarValue::try_from(&arrow_type(pg_type))?),
        Value::Bool(value) => Ok(ScalarValue::Boolean(Some(*value))),
        Value::Int(value) => integer(*value, pg_type),
        Value::Float(value) => Ok(match pg_type {
            PgType::Float4 => ScalarValue::Float32(Some(*value as f32)),
            _ => ScalarValue::Float64(Some(*value)),
        }),
        Value::Numeric(Numeric { unscaled, scale }) => {
            Ok(ScalarValue::Decimal128(Some(*unscaled), 38, *scale as i8))
        }
        Value::Text(text) => from_text(text, pg_type),
        Value::Uuid(id) => Ok(ScalarValue::from(id.hyphenated().to_string())),
        Value::Json(text) => Ok(ScalarValue::from(text.as_str())),
        Value::TimestampTz(micros) => Ok(match pg_type {
            PgType::Timestamp => ScalarValue::TimestampMicrosecond(Some(*micros), None),
            _ => ScalarValue::TimestampMicrosecond(Some(*micros), Some("UTC".into())),
        }),
        Value::Date(days) => Ok(ScalarValue::Date32(Some(*days))),
        Value::Bytes(bytes) => Ok(ScalarValue::Binary(Some(bytes.clone()))),
        Value::Array(values) => {
            let element = pg_type.element().ok_or_else(|| mismatch(pg_type))?;
            if element == PgType::Numeric {
                return whole_numbers(values);
            }
            let scalars =
                values.iter().map(|each| to_scalar(each, element)).collect::<Result<Vec<_>>>()?;
            Ok(ScalarValue::List(ScalarValue::new_list_nullable(&scalars, &arrow_type(element))))
        }
    }
}

/// The elements of an array have one scale, and that of a parameter's is 0.
fn whole_numbers(values: &[Value]) -> Result<ScalarValue> {
    let whole = |value: &Value| match value {
        Value::Null => Ok(ScalarValue::Decimal128(None, 38, 0)),
        Value::Numeric(Numeric { unscaled, scale }) => {
            let whole = 10i128.checked_pow(u32::from(*scale)).filter(|unit| unscaled % unit == 0);
            let unit = whole.ok_or_else(|| {
                Error::unsupported(
                    "an array parameter of numerics with a fraction is not supported",
                )
                .with_hint("Send it as text[] and cast each element.")
            })?;
            Ok(ScalarValue::Decimal128(Some(unscaled / unit), 38, 0))
        }
        other => to_scalar(other, PgType::Numeric),
    };
    let scalars = values.iter().map(whole).collect::<Result<Vec<_>>>()?;
    let element = arrow_type(PgType::Numeric);
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&scalars, &element)))
}

fn integer(value: i64, pg_type: PgType) -> Result<ScalarValue> {
    let range =
        || Error::new(Fault::NumericValueOutOfRange, format!("{} out of range", pg_type.name()));
    Ok(match pg_type {
        PgType::Int2 => ScalarValue::Int16(Some(value.try_into().map_err(|_| range())?)),
        PgType::Int4 | PgType::Oid => {
            ScalarValue::Int32(Some(value.try_into().map_err(|_| range())?))
        }
        PgType::Numeric => ScalarValue::Decimal128(Some(i128::from(value)), 38, 0),
        PgType::Text => ScalarValue::from(value.to_string()),
        _ => ScalarValue::Int64(Some(value)),
    })
}

fn from_text(text: &str, pg_type: PgType) -> Result<ScalarValue> {
    match pg_type {
        PgType::Uuid => Uuid::try_parse(text)
            .map(|id| ScalarValue::from(id.hyphenated().to_string()))
            .map_err(|_| malformed(pg_type, text)),
        PgType::Numeric => Numeric::parse(text)
            .map(|Numeric { unscaled, scale }| {
                ScalarValue::Decimal128(Some(unscaled), 38, scale as i8)
            })
            .map_err(|_| malformed(pg_type, text)),
        PgType::Interval => Ok(ScalarValue::IntervalMonthDayNano(Some(parse_interval(text)?))),
        _ => match arrow_type(pg_type) {
            DataType::Utf8 => Ok(ScalarValue::from(text)),
            data_type => {
                ScalarValue::from(text).cast_to(&data_type).map_err(|_| malformed(pg_type, text))
            }
        },
    }
}
