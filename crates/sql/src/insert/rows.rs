//! Rows of a query as values: what INSERT … SELECT and computed expressions take in.

use crate::arrow::array::{Array, AsArray, RecordBatch};
use crate::arrow::compute::cast;
use crate::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use crate::{Column, Error, Fault, Numeric, PgType, Result, Value};

/// The values of one row.
pub(super) fn row_values(
    batch: &RecordBatch,
    columns: &[Column],
    row: usize,
) -> Result<Vec<Value>> {
    batch.columns().iter().zip(columns).map(|(array, column)| value(array, column, row)).collect()
}

fn value(array: &dyn Array, column: &Column, row: usize) -> Result<Value> {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return Ok(Value::Null);
    }
    let one = array.slice(row, 1);
    // Widening to the one type of each family loses nothing.
    let widened = |target: &DataType| {
        cast(&one, target).map_err(|error| Error::new(Fault::Internal, error.to_string()))
    };
    Ok(match array.data_type() {
        DataType::Boolean => Value::Bool(one.as_boolean().value(0)),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => {
            Value::Int(widened(&DataType::Int64)?.as_primitive::<Int64Type>().value(0))
        }
        DataType::UInt64 => {
            let wide = widened(&DataType::Decimal128(20, 0))?;
            let number = wide.as_primitive::<Decimal128Type>().value(0);
            Value::Numeric(Numeric::integer(number))
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            Value::Float(widened(&DataType::Float64)?.as_primitive::<Float64Type>().value(0))
        }
        DataType::Decimal128(_, scale) => {
            let scale = u8::try_from(*scale).map_err(|_| unsupported(array.data_type()))?;
            let unscaled = one.as_primitive::<Decimal128Type>().value(0);
            Value::Numeric(Numeric { unscaled, scale })
        }
        DataType::Timestamp(_, Some(_)) => {
            let micros = widened(&DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
            Value::TimestampTz(micros.as_primitive::<TimestampMicrosecondType>().value(0))
        }
        DataType::Date32 => Value::Date(one.as_primitive::<Date32Type>().value(0)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let text = widened(&DataType::Utf8)?.as_string::<i32>().value(0).to_owned();
            match column.pg_type {
                PgType::Json | PgType::Jsonb => Value::Json(text),
                _ => Value::Text(text),
            }
        }
        // A local time: its text form is read in the session's zone, as Postgres converts it.
        DataType::Timestamp(_, None) => {
            Value::Text(widened(&DataType::Utf8)?.as_string::<i32>().value(0).to_owned())
        }
        other => return Err(unsupported(other)),
    })
}

fn unsupported(data_type: &DataType) -> Error {
    Error::unsupported(format!("a value of type {data_type} cannot be inserted"))
        .with_hint("Cast it to the type of its column.")
}
