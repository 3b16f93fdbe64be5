//! The exports of `datafusion-pg-catalog`, put into the types that Postgres has.
//!
//! An export keeps arrays as texts and functions by their names. Here they become lists and oids
//! again, so that tools can join on them. Row types and domains of another database's own tables
//! are left out: nothing here has one.

use super::relation::PG_TYPE_KEY;
use crate::Result;
use datafusion::arrow::array::builder::Int32Builder;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, new_null_array,
};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::error::DataFusionError;
use datafusion_pg_catalog::pg_catalog::{ArrowTable, PgCatalogStaticTables};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The field metadata by which an export marks a column of oids.
const OID_ALIAS_KEY: &str = "pg.oid_alias";

/// Oids from here on were given by one database's own initialisation.
const FIRST_OWN_OID: i32 = 10_000;

/// Functions by name; of several with one name, that with the lowest oid.
pub(super) struct Functions(BTreeMap<String, i32>);

impl Functions {
    pub(super) fn new(exports: &PgCatalogStaticTables) -> Result<Self> {
        let mut oids = BTreeMap::new();
        for batch in exports.pg_proc.data() {
            let (Some(oid), Some(name)) =
                (batch.column_by_name("oid"), batch.column_by_name("proname"))
            else {
                continue;
            };
            let (oid, name) = (int4(oid)?, text(name)?);
            for (oid, name) in oid.iter().zip(name.iter()) {
                if let (Some(oid), Some(name)) = (oid, name) {
                    let known = oids.entry(name.to_owned()).or_insert(oid);
                    *known = oid.min(*known);
                }
            }
        }
        Ok(Functions(oids))
    }

    /// 0 where there is none, as Postgres writes it.
    fn oid(&self, name: &str) -> i32 {
        name.parse().ok().or_else(|| self.0.get(name).copied()).unwrap_or(0)
    }
}

pub(super) fn int4(array: &ArrayRef) -> Result<Int32Array> {
    let array = cast(array, &DataType::Int32).map_err(DataFusionError::from)?;
    Ok(array.as_primitive::<datafusion::arrow::datatypes::Int32Type>().clone())
}

pub(super) fn text(array: &ArrayRef) -> Result<StringArray> {
    let array = cast(array, &DataType::Utf8).map_err(DataFusionError::from)?;
    Ok(array.as_string::<i32>().clone())
}

/// What a column of an export is in Postgres, where the export has another type.
enum Meant {
    FunctionOid,
    Texts,
    Oids,
    /// The one-byte type.
    Char,
    /// Nobody has been granted anything, and nothing has options.
    NoTexts,
}

fn meant(field: &Field) -> Option<Meant> {
    let is_text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8);
    match field.name().as_str() {
        "typtype" | "typcategory" | "typdelim" | "typalign" | "typstorage" | "prokind"
        | "provolatile" | "proparallel" | "oprkind" | "castcontext" | "castmethod" | "aggkind"
        | "aggfinalmodify" | "aggmfinalmodify" | "amtype" | "amoppurpose" | "collprovider" => {
            Some(Meant::Char)
        }
        "proargmodes" | "proargnames" => Some(Meant::Texts),
        "proallargtypes" => Some(Meant::Oids),
        name if ["acl", "options", "config"].iter().any(|end| name.ends_with(end)) => {
            Some(Meant::NoTexts)
        }
        _ if is_text && field.metadata().contains_key(OID_ALIAS_KEY) => Some(Meant::FunctionOid),
        _ => None,
    }
}

