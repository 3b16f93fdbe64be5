//! `pg_database` and the roles. There is one database, and one role that owns everything; who may
//! connect is not decided by roles yet.

use super::rows::CatalogRows;
use super::{DATABASE_OID, OWNER, OWNER_OID};
use crate::Result;
use datafusion::catalog::TableProvider;
use std::sync::Arc;

pub(super) fn tables() -> Result<Vec<(&'static str, Arc<dyn TableProvider>)>> {
    let databases = CatalogRows::new(vec![()])
        .oid("oid", |()| Some(DATABASE_OID))
        .name("datname", |()| "tallybook")
        .oid("datdba", |()| Some(OWNER_OID))
        .int4("encoding", |()| Some(6))
        .char("datlocprovider", |()| "c")
        .bool("datistemplate", |()| false)
        .bool("datallowconn", |()| true)
        .int4("datconnlimit", |()| Some(-1))
        .int4("datfrozenxid", |()| Some(0))
        .int4("datminmxid", |()| Some(0))
        .oid("dattablespace", |()| Some(1_663))
        .text("datcollate", |()| Some("C.UTF-8"))
        .text("datctype", |()| Some("C.UTF-8"))
        .text("daticulocale", |()| None::<String>)
        .text("datcollversion", |()| None::<String>)
        .no_texts("datacl")
        .finish()?;
    let roles = CatalogRows::new(vec![()])
        .name("rolname", |()| OWNER)
        .bool("rolsuper", |()| true)
        .bool("rolinherit", |()| true)
        .bool("rolcreaterole", |()| false)
        .bool("rolcreatedb", |()| false)
        .bool("rolcanlogin", |()| true)
        .bool("rolreplication", |()| false)
        .int4("rolconnlimit", |()| Some(-1))
        .text("rolpassword", |()| Some("********"))
        .no_instant("rolvaliduntil")
        .bool("rolbypassrls", |()| false)
        .no_texts("rolconfig")
        .oid("oid", |()| Some(OWNER_OID))
        .finish()?;
    let users = CatalogRows::new(vec![()])
        .name("usename", |()| OWNER)
        .oid("usesysid", |()| Some(OWNER_OID))
        .bool("usecreatedb", |()| false)
        .bool("usesuper", |()| true)
        .bool("userepl", |()| false)
        .bool("usebypassrls", |()| false)
        .text("passwd", |()| Some("********"))
        .no_instant("valuntil")
        .no_texts("useconfig")
        .finish()?;
    Ok(vec![
        ("pg_database", databases),
        ("pg_roles", Arc::clone(&roles)),
        ("pg_authid", roles),
        ("pg_user", users),
    ])
}
