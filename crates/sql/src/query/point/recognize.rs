//! Which plans are point reads.
//!
//! Recognised are plain columns over conditions `column op constant` over one table of the ledger,
//! in an order that its index gives, with LIMIT and OFFSET. The plan is the analysed one: types
//! are settled, and whatever a constant means to a column is written out.

use super::constant::Constants;
use super::{Access, Condition, Order, PointRead};
use crate::catalog::arrow_type;
use crate::provider::{LedgerProvider, Narrows};
use crate::query::output;
use crate::{Column, PgType};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNode;
use datafusion::datasource::source_as_provider;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;
use store::PageOrder;

/// A plan of the recognised shape. Columns are those of the table.
struct Shape {
    provider: Arc<dyn datafusion::catalog::TableProvider>,
    columns: Vec<usize>,
    conditions: Vec<(usize, Operator, Expr)>,
    sort: Vec<SortKey>,
    offset: Option<Expr>,
    limit: Option<Expr>,
}

#[derive(Clone, Copy)]
struct SortKey {
    column: usize,
    /// Where NULLs go means nothing: only staged rows have them, and those are planned.
    is_ascending: bool,
}

/// The point read that a plan is, if it surely is one.
pub(in crate::query) fn recognize(
    plan: &LogicalPlan,
    parameter_types: &[PgType],
    columns: &[Column],
    state: &SessionState,
) -> Option<PointRead> {
    // Most plans are not, and need no analysis to tell.
    shape(plan)?;
    let options = state.config_options();
    let analysed = state.analyzer().execute_and_check(plan.clone(), options, |_, _| {}).ok()?;
    let shape = shape(&analysed)?;
    let provider = ledger_provider(&shape)?;
    let table = Arc::clone(provider.table());
    let constants = Constants::new(parameter_types)?;
    let narrowing = |column: usize| {
        let name = table.relation().columns[column].name;
        table.narrows().iter().find(|(known, _)| *known == name).map(|(_, narrows)| *narrows)
    };
    let mut conditions = Vec::with_capacity(shape.conditions.len());
    for (column, op, value) in &shape.conditions {
        let pg_type = table.relation().columns[*column].pg_type;
        if !is_plainly_compared(pg_type, value) {
            return None;
        }
        let value = constants.compile(value, &arrow_type(pg_type), state)?;
        let narrows = narrowing(*column);
        conditions.push((*column, Condition { checked: None, narrows, op: *op, value }));
    }
    let count = |expr: &Option<Expr>| match expr {
        Some(expr) => constants.compile(expr, &arrow_type(PgType::Int8), state).map(Some),
        None => Some(None),
    };
    let (offset, limit) = (count(&shape.offset)?, count(&shape.limit)?);
    let name = table.relation().name;
    let (access, order) = access(name, &shape, &conditions, limit.is_some())?;
    let mut scanned: Vec<usize> = Vec::new();
    let mut place = |column: usize| {
        scanned.iter().position(|known| *known == column).unwrap_or_else(|| {
            scanned.push(column);
            scanned.len() - 1
        })
    };
    let shown: Vec<usize> = shape.columns.iter().map(|column| place(*column)).collect();
    for index in 0..conditions.len() {
        if !is_exact(name, access, &conditions, index) {
            let (column, condition) = &mut conditions[index];
            condition.checked = Some(place(*column));
        }
    }
    let relation = table.relation().schema();
    let found = relation.project(&shape.columns).ok()?;
    let schema = output::presented_schema(&Arc::new(found.clone()), columns);
    let is_shown_as_found = found.fields().len() == schema.fields().len()
        && found.fields().iter().zip(schema.fields()).all(|(a, b)| a.data_type() == b.data_type());
    is_shown_as_found.then(|| PointRead {
        is_by_book: table.narrows().iter().any(|(_, narrows)| *narrows == Narrows::Book),
        table,
        conditions: conditions.into_iter().map(|(_, condition)| condition).collect(),
        scanned,
        shown,
        schema,
        access,
        order,
        offset,
        limit,
        constants,
    })
}

fn ledger_provider(shape: &Shape) -> Option<&LedgerProvider> {
    (shape.provider.as_ref() as &dyn std::any::Any).downcast_ref()
}

