//! Instants that a statement has as text: they are read when it is prepared, in the zone that holds
//! then, and stay the same when the session goes to another zone.
//!
//! What is computed, or bound, is read when the statement runs.

use crate::Result;
use crate::function::literal_instant;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result as PlanResult};
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::function_rewrite::ApplyFunctionRewrites;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

pub(super) fn fix(plan: LogicalPlan, zone: Tz) -> Result<LogicalPlan> {
    if !has_text(&plan)? {
        return Ok(plan);
    }
    let rule = ApplyFunctionRewrites::new(vec![Arc::new(InZone(zone))]);
    Ok(rule.analyze(plan, &ConfigOptions::default())?)
}

fn has_text(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|plan| {
        plan.apply_expressions(|expr| {
            found |= expr.exists(|expr| Ok(is_text(expr)))?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(ScalarValue::Utf8(Some(_)), _))
}

#[derive(Debug)]
struct InZone(Tz);

impl InZone {
    /// A text beside an instant.
    fn beside(&self, expr: &mut Expr, other: &Expr, schema: &DFSchema) -> PlanResult<()> {
        if is_text(expr) && matches!(other.get_type(schema), Ok(DataType::Timestamp(_, Some(_)))) {
            self.read(expr)?;
        }
        Ok(())
    }

    fn read(&self, expr: &mut Expr) -> PlanResult<bool> {
        let Expr::Literal(ScalarValue::Utf8(Some(text)), _) = &*expr else { return Ok(false) };
        *expr = Expr::Literal(literal_instant(text, self.0)?, None);
        Ok(true)
    }
}

impl FunctionRewrite for InZone {
    fn name(&self) -> &'static str {
        "fixed_times"
    }

    fn rewrite(
        &self,
        mut expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> PlanResult<Transformed<Expr>> {
        match &mut expr {
            Expr::ScalarFunction(function) if function.name() == "timestamptz" => {
                if let [text] = function.args.as_mut_slice()
                    && self.read(text)?
                {
                    return Ok(Transformed::yes(text.clone()));
                }
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
                self.beside(left, right, schema)?;
                self.beside(right, left, schema)?;
            }
            Expr::InList(InList { expr, list, .. }) => {
                list.iter_mut().try_for_each(|each| self.beside(each, expr, schema))?;
            }
            Expr::Between(Between { expr, low, high, .. }) => {
                self.beside(low, expr, schema)?;
                self.beside(high, expr, schema)?;
            }
            _ => return Ok(Transformed::no(expr)),
        }
        Ok(Transformed::yes(expr))
    }
}
