//! `pg_settings`: the settings of the session that asks.

use super::rows::CatalogRows;
use crate::{Result, SessionSettings};
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

struct Shown {
    name: String,
    value: String,
    reset_value: String,
    type_name: &'static str,
    description: &'static str,
}

fn shown(settings: &SessionSettings) -> Vec<Shown> {
    settings
        .rows()
        .map(|row| Shown {
            name: row.name.to_owned(),
            value: row.value.into_owned(),
            reset_value: row.reset_value.to_owned(),
            type_name: row.type_name,
            description: row.description,
        })
        .collect()
}

fn table(rows: Vec<Shown>) -> Result<Arc<dyn TableProvider>> {
    CatalogRows::new(rows)
        .text("name", |row| Some(row.name.clone()))
        .text("setting", |row| Some(row.value.clone()))
        .text("unit", |_| None::<String>)
        .text("category", |_| Some("Client Connection Defaults"))
        .text("short_desc", |row| Some(row.description))
        .text("extra_desc", |_| None::<String>)
        .text("context", |_| Some("user"))
        .text("vartype", |row| Some(row.type_name))
        .text("source", |row| {
            Some(if row.value == row.reset_value { "default" } else { "session" })
        })
        .text("min_val", |_| None::<String>)
        .text("max_val", |_| None::<String>)
        .no_texts("enumvals")
        .text("boot_val", |row| Some(row.reset_value.clone()))
        .text("reset_val", |row| Some(row.reset_value.clone()))
        .text("sourcefile", |_| None::<String>)
        .int4("sourceline", |_| None)
        .bool("pending_restart", |_| false)
        .finish()
}

/// Made anew for every scan, from the settings that the statement carries.
#[derive(Debug)]
struct PgSettings {
    schema: SchemaRef,
}

pub(super) fn pg_settings() -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(PgSettings { schema: table(Vec::new())?.schema() }))
}

#[async_trait]
impl TableProvider for PgSettings {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        let settings = state.config().get_extension::<SessionSettings>().ok_or_else(|| {
            DataFusionError::Internal("pg_settings was read without a session".to_owned())
        })?;
        let rows =
            table(shown(&settings)).map_err(|error| DataFusionError::External(Box::new(error)))?;
        rows.scan(state, projection, filters, limit).await
    }
}
