//! One line for each operator of a plan: what it does, in the words of SQL.

use super::expression::{list, sort_key, spelled};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, displayable};

pub(super) fn line(plan: &dyn ExecutionPlan) -> String {
    let line = if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        format!("Filter: {}", spelled(filter.predicate().as_ref()))
    } else if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let columns: Vec<String> = projection.expr().iter().map(named).collect();
        format!("Project: {}", columns.join(", "))
    } else if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        aggregation(aggregate)
    } else if let Some(sort) = plan.downcast_ref::<SortExec>() {
        let keys: Vec<String> = sort.expr().iter().map(sort_key).collect();
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

fn named(column: &ProjectionExpr) -> String {
    let shown = spelled(column.expr.as_ref());
    let is_column = column.expr.downcast_ref::<Column>().is_some();
    match is_column && shown == column.alias {
        true => shown,
        false => format!("{shown} AS {}", column.alias),
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
    if let Some(groups) = groups(aggregate.group_expr()) {
        parts.push(format!("by {groups}"));
    }
    format!("Aggregate{step}: {}", parts.join(" "))
}

fn groups(by: &PhysicalGroupBy) -> Option<String> {
    if by.expr().is_empty() {
        return None;
    }
    if by.is_single() {
        return Some(list(by.expr().iter().map(|(expr, _)| expr)));
    }
    let set = |nulls: &Vec<bool>| {
        let columns = by.expr().iter().zip(nulls).filter(|(_, is_null)| !**is_null);
        format!("({})", list(columns.map(|((expr, _), _)| expr)))
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
