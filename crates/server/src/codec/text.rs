//! The text form of values.

use super::cell::Cell;
use super::{Style, Unencodable, array, datetime, float, numeric};
use bytes::{BufMut, BytesMut};
use sql::PgType;

const HEX: &[u8; 16] = b"0123456789abcdef";

pub(super) fn write(
    out: &mut BytesMut,
    cell: &Cell<'_>,
    pg_type: PgType,
    style: Style,
) -> Result<(), Unencodable> {
    match cell {
        Cell::Bool(value) => out.put_u8(if *value { b't' } else { b'f' }),
        Cell::Int(value) => write_int(out, *value, pg_type),
        Cell::UnsignedInt(value) => numeric::write_text_int(out, i128::from(*value)),
        Cell::Float4(value) => float::write_float4(out, *value, style.extra_float_digits),
        Cell::Float8(value) => float::write_float8(out, *value, style.extra_float_digits),
        Cell::Decimal { unscaled, scale: 0 } => numeric::write_text_int(out, *unscaled),
        Cell::Decimal { unscaled, scale } => {
            numeric::write_text(out, &unscaled.to_string(), *scale);
        }
        Cell::WideDecimal { unscaled, scale } => numeric::write_text(out, unscaled, *scale),
        Cell::Text(value) => out.put_slice(value.as_bytes()),
        Cell::Bytes(value) => write_bytes(out, value, pg_type)?,
        Cell::Timestamp { micros, has_zone } => {
            write_timestamp(out, *micros, *has_zone, pg_type, style);
        }
        Cell::Date(days) => datetime::write_date(out, *days),
        Cell::Time(micros) => datetime::write_time(out, *micros)?,
        Cell::Interval(interval) => interval.write(out, style.interval),
        Cell::List(values) => array::write_text(out, values, pg_type, style)?,
    }
    Ok(())
}

fn write_int(out: &mut BytesMut, value: i64, pg_type: PgType) {
    // Flags of the catalogs are booleans even where they are kept as numbers.
    match pg_type {
        PgType::Bool => out.put_u8(if value == 0 { b'f' } else { b't' }),
        _ => numeric::write_text_int(out, i128::from(value)),
    }
}

fn write_timestamp(out: &mut BytesMut, micros: i64, has_zone: bool, pg_type: PgType, style: Style) {
    let is_point_in_time = match pg_type {
        PgType::TimestampTz => true,
        PgType::Timestamp => false,
        _ => has_zone,
    };
    if is_point_in_time {
        datetime::write_timestamptz(out, micros, style.zone);
    } else {
        datetime::write_timestamp(out, micros);
    }
}

fn write_bytes(out: &mut BytesMut, value: &[u8], pg_type: PgType) -> Result<(), Unencodable> {
    if pg_type == PgType::Uuid {
        let id = uuid::Uuid::from_slice(value)
            .map_err(|_| Unencodable::new("a uuid that has not 16 bytes", pg_type))?;
        let mut text = uuid::Uuid::encode_buffer();
        out.put_slice(id.hyphenated().encode_lower(&mut text).as_bytes());
        return Ok(());
    }
    out.put_slice(b"\\x");
    out.reserve(2 * value.len());
    for byte in value {
        out.put_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    Ok(())
}
