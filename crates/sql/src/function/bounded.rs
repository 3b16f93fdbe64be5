//! Functions whose results may be far longer than their arguments: `repeat`, `lpad`, `rpad`,
//! `replace`, `translate`, `concat` and its kin, `array_repeat`, `||`.
//!
//! How long a result will be is computed before it is: one value beyond a gigabyte is refused as in
//! Postgres, a batch has to fit into the memory of queries, and a large one is computed in slices,
//! so that constants are not spread over all of its rows.
//!
//! Refuses to know what the functions do.

use super::own;
use super::simple::{answer, arrays, undefined};
use super::variadic;
use crate::{Error, Fault};
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::kernels::concat_elements::concat_elements_utf8;
use datafusion::arrow::compute::{cast, concat};
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::functions::{string, unicode};
use datafusion::functions_nested::repeat::array_repeat_udf;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// How long a value may be: what Postgres can allocate.
pub(super) const VALUE_MAX: usize = 0x3fff_ffff;
/// Bytes that are computed at once.
const SLICE_BYTES: usize = 64 << 20;

pub(super) fn too_long() -> DataFusionError {
    own(Error::new(Fault::ProgramLimitExceeded, "requested length too large"))
}

/// Memory of queries that a call holds while it runs.
#[derive(Debug)]
pub(super) struct Room {
    reservation: MemoryReservation,
    finished: usize,
}

impl Room {
    pub(super) fn new(function: &str, pool: &Arc<dyn MemoryPool>) -> Self {
        Room { reservation: MemoryConsumer::new(function).register(pool), finished: 0 }
    }

    /// Room for a value of so many bytes beside those that are finished.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<()> {
        /// Less is not worth asking for.
        const STEP: usize = 1 << 20;
        let wanted = self.finished.saturating_add(bytes);
        match wanted > self.reservation.size().saturating_add(STEP) {
            true => self.reservation.try_resize(wanted),
            false => Ok(()),
        }
    }

    /// A value of so many bytes is finished.
    pub(super) fn add(&mut self, bytes: usize) -> Result<()> {
        self.hold(bytes)?;
        self.finished = self.finished.saturating_add(bytes);
        Ok(())
    }
}

/// The arguments of one row: what is not a text, or not a number, is none.
struct Row<'a> {
    columns: &'a [Column],
    row: usize,
}

/// An argument, its constant not spread over the rows.
struct Column {
    array: ArrayRef,
    is_constant: bool,
}

impl Row<'_> {
    fn place(&self, column: &Column) -> usize {
        if column.is_constant { 0 } else { self.row }
    }

    fn text(&self, index: usize) -> &str {
        let Some(column) = self.columns.get(index) else { return "" };
        let place = self.place(column);
        if column.array.is_null(place) {
            return "";
        }
        match column.array.data_type() {
            DataType::Utf8 => column.array.as_string::<i32>().value(place),
            DataType::LargeUtf8 => column.array.as_string::<i64>().value(place),
            DataType::Utf8View => column.array.as_string_view().value(place),
            _ => "",
        }
    }

    fn count(&self, index: usize) -> usize {
        let Some(column) = self.columns.get(index) else { return 0 };
        let place = self.place(column);
        let Some(numbers) = column.array.as_primitive_opt::<Int64Type>() else { return 0 };
        match numbers.is_null(place) {
            true => 0,
            false => usize::try_from(numbers.value(place)).unwrap_or(0),
        }
    }
}

