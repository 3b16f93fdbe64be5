//! Lists that functions giving rows are made of: `generate_subscripts` and `_pg_expandarray` are
//! `unnest` of one of these.

use super::any;
use crate::catalog::PG_TYPE_KEY;
use crate::function::simple::{answer, arrays, undefined};
use datafusion::arrow::array::builder::Int32Builder;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, ListArray, ListBuilder, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::sync::Arc;

pub(super) fn all() -> Vec<ScalarUDF> {
    vec![
        ScalarUDF::from(Subscripts { signature: any() }),
        ScalarUDF::from(Numbered { signature: any() }),
        ScalarUDF::from(OrEmpty { signature: any() }),
    ]
}

fn list_of(types: &[DataType], name: &str) -> Result<()> {
    match types.first() {
        Some(DataType::List(_)) => Ok(()),
        _ => Err(undefined(name, types)),
    }
}

/// The subscripts of an array: from 0 for the vectors of the catalogs, else from 1.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Subscripts {
    signature: Signature,
}

impl ScalarUDFImpl for Subscripts {
    fn name(&self) -> &str {
        "array_subscripts"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        list_of(types, "generate_subscripts")?;
        match types {
            [list, dimension] if dimension.is_integer() => Ok(vec![list.clone(), DataType::Int64]),
            _ => Err(undefined("generate_subscripts", types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::new_list(DataType::Int32, true))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let first = i32::from(!args.arg_fields.first().is_some_and(|field| is_vector(field)));
        let (arrays, constant) = arrays(&args)?;
        let [lists, dimensions] = arrays.as_slice() else {
            return Err(undefined("generate_subscripts", &[]));
        };
        let dimensions = dimensions.as_primitive::<datafusion::arrow::datatypes::Int64Type>();
        let mut subscripts = ListBuilder::new(Int32Builder::new());
        for (list, dimension) in lists.as_list::<i32>().iter().zip(dimensions) {
            // Lists have one dimension.
            let length = match (list, dimension) {
                (Some(list), Some(1)) => i32::try_from(list.len()).unwrap_or(i32::MAX),
                _ => 0,
            };
            subscripts.append_value((first..first + length).map(Some));
        }
        answer(Arc::new(subscripts.finish()), constant)
    }
}

fn is_vector(field: &Field) -> bool {
    field.metadata().get(PG_TYPE_KEY).is_some_and(|name| name.ends_with("vector"))
}

/// `(x, n)` for each element: its value and its number, from 1.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Numbered {
    signature: Signature,
}

fn numbered_fields(element: &DataType) -> Fields {
    Fields::from(vec![
        Field::new("x", element.clone(), true),
        Field::new("n", DataType::Int32, true),
    ])
}

fn element_type(list: &DataType) -> Result<&DataType> {
    match list {
        DataType::List(element) => Ok(element.data_type()),
        other => Err(undefined("_pg_expandarray", std::slice::from_ref(other))),
    }
}

impl ScalarUDFImpl for Numbered {
    fn name(&self) -> &str {
        "array_numbered"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        list_of(types, "_pg_expandarray")?;
        match types {
            [_] => Ok(types.to_vec()),
            _ => Err(undefined("_pg_expandarray", types)),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let list = types.first().ok_or_else(|| undefined("_pg_expandarray", types))?;
        let fields = numbered_fields(element_type(list)?);
        Ok(DataType::new_list(DataType::Struct(fields), true))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let lists = arrays.first().ok_or_else(|| undefined("_pg_expandarray", &[]))?;
        let fields = numbered_fields(element_type(lists.data_type())?);
        let lists = lists.as_list::<i32>();
        let mut values: Vec<ArrayRef> = Vec::new();
        let mut numbers = Vec::new();
        let mut lengths = Vec::new();
        for list in lists.iter() {
            let length = list.as_ref().map_or(0, |list| list.len());
            numbers.extend((1..).take(length));
            lengths.push(length);
            values.extend(list);
        }
        let parts: Vec<&dyn Array> = values.iter().map(AsRef::as_ref).collect();
        let values = match parts.is_empty() {
            true => datafusion::arrow::array::new_empty_array(element_type(lists.data_type())?),
            false => datafusion::arrow::compute::concat(&parts)?,
        };
        let pairs = StructArray::try_new(
            fields.clone(),
            vec![values, Arc::new(Int32Array::from(numbers))],
            None,
        )?;
        let item = Arc::new(Field::new_list_field(DataType::Struct(fields), true));
        let offsets = OffsetBuffer::from_lengths(lengths);
        let numbered = ListArray::try_new(item, offsets, Arc::new(pairs), lists.nulls().cloned())?;
        answer(Arc::new(numbered), constant)
    }
}

/// What `ARRAY(SELECT …)` gives where there are no rows: an empty array instead of NULL.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OrEmpty {
    signature: Signature,
}

impl ScalarUDFImpl for OrEmpty {
    fn name(&self) -> &str {
        "array_or_empty"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        list_of(types, self.name())?;
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        types.first().cloned().ok_or_else(|| undefined(self.name(), types))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        args.arg_fields.first().cloned().ok_or_else(|| {
            DataFusionError::Internal("array_or_empty was called without an argument".to_owned())
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let lists = arrays.first().ok_or_else(|| undefined(self.name(), &[]))?;
        let lists = lists.as_list::<i32>();
        let DataType::List(item) = lists.data_type() else {
            return Err(undefined(self.name(), &[]));
        };
        // A NULL may span values that do not count.
        let lengths: Vec<usize> =
            lists.iter().map(|list| list.map_or(0, |list| list.len())).collect();
        let parts: Vec<ArrayRef> = lists.iter().flatten().collect();
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        let values = match parts.is_empty() {
            true => datafusion::arrow::array::new_empty_array(item.data_type()),
            false => datafusion::arrow::compute::concat(&parts)?,
        };
        let filled = ListArray::try_new(
            Arc::clone(item),
            OffsetBuffer::from_lengths(lengths),
            values,
            None,
        )?;
        answer(Arc::new(filled), constant)
    }
}
