//! Functions in FROM that give rows, as subqueries that unnest lists: `jsonb_each(x)`,
//! `generate_series(1, n)`, `unnest(a, b)`, each WITH ORDINALITY too.
//!
//! The subquery is lateral, so arguments may be columns of tables before it. A series of constants
//! stays what DataFusion streams.

use super::set_functions::select;
use super::syntax::call;
use super::whole_row::{ScalarFunction, folded, only_column};
use crate::{Error, Fault};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, Expr, FunctionArg, FunctionArgExpr, Ident,
    Query, SelectItem, TableAlias, TableAliasColumnDef, TableFactor, UnaryOperator, Value,
};

/// A function that gives a set: for each column its list, what makes a value of an element, and
/// what it is called. Without a name it takes that of the alias.
struct SetFunction {
    name: &'static str,
    columns: &'static [(&'static str, Option<&'static str>, Option<&'static str>)],
}

const JSONB: Option<&str> = Some("jsonb_value");
const JSON: Option<&str> = Some("json_value");
const KEY: Option<&str> = Some("key");
const VALUE: Option<&str> = Some("value");

const SETS: [SetFunction; 10] = [
    SetFunction { name: "jsonb_array_elements", columns: &[("jsonb_elements", JSONB, VALUE)] },
    SetFunction {
        name: "jsonb_array_elements_text",
        columns: &[("jsonb_elements_text", None, VALUE)],
    },
    SetFunction { name: "jsonb_object_keys", columns: &[("jsonb_keys", None, None)] },
    SetFunction {
        name: "jsonb_each",
        columns: &[("jsonb_keys", None, KEY), ("jsonb_values", JSONB, VALUE)],
    },
    SetFunction {
        name: "jsonb_each_text",
        columns: &[("jsonb_keys", None, KEY), ("jsonb_values_text", None, VALUE)],
    },
    SetFunction { name: "json_array_elements", columns: &[("json_elements", JSON, VALUE)] },
    SetFunction {
        name: "json_array_elements_text",
        columns: &[("json_elements_text", None, VALUE)],
    },
    SetFunction { name: "json_object_keys", columns: &[("json_keys", None, None)] },
    SetFunction {
        name: "json_each",
        columns: &[("json_keys", None, KEY), ("json_values", JSON, VALUE)],
    },
    SetFunction {
        name: "json_each_text",
        columns: &[("json_keys", None, KEY), ("json_values_text", None, VALUE)],
    },
];

/// Functions of one list that are called by another name in FROM.
const LISTS: [(&str, &str); 2] =
    [("generate_series", "series"), ("generate_subscripts", "array_subscripts")];

/// Such a function of one column, where it stands in a select list: the rows it gives.
pub(super) fn in_select_list(name: &str, arguments: Vec<Expr>) -> Option<Expr> {
    if let Some((_, list)) = LISTS.iter().find(|(known, _)| *known == name) {
        return Some(call("unnest", vec![call(list, arguments)]));
    }
    let set = SETS.iter().find(|set| set.name == name)?;
    let [(list, value, _)] = set.columns else { return None };
    Some(element(call(list, arguments), *value))
}

fn element(list: Expr, value: Option<&str>) -> Expr {
    let element = call("unnest", vec![list]);
    match value {
        Some(value) => call(value, vec![element]),
        None => element,
    }
}

/// A call in FROM, with the columns it will have.
struct Call {
    name: String,
    columns: Vec<(Expr, String)>,
    list: Expr,
    alias: Option<TableAlias>,
    ordinality: bool,
}

/// Puts a subquery in the place of the call, if it is one of these. One of a single column can be
/// named as a value.
pub(super) fn rewrite(table: &mut TableFactor) -> Result<Option<ScalarFunction>, Error> {
    if let Some(records) = records(table)? {
        *table = records;
        return Ok(None);
    }
    let Some(found) = read(table) else { return Ok(None) };
    let mut columns = found.columns;
    if found.ordinality {
        let numbers = call("array_subscripts", vec![found.list, number("1")]);
        let number = cast(call("unnest", vec![numbers]), SqlType::BigInt(None));
        columns.push((number, "ordinality".to_owned()));
    }
    let alias = found.alias;
    let name = match &alias {
        Some(alias) => alias.name.clone(),
        None => Ident::with_quote('"', found.name),
    };
    let written = alias.map(|alias| alias.columns).unwrap_or_default();
    if written.len() > columns.len() {
        let message = format!(
            "table \"{}\" has {} columns available but {} columns specified",
            name.value,
            columns.len(),
            written.len()
        );
        return Err(Error::new(Fault::InvalidColumnReference, message));
    }
    let names = written.into_iter().map(|column| column.name).map(Some);
    let projection = columns.into_iter().zip(names.chain(std::iter::repeat(None)));
    let projection: Vec<SelectItem> = projection
        .map(|((expr, own), name)| SelectItem::ExprWithAlias {
            expr,
            alias: name.unwrap_or_else(|| Ident::with_quote('"', own)),
        })
        .collect();
    let table_name = folded(&name);
    let query = select(projection, None)?;
    let function = only_column(&query).map(|column| ScalarFunction { table: table_name, column });
    *table = derived(query, name);
    Ok(function)
}

