//! jsonb out of other values: `to_jsonb`, `jsonb_build_object`, `jsonb_build_array`.

use super::document::{parse, print};
use crate::function::own;
use crate::function::row_function::typed_field;
use crate::function::simple::{answer, arrays};
use crate::query::from_field;
use crate::timestamp::format_timestamptz;
use crate::{Error, Fault, Numeric, PgType};
use chrono_tz::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, FieldRef, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Shape {
    Value,
    Object,
    Array,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Build {
    name: &'static str,
    shape: Shape,
    signature: Signature,
}

pub(in crate::function) fn all() -> Vec<ScalarUDF> {
    let function = |name, shape| {
        let signature = Signature::variadic_any(Volatility::Stable);
        ScalarUDF::from(Build { name, shape, signature })
    };
    vec![
        function("to_jsonb", Shape::Value),
        function("jsonb_build_object", Shape::Object),
        function("jsonb_build_array", Shape::Array),
    ]
}

fn invalid(message: &str) -> DataFusionError {
    own(Error::new(Fault::InvalidParameterValue, message))
}

impl ScalarUDFImpl for Build {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        if self.shape == Shape::Object && !args.arg_fields.len().is_multiple_of(2) {
            return Err(invalid("argument list must have even number of elements"));
        }
        Ok(typed_field(self.name, PgType::Jsonb))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let types = args.arg_fields.iter().map(|field| from_field(field));
        let types = types.collect::<crate::Result<Vec<_>>>().map_err(own)?;
        let columns: Vec<(&ArrayRef, PgType)> = arrays.iter().zip(types).collect();
        let rows = if constant { 1 } else { args.number_rows };
        let texts = (0..rows)
            .map(|row| match (self.shape, columns.first()) {
                (Shape::Value, Some((array, _))) if array.is_null(row) => Ok(None),
                (Shape::Value, Some((array, pg_type))) => {
                    print(&to_json(array, row, *pg_type)?).map(Some)
                }
                (Shape::Object, _) => object(&columns, row).map(Some),
                _ => {
                    let items =
                        columns.iter().map(|(array, pg_type)| to_json(array, row, *pg_type));
                    print(&Value::Array(items.collect::<Result<_>>()?)).map(Some)
                }
            })
            .collect::<Result<StringArray>>()?;
        answer(Arc::new(texts), constant)
    }
}

fn object(columns: &[(&ArrayRef, PgType)], row: usize) -> Result<String> {
    let mut members = Map::new();
    for pair in columns.chunks_exact(2) {
        let key = match to_json(pair[0].0, row, pair[0].1)? {
            Value::Null => return Err(invalid("argument 1: key must not be null")),
            Value::String(key) => key,
            other => other.to_string(),
        };
        members.insert(key, to_json(pair[1].0, row, pair[1].1)?);
    }
    print(&Value::Object(members))
}

/// One value of an array, as Postgres turns its type into JSON.
fn to_json(array: &ArrayRef, row: usize, pg_type: PgType) -> Result<Value> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    let number = |text: String| parse(&text);
    match array.data_type() {
        DataType::Boolean => Ok(Value::Bool(array.as_boolean().value(row))),
        other if other.is_integer() => {
            let wide = cast(&array.slice(row, 1), &DataType::Int64)?;
            number(wide.as_primitive::<Int64Type>().value(0).to_string())
        }
        DataType::Decimal128(_, scale) => {
            let unscaled = array.as_primitive::<Decimal128Type>().value(row);
            number(Numeric { unscaled, scale: scale.unsigned_abs() }.to_string())
        }
        DataType::Timestamp(_, zone) => {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            let micros = cast(&array.slice(row, 1), &micros)?;
            let micros = micros.as_primitive::<TimestampMicrosecondType>().value(0);
            let text = format_timestamptz(micros, Tz::UTC).replacen(' ', "T", 1);
            Ok(Value::String(match zone {
                Some(_) => format!("{text}:00"),
                None => text.trim_end_matches("+00").to_owned(),
            }))
        }
        DataType::List(item) => {
            let items = array.as_list::<i32>().value(row);
            let item_type = from_field(item).map_err(own)?;
            let values = (0..items.len()).map(|index| to_json(&items, index, item_type));
            Ok(Value::Array(values.collect::<Result<_>>()?))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Date32 => {
            let text = cast(&array.slice(row, 1), &DataType::Utf8)?;
            let text = text.as_string::<i32>().value(0).to_owned();
            match pg_type {
                PgType::Json | PgType::Jsonb => parse(&text),
                _ => Ok(Value::String(text)),
            }
        }
        other => Err(own(Error::unsupported(format!("to_jsonb of {other}")))),
    }
}
