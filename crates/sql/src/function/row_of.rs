//! `row_of('a', x, 'b', y)`: a row with named fields, which keep their Postgres types.
//!
//! `outer_row_of` is that of a table that an outer join may leave without a row: then it is NULL.

use super::simple::undefined;
use datafusion::arrow::array::{Array as _, StructArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

pub(super) fn row_of() -> ScalarUDF {
    named("row_of", Missing::IsRow)
}

pub(super) fn outer_row_of() -> ScalarUDF {
    named("outer_row_of", Missing::IsNull)
}

fn named(name: &'static str, missing: Missing) -> ScalarUDF {
    let signature = Signature::variadic_any(Volatility::Immutable);
    ScalarUDF::from(RowOf { name, missing, signature })
}

/// What a row is in which everything is NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Missing {
    /// A row like others.
    IsRow,
    /// No row: every row of the table has a value.
    IsNull,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RowOf {
    name: &'static str,
    missing: Missing,
    signature: Signature,
}

impl ScalarUDFImpl for RowOf {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Err(undefined(self.name(), types))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let names = args.scalar_arguments.iter().step_by(2);
        let values = args.arg_fields.iter().skip(1).step_by(2);
        let fields: Fields = names
            .zip(values)
            .map(|(name, field)| {
                let name = match name {
                    Some(ScalarValue::Utf8(Some(name))) => name.clone(),
                    _ => field.name().clone(),
                };
                Arc::new(field.as_ref().clone().with_name(name).with_nullable(true))
            })
            .collect();
        Ok(Arc::new(Field::new(self.name(), DataType::Struct(fields), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::Struct(fields) = args.return_field.data_type() else {
            return Err(undefined(self.name(), &[]));
        };
        let values = args.args.iter().skip(1).step_by(2);
        let arrays = values.map(|value| value.to_array(args.number_rows));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let there = match self.missing {
            Missing::IsRow => None,
            Missing::IsNull => Some(NullBuffer::from_iter(
                (0..args.number_rows).map(|row| arrays.iter().any(|array| array.is_valid(row))),
            )),
        };
        let rows = StructArray::try_new(fields.clone(), arrays, there)?;
        Ok(ColumnarValue::Array(Arc::new(rows)))
    }
}