pub(super) fn schema(table: &ArrowTable) -> Arc<Schema> {
    let fields: Vec<FieldRef> = table
        .schema()
        .fields()
        .iter()
        .map(|field| match meant(field) {
            Some(Meant::FunctionOid) => Arc::new(oid_field(field.name())),
            Some(Meant::Char) => {
                let metadata = HashMap::from([(PG_TYPE_KEY.to_owned(), "char".to_owned())]);
                Arc::new(field.as_ref().clone().with_metadata(metadata))
            }
            Some(Meant::Texts | Meant::NoTexts) => {
                Arc::new(Field::new(field.name(), DataType::new_list(DataType::Utf8, true), true))
            }
            Some(Meant::Oids) => {
                let list = DataType::List(Arc::new(oid_field("item")));
                Arc::new(Field::new(field.name(), list, true))
            }
            None => named_as_in_15(field),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// The exports are of a later release; a column that it renamed has its old name here.
fn named_as_in_15(field: &FieldRef) -> FieldRef {
    match field.name().as_str() {
        "colllocale" => Arc::new(field.as_ref().clone().with_name("colliculocale")),
        _ => Arc::clone(field),
    }
}

fn oid_field(name: &str) -> Field {
    let metadata = HashMap::from([(PG_TYPE_KEY.to_owned(), "oid".to_owned())]);
    Field::new(name, DataType::Int32, true).with_metadata(metadata)
}

/// The rows of an export, in the types of [`schema`].
pub(super) fn rows(table: &ArrowTable, functions: &Functions) -> Result<Vec<RecordBatch>> {
    let schema = schema(table);
    table
        .data()
        .iter()
        .map(|batch| {
            let columns = batch
                .schema()
                .fields()
                .iter()
                .zip(batch.columns())
                .zip(schema.fields())
                .map(|((field, column), target)| convert(field, column, target, functions))
                .collect::<Result<Vec<_>>>()?;
            let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
                .map_err(DataFusionError::from)?;
            without_own(&batch)
        })
        .collect()
}

fn convert(
    field: &Field,
    column: &ArrayRef,
    target: &Field,
    functions: &Functions,
) -> Result<ArrayRef> {
    Ok(match meant(field) {
        None | Some(Meant::Char) => Arc::clone(column),
        Some(Meant::NoTexts) => new_null_array(target.data_type(), column.len()),
        Some(Meant::FunctionOid) => {
            let names = text(column)?;
            let oids = names.iter().map(|name| name.map(|name| functions.oid(name)));
            Arc::new(oids.collect::<Int32Array>())
        }
        Some(Meant::Texts) => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for written in &text(column)? {
                lists.append_option(written.map(|written| elements(written).map(Some)));
            }
            Arc::new(lists.finish())
        }
        Some(Meant::Oids) => {
            let mut lists = ListBuilder::new(Int32Builder::new()).with_field(oid_field("item"));
            for written in &text(column)? {
                lists.append_option(
                    written.map(|written| elements(written).map(|each| each.parse().ok())),
                );
            }
            Arc::new(lists.finish())
        }
    })
}

/// `['i', 'o']` and `[26, 20]`; no element has a comma or a quote in it.
fn elements(written: &str) -> impl Iterator<Item = &str> {
    let inner = written.trim_start_matches('[').trim_end_matches(']');
    inner.split(',').map(|each| each.trim().trim_matches('\'')).filter(|_| !inner.is_empty())
}

/// Leaves out row types, domains and functions of another database's information schema.
fn without_own(batch: &RecordBatch) -> Result<RecordBatch> {
    let of_types = batch.column_by_name("typtype");
    let of_functions = batch.column_by_name("proname");
    if of_types.or(of_functions).is_none() {
        return Ok(batch.clone());
    }
    let Some(oids) = batch.column_by_name("oid") else { return Ok(batch.clone()) };
    let ours: BooleanArray =
        int4(oids)?.iter().map(|oid| Some(oid.is_some_and(|oid| oid < FIRST_OWN_OID))).collect();
    let batch = filter_record_batch(batch, &ours).map_err(DataFusionError::from)?;
    let Some(kinds) = batch.column_by_name("typtype") else { return Ok(batch) };
    let plain: BooleanArray =
        text(kinds)?.iter().map(|kind| Some(!matches!(kind, Some("c" | "d")))).collect();
    Ok(filter_record_batch(&batch, &plain).map_err(DataFusionError::from)?)
}
