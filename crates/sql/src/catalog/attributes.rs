//! `pg_attribute`: every column of every table, view, index and catalog.

use super::relation::typmod;
use super::rows::CatalogRows;
use super::{RELATIONS, SystemTable, View};
use crate::{PgType, Result, query};
use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use std::sync::Arc;

struct Attribute {
    relation: u32,
    number: i16,
    name: String,
    pg_type: PgType,
    typmod: i32,
    not_null: bool,
}

pub(super) fn empty() -> Result<Arc<dyn TableProvider>> {
    attribute_rows(Vec::new())
}

fn numbered<T>(columns: impl IntoIterator<Item = T>) -> impl Iterator<Item = (i16, T)> {
    (1..=i16::MAX).zip(columns)
}

pub(super) fn pg_attribute(
    views: &[View],
    system: &[SystemTable],
) -> Result<Arc<dyn TableProvider>> {
    let mut attributes = Vec::new();
    for relation in RELATIONS.iter() {
        for (number, column) in numbered(relation.columns) {
            attributes.push(Attribute {
                relation: relation.oid,
                number,
                name: column.name.to_owned(),
                pg_type: column.pg_type,
                typmod: typmod(column.pg_type),
                not_null: !column.nullable,
            });
        }
        for key in relation.keys {
            let columns = key
                .columns
                .iter()
                .filter_map(|name| relation.columns.iter().find(|column| column.name == *name));
            attributes.extend(numbered(columns).map(|(number, column)| Attribute {
                relation: key.index_oid,
                number,
                name: column.name.to_owned(),
                pg_type: column.pg_type,
                typmod: typmod(column.pg_type),
                not_null: false,
            }));
        }
    }
    for view in views {
        attributes.extend(numbered(&view.columns).map(|(number, column)| Attribute {
            relation: view.oid,
            number,
            name: column.name.clone(),
            pg_type: column.pg_type,
            typmod: column.typmod,
            not_null: false,
        }));
    }
    for table in system {
        attributes.extend(numbered(table.schema.fields()).map(|(number, field)| Attribute {
            relation: table.oid,
            number,
            name: field.name().clone(),
            pg_type: query::from_field(field).unwrap_or(PgType::Text),
            typmod: -1,
            not_null: false,
        }));
    }
    attribute_rows(attributes)
}

/// Where Postgres keeps a value of the type when it is long.
fn storage(pg_type: PgType) -> &'static str {
    match pg_type {
        PgType::Numeric => "m",
        other if other.size() == -1 => "x",
        _ => "p",
    }
}

fn alignment(pg_type: PgType) -> &'static str {
    match pg_type.size() {
        1 => "c",
        2 => "s",
        8 => "d",
        _ => "i",
    }
}

fn attribute_rows(attributes: Vec<Attribute>) -> Result<Arc<dyn TableProvider>> {
    CatalogRows::new(attributes)
        .oid("attrelid", |each| Some(each.relation))
        .name("attname", |each| each.name.clone())
        .oid("atttypid", |each| Some(each.pg_type.oid()))
        .int4("attstattarget", |_| Some(-1))
        .int2("attlen", |each| each.pg_type.size())
        .int2("attnum", |each| each.number)
        .int4("attndims", |each| Some(i32::from(each.pg_type.element().is_some())))
        .int4("attcacheoff", |_| Some(-1))
        .int4("atttypmod", |each| Some(each.typmod))
        .bool("attbyval", |each| (1..=8).contains(&each.pg_type.size()))
        .char("attalign", |each| alignment(each.pg_type))
        .char("attstorage", |each| storage(each.pg_type))
        .char("attcompression", |_| "")
        .bool("attnotnull", |each| each.not_null)
        .bool("atthasdef", |_| false)
        .bool("atthasmissing", |_| false)
        .char("attidentity", |_| "")
        .char("attgenerated", |_| "")
        .bool("attisdropped", |_| false)
        .bool("attislocal", |_| true)
        .int4("attinhcount", |_| Some(0))
        .oid("attcollation", |each| {
            Some(match each.pg_type {
                PgType::Text | PgType::Varchar | PgType::TextArray => 100,
                PgType::Name => 950,
                _ => 0,
            })
        })
        .no_texts("attacl")
        .no_texts("attoptions")
        .no_texts("attfdwoptions")
        .nothing("attmissingval", &DataType::Utf8)
        .finish()
}
