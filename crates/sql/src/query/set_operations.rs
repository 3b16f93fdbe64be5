//! Joins and set operations that DataFusion answers otherwise than Postgres: refused.

use crate::Error;
use datafusion::sql::sqlparser::ast::{
    JoinConstraint, JoinOperator, Select, SetExpr, SetOperator, SetQuantifier,
};

/// `EXCEPT ALL` and `INTERSECT ALL` count duplicates; DataFusion does not.
///
/// `TABLE t` is refused because the parser loses what is behind it.
pub(super) fn check_body(body: &SetExpr) -> Result<(), Error> {
    if matches!(body, SetExpr::Table(_)) {
        return Err(Error::unsupported("TABLE is not supported").with_hint("Use SELECT * FROM."));
    }
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return Ok(()) };
    let counts = matches!(set_quantifier, SetQuantifier::All)
        && matches!(op, SetOperator::Except | SetOperator::Intersect);
    if counts {
        return Err(Error::unsupported(format!("{op} ALL is not supported"))
            .with_hint("Without ALL it is."));
    }
    check_body(left)?;
    check_body(right)
}

/// The merged column of an outer join has values of both sides; DataFusion takes the left ones.
pub(super) fn check_joins(select: &Select) -> Result<(), Error> {
    for join in select.from.iter().flat_map(|from| &from.joins) {
        let (JoinOperator::FullOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)) = &join.join_operator
        else {
            continue;
        };
        if matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural) {
            return Err(Error::unsupported("FULL and RIGHT JOIN with USING or NATURAL")
                .with_hint("Use ON, and coalesce of both columns."));
        }
    }
    Ok(())
}
