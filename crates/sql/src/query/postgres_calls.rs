//! Functions of Postgres that are casts, operators or other functions here: `int4(x)`, `age(x)`,
//! `num_nulls(…)`, `localtimestamp`, the times `'today'` and `'now'`, arguments by name.

use super::syntax::call;
use crate::{Error, Fault};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType as SqlType, ExactNumberInfo, Expr, Function,
    FunctionArg, FunctionArgExpr, FunctionArguments, TimezoneInfo, Value,
};

/// What an argument is called, by place.
const NAMED: [(&str, &[&str]); 4] = [
    ("make_interval", &["years", "months", "weeks", "days", "hours", "mins", "secs"]),
    ("make_date", &["year", "month", "day"]),
    ("make_time", &["hour", "min", "sec"]),
    ("make_timestamp", &["year", "month", "mday", "hour", "min", "sec"]),
];

/// Functions that give an int4 in Postgres and something wider in DataFusion.
const NARROW: [&str; 9] = [
    "array_length",
    "cardinality",
    "array_upper",
    "array_lower",
    "array_ndims",
    "array_position",
    "regexp_count",
    "ntile",
    "bit_length",
];

fn number(digits: &str) -> Expr {
    Expr::Value(Value::Number(digits.to_owned(), false).with_empty_span())
}

fn cast(expr: Expr, data_type: SqlType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

fn name_of(function: &Function) -> String {
    let name = function.name.0.last().and_then(|part| part.as_ident());
    name.map_or_else(String::new, |name| name.value.to_ascii_lowercase())
}

/// The arguments, if they are plain ones.
fn arguments(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let plain = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    list.args.iter().map(plain).collect()
}

/// Before what is inside of the expression is visited.
pub(super) fn before(expr: &mut Expr) -> Result<(), Error> {
    if let Some(time) = special_time(expr).or_else(|| local_time(expr)) {
        *expr = time;
        return Ok(());
    }
    let Expr::Function(function) = expr else { return Ok(()) };
    if function.over.is_some() {
        return Ok(());
    }
    let name = name_of(function);
    if name == "current_time" {
        return Err(Error::unsupported("current_time, which has a zone, is not supported")
            .with_hint("Use localtime."));
    }
    if matches!(name.as_str(), "localtime" | "localtimestamp") {
        return Err(Error::unsupported(format!("{name} of so many digits is not supported")));
    }
    by_place(&name, function)?;
    let Some(args) = arguments(function) else { return Ok(()) };
    if name == "count" && args.len() > 1 {
        let message = "function count with several arguments does not exist";
        return Err(Error::new(Fault::UndefinedFunction, message)
            .with_hint("No function matches the given name and argument types."));
    }
    let other = match (name.as_str(), args.as_slice()) {
        ("age", [time]) => Some(call("age", vec![call("current_date", Vec::new()), time.clone()])),
        ("num_nulls", [_, ..]) => nulls(&args, true),
        ("num_nonnulls", [_, ..]) => nulls(&args, false),
        (_, [value]) => type_of_name(&name).map(|data_type| cast(value.clone(), data_type)),
        _ => None,
    };
    if let Some(other) = other {
        *expr = other;
    }
    Ok(())
}

/// After what is inside of the expression has been visited.
pub(super) fn after(expr: &mut Expr) {
    let Expr::Function(function) = expr else { return };
    let name = name_of(function);
    if NARROW.contains(&name.as_str()) {
        let wide = expr.clone();
        // An array without elements has no dimensions.
        let wide = match name.as_str() {
            "array_length" => call("nullif", vec![wide, number("0")]),
            _ => wide,
        };
        *expr = cast(wide, SqlType::Int4(None));
    }
}

/// `int4(3.7)` is a cast.
fn type_of_name(name: &str) -> Option<SqlType> {
    Some(match name {
        "int2" => SqlType::Int2(None),
        "int4" => SqlType::Int4(None),
        "int8" => SqlType::Int8(None),
        "float4" => SqlType::Float4,
        "float8" => SqlType::Float8,
        "text" => SqlType::Text,
        "bool" => SqlType::Bool,
        "date" => SqlType::Date,
        "timestamp" => SqlType::Timestamp(None, TimezoneInfo::None),
        "numeric" => SqlType::Numeric(ExactNumberInfo::None),
        _ => return None,
    })
}

/// How many of the arguments are NULL, or are not.
fn nulls(args: &[Expr], counted: bool) -> Option<Expr> {
    let (if_null, otherwise) = if counted { ("1", "0") } else { ("0", "1") };
    let each = args.iter().map(|arg| Expr::Case {
        case_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(
        ),
        end_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen {
            condition: Expr::IsNull(Box::new(arg.clone())),
            result: number(if_null),
        }],
        else_result: Some(Box::new(number(otherwise))),
    });
    let sum = |left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::Plus,
        right: Box::new(right),
    };
    each.reduce(sum)
}

