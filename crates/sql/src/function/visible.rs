//! `pg_table_is_visible(oid)`: whether a relation is found by its name alone, on the search path
//! that a session starts with.

use super::simple::{answer, arrays, integers, undefined};
use crate::catalog::ByOid;
use datafusion::arrow::array::BooleanArray;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

const NAME: &str = "pg_table_is_visible";

/// `classes` has the names of relations as `regclass` shows them.
pub(super) fn pg_table_is_visible(classes: &ByOid) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(IsVisible { classes: Arc::clone(classes), signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct IsVisible {
    classes: ByOid,
    signature: Signature,
}

impl ScalarUDFImpl for IsVisible {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_] => Ok(vec![DataType::Int64]),
            _ => Err(undefined(NAME, types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let oids = arrays.first().ok_or_else(|| undefined(NAME, &[]))?;
        let visible: BooleanArray = integers(oids)?
            .into_iter()
            .map(|oid| self.classes.get(&oid?).map(|name| !name.contains('.')))
            .collect();
        answer(Arc::new(visible), constant)
    }
}
