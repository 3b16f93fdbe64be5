//! `information_schema.routines`: every function of `pg_proc` in the words of the SQL standard.

use super::PUBLIC_NAMESPACE;
use super::procedures::{Exported, Procedure};
use super::rows::CatalogRows;
use crate::Result;
use datafusion::catalog::TableProvider;
use std::sync::Arc;

struct Routine {
    oid: i64,
    name: String,
    schema: &'static str,
    data_type: String,
    is_sql: bool,
}

fn routine(oid: i64, procedure: &Procedure) -> Routine {
    let result = procedure.result.as_str();
    let gives_rows = result.starts_with("TABLE(");
    Routine {
        oid,
        name: procedure.name.clone(),
        schema: match procedure.namespace {
            namespace if namespace == i64::from(PUBLIC_NAMESPACE) => "public",
            _ => "pg_catalog",
        },
        data_type: match result.strip_prefix("SETOF ").unwrap_or(result) {
            _ if gives_rows => "record".to_owned(),
            array if array.ends_with("[]") => "ARRAY".to_owned(),
            data_type => data_type.to_owned(),
        },
        is_sql: procedure.definition.is_some(),
    }
}

pub(super) fn table(exported: &Exported) -> Result<Arc<dyn TableProvider>> {
    let routines = exported.functions.iter().map(|(oid, procedure)| routine(*oid, procedure));
    CatalogRows::new(routines.collect())
        .name("specific_catalog", |_| "tallybook")
        .name("specific_schema", |each| each.schema)
        .name("specific_name", |each| format!("{}_{}", each.name, each.oid))
        .name("routine_catalog", |_| "tallybook")
        .name("routine_schema", |each| each.schema)
        .name("routine_name", |each| each.name.clone())
        .text("routine_type", |_| Some("FUNCTION"))
        .text("data_type", |each| Some(each.data_type.clone()))
        .text("routine_body", |each| Some(if each.is_sql { "SQL" } else { "EXTERNAL" }))
        .text("routine_definition", |_| None::<String>)
        .text("external_language", |each| Some(if each.is_sql { "SQL" } else { "INTERNAL" }))
        .text("parameter_style", |_| Some("GENERAL"))
        .text("sql_data_access", |_| Some("MODIFIES"))
        .text("security_type", |_| Some("INVOKER"))
        .finish()
}
