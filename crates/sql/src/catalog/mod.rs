//! What there is: the ledger's tables, views over them, and the catalogs that describe both.
//!
//! The system catalogs are made once, from the same [`Relation`]s and views that queries are
//! planned with; only what never differs between databases (types, functions, operators…) comes
//! from the exports of `datafusion-pg-catalog`.
//!
//! Invariant: what `\d` shows is what a query can select, with the same names, types and oids.

mod absent;
mod attributes;
mod classes;
mod constraints;
mod databases;
mod definitions;
mod descriptions;
mod exports;
mod functions;
mod information_schema;
mod keywords;
mod procedures;
mod relation;
mod routines;
mod rows;
mod settings;
mod standard_constraints;
mod statics;
mod views;

pub(crate) use definitions::{ByOid, Definitions};
pub(crate) use descriptions::Descriptions;
pub(crate) use functions::{FUNCTIONS, LedgerFunction};
pub(crate) use keywords::{is_keyword, is_reserved_word};
pub(crate) use relation::{
    ACCOUNTS, ASSETS, BOOKS, EVENTS, PG_TYPE_KEY, POSTINGS, RELATIONS, Relation, TRANSACTIONS,
    TRANSFERS, arrow_type, typmod,
};
pub(crate) use statics::ALWAYS_EMPTY;
pub(crate) use views::{TALEA, TALEA_VIEWS, View, ViewDefinition};

use procedures::Exported;

use crate::provider::{self, LedgerProvider, MomentProvider};
use crate::{Column, Result};
use datafusion::catalog::{TableProvider, view::ViewTable};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, TableSource};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use store::Ledger;

pub(crate) const PG_CATALOG_NAMESPACE: u32 = 11;
pub(crate) const PUBLIC_NAMESPACE: u32 = 2_200;
pub(crate) const TALEA_NAMESPACE: u32 = 16_600;
pub(crate) const INFORMATION_SCHEMA_NAMESPACE: u32 = 13_000;

/// The role that owns everything.
pub(crate) const OWNER_OID: u32 = 10;
pub(crate) const OWNER: &str = "tallybook";

pub(crate) const DATABASE_OID: u32 = 16_384;

/// Where the bodies of SQL functions find each table with its moments. A name that no statement of
/// a client has by chance; what is there is not part of what the catalogs describe.
pub(crate) const MOMENTS_SCHEMA: &str = "at a moment";

/// Oids of catalogs that have no fixed oid in Postgres start here.
const SYSTEM_TABLE_OIDS: u32 = 12_000;

#[derive(Clone, Default)]
pub(crate) struct Catalog {
    tables: HashMap<(String, String), Arc<dyn TableSource>>,
    views: Vec<View>,
    /// Tables of `pg_catalog` and `information_schema` by name, for their own description.
    system: BTreeMap<(&'static str, String), Arc<dyn TableProvider>>,
    exported: Arc<Exported>,
}

impl Catalog {
    /// The ledger's tables alone, in the present and at any moment.
    pub(crate) fn tables(ledger: &Ledger) -> Self {
        let mut catalog = Catalog::default();
        for table in provider::tables() {
            let name = table.relation().name;
            let then = LedgerProvider::new(Arc::clone(&table));
            let then = MomentProvider::new(then, ledger.clone());
            catalog.add(MOMENTS_SCHEMA, name, Arc::new(then));
            catalog.add("public", name, Arc::new(LedgerProvider::new(table)));
        }
        catalog
    }

    fn add(&mut self, schema: &str, name: &str, table: Arc<dyn TableProvider>) {
        self.tables.insert((schema.to_owned(), name.to_owned()), provider_as_source(table));
    }

    pub(crate) fn table(&self, schema: &str, name: &str) -> Option<Arc<dyn TableSource>> {
        self.tables.get(&(schema.to_owned(), name.to_owned())).cloned()
    }

    pub(crate) fn add_view(
        &mut self,
        definition: ViewDefinition,
        plan: LogicalPlan,
        columns: Vec<Column>,
    ) {
        let table = ViewTable::new(plan, Some(definition.query.clone()));
        self.add(definition.schema, &definition.name, Arc::new(table));
        self.views.push(View::new(definition, columns, self.views.len()));
    }

