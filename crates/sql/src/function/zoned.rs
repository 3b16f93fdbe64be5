//! Instants beside dates and local times, and their own local time in the session's zone.
//!
//! An instant beside a date or a local time is compared as an instant: the other is taken as local
//! time of the session, as Postgres does.

use super::cast::{session_zone, timestamptz, timestamptz_type};
use super::own;
use super::simple::{answer, arrays, undefined};
use crate::timestamp::local_of_instant;
use datafusion::arrow::array::{AsArray, TimestampMicrosecondArray};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{ExprSchema, Result};
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

const LOCAL: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// The local time of an instant.
pub(super) fn local_time() -> ScalarUDF {
    ScalarUDF::from(LocalTime { signature: Signature::user_defined(Volatility::Stable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LocalTime {
    signature: Signature,
}

impl ScalarUDFImpl for LocalTime {
    fn name(&self) -> &str {
        "local_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_] => Ok(vec![timestamptz_type()]),
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(LOCAL)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = session_zone(&args.config_options);
        let (arrays, constant) = arrays(&args)?;
        let [instants] = arrays.as_slice() else { return Err(undefined(self.name(), &[])) };
        let times = instants
            .as_primitive::<TimestampMicrosecondType>()
            .iter()
            .map(|instant| instant.map(|instant| local_of_instant(instant, zone)).transpose())
            .collect::<crate::Result<TimestampMicrosecondArray>>()
            .map_err(own)?;
        answer(Arc::new(times), constant)
    }
}

fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(_)))
}

fn is_local(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, None) | DataType::Date32)
}

/// Values that are compared, or alternatives of one value, as one type: instants if one of them is,
/// else local times if one is. Numerics beside a float are floats.
pub(super) fn unified(exprs: Vec<Expr>, schema: &dyn ExprSchema) -> Result<Vec<Expr>> {
    let types = exprs.iter().map(|expr| expr.get_type(schema)).collect::<Result<Vec<_>>>()?;
    let times = types.iter().filter(|each| is_instant(each) || is_local(each));
    if types.iter().any(is_instant) {
        return Ok(exprs.into_iter().zip(&types).map(|(expr, of)| instant(expr, of)).collect());
    }
    let is_float = |each: &DataType| matches!(each, DataType::Float32 | DataType::Float64);
    if types.iter().any(is_float) {
        let as_floats = exprs.into_iter().zip(&types).map(|(expr, of)| match of {
            DataType::Decimal128(..) => Expr::Cast(Cast::new(Box::new(expr), DataType::Float64)),
            _ => expr,
        });
        return Ok(as_floats.collect());
    }
    let dates = times.clone().filter(|each| *each == &DataType::Date32).count();
    if dates == 0 || dates == times.count() {
        return Ok(exprs);
    }
    let midnight = |expr: Expr| Expr::Cast(Cast::new(Box::new(expr), LOCAL));
    let as_times = exprs.into_iter().zip(&types).map(|(expr, of)| match of {
        DataType::Date32 => midnight(expr),
        _ => expr,
    });
    Ok(as_times.collect())
}

/// What stands beside an instant, as one. Other types than times are left as they are.
pub(super) fn instant(expr: Expr, data_type: &DataType) -> Expr {
    let is_text = matches!(&expr, Expr::Literal(ScalarValue::Utf8(Some(_)), _));
    if !is_text && !is_local(data_type) {
        return expr;
    }
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(timestamptz()), vec![expr]))
}
