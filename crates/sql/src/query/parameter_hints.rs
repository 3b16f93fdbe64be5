//! What the words around a parameter say of its type, where the planner would not find it out.
//!
//! As Postgres resolves them: an operand of AND is true or false, a key of a document is a text,
//! one of several values is of the type that the others have in common.
//!
//! Only of parameters that stand nowhere else: a column that one is compared with says more.

use super::casts::written_type;
use super::normalize::ParameterHints;
use crate::PgType;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    JoinConstraint, JoinOperator, Query, Select, SetExpr, Statement, TableFactor, UnaryOperator,
    Value, Visit, Visitor,
};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// Functions by name: the place of an argument from 0, and its type.
const ARGUMENTS: [(&str, usize, PgType); 24] = [
    ("left", 0, PgType::Text),
    ("left", 1, PgType::Int4),
    ("right", 0, PgType::Text),
    ("right", 1, PgType::Int4),
    ("repeat", 0, PgType::Text),
    ("repeat", 1, PgType::Int4),
    ("lpad", 1, PgType::Int4),
    ("rpad", 1, PgType::Int4),
    ("split_part", 0, PgType::Text),
    ("split_part", 1, PgType::Text),
    ("split_part", 2, PgType::Int4),
    ("chr", 0, PgType::Int4),
    ("ntile", 0, PgType::Int4),
    ("lag", 1, PgType::Int4),
    ("lead", 1, PgType::Int4),
    ("nth_value", 1, PgType::Int4),
    ("abs", 0, PgType::Float8),
    ("ceil", 0, PgType::Float8),
    ("ceiling", 0, PgType::Float8),
    ("floor", 0, PgType::Float8),
    ("sqrt", 0, PgType::Float8),
    ("upper", 0, PgType::Text),
    ("lower", 0, PgType::Text),
    ("initcap", 0, PgType::Text),
];

/// The types that the statement, as it was written, gives to its parameters.
pub(super) fn of(statement: &Statement) -> ParameterHints {
    let mut places = Places::default();
    let _: ControlFlow<()> = Visit::visit(statement, &mut places);
    let Places { count, hints, .. } = places;
    hints
        .into_iter()
        .filter(|(number, hints)| count.get(number) == Some(&hints.len()))
        .filter_map(|(number, hints)| Some((number, *hints.first()?)))
        .collect()
}

#[derive(Default)]
struct Places {
    /// How often each parameter stands in the statement.
    count: HashMap<usize, usize>,
    hints: HashMap<usize, Vec<PgType>>,
    /// Parameters that only seem to be operands of AND or OR.
    compared: HashSet<usize>,
}

/// What is known of an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operand {
    Parameter(usize),
    Typed(PgType),
    /// A literal in quotes, or NULL.
    Untyped,
    /// A column or something computed.
    Other,
}

fn operand(expr: &Expr) -> Operand {
    match expr {
        Expr::Nested(inner) => operand(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match operand(expr) {
            Operand::Typed(pg_type) => Operand::Typed(pg_type),
            _ => Operand::Other,
        },
        Expr::Cast { data_type, .. } => {
            written_type(data_type).map_or(Operand::Other, Operand::Typed)
        }
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => name
                .strip_prefix('$')
                .and_then(|digits| digits.parse().ok())
                .map_or(Operand::Other, Operand::Parameter),
            Value::Number(digits, _) => Operand::Typed(number(digits)),
            Value::Boolean(_) => Operand::Typed(PgType::Bool),
            Value::SingleQuotedString(_) | Value::EscapedStringLiteral(_) | Value::Null => {
                Operand::Untyped
            }
            _ => Operand::Other,
        },
        _ => Operand::Other,
    }
}

/// `IS DISTINCT FROM` has, as parsed, all of `b AND c` on its right.
fn first_operand(chain: &Expr) -> &Expr {
    match chain {
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, .. } => {
            first_operand(left)
        }
        other => other,
    }
}

fn number(digits: &str) -> PgType {
    if digits.parse::<i32>().is_ok() {
        PgType::Int4
    } else if digits.parse::<i64>().is_ok() {
        PgType::Int8
    } else {
        PgType::Numeric
    }
}

/// The type that values get together: the widest number, or text if none says what it is.
fn common(operands: &[Operand]) -> Option<PgType> {
    let width = |pg_type: PgType| match pg_type {
        PgType::Int2 => 1,
        PgType::Int4 => 2,
        PgType::Int8 => 3,
        PgType::Numeric => 4,
        PgType::Float4 => 5,
        PgType::Float8 => 6,
        _ => 0,
    };
    let mut found: Option<PgType> = None;
    for operand in operands {
        match operand {
            Operand::Other => return None,
            Operand::Typed(pg_type) => {
                found = match found {
                    Some(found) if width(found) >= width(*pg_type) => Some(found),
                    _ => Some(*pg_type),
                };
            }
            Operand::Parameter(_) | Operand::Untyped => {}
        }
    }
    Some(found.unwrap_or(PgType::Text))
}

