//! Names and definitions by oid: what `pg_get_indexdef`, `pg_get_viewdef`, `regclass` and their
//! kin answer from.

use super::constraints::keys;
use super::descriptions::{self, Descriptions};
use super::procedures::{Exported, Procedure};
use super::relation::Key;
use super::{
    INFORMATION_SCHEMA_NAMESPACE, OWNER, OWNER_OID, PG_CATALOG_NAMESPACE, PUBLIC_NAMESPACE,
    RELATIONS, Relation, SystemTable, TALEA, TALEA_NAMESPACE, View,
};
use crate::Result;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Text by oid, shared by the functions that look in it.
pub(crate) type ByOid = Arc<BTreeMap<i64, String>>;

#[derive(Debug, Clone)]
pub(crate) struct Definitions {
    pub(crate) indexes: ByOid,
    pub(crate) constraints: ByOid,
    pub(crate) views: ByOid,
    pub(crate) classes: ByOid,
    pub(crate) namespaces: ByOid,
    pub(crate) roles: ByOid,
    /// Types as SQL writes them.
    pub(crate) types: ByOid,
    /// Types as `pg_type.typname` has them.
    pub(crate) type_names: ByOid,
    pub(crate) functions: ByOid,
    /// Functions with the types of their arguments.
    pub(crate) signatures: ByOid,
    pub(crate) function_arguments: ByOid,
    pub(crate) function_identities: ByOid,
    pub(crate) function_results: ByOid,
    pub(crate) function_definitions: ByOid,
    /// Tables and views that are only found with their schema in front.
    pub(crate) hidden_classes: ByOid,
    /// The columns of each index.
    pub(crate) index_columns: Arc<BTreeMap<i64, &'static [&'static str]>>,
    pub(crate) descriptions: Descriptions,
}

impl Definitions {
    pub(super) fn new(views: &[View], system: &[SystemTable], exported: &Exported) -> Result<Self> {
        let keys = keys();
        let mut classes: BTreeMap<i64, String> = RELATIONS
            .iter()
            .map(|relation| (i64::from(relation.oid), relation.name.to_owned()))
            .collect();
        classes.extend(views.iter().map(|view| (i64::from(view.oid), view.shown_name())));
        classes.extend(keys.iter().map(|(_, key)| (i64::from(key.index_oid), key.name.to_owned())));
        classes.extend(system.iter().map(|table| {
            let name = match table.namespace {
                INFORMATION_SCHEMA_NAMESPACE => format!("information_schema.{}", table.name),
                _ => table.name.clone(),
            };
            (i64::from(table.oid), name)
        }));
        let namespaces = [
            (PG_CATALOG_NAMESPACE, "pg_catalog"),
            (PUBLIC_NAMESPACE, "public"),
            (TALEA_NAMESPACE, TALEA),
            (INFORMATION_SCHEMA_NAMESPACE, "information_schema"),
        ];
        let hidden = classes.iter().filter(|(_, name)| name.contains('.'));
        let hidden_classes = Arc::new(hidden.map(|(oid, name)| (*oid, name.clone())).collect());
        let of_functions = |text: fn(&Procedure) -> String| -> ByOid {
            let texts = exported.functions.iter().map(|(oid, function)| (*oid, text(function)));
            Arc::new(texts.collect())
        };
        let shared = |pairs: Vec<(u32, String)>| -> ByOid {
            Arc::new(pairs.into_iter().map(|(oid, text)| (i64::from(oid), text)).collect())
        };
        Ok(Definitions {
            indexes: shared(
                keys.iter().map(|(relation, key)| (key.index_oid, index(relation, key))).collect(),
            ),
            constraints: shared(
                keys.iter().map(|(_, key)| (key.constraint_oid, constraint(key))).collect(),
            ),
            views: shared(views.iter().map(|view| (view.oid, view.query.clone())).collect()),
            classes: Arc::new(classes),
            namespaces: shared(
                namespaces.iter().map(|(oid, name)| (*oid, (*name).to_owned())).collect(),
            ),
            roles: shared(vec![(OWNER_OID, OWNER.to_owned())]),
            types: Arc::new(exported.types.clone()),
            type_names: Arc::new(exported.type_names.clone()),
            functions: of_functions(|function| function.name.clone()),
            signatures: of_functions(|function| {
                format!("{}({})", function.name, function.identity)
            }),
            function_arguments: of_functions(|function| function.arguments.clone()),
            function_identities: of_functions(|function| function.identity.clone()),
            function_results: of_functions(|function| function.result.clone()),
            function_definitions: Arc::new(
                exported
                    .functions
                    .iter()
                    .filter_map(|(oid, function)| Some((*oid, function.definition.clone()?)))
                    .collect(),
            ),
            hidden_classes,
            index_columns: Arc::new(
                keys.iter().map(|(_, key)| (i64::from(key.index_oid), key.columns)).collect(),
            ),
            descriptions: descriptions::by_object(views),
        })
    }
}

pub(super) fn index(relation: &Relation, key: &Key) -> String {
    format!(
        "CREATE UNIQUE INDEX {} ON public.{} USING btree ({})",
        key.name,
        relation.name,
        key.columns.join(", ")
    )
}

fn constraint(key: &Key) -> String {
    let kind = if key.primary { "PRIMARY KEY" } else { "UNIQUE" };
    format!("{kind} ({})", key.columns.join(", "))
}
