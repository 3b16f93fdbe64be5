//! `x::numeric`, the numeric without a size: it keeps the scale of what it is given.
//!
//! A column has one scale in arrow, so a text column, whose scales are not known beforehand, gets
//! [`DIVISION_SCALE`] decimals; a constant gets exactly its own.
//!
//! Also the rounding of floats on their way to integers.

use super::own;
use super::simple::{answer, arrays, undefined};
use crate::exact::{DIVISION_SCALE, numeric_out_of_range};
use crate::{Error, Fault, Numeric, NumericError};
use datafusion::arrow::array::{AsArray, Decimal128Array, Float64Array};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

pub(super) fn numeric() -> ScalarUDF {
    ScalarUDF::from(NumericCast { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NumericCast {
    signature: Signature,
}

impl ScalarUDFImpl for NumericCast {
    fn name(&self) -> &str {
        "numeric"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Utf8View | DataType::LargeUtf8] => Ok(vec![DataType::Utf8]),
            [DataType::Null] => Ok(vec![DataType::Decimal128(38, 0)]),
            [only] if only.is_integer() => Ok(vec![DataType::Decimal128(20, 0)]),
            [only @ (DataType::Utf8 | DataType::Decimal128(..) | DataType::Float64)] => {
                Ok(vec![only.clone()])
            }
            [DataType::Float32 | DataType::Float16] => Ok(vec![DataType::Float64]),
            _ => Err(undefined("numeric", types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the type follows from the argument".to_owned()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let scale = match args.arg_fields.first().map(|field| field.data_type()) {
            Some(DataType::Decimal128(_, scale)) => *scale,
            Some(other) if other.is_integer() => 0,
            Some(_) => match args.scalar_arguments.first().copied().flatten() {
                Some(constant) => match constant.try_as_str().flatten() {
                    Some(text) => parse(text)?.scale as i8,
                    None => DIVISION_SCALE,
                },
                None => DIVISION_SCALE,
            },
            None => return Err(undefined("numeric", &[])),
        };
        Ok(Arc::new(Field::new(self.name(), DataType::Decimal128(38, scale), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let target = args.return_field.data_type().clone();
        let DataType::Decimal128(_, scale) = target else {
            return Err(DataFusionError::Internal("numeric is a decimal".to_owned()));
        };
        let (arrays, constant) = arrays(&args)?;
        let [values] = arrays.as_slice() else { return Err(undefined("numeric", &[])) };
        if values.data_type() != &DataType::Utf8 {
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            return answer(cast_with_options(values, &target, &strict)?, constant);
        }
        let numbers = values
            .as_string::<i32>()
            .iter()
            .map(|text| text.map(|text| at_scale(parse(text)?, scale)).transpose())
            .collect::<Result<Decimal128Array>>()?;
        if constant {
            let number = numbers.iter().next().flatten();
            return Ok(ColumnarValue::Scalar(ScalarValue::Decimal128(number, 38, scale)));
        }
        Ok(ColumnarValue::Array(Arc::new(numbers.with_precision_and_scale(38, scale)?)))
    }
}

fn parse(text: &str) -> Result<Numeric> {
    let name = text.trim().trim_start_matches(['+', '-']).to_ascii_lowercase();
    if matches!(name.as_str(), "nan" | "inf" | "infinity") {
        let message = format!("the numeric \"{}\" is not supported: it is no number", text.trim());
        return Err(own(Error::unsupported(message)));
    }
    Numeric::parse(text).map_err(|error| match error {
        NumericError::Malformed => own(Error::new(
            Fault::InvalidTextRepresentation,
            format!("invalid input syntax for type numeric: \"{text}\""),
        )),
        NumericError::OutOfRange => numeric_out_of_range(),
    })
}

fn at_scale(number: Numeric, scale: i8) -> Result<i128> {
    let Numeric { unscaled, scale: from } = number;
    crate::exact::exact_rescale(unscaled, from as i8, scale).ok_or_else(numeric_out_of_range)
}

/// The integer next to a float, the even one of two, before it is cast to an integer type.
pub(super) fn nearest_integer() -> ScalarUDF {
    ScalarUDF::from(NearestInteger {
        signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NearestInteger {
    signature: Signature,
}

impl ScalarUDFImpl for NearestInteger {
    fn name(&self) -> &str {
        "nearest_integer"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [floats] = arrays.as_slice() else { return Err(undefined("nearest_integer", &[])) };
        let rounded: Float64Array =
            floats.as_primitive::<Float64Type>().unary(f64::round_ties_even);
        answer(Arc::new(rounded), constant)
    }
}
