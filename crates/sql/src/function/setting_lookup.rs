//! `current_setting` of a name that is computed: the session's settings as they were when the
//! statement began.

use super::own;
use super::simple::{answer, arrays, undefined};
use crate::{Error, Fault, SessionSettings};
use datafusion::arrow::array::{AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SettingLookup {
    values: BTreeMap<String, String>,
    signature: Signature,
}

impl SettingLookup {
    pub(crate) fn new(settings: &SessionSettings) -> Self {
        let values =
            settings.rows().map(|row| (row.name.to_lowercase(), row.value.into_owned())).collect();
        SettingLookup { values, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn value(&self, name: &str, missing_ok: bool) -> Result<Option<&str>> {
        match self.values.get(&name.to_lowercase()) {
            Some(value) => Ok(Some(value)),
            None if missing_ok => Ok(None),
            None => Err(own(Error::new(
                Fault::UndefinedObject,
                format!("unrecognized configuration parameter \"{name}\""),
            ))),
        }
    }
}

impl ScalarUDFImpl for SettingLookup {
    fn name(&self) -> &str {
        "current_setting"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_] => Ok(vec![DataType::Utf8]),
            [_, _] => Ok(vec![DataType::Utf8, DataType::Boolean]),
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let names = arrays.first().ok_or_else(|| undefined(self.name(), &[]))?;
        let missing_ok = arrays.get(1).map(|array| array.as_boolean().clone());
        let values = names
            .as_string::<i32>()
            .iter()
            .enumerate()
            .map(|(row, name)| {
                let missing_ok = missing_ok.as_ref().is_some_and(|each| each.value(row));
                name.map_or(Ok(None), |name| self.value(name, missing_ok))
            })
            .collect::<Result<StringArray>>()?;
        answer(Arc::new(values), constant)
    }
}
