//! json and jsonb out of other values: `to_jsonb`, `jsonb_build_object`, `row_to_json` and their kin.
//!
//! jsonb is written as jsonb is; json as Postgres puts it together, with what is json already left
//! as it was written.

use super::document::{parse, print};
use crate::function::cast::session_zone;
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
    DataType, Decimal128Type, Field, FieldRef, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
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
    /// A key and a value, for an aggregate.
    Pair,
    /// A value for an aggregate, lists and rows on lines of their own.
    Item,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Build {
    name: &'static str,
    shape: Shape,
    json: bool,
    signature: Signature,
}

pub(in crate::function) fn all() -> Vec<ScalarUDF> {
    let function = |name: &'static str, shape| {
        let signature = Signature::variadic_any(Volatility::Stable);
        let json = !name.contains("jsonb");
        ScalarUDF::from(Build { name, shape, json, signature })
    };
    vec![
        function("to_jsonb", Shape::Value),
        function("jsonb_build_object", Shape::Object),
        function("jsonb_build_array", Shape::Array),
        function("jsonb_pair", Shape::Pair),
        function("to_json", Shape::Value),
        function("row_to_json", Shape::Value),
        function("array_to_json", Shape::Value),
        function("json_build_object", Shape::Object),
        function("json_build_array", Shape::Array),
        function("json_pair", Shape::Pair),
        function("json_item", Shape::Item),
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
        Ok(typed_field(self.name, if self.json { PgType::Json } else { PgType::Jsonb }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let zone = session_zone(&args.config_options);
        let types = args.arg_fields.iter().map(|field| type_of(field));
        let types = types.collect::<Result<Vec<_>>>()?;
        let columns = arrays.iter().zip(types);
        let columns: Vec<Column<'_>> =
            columns.map(|(array, pg_type)| Column { array, pg_type, zone }).collect();
        let rows = if constant { 1 } else { args.number_rows };
        let texts =
            (0..rows).map(|row| self.text(&columns, row)).collect::<Result<StringArray>>()?;
        answer(Arc::new(texts), constant)
    }
}

impl Build {
    fn text(&self, columns: &[Column<'_>], row: usize) -> Result<Option<String>> {
        let text = match (self.shape, columns) {
            (Shape::Value, [only]) if only.is_null(row) => return Ok(None),
            (Shape::Value, [only]) if self.json => only.json_text(row)?,
            (Shape::Value, [only]) => print(&only.value(row)?)?,
            (Shape::Item, [only]) => {
                let line = if only.is_structured() { "\n " } else { "" };
                format!("{line}{}", only.json_text(row)?)
            }
            (Shape::Value | Shape::Item, _) => {
                return Err(invalid(&format!("{} takes one argument", self.name)));
            }
            (Shape::Pair, [key, value]) if self.json => {
                format!("{} : {}", Value::String(key.key(row, 1)?), value.json_text(row)?)
            }
            (Shape::Pair, [key, value]) => {
                print(&Value::Array(vec![Value::String(key.key(row, 1)?), value.value(row)?]))?
            }
            (Shape::Object, pairs) if self.json => {
                let members = pairs.chunks_exact(2).enumerate().map(|(index, pair)| {
                    let key = Value::String(pair[0].key(row, 2 * index + 1)?);
                    Ok(format!("{key} : {}", pair[1].json_text(row)?))
                });
                format!("{{{}}}", members.collect::<Result<Vec<_>>>()?.join(", "))
            }
            (Shape::Object, pairs) => {
                let members = pairs.chunks_exact(2).enumerate().map(|(index, pair)| {
                    Ok((pair[0].key(row, 2 * index + 1)?, pair[1].value(row)?))
                });
                print(&Value::Object(members.collect::<Result<Map<_, _>>>()?))?
            }
            (_, items) if self.json => {
                let items = items.iter().map(|item| item.json_text(row));
                format!("[{}]", items.collect::<Result<Vec<_>>>()?.join(", "))
            }
            (_, items) => {
                let items = items.iter().map(|item| item.value(row));
                print(&Value::Array(items.collect::<Result<_>>()?))?
            }
        };
        Ok(Some(text))
    }
}

/// A row has no Postgres type of its own here, and needs none.
fn type_of(field: &Field) -> Result<PgType> {
    match field.data_type() {
        DataType::Struct(_) => Ok(PgType::Unknown),
        _ => from_field(field).map_err(own),
    }
}

/// The values of an argument.
#[derive(Clone, Copy)]
struct Column<'a> {
    array: &'a ArrayRef,
    pg_type: PgType,
    /// Times are written in it.
    zone: Tz,
}

impl Column<'_> {
    fn is_null(&self, row: usize) -> bool {
        self.array.data_type().is_null() || self.array.is_null(row)
    }

    fn is_structured(&self) -> bool {
        matches!(self.array.data_type(), DataType::List(_) | DataType::Struct(_))
    }

    /// A member's name; `argument` counts from 1.
    fn key(&self, row: usize, argument: usize) -> Result<String> {
        match self.value(row)? {
            Value::Null => Err(invalid(&format!("argument {argument}: key must not be null"))),
            Value::String(key) => Ok(key),
            Value::Array(_) | Value::Object(_) => {
                Err(invalid("key value must be scalar, not array, composite, or json"))
            }
            other => Ok(other.to_string()),
        }
    }

    fn value(&self, row: usize) -> Result<Value> {
        match self.is_null(row) {
            true => Ok(Value::Null),
            false => to_json(self, row),
        }
    }

    /// As json: lists and rows without spaces, documents as they are.
    fn json_text(&self, row: usize) -> Result<String> {
        if self.is_null(row) {
            return Ok("null".to_owned());
        }
        match self.array.data_type() {
            DataType::List(item) => {
                let items = self.array.as_list::<i32>().value(row);
                let pg_type = type_of(item)?;
                let column = Column { array: &items, pg_type, zone: self.zone };
                let items = (0..items.len()).map(|index| column.json_text(index));
                Ok(format!("[{}]", items.collect::<Result<Vec<_>>>()?.join(",")))
            }
            DataType::Struct(fields) => {
                let columns = self.array.as_struct().columns();
                let members = fields.iter().zip(columns).map(|(field, array)| {
                    let column = Column { array, pg_type: type_of(field)?, zone: self.zone };
                    let key = Value::String(field.name().clone());
                    Ok(format!("{key}:{}", column.json_text(row)?))
                });
                Ok(format!("{{{}}}", members.collect::<Result<Vec<_>>>()?.join(",")))
            }
            _ if matches!(self.pg_type, PgType::Json | PgType::Jsonb) => {
                let text = cast(&self.array.slice(row, 1), &DataType::Utf8)?;
                Ok(text.as_string::<i32>().value(0).to_owned())
            }
            _ => print(&to_json(self, row)?),
        }
    }
}

