//! Catalogs of what a ledger does not have and `datafusion-pg-catalog` does not export: they have
//! the columns that tools expect, and no rows.

use super::rows::CatalogRows;
use crate::Result;
use datafusion::catalog::TableProvider;
use std::sync::Arc;

pub(super) fn tables() -> Result<Vec<(&'static str, Arc<dyn TableProvider>)>> {
    let none = || CatalogRows::new(Vec::<()>::new());
    let parameters = none()
        .oid("oid", |()| None)
        .text("parname", |()| None::<String>)
        .no_texts("paracl")
        .finish()?;
    let user_mappings = none()
        .oid("umid", |()| None)
        .oid("srvid", |()| None)
        .name("srvname", |()| "")
        .oid("umuser", |()| None)
        .name("usename", |()| "")
        .no_texts("umoptions")
        .finish()?;
    let sequences = none()
        .name("schemaname", |()| "")
        .name("sequencename", |()| "")
        .name("sequenceowner", |()| "")
        .text("data_type", |()| None::<String>)
        .int8("start_value", |()| None)
        .int8("min_value", |()| None)
        .int8("max_value", |()| None)
        .int8("increment_by", |()| None)
        .bool("cycle", |()| false)
        .int8("cache_size", |()| None)
        .int8("last_value", |()| None)
        .finish()?;
    let rules = none()
        .name("schemaname", |()| "")
        .name("tablename", |()| "")
        .name("rulename", |()| "")
        .text("definition", |()| None::<String>)
        .finish()?;
    let policies = none()
        .name("schemaname", |()| "")
        .name("tablename", |()| "")
        .name("policyname", |()| "")
        .text("permissive", |()| None::<String>)
        .no_texts("roles")
        .text("cmd", |()| None::<String>)
        .text("qual", |()| None::<String>)
        .text("with_check", |()| None::<String>)
        .finish()?;
    let text_search = none()
        .oid("mapcfg", |()| None)
        .int4("maptokentype", |()| None)
        .int4("mapseqno", |()| None)
        .oid("mapdict", |()| None)
        .finish()?;
    Ok(vec![
        ("pg_ts_config_map", text_search),
        ("pg_parameter_acl", parameters),
        ("pg_user_mappings", user_mappings),
        ("pg_sequences", sequences),
        ("pg_rules", rules),
        ("pg_policies", policies),
    ])
}

/// What functions over things that are not there would give.
pub(super) fn functions() -> Result<Vec<(&'static str, Arc<dyn TableProvider>)>> {
    let none = || CatalogRows::new(Vec::<()>::new());
    let options = none()
        .text("option_name", |()| None::<String>)
        .text("option_value", |()| None::<String>)
        .finish()?;
    let partitions = none()
        .oid("relid", |()| None)
        .oid("parentrelid", |()| None)
        .bool("isleaf", |()| true)
        .int4("level", |()| None)
        .finish()?;
    Ok(vec![("pg_options_to_table", options), ("pg_partition_tree", partitions)])
}
