//! What DataFusion's planner complains about, as Postgres says it.
//!
//! Planning errors are texts: what a text is known by decides the fault. A text that nobody knows
//! is `not supported`, because a plan that cannot be made is a feature that is missing; what it
//! says of the inside of DataFusion is kept from the client.

use crate::datafusion_error::{between, first_line};
use crate::function::undefined_function;
use crate::{Error, Fault};

/// By a part of the text: the fault, and what to say of it.
const KNOWN: [(&str, Fault, &str); 28] = [
    (
        "not allowed in the WHERE clause. Consider",
        Fault::GroupingError,
        "aggregate functions are not allowed in WHERE",
    ),
    (
        "Aggregate functions are not allowed",
        Fault::GroupingError,
        "aggregate functions are not allowed here",
    ),
    (
        "Window functions are not allowed",
        Fault::WindowingError,
        "window functions are not allowed here",
    ),
    (
        "Order by index starts at 1",
        Fault::InvalidColumnReference,
        "ORDER BY position 0 is not in select list",
    ),
    (
        "Order by column out of bounds",
        Fault::InvalidColumnReference,
        "ORDER BY position is not in select list",
    ),
    (
        "Cannot find column with position",
        Fault::InvalidColumnReference,
        "GROUP BY position is not in select list",
    ),
    (
        "UNION queries have different number of columns",
        Fault::SyntaxError,
        "each UNION query must have the same number of columns",
    ),
    (
        "INTERSECT queries have different number of columns",
        Fault::SyntaxError,
        "each INTERSECT query must have the same number of columns",
    ),
    (
        "EXCEPT queries have different number of columns",
        Fault::SyntaxError,
        "each EXCEPT query must have the same number of columns",
    ),
    (
        "The subquery should only return one column",
        Fault::SyntaxError,
        "subquery must return only one column",
    ),
    (
        "coalesce must have at least one argument",
        Fault::SyntaxError,
        "coalesce() without an argument",
    ),
    ("Step cannot be zero", Fault::InvalidParameterValue, "step size cannot equal zero"),
    (
        "Inconsistent data length across values list",
        Fault::SyntaxError,
        "VALUES lists must all be the same length",
    ),
    ("LIMIT must be >= 0", Fault::InvalidLimit, "LIMIT must not be negative"),
    ("OFFSET must be >=0", Fault::InvalidOffset, "OFFSET must not be negative"),
    (
        "Expected LIMIT to be an integer",
        Fault::DatatypeMismatch,
        "argument of LIMIT must be type bigint",
    ),
    (
        "Expected OFFSET to be an integer",
        Fault::DatatypeMismatch,
        "argument of OFFSET must be type bigint",
    ),
    (
        "For SELECT DISTINCT, ORDER BY expressions",
        Fault::InvalidColumnReference,
        "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
    ),
    (
        "SELECT DISTINCT ON expressions must match",
        Fault::InvalidColumnReference,
        "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
    ),
    (
        "Failed to unify argument types of make_array",
        Fault::DatatypeMismatch,
        "ARRAY types cannot be matched",
    ),
    ("Fail to find the coerced type", Fault::DatatypeMismatch, "COALESCE types cannot be matched"),
    (
        "common type for arguments to greatest",
        Fault::DatatypeMismatch,
        "GREATEST types cannot be matched",
    ),
    (
        "common type for arguments to least",
        Fault::DatatypeMismatch,
        "LEAST types cannot be matched",
    ),
    (
        "Inconsistent data type across values list",
        Fault::DatatypeMismatch,
        "VALUES types cannot be matched",
    ),
    (
        "Join condition must be boolean type",
        Fault::DatatypeMismatch,
        "argument of JOIN/ON must be type boolean",
    ),
    (
        "for logical boolean operation",
        Fault::DatatypeMismatch,
        "argument of AND or OR must be type boolean",
    ),
    (
        "operator 'NOT' requires a boolean",
        Fault::DatatypeMismatch,
        "argument of NOT must be type boolean",
    ),
    (
        "Cannot create filter with non-boolean predicate",
        Fault::DatatypeMismatch,
        "argument of WHERE must be type boolean",
    ),
];

/// The fault of a planning error by its text.
pub(crate) fn from_plan(message: &str) -> Error {
    let line = first_line(message);
    if let Some((_, fault, said)) = KNOWN.iter().find(|(part, ..)| line.contains(part)) {
        return Error::new(fault.clone(), *said);
    }
    named(&line)
        .or_else(|| of_functions(message, &line))
        .or_else(|| of_operators(message, &line))
        .unwrap_or_else(|| Error::new(Fault::FeatureNotSupported, outside(&line)))
}

/// Faults that name something of the statement.
fn named(line: &str) -> Option<Error> {
    if let Some(name) = line.strip_prefix("Invalid qualifier ") {
        let message = format!("missing FROM-clause entry for table \"{name}\"");
        return Some(Error::new(Fault::UndefinedTable, message));
    }
    if line.starts_with("WITH query name") {
        return Some(Error::new(Fault::DuplicateAlias, line));
    }
    if let Some(columns) = between(line, "Source table contains ", " columns but only ")
        && let Some(names) = between(line, "but only ", " names given")
    {
        let message = format!("{columns} columns are available but {names} are named");
        return Some(match names.parse::<usize>().ok() > columns.parse::<usize>().ok() {
            true => Error::new(Fault::InvalidColumnReference, message),
            false => Error::unsupported("an alias that names some of the columns only")
                .with_hint("Name all columns, or none."),
        });
    }
    if line.contains("GROUP BY") {
        return Some(Error::new(Fault::GroupingError, line));
    }
    if line.contains("Projections require unique expression names") {
        return Some(Error::new(Fault::DuplicateColumn, line));
    }
    None
}