fn read(table: &TableFactor) -> Option<Call> {
    let (name, arguments, alias, ordinality) = match table {
        TableFactor::Table { name, args: Some(args), alias, with_ordinality, .. } => {
            (name, &args.args, alias, *with_ordinality)
        }
        TableFactor::Function { name, args, alias, with_ordinality, .. } => {
            (name, args, alias, *with_ordinality)
        }
        TableFactor::UNNEST { alias, array_exprs, with_ordinality, .. } => {
            return Some(unnested(array_exprs, alias.clone(), *with_ordinality));
        }
        _ => return None,
    };
    let name = name.0.last()?.as_ident()?.value.to_ascii_lowercase();
    let arguments: Vec<Expr> = arguments.iter().map(argument).collect::<Option<_>>()?;
    let alias = alias.clone();
    let shown = |own: Option<&str>| match (own, &alias) {
        (Some(own), _) => own.to_owned(),
        (None, Some(alias)) => folded(&alias.name),
        (None, None) => name.clone(),
    };
    if let Some((_, list)) = LISTS.iter().find(|(known, _)| *known == name) {
        let streamed = name == "generate_series" && arguments.iter().all(is_integer);
        if streamed && !ordinality {
            return None;
        }
        let list = call(list, arguments);
        let columns = vec![(element(list.clone(), None), shown(None))];
        return Some(Call { name, columns, list, alias, ordinality });
    }
    let set = SETS.iter().find(|set| set.name == name)?;
    let columns = set
        .columns
        .iter()
        .map(|(list, value, own)| (element(call(list, arguments.clone()), *value), shown(*own)));
    let columns = columns.collect();
    let list = call(set.columns.first()?.0, arguments);
    Some(Call { name, columns, list, alias, ordinality })
}

/// `unnest(a, b)` in FROM: lists side by side.
fn unnested(arrays: &[Expr], alias: Option<TableAlias>, ordinality: bool) -> Call {
    let shown = match (&alias, arrays.len()) {
        (Some(alias), 1) => folded(&alias.name),
        _ => "unnest".to_owned(),
    };
    let columns =
        arrays.iter().map(|array| (element(array.clone(), None), shown.clone())).collect();
    let list = match arrays {
        [list] => list.clone(),
        lists => call("longest_array", lists.to_vec()),
    };
    Call { name: "unnest".to_owned(), columns, list, alias, ordinality }
}

/// `jsonb_to_recordset(x) AS t (a int, b text)`: the members of each element, cast to their types.
fn records(table: &TableFactor) -> Result<Option<TableFactor>, Error> {
    let TableFactor::Table { name, args: Some(args), alias, .. } = table else { return Ok(None) };
    let Some(name) = name.0.last().and_then(|part| part.as_ident()) else { return Ok(None) };
    let name = name.value.to_ascii_lowercase();
    let (value, list) = match name.as_str() {
        "jsonb_to_recordset" => ("jsonb_value", Some("jsonb_elements")),
        "json_to_recordset" => ("json_value", Some("json_elements")),
        "jsonb_to_record" => ("jsonb_value", None),
        "json_to_record" => ("json_value", None),
        _ => return Ok(None),
    };
    let arguments: Option<Vec<Expr>> = args.args.iter().map(argument).collect();
    let Some([argument]) = arguments.as_deref() else { return Ok(None) };
    let typed = alias.as_ref().filter(|alias| {
        !alias.columns.is_empty() && alias.columns.iter().all(|column| column.data_type.is_some())
    });
    let Some(alias) = typed else {
        return Err(Error::new(
            Fault::SyntaxError,
            "a column definition list is required for functions returning \"record\"",
        ));
    };
    let record = match list {
        Some(list) => element(call(list, vec![argument.clone()]), Some(value)),
        None => call(value, vec![argument.clone()]),
    };
    let inner = Ident::with_quote('"', "record");
    let rows =
        select(vec![SelectItem::ExprWithAlias { expr: record, alias: inner.clone() }], None)?;
    let members = alias.columns.iter().map(|column| member(column, &inner)).collect();
    let from = derived(rows, Ident::with_quote('"', "the records"));
    Ok(Some(derived(select(members, Some(from))?, alias.name.clone())))
}

/// A member of a record as a column of its type.
fn member(column: &TableAliasColumnDef, record: &Ident) -> SelectItem {
    let data_type = column.data_type.clone().unwrap_or(SqlType::Text);
    let op = match &data_type {
        SqlType::JSON | SqlType::JSONB => BinaryOperator::Arrow,
        _ => BinaryOperator::LongArrow,
    };
    let key = Value::SingleQuotedString(folded(&column.name)).with_empty_span();
    let value = Expr::BinaryOp {
        left: Box::new(Expr::Identifier(record.clone())),
        op,
        right: Box::new(Expr::Value(key)),
    };
    SelectItem::ExprWithAlias { expr: cast(value, data_type), alias: column.name.clone() }
}

fn argument(arg: &FunctionArg) -> Option<Expr> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    }
}

/// An integer that stands there as one.
fn is_integer(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.bytes().all(|byte| byte.is_ascii_digit()),
            Value::Null => true,
            _ => false,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } | Expr::Nested(expr) => is_integer(expr),
        Expr::Cast { expr, data_type, .. } => {
            let integer = matches!(
                data_type,
                SqlType::Int(_)
                    | SqlType::Integer(_)
                    | SqlType::Int4(_)
                    | SqlType::Int8(_)
                    | SqlType::BigInt(_)
            );
            integer && is_integer(expr)
        }
        _ => false,
    }
}

fn number(digits: &str) -> Expr {
    Expr::Value(Value::Number(digits.to_owned(), false).with_empty_span())
}

fn cast(expr: Expr, data_type: SqlType) -> Expr {
    let expr = Box::new(expr);
    Expr::Cast { kind: CastKind::Cast, expr, data_type, array: false, format: None }
}

fn derived(query: Query, name: Ident) -> TableFactor {
    let alias = TableAlias { explicit: true, name, columns: Vec::new(), at: None };
    TableFactor::Derived {
        lateral: true,
        subquery: Box::new(query),
        alias: Some(alias),
        sample: None,
    }
}
