//! One value of an arrow array, freed of the many ways in which arrow can hold it.

use super::Unencodable;
use super::interval::Interval;
use sql::PgType;
use sql::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Array, PrimitiveArray,
};
use sql::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTimeType,
    IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

const DAY_MILLIS: i64 = 86_400_000;

/// A value that is not null.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Bool(bool),
    Int(i64),
    UnsignedInt(u64),
    Float4(f32),
    Float8(f64),
    /// `unscaled × 10^-scale`
    Decimal {
        unscaled: i128,
        scale: i8,
    },
    /// The same for more than 38 digits: sums and averages can have them. Decimal digits.
    WideDecimal {
        unscaled: String,
        scale: i8,
    },
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Microseconds since 1970 and whether they are a point in time.
    Timestamp {
        micros: i64,
        has_zone: bool,
    },
    /// Days since 1970.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    Interval(Interval),
    List(ArrayRef),
}

type ReadRow<'a> = Box<dyn Fn(usize) -> Result<Cell<'a>, Unencodable> + Send + 'a>;

/// Reads the values of one array by row.
pub(super) struct CellReader<'a> {
    array: &'a dyn Array,
    kind: Kind<'a>,
}

/// The common kinds without an indirect call.
enum Kind<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int64(&'a PrimitiveArray<Int64Type>),
    Decimal(&'a Decimal128Array, i8),
    Decimal256(&'a Decimal256Array, i8),
    Utf8(&'a sql::arrow::array::StringArray),
    TimestampMicros(&'a PrimitiveArray<TimestampMicrosecondType>, bool),
    Other(ReadRow<'a>),
}

impl std::fmt::Debug for CellReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CellReader").field(self.array.data_type()).finish()
    }
}

fn other<'a>(read: impl Fn(usize) -> Cell<'a> + Send + 'a) -> Kind<'a> {
    Kind::Other(Box::new(move |row| Ok(read(row))))
}

fn primitive<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    cell: impl Fn(T::Native) -> Cell<'a> + Send + 'a,
) -> Kind<'a> {
    let values = array.as_primitive::<T>();
    other(move |row| cell(values.value(row)))
}

/// For values that microseconds may not hold.
fn checked<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    pg_type: PgType,
    cell: impl Fn(T::Native) -> Option<Cell<'a>> + Send + 'a,
) -> Kind<'a> {
    let values = array.as_primitive::<T>();
    Kind::Other(Box::new(move |row| {
        cell(values.value(row))
            .ok_or_else(|| Unencodable::new("a value beyond the range of its type", pg_type))
    }))
}

impl<'a> CellReader<'a> {
    pub(super) fn new(array: &'a dyn Array, pg_type: PgType) -> Result<Self, Unencodable> {
        let kind = match array.data_type() {
            DataType::Null => Kind::Null,
            DataType::Boolean => Kind::Bool(array.as_boolean()),
            DataType::Decimal128(_, scale) => Kind::Decimal(array.as_primitive(), *scale),
            DataType::Decimal256(_, scale) => Kind::Decimal256(array.as_primitive(), *scale),
            DataType::Timestamp(unit, zone) => {
                timestamp_kind(array, *unit, zone.is_some(), pg_type)
            }
            data_type if data_type.is_integer() => integer_kind(array),
            data_type if data_type.is_floating() => float_kind(array),
            data_type if data_type.is_temporal() => temporal_kind(array, pg_type)?,
            _ => text_or_nested_kind(array, pg_type)?,
        };
        Ok(CellReader { array, kind })
    }

    /// `None` for null.
    pub(super) fn get(&self, row: usize) -> Result<Option<Cell<'a>>, Unencodable> {
        if self.array.is_null(row) {
            return Ok(None);
        }
        Ok(Some(match &self.kind {
            Kind::Null => return Ok(None),
            Kind::Bool(values) => Cell::Bool(values.value(row)),
            Kind::Int64(values) => Cell::Int(values.value(row)),
            Kind::Decimal(values, scale) => {
                Cell::Decimal { unscaled: values.value(row), scale: *scale }
            }
            Kind::Decimal256(values, scale) => {
                Cell::WideDecimal { unscaled: values.value(row).to_string(), scale: *scale }
            }
            Kind::Utf8(values) => Cell::Text(values.value(row)),
            Kind::TimestampMicros(values, has_zone) => {
                Cell::Timestamp { micros: values.value(row), has_zone: *has_zone }
            }
            Kind::Other(read) => return read(row).map(Some),
        }))
    }
}

fn integer_kind(array: &dyn Array) -> Kind<'_> {
    match array.data_type() {
        DataType::Int8 => primitive::<Int8Type>(array, |value| Cell::Int(value.into())),
        DataType::Int16 => primitive::<Int16Type>(array, |value| Cell::Int(value.into())),
        DataType::Int32 => primitive::<Int32Type>(array, |value| Cell::Int(value.into())),
        DataType::UInt8 => primitive::<UInt8Type>(array, |value| Cell::Int(value.into())),
        DataType::UInt16 => primitive::<UInt16Type>(array, |value| Cell::Int(value.into())),
        DataType::UInt32 => primitive::<UInt32Type>(array, |value| Cell::Int(value.into())),
        DataType::UInt64 => primitive::<UInt64Type>(array, Cell::UnsignedInt),
        _ => Kind::Int64(array.as_primitive()),
    }
}

fn float_kind(array: &dyn Array) -> Kind<'_> {
    match array.data_type() {
        DataType::Float16 => primitive::<Float16Type>(array, |value| Cell::Float4(value.to_f32())),
        DataType::Float32 => primitive::<Float32Type>(array, Cell::Float4),
        _ => primitive::<Float64Type>(array, Cell::Float8),
    }
}

