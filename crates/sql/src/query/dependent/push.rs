//! Outer rows on their way down through the operators of a subquery that depends on them.
//!
//! Every rule keeps one promise: the rows of the pushed plan are, for each outer row, the rows that
//! the plan gives for it, behind the columns of that outer row. The names of the plan's columns
//! stay what they are.

use super::bare;
use super::outer::{Outer, refers_outside, same};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::functions_window::row_number::row_number;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, ExprFunctionExt, ExprSchemable, Join, JoinType, Limit, LogicalPlan,
    LogicalPlanBuilder, SortExpr, SubqueryAlias, Union, Unnest, Values, Window, WindowFrame, lit,
    when,
};
use std::sync::Arc;

/// A plan with the outer columns in front.
pub(super) struct Pushed {
    pub(super) plan: LogicalPlan,
    /// A column that says in which order the rows of each outer row come.
    order: Option<Column>,
}

impl Pushed {
    fn unordered(plan: LogicalPlan) -> Pushed {
        Pushed { plan, order: None }
    }

    /// What goes along through operators that name their columns.
    fn carried<'a>(&'a self, outer: &'a Outer) -> impl Iterator<Item = Expr> + 'a {
        outer.columns().iter().chain(&self.order).cloned().map(Expr::Column)
    }

    /// Different columns behind the outer ones; the order goes along.
    fn projected(self, outer: &Outer, exprs: Vec<Expr>) -> Result<Pushed> {
        let all: Vec<Expr> = self.carried(outer).chain(exprs).collect();
        let plan = LogicalPlanBuilder::from(self.plan).project(all)?.build()?;
        Ok(Pushed { plan, order: self.order })
    }
}

/// Pushes, and gives names.
#[derive(Default)]
pub(super) struct Pusher {
    names: usize,
}

impl Pusher {
    /// A name that no statement can hold.
    pub(super) fn name(&mut self) -> String {
        self.names += 1;
        format!("\u{2}outer {}", self.names)
    }

    /// `None` where an operator has no rule.
    pub(super) fn push(&mut self, plan: &LogicalPlan, outer: &Outer) -> Result<Option<Pushed>> {
        if !refers_outside(plan)? {
            let crossed = match plan {
                LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => outer.plan.clone(),
                plan => LogicalPlanBuilder::from(outer.plan.clone())
                    .cross_join(plan.clone())?
                    .build()?,
            };
            return Ok(Some(Pushed::unordered(crossed)));
        }
        match plan {
            LogicalPlan::Projection(projection) => {
                let Some(pushed) = self.push(&projection.input, outer)? else { return Ok(None) };
                let exprs = named(&projection.expr, &projection.schema, outer)?;
                pushed.projected(outer, exprs).map(Some)
            }
            LogicalPlan::Filter(filter) => {
                let Some(pushed) = self.push(&filter.input, outer)? else { return Ok(None) };
                let predicate = outer.answered(&filter.predicate)?;
                let plan = LogicalPlanBuilder::from(pushed.plan).filter(predicate)?.build()?;
                Ok(Some(Pushed { plan, order: pushed.order }))
            }
            LogicalPlan::Subquery(subquery) => self.push(&subquery.subquery, outer),
            LogicalPlan::SubqueryAlias(alias) => self.push_alias(alias, outer),
            LogicalPlan::Unnest(unnest) => self.push_unnest(unnest, outer),
            LogicalPlan::Sort(sort) => {
                let Some(pushed) = self.push(&sort.input, outer)? else { return Ok(None) };
                let keys = answered_keys(&sort.expr, outer)?;
                let kept = sort.input.schema().columns().into_iter().map(Expr::Column);
                let sorted = self.numbered(pushed, outer, keys, kept.collect())?;
                match sort.fetch {
                    Some(rows) => {
                        first_rows(sorted, outer, None, Some(&lit(rows as i64))).map(Some)
                    }
                    None => Ok(Some(sorted)),
                }
            }
            LogicalPlan::Limit(limit) => self.push_limit(limit, outer),
            LogicalPlan::Distinct(distinct) => self.push_distinct(distinct, outer),
            LogicalPlan::Aggregate(aggregate) => self.push_aggregate(aggregate, outer),
            LogicalPlan::Window(window) => self.push_window(window, outer),
            LogicalPlan::Join(join) => self.push_join(join, outer),
            LogicalPlan::Union(union) => self.push_union(union, outer),
            LogicalPlan::Values(values) => values_of(values, outer).map(Some),
            _ => Ok(None),
        }
    }

