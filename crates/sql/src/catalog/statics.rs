//! Catalogs that are the same in every database, from the exports of `datafusion-pg-catalog`, and
//! those that are empty here but whose columns tools expect.

use super::exports::{self, Functions};
use super::functions::procedures;
use super::procedures::Exported;
use crate::Result;
use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion_pg_catalog::pg_catalog::{ArrowTable, PgCatalogStaticTables};
use std::sync::Arc;

/// Nothing of the kind exists here, so these have no rows.
pub(crate) const ALWAYS_EMPTY: [&str; 41] = [
    "pg_attrdef",
    "pg_auth_members",
    "pg_db_role_setting",
    "pg_default_acl",
    "pg_depend",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_inherits",
    "pg_init_privs",
    "pg_largeobject",
    "pg_largeobject_metadata",
    "pg_parameter_acl",
    "pg_partitioned_table",
    "pg_policy",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_replication_origin",
    "pg_rewrite",
    "pg_seclabel",
    "pg_sequence",
    "pg_shdepend",
    "pg_shdescription",
    "pg_shseclabel",
    "pg_statistic",
    "pg_statistic_ext",
    "pg_statistic_ext_data",
    "pg_subscription",
    "pg_subscription_rel",
    "pg_trigger",
    "pg_ts_config",
    "pg_ts_config_map",
    "pg_ts_dict",
    "pg_ts_parser",
    "pg_ts_template",
    "pg_user_mapping",
    "pg_user_mappings",
];

type Tables = Vec<(String, Arc<dyn TableProvider>)>;

pub(super) fn tables() -> Result<(Tables, Exported)> {
    let exports = PgCatalogStaticTables::try_new()?;
    let functions = Functions::new(&exports)?;
    let mut tables = Vec::new();
    for (name, table) in same_everywhere(&exports) {
        let mut rows = exports::rows(table, &functions)?;
        if name == "pg_proc" {
            rows.push(procedures(&exports::schema(table))?);
        }
        tables.push((name.to_owned(), memory(table, rows)?));
    }
    for (name, table) in empty_here(&exports) {
        tables.push((name.to_owned(), memory(table, Vec::new())?));
    }
    let mut known = exports::rows(&exports.pg_proc, &functions)?;
    known.push(procedures(&exports::schema(&exports.pg_proc))?);
    Ok((tables, Exported::new(&exports, &known)?))
}

fn memory(table: &ArrowTable, batches: Vec<RecordBatch>) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(MemTable::try_new(exports::schema(table), vec![batches])?))
}

fn same_everywhere(exports: &PgCatalogStaticTables) -> [(&'static str, &ArrowTable); 15] {
    [
        ("pg_aggregate", &exports.pg_aggregate),
        ("pg_am", &exports.pg_am),
        ("pg_amop", &exports.pg_amop),
        ("pg_amproc", &exports.pg_amproc),
        ("pg_cast", &exports.pg_cast),
        ("pg_collation", &exports.pg_collation),
        ("pg_conversion", &exports.pg_conversion),
        ("pg_language", &exports.pg_language),
        ("pg_opclass", &exports.pg_opclass),
        ("pg_operator", &exports.pg_operator),
        ("pg_opfamily", &exports.pg_opfamily),
        ("pg_proc", &exports.pg_proc),
        ("pg_range", &exports.pg_range),
        ("pg_tablespace", &exports.pg_tablespace),
        ("pg_type", &exports.pg_type),
    ]
}

fn empty_here(exports: &PgCatalogStaticTables) -> [(&'static str, &ArrowTable); 38] {
    [
        ("pg_attrdef", &exports.pg_attrdef),
        ("pg_auth_members", &exports.pg_auth_members),
        ("pg_db_role_setting", &exports.pg_db_role_setting),
        ("pg_default_acl", &exports.pg_default_acl),
        ("pg_depend", &exports.pg_depend),
        ("pg_enum", &exports.pg_enum),
        ("pg_event_trigger", &exports.pg_event_trigger),
        ("pg_extension", &exports.pg_extension),
        ("pg_foreign_data_wrapper", &exports.pg_foreign_data_wrapper),
        ("pg_foreign_server", &exports.pg_foreign_server),
        ("pg_foreign_table", &exports.pg_foreign_table),
        ("pg_inherits", &exports.pg_inherits),
        ("pg_init_privs", &exports.pg_init_privs),
        ("pg_largeobject", &exports.pg_largeobject),
        ("pg_largeobject_metadata", &exports.pg_largeobject_metadata),
        ("pg_partitioned_table", &exports.pg_partitioned_table),
        ("pg_policy", &exports.pg_policy),
        ("pg_publication", &exports.pg_publication),
        ("pg_publication_namespace", &exports.pg_publication_namespace),
        ("pg_publication_rel", &exports.pg_publication_rel),
        ("pg_replication_origin", &exports.pg_replication_origin),
        ("pg_rewrite", &exports.pg_rewrite),
        ("pg_seclabel", &exports.pg_seclabel),
        ("pg_sequence", &exports.pg_sequence),
        ("pg_shdepend", &exports.pg_shdepend),
        ("pg_shdescription", &exports.pg_shdescription),
        ("pg_shseclabel", &exports.pg_shseclabel),
        ("pg_statistic", &exports.pg_statistic),
        ("pg_statistic_ext", &exports.pg_statistic_ext),
        ("pg_statistic_ext_data", &exports.pg_statistic_ext_data),
        ("pg_subscription", &exports.pg_subscription),
        ("pg_subscription_rel", &exports.pg_subscription_rel),
        ("pg_trigger", &exports.pg_trigger),
        ("pg_ts_config", &exports.pg_ts_config),
        ("pg_ts_dict", &exports.pg_ts_dict),
        ("pg_ts_parser", &exports.pg_ts_parser),
        ("pg_ts_template", &exports.pg_ts_template),
        ("pg_user_mapping", &exports.pg_user_mapping),
    ]
}
