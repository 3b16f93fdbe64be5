//! One line for each operator of a plan: what it does, in the words of SQL.
//!
//! A column that an operator computed is shown as what it is, not by the name DataFusion gave it.

use super::expression::{list, sort_key, spelled};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use std::sync::Arc;

type Plan = Arc<dyn ExecutionPlan>;

pub(super) fn line(plan: &dyn ExecutionPlan) -> String {
    let line = if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        format!("Filter: {}", spelled(known(filter.predicate(), filter.input()).as_ref()))
    } else if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let input = projection.input();
        let columns: Vec<String> =
            projection.expr().iter().map(|column| named(column, input)).collect();
        format!("Project: {}", columns.join(", "))
    } else if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        aggregation(aggregate)
    } else if let Some(sort) = plan.downcast_ref::<SortExec>() {
        let key = |key: &PhysicalSortExpr| {
            sort_key(&PhysicalSortExpr::new(known(&key.expr, sort.input()), key.options))
        };
        let keys: Vec<String> = sort.expr().iter().map(key).collect();
        format!("Sort: {}", keys.join(", "))
    } else if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        hash_join(join)
    } else {
        return displayable(plan).one_line().to_string().trim_end().to_owned();
    };
    match plan.fetch() {
        Some(rows) => format!("{line}, first {rows} rows"),
        None => line,
    }
}

fn named(column: &ProjectionExpr, input: &Plan) -> String {
    let shown = spelled(known(&column.expr, input).as_ref());
    // Where nobody gave it a name, it has one that is made of what it is.
    let is_made = column.alias.contains('(');
    match is_made || shown == column.alias {
        true => shown,
        false => format!("{shown} AS {}", column.alias),
    }
}

/// An expression whose computed columns are named by how they are spelled.
fn known(expr: &Arc<dyn PhysicalExpr>, input: &Plan) -> Arc<dyn PhysicalExpr> {
    let named = expr.clone().transform_up(|each| {
        let column = each.downcast_ref::<Column>();
        let Some(spelled) = column.and_then(|column| computed(input, column.index())) else {
            return Ok(Transformed::no(each));
        };
        let index = column.map_or(0, Column::index);
        Ok(Transformed::yes(Arc::new(Column::new(&spelled, index)) as Arc<dyn PhysicalExpr>))
    });
    named.map_or_else(|_| expr.clone(), |named| named.data)
}

/// How a column of a plan is computed, unless it comes from a table as it is or has a name.
fn computed(plan: &Plan, column: usize) -> Option<String> {
    if !plan.schema().fields().get(column)?.name().contains('(') {
        return None;
    }
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let groups = aggregate.group_expr().expr();
        return Some(match column.checked_sub(groups.len()) {
            None => spelled(known(&groups[column].0, aggregate.input()).as_ref()),
            Some(index) => call(aggregate.aggr_expr().get(index)?),
        });
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let expr = &projection.expr().get(column)?.expr;
        return Some(spelled(known(expr, projection.input()).as_ref()));
    }
    match &plan.children()[..] {
        [input] if input.schema() == plan.schema() => computed(input, column),
        _ => None,
    }
}

fn aggregation(aggregate: &AggregateExec) -> String {
    let functions: Vec<String> =
        aggregate.aggr_expr().iter().map(|function| call(function)).collect();
    let step = match aggregate.mode() {
        AggregateMode::Partial | AggregateMode::PartialReduce => " in parts",
        AggregateMode::Final | AggregateMode::FinalPartitioned => " of the parts",
        AggregateMode::Single | AggregateMode::SinglePartitioned => "",
    };
    let mut parts = Vec::new();
    if !functions.is_empty() {
        parts.push(functions.join(", "));
    }
    if let Some(groups) = groups(aggregate.group_expr(), aggregate.input()) {
        parts.push(format!("by {groups}"));
    }
    format!("Aggregate{step}: {}", parts.join(" "))
}

fn groups(by: &PhysicalGroupBy, input: &Plan) -> Option<String> {
    if by.expr().is_empty() {
        return None;
    }
    let exprs: Vec<_> = by.expr().iter().map(|(expr, _)| known(expr, input)).collect();
    if by.is_single() {
        return Some(list(&exprs));
    }
    let set = |nulls: &Vec<bool>| {
        let columns = exprs.iter().zip(nulls).filter(|(_, is_null)| !**is_null);
        format!("({})", list(columns.map(|(expr, _)| expr)))
    };
    let sets: Vec<String> = by.groups().iter().map(set).collect();
    Some(format!("GROUPING SETS ({})", sets.join(", ")))
}

fn call(function: &AggregateFunctionExpr) -> String {
    let name = function.fun().name();
    let arguments = function.expressions();
    // `count(*)` counts a constant.
    let counts_rows = name == "count"
        && matches!(&arguments[..], [only] if only.downcast_ref::<Literal>().is_some());
    let distinct = if function.is_distinct() { "DISTINCT " } else { "" };
    match counts_rows {
        true => "count(*)".to_owned(),
        false => format!("{name}({distinct}{})", list(&arguments)),
    }
}

fn hash_join(join: &HashJoinExec) -> String {
    let mut conditions: Vec<String> = join
        .on()
        .iter()
        .map(|(left, right)| format!("{} = {}", spelled(left.as_ref()), spelled(right.as_ref())))
        .collect();
    conditions.extend(join.filter().map(|filter| spelled(filter.expression().as_ref())));
    format!(
        "Hash Join: {}, on {}",
        join.join_type().to_string().to_lowercase(),
        conditions.join(" AND ")
    )
}
