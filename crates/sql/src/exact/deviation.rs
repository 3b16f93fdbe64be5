//! `stddev`, `variance` and their kin: exact over integers and numerics, float8 over floats.
//!
//! The exact ones keep the sums of values and of squares in 256 bits and round once, at the end.

use super::decimal::{DIVISION_SCALE, numeric_out_of_range};
use super::sum::{only, summand_type, unscaled};
use crate::{Error, Fault};
use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Decimal256Type, Field, FieldRef, Float64Type, Int64Type, i256,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ReversedUDAF, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// What is asked of the sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Measure {
    /// The square root of the variance.
    root: bool,
    /// Of all there is, not of a sample of it.
    population: bool,
}

/// Name, another name, and what it measures.
const FUNCTIONS: [(&str, &str, Measure); 4] = [
    ("stddev_samp", "stddev", Measure { root: true, population: false }),
    ("stddev_pop", "", Measure { root: true, population: true }),
    ("var_samp", "variance", Measure { root: false, population: false }),
    ("var_pop", "", Measure { root: false, population: true }),
];

pub(super) fn all() -> Vec<AggregateUDF> {
    let function = |(name, alias, measure): (&'static str, &str, Measure)| Deviation {
        name,
        aliases: (!alias.is_empty()).then(|| alias.to_owned()).into_iter().collect(),
        measure,
        signature: Signature::user_defined(Volatility::Immutable),
    };
    FUNCTIONS.into_iter().map(function).map(AggregateUDF::from).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Deviation {
    name: &'static str,
    aliases: Vec<String>,
    measure: Measure,
    signature: Signature,
}

fn scale_of(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

const SUMS: DataType = DataType::Decimal256(76, 0);

impl AggregateUDFImpl for Deviation {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(vec![summand_type(self.name, only(types, self.name)?)?])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match only(types, self.name)? {
            DataType::Float64 => DataType::Float64,
            other => DataType::Decimal128(38, scale_of(other).max(DIVISION_SCALE)),
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            let message = format!("{}(DISTINCT …) is not supported", self.name);
            return Err(DataFusionError::External(Box::new(Error::unsupported(message))));
        }
        let target = args.return_field.data_type();
        if target == &DataType::Float64 {
            return Ok(Box::new(Floats {
                measure: self.measure,
                count: 0.0,
                sum: 0.0,
                apart: 0.0,
            }));
        }
        Ok(Box::new(Exact {
            measure: self.measure,
            from: scale_of(only(args.expr_fields, self.name)?.data_type()),
            to: scale_of(target),
            count: 0,
            sum: i256::ZERO,
            squares: i256::ZERO,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let (count, sums) = match args.return_field.data_type() {
            DataType::Float64 => (DataType::Float64, DataType::Float64),
            _ => (DataType::Int64, SUMS),
        };
        let field = |part: &str, data_type: &DataType| {
            Arc::new(Field::new(format_state_name(args.name, part), data_type.clone(), true))
        };
        Ok(vec![field("count", &count), field("sum", &sums), field("squares", &sums)])
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }
}

/// Sums of unscaled values and of their squares.
#[derive(Debug)]
struct Exact {
    measure: Measure,
    from: i8,
    to: i8,
    count: i64,
    sum: i256,
    squares: i256,
}

impl Exact {
    fn add(&mut self, value: i128, sign: i64) -> Result<()> {
        let value = i256::from_i128(value);
        let signed = i256::from_i128(sign.into());
        let added = || {
            let square = value.checked_mul(value)?.checked_mul(signed)?;
            let sum = self.sum.checked_add(value.checked_mul(signed)?)?;
            Some((sum, self.squares.checked_add(square)?))
        };
        (self.sum, self.squares) = added().ok_or_else(numeric_out_of_range)?;
        self.count += sign;
        Ok(())
    }

    /// The variance as a fraction, in units of the square of the values' scale.
    fn variance(&self) -> Option<(i256, i256)> {
        let count = i256::from_i128(self.count.into());
        let taken = if self.measure.population { 0 } else { 1 };
        let others = i256::from_i128((self.count - taken).into());
        let spread =
            count.checked_mul(self.squares)?.checked_sub(self.sum.checked_mul(self.sum)?)?;
        Some((spread, count.checked_mul(others)?))
    }

    /// The answer at a scale, if 256 bits are enough on the way.
    fn at_scale(&self, scale: i8) -> Option<i128> {
        let (spread, divisor) = self.variance()?;
        let digits = if self.measure.root { 2 * i32::from(scale) } else { i32::from(scale) };
        let shift = digits - 2 * i32::from(self.from);
        let power = i256::from_i128(10).checked_pow(shift.unsigned_abs())?;
        let (spread, divisor) = match shift >= 0 {
            true => (spread.checked_mul(power)?, divisor),
            false => (spread, divisor.checked_mul(power)?),
        };
        let quotient = match self.measure.root {
            true => square_root(spread.checked_div(divisor)?)?,
            false => {
                let half = divisor.checked_div(i256::from_i128(2))?;
                spread.checked_add(half)?.checked_div(divisor)?
            }
        };
        quotient.to_i128()
    }
}

/// The integer next to the root.
fn square_root(of: i256) -> Option<i256> {
    if of == i256::ZERO {
        return Some(of);
    }
    // From above: of the first power of two whose square is not below.
    let mut root = i256::ONE;
    while root.checked_mul(root).is_some_and(|square| square < of) {
        root = root.checked_mul(i256::from_i128(2))?;
    }
    loop {
        let next = root.checked_add(of.checked_div(root)?)?.checked_div(i256::from_i128(2))?;
        if next >= root {
            break;
        }
        root = next;
    }
    let behind = of.checked_sub(root.checked_mul(root)?)?;
    if behind > root { root.checked_add(i256::ONE) } else { Some(root) }
}

impl Accumulator for Exact {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = unscaled(only(values, "stddev")?)?;
        values.iter().flatten().try_for_each(|value| self.add(value, 1))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = unscaled(only(values, "stddev")?)?;
        values.iter().flatten().try_for_each(|value| self.add(value, -1))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let least = if self.measure.population { 1 } else { 2 };
        if self.count < least {
            return Ok(ScalarValue::Decimal128(None, 38, self.to));
        }
        // Of large numbers the last decimals do not matter, and may not fit.
        let fitting = (0..=self.to).rev().find_map(|scale| Some((self.at_scale(scale)?, scale)));
        let answer =
            fitting.and_then(|(value, scale)| super::decimal::rescale(value, scale, self.to));
        let answer = answer.ok_or_else(numeric_out_of_range)?;
        Ok(ScalarValue::Decimal128(Some(answer), 38, self.to))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::Int64(Some(self.count)),
            ScalarValue::Decimal256(Some(self.sum), 76, 0),
            ScalarValue::Decimal256(Some(self.squares), 76, 0),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [counts, sums, squares] = states else { return Err(broken()) };
        let (sums, squares) =
            (sums.as_primitive::<Decimal256Type>(), squares.as_primitive::<Decimal256Type>());
        for (row, count) in counts.as_primitive::<Int64Type>().iter().enumerate() {
            let Some(count) = count else { continue };
            let sum = self.sum.checked_add(sums.value(row));
            let square = self.squares.checked_add(squares.value(row));
            let (sum, square) = sum.zip(square).ok_or_else(numeric_out_of_range)?;
            (self.sum, self.squares) = (sum, square);
            self.count += count;
        }
        Ok(())
    }
}

fn broken() -> DataFusionError {
    DataFusionError::Internal("a partial deviation has three columns".to_owned())
}

/// Count, sum, and the sum of squares of what each is apart from the mean (Youngs and Cramer).
#[derive(Debug)]
struct Floats {
    measure: Measure,
    count: f64,
    sum: f64,
    apart: f64,
}

impl Accumulator for Floats {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = cast(only(values, "stddev")?, &DataType::Float64)?;
        for value in values.as_primitive::<Float64Type>().iter().flatten() {
            self.count += 1.0;
            self.sum += value;
            if self.count > 1.0 {
                let off = value * self.count - self.sum;
                self.apart += off * off / (self.count * (self.count - 1.0));
            } else if !value.is_finite() {
                self.apart = f64::NAN;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let least = if self.measure.population { 1.0 } else { 2.0 };
        if self.count < least {
            return Ok(ScalarValue::Float64(None));
        }
        let others = if self.measure.population { self.count } else { self.count - 1.0 };
        let variance = self.apart / others;
        if variance.is_infinite() {
            return Err(DataFusionError::External(Box::new(Error::new(
                Fault::NumericValueOutOfRange,
                "value out of range: overflow",
            ))));
        }
        let answer = if self.measure.root { variance.sqrt() } else { variance };
        Ok(ScalarValue::Float64(Some(answer)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let parts = [self.count, self.sum, self.apart];
        Ok(parts.into_iter().map(|part| ScalarValue::Float64(Some(part))).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [counts, sums, aparts] = states else { return Err(broken()) };
        let [counts, sums, aparts] =
            [counts, sums, aparts].map(|column| column.as_primitive::<Float64Type>());
        for row in 0..counts.len() {
            let (count, sum, apart) = (counts.value(row), sums.value(row), aparts.value(row));
            if count == 0.0 {
                continue;
            }
            if self.count == 0.0 {
                (self.count, self.sum, self.apart) = (count, sum, apart);
                continue;
            }
            let together = self.count + count;
            let off = self.sum / self.count - sum / count;
            self.apart += apart + self.count * count * off * off / together;
            self.sum += sum;
            self.count = together;
        }
        Ok(())
    }
}
