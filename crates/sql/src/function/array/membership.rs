//! `x = ANY (array)`, `x > ALL (array)`: three-valued, as in Postgres.

use super::super::simple::{answer, arrays, undefined};
use super::{compared_as, element, keys};
use datafusion::arrow::array::{Array, AsArray, BooleanArray, Scalar};
use datafusion::arrow::compute::kernels::cmp;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::error::Result;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

type Kernel = fn(
    &dyn datafusion::arrow::array::Datum,
    &dyn datafusion::arrow::array::Datum,
) -> Result<BooleanArray, ArrowError>;

/// Name, what each element is compared by, and what a comparison decides when it comes out so.
/// Elements stand on the left: `x < ANY (a)` asks for an element that is greater.
const FUNCTIONS: [(&str, Kernel, bool); 12] = [
    ("any_equal", cmp::eq, true),
    ("any_not_equal", cmp::neq, true),
    ("any_greater", cmp::gt, true),
    ("any_greater_or_equal", cmp::gt_eq, true),
    ("any_less", cmp::lt, true),
    ("any_less_or_equal", cmp::lt_eq, true),
    ("all_equal", cmp::eq, false),
    ("all_not_equal", cmp::neq, false),
    ("all_greater", cmp::gt, false),
    ("all_greater_or_equal", cmp::gt_eq, false),
    ("all_less", cmp::lt, false),
    ("all_less_or_equal", cmp::lt_eq, false),
];

pub(super) fn all() -> Vec<ScalarUDF> {
    FUNCTIONS.into_iter().map(|(name, kernel, decides)| function(name, kernel, decides)).collect()
}

fn function(name: &'static str, kernel: Kernel, decides: bool) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(Membership { name, kernel, decides, signature })
}

/// Whether a function compares its second argument with the elements of its first.
pub(crate) fn compares_elements(name: &str) -> bool {
    name == "array_has" || FUNCTIONS.iter().any(|(known, ..)| *known == name)
}

/// `x = ANY (array)`.
pub(crate) fn equals_any() -> ScalarUDF {
    function("any_equal", cmp::eq, true)
}

struct Membership {
    name: &'static str,
    kernel: Kernel,
    decides: bool,
    signature: Signature,
}

impl std::fmt::Debug for Membership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Membership").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for Membership {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Membership {}

impl Hash for Membership {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Membership {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [list, value] = types else { return Err(undefined(self.name, types)) };
        if list.is_null() {
            return Ok(vec![DataType::new_list(value.clone(), true), value.clone()]);
        }
        let element = element(list).ok_or_else(|| undefined(self.name, types))?;
        let common = compared_as(self.name, value, element.data_type())?;
        Ok(vec![DataType::new_list(common.clone(), true), common])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    /// A list that is known is one that indexes are asked for; one without elements, or none at
    /// all, decides without them.
    fn simplify(&self, args: Vec<Expr>, _info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if let [Expr::Literal(ScalarValue::List(list), _), _] = args.as_slice()
            && (list.is_null(0) || list.value_length(0) == 0)
        {
            let answer = list.is_valid(0).then_some(!self.decides);
            let answer = Expr::Literal(ScalarValue::Boolean(answer), None);
            return Ok(ExprSimplifyResult::Simplified(answer));
        }
        let negated = match self.name {
            "any_equal" => false,
            "all_not_equal" => true,
            _ => return Ok(ExprSimplifyResult::Original(args)),
        };
        if let [Expr::Literal(ScalarValue::List(list), _), value] = args.as_slice()
            && !matches!(list.value_type(), DataType::Interval(_))
        {
            let items = list.value(0);
            let list = (0..items.len())
                .map(|index| Ok(Expr::Literal(ScalarValue::try_from_array(&items, index)?, None)))
                .collect::<Result<Vec<_>>>()?;
            let expr = Box::new(value.clone());
            return Ok(ExprSimplifyResult::Simplified(Expr::InList(InList {
                expr,
                list,
                negated,
            })));
        }
        Ok(ExprSimplifyResult::Original(args))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [lists, values] = arrays.as_slice() else { return Err(undefined(self.name, &[])) };
        let lists = lists.as_list::<i32>();
        let answers = (0..lists.len())
            .map(|row| {
                if lists.is_null(row) {
                    return Ok(None);
                }
                let items = keys(&lists.value(row));
                let value = Scalar::new(keys(&values.slice(row, 1)));
                let compared = (self.kernel)(&items, &value)?;
                // One that decides is enough; without one, an unknown leaves it open.
                let decided = compared.iter().any(|each| each == Some(self.decides));
                Ok(match (decided, compared.null_count()) {
                    (true, _) => Some(self.decides),
                    (false, 0) => Some(!self.decides),
                    (false, _) => None,
                })
            })
            .collect::<Result<BooleanArray>>()?;
        answer(Arc::new(answers), constant)
    }
}