fn of_functions(message: &str, line: &str) -> Option<Error> {
    if let Some(name) = between(line, "Invalid function '", "'") {
        return Some(undefined_function(name));
    }
    if let Some(own) = between(line, "user-defined coercion failed with: ", ". No function matches")
    {
        return Some(from_coercion(own));
    }
    let casts = "You might need to add explicit type casts.";
    if let Some(call) = between(message, "given name and argument types '", "'") {
        let message = format!("function {} does not exist", in_words(call));
        return Some(Error::new(Fault::UndefinedFunction, message).with_hint(casts));
    }
    if line.contains("Failed to coerce arguments")
        || line.starts_with("function ") && line.ends_with("does not exist")
        || line.contains("does not support zero arguments")
        || line.contains(" takes exactly ")
        || line.contains("function requires ")
    {
        return Some(Error::new(Fault::UndefinedFunction, in_words(line)).with_hint(casts));
    }
    None
}

fn of_operators(message: &str, line: &str) -> Option<Error> {
    if message.contains("array_has(") && !message.contains("array_has(List") {
        let message = "op ANY/ALL (array) requires array on right side";
        return Some(Error::new(Fault::WrongObjectType, message));
    }
    if message.contains("array_has(") {
        return Some(Error::unsupported("this use of ANY or ALL is not supported"));
    }
    if let Some(types) = between(line, "a common type to coerce ", " in LIKE expression") {
        let types = in_words(types).replace(" and ", " ~~ ");
        return Some(no_operator(&types));
    }
    if let Some(types) = line.strip_prefix("Cannot automatically convert ") {
        return Some(no_operator(&in_words(types).replace(" to ", " and ")));
    }
    for start in ["Cannot coerce arithmetic expression ", "Cannot coerce "] {
        if let Some(types) = between(line, start, " to valid types") {
            return Some(no_operator(&in_words(types)));
        }
    }
    if let Some(types) = between(line, "comparison operation ", " to ") {
        return Some(no_operator(&in_words(types)));
    }
    if line.contains("temporal operation")
        || line.contains("Cannot infer common argument type")
        || line.contains("Cannot coerce")
        || line.contains("can't be evaluated because there isn't a common type")
        || line.contains("Cannot get result type")
        || line.contains("Unary operator '-' only supports")
    {
        let types = line.rsplit_once(" operation ").map_or(line, |(_, types)| types);
        return Some(no_operator(&in_words(types)));
    }
    None
}

fn no_operator(types: &str) -> Error {
    Error::new(Fault::UndefinedFunction, format!("operator does not exist: {types}"))
        .with_hint("You might need to add explicit type casts.")
}

/// A function of ours refused its argument types; DataFusion kept only the text of that.
fn from_coercion(message: &str) -> Error {
    let message = message
        .trim_start_matches("External error: ")
        .trim_start_matches("Error during planning: ")
        .trim_start_matches("Execution error: ");
    match message.starts_with("function ") || message.contains(" takes exactly ") {
        true => Error::new(Fault::UndefinedFunction, message)
            .with_hint("You might need to add explicit type casts."),
        false => Error::unsupported(in_words(message)),
    }
}

/// What can be said of a plan that cannot be made: no expression in DataFusion's own notation.
pub(crate) fn outside(line: &str) -> String {
    tracing::debug!(line, "not planned");
    if line.contains("OuterReferenceColumn") || line.contains("<subquery>") {
        return "this use of a subquery or LATERAL is not supported".to_owned();
    }
    let inside =
        ["Column {", "Field {", "Expr", "ScalarFunction(", "LogicalPlan", "Literal(", "Exec"];
    if inside.iter().any(|part| line.contains(part)) {
        return "this query is not supported".to_owned();
    }
    in_words(line)
}

/// Arrow's names of types in a text, as Postgres calls them.
pub(crate) fn in_words(text: &str) -> String {
    const NAMES: [(&str, &str); 13] = [
        ("Utf8View", "text"),
        ("LargeUtf8", "text"),
        ("Utf8", "text"),
        ("Boolean", "boolean"),
        ("Int16", "smallint"),
        ("Int32", "integer"),
        ("Int64", "bigint"),
        ("Float32", "real"),
        ("Float64", "double precision"),
        ("Date32", "date"),
        ("Interval(MonthDayNano)", "interval"),
        ("Time64(µs)", "time"),
        ("Null", "unknown"),
    ];
    let mut words = text.to_owned();
    for (start, plain, zoned) in [
        ("Decimal128(", "numeric", "numeric"),
        ("Timestamp(", "timestamp", "timestamp with time zone"),
    ] {
        while let Some((before, rest)) = words.split_once(start) {
            let Some((inside, after)) = rest.split_once(')') else { break };
            let name = if inside.contains('"') { zoned } else { plain };
            // `Some("UTC")` has parentheses of its own.
            let after = after.strip_prefix(')').unwrap_or(after);
            words = format!("{before}{name}{after}");
        }
    }
    NAMES.iter().fold(words, |words, (arrow, name)| words.replace(arrow, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_planner_is_told() {
        let told = from_plan(
            "Physical plan does not support logical expression OuterReferenceColumn(Field { .. })",
        );
        assert_eq!(told.fault(), &Fault::FeatureNotSupported);
        assert!(!told.message().contains("Outer"), "{}", told.message());
        assert_eq!(in_words("Decimal128(38, 0) + Utf8"), "numeric + text");
        assert_eq!(
            in_words("Timestamp(µs, \"UTC\") - Int32"),
            "timestamp with time zone - integer"
        );
    }
}
