//! `pg_description`: a sentence for each table and column of the ledger, for each view and function, and
//! for the schemas.

use super::rows::CatalogRows;
use super::{
    FUNCTIONS, INFORMATION_SCHEMA_NAMESPACE, PG_CATALOG_NAMESPACE, PUBLIC_NAMESPACE, RELATIONS,
    View,
};
use crate::Result;
use datafusion::catalog::TableProvider;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The catalogs whose rows are described, by their oids in every Postgres.
const PG_PROC: u32 = 1_255;
const PG_CLASS: u32 = 1_259;
const PG_NAMESPACE: u32 = 2_615;

struct Description {
    object: u32,
    catalog: u32,
    /// The number of a column, or 0 for the object itself.
    part: i32,
    text: String,
}

/// Descriptions by object and part, for the functions that are asked for one.
pub(crate) type Descriptions = Arc<BTreeMap<(i64, i64), String>>;

fn all(views: &[View]) -> Vec<Description> {
    let schemas = [
        (PG_CATALOG_NAMESPACE, "system catalog schema"),
        (PUBLIC_NAMESPACE, "standard public schema"),
        (INFORMATION_SCHEMA_NAMESPACE, "the catalog in the words of the SQL standard"),
    ];
    let mut found: Vec<Description> = schemas
        .into_iter()
        .map(|(object, text)| Description {
            object,
            catalog: PG_NAMESPACE,
            part: 0,
            text: text.to_owned(),
        })
        .collect();
    let of_relation = |object: u32, part: i32, text: &str| Description {
        object,
        catalog: PG_CLASS,
        part,
        text: text.to_owned(),
    };
    for relation in RELATIONS.iter() {
        found.push(of_relation(relation.oid, 0, relation.comment));
        found.extend(
            (1..)
                .zip(relation.columns)
                .map(|(number, column)| of_relation(relation.oid, number, column.comment)),
        );
    }
    found.extend(
        views.iter().filter_map(|view| Some(of_relation(view.oid, 0, view.comment.as_deref()?))),
    );
    found.extend(FUNCTIONS.iter().map(|function| Description {
        object: function.oid,
        catalog: PG_PROC,
        part: 0,
        text: function.comment.to_owned(),
    }));
    found
}

pub(super) fn table(views: &[View]) -> Result<Arc<dyn TableProvider>> {
    CatalogRows::new(all(views))
        .oid("objoid", |each| Some(each.object))
        .oid("classoid", |each| Some(each.catalog))
        .int4("objsubid", |each| Some(each.part))
        .text("description", |each| Some(each.text.clone()))
        .finish()
}

pub(super) fn by_object(views: &[View]) -> Descriptions {
    let texts = all(views)
        .into_iter()
        .map(|each| ((i64::from(each.object), i64::from(each.part)), each.text));
    Arc::new(texts.collect())
}