    fn push_alias(&mut self, alias: &SubqueryAlias, outer: &Outer) -> Result<Option<Pushed>> {
        let Some(pushed) = self.push(&alias.input, outer)? else { return Ok(None) };
        let from = alias.input.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>();
        let exprs = named(&from, &alias.schema, outer)?;
        pushed.projected(outer, exprs).map(Some)
    }

    fn push_unnest(&mut self, unnest: &Unnest, outer: &Outer) -> Result<Option<Pushed>> {
        let Some(pushed) = self.push(&unnest.input, outer)? else { return Ok(None) };
        let plan = LogicalPlanBuilder::from(pushed.plan)
            .unnest_columns_with_options(unnest.exec_columns.clone(), unnest.options.clone())?
            .build()?;
        Ok(Some(Pushed { plan, order: pushed.order }))
    }

    /// Rows with their numbers in an order, for each outer row.
    fn numbered(
        &mut self,
        pushed: Pushed,
        outer: &Outer,
        keys: Vec<SortExpr>,
        kept: Vec<Expr>,
    ) -> Result<Pushed> {
        let order = bare(&self.name());
        // A number is a matter of rows, and there may be no key.
        let frame = WindowFrame::new((!keys.is_empty()).then_some(true));
        let number = row_number()
            .partition_by(outer.columns().iter().cloned().map(Expr::Column).collect())
            .order_by(keys)
            .window_frame(frame)
            .build()?;
        let plan = LogicalPlanBuilder::from(pushed.plan).window([number])?;
        let computed = plan.schema().columns().pop().map(Expr::Column);
        let own = outer.columns().iter().cloned().map(Expr::Column);
        let exprs = own.chain(computed.map(|number| number.alias(order.name.as_str()))).chain(kept);
        let plan = plan.project(exprs.collect::<Vec<_>>())?.build()?;
        Ok(Pushed { plan, order: Some(order) })
    }

    fn push_limit(&mut self, limit: &Limit, outer: &Outer) -> Result<Option<Pushed>> {
        let Some(pushed) = self.push(&limit.input, outer)? else { return Ok(None) };
        let keys = pushed.order.iter().map(|order| Expr::Column(order.clone()).sort(true, false));
        let keys = keys.collect();
        let kept = limit.input.schema().columns().into_iter().map(Expr::Column).collect();
        let numbered = self.numbered(pushed, outer, keys, kept)?;
        let bound =
            |expr: &Option<Box<Expr>>| expr.as_deref().map(|expr| outer.answered(expr)).transpose();
        let (skip, fetch) = (bound(&limit.skip)?, bound(&limit.fetch)?);
        first_rows(numbered, outer, skip.as_ref(), fetch.as_ref()).map(Some)
    }

    fn push_distinct(&mut self, distinct: &Distinct, outer: &Outer) -> Result<Option<Pushed>> {
        match distinct {
            Distinct::All(input) => {
                let Some(pushed) = self.push(input, outer)? else { return Ok(None) };
                let kept = input.schema().columns().into_iter().map(Expr::Column).collect();
                let pushed = Pushed::unordered(pushed.plan).projected(outer, kept)?;
                let plan = LogicalPlanBuilder::from(pushed.plan).distinct()?.build()?;
                Ok(Some(Pushed::unordered(plan)))
            }
            Distinct::On(on) => {
                let Some(pushed) = self.push(&on.input, outer)? else { return Ok(None) };
                let keys = answered_keys(on.sort_expr.as_deref().unwrap_or_default(), outer)?;
                let kept = on.input.schema().columns().into_iter().map(Expr::Column).collect();
                let sorted = self.numbered(pushed, outer, keys, kept)?;
                // The first row of each group.
                let group = on.on_expr.iter().map(|expr| outer.answered(expr));
                let mut partition: Vec<Expr> =
                    outer.columns().iter().cloned().map(Expr::Column).collect();
                partition.extend(group.collect::<Result<Vec<_>>>()?);
                let by_order =
                    sorted.order.iter().map(|o| Expr::Column(o.clone()).sort(true, false));
                let number =
                    row_number().partition_by(partition).order_by(by_order.collect()).build()?;
                let plan = LogicalPlanBuilder::from(sorted.plan).window([number])?;
                let Some(number) = plan.schema().columns().pop() else { return Ok(None) };
                let plan = plan.filter(Expr::Column(number).eq(lit(1u64)))?.build()?;
                let exprs = named(&on.select_expr, &on.schema, outer)?;
                Pushed { plan, order: sorted.order }.projected(outer, exprs).map(Some)
            }
        }
    }

