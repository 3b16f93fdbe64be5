//! Casts between numeric and float8: exact, or rounded once.
//!
//! A numeric becomes the float next to it. A float becomes a numeric with its first 15 digits, a
//! float4 with its first 6, which are those that a float surely has.

use super::own;
use super::simple::{answer, arrays, undefined};
use crate::exact::{exact_rescale, numeric_out_of_range};
use crate::{Error, Numeric};
use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

pub(super) fn float_of_numeric() -> ScalarUDF {
    udf(Target::Float)
}

pub(super) fn numeric_of_float(precision: u8, scale: i8) -> ScalarUDF {
    udf(Target::Numeric { precision, scale })
}

fn udf(target: Target) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(FloatCast { target, signature })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Target {
    Float,
    Numeric { precision: u8, scale: i8 },
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FloatCast {
    target: Target,
    signature: Signature,
}

impl ScalarUDFImpl for FloatCast {
    fn name(&self) -> &str {
        match self.target {
            Target::Float => "float_of_numeric",
            Target::Numeric { .. } => "numeric_of_float",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.target, types) {
            (Target::Float, [DataType::Decimal128(..)])
            | (Target::Numeric { .. }, [DataType::Float64 | DataType::Float32]) => {
                Ok(types.to_vec())
            }
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(match self.target {
            Target::Float => DataType::Float64,
            Target::Numeric { precision, scale } => DataType::Decimal128(precision, scale),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [values] = arrays.as_slice() else { return Err(undefined(self.name(), &[])) };
        match self.target {
            Target::Float => answer(floats(values), constant),
            Target::Numeric { precision, scale } => {
                let numbers =
                    numerics(values, scale)?.with_precision_and_scale(precision, scale)?;
                numbers.validate_decimal_precision(precision).map_err(|_| field_overflow())?;
                answer(Arc::new(numbers), constant)
            }
        }
    }
}

fn field_overflow() -> datafusion::error::DataFusionError {
    own(Error::new(crate::Fault::NumericValueOutOfRange, "numeric field overflow"))
}

fn floats(decimals: &ArrayRef) -> ArrayRef {
    let decimals = decimals.as_primitive::<Decimal128Type>();
    let scale = decimals.scale().unsigned_abs();
    let floats: Float64Array = decimals.unary(|unscaled| nearest(unscaled, scale));
    Arc::new(floats)
}

/// The float next to `unscaled × 10^-scale`.
fn nearest(unscaled: i128, scale: u8) -> f64 {
    /// Up to here integers are floats, and so are powers of ten up to the 22nd.
    const EXACT: u128 = 1 << 53;
    if unscaled.unsigned_abs() <= EXACT && scale <= 22 {
        return unscaled as f64 / 10f64.powi(scale.into());
    }
    let text = Numeric { unscaled, scale }.to_string();
    text.parse().expect("a decimal is a float's text")
}

/// Floats as unscaled decimals.
pub(super) fn numerics(floats: &ArrayRef, scale: i8) -> Result<Decimal128Array> {
    let unscaled = |text: String| -> Result<i128> {
        let number = Numeric::parse(&text).map_err(|_| out_of_range(&text))?;
        exact_rescale(number.unscaled, number.scale as i8, scale).ok_or_else(numeric_out_of_range)
    };
    match floats.data_type() {
        DataType::Float32 => {
            let floats = floats.as_primitive::<Float32Type>().iter();
            floats
                .map(|float| float.map(|float| unscaled(format!("{float:.5e}"))).transpose())
                .collect()
        }
        _ => {
            let floats = floats.as_primitive::<Float64Type>().iter();
            floats
                .map(|float| float.map(|float| unscaled(format!("{float:.14e}"))).transpose())
                .collect()
        }
    }
}

fn out_of_range(text: &str) -> datafusion::error::DataFusionError {
    match text {
        "NaN" | "inf" | "-inf" => {
            own(Error::unsupported("NaN and infinity are not supported as numeric"))
        }
        _ => numeric_out_of_range(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeric_is_the_float_next_to_it() {
        for (unscaled, scale, float) in [
            (1, 1, 0.1),
            (1_005, 3, 1.005),
            (10i128.pow(15), 0, 1e15),
            (15 * 10i128.pow(15), 0, 1.5e16),
            (10i128.pow(37), 15, 1e22),
            (9_007_199_254_740_993, 0, 9_007_199_254_740_992.0),
            (-123_456_789_012_345_678_901_234_567_890, 20, -1_234_567_890.123_456_8),
        ] {
            assert_eq!(nearest(unscaled, scale), float);
        }
    }

    #[test]
    fn a_float_has_fifteen_digits() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1e20, 0.1 + 0.2, 1.005, -2.5]));
        let numbers = numerics(&floats, 4).unwrap();
        assert_eq!(numbers.values(), &[10i128.pow(24), 3_000, 10_050, -25_000]);
        assert_eq!(numerics(&floats, 2).unwrap().value(2), 101);
        let nan: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
        assert!(numerics(&nan, 0).is_err());
    }
}
