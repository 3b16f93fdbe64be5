//! Functions with several lists of parameters under one name, whose bodies are written for one row.
//!
//! Owns: which list fits the arguments, by the distance of their types as Postgres has it, and the
//! way of values between arrow and [`Datum`]. NULL in, NULL out: bodies never see one.
//!
//! A text given for another type is read as that type: it may be an untyped literal.

mod building;
mod reading;

use super::row_function::typed_field;
use super::simple::{answer, arrays, undefined};
use crate::{Numeric, PgType};
use chrono_tz::Tz;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, IntervalMonthDayNano};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;
use reading::Column;
use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// int2 or int4.
    Int4,
    /// Any integer.
    Int,
    Numeric,
    /// float4, float8.
    Float,
    Text,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
}

/// A value that is not NULL.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Datum<'a> {
    Bool(bool),
    Int(i64),
    Numeric(Numeric),
    Float(f64),
    Text(Cow<'a, str>),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970, in UTC or in local time.
    Timestamp(i64),
    Interval(IntervalMonthDayNano),
    TextList(Vec<Option<String>>),
}

impl Datum<'_> {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Datum::Text(Cow::Owned(text.into()))
    }
}

/// The arguments of one row, and the session's zone. A body asks for what its list declares, so
/// what is of another kind cannot be; it would read as the type's zero.
pub(super) struct Row<'a> {
    args: Vec<Datum<'a>>,
    pub(super) zone: Tz,
}

impl Row<'_> {
    pub(super) fn len(&self) -> usize {
        self.args.len()
    }

    pub(super) fn int(&self, index: usize) -> i64 {
        match self.args.get(index) {
            Some(Datum::Int(value)) => *value,
            _ => 0,
        }
    }

    pub(super) fn float(&self, index: usize) -> f64 {
        match self.args.get(index) {
            Some(Datum::Float(value)) => *value,
            _ => 0.0,
        }
    }

    pub(super) fn numeric(&self, index: usize) -> Numeric {
        match self.args.get(index) {
            Some(Datum::Numeric(value)) => *value,
            _ => Numeric::integer(0),
        }
    }

    pub(super) fn text(&self, index: usize) -> &str {
        match self.args.get(index) {
            Some(Datum::Text(text)) => text,
            _ => "",
        }
    }

    pub(super) fn date(&self, index: usize) -> i32 {
        match self.args.get(index) {
            Some(Datum::Date(days)) => *days,
            _ => 0,
        }
    }

    /// A time of day or a point in time, in microseconds.
    pub(super) fn micros(&self, index: usize) -> i64 {
        match self.args.get(index) {
            Some(Datum::Time(micros) | Datum::Timestamp(micros)) => *micros,
            _ => 0,
        }
    }

    pub(super) fn interval(&self, index: usize) -> IntervalMonthDayNano {
        match self.args.get(index) {
            Some(Datum::Interval(interval)) => *interval,
            _ => IntervalMonthDayNano::new(0, 0, 0),
        }
    }
}

/// Scales of the arguments, and those that are constant, to the scale of the result.
pub(super) type ScaleRule = fn(&[i8], &[Option<&ScalarValue>]) -> i8;

#[derive(Clone, Copy)]
pub(super) enum Returns {
    Type(PgType),
    /// A numeric of this scale.
    Numeric(ScaleRule),
}

pub(super) type Body = for<'a> fn(&Row<'a>) -> Result<Option<Datum<'static>>>;

/// One list of parameters and what is done with them.
#[derive(Clone, Copy)]
pub(super) struct Overload {
    pub(super) takes: &'static [Kind],
    pub(super) returns: Returns,
    pub(super) body: Body,
}

/// A list whose result is a numeric of the scale that the rule gives.
pub(super) const fn gives_numeric(
    takes: &'static [Kind],
    scale: ScaleRule,
    body: Body,
) -> Overload {
    Overload { takes, returns: Returns::Numeric(scale), body }
}

/// A list whose result has a type without a scale.
pub(super) const fn overload(takes: &'static [Kind], returns: PgType, body: Body) -> Overload {
    Overload { takes, returns: Returns::Type(returns), body }
}

pub(super) struct TypedFunction {
    name: &'static str,
    overloads: Vec<Overload>,
    signature: Signature,
}

/// A function whose value depends on its arguments alone.
pub(super) fn immutable(name: &'static str, overloads: &[Overload]) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(TypedFunction { name, overloads: overloads.to_vec(), signature })
}

/// One whose value depends on the session's zone too. A plan is kept for the zone it was made in,
/// so that this is as good as immutable.
pub(super) fn zoned(name: &'static str, overloads: &[Overload]) -> ScalarUDF {
    immutable(name, overloads)
}

impl std::fmt::Debug for TypedFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TypedFunction").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for TypedFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TypedFunction {}

impl Hash for TypedFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl TypedFunction {
    /// The list nearest to the arguments; of equally near ones the first.
    fn overload(&self, types: &[DataType]) -> Result<&Overload> {
        let distance = |overload: &Overload| -> Option<u32> {
            if overload.takes.len() != types.len() {
                return None;
            }
            types.iter().zip(overload.takes).map(|(each, kind)| kind.distance(each)).sum()
        };
        let near = self.overloads.iter().filter_map(|each| Some((distance(each)?, each)));
        let nearest = near.min_by_key(|(distance, _)| *distance).map(|(_, overload)| overload);
        nearest.ok_or_else(|| undefined(self.name, types))
    }
}

impl ScalarUDFImpl for TypedFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let overload = self.overload(types)?;
        Ok(types.iter().zip(overload.takes).map(|(each, kind)| kind.carried(each)).collect())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the type follows from the arguments".to_owned()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> =
            args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let rule = match self.overload(&types)?.returns {
            Returns::Type(pg_type) => return Ok(typed_field(self.name, pg_type)),
            Returns::Numeric(rule) => rule,
        };
        let scales: Vec<i8> = types.iter().map(scale).collect();
        let scale = rule(&scales, args.scalar_arguments).clamp(0, 38);
        Ok(Arc::new(Field::new(self.name, DataType::Decimal128(38, scale), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = super::cast::session_zone(&args.config_options);
        let target = args.return_field.data_type().clone();
        let (arrays, constant) = arrays(&args)?;
        let types: Vec<DataType> = arrays.iter().map(|each| each.data_type().clone()).collect();
        let overload = self.overload(&types)?;
        let columns = arrays.iter().zip(overload.takes);
        let columns =
            columns.map(|(array, kind)| Column::new(array, *kind)).collect::<Result<Vec<_>>>()?;
        let rows = if constant { 1 } else { args.number_rows };
        let values = (0..rows).map(|row| {
            let args = columns
                .iter()
                .map(|column| column.get(row, zone))
                .collect::<Result<Option<Vec<_>>>>()?;
            args.map_or(Ok(None), |args| (overload.body)(&Row { args, zone }))
        });
        answer(building::array(values, &target)?, constant)
    }
}

fn scale(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}
