//! Functions that DataFusion lacks or that mean something else in Postgres.
//!
//! Owns: casts to uuid, json, unsized numeric and timestamptz, JSON operators, intervals, patterns of
//! `to_char` and its kin, numbers and texts as Postgres computes them, arrays, `format_amount`, values
//! of the session, and what catalogs are asked through. Most are written for one row over `typed`.
//!
//! Invariant: a function under a Postgres name answers what Postgres answers, or an error.

mod array;
mod array_text;
mod bounded;
mod cast;
mod catalog;
mod character;
mod choosing;
mod clock;
mod coerced;
mod date_trunc;
mod extract;
mod families;
mod float_cast;
mod interval;
mod interval_text;
mod jsonb;
mod known_names;
mod like;
mod made_times;
mod marked;
mod money;
mod nullable;
mod number;
mod numeric_cast;
mod one_row;
mod operand_types;
mod ordered_set;
mod path;
mod random_uuid;
mod regular;
mod replacing;
mod rewrite;
mod row_function;
mod row_of;
mod series;
mod session;
mod setting_lookup;
mod shown;
mod simple;
mod template;
mod temporal_operators;
mod time_zone;
mod type_of;
mod typed;
mod unmarked;
mod unreversed;
mod variadic;
mod zoned;

pub(crate) use array::compares_elements;
pub(crate) use array_text::parse as parse_array;
pub(crate) use cast::literal_instant;
pub(crate) use catalog::register_catalog_functions;
pub(crate) use families::{fields_comparable, joinable, not_matched};
pub(crate) use interval::{
    divided as interval_divided, interval_order, micros as interval_micros,
    parse as parse_interval, parse_fields as parse_interval_fields,
    with_parts as interval_of_parts,
};
pub(crate) use jsonb::{jsonb_key, jsonb_value, normal_text as jsonb_text};
pub(crate) use known_names::{check_known, undefined_function};
pub(crate) use money::{format_amount_at, is_format_amount};
pub(crate) use nullable::{NAME as MAY_BE_NULL, may_be_null};
pub(crate) use one_row::one_row;
pub(crate) use replacing::invalid_regex;
pub(crate) use session::session_function_type;
pub(crate) use setting_lookup::SettingLookup;
pub(crate) use shown::{ISO_INTERVALS, float8};
pub(crate) use simple::undefined;
pub(crate) use unmarked::unmarked;

use crate::{Error, PgType, exact};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::execution::memory_pool::MemoryPool;
use std::sync::Arc;
use store::Ledger;

/// `pool` is what functions ask for the memory of long results.
pub(crate) fn register(
    state: &mut SessionState,
    ledger: &Ledger,
    pool: &Arc<dyn MemoryPool>,
) -> Result<()> {
    for function in cast::all()
        .into_iter()
        .chain(session::all())
        .chain(jsonb::all())
        .chain(interval::all())
        .chain(number::all())
        .chain(template::all())
        .chain(array::all())
        .chain(marked::all())
        .chain(regular::all())
        .chain(made_times::all())
        .chain(bounded::all(pool))
        .chain([
            clock::clock_timestamp(),
            replacing::regexp_replace(pool),
            numeric_cast::numeric(),
            series::series(),
            row_of::row_of(),
            row_of::outer_row_of(),
            character::chr(),
            shown::text_of(),
            type_of::pg_typeof(),
            like::like_pattern(),
            date_trunc::date_trunc(),
            path::path_prefixes(),
            money::format_amount(ledger.clone()),
            nullable::nullable(),
            unmarked::unmarked(),
            random_uuid::gen_random_uuid(),
            time_zone::timezone(),
            extract::extract(),
            extract::date_part(),
        ])
    {
        state.register_udf(Arc::new(function))?;
    }
    for aggregate in ordered_set::all() {
        state.register_udaf(Arc::new(aggregate))?;
    }
    for aggregate in unreversed::all() {
        state.register_udaf(Arc::new(aggregate))?;
    }
    state.register_expr_planner(Arc::new(jsonb::JsonbOperators))?;
    state.register_expr_planner(Arc::new(operand_types::OperandTypes))?;
    state.register_expr_planner(Arc::new(exact::ExactArithmetic))?;
    state.register_expr_planner(Arc::new(array::ArrayOperators))?;
    state.register_function_rewrite(Arc::new(jsonb::JsonbComparison))?;
    state.register_function_rewrite(Arc::new(rewrite::PostgresMeaning {
        joined: Arc::new(bounded::joined(pool)),
    }))?;
    state.register_function_rewrite(Arc::new(exact::CheckedRemainder))?;
    state.add_analyzer_rule(coerced::rule());
    Ok(())
}

/// The Postgres type of a function's result, where its arrow type does not tell it.
pub(crate) fn result_type(name: &str) -> Option<PgType> {
    session_function_type(name).or(match name {
        "uuid" => Some(PgType::Uuid),
        "uuid_array" => Some(PgType::UuidArray),
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