fn timestamp_kind(array: &dyn Array, unit: TimeUnit, has_zone: bool, pg_type: PgType) -> Kind<'_> {
    let cell = move |micros: i64| Cell::Timestamp { micros, has_zone };
    match unit {
        TimeUnit::Second => checked::<TimestampSecondType>(array, pg_type, move |value| {
            value.checked_mul(1_000_000).map(cell)
        }),
        TimeUnit::Millisecond => {
            checked::<TimestampMillisecondType>(array, pg_type, move |value| {
                value.checked_mul(1_000).map(cell)
            })
        }
        TimeUnit::Microsecond => Kind::TimestampMicros(array.as_primitive(), has_zone),
        TimeUnit::Nanosecond => {
            primitive::<TimestampNanosecondType>(array, move |value| cell(value.div_euclid(1_000)))
        }
    }
}

fn temporal_kind(array: &dyn Array, pg_type: PgType) -> Result<Kind<'_>, Unencodable> {
    Ok(match array.data_type() {
        DataType::Date32 => primitive::<Date32Type>(array, Cell::Date),
        DataType::Date64 => checked::<Date64Type>(array, pg_type, |millis| {
            i32::try_from(millis.div_euclid(DAY_MILLIS)).ok().map(Cell::Date)
        }),
        DataType::Time32(TimeUnit::Second) => primitive::<Time32SecondType>(array, |seconds| {
            Cell::Time(i64::from(seconds) * 1_000_000)
        }),
        DataType::Time32(_) => primitive::<Time32MillisecondType>(array, |millis| {
            Cell::Time(i64::from(millis) * 1_000)
        }),
        DataType::Time64(TimeUnit::Microsecond) => {
            primitive::<Time64MicrosecondType>(array, Cell::Time)
        }
        DataType::Time64(_) => {
            primitive::<Time64NanosecondType>(array, |nanos| Cell::Time(nanos / 1_000))
        }
        DataType::Interval(IntervalUnit::YearMonth) => {
            primitive::<IntervalYearMonthType>(array, |months| {
                Cell::Interval(Interval { months, days: 0, micros: 0 })
            })
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            primitive::<IntervalDayTimeType>(array, |value| {
                let micros = i64::from(value.milliseconds) * 1_000;
                Cell::Interval(Interval { months: 0, days: value.days, micros })
            })
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            primitive::<IntervalMonthDayNanoType>(array, |value| {
                let micros = value.nanoseconds / 1_000;
                Cell::Interval(Interval { months: value.months, days: value.days, micros })
            })
        }
        DataType::Duration(unit) => duration_kind(array, *unit, pg_type),
        other => return Err(Unencodable::new(format!("arrow type {other}"), pg_type)),
    })
}

fn duration_kind(array: &dyn Array, unit: TimeUnit, pg_type: PgType) -> Kind<'_> {
    let cell = |micros| Cell::Interval(Interval { months: 0, days: 0, micros });
    match unit {
        TimeUnit::Second => checked::<DurationSecondType>(array, pg_type, move |value| {
            value.checked_mul(1_000_000).map(cell)
        }),
        TimeUnit::Millisecond => checked::<DurationMillisecondType>(array, pg_type, move |value| {
            value.checked_mul(1_000).map(cell)
        }),
        TimeUnit::Microsecond => primitive::<DurationMicrosecondType>(array, cell),
        TimeUnit::Nanosecond => {
            primitive::<DurationNanosecondType>(array, move |value| cell(value / 1_000))
        }
    }
}

fn text_or_nested_kind(array: &dyn Array, pg_type: PgType) -> Result<Kind<'_>, Unencodable> {
    Ok(match array.data_type() {
        DataType::Utf8 => Kind::Utf8(array.as_string()),
        DataType::LargeUtf8 => {
            let values = array.as_string::<i64>();
            other(move |row| Cell::Text(values.value(row)))
        }
        DataType::Utf8View => {
            let values = array.as_string_view();
            other(move |row| Cell::Text(values.value(row)))
        }
        DataType::Binary => {
            let values = array.as_binary::<i32>();
            other(move |row| Cell::Bytes(values.value(row)))
        }
        DataType::LargeBinary => {
            let values = array.as_binary::<i64>();
            other(move |row| Cell::Bytes(values.value(row)))
        }
        DataType::BinaryView => {
            let values = array.as_binary_view();
            other(move |row| Cell::Bytes(values.value(row)))
        }
        DataType::FixedSizeBinary(_) => {
            let values = array.as_fixed_size_binary();
            other(move |row| Cell::Bytes(values.value(row)))
        }
        DataType::List(_) => {
            let values = array.as_list::<i32>();
            other(move |row| Cell::List(values.value(row)))
        }
        DataType::LargeList(_) => {
            let values = array.as_list::<i64>();
            other(move |row| Cell::List(values.value(row)))
        }
        DataType::FixedSizeList(_, _) => {
            let values = array.as_fixed_size_list();
            other(move |row| Cell::List(values.value(row)))
        }
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let keys = dictionary.normalized_keys();
            let values = CellReader::new(dictionary.values().as_ref(), pg_type)?;
            Kind::Other(Box::new(move |row| {
                let cell = values.get(keys[row])?;
                cell.ok_or_else(|| Unencodable::new("a null inside a dictionary", pg_type))
            }))
        }
        other => return Err(Unencodable::new(format!("arrow type {other}"), pg_type)),
    })
}
