//! `pg_index` and `pg_constraint`: the uniquenesses the ledger keeps.

use super::relation::Key;
use super::rows::CatalogRows;
use super::{PUBLIC_NAMESPACE, RELATIONS, Relation};
use crate::{PgType, Result};
use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use std::sync::Arc;

pub(super) fn keys() -> Vec<(&'static Relation, &'static Key)> {
    RELATIONS
        .iter()
        .flat_map(|relation| relation.keys.iter().map(move |key| (*relation, key)))
        .collect()
}

fn numbers((relation, key): &(&Relation, &Key)) -> Vec<i16> {
    key.columns
        .iter()
        .filter_map(|name| relation.column_index(name))
        .filter_map(|index| i16::try_from(index + 1).ok())
        .collect()
}

fn types(relation: &Relation, key: &Key) -> impl Iterator<Item = PgType> {
    key.columns
        .iter()
        .filter_map(|name| relation.column_index(name))
        .filter_map(|index| relation.columns.get(index))
        .map(|column| column.pg_type)
}

/// The operator class of a btree over the type, by its oid in every Postgres.
fn opclass(pg_type: PgType) -> u32 {
    match pg_type {
        PgType::Int4 => 1_978,
        PgType::Int8 => 3_124,
        PgType::Uuid => 10_065,
        _ => 3_126,
    }
}

pub(super) fn tables() -> Result<Vec<(&'static str, Arc<dyn TableProvider>)>> {
    let indexes = CatalogRows::new(keys())
        .oid("indexrelid", |(_, key)| Some(key.index_oid))
        .oid("indrelid", |(relation, _)| Some(relation.oid))
        .int2("indnatts", |(_, key)| i16::try_from(key.columns.len()).unwrap_or(i16::MAX))
        .int2("indnkeyatts", |(_, key)| i16::try_from(key.columns.len()).unwrap_or(i16::MAX))
        .bool("indisunique", |_| true)
        .bool("indnullsnotdistinct", |_| false)
        .bool("indisprimary", |(_, key)| key.primary)
        .bool("indisexclusion", |_| false)
        .bool("indimmediate", |_| true)
        .bool("indisclustered", |_| false)
        .bool("indisvalid", |_| true)
        .bool("indcheckxmin", |_| false)
        .bool("indisready", |_| true)
        .bool("indislive", |_| true)
        .bool("indisreplident", |_| false)
        .int2_vector("indkey", numbers)
        .oid_vector("indcollation", |(relation, key)| {
            types(relation, key).map(|each| if each == PgType::Text { 100 } else { 0 }).collect()
        })
        .oid_vector("indclass", |(relation, key)| types(relation, key).map(opclass).collect())
        .int2_vector("indoption", |(_, key)| vec![0; key.columns.len()])
        .nothing("indexprs", &DataType::Utf8)
        .nothing("indpred", &DataType::Utf8)
        .finish()?;
    let constraints = CatalogRows::new(keys())
        .oid("oid", |(_, key)| Some(key.constraint_oid))
        .name("conname", |(_, key)| key.name)
        .oid("connamespace", |_| Some(PUBLIC_NAMESPACE))
        .char("contype", |(_, key)| if key.primary { "p" } else { "u" })
        .bool("condeferrable", |_| false)
        .bool("condeferred", |_| false)
        .bool("convalidated", |_| true)
        .oid("conrelid", |(relation, _)| Some(relation.oid))
        .oid("contypid", |_| Some(0))
        .oid("conindid", |(_, key)| Some(key.index_oid))
        .oid("conparentid", |_| Some(0))
        .oid("confrelid", |_| Some(0))
        .char("confupdtype", |_| " ")
        .char("confdeltype", |_| " ")
        .char("confmatchtype", |_| " ")
        .bool("conislocal", |_| true)
        .int4("coninhcount", |_| Some(0))
        .bool("connoinherit", |_| true)
        .int2s("conkey", numbers)
        .nothing("confkey", &DataType::new_list(DataType::Int16, true))
        .nothing("conpfeqop", &DataType::new_list(DataType::Int32, true))
        .nothing("conppeqop", &DataType::new_list(DataType::Int32, true))
        .nothing("conffeqop", &DataType::new_list(DataType::Int32, true))
        .nothing("confdelsetcols", &DataType::new_list(DataType::Int16, true))
        .nothing("conexclop", &DataType::new_list(DataType::Int32, true))
        .nothing("conbin", &DataType::Utf8)
        .finish()?;
    Ok(vec![("pg_index", indexes), ("pg_constraint", constraints)])
}
