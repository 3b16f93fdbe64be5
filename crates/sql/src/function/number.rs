//! Functions of numbers that DataFusion lacks, or computes in floats where Postgres is exact.

use super::own;
use super::typed::{Datum, Kind, Overload, Row, ScaleRule, gives_numeric, immutable, overload};
use crate::exact::{division_by_zero, exact_rescale, numeric_out_of_range};
use crate::{Error, Fault, Numeric, PgType};
use datafusion::arrow::datatypes::i256;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;
use std::cmp::Ordering;

type Answer = Result<Option<Datum<'static>>>;

const WHOLE: ScaleRule = |_, _| 0;
const AS_GIVEN: ScaleRule = |scales, _| scales.first().copied().unwrap_or(0);

fn numeric(value: Numeric) -> Answer {
    Ok(Some(Datum::Numeric(value)))
}

fn int(value: i64) -> Answer {
    Ok(Some(Datum::Int(value)))
}

fn float(value: f64) -> Answer {
    Ok(Some(Datum::Float(value)))
}

pub(super) fn all() -> Vec<ScalarUDF> {
    let mut all = rounding();
    all.extend(scales());
    all.extend([
        immutable(
            "sign",
            &[
                overload(&[Kind::Float], PgType::Float8, |row| {
                    let value = row.float(0);
                    float(if value == 0.0 || value.is_nan() { value } else { value.signum() })
                }),
                gives_numeric(&[Kind::Numeric], WHOLE, |row| {
                    numeric(Numeric::integer(row.numeric(0).unscaled.signum()))
                }),
            ],
        ),
        immutable("div", &[gives_numeric(&[Kind::Numeric, Kind::Numeric], WHOLE, quotient)]),
        immutable(
            "gcd",
            &pairs(|row| divisor(row.int(0), row.int(1)), |row| numeric(common_divisor(row)?)),
        ),
        immutable(
            "lcm",
            &pairs(|row| multiple(row.int(0), row.int(1)), |row| numeric(common_multiple(row)?)),
        ),
        immutable(
            "bit_not",
            &[
                overload(&[Kind::Int4], PgType::Int4, |row| int(!row.int(0))),
                overload(&[Kind::Int], PgType::Int8, |row| int(!row.int(0))),
            ],
        ),
        immutable("factorial", &[gives_numeric(&[Kind::Int], WHOLE, factorial)]),
        immutable(
            "width_bucket",
            &[
                overload(
                    &[Kind::Numeric, Kind::Numeric, Kind::Numeric, Kind::Int],
                    PgType::Int4,
                    numeric_bucket,
                ),
                overload(
                    &[Kind::Float, Kind::Float, Kind::Float, Kind::Int],
                    PgType::Int4,
                    float_bucket,
                ),
            ],
        ),
        immutable(
            "ln",
            &[overload(&[Kind::Float], PgType::Float8, |row| logarithm(row.float(0), f64::ln))],
        ),
    ]);
    all
}

/// The lists of a function of two integers, or of two numerics.
fn pairs(integers: super::typed::Body, numerics: super::typed::Body) -> [Overload; 3] {
    [
        overload(&[Kind::Int4, Kind::Int4], PgType::Int4, integers),
        overload(&[Kind::Int, Kind::Int], PgType::Int8, integers),
        gives_numeric(
            &[Kind::Numeric, Kind::Numeric],
            |scales, _| scales.iter().copied().max().unwrap_or(0),
            numerics,
        ),
    ]
}

fn power(exponent: u8) -> i128 {
    10i128.pow(u32::from(exponent))
}

/// Both numbers in units of the finer of their scales.
fn aligned(left: Numeric, right: Numeric) -> Result<(i256, i256, u8)> {
    let scale = left.scale.max(right.scale);
    let at = |number: Numeric| {
        i256::from_i128(number.unscaled).checked_mul(i256::from_i128(power(scale - number.scale)))
    };
    let aligned = at(left).zip(at(right)).ok_or_else(numeric_out_of_range)?;
    Ok((aligned.0, aligned.1, scale))
}

fn narrow(value: i256) -> Result<i128> {
    value.to_i128().ok_or_else(numeric_out_of_range)
}

/// The whole part of a quotient.
fn quotient(row: &Row<'_>) -> Answer {
    let (left, right, _) = aligned(row.numeric(0), row.numeric(1))?;
    let quotient = left.checked_div(right).ok_or_else(division_by_zero)?;
    numeric(Numeric::integer(narrow(quotient)?))
}

fn divisor_of(left: u128, right: u128) -> u128 {
    if right == 0 { left } else { divisor_of(right, left % right) }
}