    /// Adds `pg_catalog` and `information_schema`, which describe all that is there by then.
    pub(crate) fn describe_itself(&mut self) -> Result<()> {
        let mut system: BTreeMap<(&'static str, String), Arc<dyn TableProvider>> = BTreeMap::new();
        let (exported_tables, exported) = statics::tables()?;
        for (name, table) in exported_tables {
            system.insert(("pg_catalog", name), table);
        }
        for (name, table) in absent::tables()? {
            system.insert(("pg_catalog", name.to_owned()), table);
        }
        for (name, table) in standard_constraints::tables()? {
            system.insert(("information_schema", name.to_owned()), table);
        }
        for (name, table) in databases::tables()? {
            system.insert(("pg_catalog", name.to_owned()), table);
        }
        for (name, table) in constraints::tables()? {
            system.insert(("pg_catalog", name.to_owned()), table);
        }
        system
            .insert(("pg_catalog", "pg_description".to_owned()), descriptions::table(&self.views)?);
        let routines = routines::table(&exported)?;
        system.insert(("information_schema", "routines".to_owned()), routines);
        for (name, table) in information_schema::tables(&self.views)? {
            system.insert(("information_schema", name.to_owned()), table);
        }
        for (name, table) in classes::views(&self.views)? {
            system.insert(("pg_catalog", name.to_owned()), table);
        }
        system.insert(("pg_catalog", "pg_settings".to_owned()), settings::pg_settings()?);
        // These two describe every table, themselves included: schemas first, rows after.
        system.insert(("pg_catalog", "pg_class".to_owned()), classes::empty()?);
        system.insert(("pg_catalog", "pg_attribute".to_owned()), attributes::empty()?);
        let described = system_tables(&system);
        let classes = classes::pg_class(&self.views, &described)?;
        let attributes = attributes::pg_attribute(&self.views, &described)?;
        system.insert(("pg_catalog", "pg_class".to_owned()), classes);
        system.insert(("pg_catalog", "pg_attribute".to_owned()), attributes);
        for ((schema, name), table) in &system {
            self.add(schema, name, Arc::clone(table));
        }
        // Functions that give rows: they can be selected from, and are no tables.
        for (name, table) in absent::functions()? {
            self.add("pg_catalog", name, table);
        }
        self.add("pg_catalog", "pg_get_keywords", keywords::table()?);
        self.system = system;
        self.exported = Arc::new(exported);
        Ok(())
    }

    /// Definitions and names by oid, for the functions that are asked for them.
    pub(crate) fn definitions(&self) -> Result<Definitions> {
        Definitions::new(&self.views, &system_tables(&self.system), &self.exported)
    }
}

/// A table of a system schema, as `pg_class` lists it.
#[derive(Debug, Clone)]
pub(crate) struct SystemTable {
    pub(crate) oid: u32,
    pub(crate) namespace: u32,
    pub(crate) name: String,
    pub(crate) schema: datafusion::arrow::datatypes::SchemaRef,
}

fn system_tables(
    tables: &BTreeMap<(&'static str, String), Arc<dyn TableProvider>>,
) -> Vec<SystemTable> {
    tables
        .iter()
        .zip(SYSTEM_TABLE_OIDS..)
        .map(|(((schema, name), table), numbered)| SystemTable {
            oid: well_known_oid(name).unwrap_or(numbered),
            namespace: match *schema {
                "pg_catalog" => PG_CATALOG_NAMESPACE,
                _ => INFORMATION_SCHEMA_NAMESPACE,
            },
            name: name.clone(),
            schema: table.schema(),
        })
        .collect()
}

/// Oids that tools write into their queries.
fn well_known_oid(name: &str) -> Option<u32> {
    Some(match name {
        "pg_default_acl" => 826,
        "pg_tablespace" => 1_213,
        "pg_type" => 1_247,
        "pg_attribute" => 1_249,
        "pg_proc" => 1_255,
        "pg_class" => 1_259,
        "pg_authid" => 1_260,
        "pg_auth_members" => 1_261,
        "pg_database" => 1_262,
        "pg_foreign_server" => 1_417,
        "pg_user_mapping" => 1_418,
        "pg_sequence" => 2_224,
        "pg_foreign_data_wrapper" => 2_328,
        "pg_shdescription" => 2_396,
        "pg_aggregate" => 2_600,
        "pg_am" => 2_601,
        "pg_amop" => 2_602,
        "pg_amproc" => 2_603,
        "pg_attrdef" => 2_604,
        "pg_cast" => 2_605,
        "pg_constraint" => 2_606,
        "pg_conversion" => 2_607,
        "pg_depend" => 2_608,
        "pg_description" => 2_609,
        "pg_index" => 2_610,
        "pg_inherits" => 2_611,
        "pg_language" => 2_612,
        "pg_namespace" => 2_615,
        "pg_opclass" => 2_616,
        "pg_operator" => 2_617,
        "pg_rewrite" => 2_618,
        "pg_trigger" => 2_620,
        "pg_opfamily" => 2_753,
        "pg_extension" => 3_079,
        "pg_foreign_table" => 3_118,
        "pg_policy" => 3_256,
        "pg_statistic_ext" => 3_381,
        "pg_collation" => 3_456,
        "pg_event_trigger" => 3_466,
        "pg_enum" => 3_501,
        "pg_range" => 3_541,
        "pg_ts_dict" => 3_600,
        "pg_ts_parser" => 3_601,
        "pg_ts_config" => 3_602,
        "pg_ts_template" => 3_764,
        "pg_subscription" => 6_100,
        "pg_publication" => 6_104,
        _ => return None,
    })
}
