//! `array_fill` and `trim_array`.

use super::super::own;
use super::super::simple::{answer, arrays, undefined};
use super::element;
use crate::{Error, Fault};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

pub(super) fn all() -> Vec<ScalarUDF> {
    let signature = || Signature::user_defined(Volatility::Immutable);
    vec![
        ScalarUDF::from(ArrayFill { signature: signature() }),
        ScalarUDF::from(TrimArray { signature: signature() }),
    ]
}

/// Lists of these items; a row without items is NULL.
fn lists(rows: Vec<Option<ArrayRef>>, item: &DataType) -> Result<ArrayRef> {
    let lengths = rows.iter().map(|row| row.as_ref().map_or(0, |items| items.len()));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let nulls: NullBuffer = rows.iter().map(Option::is_some).collect();
    let parts: Vec<&dyn Array> = rows.iter().flatten().map(AsRef::as_ref).collect();
    let items = match parts.is_empty() {
        true => datafusion::arrow::array::new_empty_array(item),
        false => concat(&parts)?,
    };
    let field = Arc::new(Field::new_list_field(item.clone(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, items, Some(nulls))?))
}

/// `array_fill(value, ARRAY[length])`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayFill {
    signature: Signature,
}

impl ScalarUDFImpl for ArrayFill {
    fn name(&self) -> &str {
        "array_fill"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [value, lengths] if element(lengths).is_some() => {
                Ok(vec![value.clone(), DataType::new_list(DataType::Int32, true)])
            }
            [_, _, _] => {
                Err(own(Error::unsupported("array_fill with lower bounds is not supported")))
            }
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let value = types.first().ok_or_else(|| undefined(self.name(), types))?;
        Ok(DataType::new_list(value.clone(), true))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [values, lengths] = arrays.as_slice() else { return Err(undefined(self.name(), &[])) };
        let lengths = lengths.as_list::<i32>();
        let rows = (0..values.len())
            .map(|row| {
                if lengths.is_null(row) {
                    return Err(no_nulls());
                }
                let lengths = lengths.value(row);
                let lengths = lengths.as_primitive::<Int32Type>();
                let length = match lengths.len() {
                    0 => 0,
                    1 if lengths.is_null(0) => return Err(no_nulls()),
                    1 => lengths.value(0),
                    _ => return Err(own(Error::unsupported("arrays of several dimensions"))),
                };
                let value = values.slice(row, 1);
                let times = usize::try_from(length).map_err(|_| too_long(length))?;
                if times > ITEMS_MAX {
                    return Err(too_long(length));
                }
                let indices = datafusion::arrow::array::UInt32Array::from(vec![0u32; times]);
                Ok(Some(datafusion::arrow::compute::take(&value, &indices, None)?))
            })
            .collect::<Result<Vec<_>>>()?;
        answer(lists(rows, values.data_type())?, constant)
    }
}

/// As many as Postgres would make.
const ITEMS_MAX: usize = 134_217_727;

fn no_nulls() -> DataFusionError {
    let message = "dimension array or low bound array cannot be null";
    own(Error::new(Fault::NullValueNotAllowed, message))
}

fn too_long(length: i32) -> DataFusionError {
    let message = format!("array size exceeds the maximum allowed ({ITEMS_MAX}): {length}");
    own(Error::new(Fault::ProgramLimitExceeded, message))
}

/// `trim_array(array, n)`: without its last n elements.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TrimArray {
    signature: Signature,
}

impl ScalarUDFImpl for TrimArray {
    fn name(&self) -> &str {
        "trim_array"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [list @ DataType::List(_), count] if count.is_integer() => {
                Ok(vec![list.clone(), DataType::Int64])
            }
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let list = types.first().ok_or_else(|| undefined(self.name(), types))?;
        let item = element(list).ok_or_else(|| undefined(self.name(), types))?;
        Ok(DataType::new_list(item.data_type().clone(), true))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [given, counts] = arrays.as_slice() else { return Err(undefined(self.name(), &[])) };
        let (given, counts) = (given.as_list::<i32>(), counts.as_primitive::<Int64Type>());
        let rows = (0..given.len())
            .map(|row| {
                if given.is_null(row) || counts.is_null(row) {
                    return Ok(None);
                }
                let items = given.value(row);
                let kept = usize::try_from(counts.value(row))
                    .ok()
                    .and_then(|trimmed| items.len().checked_sub(trimmed));
                let kept = kept.ok_or_else(|| {
                    let message =
                        format!("number of elements to trim must be between 0 and {}", items.len());
                    own(Error::new(Fault::ArrayElement, message))
                })?;
                Ok(Some(items.slice(0, kept)))
            })
            .collect::<Result<Vec<_>>>()?;
        answer(lists(rows, &given.value_type())?, constant)
    }
}