/// `make_interval(days => 10)` with its arguments by place.
fn by_place(name: &str, function: &mut Function) -> Result<(), Error> {
    let Some((_, names)) = NAMED.iter().find(|(known, _)| *known == name) else { return Ok(()) };
    let FunctionArguments::List(list) = &mut function.args else { return Ok(()) };
    let named = |arg: &FunctionArg| match arg {
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(expr), .. }
        | FunctionArg::ExprNamed {
            name: Expr::Identifier(name),
            arg: FunctionArgExpr::Expr(expr),
            ..
        } => Some((name.value.to_ascii_lowercase(), expr.clone())),
        _ => None,
    };
    if !list.args.iter().any(|arg| named(arg).is_some()) {
        return Ok(());
    }
    let unknown = || {
        Error::new(
            Fault::UndefinedFunction,
            format!("function {name} does not exist with these arguments"),
        )
        .with_hint("No function matches the given name and argument types.")
    };
    let mut places: Vec<Option<Expr>> = vec![None; names.len()];
    for (index, arg) in list.args.iter().enumerate() {
        let (place, value) = match (named(arg), arg) {
            (Some((name, value)), _) => {
                (names.iter().position(|known| *known == name).ok_or_else(unknown)?, value)
            }
            (None, FunctionArg::Unnamed(FunctionArgExpr::Expr(value))) => (index, value.clone()),
            _ => return Err(unknown()),
        };
        let slot = places.get_mut(place).ok_or_else(unknown)?;
        if slot.replace(value).is_some() {
            return Err(unknown());
        }
    }
    // Only an interval is complete without all of them.
    let all_given = places.iter().all(Option::is_some);
    if name != "make_interval" && !all_given {
        return Err(unknown());
    }
    let given = |value: Option<Expr>| {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value.unwrap_or_else(|| number("0"))))
    };
    list.args = places.into_iter().map(given).collect();
    Ok(())
}

/// `localtimestamp` and `localtime`, which stand without parentheses.
fn local_time(expr: &Expr) -> Option<Expr> {
    let name = match expr {
        Expr::Identifier(ident) if ident.quote_style.is_none() => ident.value.clone(),
        Expr::Function(function) if matches!(function.args, FunctionArguments::None) => {
            name_of(function)
        }
        _ => return None,
    };
    let data_type = match name.to_ascii_lowercase().as_str() {
        "localtimestamp" => SqlType::Timestamp(None, TimezoneInfo::None),
        "localtime" => SqlType::Time(None, TimezoneInfo::None),
        _ => return None,
    };
    Some(cast(call("now", Vec::new()), data_type))
}

/// `'today'::date`, `timestamp 'now'`.
fn special_time(expr: &Expr) -> Option<Expr> {
    let (value, data_type) = match expr {
        Expr::TypedString(typed) => (&typed.value.value, &typed.data_type),
        Expr::Cast { expr: inner, data_type, .. } => match inner.as_ref() {
            Expr::Value(value) => (&value.value, data_type),
            _ => return None,
        },
        _ => return None,
    };
    let Value::SingleQuotedString(text) = value else { return None };
    if !matches!(data_type, SqlType::Date | SqlType::Timestamp(..)) {
        return None;
    }
    let today = || call("current_date", Vec::new());
    let other_day = |op| {
        Expr::Nested(Box::new(Expr::BinaryOp {
            left: Box::new(today()),
            op,
            right: Box::new(number("1")),
        }))
    };
    let time = match text.trim().to_ascii_lowercase().as_str() {
        "now" => call("now", Vec::new()),
        "today" => today(),
        "tomorrow" => other_day(BinaryOperator::Plus),
        "yesterday" => other_day(BinaryOperator::Minus),
        _ => return None,
    };
    Some(cast(time, data_type.clone()))
}
