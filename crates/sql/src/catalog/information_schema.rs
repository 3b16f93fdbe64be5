//! `information_schema`: the same facts in the standard's words.

use super::relation::typmod;
use super::rows::CatalogRows;
use super::{OWNER, RELATIONS, TALEA, View};
use crate::{PgType, Result};
use datafusion::catalog::TableProvider;
use std::sync::Arc;

struct Described {
    schema: &'static str,
    table: String,
    name: String,
    position: i32,
    pg_type: PgType,
    typmod: i32,
    nullable: bool,
}

pub(super) fn tables(views: &[View]) -> Result<Vec<(&'static str, Arc<dyn TableProvider>)>> {
    let named: Vec<(&'static str, String, &'static str)> = RELATIONS
        .iter()
        .map(|relation| ("public", relation.name.to_owned(), "BASE TABLE"))
        .chain(views.iter().map(|view| (view.schema, view.name.clone(), "VIEW")))
        .collect();
    let tables = CatalogRows::new(named)
        .name("table_catalog", |_| "tallybook")
        .name("table_schema", |(schema, ..)| *schema)
        .name("table_name", |(_, name, _)| name.clone())
        .text("table_type", |(.., kind)| Some(*kind))
        .text("self_referencing_column_name", |_| None::<String>)
        .text("reference_generation", |_| None::<String>)
        .text("user_defined_type_catalog", |_| None::<String>)
        .text("user_defined_type_schema", |_| None::<String>)
        .text("user_defined_type_name", |_| None::<String>)
        .text("is_insertable_into", |(_, name, kind)| {
            Some(yes(*kind == "BASE TABLE" && insertable(name)))
        })
        .text("is_typed", |_| Some("NO"))
        .text("commit_action", |_| None::<String>)
        .finish()?;
    let schemata = CatalogRows::new(vec!["public", TALEA, "pg_catalog", "information_schema"])
        .name("catalog_name", |_| "tallybook")
        .name("schema_name", |name| *name)
        .name("schema_owner", |_| OWNER)
        .text("default_character_set_catalog", |_| None::<String>)
        .text("default_character_set_schema", |_| None::<String>)
        .text("default_character_set_name", |_| None::<String>)
        .text("sql_path", |_| None::<String>)
        .finish()?;
    let views_table = CatalogRows::new(views.to_vec())
        .name("table_catalog", |_| "tallybook")
        .name("table_schema", |view| view.schema)
        .name("table_name", |view| view.name.clone())
        .text("view_definition", |view| Some(view.query.clone()))
        .text("check_option", |_| Some("NONE"))
        .text("is_updatable", |_| Some("NO"))
        .text("is_insertable_into", |_| Some("NO"))
        .finish()?;
    Ok(vec![
        ("tables", tables),
        ("schemata", schemata),
        ("views", views_table),
        ("columns", columns(views)?),
    ])
}

fn insertable(table: &str) -> bool {
    matches!(table, "assets" | "accounts" | "transactions" | "transfers")
}

fn yes(yes: bool) -> &'static str {
    if yes { "YES" } else { "NO" }
}

fn described(views: &[View]) -> Vec<Described> {
    let mut all = Vec::new();
    for relation in RELATIONS.iter() {
        all.extend((1..).zip(relation.columns).map(|(position, column)| Described {
            schema: "public",
            table: relation.name.to_owned(),
            name: column.name.to_owned(),
            position,
            pg_type: column.pg_type,
            typmod: typmod(column.pg_type),
            nullable: column.nullable,
        }));
    }
    for view in views {
        all.extend((1..).zip(&view.columns).map(|(position, column)| Described {
            schema: view.schema,
            table: view.name.clone(),
            name: column.name.clone(),
            position,
            pg_type: column.pg_type,
            typmod: column.typmod,
            nullable: true,
        }));
    }
    all
}

fn columns(views: &[View]) -> Result<Arc<dyn TableProvider>> {
    CatalogRows::new(described(views))
        .name("table_catalog", |_| "tallybook")
        .name("table_schema", |each| each.schema)
        .name("table_name", |each| each.table.clone())
        .name("column_name", |each| each.name.clone())
        .int4("ordinal_position", |each| Some(each.position))
        .text("column_default", |_| None::<String>)
        .text("is_nullable", |each| Some(yes(each.nullable)))
        .text("data_type", |each| Some(sql_name(each.pg_type)))
        .int4("character_maximum_length", |_| None)
        .int4("character_octet_length", |_| None)
        .int4("numeric_precision", |each| precision(each.pg_type, each.typmod))
        .int4("numeric_precision_radix", |each| {
            precision(each.pg_type, each.typmod)
                .map(|_| if each.pg_type == PgType::Numeric { 10 } else { 2 })
        })
        .int4("numeric_scale", |each| match each.pg_type {
            PgType::Numeric if each.typmod >= 4 => Some((each.typmod - 4) & 0xffff),
            PgType::Int2 | PgType::Int4 | PgType::Int8 => Some(0),
            _ => None,
        })
        .int4("datetime_precision", |each| (each.pg_type == PgType::TimestampTz).then_some(6))
        .name("udt_catalog", |_| "tallybook")
        .name("udt_schema", |_| "pg_catalog")
        .name("udt_name", |each| each.pg_type.name())
        .text("is_identity", |_| Some("NO"))
        .text("is_generated", |_| Some("NEVER"))
        .text("is_updatable", |_| Some("NO"))
        .finish()
}

fn precision(pg_type: PgType, typmod: i32) -> Option<i32> {
    match pg_type {
        PgType::Int2 => Some(16),
        PgType::Int4 => Some(32),
        PgType::Int8 => Some(64),
        PgType::Numeric if typmod >= 4 => Some((typmod - 4) >> 16),
        _ => None,
    }
}

/// The standard's name of a type.
fn sql_name(pg_type: PgType) -> &'static str {
    match pg_type {
        PgType::Bool => "boolean",
        PgType::Char => "\"char\"",
        PgType::Int2 => "smallint",
        PgType::Int4 => "integer",
        PgType::Int8 => "bigint",
        PgType::Float4 => "real",
        PgType::Float8 => "double precision",
        PgType::Varchar => "character varying",
        PgType::Timestamp => "timestamp without time zone",
        PgType::TimestampTz => "timestamp with time zone",
        PgType::Time => "time without time zone",
        other => other.name(),
    }
}
