//! Values out of documents are looked up before a join, where fewer rows are there than behind it.
//!
//! A document is wide and a value of it is not: what a join carries, and copies for each pair of
//! rows, gets narrow. And where a row meets several others, its document is read once.
//!
//! Looking up cannot fail, and finds NULL in NULL, so it may be done for rows that meet none and
//! before rows are made up that have no document.

use super::explain::spelled;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinSide, JoinType};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, PhysicalGroupBy};
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use std::collections::BTreeMap;
use std::sync::Arc;

type Expr = Arc<dyn PhysicalExpr>;
type Plan = Arc<dyn ExecutionPlan>;

/// Comes before the rules that choose the sides of joins and distribute rows.
#[derive(Debug)]
pub(super) struct EarlyLookUps;

impl PhysicalOptimizerRule for EarlyLookUps {
    fn optimize(&self, plan: Plan, _config: &ConfigOptions) -> Result<Plan> {
        // From above, so that what was moved below one join is moved on below the next.
        let moved = plan.transform_down(|plan| {
            Ok(match moved(&plan)? {
                Some(moved) => Transformed::yes(moved),
                None => Transformed::no(plan),
            })
        })?;
        Ok(moved.data)
    }

    fn name(&self) -> &str {
        "early_look_ups"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The same plan, with the look-ups of its topmost operator below the join that is its input.
fn moved(plan: &Plan) -> Result<Option<Plan>> {
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let exprs: Vec<Expr> = projection.expr().iter().map(|each| each.expr.clone()).collect();
        let Some(early) = Early::of(projection.input(), &exprs, &[])? else { return Ok(None) };
        let exprs = projection.expr().iter().map(|each| {
            let expr = early.instead(&each.expr)?;
            Ok(ProjectionExpr { expr, alias: each.alias.clone() })
        });
        let exprs = exprs.collect::<Result<Vec<_>>>()?;
        return Ok(Some(Arc::new(ProjectionExec::try_new(exprs, early.input)?)));
    }
    let Some(aggregate) = plan.downcast_ref::<AggregateExec>() else { return Ok(None) };
    let groups = aggregate.group_expr();
    if groups.has_grouping_set() {
        return Ok(None);
    }
    let others = aggregate.aggr_expr().iter().flat_map(|each| {
        let orders = each.order_bys().iter().map(|order| order.expr.clone());
        each.expressions().into_iter().chain(orders).collect::<Vec<_>>()
    });
    let filters = aggregate.filter_expr().iter().flatten().cloned();
    let others: Vec<Expr> = others.chain(filters).collect();
    let Some(early) = Early::of(aggregate.input(), &groups.input_exprs(), &others)? else {
        return Ok(None);
    };
    let groups = groups.expr().iter().map(|(expr, name)| Ok((early.instead(expr)?, name.clone())));
    let groups = PhysicalGroupBy::new_single(groups.collect::<Result<Vec<_>>>()?);
    let (mode, filters) = (*aggregate.mode(), aggregate.filter_expr().to_vec());
    let (calls, schema) = (aggregate.aggr_expr().to_vec(), early.input.schema());
    let aggregate = AggregateExec::try_new(mode, groups, calls, filters, early.input, schema)?;
    Ok(Some(Arc::new(aggregate)))
}

/// The document that is looked into, if an expression is a look-up by keys that are constant.
fn document(expr: &Expr) -> Option<&Column> {
    let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
    if !matches!(call.fun().name(), "json_as_text" | "json_get_json") {
        return None;
    }
    let (document, keys) = call.args().split_first()?;
    let is_constant = keys.iter().all(|key| key.is::<Literal>());
    document.downcast_ref::<Column>().filter(|_| is_constant)
}

/// The columns of an input that are only looked into, with all look-ups into each.
fn only_looked_into(exprs: &[Expr], others: &[Expr]) -> Result<BTreeMap<usize, Vec<Expr>>> {
    let (mut look_ups, mut whole) = (BTreeMap::<usize, Vec<Expr>>::new(), Vec::new());
    for expr in exprs {
        expr.apply(|each| {
            if let Some(column) = document(each) {
                let known = look_ups.entry(column.index()).or_default();
                if !known.contains(each) {
                    known.push(each.clone());
                }
                return Ok(TreeNodeRecursion::Jump);
            }
            whole.extend(each.downcast_ref::<Column>().map(Column::index));
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    whole.extend(others.iter().flat_map(collect_columns).map(|column| column.index()));
    look_ups.retain(|column, _| !whole.contains(column));
    Ok(look_ups)
}

/// Whether a join is expected to give at least as many rows as one of its sides.
fn is_worthwhile(join: &HashJoinExec, side: JoinSide) -> Result<bool> {
    match (join.join_type(), side) {
        (JoinType::Full, _)
        | (JoinType::Left, JoinSide::Left)
        | (JoinType::Right, JoinSide::Right) => return Ok(true),
        (JoinType::Inner | JoinType::Left | JoinType::Right, _) => {}
        _ => return Ok(false),
    }
    let rows = |plan: &Plan| -> Result<Option<usize>> {
        let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new())?;
        Ok(statistics.num_rows.get_value().copied())
    };
    let (left, right) = (rows(join.left())?, rows(join.right())?);
    Ok(match (left, right, side) {
        (Some(left), Some(right), JoinSide::Left) => left <= right,
        (Some(left), Some(right), _) => right <= left,
        _ => false,
    })
}

/// Whether a join itself wants a column of one of its sides.
fn is_matched(join: &HashJoinExec, side: JoinSide, column: usize) -> bool {
    let on = join.on().iter();
    let mut keys = on.map(|(left, right)| if side == JoinSide::Left { left } else { right });
    let compared = join.filter().map(JoinFilter::column_indices).unwrap_or_default();
    keys.any(|key| collect_columns(key).iter().any(|each| each.index() == column))
        || compared.iter().any(|each| each.side == side && each.index == column)
}

/// A column of a join's output, or of its inputs.
#[derive(Clone, Copy, PartialEq)]
struct Place {
    side: JoinSide,
    column: usize,
}

/// The join that an input is, and where the input's columns come from.
fn join_below(input: &Plan) -> Option<(&HashJoinExec, Vec<Place>)> {
    let (join, outputs) = match input.downcast_ref::<ProjectionExec>() {
        Some(projection) => {
            let columns = projection.expr().iter();
            let columns = columns.map(|each| Some(each.expr.downcast_ref::<Column>()?.index()));
            (projection.input(), columns.collect::<Option<Vec<usize>>>()?)
        }
        None => (input, (0..input.schema().fields().len()).collect()),
    };
    let join = join.downcast_ref::<HashJoinExec>().filter(|join| !join.contains_projection())?;
    let left = join.left().schema().fields().len();
    let place = |output: usize| match output.checked_sub(left) {
        None => Place { side: JoinSide::Left, column: output },
        Some(column) => Place { side: JoinSide::Right, column },
    };
    Some((join, outputs.into_iter().map(place).collect()))
}

/// What one side of a join gives, once look-ups are among it.
struct Side {
    input: Plan,
    columns: Vec<ProjectionExpr>,
    is_changed: bool,
}

impl Side {
    fn of(input: &Plan) -> Self {
        let schema = input.schema();
        let columns = schema.fields().iter().enumerate().map(|(index, field)| ProjectionExpr {
            expr: Arc::new(Column::new(field.name(), index)),
            alias: field.name().clone(),
        });
        Side { input: input.clone(), columns: columns.collect(), is_changed: false }
    }

    /// Looks into a document; the first look-up comes in its place, the others behind all columns.
    fn look_up(&mut self, column: usize, look_ups: &[Expr]) -> Result<Vec<usize>> {
        let document: Expr =
            Arc::new(Column::new(self.input.schema().field(column).name(), column));
        let mut places = Vec::new();
        for look_up in look_ups {
            let keys = look_up.children().into_iter().skip(1).cloned();
            let args = std::iter::once(document.clone()).chain(keys).collect();
            let expr = look_up.clone().with_new_children(args)?;
            let looked_up = ProjectionExpr { alias: spelled(expr.as_ref()), expr };
            if places.is_empty() {
                self.columns[column] = looked_up;
                places.push(column);
            } else {
                places.push(self.columns.len());
                self.columns.push(looked_up);
            }
        }
        self.is_changed = true;
        Ok(places)
    }

    fn plan(self) -> Result<Plan> {
        Ok(match self.is_changed {
            true => Arc::new(ProjectionExec::try_new(self.columns, self.input)?),
            false => self.input,
        })
    }
}

/// An input whose look-ups are done before its join, and where they are in it.
struct Early {
    input: Plan,
    places: Vec<(Expr, Expr)>,
}

impl Early {
    /// `None` where nothing can be done earlier, or is better not.
    fn of(input: &Plan, exprs: &[Expr], others: &[Expr]) -> Result<Option<Early>> {
        let Some((join, mut outputs)) = join_below(input) else { return Ok(None) };
        let mut sides = [Side::of(join.left()), Side::of(join.right())];
        let mut looked_up = Vec::new();
        for (output, look_ups) in only_looked_into(exprs, others)? {
            let place = outputs[output];
            let is_twice = outputs.iter().filter(|each| **each == place).count() > 1;
            if is_twice
                || is_matched(join, place.side, place.column)
                || !is_worthwhile(join, place.side)?
            {
                continue;
            }
            let side = &mut sides[usize::from(place.side == JoinSide::Right)];
            let columns = side.look_up(place.column, &look_ups)?;
            for (index, (column, look_up)) in columns.into_iter().zip(look_ups).enumerate() {
                let position = if index == 0 { output } else { outputs.len() };
                if index > 0 {
                    outputs.push(Place { column, ..place });
                }
                looked_up.push((look_up, position));
            }
        }
        if looked_up.is_empty() {
            return Ok(None);
        }
        let [left, right] = sides;
        let shift = left.columns.len();
        let join = join.builder().with_new_children(vec![left.plan()?, right.plan()?])?;
        let join = join.recompute_properties().build_exec()?;
        let columns = outputs.iter().map(|place| {
            let column =
                if place.side == JoinSide::Left { place.column } else { shift + place.column };
            let name = join.schema().field(column).name().clone();
            ProjectionExpr { expr: Arc::new(Column::new(&name, column)), alias: name }
        });
        let columns: Vec<_> = columns.collect();
        let places = looked_up.into_iter().map(|(look_up, position)| {
            let column = Column::new(&columns[position].alias, position);
            (look_up, Arc::new(column) as Expr)
        });
        let places = places.collect();
        Ok(Some(Early { input: Arc::new(ProjectionExec::try_new(columns, join)?), places }))
    }

    /// The same expression, that takes what was looked up.
    fn instead(&self, expr: &Expr) -> Result<Expr> {
        let expr = expr.clone().transform_down(|each| {
            let known = self.places.iter().find(|(look_up, _)| look_up.eq(&each));
            Ok(match known {
                Some((_, column)) => {
                    Transformed::new(column.clone(), true, TreeNodeRecursion::Jump)
                }
                None => Transformed::no(each),
            })
        })?;
        Ok(expr.data)
    }
}
