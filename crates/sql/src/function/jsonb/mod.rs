//! jsonb: documents as text in the spelling of Postgres, and functions and operators on them.

mod building;
mod changing;
mod comparison;
mod document;
mod functions;
mod key;
mod operators;
mod raw;

pub(crate) use comparison::{jsonb_key, jsonb_value};
pub(crate) use document::normal_text;

pub(super) use comparison::JsonbComparison;
pub(super) use operators::JsonbOperators;

use datafusion::logical_expr::ScalarUDF;
use datafusion_functions_json::udfs::{json_as_text_udf, json_get_json_udf};

pub(super) fn all() -> Vec<ScalarUDF> {
    let looks_up = [json_as_text_udf(), json_get_json_udf()];
    let looks_up = looks_up.into_iter().map(|function| function.as_ref().clone());
    functions::all().into_iter().chain(building::all()).chain(looks_up).collect()
}
