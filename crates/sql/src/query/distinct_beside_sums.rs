//! `sum(a), count(DISTINCT b)`: DataFusion would sum the sums of each `b`, and a sum of sums has
//! another type in Postgres.
//!
//! Knows the one rule that does so, and keeps it from aggregates with a sum beside the distinct one.

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule};
use std::sync::Arc;

type Rule = Arc<dyn OptimizerRule + Send + Sync>;

/// DataFusion's rules, with that one held back.
pub(super) fn optimizer_rules() -> Vec<Rule> {
    let held_back = |rule: Rule| match rule.name() {
        "single_distinct_aggregation_to_group_by" => Arc::new(NotBesideSums(rule)) as Rule,
        _ => rule,
    };
    Optimizer::default().rules.into_iter().map(held_back).collect()
}

#[derive(Debug)]
struct NotBesideSums(Rule);

impl OptimizerRule for NotBesideSums {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        match &plan {
            LogicalPlan::Aggregate(aggregate) if aggregate.aggr_expr.iter().any(is_sum) => {
                Ok(Transformed::no(plan))
            }
            _ => self.0.rewrite(plan, config),
        }
    }
}

fn is_sum(expr: &Expr) -> bool {
    matches!(expr, Expr::AggregateFunction(AggregateFunction { func, params })
        if func.name() == "sum" && !params.distinct)
}
