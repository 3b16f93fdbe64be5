//! Expressions that are values once: the arguments of EXECUTE.

use super::{analyse, compute_at};
use crate::expression::{Analysis, Expression, Scope, no_columns};
use crate::provider::PinnedView;
use crate::query::{PreparedQuery, QueryEngine};
use crate::settings::SessionSettings;
use crate::{Error, PgType, Result, Value};
use datafusion::sql::sqlparser::ast;
use std::ops::ControlFlow;

#[derive(Debug)]
pub(crate) struct ConstantPlan {
    expressions: Vec<Expression>,
    computed: Option<PreparedQuery>,
}

/// Analyses one expression per wanted type.
pub(crate) async fn prepare_constants(
    expressions: &[ast::Expr],
    wanted: &[PgType],
    settings: &SessionSettings,
    query: &QueryEngine,
) -> Result<ConstantPlan> {
    if expressions.iter().any(has_query) {
        return Err(Error::unsupported("cannot use subquery in EXECUTE parameter"));
    }
    let mut analysis = Analysis::default();
    let expressions = expressions
        .iter()
        .zip(wanted)
        .map(|(expression, wanted)| analysis.value(expression, Some(*wanted)))
        .collect::<Result<Vec<_>>>()?;
    let computed = analyse::prepare_computed(&mut analysis, settings, query).await?;
    if !analysis.parameters.as_slice().is_empty() {
        return Err(Error::unsupported("parameters in the arguments of EXECUTE are not supported")
            .with_hint("Bind them to the prepared statement itself."));
    }
    Ok(ConstantPlan { expressions, computed })
}

fn has_query(expression: &ast::Expr) -> bool {
    struct FindsQuery;

    impl ast::Visitor for FindsQuery {
        type Break = ();

        fn pre_visit_query(&mut self, _: &ast::Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }

    ast::Visit::visit(expression, &mut FindsQuery).is_break()
}

pub(crate) async fn constants(
    plan: &ConstantPlan,
    wanted: &[PgType],
    view: PinnedView,
    settings: &SessionSettings,
    query: &QueryEngine,
) -> Result<Vec<Value>> {
    let computed = match &plan.computed {
        Some(prepared) => compute_at(prepared, &[], view, settings, query).await?,
        None => Vec::new(),
    };
    let zone = settings.time_zone();
    let scope = Scope { parameters: &[], computed: &computed, column: &no_columns, zone };
    plan.expressions
        .iter()
        .zip(wanted)
        .map(|(expression, wanted)| {
            expression.evaluate(&scope)?.cast(*wanted, zone).map(|datum| datum.into_value())
        })
        .collect()
}
