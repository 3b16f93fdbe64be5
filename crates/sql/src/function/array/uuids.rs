//! `x::uuid[]`: texts that are uuids, each in the one spelling that is compared.

use super::super::cast::uuid_text;
use super::super::simple::{answer, arrays, undefined};
use super::element;
use datafusion::arrow::array::{AsArray, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

pub(super) fn uuid_array() -> ScalarUDF {
    ScalarUDF::from(Uuids { signature: Signature::user_defined(Volatility::Immutable) })
}

fn texts() -> DataType {
    DataType::new_list(DataType::Utf8, true)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Uuids {
    signature: Signature,
}

impl ScalarUDFImpl for Uuids {
    fn name(&self) -> &str {
        "uuid_array"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [list] if list.is_null() || element(list).is_some() => Ok(vec![texts()]),
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(texts())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [lists] = arrays.as_slice() else { return Err(undefined(self.name(), &[])) };
        let lists = lists.as_list::<i32>();
        // Not the values of all lists at once: some may be of rows that are not here.
        let mut uuids = ListBuilder::new(StringBuilder::new());
        for list in lists.iter() {
            if let Some(list) = &list {
                for item in list.as_string::<i32>() {
                    uuids.values().append_option(item.map(uuid_text).transpose()?);
                }
            }
            uuids.append(list.is_some());
        }
        answer(Arc::new(uuids.finish()), constant)
    }
}
