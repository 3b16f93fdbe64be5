//! Functions that DataFusion lacks or that mean something else in Postgres.
//!
//! Owns: casts to uuid, json, unsized numeric and timestamptz, JSON operators, `to_char` with
//! Postgres' patterns, `format_amount`, values of the session, and what catalogs are asked through.
//!
//! Invariant: a function under a Postgres name answers what Postgres answers, or an error.

mod array_text;
mod cast;
mod catalog;
mod date_trunc;
mod extract;
mod jsonb;
mod known_names;
mod like;
mod money;
mod nullable;
mod numeric_cast;
mod one_row;
mod operand_types;
mod path;
mod random_uuid;
mod rewrite;
mod row_function;
mod row_of;
mod series;
mod session;
mod setting_lookup;
mod simple;
mod time_zone;
mod to_char;

pub(crate) use array_text::parse as parse_array;
pub(crate) use catalog::register_catalog_functions;
pub(crate) use jsonb::{jsonb_key, jsonb_value, normal_text as jsonb_text};
pub(crate) use known_names::{check_known, undefined_function};
pub(crate) use money::{format_amount_at, is_format_amount};
pub(crate) use nullable::NAME as MAY_BE_NULL;
pub(crate) use one_row::one_row;
pub(crate) use session::session_function_type;
pub(crate) use setting_lookup::SettingLookup;
pub(crate) use simple::undefined;

use crate::{Error, PgType, exact};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use std::sync::Arc;
use store::Ledger;

pub(crate) fn register(state: &mut SessionState, ledger: &Ledger) -> Result<()> {
    for function in cast::all().into_iter().chain(session::all()).chain(jsonb::all()).chain([
        numeric_cast::numeric(),
        series::series(),
        row_of::row_of(),
        row_of::outer_row_of(),
        like::like_pattern(),
        date_trunc::date_trunc(),
        to_char::to_char(),
        path::path_prefixes(),
        money::format_amount(ledger.clone()),
        nullable::nullable(),
        random_uuid::gen_random_uuid(),
        time_zone::timezone(),
        extract::extract(),
        extract::date_part(),
    ]) {
        state.register_udf(Arc::new(function))?;
    }
    state.register_expr_planner(Arc::new(jsonb::JsonbOperators))?;
    state.register_expr_planner(Arc::new(operand_types::OperandTypes))?;
    state.register_expr_planner(Arc::new(exact::ExactArithmetic))?;
    state.register_function_rewrite(Arc::new(jsonb::JsonbComparison))?;
    state.register_function_rewrite(Arc::new(rewrite::PostgresMeaning))?;
    state.register_function_rewrite(Arc::new(exact::CheckedRemainder))?;
    Ok(())
}

/// The Postgres type of a function's result, where its arrow type does not tell it.
pub(crate) fn result_type(name: &str) -> Option<PgType> {
    session_function_type(name).or(match name {
        "uuid" => Some(PgType::Uuid),
        "json" => Some(PgType::Json),
        "oid" | "regclass" | "regtype" | "regproc" | "regprocedure" | "regnamespace"
        | "regrole" | "to_regclass" | "to_regtype" | "to_regproc" | "to_regprocedure"
        | "to_regnamespace" | "to_regrole" => Some(PgType::Oid),
        "pg_get_userbyid" => Some(PgType::Name),
        _ => None,
    })
}

/// One of our own errors on its way through DataFusion.
pub(crate) fn own(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
