//! A text that was something else: `id::text` is not told as a uuid, nor compared as one.
//!
//! A cast between values that arrow keeps alike changes nothing, not even the mark that says what
//! the value is. This function gives its argument back without it.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::sync::Arc;

pub(crate) fn unmarked() -> ScalarUDF {
    ScalarUDF::from(Unmarked { signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Unmarked {
    signature: Signature,
}

impl ScalarUDFImpl for Unmarked {
    fn name(&self) -> &str {
        "unmarked"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        types.first().cloned().ok_or_else(no_argument)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let field = args.arg_fields.first().ok_or_else(no_argument)?;
        let plain = Field::new(self.name(), field.data_type().clone(), field.is_nullable());
        Ok(Arc::new(plain))
    }

    /// Once it is planned, nothing asks for the mark any more.
    fn simplify(&self, args: Vec<Expr>, _info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match <[Expr; 1]>::try_from(args) {
            Ok([value]) => Ok(ExprSimplifyResult::Simplified(value)),
            Err(args) => Ok(ExprSimplifyResult::Original(args)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        args.args.into_iter().next().ok_or_else(no_argument)
    }
}

fn no_argument() -> DataFusionError {
    DataFusionError::Internal("no argument".to_owned())
}
