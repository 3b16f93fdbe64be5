//! `@>`, `<@` and `&&` of arrays. A NULL among the elements is equal to nothing.

use super::super::simple::{answer, arrays, undefined};
use super::{compared_as, element, keys};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Scalar};
use datafusion::arrow::compute::kernels::cmp;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::BinaryOperator;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Relation {
    Contains,
    Overlaps,
}

fn function(relation: Relation) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(ArrayRelation { relation, signature })
}

pub(super) fn all() -> Vec<ScalarUDF> {
    vec![function(Relation::Contains), function(Relation::Overlaps)]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayRelation {
    relation: Relation,
    signature: Signature,
}

impl ScalarUDFImpl for ArrayRelation {
    fn name(&self) -> &str {
        match self.relation {
            Relation::Contains => "arraycontains",
            Relation::Overlaps => "arrayoverlap",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = types else { return Err(undefined(self.name(), types)) };
        let item = |list| element(list).map_or(DataType::Null, |item| item.data_type().clone());
        let common = compared_as(self.name(), &item(left), &item(right))?;
        let list = DataType::new_list(common, true);
        Ok(vec![list.clone(), list])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [left, right] = arrays.as_slice() else { return Err(undefined(self.name(), &[])) };
        let (left, right) = (left.as_list::<i32>(), right.as_list::<i32>());
        let answers = (0..left.len())
            .map(|row| {
                if left.is_null(row) || right.is_null(row) {
                    return Ok(None);
                }
                let (left, right) = (keys(&left.value(row)), keys(&right.value(row)));
                let mut found = (0..right.len()).map(|index| holds(&left, &right, index));
                match self.relation {
                    Relation::Contains => all_of(found).map(Some),
                    Relation::Overlaps => found
                        .find_map(|each| match each {
                            Ok(false) => None,
                            other => Some(other),
                        })
                        .unwrap_or(Ok(false))
                        .map(Some),
                }
            })
            .collect::<Result<BooleanArray>>()?;
        answer(Arc::new(answers), constant)
    }
}

fn all_of(found: impl Iterator<Item = Result<bool>>) -> Result<bool> {
    for each in found {
        if !each? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether one of the elements equals the other array's element at this place.
fn holds(elements: &ArrayRef, others: &ArrayRef, index: usize) -> Result<bool> {
    let wanted = Scalar::new(others.slice(index, 1));
    Ok(cmp::eq(elements, &wanted)?.iter().any(|each| each == Some(true)))
}

/// Plans the operators where one side is an array.
#[derive(Debug)]
pub(crate) struct ArrayOperators;

impl ExprPlanner for ArrayOperators {
    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let (relation, swapped) = match raw.op {
            BinaryOperator::AtArrow => (Relation::Contains, false),
            BinaryOperator::ArrowAt => (Relation::Contains, true),
            BinaryOperator::PGOverlap => (Relation::Overlaps, false),
            _ => return Ok(PlannerResult::Original(raw)),
        };
        let is_array =
            |expr: &Expr| Ok::<_, DataFusionError>(element(&expr.get_type(schema)?).is_some());
        if !is_array(&raw.left)? && !is_array(&raw.right)? {
            return Ok(PlannerResult::Original(raw));
        }
        let args = match swapped {
            true => [raw.right, raw.left],
            false => [raw.left, raw.right],
        };
        Ok(PlannerResult::Planned(planned(relation, args.into(), schema)?))
    }
}

/// Whether the first array contains the second.
pub(crate) fn contains(args: Vec<Expr>, schema: &DFSchema) -> Result<Expr> {
    planned(Relation::Contains, args, schema)
}

fn planned(relation: Relation, mut args: Vec<Expr>, schema: &DFSchema) -> Result<Expr> {
    let types = args.iter().map(|arg| arg.get_type(schema)).collect::<Result<Vec<_>>>()?;
    let array = types.iter().find(|each| element(each).is_some()).cloned();
    for (arg, data_type) in args.iter_mut().zip(&types) {
        // An untyped literal is an array of the other's type.
        if let Expr::Literal(ScalarValue::Utf8(Some(text)), _) = arg
            && let Some(array) = &array
            && data_type == &DataType::Utf8
        {
            let items = super::super::array_text::parse(text)?;
            let items: Vec<ScalarValue> = items.into_iter().map(ScalarValue::Utf8).collect();
            let list = ScalarValue::List(ScalarValue::new_list_nullable(&items, &DataType::Utf8));
            *arg = Expr::Cast(Cast::new(Box::new(Expr::Literal(list, None)), array.clone()));
        }
    }
    let call = ScalarFunction::new_udf(Arc::new(function(relation)), args);
    Ok(Expr::ScalarFunction(call))
}
