//! The constants of a point read: parameters, literals, and expressions over them that are
//! compiled once.
//!
//! Only expressions are compiled whose value depends on nothing but the parameters: casts between
//! texts, numbers, booleans and uuids, `||`, and checked arithmetic. What cannot be computed, or comes
//! out in another type than was planned, is no constant: the general way says what it is.

use super::super::parameters::{parameter_field, to_scalar};
use crate::{PgType, Value, exact};
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, DFSchemaRef};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::scalar::ScalarValue;
use std::cell::OnceCell;
use std::sync::Arc;

#[derive(Debug)]
pub(super) enum Constant {
    /// By place, from 0.
    Parameter(usize),
    Literal(ScalarValue),
    /// `literal || parameter`, which so many names of accounts are.
    Prefixed(String, usize),
    /// Over a row of all parameters.
    Computed(Arc<dyn PhysicalExpr>, DataType),
}

/// What constants are made of.
#[derive(Debug)]
pub(super) struct Constants {
    /// One column for each parameter.
    schema: SchemaRef,
    df_schema: DFSchemaRef,
}

/// Constants of one execution.
pub(super) struct BoundConstants<'a> {
    schema: &'a SchemaRef,
    parameters: Vec<ScalarValue>,
    row: OnceCell<RecordBatch>,
}

fn name(index: usize) -> String {
    format!("${}", index + 1)
}

fn parameter(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Placeholder(placeholder) => {
            placeholder.id.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1)
        }
        _ => None,
    }
}

impl Constants {
    pub(super) fn new(parameter_types: &[PgType]) -> Option<Self> {
        let fields: Vec<Field> = parameter_types
            .iter()
            .enumerate()
            .map(|(index, pg_type)| {
                parameter_field(*pg_type).as_ref().clone().with_name(name(index))
            })
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let df_schema = Arc::new(DFSchema::try_from(Arc::clone(&schema)).ok()?);
        Some(Constants { schema, df_schema })
    }

    /// The constant of this type that an analysed expression is, if it is one.
    pub(super) fn compile(
        &self,
        expr: &Expr,
        wanted: &DataType,
        state: &SessionState,
    ) -> Option<Constant> {
        if let Some(index) = parameter(expr) {
            return (self.schema.fields().get(index)?.data_type() == wanted)
                .then_some(Constant::Parameter(index));
        }
        if let Expr::Literal(value, _) = expr {
            return (value.data_type() == *wanted).then(|| Constant::Literal(value.clone()));
        }
        if let Some((prefix, index)) = self.prefixed(expr) {
            return (*wanted == DataType::Utf8).then_some(Constant::Prefixed(prefix, index));
        }
        if !self.is_plain(expr) {
            return None;
        }
        let over_row = expr.clone().transform(|expr| {
            Ok(match parameter(&expr) {
                Some(index) => Transformed::yes(Expr::Column(Column::new_unqualified(name(index)))),
                None => Transformed::no(expr),
            })
        });
        let over_row = over_row.ok()?.data;
        if over_row.get_type(self.df_schema.as_ref()).ok()? != *wanted {
            return None;
        }
        let context = PhysicalPlanningContext::default();
        let schema = self.df_schema.as_ref();
        let compiled =
            create_physical_expr(&over_row, schema, state.execution_props(), &context).ok()?;
        Some(Constant::Computed(compiled, wanted.clone()))
    }

    fn prefixed(&self, expr: &Expr) -> Option<(String, usize)> {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) = expr else {
            return None;
        };
        let Expr::Literal(ScalarValue::Utf8(Some(prefix)), _) = left.as_ref() else { return None };
        let index = parameter(right)?;
        let is_text = *self.schema.fields().get(index)?.data_type() == DataType::Utf8;
        is_text.then(|| (prefix.clone(), index))
    }

    /// Whether an expression depends on nothing but parameters: not on the session, its zone, the
    /// clock or a row.
    fn is_plain(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Literal(value, _) => is_plain_type(&value.data_type()),
            Expr::Placeholder(_) => parameter(expr)
                .and_then(|index| self.schema.fields().get(index))
                .is_some_and(|field| is_plain_type(field.data_type())),
            Expr::Cast(cast) => is_plain_type(cast.field.data_type()) && self.is_plain(&cast.expr),
            Expr::Alias(alias) => self.is_plain(&alias.expr),
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
                self.is_plain(left) && self.is_plain(right)
            }
            Expr::ScalarFunction(function) => {
                (exact::is_checked(function.name()) || function.name() == "uuid")
                    && function.args.iter().all(|arg| self.is_plain(arg))
            }
            _ => false,
        }
    }

    /// `None` if a parameter is not what the statement was prepared for.
    pub(super) fn bind(
        &self,
        parameter_types: &[PgType],
        parameters: &[Value],
    ) -> Option<BoundConstants<'_>> {
        if parameters.len() != parameter_types.len() {
            return None;
        }
        let scalars = parameters.iter().zip(parameter_types).zip(self.schema.fields());
        let scalars = scalars.map(|((value, pg_type), field)| {
            let scalar = to_scalar(value, *pg_type).ok()?;
            has_type(&scalar, field.data_type()).then_some(scalar)
        });
        let parameters = scalars.collect::<Option<Vec<_>>>()?;
        Some(BoundConstants { schema: &self.schema, parameters, row: OnceCell::new() })
    }
}

fn is_plain_type(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(data_type, DataType::Utf8 | DataType::Boolean | DataType::Decimal128(..))
}

/// As `scalar.data_type() == *data_type`, without making one where it is not needed.
fn has_type(scalar: &ScalarValue, data_type: &DataType) -> bool {
    match (scalar, data_type) {
        (ScalarValue::Utf8(_), DataType::Utf8) | (ScalarValue::Int64(_), DataType::Int64) => true,
        _ => scalar.data_type() == *data_type,
    }
}

impl BoundConstants<'_> {
    pub(super) fn value(&self, constant: &Constant) -> Option<ScalarValue> {
        match constant {
            Constant::Parameter(index) => self.parameters.get(*index).cloned(),
            Constant::Literal(value) => Some(value.clone()),
            Constant::Prefixed(prefix, index) => match self.parameters.get(*index)? {
                ScalarValue::Utf8(Some(rest)) => {
                    Some(ScalarValue::Utf8(Some(format!("{prefix}{rest}"))))
                }
                _ => Some(ScalarValue::Utf8(None)),
            },
            Constant::Computed(expr, wanted) => {
                let value = match expr.evaluate(self.row()?).ok()? {
                    ColumnarValue::Scalar(value) => value,
                    ColumnarValue::Array(values) => ScalarValue::try_from_array(&values, 0).ok()?,
                };
                (value.data_type() == *wanted).then_some(value)
            }
        }
    }

    /// A number of rows; `None` for what LIMIT and OFFSET do not take.
    pub(super) fn count(&self, constant: &Constant) -> Option<usize> {
        match self.value(constant)? {
            ScalarValue::Int64(Some(count)) => usize::try_from(count).ok(),
            _ => None,
        }
    }

    fn row(&self) -> Option<&RecordBatch> {
        if self.row.get().is_none() {
            let columns: Vec<ArrayRef> = self
                .parameters
                .iter()
                .map(|value| value.to_array().ok())
                .collect::<Option<Vec<_>>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(1));
            let schema = Arc::clone(self.schema);
            let row = RecordBatch::try_new_with_options(schema, columns, &options).ok()?;
            let _ = self.row.set(row);
        }
        self.row.get()
    }
}
