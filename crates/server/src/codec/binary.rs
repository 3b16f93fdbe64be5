//! The binary form of values, as the type's own receive function reads it.

use super::cell::Cell;
use super::datetime::{EPOCH_DAYS, EPOCH_MICROS};
use super::{Unencodable, array, numeric};
use bytes::{BufMut, BytesMut};
use sql::PgType;

/// The version byte before the text of a jsonb.
const JSONB_VERSION: u8 = 1;

pub(super) fn write(
    out: &mut BytesMut,
    cell: &Cell<'_>,
    pg_type: PgType,
) -> Result<(), Unencodable> {
    let unfit = || Unencodable::new(format!("{cell:?}"), pg_type);
    match (pg_type, cell) {
        (PgType::Bool, Cell::Bool(value)) => out.put_u8(u8::from(*value)),
        (PgType::Bool, Cell::Int(value)) => out.put_u8(u8::from(*value != 0)),
        (PgType::Int2, cell) => out.put_i16(integer(cell).ok_or_else(unfit)?),
        (PgType::Int4, cell) => out.put_i32(integer(cell).ok_or_else(unfit)?),
        (PgType::Int8, cell) => out.put_i64(integer(cell).ok_or_else(unfit)?),
        (PgType::Oid, cell) => out.put_u32(integer(cell).ok_or_else(unfit)?),
        (PgType::Float4, Cell::Float4(value)) => out.put_f32(*value),
        (PgType::Float8, Cell::Float8(value)) => out.put_f64(*value),
        (PgType::Float8, Cell::Float4(value)) => out.put_f64(f64::from(*value)),
        (PgType::Numeric, cell) => write_numeric(out, cell)?,
        (PgType::Uuid, Cell::Text(text)) => {
            let id = uuid::Uuid::try_parse(text).map_err(|_| unfit())?;
            out.put_slice(id.as_bytes());
        }
        (PgType::Uuid | PgType::Bytea, Cell::Bytes(value)) => out.put_slice(value),
        (PgType::Jsonb, Cell::Text(text)) => {
            out.put_u8(JSONB_VERSION);
            out.put_slice(text.as_bytes());
        }
        (
            PgType::Text
            | PgType::Varchar
            | PgType::Name
            | PgType::Char
            | PgType::Json
            | PgType::Unknown,
            Cell::Text(text),
        ) => out.put_slice(text.as_bytes()),
        (PgType::Date, Cell::Date(days)) => {
            out.put_i32(days.checked_sub(EPOCH_DAYS).ok_or_else(unfit)?);
        }
        (PgType::Timestamp | PgType::TimestampTz, Cell::Timestamp { micros, .. }) => {
            out.put_i64(micros.checked_sub(EPOCH_MICROS).ok_or_else(unfit)?);
        }
        (PgType::Time, Cell::Time(micros)) => out.put_i64(*micros),
        (PgType::Interval, Cell::Interval(interval)) => {
            out.put_i64(interval.micros);
            out.put_i32(interval.days);
            out.put_i32(interval.months);
        }
        (PgType::Void, _) => {}
        (_, Cell::List(values)) => array::write_binary(out, values, pg_type)?,
        _ => return Err(unfit()),
    }
    Ok(())
}

fn integer<T: TryFrom<i64> + TryFrom<u64>>(cell: &Cell<'_>) -> Option<T> {
    match cell {
        Cell::Int(value) => T::try_from(*value).ok(),
        Cell::UnsignedInt(value) => T::try_from(*value).ok(),
        Cell::Decimal { unscaled, scale: 0 } => {
            i64::try_from(*unscaled).ok().and_then(|value| T::try_from(value).ok())
        }
        _ => None,
    }
}

fn write_numeric(out: &mut BytesMut, cell: &Cell<'_>) -> Result<(), Unencodable> {
    match cell {
        Cell::Decimal { unscaled, scale } => {
            numeric::write_binary(out, &unscaled.to_string(), *scale)
        }
        Cell::WideDecimal { unscaled, scale } => numeric::write_binary(out, unscaled, *scale),
        Cell::Int(value) => numeric::write_binary(out, &value.to_string(), 0),
        Cell::UnsignedInt(value) => numeric::write_binary(out, &value.to_string(), 0),
        _ => Err(Unencodable::new(format!("{cell:?}"), PgType::Numeric)),
    }
}