/// One value of an array, as Postgres turns its type into JSON.
fn to_json(column: &Column<'_>, row: usize) -> Result<Value> {
    let Column { array, pg_type, zone: session } = *column;
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
            let shown = if zone.is_some() { session } else { Tz::UTC };
            let text = format_timestamptz(micros, shown).replacen(' ', "T", 1);
            // An offset has its minutes here.
            let whole = text.len() >= 3 && matches!(text.as_bytes()[text.len() - 3], b'+' | b'-');
            Ok(Value::String(match zone {
                Some(_) if whole => format!("{text}:00"),
                Some(_) => text,
                None => text.trim_end_matches("+00").to_owned(),
            }))
        }
        DataType::List(item) => {
            let items = array.as_list::<i32>().value(row);
            let column = Column { array: &items, pg_type: type_of(item)?, zone: session };
            let values = (0..items.len()).map(|index| column.value(index));
            Ok(Value::Array(values.collect::<Result<_>>()?))
        }
        DataType::Struct(fields) => {
            let members = fields.iter().zip(array.as_struct().columns()).map(|(field, array)| {
                let column = Column { array, pg_type: type_of(field)?, zone: session };
                Ok((field.name().clone(), column.value(row)?))
            });
            Ok(Value::Object(members.collect::<Result<_>>()?))
        }
        DataType::Float32 | DataType::Float64 => {
            let value = cast(&array.slice(row, 1), &DataType::Float64)?;
            let value = value.as_primitive::<Float64Type>().value(0);
            match value.is_finite() {
                true => number(value.to_string()),
                false => Ok(Value::String(value.to_string())),
            }
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Date32 => {
            let text = cast(&array.slice(row, 1), &DataType::Utf8)?;
            let text = text.as_string::<i32>().value(0).to_owned();
            match pg_type {
                PgType::Json | PgType::Jsonb => parse(&text),
                _ => Ok(Value::String(text)),
            }
        }
        other => Err(own(Error::unsupported(format!("json of a value of type {other}")))),
    }
}
