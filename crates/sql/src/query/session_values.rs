//! `current_user`, `current_setting('…')` and their kin: constants of one execution.
//!
//! They are planned as functions that cannot run; before a plan is optimised, [`answer`] puts the
//! session's values in their place. `format_amount`, whose answer depends on the assets there are,
//! is told there which view the statement reads.

use crate::catalog::TALEA;
use crate::function::{SettingLookup, format_amount_at, is_format_amount, session_function_type};
use crate::{Error, Fault, Result, SessionSettings};
use chrono::Utc;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, ScalarUDF, Volatility};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;
use store::View;

/// Whether the plan asks for a value of the session.
pub(super) fn asked_for(plan: &LogicalPlan) -> Result<bool> {
    any_expr(plan, |expr| match expr {
        Expr::ScalarFunction(function) => session_function_type(function.name()).is_some(),
        _ => false,
    })
}

/// Whether the plan has a function that answers from the view of its statement.
pub(super) fn reads_view(plan: &LogicalPlan) -> Result<bool> {
    any_expr(plan, |expr| match expr {
        Expr::ScalarFunction(function) => is_format_amount(function.name()),
        _ => false,
    })
}

/// Whether optimising the plan twice must give the same: no clock, no chance in it.
pub(super) fn is_settled(plan: &LogicalPlan) -> Result<bool> {
    any_expr(plan, |expr| match expr {
        Expr::ScalarFunction(function) => {
            function.func.signature().volatility != Volatility::Immutable
        }
        _ => false,
    })
    .map(|unsettled| !unsettled)
}

fn any_expr(plan: &LogicalPlan, wanted: impl Fn(&Expr) -> bool) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|plan| {
        plan.apply_expressions(|expr| {
            found |= expr.exists(|expr| Ok(wanted(expr)))?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

pub(super) fn answer(
    plan: LogicalPlan,
    settings: &SessionSettings,
    view: &View,
) -> Result<LogicalPlan> {
    let answered = plan.transform_up_with_subqueries(|plan| {
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let answered = expr.transform_up(|expr| match &expr {
                Expr::ScalarFunction(function) if names_a_computed_setting(function) => {
                    let lookup = ScalarUDF::from(SettingLookup::new(settings));
                    let args = function.args.clone();
                    let lookup = ScalarFunction::new_udf(Arc::new(lookup), args);
                    Ok(Transformed::yes(Expr::ScalarFunction(lookup)))
                }
                Expr::ScalarFunction(function)
                    if session_function_type(function.name()).is_some() =>
                {
                    let value = value(function, settings)
                        .map_err(|error| DataFusionError::External(Box::new(error)))?;
                    Ok(Transformed::yes(Expr::Literal(value, None)))
                }
                Expr::ScalarFunction(function) if is_format_amount(function.name()) => {
                    let at_view = Arc::new(format_amount_at(view));
                    let call = ScalarFunction::new_udf(at_view, function.args.clone());
                    Ok(Transformed::yes(Expr::ScalarFunction(call)))
                }
                _ => Ok(Transformed::no(expr)),
            })?;
            Ok(answered.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(answered.data)
}

/// `current_setting(s.name)`.
fn names_a_computed_setting(function: &ScalarFunction) -> bool {
    function.name() == "current_setting"
        && !matches!(function.args.first(), None | Some(Expr::Literal(..)))
}

fn value(function: &ScalarFunction, settings: &SessionSettings) -> Result<ScalarValue> {
    let first = function.args.first().map(literal_text).transpose()?;
    match function.name() {
        "current_user" | "session_user" | "current_role" | "user" => {
            Ok(ScalarValue::from(settings.user()))
        }
        "current_database" | "current_catalog" => Ok(ScalarValue::from(settings.database())),
        "current_schema" => Ok(match visible_schemas(settings).next() {
            Some(schema) => ScalarValue::from(schema),
            None => ScalarValue::Utf8(None),
        }),
        "current_schemas" => {
            let implicit = match function.args.first() {
                Some(Expr::Literal(ScalarValue::Boolean(Some(implicit)), _)) => *implicit,
                _ => false,
            };
            let schemas: Vec<ScalarValue> = implicit
                .then_some("pg_catalog")
                .into_iter()
                .chain(visible_schemas(settings))
                .map(ScalarValue::from)
                .collect();
            let list = ScalarValue::new_list_nullable(
                &schemas,
                &datafusion::arrow::datatypes::DataType::Utf8,
            );
            Ok(ScalarValue::List(list))
        }
        "statement_timestamp" => {
            let micros = Utc::now().timestamp_micros();
            Ok(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())))
        }
        "current_setting" => setting(&first.unwrap_or_default(), function.args.get(1), settings),
        other => Err(Error::unsupported(format!("function {other}"))),
    }
}

fn visible_schemas(settings: &SessionSettings) -> impl Iterator<Item = &str> {
    const SCHEMAS: [&str; 4] = ["public", TALEA, "pg_catalog", "information_schema"];
    settings.search_path().iter().map(String::as_str).filter(|schema| SCHEMAS.contains(schema))
}

fn setting(
    name: &str,
    missing_ok: Option<&Expr>,
    settings: &SessionSettings,
) -> Result<ScalarValue> {
    let missing_ok = matches!(missing_ok, Some(Expr::Literal(ScalarValue::Boolean(Some(true)), _)));
    match settings.get(name) {
        Some(value) => Ok(ScalarValue::from(value.as_ref())),
        None if missing_ok => Ok(ScalarValue::Utf8(None)),
        None => Err(Error::new(
            Fault::UndefinedObject,
            format!("unrecognized configuration parameter \"{name}\""),
        )),
    }
}

fn literal_text(expr: &Expr) -> Result<String> {
    match expr {
        Expr::Literal(value, _) => Ok(value.try_as_str().flatten().unwrap_or_default().to_owned()),
        _ => Err(Error::unsupported("a name of a setting must be a constant")),
    }
}
