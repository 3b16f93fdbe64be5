//! Functions that are written in other words here: aggregates to jsonb, functions that give sets,
//! and names under which DataFusion has what Postgres means.

use super::literals::make_bare;
use super::normalize::call;
use super::table_functions;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
};

/// Postgres' name, and DataFusion's for the same.
const RENAMED: [(&str, &str); 5] = [
    ("every", "bool_and"),
    ("array_remove", "array_remove_all"),
    ("array_replace", "array_replace_all"),
    ("ceiling", "ceil"),
    ("json_array_length", "jsonb_array_length"),
];

fn name_of(function: &Function) -> String {
    let name = function.name.0.last().and_then(|part| part.as_ident());
    name.map_or_else(String::new, |name| name.value.to_ascii_lowercase())
}

fn arguments_of(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let argument = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    list.args.iter().map(argument).collect()
}

fn rename(function: &mut Function, name: &str) {
    function.name = ObjectName::from(vec![Ident::new(name)]);
}

/// Once the arguments have been visited.
pub(super) fn rewrite(expr: &mut Expr) {
    let Expr::Function(function) = expr else { return };
    let name = name_of(function);
    if name == "count" {
        bare_argument(function);
    }
    if let Some((_, ours)) = RENAMED.iter().find(|(postgres, _)| *postgres == name) {
        rename(function, ours);
    } else if name == "jsonb_agg" {
        if let FunctionArguments::List(list) = &mut function.args
            && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))] = list.args.as_mut_slice()
        {
            *arg = call("to_jsonb", vec![arg.clone()]);
            rename(function, "array_agg");
            *expr = call("jsonb_of_elements", vec![expr.clone()]);
        }
    } else if let Some(rows) =
        arguments_of(function).and_then(|args| table_functions::in_select_list(&name, args))
    {
        *expr = rows;
    }
}

/// `count(1)` is what DataFusion makes of `count(*)`, to the letter.
fn bare_argument(function: &mut Function) {
    if let FunctionArguments::List(list) = &mut function.args
        && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))] = list.args.as_mut_slice()
    {
        make_bare(arg);
    }
}
