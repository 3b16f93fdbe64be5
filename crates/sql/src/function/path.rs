//! `path_prefixes(path)`: an account's path and every path above it.

use super::simple::{answer, arrays, undefined};
use datafusion::arrow::array::{AsArray, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// What stands between the parts of a path.
const SEPARATOR: char = ':';

pub(super) fn path_prefixes() -> ScalarUDF {
    ScalarUDF::from(PathPrefixes { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PathPrefixes {
    signature: Signature,
}

/// `treasury:btc:hot` gives `treasury`, `treasury:btc` and itself.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices(SEPARATOR).map(|(end, _)| end);
    ends.chain(std::iter::once(path.len())).map(|end| &path[..end])
}

impl ScalarUDFImpl for PathPrefixes {
    fn name(&self) -> &str {
        "path_prefixes"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null] => {
                Ok(vec![DataType::Utf8])
            }
            _ => Err(undefined("path_prefixes", types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [paths] = arrays.as_slice() else { return Err(undefined("path_prefixes", &[])) };
        let mut lists = ListBuilder::new(StringBuilder::new());
        for path in paths.as_string::<i32>() {
            if let Some(path) = path {
                prefixes(path).for_each(|prefix| lists.values().append_value(prefix));
            }
            lists.append(path.is_some());
        }
        answer(Arc::new(lists.finish()), constant)
    }
}

#[cfg(test)]
mod tests {
    use super::prefixes;

    #[test]
    fn a_path_lies_under_each_of_its_prefixes() {
        let cases: [(&str, &[&str]); 5] = [
            ("cash", &["cash"]),
            ("treasury:btc:hot", &["treasury", "treasury:btc", "treasury:btc:hot"]),
            ("kasa:č:1", &["kasa", "kasa:č", "kasa:č:1"]),
            // Whatever a path may be, each prefix ends before a separator.
            (":a", &["", ":a"]),
            ("a::b", &["a", "a:", "a::b"]),
        ];
        for (path, expected) in cases {
            assert_eq!(prefixes(path).collect::<Vec<_>>(), expected, "{path}");
        }
    }
}
