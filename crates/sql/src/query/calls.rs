//! Functions that are written in other words here: aggregates to jsonb, functions that give sets,
//! and names under which DataFusion has what Postgres means.

use super::literals::make_bare;
use super::normalize::call;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query,
    Statement, TableAlias, TableAliasColumnDef, TableFactor,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// Postgres' name, and DataFusion's for the same.
const RENAMED: [(&str, &str); 6] = [
    ("every", "bool_and"),
    ("array_remove", "array_remove_all"),
    ("array_replace", "array_replace_all"),
    ("ceiling", "ceil"),
    ("transaction_timestamp", "now"),
    ("json_array_length", "jsonb_array_length"),
];

/// A function that gives a set: what makes its lists, and what its columns are called.
const SETS: [(&str, &[&str], &[&str]); 5] = [
    ("jsonb_array_elements", &["jsonb_elements"], &["value"]),
    ("jsonb_array_elements_text", &["jsonb_elements_text"], &["value"]),
    ("jsonb_object_keys", &["jsonb_keys"], &["jsonb_object_keys"]),
    ("jsonb_each", &["jsonb_keys", "jsonb_values"], &["key", "value"]),
    ("jsonb_each_text", &["jsonb_keys", "jsonb_values_text"], &["key", "value"]),
];

fn name_of(function: &Function) -> String {
    let name = function.name.0.last().and_then(|part| part.as_ident());
    name.map_or_else(String::new, |name| name.value.to_ascii_lowercase())
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
    } else if name == "generate_series" {
        *expr = call("unnest", vec![expr.clone()]);
    } else if name == "jsonb_agg" {
        if let FunctionArguments::List(list) = &mut function.args
            && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))] = list.args.as_mut_slice()
        {
            *arg = call("to_jsonb", vec![arg.clone()]);
            rename(function, "array_agg");
            *expr = call("jsonb_of_elements", vec![expr.clone()]);
        }
    } else if let Some((_, [list], _)) = SETS.iter().find(|(set, ..)| *set == name) {
        rename(function, list);
        *expr = call("unnest", vec![expr.clone()]);
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

/// `FROM jsonb_each(x)` is a query that unnests lists.
pub(super) fn rewrite_table(table: &mut TableFactor) {
    let TableFactor::Table { name, args: Some(args), alias, .. } = table else { return };
    let function = name.0.last().and_then(|part| part.as_ident());
    let Some(function) = function.map(|function| function.value.to_ascii_lowercase()) else {
        return;
    };
    let Some((_, lists, columns)) = SETS.iter().find(|(set, ..)| *set == function) else { return };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = args.args.as_slice() else {
        return;
    };
    let items: Vec<String> = lists
        .iter()
        .zip(*columns)
        .map(|(list, column)| format!("unnest({list}({argument})) AS \"{column}\""))
        .collect();
    let Some(subquery) = parsed(&format!("SELECT {}", items.join(", "))) else { return };
    let mut alias = alias.clone().unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::with_quote('"', function),
        columns: Vec::new(),
        at: None,
    });
    // The alias of a function with one column names that too.
    if columns.len() == 1 && alias.columns.is_empty() {
        let name = match columns {
            ["value"] => Ident::with_quote('"', "value"),
            _ => alias.name.clone(),
        };
        alias.columns.push(TableAliasColumnDef { name, data_type: None });
    }
    *table = TableFactor::Derived {
        lateral: true,
        subquery: Box::new(subquery),
        alias: Some(alias),
        sample: None,
    };
}

fn parsed(text: &str) -> Option<Query> {
    match Parser::parse_sql(&PostgreSqlDialect {}, text).ok()?.pop()? {
        Statement::Query(query) => Some(*query),
        _ => None,
    }
}