/// Bytes of a result at most.
type Size = fn(&Row<'_>) -> usize;

fn padded(row: &Row<'_>) -> usize {
    let is_ascii = row.text(0).is_ascii() && row.text(2).is_ascii();
    row.count(1).saturating_mul(if is_ascii { 1 } else { 4 })
}

fn replaced(row: &Row<'_>) -> usize {
    let (text, from, to) = (row.text(0), row.text(1), row.text(2));
    let longer = to.len().saturating_sub(from.len());
    if longer == 0 {
        return text.len();
    }
    text.matches(from).count().saturating_mul(longer).saturating_add(text.len())
}

fn repeated(row: &Row<'_>) -> usize {
    row.text(0).len().saturating_mul(row.count(1))
}

fn all_texts(row: &Row<'_>) -> usize {
    (0..row.columns.len()).map(|index| row.text(index).len()).sum()
}

/// With the first of them between all others, as `concat_ws` has it.
fn separated_texts(row: &Row<'_>) -> usize {
    row.text(0).len().saturating_mul(row.columns.len()).saturating_add(all_texts(row))
}

pub(super) fn all(pool: &Arc<dyn MemoryPool>) -> Vec<ScalarUDF> {
    let functions: [(Arc<ScalarUDF>, Size); 6] = [
        (string::repeat(), repeated),
        (unicode::lpad(), padded),
        (unicode::rpad(), padded),
        (string::replace(), replaced),
        (unicode::translate(), |row| row.text(0).len().saturating_mul(4)),
        (array_repeat_udf(), |row| row.count(1).saturating_mul(16 + row.text(0).len())),
    ];
    let of_texts =
        variadic::all().into_iter().map(|each| (Arc::new(each), separated_texts as Size));
    let bounded = functions
        .into_iter()
        .chain(of_texts)
        .map(|(inner, size)| ScalarUDF::from(Bounded { inner, size, pool: Arc::clone(pool) }));
    bounded.collect()
}

/// `a || b` where neither is a constant: repeated, it grows without a bound.
pub(super) fn joined(pool: &Arc<dyn MemoryPool>) -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable);
    let inner = Arc::new(ScalarUDF::from(Joined { signature }));
    ScalarUDF::from(Bounded { inner, size: all_texts, pool: Arc::clone(pool) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Joined {
    signature: Signature,
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &str {
        "textcat"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (arrays, constant) = arrays(&args)?;
        let [left, right] = arrays.as_slice() else { return Err(undefined(self.name(), &[])) };
        let (left, right) = (left.as_string::<i32>(), right.as_string::<i32>());
        answer(Arc::new(concat_elements_utf8(left, right)?), constant)
    }
}

#[derive(Debug)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    size: Size,
    pool: Arc<dyn MemoryPool>,
}

/// There is one pool, and the size belongs to the function.
impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Bounded {}

impl Hash for Bounded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = columns(&args)?;
        let is_constant = columns.iter().all(|column| column.is_constant);
        let rows = if is_constant { 1 } else { args.number_rows };
        // DataFusion spreads constants over the rows.
        let constants: usize = columns
            .iter()
            .filter(|column| column.is_constant && !is_constant)
            .map(|column| column.array.get_array_memory_size())
            .sum();
        let mut total = 0usize;
        let mut largest = 0;
        for row in 0..rows {
            let size = (self.size)(&Row { columns: &columns, row });
            if size > VALUE_MAX {
                return Err(too_long());
            }
            total = total.saturating_add(size);
            largest = largest.max(size);
        }
        let spread = constants.saturating_mul(rows);
        if total.saturating_add(spread) <= SLICE_BYTES {
            return self.inner.invoke_with_args(args);
        }
        let mut room = Room::new(self.name(), &self.pool);
        // The slices, and all of them in one.
        room.hold(match rows {
            1 => total,
            _ => total.saturating_mul(2).saturating_add(SLICE_BYTES.max(largest)),
        })?;
        if total > i32::MAX as usize {
            return Err(too_long());
        }
        let each = total.saturating_add(spread) / rows.max(1);
        let length = (SLICE_BYTES / each.max(1)).max(1);
        self.in_slices(&args, rows, length)
    }
}

impl Bounded {
    fn in_slices(
        &self,
        args: &ScalarFunctionArgs,
        rows: usize,
        length: usize,
    ) -> Result<ColumnarValue> {
        if rows <= 1 {
            return self.inner.invoke_with_args(args.clone());
        }
        let mut slices = Vec::with_capacity(rows.div_ceil(length));
        for from in (0..rows).step_by(length) {
            let count = length.min(rows - from);
            let args = ScalarFunctionArgs {
                args: args.args.iter().map(|arg| slice(arg, from, count)).collect(),
                number_rows: count,
                ..args.clone()
            };
            slices.push(self.inner.invoke_with_args(args)?.into_array(count)?);
        }
        let parts: Vec<&dyn Array> = slices.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(concat(&parts)?))
    }
}

fn slice(arg: &ColumnarValue, from: usize, count: usize) -> ColumnarValue {
    match arg {
        ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(from, count)),
        ColumnarValue::Scalar(_) => arg.clone(),
    }
}

/// Numbers are int8 here.
fn columns(args: &ScalarFunctionArgs) -> Result<Vec<Column>> {
    let column = |arg: &ColumnarValue| -> Result<Column> {
        let is_constant = matches!(arg, ColumnarValue::Scalar(_));
        let array = arg.to_array(if is_constant { 1 } else { args.number_rows })?;
        let array = match array.data_type().is_integer() {
            true => cast(&array, &DataType::Int64)?,
            false => array,
        };
        Ok(Column { array, is_constant })
    };
    let columns = args.args.iter().map(column).collect::<Result<Vec<_>>>()?;
    if columns.is_empty() {
        return Err(undefined("concat", &[]));
    }
    Ok(columns)
}