    fn push_aggregate(&mut self, aggregate: &Aggregate, outer: &Outer) -> Result<Option<Pushed>> {
        if matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]) {
            return Ok(None);
        }
        let Some(pushed) = self.push(&aggregate.input, outer)? else { return Ok(None) };
        let answered = |exprs: &[Expr]| {
            exprs.iter().map(|expr| outer.answered(expr)).collect::<Result<Vec<_>>>()
        };
        let own = outer.columns().iter().cloned().map(Expr::Column);
        let groups: Vec<Expr> = own.chain(answered(&aggregate.group_expr)?).collect();
        let grouped = LogicalPlanBuilder::from(pushed.plan)
            .aggregate(groups, answered(&aggregate.aggr_expr)?)?
            .build()?;
        let results = grouped.schema().columns().split_off(outer.columns().len());
        let results: Vec<Expr> = results.into_iter().map(Expr::Column).collect();
        let exprs = renamed(&results, &aggregate.schema);
        if !aggregate.group_expr.is_empty() {
            return Pushed::unordered(grouped).projected(outer, exprs).map(Some);
        }
        // Without groups there is a row for every outer row, whether or not it has any rows.
        let there = bare(&self.name());
        let marked = Pushed::unordered(grouped).projected(
            outer,
            exprs.into_iter().chain([lit(true).alias(there.name.as_str())]).collect(),
        )?;
        let copy = outer.renamed(&self.name())?;
        let conditions = copy.columns().iter().zip(outer.columns()).map(|(a, b)| same(a, b));
        let mut conditions: Vec<Expr> = conditions.collect();
        if conditions.is_empty() {
            conditions.push(lit(true));
        }
        let plan = LogicalPlanBuilder::from(copy.plan.clone())
            .join_on(marked.plan, JoinType::Left, conditions)?
            .build()?;
        let mut exprs: Vec<Expr> = copy
            .columns()
            .iter()
            .zip(outer.columns())
            .map(|(copy, own)| Expr::Column(copy.clone()).alias(own.name.as_str()))
            .collect();
        let input = aggregate.input.schema();
        for (column, expr) in aggregate.schema.columns().into_iter().zip(&aggregate.aggr_expr) {
            exprs.push(or_empty(column, expr, input, &there)?);
        }
        let plan = LogicalPlanBuilder::from(plan).project(exprs)?.build()?;
        Ok(Some(Pushed::unordered(plan)))
    }

    fn push_window(&mut self, window: &Window, outer: &Outer) -> Result<Option<Pushed>> {
        let Some(pushed) = self.push(&window.input, outer)? else { return Ok(None) };
        let own: Vec<Expr> = outer.columns().iter().cloned().map(Expr::Column).collect();
        let mut exprs = Vec::new();
        for expr in &window.window_expr {
            let Expr::WindowFunction(mut function) = outer.answered(&expr.clone().unalias())?
            else {
                return Ok(None);
            };
            function.params.partition_by.extend(own.iter().cloned());
            exprs.push(Expr::WindowFunction(function));
        }
        let inputs = pushed.plan.schema().fields().len();
        let plan = LogicalPlanBuilder::from(pushed.plan).window(exprs)?.build()?;
        let computed = plan.schema().columns().split_off(inputs);
        let kept = window.input.schema().columns().into_iter().chain(computed).map(Expr::Column);
        let exprs = renamed(&kept.collect::<Vec<_>>(), &window.schema);
        Pushed { plan, order: pushed.order }.projected(outer, exprs).map(Some)
    }

    fn push_join(&mut self, join: &Join, outer: &Outer) -> Result<Option<Pushed>> {
        let (from_left, from_right) = (refers_outside(&join.left)?, refers_outside(&join.right)?);
        let on = join.on.iter().map(|(left, right)| left.clone().eq(right.clone()));
        let mut conditions = Vec::new();
        for condition in on.chain(join.filter.clone()) {
            conditions.push(outer.answered(&condition)?);
        }
        let kept = join.schema.columns().into_iter().map(Expr::Column).collect();
        let (left, right) = match join.join_type {
            JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti
                if !from_right =>
            {
                let Some(left) = self.push(&join.left, outer)? else { return Ok(None) };
                (left.plan, join.right.as_ref().clone())
            }
            JoinType::Inner if !from_left => {
                let Some(right) = self.push(&join.right, outer)? else { return Ok(None) };
                (join.left.as_ref().clone(), right.plan)
            }
            JoinType::Inner | JoinType::Left => {
                let copy = outer.renamed(&self.name())?;
                let Some(left) = self.push(&join.left, outer)? else { return Ok(None) };
                let Some(right) = self.push(&join.right, &copy)? else { return Ok(None) };
                conditions
                    .extend(outer.columns().iter().zip(copy.columns()).map(|(a, b)| same(a, b)));
                (left.plan, right.plan)
            }
            _ => return Ok(None),
        };
        let plan =
            LogicalPlanBuilder::from(left).join_on(right, join.join_type, conditions)?.build()?;
        Pushed::unordered(plan).projected(outer, kept).map(Some)
    }

    fn push_union(&mut self, union: &Union, outer: &Outer) -> Result<Option<Pushed>> {
        let mut all: Option<LogicalPlanBuilder> = None;
        for input in &union.inputs {
            let Some(pushed) = self.push(input, outer)? else { return Ok(None) };
            let columns: Vec<Expr> =
                input.schema().columns().into_iter().map(Expr::Column).collect();
            let exprs = renamed(&columns, &union.schema);
            let plan = Pushed::unordered(pushed.plan).projected(outer, exprs)?.plan;
            all = Some(match all {
                None => LogicalPlanBuilder::from(plan),
                Some(all) => all.union(plan)?,
            });
        }
        let Some(all) = all else { return Ok(None) };
        let plan = all.build()?;
        let results = plan.schema().columns().split_off(outer.columns().len());
        let results: Vec<Expr> = results.into_iter().map(Expr::Column).collect();
        let exprs = renamed(&results, &union.schema);
        Pushed::unordered(plan).projected(outer, exprs).map(Some)
    }
}

