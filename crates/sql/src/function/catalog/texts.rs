//! Texts by oid: names, definitions, comments, and `format_type`.

use super::names::Names;
use super::{any, oid_types};
use crate::PgType;
use crate::catalog::{ByOid, Definitions, Descriptions};
use crate::function::simple::{answer, arrays, integers, undefined};
use datafusion::arrow::array::{Array, AsArray, BooleanArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn all(known: &Definitions) -> Vec<ScalarUDF> {
    let by_oid = [
        ("pg_get_userbyid", &known.roles),
        ("pg_get_constraintdef", &known.constraints),
        ("pg_get_viewdef", &known.views),
        ("pg_get_function_arguments", &known.function_arguments),
        ("pg_get_function_identity_arguments", &known.function_identities),
        ("pg_get_function_result", &known.function_results),
        ("pg_get_functiondef", &known.function_definitions),
        ("regclass_name", &known.classes),
        ("regtype_name", &known.types),
        ("regproc_name", &known.functions),
        ("regprocedure_name", &known.signatures),
        ("regnamespace_name", &known.namespaces),
        ("regrole_name", &known.roles),
    ];
    let mut functions: Vec<ScalarUDF> = by_oid
        .into_iter()
        .map(|(name, texts)| {
            // A view can be asked for by its name, and a name is shown as it is.
            let names = match name {
                "pg_get_viewdef" => Names::new([known.classes.as_ref()]),
                _ => Names::new([texts.as_ref()]),
            };
            let texts = Arc::clone(texts);
            ScalarUDF::from(TextByOid { name, texts, names, signature: any() })
        })
        .collect();
    let types = Arc::clone(&known.types);
    functions.push(ScalarUDF::from(FormatType { types, signature: any() }));
    for name in ["obj_description", "col_description"] {
        let texts = Arc::clone(&known.descriptions);
        functions.push(ScalarUDF::from(Description { name, texts, signature: any() }));
    }
    functions.push(ScalarUDF::from(IndexDefinition {
        texts: Arc::clone(&known.indexes),
        columns: Arc::clone(&known.index_columns),
        signature: any(),
    }));
    let hidden = Arc::clone(&known.hidden_classes);
    functions.push(ScalarUDF::from(TableIsVisible { hidden, signature: any() }));
    functions
}

/// A text by the oid that is the first argument; an unknown oid gives NULL.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TextByOid {
    name: &'static str,
    texts: ByOid,
    names: Names,
    signature: Signature,
}

impl ScalarUDFImpl for TextByOid {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(oid_types(types))
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let oids = arrays.first().ok_or_else(|| undefined(self.name, &[]))?;
        let texts: StringArray = match oids.data_type() {
            // A name is what it is already, once its oid can be found.
            DataType::Utf8 => {
                let numbers = oids.as_string::<i32>().iter().map(|text| {
                    let text = text?;
                    let number = text.parse().ok().or_else(|| self.names.only(text))?;
                    self.texts.get(&number).map(String::as_str)
                });
                numbers.collect()
            }
            _ => integers(oids)?
                .into_iter()
                .map(|oid| oid.and_then(|oid| self.texts.get(&oid)).map(String::as_str))
                .collect(),
        };
        answer(Arc::new(texts), constant)
    }
}

/// `format_type(oid, typmod)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FormatType {
    types: ByOid,
    signature: Signature,
}

impl ScalarUDFImpl for FormatType {
    fn name(&self) -> &str {
        "format_type"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_, _] => Ok(vec![DataType::Int64, DataType::Int64]),
            _ => Err(undefined("format_type", types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [oids, typmods] = arrays.as_slice() else {
            return Err(undefined("format_type", &[]));
        };
        let texts: StringArray = integers(oids)?
            .into_iter()
            .zip(integers(typmods)?)
            .map(|(oid, typmod)| oid.map(|oid| self.format(oid, typmod)))
            .collect();
        answer(Arc::new(texts), constant)
    }
}

impl FormatType {
    fn format(&self, oid: i64, typmod: Option<i64>) -> String {
        let Some(name) = self.types.get(&oid) else { return "???".to_owned() };
        match typmod {
            Some(typmod) if typmod >= 4 && oid == i64::from(PgType::Numeric.oid()) => {
                format!("numeric({},{})", (typmod - 4) >> 16, (typmod - 4) & 0xffff)
            }
            Some(typmod) if typmod >= 4 && oid == i64::from(PgType::Varchar.oid()) => {
                format!("character varying({})", typmod - 4)
            }
            _ => name.clone(),
        }
    }
}

/// `obj_description(oid, catalog)` and `col_description(oid, number)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Description {
    name: &'static str,
    texts: Descriptions,
    signature: Signature,
}

impl ScalarUDFImpl for Description {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.name, types) {
            ("obj_description", [_] | [_, _]) => Ok(oid_types(types)),
            ("col_description", [_, _]) => Ok(vec![DataType::Int64, DataType::Int64]),
            _ => Err(undefined(self.name, types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let objects = arrays.first().ok_or_else(|| undefined(self.name, &[]))?;
        let objects = integers(objects)?;
        let parts = match (self.name, arrays.get(1)) {
            ("col_description", Some(parts)) => integers(parts)?,
            _ => vec![Some(0); objects.len()],
        };
        let texts: StringArray = objects
            .into_iter()
            .zip(parts)
            .map(|(object, part)| self.texts.get(&(object?, part?)).map(String::as_str))
            .collect();
        answer(Arc::new(texts), constant)
    }
}

/// `pg_get_indexdef(oid)`, or of one of its columns: `pg_get_indexdef(oid, number, pretty)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct IndexDefinition {
    texts: ByOid,
    columns: Arc<BTreeMap<i64, &'static [&'static str]>>,
    signature: Signature,
}

impl ScalarUDFImpl for IndexDefinition {
    fn name(&self) -> &str {
        "pg_get_indexdef"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_] => Ok(vec![DataType::Int64]),
            [_, _, pretty] => Ok(vec![DataType::Int64, DataType::Int64, pretty.clone()]),
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let indexes = arrays.first().ok_or_else(|| undefined(self.name(), &[]))?;
        let indexes = integers(indexes)?;
        let numbers = match arrays.get(1) {
            Some(numbers) => integers(numbers)?,
            None => vec![Some(0); indexes.len()],
        };
        let texts: StringArray = indexes
            .into_iter()
            .zip(numbers)
            .map(|(index, number)| self.text(index?, number?))
            .collect();
        answer(Arc::new(texts), constant)
    }
}

impl IndexDefinition {
    fn text(&self, index: i64, number: i64) -> Option<&str> {
        if number == 0 {
            return self.texts.get(&index).map(String::as_str);
        }
        let columns = self.columns.get(&index)?;
        let place = usize::try_from(number - 1).ok();
        // Postgres gives an empty text behind the last column.
        Some(place.and_then(|place| columns.get(place)).copied().unwrap_or(""))
    }
}

/// Whether a table is found without its schema in front.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TableIsVisible {
    hidden: ByOid,
    signature: Signature,
}

impl ScalarUDFImpl for TableIsVisible {
    fn name(&self) -> &str {
        "pg_table_is_visible"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_] => Ok(vec![DataType::Int64]),
            _ => Err(undefined(self.name(), types)),
        }
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let classes = arrays.first().ok_or_else(|| undefined(self.name(), &[]))?;
        let visible: BooleanArray = integers(classes)?
            .into_iter()
            .map(|class| class.map(|class| !self.hidden.contains_key(&class)))
            .collect();
        answer(Arc::new(visible), constant)
    }
}
