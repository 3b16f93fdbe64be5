//! A value that is in one list and in another, or in one and not in the other: DataFusion makes one
//! list of the two, and a constant where they have nothing in common. For NULL it is neither true
//! nor false.
//!
//! It knows two such values for one by how they are written, so one of them is written otherwise.
//! What a filter asks for at once is left as it is: there, NULL is as good as false, and lists that
//! are one say more to an index.

use crate::function::may_be_null;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

/// The plan in which lists of one value stay apart.
pub(super) fn separated(plan: LogicalPlan) -> Result<LogicalPlan> {
    let separated = plan.transform_up_with_subqueries(|plan| {
        let is_filter = matches!(plan, LogicalPlan::Filter(_));
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let separated = if is_filter { each_separated(expr)? } else { separate(expr)? };
            Ok(separated.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(separated.data)
}

/// Of what has to hold at once, each for itself.
fn each_separated(expr: Expr) -> Result<Transformed<Expr>> {
    let mut changed = false;
    let mut each = Vec::new();
    for part in split_conjunction_owned(expr) {
        let separated = separate(part)?;
        changed |= separated.transformed;
        each.push(separated.data);
    }
    // An expression has at least one part.
    let whole = conjunction(each).unwrap_or_else(|| datafusion::logical_expr::lit(true));
    Ok(if changed { Transformed::yes(whole) } else { Transformed::no(whole) })
}

fn separate(expr: Expr) -> Result<Transformed<Expr>> {
    let mut separating = Separating { changed: false };
    let (expr, _) = separating.walk(expr, false)?;
    Ok(if separating.changed { Transformed::yes(expr) } else { Transformed::no(expr) })
}

/// What is said of one value somewhere below AND, OR and NOT.
struct Compared {
    value: Expr,
    /// That it equals something, and that it does not; NOT counted in.
    equal: bool,
    unequal: bool,
    /// With more than one constant.
    listed: bool,
}

struct Separating {
    changed: bool,
}

impl Separating {
    fn walk(&mut self, mut expr: Expr, negated: bool) -> Result<(Expr, Vec<Compared>)> {
        if let Some(Comparison { value, equal, listed }) = comparison(&mut expr) {
            let equal = equal != negated;
            let value = value.clone();
            return Ok((expr, vec![Compared { value, equal, unequal: !equal, listed }]));
        }
        match expr {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: op @ (Operator::And | Operator::Or),
                right,
            }) => {
                let (left, of_left) = self.walk(*left, negated)?;
                let (right, of_right) = self.walk(*right, negated)?;
                let at_once = (op == Operator::And) != negated;
                let (right, compared) = self.keep_apart(of_left, of_right, right, at_once)?;
                let (left, right) = (Box::new(left), Box::new(right));
                Ok((Expr::BinaryExpr(BinaryExpr { left, op, right }), compared))
            }
            Expr::Not(inner) => {
                let (inner, compared) = self.walk(*inner, !negated)?;
                Ok((Expr::Not(Box::new(inner)), compared))
            }
            other => {
                let inside = other.map_children(|child| {
                    let (child, _) = self.walk(child, false)?;
                    Ok(Transformed::yes(child))
                })?;
                Ok((inside.data, Vec::new()))
            }
        }
    }

    /// Values that both sides compare get another spelling on the right where the two lists would
    /// be made one that is not their union.
    fn keep_apart(
        &mut self,
        mut of_left: Vec<Compared>,
        of_right: Vec<Compared>,
        mut right: Expr,
        at_once: bool,
    ) -> Result<(Expr, Vec<Compared>)> {
        let mut apart = Vec::new();
        for mut compared in of_right {
            let known = of_left.iter_mut().find(|each| each.value == compared.value);
            let Some(known) = known else {
                apart.push(compared);
                continue;
            };
            let is_union = match at_once {
                true => !known.equal && !compared.equal,
                false => !known.unequal && !compared.unequal,
            };
            if is_union || !(known.listed || compared.listed) {
                known.equal |= compared.equal;
                known.unequal |= compared.unequal;
                known.listed = true;
                continue;
            }
            let own = may_be_null(compared.value.clone());
            right = spelled_as(right, &compared.value, &own)?;
            compared.value = own;
            apart.push(compared);
            self.changed = true;
        }
        of_left.extend(apart);
        Ok((right, of_left))
    }
}

/// A value that is compared with constants.
struct Comparison<'a> {
    value: &'a mut Expr,
    equal: bool,
    listed: bool,
}

fn comparison(expr: &mut Expr) -> Option<Comparison<'_>> {
    let (value, equal, listed) = match expr {
        Expr::InList(InList { expr, negated, .. }) => (expr.as_mut(), !*negated, true),
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Eq | Operator::NotEq), right }) => {
            let value = match (is_constant(left), is_constant(right)) {
                (_, true) => left,
                (true, false) => right,
                (false, false) => return None,
            };
            (value.as_mut(), *op == Operator::Eq, false)
        }
        Expr::ScalarFunction(call) => {
            let equal = match call.name() {
                "any_equal" | "array_has" => true,
                "all_not_equal" => false,
                _ => return None,
            };
            (call.args.get_mut(1)?, equal, true)
        }
        _ => return None,
    };
    Some(Comparison { value: uncast(value), equal, listed })
}

fn is_constant(expr: &Expr) -> bool {
    expr.column_refs().is_empty()
}

/// A cast may be put on the constants instead.
fn uncast(expr: &mut Expr) -> &mut Expr {
    match expr {
        Expr::Cast(Cast { expr, .. }) => uncast(expr),
        value => value,
    }
}

/// The same comparisons, of a value that is written otherwise.
fn spelled_as(expr: Expr, value: &Expr, own: &Expr) -> Result<Expr> {
    let spelled = expr.transform_up(|mut each| {
        if let Some(comparison) = comparison(&mut each)
            && comparison.value == value
        {
            *comparison.value = own.clone();
            return Ok(Transformed::yes(each));
        }
        Ok(Transformed::no(each))
    })?;
    Ok(spelled.data)
}
