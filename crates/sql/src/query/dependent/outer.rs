//! The rows around a dependent subquery: which of their columns it asks for, and under which names
//! they go down into it.

use super::bare;
use crate::function::unmarked;
use crate::query::comparison_keys;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, cast,
};
use std::sync::Arc;

/// Outer rows as a plan whose columns have names that nothing else has.
pub(super) struct Outer {
    pub(super) plan: LogicalPlan,
    /// What they are around the subquery, and their names in [`Outer::plan`].
    names: Vec<(Expr, Column)>,
    columns: Vec<Column>,
}

impl Outer {
    /// All rows of `left`.
    pub(super) fn rows(left: &LogicalPlan, name: String) -> Result<Outer> {
        Self::of(left, left.schema().columns().into_iter().map(Expr::Column).collect(), &name)
    }

    /// The different values of what `body` asks of `left`.
    pub(super) fn values(left: &LogicalPlan, body: &LogicalPlan, name: String) -> Result<Outer> {
        let columns = asked_for(body, left.schema())?.into_iter().map(Expr::Column);
        let mut asked: Vec<Expr> = columns.collect();
        // Of equal values that are not the same, the subquery may tell one from the other.
        let texts = asked.iter().filter(|column| comparison_keys::has_key(column, left));
        let text = |column: &Expr| unmarked().call(vec![cast(column.clone(), DataType::Utf8)]);
        let texts: Vec<Expr> = texts.map(text).collect();
        asked.extend(texts);
        let mut outer = Self::of(left, asked, &name)?;
        if !outer.names.is_empty() {
            outer.plan = LogicalPlanBuilder::from(outer.plan).distinct()?.build()?;
        }
        Ok(outer)
    }

    fn of(left: &LogicalPlan, asked: Vec<Expr>, name: &str) -> Result<Outer> {
        let names: Vec<(Expr, Column)> = asked
            .into_iter()
            .enumerate()
            .map(|(index, expr)| (expr, bare(&format!("{name} {index}"))))
            .collect();
        let exprs =
            names.iter().map(|(outside, inside)| outside.clone().alias(inside.name.as_str()));
        let plan = match names.is_empty() {
            // All rows are the same to the subquery.
            true => LogicalPlanBuilder::empty(true).build()?,
            false => LogicalPlanBuilder::from(left.clone()).project(exprs)?.build()?,
        };
        let columns = names.iter().map(|(_, inside)| inside.clone()).collect();
        Ok(Outer { plan, names, columns })
    }

    /// The same rows under other names.
    pub(super) fn renamed(&self, name: &str) -> Result<Outer> {
        let mut renamed =
            Self::of(&self.plan, self.columns.iter().cloned().map(Expr::Column).collect(), name)?;
        renamed.names = self
            .names
            .iter()
            .map(|(outside, _)| outside.clone())
            .zip(renamed.columns.clone())
            .collect();
        Ok(renamed)
    }

    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Outside and inside, the same values: NULLs are the same too.
    pub(super) fn same_values(&self) -> impl Iterator<Item = Expr> + '_ {
        let same = |outside: &Expr, inside: &Column| {
            let inside = Expr::Column(inside.clone());
            binary_expr(outside.clone(), Operator::IsNotDistinctFrom, inside)
        };
        self.names.iter().map(move |(outside, inside)| same(outside, inside))
    }

    /// What the subquery asked for outside is its own column now.
    pub(super) fn answered(&self, expr: &Expr) -> Result<Expr> {
        let answered = expr.clone().transform_up(|each| {
            Ok(match each {
                Expr::OuterReferenceColumn(_, column) if self.has(&column) => {
                    Transformed::yes(Expr::Column(self.inside(&column)))
                }
                // A subquery of the subquery looks at its columns from outside.
                Expr::ScalarSubquery(mut subquery) => {
                    subquery.subquery = Arc::new(self.handed_down(&subquery.subquery)?);
                    subquery.outer_ref_columns = subquery.subquery.all_out_ref_exprs();
                    Transformed::yes(Expr::ScalarSubquery(subquery))
                }
                Expr::Exists(mut exists) => {
                    exists.subquery.subquery =
                        Arc::new(self.handed_down(&exists.subquery.subquery)?);
                    exists.subquery.outer_ref_columns =
                        exists.subquery.subquery.all_out_ref_exprs();
                    Transformed::yes(Expr::Exists(exists))
                }
                Expr::InSubquery(mut within) => {
                    within.subquery.subquery =
                        Arc::new(self.handed_down(&within.subquery.subquery)?);
                    within.subquery.outer_ref_columns =
                        within.subquery.subquery.all_out_ref_exprs();
                    Transformed::yes(Expr::InSubquery(within))
                }
                other => Transformed::no(other),
            })
        })?;
        Ok(answered.data)
    }

    fn handed_down(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        let handed = plan.clone().transform_up_with_subqueries(|node| {
            node.map_expressions(|expr| {
                expr.transform_up(|each| {
                    Ok(match each {
                        Expr::OuterReferenceColumn(field, column) if self.has(&column) => {
                            let inside = self.inside(&column);
                            Transformed::yes(Expr::OuterReferenceColumn(field, inside))
                        }
                        other => Transformed::no(other),
                    })
                })
            })
        })?;
        Ok(handed.data)
    }

    fn has(&self, column: &Column) -> bool {
        self.names.iter().any(|(outside, _)| outside.try_as_col() == Some(column))
    }

    fn inside(&self, column: &Column) -> Column {
        let found = self.names.iter().find(|(outside, _)| outside.try_as_col() == Some(column));
        found.map_or_else(|| column.clone(), |(_, inside)| inside.clone())
    }
}

pub(super) fn same(a: &Column, b: &Column) -> Expr {
    let (a, b) = (Expr::Column(a.clone()), Expr::Column(b.clone()));
    binary_expr(a, Operator::IsNotDistinctFrom, b)
}

/// Whether the plan, or a subquery in it, looks at rows around it.
pub(super) fn refers_outside(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= node.contains_outer_reference();
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// The columns of `schema` that the plan asks for, each once.
fn asked_for(plan: &LogicalPlan, schema: &DFSchemaRef) -> Result<Vec<Column>> {
    let mut asked = Vec::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|each| {
                if let Expr::OuterReferenceColumn(_, column) = each
                    && schema.has_column(column)
                    && !asked.contains(column)
                {
                    asked.push(column.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(asked)
}
