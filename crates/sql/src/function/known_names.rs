//! Functions that Postgres has, by name: one that is missing here is refused, one that is missing
//! there too does not exist.

use crate::{Error, Fault};
use std::collections::HashSet;
use std::sync::LazyLock;

/// Names of Postgres 15, one a line, sorted.
const NAMES: &str = include_str!("known_names.txt");

static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| NAMES.lines().collect());

/// What the grammar of Postgres has besides: no functions in its catalog.
const OF_GRAMMAR: [&str; 14] = [
    "array",
    "coalesce",
    "greatest",
    "grouping",
    "least",
    "nullif",
    "row",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "current_role",
    "current_catalog",
];

/// Functions of the ledger.
const OWN: [&str; 2] = ["format_amount", "path_prefixes"];

/// Types that are written as functions: `uuid('…')`.
const TYPES: [&str; 10] = [
    "json",
    "jsonb",
    "oid",
    "regclass",
    "regnamespace",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "uuid",
];

/// Refuses a function that neither Postgres nor the ledger has.
pub(crate) fn check_known(name: &str) -> Result<(), Error> {
    let mut others = OF_GRAMMAR.iter().chain(&OWN).chain(&TYPES);
    match KNOWN.contains(name) || others.any(|known| *known == name) {
        true => Ok(()),
        false => Err(undefined_function(name)),
    }
}

/// What to say of a function that is not here.
pub(crate) fn undefined_function(name: &str) -> Error {
    if crate::query::is_function_of_from(name) {
        let message = format!("function {name} outside of FROM is not supported");
        return Error::unsupported(message)
            .with_hint(format!("It gives rows: write SELECT … FROM {name}(…)."));
    }
    if KNOWN.contains(name) {
        return Error::unsupported(format!("function {name} is not supported"));
    }
    Error::new(Fault::UndefinedFunction, format!("function {name} does not exist"))
        .with_hint("No function matches the given name and argument types.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgres_has_is_refused_and_the_rest_unknown() {
        assert_eq!(undefined_function("width_bucket").fault(), &Fault::FeatureNotSupported);
        assert_eq!(undefined_function("accounts_at").fault(), &Fault::FeatureNotSupported);
        assert_eq!(undefined_function("nosuch").fault(), &Fault::UndefinedFunction);
    }
}