fn integer_out_of_range() -> DataFusionError {
    own(Error::new(Fault::NumericValueOutOfRange, "integer out of range"))
}

fn divisor(left: i64, right: i64) -> Answer {
    let found = divisor_of(left.unsigned_abs().into(), right.unsigned_abs().into());
    int(i64::try_from(found).map_err(|_| integer_out_of_range())?)
}

fn multiple(left: i64, right: i64) -> Answer {
    if left == 0 || right == 0 {
        return int(0);
    }
    let (left, right) = (u128::from(left.unsigned_abs()), u128::from(right.unsigned_abs()));
    let multiple = left / divisor_of(left, right) * right;
    int(i64::try_from(multiple).map_err(|_| integer_out_of_range())?)
}

fn common_divisor(row: &Row<'_>) -> Result<Numeric> {
    let (left, right, scale) = aligned(row.numeric(0), row.numeric(1))?;
    let found = divisor_of(narrow(left)?.unsigned_abs(), narrow(right)?.unsigned_abs());
    Ok(Numeric { unscaled: i128::try_from(found).map_err(|_| numeric_out_of_range())?, scale })
}

fn common_multiple(row: &Row<'_>) -> Result<Numeric> {
    let (left, right, scale) = aligned(row.numeric(0), row.numeric(1))?;
    let (left, right) = (narrow(left)?.unsigned_abs(), narrow(right)?.unsigned_abs());
    if left == 0 || right == 0 {
        return Ok(Numeric { unscaled: 0, scale });
    }
    let multiple = (left / divisor_of(left, right)).checked_mul(right);
    let unscaled = multiple.and_then(|multiple| i128::try_from(multiple).ok());
    Ok(Numeric { unscaled: unscaled.ok_or_else(numeric_out_of_range)?, scale })
}

fn factorial(row: &Row<'_>) -> Answer {
    let number = row.int(0);
    if number < 0 {
        let message = "factorial of a negative number is undefined";
        return Err(own(Error::new(Fault::NumericValueOutOfRange, message)));
    }
    let product = (2..=i128::from(number)).try_fold(1i128, i128::checked_mul);
    numeric(Numeric::integer(product.ok_or_else(numeric_out_of_range)?))
}

fn rounding() -> Vec<ScalarUDF> {
    vec![
        immutable(
            "trunc",
            &[
                overload(&[Kind::Float], PgType::Float8, |row| float(row.float(0).trunc())),
                gives_numeric(&[Kind::Numeric], WHOLE, |row| {
                    numeric(Numeric::integer(whole(row.numeric(0))))
                }),
                gives_numeric(&[Kind::Numeric, Kind::Int], places, |row| {
                    numeric(cut(row.numeric(0), row.int(1)))
                }),
            ],
        ),
        immutable(
            "ceil",
            &[
                overload(&[Kind::Float], PgType::Float8, |row| float(row.float(0).ceil())),
                gives_numeric(&[Kind::Numeric], WHOLE, |row| {
                    let (number, below) = (row.numeric(0), whole(row.numeric(0)));
                    let up = i128::from(number.unscaled > below * power(number.scale));
                    numeric(Numeric::integer(below + up))
                }),
            ],
        ),
        immutable(
            "floor",
            &[
                overload(&[Kind::Float], PgType::Float8, |row| float(row.float(0).floor())),
                gives_numeric(&[Kind::Numeric], WHOLE, |row| {
                    let number = row.numeric(0);
                    numeric(Numeric::integer(number.unscaled.div_euclid(power(number.scale))))
                }),
            ],
        ),
    ]
}

fn whole(number: Numeric) -> i128 {
    number.unscaled / power(number.scale)
}

/// The number without what is behind so many decimals; before the point for less than none.
fn cut(number: Numeric, decimals: i64) -> Numeric {
    let dropped = i64::from(number.scale) - decimals;
    match u8::try_from(dropped) {
        Ok(dropped) if dropped > 38 => Numeric { unscaled: 0, scale: number.scale },
        Ok(dropped) => {
            let unit = power(dropped);
            Numeric { unscaled: number.unscaled / unit * unit, scale: number.scale }
        }
        Err(_) if dropped > 0 => Numeric { unscaled: 0, scale: number.scale },
        Err(_) => number,
    }
}

/// As many decimals as are asked for, where that is a constant.
fn places(scales: &[i8], constants: &[Option<&ScalarValue>]) -> i8 {
    // Of the type that was written, or of the one it was coerced to: the answer is the same.
    let decimals = match constants.get(1).copied().flatten() {
        Some(ScalarValue::Int64(decimals)) => *decimals,
        Some(ScalarValue::Int32(decimals)) => decimals.map(i64::from),
        _ => None,
    };
    match decimals {
        Some(decimals) => i8::try_from(decimals.clamp(0, 38)).unwrap_or(0),
        None => AS_GIVEN(scales, constants),
    }
}