/// The rows after `skip`, `fetch` of them, for each outer row.
fn first_rows(
    numbered: Pushed,
    outer: &Outer,
    skip: Option<&Expr>,
    fetch: Option<&Expr>,
) -> Result<Pushed> {
    let _ = outer;
    let Some(order) = numbered.order.clone() else { return Ok(numbered) };
    let number = Expr::Column(order);
    let mut plan = LogicalPlanBuilder::from(numbered.plan);
    let skipped = skip.cloned().unwrap_or_else(|| lit(0i64));
    if skip.is_some() {
        plan = plan.filter(number.clone().gt(skipped.clone()))?;
    }
    if let Some(fetch) = fetch {
        plan = plan.filter(number.lt_eq(skipped + fetch.clone()))?;
    }
    Ok(Pushed { plan: plan.build()?, order: numbered.order })
}

/// An aggregate's result, or what it is of no rows.
fn or_empty(column: Column, aggregate: &Expr, input: &DFSchema, there: &Column) -> Result<Expr> {
    let name = column.name.clone();
    let relation = column.relation.clone();
    let empty = match aggregate.clone().unalias() {
        Expr::AggregateFunction(function) => {
            let data_type = aggregate.get_type(input)?;
            function.func.default_value(&data_type)?
        }
        _ => return Ok(Expr::Column(column)),
    };
    if empty.is_null() {
        return Ok(Expr::Column(column));
    }
    let value =
        when(Expr::Column(there.clone()).is_null(), lit(empty)).otherwise(Expr::Column(column))?;
    Ok(value.alias_qualified(relation, name))
}

fn values_of(values: &Values, outer: &Outer) -> Result<Pushed> {
    let mut rows: Option<LogicalPlanBuilder> = None;
    for row in &values.values {
        let exprs = named(row, &values.schema, outer)?;
        let plan = Pushed::unordered(outer.plan.clone()).projected(outer, exprs)?.plan;
        rows = Some(match rows {
            None => LogicalPlanBuilder::from(plan),
            Some(rows) => rows.union(plan)?,
        });
    }
    let plan = rows.map_or_else(|| Ok(outer.plan.clone()), LogicalPlanBuilder::build)?;
    Ok(Pushed::unordered(plan))
}

fn answered_keys(keys: &[SortExpr], outer: &Outer) -> Result<Vec<SortExpr>> {
    keys.iter().map(|key| Ok(key.with_expr(outer.answered(&key.expr)?))).collect()
}

/// Expressions with outer columns answered, under the names that a schema has for them.
fn named(exprs: &[Expr], schema: &Arc<DFSchema>, outer: &Outer) -> Result<Vec<Expr>> {
    let answered = exprs.iter().map(|expr| outer.answered(expr)).collect::<Result<Vec<_>>>()?;
    Ok(renamed(&answered, schema))
}

fn renamed(exprs: &[Expr], schema: &DFSchema) -> Vec<Expr> {
    let names = schema.iter();
    exprs
        .iter()
        .zip(names)
        .map(|(expr, (qualifier, field))| {
            let column = Column::new(qualifier.cloned(), field.name());
            match expr {
                Expr::Column(own) if *own == column => expr.clone(),
                _ => expr.clone().unalias().alias_qualified(qualifier.cloned(), field.name()),
            }
        })
        .collect()
}
