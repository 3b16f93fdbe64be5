//! One decimal operation at a time, on unscaled `i128`s.
//!
//! Owns: the range check, rescaling, exact multiplication and rounded division through 256 bits.

use crate::{Error, Fault};
use datafusion::arrow::datatypes::{DataType, i256};
use datafusion::error::DataFusionError;
use ledger::AMOUNT_MAX;

/// Digits behind the point of a quotient, as many as Postgres gives at least.
pub(crate) const DIVISION_SCALE: i8 = 16;

pub(crate) fn numeric_out_of_range() -> DataFusionError {
    DataFusionError::External(Box::new(
        Error::new(Fault::NumericValueOutOfRange, "value out of range: numeric holds 38 digits")
            .with_hint("Nothing wraps or is rounded here: narrow the rows, or round the operands."),
    ))
}

pub(super) fn bigint_out_of_range() -> DataFusionError {
    integer_out_of_range(&DataType::Int64)
}

pub(super) fn integer_out_of_range(data_type: &DataType) -> DataFusionError {
    let name = match data_type {
        DataType::Int16 => "smallint",
        DataType::Int32 => "integer",
        _ => "bigint",
    };
    let message = format!("{name} out of range");
    DataFusionError::External(Box::new(Error::new(Fault::NumericValueOutOfRange, message)))
}

pub(crate) fn division_by_zero() -> DataFusionError {
    DataFusionError::External(Box::new(Error::new(Fault::DivisionByZero, "division by zero")))
}

pub(super) fn in_range(value: i128) -> Option<i128> {
    (value.unsigned_abs() <= AMOUNT_MAX.unsigned_abs()).then_some(value)
}

/// `value × 10^-from` as `result × 10^-to`; the scale never shrinks here.
pub(crate) fn rescale(value: i128, from: i8, to: i8) -> Option<i128> {
    let up = u32::try_from(i32::from(to) - i32::from(from)).ok()?;
    in_range(value.checked_mul(10i128.checked_pow(up)?)?)
}

/// [`rescale`] in both directions; what a smaller scale drops is rounded half away from zero.
pub(crate) fn exact_rescale(value: i128, from: i8, to: i8) -> Option<i128> {
    if to >= from { rescale(value, from, to) } else { divide((value, from), (1, 0), to) }
}

pub(super) fn multiply(left: i128, right: i128) -> Option<i128> {
    in_range(left.checked_mul(right)?)
}

/// `left × 10^-left_scale / (right × 10^-right_scale)` with `scale` decimals, rounded half away
/// from zero. `None` if it does not fit; `right` is not zero.
pub(crate) fn divide(
    (left, left_scale): (i128, i8),
    (right, right_scale): (i128, i8),
    scale: i8,
) -> Option<i128> {
    // quotient × 10^scale = left × 10^(scale + right_scale - left_scale) / right
    let shift = i32::from(scale) + i32::from(right_scale) - i32::from(left_scale);
    let power = i256::from_i128(10).checked_pow(shift.unsigned_abs())?;
    let (numerator, denominator) = (i256::from_i128(left), i256::from_i128(right));
    let (numerator, denominator) = if shift >= 0 {
        (numerator.checked_mul(power)?, denominator)
    } else {
        (numerator, denominator.checked_mul(power)?)
    };
    let quotient = numerator.checked_div(denominator)?;
    let remainder = numerator.checked_rem(denominator)?;
    let twice = magnitude(remainder)?.checked_mul(i256::from_i128(2))?;
    let rounded = if twice >= magnitude(denominator)? {
        let away = if (left < 0) == (right < 0) { 1 } else { -1 };
        quotient.checked_add(i256::from_i128(away))?
    } else {
        quotient
    };
    in_range(rounded.to_i128()?)
}

fn magnitude(value: i256) -> Option<i256> {
    if value.is_negative() { value.checked_neg() } else { Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_round_half_away_from_zero() {
        assert_eq!(divide((10, 0), (3, 0), 4), Some(33_333));
        assert_eq!(divide((2, 0), (3, 0), 4), Some(6_667));
        assert_eq!(divide((-1, 0), (2, 0), 0), Some(-1));
        assert_eq!(divide((1, 0), (2, 0), 0), Some(1));
        assert_eq!(divide((AMOUNT_MAX, 0), (1, 0), 0), Some(AMOUNT_MAX));
        assert_eq!(divide((AMOUNT_MAX, 0), (1, 0), 1), None);
        assert_eq!(divide((AMOUNT_MAX, 0), (AMOUNT_MAX, 0), 16), Some(10i128.pow(16)));
        assert_eq!(divide((150, 2), (5, 1), 2), Some(300));
    }

    #[test]
    fn rescaling_stops_at_38_digits() {
        assert_eq!(rescale(7, 0, 2), Some(700));
        assert_eq!(rescale(AMOUNT_MAX, 0, 1), None);
        assert_eq!(rescale(7, 2, 0), None);
    }
}