fn shape(plan: &LogicalPlan) -> Option<Shape> {
    match plan {
        LogicalPlan::TableScan(scan) if scan.filters.is_empty() && scan.fetch.is_none() => {
            let provider = source_as_provider(&scan.source).ok()?;
            let columns = match &scan.projection {
                Some(columns) => columns.clone(),
                None => (0..provider.schema().fields().len()).collect(),
            };
            let shape = Shape {
                provider,
                columns,
                conditions: Vec::new(),
                sort: Vec::new(),
                offset: None,
                limit: None,
            };
            ledger_provider(&shape).is_some().then_some(shape)
        }
        LogicalPlan::SubqueryAlias(alias) => shape(&alias.input),
        LogicalPlan::Filter(filter) => {
            let mut below = shape(&filter.input).filter(is_unordered)?;
            let schema = filter.input.schema();
            add_conditions(&filter.predicate, schema, &mut below)?;
            Some(below)
        }
        LogicalPlan::Projection(projection) => {
            let mut below = shape(&projection.input)?;
            let schema = projection.input.schema();
            let columns = projection.expr.iter().map(|expr| column(expr, schema, &below));
            below.columns = columns.collect::<Option<_>>()?;
            Some(below)
        }
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
            let mut below = shape(&sort.input).filter(is_unordered)?;
            let keys = sort.expr.iter().map(|key| {
                Some(SortKey {
                    column: column(&key.expr, sort.input.schema(), &below)?,
                    is_ascending: key.asc,
                })
            });
            below.sort = keys.collect::<Option<_>>()?;
            Some(below)
        }
        LogicalPlan::Limit(limit) => {
            let mut below = shape(&limit.input)?;
            if below.limit.is_some() || below.offset.is_some() {
                return None;
            }
            below.offset = limit.skip.as_deref().cloned();
            below.limit = limit.fetch.as_deref().cloned();
            Some(below)
        }
        _ => None,
    }
}

fn is_unordered(shape: &Shape) -> bool {
    shape.sort.is_empty() && shape.offset.is_none() && shape.limit.is_none()
}

/// The column of the table that an expression is.
fn column(expr: &Expr, schema: &DFSchema, below: &Shape) -> Option<usize> {
    match expr {
        Expr::Column(column) => below.columns.get(schema.maybe_index_of_column(column)?).copied(),
        Expr::Alias(alias) => column(&alias.expr, schema, below),
        _ => None,
    }
}

fn add_conditions(expr: &Expr, schema: &DFSchema, below: &mut Shape) -> Option<()> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            add_conditions(left, schema, below)?;
            add_conditions(right, schema, below)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (column, op, value) = match column(left, schema, below) {
                Some(column) => (column, *op, right),
                None => (column(right, schema, below)?, op.swap()?, left),
            };
            is_comparison(op).then(|| below.conditions.push((column, op, value.as_ref().clone())))
        }
        Expr::Between(between) if !between.negated => {
            let column = column(&between.expr, schema, below)?;
            below.conditions.push((column, Operator::GtEq, between.low.as_ref().clone()));
            below.conditions.push((column, Operator::LtEq, between.high.as_ref().clone()));
            Some(())
        }
        _ => None,
    }
}

fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
    )
}

/// Whether a parameter means to a column what a literal in its place would. Texts are read as what
/// they are compared with, but only where they are literals; documents are not compared as texts.
fn is_plainly_compared(pg_type: PgType, value: &Expr) -> bool {
    let is_parameter_or_literal = matches!(value, Expr::Placeholder(_) | Expr::Literal(..));
    match pg_type {
        PgType::Text | PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Bool => true,
        PgType::Uuid => match value {
            Expr::Placeholder(placeholder) => placeholder
                .field
                .as_ref()
                .is_some_and(|field| crate::query::from_field(field).ok() == Some(PgType::Uuid)),
            Expr::Literal(ScalarValue::Utf8(_), _) => true,
            // A cast gives the canonical text, in which uuids are kept.
            Expr::ScalarFunction(function) => function.name() == "uuid",
            _ => false,
        },
        PgType::TimestampTz => is_parameter_or_literal,
        PgType::Numeric => !mentions_text(value),
        _ => false,
    }
}

fn mentions_text(expr: &Expr) -> bool {
    let is_text = |expr: &Expr| match expr {
        Expr::Placeholder(placeholder) => placeholder
            .field
            .as_ref()
            .is_none_or(|field| field.data_type().is_string() || field.data_type().is_null()),
        Expr::Literal(value, _) => value.data_type().is_string(),
        _ => false,
    };
    expr.exists(|expr| Ok(is_text(expr))).unwrap_or(true)
}

type Conditions = [(usize, Condition)];

fn has_equal(conditions: &Conditions, narrows: Narrows) -> bool {
    conditions.iter().any(|(_, each)| each.narrows == Some(narrows) && each.op == Operator::Eq)
}

fn count_of(conditions: &Conditions, narrows: Narrows) -> usize {
    conditions.iter().filter(|(_, each)| each.narrows == Some(narrows)).count()
}

