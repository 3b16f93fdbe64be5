//! `+ - * / %` and unary minus as functions that check.
//!
//! Integers compute as int8 and must fit the wider of their types; decimals compute as the 38-digit
//! numeric their scales ask for. Which one it is follows from the argument types, so a division's
//! scale is known to everything planned on it.

use super::decimal::{
    DIVISION_SCALE, bigint_out_of_range, divide, division_by_zero, in_range, integer_out_of_range,
    multiply, numeric_out_of_range, rescale,
};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int64Array};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Negate,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Operation::Add => "checked_add",
            Operation::Subtract => "checked_subtract",
            Operation::Multiply => "checked_multiply",
            Operation::Divide => "checked_divide",
            Operation::Modulo => "checked_modulo",
            Operation::Negate => "checked_negate",
        }
    }

    fn on_integers(self, left: i64, right: i64) -> Result<i64> {
        if right == 0 && matches!(self, Operation::Divide | Operation::Modulo) {
            return Err(division_by_zero());
        }
        match self {
            Operation::Add => left.checked_add(right),
            Operation::Subtract => left.checked_sub(right),
            Operation::Multiply => left.checked_mul(right),
            Operation::Divide => left.checked_div(right),
            Operation::Modulo => Some(left.wrapping_rem(right)),
            Operation::Negate => left.checked_neg(),
        }
        .ok_or_else(bigint_out_of_range)
    }

    fn on_decimals(self, left: (i128, i8), right: (i128, i8), scale: i8) -> Result<i128> {
        if right.0 == 0 && matches!(self, Operation::Divide | Operation::Modulo) {
            return Err(division_by_zero());
        }
        let aligned = || Some((rescale(left.0, left.1, scale)?, rescale(right.0, right.1, scale)?));
        match self {
            Operation::Add => aligned().and_then(|(l, r)| in_range(l.checked_add(r)?)),
            Operation::Subtract => aligned().and_then(|(l, r)| in_range(l.checked_sub(r)?)),
            Operation::Modulo => aligned().map(|(l, r)| l % r),
            Operation::Multiply => multiply(left.0, right.0),
            Operation::Divide => divide(left, right, scale),
            Operation::Negate => Some(-left.0),
        }
        .ok_or_else(numeric_out_of_range)
    }

    fn scale(self, left: i8, right: i8) -> Result<i8> {
        match self {
            Operation::Add | Operation::Subtract | Operation::Modulo => Ok(left.max(right)),
            Operation::Divide => Ok(left.max(right).max(DIVISION_SCALE)),
            Operation::Multiply if left + right > 38 => Err(numeric_out_of_range()),
            Operation::Multiply => Ok(left + right),
            Operation::Negate => Ok(left),
        }
    }
}

/// Whether a function of this name is one of these: its value depends on its operands alone.
pub(crate) fn is_checked(name: &str) -> bool {
    name.starts_with("checked_")
}

/// The operator that a function of this name computes.
pub(crate) fn operator_of(name: &str) -> Option<Operator> {
    Some(match name {
        "checked_add" => Operator::Plus,
        "checked_subtract" | "checked_negate" => Operator::Minus,
        "checked_multiply" => Operator::Multiply,
        "checked_divide" => Operator::Divide,
        "checked_modulo" => Operator::Modulo,
        _ => return None,
    })
}

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    [
        Operation::Add,
        Operation::Subtract,
        Operation::Multiply,
        Operation::Divide,
        Operation::Modulo,
        Operation::Negate,
    ]
    .into_iter()
    .map(function)
    .collect()
}

pub(super) fn function(operation: Operation) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Checked {
        operation,
        aliases: match operation {
            Operation::Modulo => vec!["mod".to_owned()],
            _ => Vec::new(),
        },
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operation: Operation,
    aliases: Vec<String>,
    signature: Signature,
}

/// Whether these operations take it, and as what: int2, int4, int8 or a decimal.
pub(super) fn operand_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Decimal128(..) => Some(data_type.clone()),
        DataType::UInt64 => Some(DataType::Decimal128(20, 0)),
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => Some(DataType::Int16),
        DataType::UInt16 | DataType::Int32 => Some(DataType::Int32),
        other if other.is_integer() => Some(DataType::Int64),
        _ => None,
    }
}

/// The wider of the integer types among these.
fn widest(types: &[DataType]) -> DataType {
    let taken = types.iter().filter_map(operand_type);
    taken.max_by_key(DataType::primitive_width).unwrap_or(DataType::Int32)
}

