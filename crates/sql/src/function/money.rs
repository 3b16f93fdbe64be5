//! `format_amount(amount, asset)`: minor units as a decimal text, `12.34`.

use super::own;
use super::simple::{answer, arrays, undefined};
use crate::{Error, Fault, Numeric};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use store::{AssetRow, Ledger, View};

pub(super) fn format_amount(ledger: Ledger) -> ScalarUDF {
    function(Assets::Newest(ledger))
}

/// The function as it answers from one view: of the assets that are there, staged ones included.
pub(crate) fn format_amount_at(view: &View) -> ScalarUDF {
    function(Assets::At(view.clone()))
}

fn function(assets: Assets) -> ScalarUDF {
    ScalarUDF::from(FormatAmount { assets, signature: Signature::user_defined(Volatility::Stable) })
}

/// Whether a function is this one and has to be told which view the statement reads.
pub(crate) fn is_format_amount(name: &str) -> bool {
    name == NAME
}

const NAME: &str = "format_amount";

/// Where an asset's precision is looked up. It never changes, but an asset is not always there.
#[derive(Debug)]
enum Assets {
    Newest(Ledger),
    At(View),
}

impl Assets {
    fn rows(&self) -> Vec<AssetRow> {
        match self {
            Assets::Newest(ledger) => ledger.view().assets(),
            Assets::At(view) => view.assets(),
        }
    }
}

#[derive(Debug)]
struct FormatAmount {
    assets: Assets,
    signature: Signature,
}

/// All functions of one plan are told the same view.
impl PartialEq for FormatAmount {
    fn eq(&self, other: &Self) -> bool {
        self.signature == other.signature
    }
}

impl Eq for FormatAmount {}

impl Hash for FormatAmount {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.signature.hash(state);
    }
}

impl ScalarUDFImpl for FormatAmount {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [amount, _] if amount.is_integer() => {
                Ok(vec![DataType::Decimal128(38, 0), DataType::Utf8])
            }
            [DataType::Decimal128(_, scale), _] => {
                Ok(vec![DataType::Decimal128(38, *scale), DataType::Utf8])
            }
            // A constant without a type is a numeric.
            [DataType::Utf8, _] => Ok(vec![DataType::Utf8, DataType::Utf8]),
            [DataType::Null, _] => Ok(vec![DataType::Decimal128(38, 0), DataType::Utf8]),
            _ => Err(undefined(NAME, types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [amounts, assets] = arrays.as_slice() else {
            return Err(undefined(NAME, &[]));
        };
        let amounts = minor_units(amounts)?;
        let assets = assets.as_string::<i32>();
        let precisions: HashMap<String, u8> = self
            .assets
            .rows()
            .into_iter()
            .map(|row| (row.asset.id.as_str().to_owned(), row.asset.precision))
            .collect();
        let texts = (0..assets.len())
            .map(|row| {
                let Some(unscaled) = amounts[row].filter(|_| assets.is_valid(row)) else {
                    return Ok(None);
                };
                let asset = assets.value(row);
                let precision = precisions.get(asset).ok_or_else(|| unknown_asset(asset))?;
                let amount = Numeric { unscaled, scale: *precision };
                Ok(Some(amount.to_string()))
            })
            .collect::<Result<StringArray>>()?;
        answer(Arc::new(texts), constant)
    }
}

/// Whole numbers; a fraction may be written, of zeros.
fn minor_units(amounts: &ArrayRef) -> Result<Vec<Option<i128>>> {
    let whole = |number: Numeric| {
        number.to_integer().ok_or_else(|| {
            let message = format!("an amount is a whole number of minor units, not {number}");
            own(Error::new(Fault::InvalidParameterValue, message))
        })
    };
    if let DataType::Utf8 = amounts.data_type() {
        let numbers = amounts.as_string::<i32>().iter().map(|text| {
            text.map(|text| super::numeric_cast::parse(text).and_then(whole)).transpose()
        });
        return numbers.collect();
    }
    let amounts = amounts.as_primitive::<Decimal128Type>();
    let scale = amounts.scale().unsigned_abs();
    let numbers = amounts
        .iter()
        .map(|unscaled| unscaled.map(|unscaled| whole(Numeric { unscaled, scale })).transpose());
    numbers.collect()
}

fn unknown_asset(asset: &str) -> datafusion::error::DataFusionError {
    own(Error::new(Fault::InvalidParameterValue, format!("asset \"{asset}\" does not exist")))
}
