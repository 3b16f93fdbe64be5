//! Functions that give one of their arguments, with the mark that says what that is.
//!
//! DataFusion's `coalesce` of documents is a text to whoever reads its field; Postgres' is jsonb.
//! All else is left to the functions themselves.

use crate::catalog::PG_TYPE_KEY;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result;
use datafusion::functions::core::{coalesce, greatest, least, nullif};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::sync::Arc;

pub(super) fn all() -> Vec<ScalarUDF> {
    [coalesce(), nullif(), greatest(), least()]
        .into_iter()
        .map(|function| ScalarUDF::from(Marked { function }))
        .collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Marked {
    function: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for Marked {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let is_typed = |each: &&DataType| !matches!(each, DataType::Utf8 | DataType::Null);
        self.function.coerce_types(types).or_else(|error| {
            // A literal becomes what stands beside it; a text that is none is refused later.
            let mut typed = types.iter().filter(is_typed);
            match typed.next() {
                Some(first) if typed.all(|each| each == first) => {
                    Ok(vec![first.clone(); types.len()])
                }
                _ => Err(error),
            }
        })
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let mark = args.arg_fields.iter().find_map(|field| field.metadata().get(PG_TYPE_KEY));
        let mark = mark.cloned();
        let field = self.function.return_field_from_args(args)?;
        let (Some(mark), DataType::Utf8) = (mark, field.data_type()) else { return Ok(field) };
        let metadata = [(PG_TYPE_KEY.to_owned(), mark)].into();
        Ok(Arc::new(field.as_ref().clone().with_metadata(metadata)))
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.function.simplify(args, info)
    }

    fn conditional_arguments<'a>(
        &self,
        args: &'a [Expr],
    ) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.function.conditional_arguments(args)
    }

    fn short_circuits(&self) -> bool {
        self.function.short_circuits()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.function.invoke_with_args(args)
    }
}
