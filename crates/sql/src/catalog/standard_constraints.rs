//! The keys of the ledger's tables in the words of `information_schema`.

use super::RELATIONS;
use super::constraints::keys;
use super::rows::CatalogRows;
use crate::Result;
use datafusion::catalog::TableProvider;
use std::sync::Arc;

struct KeyColumn {
    table: &'static str,
    key: &'static str,
    column: &'static str,
    place: i32,
}

fn key_columns() -> Vec<KeyColumn> {
    RELATIONS
        .iter()
        .flat_map(|relation| relation.keys.iter().map(move |key| (relation.name, key)))
        .flat_map(|(table, key)| {
            (1..).zip(key.columns).map(move |(place, column)| KeyColumn {
                table,
                key: key.name,
                column,
                place,
            })
        })
        .collect()
}

pub(super) fn tables() -> Result<Vec<(&'static str, Arc<dyn TableProvider>)>> {
    let constraints = CatalogRows::new(keys())
        .name("constraint_catalog", |_| "tallybook")
        .name("constraint_schema", |_| "public")
        .name("constraint_name", |(_, key)| key.name)
        .name("table_catalog", |_| "tallybook")
        .name("table_schema", |_| "public")
        .name("table_name", |(relation, _)| relation.name)
        .text("constraint_type", |(_, key)| {
            Some(if key.primary { "PRIMARY KEY" } else { "UNIQUE" })
        })
        .text("is_deferrable", |_| Some("NO"))
        .text("initially_deferred", |_| Some("NO"))
        .text("enforced", |_| Some("YES"))
        .text("nulls_distinct", |(_, key)| (!key.primary).then_some("YES"))
        .finish()?;
    let usage = CatalogRows::new(key_columns())
        .name("constraint_catalog", |_| "tallybook")
        .name("constraint_schema", |_| "public")
        .name("constraint_name", |each| each.key)
        .name("table_catalog", |_| "tallybook")
        .name("table_schema", |_| "public")
        .name("table_name", |each| each.table)
        .name("column_name", |each| each.column)
        .int4("ordinal_position", |each| Some(each.place))
        .int4("position_in_unique_constraint", |_| None)
        .finish()?;
    let columns = CatalogRows::new(key_columns())
        .name("table_catalog", |_| "tallybook")
        .name("table_schema", |_| "public")
        .name("table_name", |each| each.table)
        .name("column_name", |each| each.column)
        .name("constraint_catalog", |_| "tallybook")
        .name("constraint_schema", |_| "public")
        .name("constraint_name", |each| each.key)
        .finish()?;
    // No table refers to another by a constraint that could be changed.
    let references = CatalogRows::new(Vec::<()>::new())
        .name("constraint_catalog", |()| "")
        .name("constraint_schema", |()| "")
        .name("constraint_name", |()| "")
        .name("unique_constraint_catalog", |()| "")
        .name("unique_constraint_schema", |()| "")
        .name("unique_constraint_name", |()| "")
        .text("match_option", |()| None::<String>)
        .text("update_rule", |()| None::<String>)
        .text("delete_rule", |()| None::<String>)
        .finish()?;
    Ok(vec![
        ("table_constraints", constraints),
        ("key_column_usage", usage),
        ("constraint_column_usage", columns),
        ("referential_constraints", references),
    ])
}
