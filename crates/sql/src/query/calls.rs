//! Functions that are written in other words here: aggregates to jsonb, functions that give sets,
//! and names under which DataFusion has what Postgres means.

use super::literals::make_bare;
use super::syntax::call;
use super::table_functions;
use crate::function::MAY_BE_NULL;
use datafusion::sql::sqlparser::ast::{
    Array, CastKind, DataType as SqlType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, ObjectName, Statement, Value, VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

/// Postgres' name, and DataFusion's for the same.
const RENAMED: [(&str, &str); 7] = [
    ("every", "bool_and"),
    ("array_remove", "array_remove_all"),
    ("array_replace", "array_replace_all"),
    ("ceiling", "ceil"),
    ("transaction_timestamp", "now"),
    ("json_array_length", "jsonb_array_length"),
    ("json_typeof", "jsonb_typeof"),
];

/// An aggregate that makes a document: what each row gives, and what is made of them all.
const AGGREGATES: [(&str, &str, &str); 4] = [
    ("jsonb_agg", "to_jsonb", "jsonb_of_elements"),
    ("json_agg", "json_item", "json_of_elements"),
    ("jsonb_object_agg", "jsonb_pair", "jsonb_of_pairs"),
    ("json_object_agg", "json_pair", "json_of_pairs"),
];

/// Functions on documents whose arguments vary in number.
fn document(name: &str, mut args: Vec<Expr>) -> Option<Expr> {
    let at_path = match name {
        "jsonb_extract_path" => "jsonb_at_path",
        "jsonb_extract_path_text" => "jsonb_text_at_path",
        "json_extract_path" => "json_at_path",
        "json_extract_path_text" => "json_text_at_path",
        "jsonb_set" | "jsonb_insert" if (3..=4).contains(&args.len()) => {
            // A truth value goes as text.
            let default = if name == "jsonb_set" { "true" } else { "false" };
            let given = if args.len() == 4 { args.pop() } else { None };
            args.push(given.map_or_else(|| text(default), as_text));
            return Some(call(&format!("{name}_at"), args));
        }
        "jsonb_object" if args.len() == 2 => return Some(call("jsonb_object_of", args)),
        _ => return None,
    };
    if args.len() < 2 {
        return None;
    }
    let path = Expr::Array(Array { elem: args.split_off(1), named: true });
    args.push(path);
    Some(call(at_path, args))
}

fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).with_empty_span())
}

fn as_text(expr: Expr) -> Expr {
    let expr = Box::new(expr);
    Expr::Cast { kind: CastKind::Cast, expr, data_type: SqlType::Text, array: false, format: None }
}

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
    } else if let Some((_, item, whole)) = AGGREGATES.iter().find(|(known, ..)| *known == name) {
        if let Some(arguments) = arguments_of(function)
            && let FunctionArguments::List(list) = &mut function.args
        {
            let collected = FunctionArgExpr::Expr(call(item, arguments));
            list.args = vec![FunctionArg::Unnamed(collected)];
            rename(function, "array_agg");
            *expr = call(whole, vec![expr.clone()]);
        }
    } else if let Some(document) = arguments_of(function).and_then(|args| document(&name, args)) {
        *expr = document;
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

/// Gives calls whose argument is a cast a name of their own: the planner leaves casts out of names.
pub(super) fn tell_casts_apart(statement: &mut Statement) {
    struct Arguments;
    impl VisitorMut for Arguments {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            let Expr::Function(Function { args: FunctionArguments::List(list), .. }) = expr else {
                return ControlFlow::Continue(());
            };
            for arg in &mut list.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) = arg
                    && matches!(&*arg, Expr::Cast { expr, .. } if !matches!(**expr, Expr::Value(_)))
                {
                    *arg = call(MAY_BE_NULL, vec![arg.clone()]);
                }
            }
            ControlFlow::Continue(())
        }
    }
    let _ = statement.visit(&mut Arguments);
}
