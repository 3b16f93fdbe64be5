//! Functions that Postgres has, by name: one that is missing here is refused, one that is missing
//! there too does not exist.

use crate::{Error, Fault};

/// Names of Postgres 15, one a line, sorted.
const NAMES: &str = include_str!("known_names.txt");

/// What to say of a function that is not here.
pub(crate) fn undefined_function(name: &str) -> Error {
    if crate::query::is_function_of_from(name) {
        let message = format!("function {name} outside of FROM is not supported");
        return Error::unsupported(message)
            .with_hint(format!("It gives rows: write SELECT … FROM {name}(…)."));
    }
    if NAMES.lines().any(|known| known == name) {
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
