//! `pg_class`, and the views `pg_tables`, `pg_views` and `pg_indexes` over the same facts.

use super::rows::CatalogRows;
use super::{
    INFORMATION_SCHEMA_NAMESPACE, OWNER, OWNER_OID, PG_CATALOG_NAMESPACE, PUBLIC_NAMESPACE,
    RELATIONS, SystemTable, TALEA, TALEA_NAMESPACE, View, definitions,
};
use crate::Result;
use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use std::sync::Arc;

struct Class {
    oid: u32,
    name: String,
    namespace: u32,
    kind: &'static str,
    columns: usize,
    indexed: bool,
}

pub(super) fn empty() -> Result<Arc<dyn TableProvider>> {
    class_rows(Vec::new())
}

pub(super) fn pg_class(views: &[View], system: &[SystemTable]) -> Result<Arc<dyn TableProvider>> {
    let mut classes = Vec::new();
    for relation in RELATIONS.iter() {
        classes.push(Class {
            oid: relation.oid,
            name: relation.name.to_owned(),
            namespace: PUBLIC_NAMESPACE,
            kind: "r",
            columns: relation.columns.len(),
            indexed: !relation.keys.is_empty(),
        });
        classes.extend(relation.keys.iter().map(|key| Class {
            oid: key.index_oid,
            name: key.name.to_owned(),
            namespace: PUBLIC_NAMESPACE,
            kind: "i",
            columns: key.columns.len(),
            indexed: false,
        }));
    }
    classes.extend(views.iter().map(|view| Class {
        oid: view.oid,
        name: view.name.clone(),
        namespace: view.namespace(),
        kind: "v",
        columns: view.columns.len(),
        indexed: false,
    }));
    classes.extend(system.iter().map(|table| Class {
        oid: table.oid,
        name: table.name.clone(),
        namespace: table.namespace,
        kind: if table.namespace == INFORMATION_SCHEMA_NAMESPACE { "v" } else { "r" },
        columns: table.schema.fields().len(),
        indexed: false,
    }));
    class_rows(classes)
}

/// relpages and reltuples stay "unknown": DuckDB would otherwise ask for ctid ranges.
fn class_rows(classes: Vec<Class>) -> Result<Arc<dyn TableProvider>> {
    CatalogRows::new(classes)
        .oid("oid", |class| Some(class.oid))
        .name("relname", |class| class.name.clone())
        .oid("relnamespace", |class| Some(class.namespace))
        .oid("reltype", |_| Some(0))
        .oid("reloftype", |_| Some(0))
        .oid("relowner", |_| Some(OWNER_OID))
        .oid("relam", |class| {
            Some(match class.kind {
                "r" => 2,
                "i" => 403,
                _ => 0,
            })
        })
        .oid("relfilenode", |_| Some(0))
        .oid("reltablespace", |_| Some(0))
        .int4("relpages", |_| Some(0))
        .float4("reltuples", |_| -1.0)
        .int4("relallvisible", |_| Some(0))
        .oid("reltoastrelid", |_| Some(0))
        .bool("relhasindex", |class| class.indexed)
        .bool("relisshared", |_| false)
        .char("relpersistence", |_| "p")
        .char("relkind", |class| class.kind)
        .int2("relnatts", |class| i16::try_from(class.columns).unwrap_or(i16::MAX))
        .int2("relchecks", |_| 0)
        .bool("relhasrules", |class| class.kind == "v")
        .bool("relhastriggers", |_| false)
        .bool("relhassubclass", |_| false)
        .bool("relrowsecurity", |_| false)
        .bool("relforcerowsecurity", |_| false)
        .bool("relispopulated", |_| true)
        .char("relreplident", |class| if class.kind == "r" { "d" } else { "n" })
        .bool("relispartition", |_| false)
        .oid("relrewrite", |_| Some(0))
        .int4("relfrozenxid", |_| Some(0))
        .int4("relminmxid", |_| Some(0))
        .no_texts("relacl")
        .no_texts("reloptions")
        .nothing("relpartbound", &DataType::Utf8)
        .finish()
}

pub(super) fn views(views: &[View]) -> Result<Vec<(&'static str, Arc<dyn TableProvider>)>> {
    let tables = CatalogRows::new(RELATIONS.to_vec())
        .name("schemaname", |_| "public")
        .name("tablename", |relation| relation.name)
        .name("tableowner", |_| OWNER)
        .text("tablespace", |_| None::<String>)
        .bool("hasindexes", |relation| !relation.keys.is_empty())
        .bool("hasrules", |_| false)
        .bool("hastriggers", |_| false)
        .bool("rowsecurity", |_| false)
        .finish()?;
    let views = CatalogRows::new(views.to_vec())
        .name("schemaname", |view| view.schema)
        .name("viewname", |view| view.name.clone())
        .name("viewowner", |_| OWNER)
        .text("definition", |view| Some(view.query.clone()))
        .finish()?;
    let keys = RELATIONS
        .iter()
        .flat_map(|relation| relation.keys.iter().map(move |key| (*relation, key)))
        .collect();
    let indexes = CatalogRows::new(keys)
        .name("schemaname", |_| "public")
        .name("tablename", |(relation, _)| relation.name)
        .name("indexname", |(_, key)| key.name)
        .text("tablespace", |_| None::<String>)
        .text("indexdef", |(relation, key)| Some(definitions::index(relation, key)))
        .finish()?;
    let matviews = CatalogRows::new(Vec::<()>::new())
        .name("schemaname", |()| "")
        .name("matviewname", |()| "")
        .name("matviewowner", |()| "")
        .text("definition", |()| None::<String>)
        .finish()?;
    let namespaces = vec![
        (PG_CATALOG_NAMESPACE, "pg_catalog"),
        (PUBLIC_NAMESPACE, "public"),
        (TALEA_NAMESPACE, TALEA),
        (INFORMATION_SCHEMA_NAMESPACE, "information_schema"),
    ];
    let namespaces = CatalogRows::new(namespaces)
        .oid("oid", |(oid, _)| Some(*oid))
        .name("nspname", |(_, name)| *name)
        .oid("nspowner", |_| Some(OWNER_OID))
        .no_texts("nspacl")
        .finish()?;
    Ok(vec![
        ("pg_tables", tables),
        ("pg_views", views),
        ("pg_indexes", indexes),
        ("pg_matviews", matviews),
        ("pg_namespace", namespaces),
    ])
}
