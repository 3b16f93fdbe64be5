//! The bound on nesting forms that are planned more than once, or copied.
//!
//! A subquery that is a value has its types found twice, `coalesce` and what is compared with each
//! of several things are written out: nested, each level multiplies the work.

use crate::{Error, Fault};
use datafusion::sql::sqlparser::ast::{Expr, Statement, Visit, Visitor};
use std::ops::ControlFlow;

/// Twelve doublings are thousands of steps, which is nothing.
const DEPTH_MAX: usize = 12;

/// Refuses a statement in which they nest too deeply.
pub(super) fn check(statement: &Statement) -> Result<(), Error> {
    match statement.visit(&mut Depth(0)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => {
            let message = "the statement is nested too deeply";
            Err(Error::new(Fault::ProgramLimitExceeded, message).with_hint(format!(
                "Subqueries that are values, coalesce, IN, ANY and ALL may nest {DEPTH_MAX} deep. \
                 Write the inner ones as WITH queries.",
            )))
        }
    }
}

struct Depth(usize);

impl Visitor for Depth {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.0 += usize::from(is_copied(expr));
        match self.0 > DEPTH_MAX {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.0 -= usize::from(is_copied(expr));
        ControlFlow::Continue(())
    }
}

fn is_copied(expr: &Expr) -> bool {
    match expr {
        Expr::Subquery(_)
        | Expr::Exists { .. }
        | Expr::InSubquery { .. }
        | Expr::InList { .. }
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. } => true,
        Expr::Function(function) => {
            let name = function.name.0.last().and_then(|part| part.as_ident());
            name.is_some_and(|name| name.value.eq_ignore_ascii_case("coalesce"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    #[test]
    fn what_is_copied_may_nest_a_little() {
        let forms = [
            ("(SELECT ", "1", ")"),
            ("coalesce(", "1", ", 2)"),
            ("EXISTS (SELECT ", "1", ")"),
            ("(1 IN (SELECT ", "1", "))"),
            ("1 = ANY (ARRAY[", "1", "])"),
        ];
        for (open, core, close) in forms {
            let nested = |depth| {
                let (open, close) = (open.repeat(depth), close.repeat(depth));
                let text = format!("SELECT {open}{core}{close}");
                let parser = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(400);
                let mut statements =
                    parser.try_with_sql(&text).and_then(|mut parser| parser.parse_statements());
                check(&statements.as_mut().unwrap().remove(0))
            };
            assert!(nested(DEPTH_MAX).is_ok(), "{open}");
            let refused = nested(DEPTH_MAX + 1).map_err(|error| error.fault().clone());
            assert_eq!(refused, Err(Fault::ProgramLimitExceeded), "{open}");
        }
    }
}
