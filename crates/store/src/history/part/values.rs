//! Typed access to the columns of a batch that came from a file.

use super::table::bad;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{Array, ArrayRef, Decimal128Array, Int64Array, RecordBatch};
use std::io;
use std::sync::Arc;

/// A column by name, as what it must be.
pub(super) fn column<'a, A: Array + 'static>(
    batch: &'a RecordBatch,
    name: &str,
) -> io::Result<&'a A> {
    let column = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
    column.ok_or_else(|| bad("lacks a column"))
}

/// Amounts as readers see them, however the file keeps them.
pub(super) fn wide(column: &ArrayRef) -> io::Result<Decimal128Array> {
    if let Some(values) = column.as_primitive_opt::<Decimal128Type>() {
        return Ok(values.clone());
    }
    let values: &Int64Array = column
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| bad("has amounts of no known kind"))?;
    let values: Decimal128Array = values.unary(i128::from);
    values.with_precision_and_scale(38, 0).map_err(io::Error::other)
}

/// The same, for a column that may be anything.
pub(super) fn widened(column: ArrayRef, is_money: bool) -> io::Result<ArrayRef> {
    if is_money { Ok(Arc::new(wide(&column)?)) } else { Ok(column) }
}

/// A position or count, kept as a signed number.
pub(super) fn unsigned(column: &Int64Array, index: usize) -> u64 {
    column.value(index).cast_unsigned()
}
