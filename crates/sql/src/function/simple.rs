//! The shape most of our functions have: a name, argument types, a result type, a body over rows.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use std::hash::{Hash, Hasher};

/// A function from texts to a text; NULL in, NULL out.
/// The name alone tells one from another.
#[derive(Debug)]
pub(super) struct TextFunction {
    name: &'static str,
    signature: Signature,
    body: fn(&str) -> Result<Option<String>>,
}

impl PartialEq for TextFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TextFunction {}

impl Hash for TextFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl TextFunction {
    pub(super) fn udf(name: &'static str, body: fn(&str) -> Result<Option<String>>) -> ScalarUDF {
        ScalarUDF::from(TextFunction {
            name,
            signature: Signature::user_defined(Volatility::Immutable),
            body,
        })
    }
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null] => {
                Ok(vec![DataType::Utf8])
            }
            _ => Err(undefined(self.name, types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Scalar(value)) => {
                let text = value.try_as_str().flatten().map(self.body).transpose()?;
                Ok(ColumnarValue::Scalar(ScalarValue::Utf8(text.flatten())))
            }
            Some(ColumnarValue::Array(array)) => {
                let texts = array
                    .as_string::<i32>()
                    .iter()
                    .map(|text| text.map(self.body).transpose().map(Option::flatten))
                    .collect::<Result<StringArray>>()?;
                Ok(ColumnarValue::Array(std::sync::Arc::new(texts)))
            }
            None => Err(undefined(self.name, &[])),
        }
    }
}

/// As Postgres words it: the function's name and what it was called with.
pub(crate) fn undefined(name: &str, types: &[DataType]) -> DataFusionError {
    let types: Vec<String> = types
        .iter()
        .map(|each| match crate::query::from_arrow(each) {
            Ok(pg_type) => pg_type.name().to_owned(),
            Err(_) => each.to_string(),
        })
        .collect();
    super::own(crate::Error::new(
        crate::Fault::UndefinedFunction,
        format!("function {name}({}) does not exist", types.join(", ")),
    ))
}

/// The arguments as arrays of one length, and whether they were all constants.
pub(super) fn arrays(args: &ScalarFunctionArgs) -> Result<(Vec<ArrayRef>, bool)> {
    let constant = args.args.iter().all(|each| matches!(each, ColumnarValue::Scalar(_)));
    let rows = if constant { 1 } else { args.number_rows };
    let arrays = args.args.iter().map(|each| each.to_array(rows)).collect::<Result<Vec<_>>>()?;
    Ok((arrays, constant))
}

/// An array as it is, or its only row as a constant.
pub(super) fn answer(array: ArrayRef, constant: bool) -> Result<ColumnarValue> {
    match constant {
        true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)),
        false => Ok(ColumnarValue::Array(array)),
    }
}

/// Oids and other small integers, whatever width they came in; texts are read as numbers.
pub(super) fn integers(array: &ArrayRef) -> Result<Vec<Option<i64>>> {
    let wide = cast(array, &DataType::Int64)?;
    let wide = wide.as_primitive::<datafusion::arrow::datatypes::Int64Type>();
    Ok((0..wide.len()).map(|row| wide.is_valid(row).then(|| wide.value(row))).collect())
}
