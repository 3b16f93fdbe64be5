//! Oids by name: `'accounts'::regclass`, `to_regtype('text')` and their kin.

use super::{any, oid_types};
use crate::catalog::Definitions;
use crate::function::own;
use crate::function::simple::{answer, arrays, integers, undefined};
use crate::{Error, Fault, PgType};
use datafusion::arrow::array::{ArrayRef, AsArray, Int32Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Oids by name; several functions may have one name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Names(Arc<BTreeMap<String, Vec<i64>>>);

impl Names {
    pub(super) fn new<const N: usize>(texts: [&BTreeMap<i64, String>; N]) -> Self {
        let mut names: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for (oid, text) in texts.into_iter().flatten() {
            let oids = names.entry(text.clone()).or_default();
            if !oids.contains(oid) {
                oids.push(*oid);
            }
        }
        Names(Arc::new(names))
    }

    /// By the name as a person writes it: with its schema or without, with quotes or without.
    fn find(&self, name: &str) -> &[i64] {
        let name = name.trim();
        let bare = name
            .strip_prefix("public.")
            .or_else(|| name.strip_prefix("pg_catalog."))
            .unwrap_or(name);
        let unquoted = bare.trim_matches('"');
        [bare, unquoted]
            .into_iter()
            .find_map(|name| self.0.get(name))
            .or_else(|| {
                self.0.get(&PgType::from_name(unquoted).map(|known| known.name())?.to_owned())
            })
            .map_or(&[], Vec::as_slice)
    }

    /// The oid of a name that only one has.
    pub(super) fn only(&self, name: &str) -> Option<i64> {
        match self.find(name) {
            [only] => Some(*only),
            _ => None,
        }
    }
}

pub(super) fn all(known: &Definitions) -> Vec<ScalarUDF> {
    let types = Names::new([known.types.as_ref(), known.type_names.as_ref()]);
    let kinds = [
        ("regclass", "to_regclass", Names::new([known.classes.as_ref()])),
        ("regtype", "to_regtype", types),
        ("regproc", "to_regproc", Names::new([known.functions.as_ref()])),
        ("regprocedure", "to_regprocedure", Names::new([known.signatures.as_ref()])),
        ("regnamespace", "to_regnamespace", Names::new([known.namespaces.as_ref()])),
        ("regrole", "to_regrole", Names::new([known.roles.as_ref()])),
        ("oid", "", Names::new([])),
    ];
    let mut functions = Vec::new();
    for (name, or_null, names) in kinds {
        functions.push(OidByText { name, names: names.clone(), missing: Missing::IsAnError });
        if !or_null.is_empty() {
            functions.push(OidByText { name: or_null, names, missing: Missing::IsNull });
        }
    }
    functions
        .into_iter()
        .map(|function| ScalarUDF::from(OidFunction { function, signature: any() }))
        .collect()
}

/// What a name gives that nothing has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Missing {
    IsAnError,
    IsNull,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OidByText {
    name: &'static str,
    names: Names,
    missing: Missing,
}

impl OidByText {
    fn oid(&self, text: &str) -> Result<Option<i32>> {
        if let Ok(oid) = text.trim().parse::<u32>() {
            return Ok(i32::try_from(oid).ok());
        }
        if text.trim() == "-" {
            return Ok(Some(0));
        }
        match (self.names.find(text), self.missing) {
            ([only], _) => Ok(i32::try_from(*only).ok()),
            (_, Missing::IsNull) => Ok(None),
            ([], Missing::IsAnError) => Err(own(self.not_found(text))),
            (_, Missing::IsAnError) => Err(own(Error::new(
                Fault::AmbiguousFunction,
                format!("more than one function named \"{text}\""),
            ))),
        }
    }

    fn not_found(&self, text: &str) -> Error {
        let (fault, message) = match self.name {
            "regclass" => (Fault::UndefinedTable, format!("relation \"{text}\" does not exist")),
            "regproc" | "regprocedure" => {
                (Fault::UndefinedFunction, format!("function \"{text}\" does not exist"))
            }
            "oid" => (
                Fault::InvalidTextRepresentation,
                format!("invalid input syntax for type oid: \"{text}\""),
            ),
            "regnamespace" => (Fault::UndefinedObject, format!("schema \"{text}\" does not exist")),
            name => {
                let kind = name.trim_start_matches("reg");
                (Fault::UndefinedObject, format!("{kind} \"{text}\" does not exist"))
            }
        };
        Error::new(fault, message)
    }
}

/// A name, or a number in a text, as an oid.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OidFunction {
    function: OidByText,
    signature: Signature,
}

impl ScalarUDFImpl for OidFunction {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_] => Ok(oid_types(types)),
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let values = arrays.first().ok_or_else(|| undefined(self.name(), &[]))?;
        let oids: Int32Array = match values.data_type() {
            DataType::Utf8 => values
                .as_string::<i32>()
                .iter()
                .map(|text| {
                    text.map(|text| self.function.oid(text)).transpose().map(Option::flatten)
                })
                .collect::<Result<_>>()?,
            _ => narrow(values)?,
        };
        answer(Arc::new(oids), constant)
    }
}

fn narrow(values: &ArrayRef) -> Result<Int32Array> {
    let out_of_range = |_| own(Error::new(Fault::NumericValueOutOfRange, "OID out of range"));
    integers(values)?
        .into_iter()
        .map(|oid| oid.map(|oid| i32::try_from(oid).map_err(out_of_range)).transpose())
        .collect()
}
