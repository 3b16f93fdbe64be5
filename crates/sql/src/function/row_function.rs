//! Functions whose body is written for one row: texts, lists and integers in, one value out.
//!
//! NULL in, NULL out, unless a function says that it looks at NULLs itself.

use super::simple::{answer, arrays, integers, undefined};
use crate::PgType;
use crate::catalog::{PG_TYPE_KEY, arrow_type};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Int32Builder, ListBuilder, StringArray, StringBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a parameter takes; an untyped literal is read as what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Text,
    TextList,
    Int,
}

#[derive(Debug)]
pub(super) enum Arg<'a> {
    Text(&'a str),
    List(Vec<Option<String>>),
    Int(i64),
}

impl Arg<'_> {
    pub(super) fn text(&self) -> &str {
        match self {
            Arg::Text(text) => text,
            _ => "",
        }
    }

    pub(super) fn list(&self) -> &[Option<String>] {
        match self {
            Arg::List(list) => list,
            _ => &[],
        }
    }

    pub(super) fn int(&self) -> i64 {
        match self {
            Arg::Int(value) => *value,
            _ => 0,
        }
    }
}

#[derive(Debug)]
pub(super) enum Out {
    Null,
    Text(String),
    Bool(bool),
    Int(i32),
    List(Vec<Option<String>>),
}

type Body = fn(&[Arg<'_>]) -> Result<Out>;

/// One function with one list of parameters.
pub(super) struct RowFunction {
    name: &'static str,
    takes: &'static [Takes],
    returns: PgType,
    signature: Signature,
    body: Body,
}

impl std::fmt::Debug for RowFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowFunction").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for RowFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for RowFunction {}

impl Hash for RowFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

pub(super) fn row_function(
    name: &'static str,
    takes: &'static [Takes],
    returns: PgType,
    body: Body,
) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(RowFunction { name, takes, returns, signature, body })
}

fn text_list() -> DataType {
    DataType::new_list(DataType::Utf8, true)
}

impl ScalarUDFImpl for RowFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.len() != self.takes.len() {
            return Err(undefined(self.name, types));
        }
        let is_text = |each: &DataType| {
            matches!(each, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        };
        types
            .iter()
            .zip(self.takes)
            .map(|(each, takes)| match takes {
                Takes::Text if is_text(each) || each.is_null() => Ok(DataType::Utf8),
                Takes::Int if each.is_integer() || each.is_null() => Ok(DataType::Int64),
                Takes::TextList if is_text(each) => Ok(DataType::Utf8),
                Takes::TextList if each.is_null() => Ok(text_list()),
                Takes::TextList if matches!(each, DataType::List(item) if is_text(item.data_type()) || item.data_type().is_null()) => {
                    Ok(text_list())
                }
                _ => Err(undefined(self.name, types)),
            })
            .collect()
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(self.returns))
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(typed_field(self.name, self.returns))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let columns = arrays.iter().map(Column::new).collect::<Result<Vec<_>>>()?;
        let rows = arrays.first().map_or(1, |array| array.len());
        let values = (0..rows).map(|row| {
            let args: Option<Vec<Arg<'_>>> = columns
                .iter()
                .zip(self.takes)
                .map(|(column, takes)| column.get(row, *takes))
                .collect::<Result<_>>()?;
            args.map_or(Ok(Out::Null), |args| (self.body)(&args))
        });
        answer(collect(values, self.returns)?, constant)
    }
}

/// A field that tells its Postgres type.
pub(super) fn typed_field(name: &str, pg_type: PgType) -> FieldRef {
    let metadata = HashMap::from([(PG_TYPE_KEY.to_owned(), pg_type.name().to_owned())]);
    Arc::new(Field::new(name, arrow_type(pg_type), true).with_metadata(metadata))
}

/// An argument for all rows.
enum Column {
    Text(StringArray),
    List(ArrayRef),
    Int(Vec<Option<i64>>),
}

impl Column {
    fn new(array: &ArrayRef) -> Result<Column> {
        Ok(match array.data_type() {
            DataType::Utf8 => Column::Text(array.as_string().clone()),
            DataType::List(_) => Column::List(Arc::clone(array)),
            _ => Column::Int(integers(array)?),
        })
    }

    fn get(&self, row: usize, takes: Takes) -> Result<Option<Arg<'_>>> {
        Ok(match self {
            Column::Text(texts) if texts.is_null(row) => None,
            Column::Text(texts) if takes == Takes::TextList => {
                Some(Arg::List(super::array_text::parse(texts.value(row))?))
            }
            Column::Text(texts) => Some(Arg::Text(texts.value(row))),
            Column::List(lists) if lists.is_null(row) => None,
            Column::List(lists) => {
                let items = cast(&lists.as_list::<i32>().value(row), &DataType::Utf8)?;
                let items = items.as_string::<i32>().iter();
                Some(Arg::List(items.map(|item| item.map(str::to_owned)).collect()))
            }
            Column::Int(values) => values[row].map(Arg::Int),
        })
    }
}

fn collect(values: impl Iterator<Item = Result<Out>>, pg_type: PgType) -> Result<ArrayRef> {
    let broken = || DataFusionError::Internal("a function answered another type".to_owned());
    match arrow_type(pg_type) {
        DataType::Boolean => {
            let mut array = BooleanBuilder::new();
            for value in values {
                array.append_option(match value? {
                    Out::Null => None,
                    Out::Bool(value) => Some(value),
                    _ => return Err(broken()),
                });
            }
            Ok(Arc::new(array.finish()))
        }
        DataType::Int32 => {
            let mut array = Int32Builder::new();
            for value in values {
                array.append_option(match value? {
                    Out::Null => None,
                    Out::Int(value) => Some(value),
                    _ => return Err(broken()),
                });
            }
            Ok(Arc::new(array.finish()))
        }
        DataType::List(_) => {
            let mut array = ListBuilder::new(StringBuilder::new());
            for value in values {
                match value? {
                    Out::Null => array.append_null(),
                    Out::List(items) => array.append_value(items),
                    _ => return Err(broken()),
                }
            }
            Ok(Arc::new(array.finish()))
        }
        _ => {
            let mut array = StringBuilder::new();
            for value in values {
                array.append_option(match value? {
                    Out::Null => None,
                    Out::Text(value) => Some(value),
                    _ => return Err(broken()),
                });
            }
            Ok(Arc::new(array.finish()))
        }
    }
}