impl Places {
    fn hint(&mut self, expr: &Expr, pg_type: PgType) {
        if let Operand::Parameter(number) = operand(expr)
            && !(pg_type == PgType::Bool && self.compared.contains(&number))
        {
            self.hints.entry(number).or_default().push(pg_type);
        }
    }

    fn condition(&mut self, expr: Option<&Expr>) {
        if let Some(expr) = expr {
            self.hint(expr, PgType::Bool);
        }
    }

    /// Values that get one type.
    fn together<'a>(&mut self, values: impl Iterator<Item = &'a Expr>) {
        let values: Vec<&Expr> = values.collect();
        let operands: Vec<Operand> = values.iter().map(|each| operand(each)).collect();
        if let Some(pg_type) = common(&operands) {
            values.into_iter().for_each(|each| self.hint(each, pg_type));
        }
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) {
        match op {
            BinaryOperator::Arrow | BinaryOperator::LongArrow => self.hint(right, PgType::Text),
            BinaryOperator::And | BinaryOperator::Or => {
                self.condition(Some(left));
                self.condition(Some(right));
            }
            BinaryOperator::StringConcat => {
                let text = |expr: &Expr| match operand(expr) {
                    Operand::Parameter(_) | Operand::Untyped => true,
                    Operand::Typed(pg_type) => pg_type == PgType::Text,
                    Operand::Other => false,
                };
                if text(left) && text(right) {
                    self.hint(left, PgType::Text);
                    self.hint(right, PgType::Text);
                }
            }
            _ => {}
        }
    }

    fn function(&mut self, function: &Function) {
        let name = function.name.0.last().and_then(|part| part.as_ident());
        let Some(name) = name.map(|name| name.value.to_lowercase()) else { return };
        let FunctionArguments::List(list) = &function.args else { return };
        let args: Vec<&Expr> = list.args.iter().filter_map(argument).collect();
        match name.as_str() {
            "coalesce" | "greatest" | "least" | "nullif" | "generate_series" => {
                self.together(args.into_iter());
            }
            _ => {
                for (_, place, pg_type) in ARGUMENTS.iter().filter(|known| known.0 == name) {
                    if let Some(arg) = args.get(*place) {
                        self.hint(arg, *pg_type);
                    }
                }
            }
        }
    }
}

fn argument(arg: &FunctionArg) -> Option<&Expr> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

impl Visitor for Places {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let SetExpr::Values(values) = query.body.as_ref() {
            let width = values.rows.iter().map(|row| row.content.len()).max().unwrap_or(0);
            for column in 0..width {
                self.together(values.rows.iter().filter_map(|row| row.content.get(column)));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.condition(select.selection.as_ref());
        self.condition(select.having.as_ref());
        for join in select.from.iter().flat_map(|from| &from.joins) {
            if let JoinOperator::Join(on)
            | JoinOperator::Inner(on)
            | JoinOperator::Left(on)
            | JoinOperator::LeftOuter(on)
            | JoinOperator::Right(on)
            | JoinOperator::RightOuter(on)
            | JoinOperator::FullOuter(on) = &join.join_operator
                && let JoinConstraint::On(on) = on
            {
                self.condition(Some(on));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: Some(args), .. } = table
            && name.to_string().eq_ignore_ascii_case("generate_series")
        {
            self.together(args.args.iter().filter_map(argument));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Value(_) => {
                if let Operand::Parameter(number) = operand(expr) {
                    *self.count.entry(number).or_default() += 1;
                }
            }
            Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) => {
                if let Operand::Parameter(number) = operand(first_operand(right)) {
                    self.compared.insert(number);
                }
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.condition(Some(expr)),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::Between { expr, low, .. } if !matches!(operand(low), Operand::Parameter(_)) => {
                self.together([expr.as_ref(), low.as_ref()].into_iter());
            }
            Expr::InList { expr, list, .. } if matches!(operand(expr), Operand::Parameter(_)) => {
                self.together(std::iter::once(expr.as_ref()).chain(list));
            }
            Expr::Case { operand: None, conditions, .. } => {
                conditions.iter().for_each(|when| self.condition(Some(&when.condition)));
            }
            Expr::Array(array) => self.together(array.elem.iter()),
            Expr::Function(function) => self.function(function),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