fn scales() -> Vec<ScalarUDF> {
    fn trimmed(scales: &[i8], constants: &[Option<&ScalarValue>]) -> i8 {
        match constants.first().copied().flatten() {
            Some(ScalarValue::Decimal128(Some(unscaled), _, scale)) => {
                let scale = u8::try_from(*scale).unwrap_or(0);
                least_scale(Numeric { unscaled: *unscaled, scale }) as i8
            }
            _ => AS_GIVEN(scales, constants),
        }
    }
    vec![
        immutable(
            "scale",
            &[overload(&[Kind::Numeric], PgType::Int4, |row| int(row.numeric(0).scale.into()))],
        ),
        immutable(
            "min_scale",
            &[overload(&[Kind::Numeric], PgType::Int4, |row| {
                int(least_scale(row.numeric(0)).into())
            })],
        ),
        immutable(
            "trim_scale",
            &[gives_numeric(&[Kind::Numeric], trimmed, |row| numeric(row.numeric(0)))],
        ),
    ]
}

/// Decimals up to the last one that is not zero.
fn least_scale(number: Numeric) -> u8 {
    let mut scale = number.scale;
    let mut unscaled = number.unscaled;
    while scale > 0 && unscaled % 10 == 0 {
        unscaled /= 10;
        scale -= 1;
    }
    scale
}

fn bad_bucket(message: &str) -> DataFusionError {
    own(Error::new(Fault::InvalidArgumentForWidthBucket, message))
}

/// How many buckets there are, as an int4.
fn buckets(count: i64) -> Result<i64> {
    match count {
        ..=0 => Err(bad_bucket("count must be greater than zero")),
        1..=2_147_483_646 => Ok(count),
        _ => Err(integer_out_of_range()),
    }
}

fn numeric_bucket(row: &Row<'_>) -> Answer {
    let (value, low, high) = (row.numeric(0), row.numeric(1), row.numeric(2));
    let count = buckets(row.int(3))?;
    let scale = value.scale.max(low.scale).max(high.scale);
    let at = |number: Numeric| {
        let value = exact_rescale(number.unscaled, number.scale as i8, scale as i8);
        value.ok_or_else(numeric_out_of_range)
    };
    let (value, low, high) = (at(value)?, at(low)?, at(high)?);
    let (value, low, high) = match low.cmp(&high) {
        Ordering::Equal => return Err(bad_bucket("lower bound cannot equal upper bound")),
        Ordering::Less => (value, low, high),
        // Buckets that fall are those of the negatives, which rise.
        Ordering::Greater => (-value, -low, -high),
    };
    if value < low {
        return int(0);
    }
    if value >= high {
        return int(count + 1);
    }
    let (inside, width) = (i256::from_i128(value - low), i256::from_i128(high - low));
    let bucket = inside
        .checked_mul(i256::from_i128(count.into()))
        .and_then(|scaled| scaled.checked_div(width))
        .ok_or_else(numeric_out_of_range)?;
    int(i64::try_from(narrow(bucket)?).map_err(|_| integer_out_of_range())? + 1)
}

fn float_bucket(row: &Row<'_>) -> Answer {
    let (value, low, high) = (row.float(0), row.float(1), row.float(2));
    let count = buckets(row.int(3))?;
    if value.is_nan() || low.is_nan() || high.is_nan() {
        return Err(bad_bucket("operand, lower bound, and upper bound cannot be NaN"));
    }
    if !low.is_finite() || !high.is_finite() {
        return Err(bad_bucket("lower and upper bounds must be finite"));
    }
    if low == high {
        return Err(bad_bucket("lower bound cannot equal upper bound"));
    }
    let (value, low, high) = if low < high { (value, low, high) } else { (-value, -low, -high) };
    if value < low {
        return int(0);
    }
    if value >= high {
        return int(count + 1);
    }
    let bucket = count as f64 * ((value - low) / (high - low));
    int((bucket as i64 + 1).min(count))
}

fn logarithm(value: f64, of: fn(f64) -> f64) -> Answer {
    if value == 0.0 {
        let message = "cannot take logarithm of zero";
        return Err(own(Error::new(Fault::InvalidArgumentForLogarithm, message)));
    }
    if value < 0.0 {
        let message = "cannot take logarithm of a negative number";
        return Err(own(Error::new(Fault::InvalidArgumentForLogarithm, message)));
    }
    float(of(value))
}