/// Whether the conditions are `book =`, one other equality at most, and a range of seqs.
fn are_of_seqs(conditions: &Conditions, other: Option<Narrows>) -> bool {
    let is_of_seqs = |condition: &Condition| match (condition.narrows, condition.op) {
        (Some(Narrows::Seq), op) => op != Operator::NotEq,
        (Some(narrows), Operator::Eq) => narrows == Narrows::Book || Some(narrows) == other,
        _ => false,
    };
    conditions.iter().all(|(_, condition)| is_of_seqs(condition))
        && count_of(conditions, Narrows::Book) == 1
        && other.is_none_or(|other| count_of(conditions, other) == 1)
}

/// How the rows of a table are found, if an index finds them, and whether that is their order.
fn access(
    table: &str,
    shape: &Shape,
    conditions: &Conditions,
    is_limited: bool,
) -> Option<(Access, Order)> {
    let equal = |narrows| has_equal(conditions, narrows);
    let keys = Keys::of(shape, conditions);
    let by_book = equal(Narrows::Book);
    match table {
        "accounts" if by_book && equal(Narrows::Path) => Some((Access::Scan, Order::Any)),
        "transactions" | "transfers"
            if equal(Narrows::TxId)
                || by_book && (equal(Narrows::IdempotencyKey) || equal(Narrows::Seq)) =>
        {
            Some((Access::Scan, if keys.are_none() { Order::Any } else { Order::Other }))
        }
        "postings" if by_book && equal(Narrows::Path) && !equal(Narrows::TxId) => {
            let order = match () {
                () if keys.are_none() || keys.rise() => PageOrder::OldestFirst,
                () if keys.fall() => PageOrder::NewestFirst,
                () => return None,
            };
            are_of_seqs(conditions, Some(Narrows::Path))
                .then_some((Access::Page(order), Order::Recorded))
        }
        "postings" if equal(Narrows::TxId) || by_book && equal(Narrows::Seq) => {
            let order = match () {
                () if keys.are_none() => Order::Any,
                () if by_book && keys.are_of_one_transaction() => Order::Recorded,
                () => Order::Other,
            };
            Some((Access::Scan, order))
        }
        "events"
            if by_book && are_of_seqs(conditions, None) && (keys.are_none() || keys.rise()) =>
        {
            let is_ranged = count_of(conditions, Narrows::Seq) > 0;
            (is_limited || is_ranged).then_some((Access::Seqs, Order::Recorded))
        }
        _ => None,
    }
}

/// Whether no row is found for which a condition does not hold.
fn is_exact(table: &str, access: Access, conditions: &Conditions, index: usize) -> bool {
    let (_, condition) = &conditions[index];
    match access {
        Access::Page(_) | Access::Seqs => true,
        Access::Scan if table == "accounts" && condition.op == Operator::Eq => {
            let is_only =
                |narrows| condition.narrows == Some(narrows) && count_of(conditions, narrows) == 1;
            is_only(Narrows::Book) || is_only(Narrows::Path)
        }
        Access::Scan => false,
    }
}

/// What is left of ORDER BY when the columns that have one value only are left out.
struct Keys<'a>(Vec<(&'a str, SortKey)>);

impl<'a> Keys<'a> {
    fn of(shape: &Shape, conditions: &Conditions) -> Self {
        let relation = ledger_provider(shape).map(LedgerProvider::relation);
        let is_fixed = |key: &SortKey| {
            conditions.iter().any(|(column, each)| *column == key.column && each.op == Operator::Eq)
        };
        let keys = shape.sort.iter().filter(|key| !is_fixed(key));
        let named = keys.filter_map(|key| Some((relation?.columns[key.column].name, *key)));
        Keys(named.collect())
    }

    fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The order in which a book's events were recorded.
    fn rise(&self) -> bool {
        self.are_by_place() && self.0.iter().all(|(_, key)| key.is_ascending)
    }

    fn fall(&self) -> bool {
        self.are_by_place() && self.0.iter().all(|(_, key)| !key.is_ascending)
    }

    fn are_by_place(&self) -> bool {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| *name).collect();
        matches!(names.as_slice(), ["seq" | "lsn"] | ["seq" | "lsn", "idx"])
    }

    /// The order of the legs of one transaction.
    fn are_of_one_transaction(&self) -> bool {
        let is_of_transaction =
            |name: &str| matches!(name, "tx_id" | "seq" | "lsn" | "occurred_at" | "committed_at");
        let mut keys = self.0.iter().filter(|(name, _)| !is_of_transaction(name));
        match (keys.next(), keys.next()) {
            (None, _) => true,
            (Some(("idx", key)), None) => key.is_ascending,
            _ => false,
        }
    }
}