fn decimal_scale(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        self.operation.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let decimal =
            types.iter().any(|each| matches!(operand_type(each), Some(DataType::Decimal128(..))));
        let integer = widest(types);
        types
            .iter()
            .map(|each| match operand_type(each) {
                Some(taken @ DataType::Decimal128(..)) => Ok(taken),
                Some(_) if decimal => Ok(DataType::Decimal128(20, 0)),
                Some(_) => Ok(integer.clone()),
                None if each.is_null() && decimal => Ok(DataType::Decimal128(38, 0)),
                None if each.is_null() => Ok(integer.clone()),
                None => Err(DataFusionError::Plan(format!(
                    "{} does not take {each}",
                    self.operation.name()
                ))),
            })
            .collect()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let (Some(left), Some(right)) = (types.first(), types.last()) else {
            return Err(DataFusionError::Internal("an operator without operands".to_owned()));
        };
        if !matches!(left, DataType::Decimal128(..)) {
            return Ok(widest(types));
        }
        let scale = self.operation.scale(decimal_scale(left), decimal_scale(right))?;
        Ok(DataType::Decimal128(38, scale))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|each| matches!(each, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let result: ArrayRef = match args.return_field.data_type() {
            DataType::Decimal128(_, scale) => Arc::new(
                self.decimals(&args.args, rows, *scale)?.with_precision_and_scale(38, *scale)?,
            ),
            integer => narrowed(self.integers(&args.args, rows)?, integer)?,
        };
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

/// What does not fit the type is out of its range.
fn narrowed(values: Int64Array, target: &DataType) -> Result<ArrayRef> {
    let values: ArrayRef = Arc::new(values);
    if target == &DataType::Int64 {
        return Ok(values);
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&values, target, &strict).map_err(|_| integer_out_of_range(target))
}

impl Checked {
    fn integers(&self, operands: &[ColumnarValue], rows: usize) -> Result<Int64Array> {
        let left = Operand::integers(first(operands)?)?;
        let right = Operand::integers(last(operands)?)?;
        combine(&left, &right, rows, |l, r| self.operation.on_integers(l, r))
            .map(|values| values.into_iter().collect())
    }

    fn decimals(
        &self,
        operands: &[ColumnarValue],
        rows: usize,
        scale: i8,
    ) -> Result<Decimal128Array> {
        let (left, right) = (first(operands)?, last(operands)?);
        let left_scale = decimal_scale(&left.data_type());
        let right_scale = decimal_scale(&right.data_type());
        let (left, right) = (Operand::decimals(left)?, Operand::decimals(right)?);
        combine(&left, &right, rows, |l, r| {
            self.operation.on_decimals((l, left_scale), (r, right_scale), scale)
        })
        .map(|values| values.into_iter().collect())
    }
}

fn first(operands: &[ColumnarValue]) -> Result<&ColumnarValue> {
    operands.first().ok_or_else(|| DataFusionError::Internal("no operand".to_owned()))
}

fn last(operands: &[ColumnarValue]) -> Result<&ColumnarValue> {
    operands.last().ok_or_else(|| DataFusionError::Internal("no operand".to_owned()))
}

/// An operand's values without a copy of a constant per row.
enum Operand<T> {
    Constant(Option<T>),
    Rows(Vec<Option<T>>),
}

impl<T: Copy> Operand<T> {
    #[inline]
    fn get(&self, row: usize) -> Option<T> {
        match self {
            Operand::Constant(value) => *value,
            Operand::Rows(values) => values[row],
        }
    }
}

impl Operand<i64> {
    fn integers(value: &ColumnarValue) -> Result<Self> {
        match value {
            ColumnarValue::Scalar(ScalarValue::Int64(value)) => Ok(Operand::Constant(*value)),
            ColumnarValue::Scalar(ScalarValue::Int32(value)) => {
                Ok(Operand::Constant(value.map(i64::from)))
            }
            ColumnarValue::Scalar(ScalarValue::Int16(value)) => {
                Ok(Operand::Constant(value.map(i64::from)))
            }
            ColumnarValue::Scalar(other) if other.is_null() => Ok(Operand::Constant(None)),
            ColumnarValue::Array(array) if array.data_type() == &DataType::Int64 => {
                Ok(Operand::Rows(array.as_primitive::<Int64Type>().iter().collect()))
            }
            ColumnarValue::Array(array)
                if matches!(array.data_type(), DataType::Int16 | DataType::Int32) =>
            {
                let wide = cast(array, &DataType::Int64)?;
                Ok(Operand::Rows(wide.as_primitive::<Int64Type>().iter().collect()))
            }
            other => Err(unexpected(&other.data_type())),
        }
    }
}

impl Operand<i128> {
    fn decimals(value: &ColumnarValue) -> Result<Self> {
        match value {
            ColumnarValue::Scalar(ScalarValue::Decimal128(value, ..)) => {
                Ok(Operand::Constant(*value))
            }
            ColumnarValue::Scalar(other) if other.is_null() => Ok(Operand::Constant(None)),
            ColumnarValue::Array(array)
                if matches!(array.data_type(), DataType::Decimal128(..)) =>
            {
                Ok(Operand::Rows(array.as_primitive::<Decimal128Type>().iter().collect()))
            }
            other => Err(unexpected(&other.data_type())),
        }
    }
}

fn unexpected(data_type: &DataType) -> DataFusionError {
    DataFusionError::Internal(format!("checked arithmetic was handed {data_type}"))
}

fn combine<T: Copy>(
    left: &Operand<T>,
    right: &Operand<T>,
    rows: usize,
    operation: impl Fn(T, T) -> Result<T>,
) -> Result<Vec<Option<T>>> {
    (0..rows)
        .map(|row| match (left.get(row), right.get(row)) {
            (Some(left), Some(right)) => operation(left, right).map(Some),
            _ => Ok(None),
        })
        .collect()
}
