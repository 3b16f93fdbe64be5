//! `numeric` as a driver sees it, in Postgres' binary format, written from its documentation and
//! sharing no code with the server: base-10,000 digits, a weight, a sign and a scale.

use bytes::{BufMut, BytesMut};
use std::error::Error;
use std::fmt;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// An integral `numeric`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub i128);

const NEGATIVE: u16 = 0x4000;

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ToSql for Money {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let mut digits = Vec::new();
        let mut rest = self.0.unsigned_abs();
        while rest > 0 {
            digits.push((rest % 10_000) as i16);
            rest /= 10_000;
        }
        let weight = digits.len().saturating_sub(1) as i16;
        out.put_i16(digits.len() as i16);
        out.put_i16(weight);
        out.put_u16(if self.0 < 0 { NEGATIVE } else { 0 });
        out.put_i16(0);
        for digit in digits.into_iter().rev() {
            out.put_i16(digit);
        }
        Ok(IsNull::No)
    }

    fn accepts(wire_type: &Type) -> bool {
        *wire_type == Type::NUMERIC
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Money {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let word = |index: usize| -> Result<i16, Box<dyn Error + Sync + Send>> {
            let bytes = raw.get(2 * index..2 * index + 2).ok_or("numeric is cut short")?;
            Ok(i16::from_be_bytes([bytes[0], bytes[1]]))
        };
        let (count, weight, sign, scale) = (word(0)?, word(1)?, word(2)? as u16, word(3)?);
        if raw.len() != 8 + 2 * usize::try_from(count)? {
            return Err("numeric has another length than it says".into());
        }
        if scale != 0 || (sign != 0 && sign != NEGATIVE) {
            return Err(format!("not an integer: scale {scale}, sign {sign:#x}").into());
        }
        let mut value: i128 = 0;
        for position in 0..=i16::max(weight, count - 1) {
            let digit = if position < count { word(4 + usize::try_from(position)?)? } else { 0 };
            if !(0..10_000).contains(&digit) || (position > weight && digit != 0) {
                return Err("bad digit in numeric".into());
            }
            if position <= weight {
                value = value
                    .checked_mul(10_000)
                    .and_then(|shifted| shifted.checked_add(i128::from(digit)))
                    .ok_or("numeric beyond i128")?;
            }
        }
        Ok(Money(if sign == NEGATIVE { -value } else { value }))
    }

    fn accepts(wire_type: &Type) -> bool {
        *wire_type == Type::NUMERIC
    }
}
