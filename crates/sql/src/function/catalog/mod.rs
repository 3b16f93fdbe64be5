//! What catalogs are asked through: names and definitions by oid, visibility, privileges, sizes.

mod constants;
mod lists;
mod names;
mod texts;

use crate::catalog::Catalog;
use datafusion::arrow::datatypes::DataType;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{Signature, Volatility};
use datafusion_pg_catalog::pg_catalog::{array_bounds_udf, quote_ident_udf};
use std::sync::Arc;

pub(crate) fn register_catalog_functions(
    state: &mut SessionState,
    catalog: &Catalog,
) -> crate::Result<()> {
    let known = catalog.definitions()?;
    let mut functions = constants::constants();
    functions.extend(texts::all(&known));
    functions.extend(names::all(&known));
    functions.extend(lists::all());
    functions.push(quote_ident_udf::create_quote_ident_udf());
    functions.push(quote_ident_udf::create_parse_ident_udf());
    functions.push(array_bounds_udf::create_array_upper_udf());
    functions.push(array_bounds_udf::create_array_lower_udf());
    for function in functions {
        state.register_udf(Arc::new(function))?;
    }
    Ok(())
}

fn any() -> Signature {
    Signature::user_defined(Volatility::Immutable)
}

/// Oids may come in any width, and as texts that name them.
fn oid_types(types: &[DataType]) -> Vec<DataType> {
    let oid = |each: &DataType| match each {
        other if other.is_integer() => DataType::Int64,
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        other => other.clone(),
    };
    types.iter().map(oid).collect()
}
