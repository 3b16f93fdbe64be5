//! A value on its way into a column, borrowed wherever it can be.
//!
//! Owns the conversions from what was sent to what a column holds. What Postgres converts on
//! assignment is converted here; what could change a value (floats to money) is refused.

use crate::timestamp::{
    day_of_instant, format_timestamptz, is_in_range, parse_date, parse_timestamptz, start_of_day,
};
use crate::{Error, Fault, Numeric, NumericError, PgType, Result, Value};
use chrono_tz::Tz;
use ledger::{AMOUNT_MAX, JsonDocument, JsonError, Timestamp};
use std::borrow::Cow;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Datum<'a> {
    /// Not given: the column's default holds.
    Absent,
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Numeric(Numeric),
    Text(Cow<'a, str>),
    Uuid(Uuid),
    Json(Cow<'a, str>),
    TimestampTz(i64),
    Date(i32),
    /// A value of a type that no column has.
    Foreign(&'static str),
}

impl<'a> From<&'a Value> for Datum<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Datum::Null,
            Value::Bool(flag) => Datum::Bool(*flag),
            Value::Int(number) => Datum::Int(*number),
            Value::Float(number) => Datum::Float(*number),
            Value::Numeric(number) => Datum::Numeric(*number),
            Value::Text(text) => Datum::Text(Cow::Borrowed(text)),
            Value::Uuid(id) => Datum::Uuid(*id),
            Value::Json(text) => Datum::Json(Cow::Borrowed(text)),
            Value::TimestampTz(micros) => Datum::TimestampTz(*micros),
            Value::Date(days) => Datum::Date(*days),
            Value::Bytes(_) => Datum::Foreign("bytea"),
            Value::Array(_) => Datum::Foreign("array"),
        }
    }
}

impl<'a> Datum<'a> {
    /// The same value, borrowing nothing.
    pub(crate) fn into_owned(self) -> Datum<'static> {
        match self {
            Datum::Absent => Datum::Absent,
            Datum::Null => Datum::Null,
            Datum::Bool(flag) => Datum::Bool(flag),
            Datum::Int(number) => Datum::Int(number),
            Datum::Float(number) => Datum::Float(number),
            Datum::Numeric(number) => Datum::Numeric(number),
            Datum::Text(text) => Datum::Text(Cow::Owned(text.into_owned())),
            Datum::Uuid(id) => Datum::Uuid(id),
            Datum::Json(text) => Datum::Json(Cow::Owned(text.into_owned())),
            Datum::TimestampTz(micros) => Datum::TimestampTz(micros),
            Datum::Date(days) => Datum::Date(days),
            Datum::Foreign(name) => Datum::Foreign(name),
        }
    }

    pub(crate) fn into_value(self) -> Value {
        match self {
            Datum::Absent | Datum::Null | Datum::Foreign(_) => Value::Null,
            Datum::Bool(flag) => Value::Bool(flag),
            Datum::Int(number) => Value::Int(number),
            Datum::Float(number) => Value::Float(number),
            Datum::Numeric(number) => Value::Numeric(number),
            Datum::Text(text) => Value::Text(text.into_owned()),
            Datum::Uuid(id) => Value::Uuid(id),
            Datum::Json(text) => Value::Json(text.into_owned()),
            Datum::TimestampTz(micros) => Value::TimestampTz(micros),
            Datum::Date(days) => Value::Date(days),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Datum::Null | Datum::Absent)
    }

    fn type_name(&self) -> &'static str {
        match self {
            Datum::Absent | Datum::Null => "unknown",
            Datum::Bool(_) => "boolean",
            Datum::Int(_) => "bigint",
            Datum::Float(_) => "double precision",
            Datum::Numeric(_) => "numeric",
            Datum::Text(_) => "text",
            Datum::Uuid(_) => "uuid",
            Datum::Json(_) => "jsonb",
            Datum::TimestampTz(_) => "timestamp with time zone",
            Datum::Date(_) => "date",
            Datum::Foreign(name) => name,
        }
    }

    pub(super) fn wrong_type(&self, column: &str, wanted: &str) -> Error {
        let error = Error::new(
            Fault::DatatypeMismatch,
            format!(
                "column \"{column}\" is of type {wanted} but expression is of type {}",
                self.type_name()
            ),
        );
        match self {
            Datum::Float(_) => error.with_hint(
                "No float ever touches money: send integers of minor units, as numeric, bigint \
                 or text.",
            ),
            _ => error.with_hint("You will need to rewrite or cast the expression."),
        }
    }

    /// The value as text; `None` for null.
    pub(crate) fn to_text(&self, zone: Tz) -> Result<Option<Cow<'_, str>>> {
        Ok(Some(match self {
            Datum::Absent | Datum::Null => return Ok(None),
            Datum::Text(text) | Datum::Json(text) => Cow::Borrowed(text.as_ref()),
            Datum::Bool(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
            Datum::Int(number) => Cow::Owned(number.to_string()),
            Datum::Float(number) => Cow::Owned(crate::function::float8(*number)),
            Datum::Numeric(number) => Cow::Owned(number.to_string()),
            Datum::Uuid(id) => Cow::Owned(id.to_string()),
            Datum::TimestampTz(micros) => Cow::Owned(format_timestamptz(*micros, zone)),
            Datum::Date(days) => {
                let midnight = start_of_day(*days, Tz::UTC)?;
                let text = format_timestamptz(midnight, Tz::UTC);
                Cow::Owned(text.split(' ').next().unwrap_or_default().to_owned())
            }
            Datum::Foreign(name) => return Err(no_cast(name, "text")),
        }))
    }

    /// A number without a fraction; `None` for null.
    pub(crate) fn to_amount(&self, column: &str) -> Result<Option<i128>> {
        let number = match self {
            Datum::Absent | Datum::Null => return Ok(None),
            Datum::Int(number) => return Ok(Some(i128::from(*number))),
            Datum::Numeric(number) => *number,
            Datum::Text(text) => return parse_amount(text, column).map(Some),
            other => return Err(other.wrong_type(column, "numeric")),
        };
        whole(number, column, &number).map(Some)
    }

    pub(crate) fn to_smallint(&self, column: &str) -> Result<Option<i16>> {
        let Some(number) = self.to_amount(column)? else { return Ok(None) };
        i16::try_from(number).map(Some).map_err(|_| {
            Error::new(Fault::NumericValueOutOfRange, "smallint out of range")
                .with_detail(format!("Column \"{column}\" got {number}."))
        })
    }

    pub(crate) fn to_uuid(&self, column: &str) -> Result<Option<Uuid>> {
        match self {
            Datum::Absent | Datum::Null => Ok(None),
            Datum::Uuid(id) => Ok(Some(*id)),
            Datum::Text(text) => parse_uuid(text).map(Some),
            other => Err(other.wrong_type(column, "uuid")),
        }
    }

    pub(crate) fn to_document(&self, column: &str) -> Result<Option<JsonDocument>> {
        match self {
            Datum::Absent | Datum::Null => Ok(None),
            Datum::Text(text) | Datum::Json(text) => {
                JsonDocument::parse(text).map(Some).map_err(|error| json_error(&error))
            }
            other => Err(other.wrong_type(column, "jsonb")),
        }
    }

    pub(crate) fn to_timestamp(&self, column: &str, zone: Tz) -> Result<Option<Timestamp>> {
        let micros = match self {
            Datum::Absent | Datum::Null => return Ok(None),
            Datum::TimestampTz(micros) if is_in_range(*micros) => *micros,
            Datum::TimestampTz(_) => {
                return Err(Error::new(Fault::DatetimeFieldOverflow, "timestamp out of range"));
            }
            Datum::Date(days) => start_of_day(*days, zone)?,
            Datum::Text(text) => parse_timestamptz(text, zone)?,
            other => return Err(other.wrong_type(column, "timestamp with time zone")),
        };
        Ok(Some(Timestamp(micros)))
    }

    /// An explicit cast.
    pub(crate) fn cast(self, target: PgType, zone: Tz) -> Result<Datum<'a>> {
        if self.is_null() {
            return Ok(Datum::Null);
        }
        let cast = match target {
            PgType::Text | PgType::Varchar | PgType::Unknown | PgType::Name => match self {
                Datum::Text(text) | Datum::Json(text) => Datum::Text(text),
                other => Datum::Text(Cow::Owned(
                    other.to_text(zone)?.expect("only null has no text").into_owned(),
                )),
            },
            PgType::Json | PgType::Jsonb => match self {
                Datum::Text(text) | Datum::Json(text) => Datum::Json(text),
                other => return Err(no_cast(other.type_name(), target.name())),
            },
            PgType::Numeric => match self {
                Datum::Int(number) => Datum::Numeric(Numeric::integer(i128::from(number))),
                Datum::Text(text) => Datum::Numeric(parse_numeric(&text)?),
                Datum::Numeric(number) => Datum::Numeric(number),
                other => return Err(no_cast(other.type_name(), "numeric")),
            },
            PgType::Int2 | PgType::Int4 | PgType::Int8 => Datum::Int(self.to_integer(target)?),
            PgType::Bool => Datum::Bool(self.to_bool()?),
            PgType::Uuid => Datum::Uuid(self.to_uuid("uuid")?.expect("null was handled above")),
            PgType::TimestampTz => Datum::TimestampTz(
                self.to_timestamp("timestamptz", zone)?.expect("null was handled above").0,
            ),
            PgType::Date => match self {
                Datum::Date(days) => Datum::Date(days),
                Datum::Text(text) => Datum::Date(parse_date(&text)?),
                Datum::TimestampTz(micros) => Datum::Date(day_of_instant(micros, zone)?),
                other => return Err(no_cast(other.type_name(), "date")),
            },
            _ => return Err(no_cast(self.type_name(), target.name())),
        };
        Ok(cast)
    }

    fn to_bool(&self) -> Result<bool> {
        match self {
            Datum::Bool(flag) => Ok(*flag),
            Datum::Text(text) => {
                crate::settings::boolean(text).ok_or_else(|| malformed("boolean", text))
            }
            other => Err(no_cast(other.type_name(), "boolean")),
        }
    }

    fn to_integer(&self, target: PgType) -> Result<i64> {
        let number: i128 = match self {
            Datum::Int(number) => i128::from(*number),
            Datum::Text(text) => {
                text.trim().parse().map_err(|_| malformed(integer_name(target), text))?
            }
            // Postgres rounds here; a value with a fraction is refused instead.
            Datum::Numeric(number) => whole(*number, integer_name(target), number)?,
            other => return Err(no_cast(other.type_name(), integer_name(target))),
        };
        let bits = 8 * u32::from(target.size().unsigned_abs());
        let limit = 1i128 << (bits - 1);
        if number < -limit || number >= limit {
            let message = format!("{} out of range", integer_name(target));
            return Err(Error::new(Fault::NumericValueOutOfRange, message));
        }
        Ok(i64::try_from(number).expect("checked to fit eight bytes"))
    }
}

fn integer_name(target: PgType) -> &'static str {
    match target {
        PgType::Int2 => "smallint",
        PgType::Int4 => "integer",
        _ => "bigint",
    }
}

fn malformed(type_name: &str, text: &str) -> Error {
    Error::new(
        Fault::InvalidTextRepresentation,
        format!("invalid input syntax for type {type_name}: \"{text}\""),
    )
}

fn no_cast(from: &str, to: &str) -> Error {
    Error::new(Fault::DatatypeMismatch, format!("cannot cast type {from} to {to}"))
}

pub(super) fn parse_uuid(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text.trim()).map_err(|_| malformed("uuid", text))
}

pub(crate) fn parse_numeric(text: &str) -> Result<Numeric> {
    Numeric::parse(text).map_err(|error| match error {
        NumericError::Malformed => malformed("numeric", text),
        NumericError::OutOfRange => Error::new(
            Fault::NumericValueOutOfRange,
            format!(
                "value \"{}\" is out of range: at most 38 digits are possible",
                shortened(text)
            ),
        ),
    })
}

/// An amount as text: an integer, or a decimal whose fraction is zero.
pub(super) fn parse_amount(text: &str, column: &str) -> Result<i128> {
    let bytes = text.as_bytes();
    // Nearly every amount is a few plain digits.
    if (1..=18).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit) {
        let number = bytes.iter().fold(0i64, |number, digit| number * 10 + i64::from(digit - b'0'));
        return Ok(i128::from(number));
    }
    whole(parse_numeric(text)?, column, &text)
}

fn whole(number: Numeric, column: &str, shown: &dyn std::fmt::Display) -> Result<i128> {
    let integer = number.to_integer().ok_or_else(|| {
        Error::new(
            Fault::NumericValueOutOfRange,
            format!("value {shown} of column \"{column}\" has a fraction"),
        )
        .with_hint("Amounts are integers of the asset's minor units and are never rounded.")
    })?;
    if integer.unsigned_abs() > AMOUNT_MAX.unsigned_abs() {
        return Err(Error::new(
            Fault::NumericValueOutOfRange,
            format!("value of column \"{column}\" has more than 38 digits"),
        ));
    }
    Ok(integer)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

pub(super) fn json_error(error: &JsonError) -> Error {
    match error {
        JsonError::Malformed(reason) => {
            Error::new(Fault::InvalidTextRepresentation, "invalid input syntax for type json")
                .with_detail(reason.clone())
        }
        JsonError::NulCharacter => {
            Error::new(Fault::UntranslatableCharacter, "unsupported Unicode escape sequence")
                .with_detail(error.to_string())
        }
        JsonError::TooLong(_) => Error::new(Fault::ProgramLimitExceeded, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_numbers_of_up_to_38_digits() {
        let max = "9".repeat(38);
        let good = [
            ("0", 0),
            ("1500", 1500),
            ("1500.00", 1500),
            ("-7", -7),
            ("15e2", 1500),
            ("123456789012345678901", 123_456_789_012_345_678_901),
            (max.as_str(), AMOUNT_MAX),
        ];
        for (text, expected) in good {
            let datum = Datum::Text(Cow::Borrowed(text));
            assert_eq!(datum.to_amount("amount").unwrap(), Some(expected), "{text}");
        }
        let bad = [
            ("1.5", Fault::NumericValueOutOfRange),
            ("1e38", Fault::NumericValueOutOfRange),
            ("x", Fault::InvalidTextRepresentation),
            ("", Fault::InvalidTextRepresentation),
            ("NaN", Fault::InvalidTextRepresentation),
            ("1 000", Fault::InvalidTextRepresentation),
        ];
        for (text, fault) in bad {
            let error = Datum::Text(Cow::Borrowed(text)).to_amount("amount").unwrap_err();
            assert_eq!(*error.fault(), fault, "{text}");
        }
        let float = Datum::Float(1.0).to_amount("amount").unwrap_err();
        assert_eq!(*float.fault(), Fault::DatatypeMismatch);
    }

    #[test]
    fn casts_keep_the_value_or_refuse() {
        let text = |text: &'static str| Datum::Text(Cow::Borrowed(text));
        let cases = [
            (text("7"), PgType::Int4, Datum::Int(7)),
            (text("7.50"), PgType::Numeric, Datum::Numeric(Numeric { unscaled: 750, scale: 2 })),
            (Datum::Int(7), PgType::Text, text("7")),
            (text("yes"), PgType::Bool, Datum::Bool(true)),
            (text("{}"), PgType::Jsonb, Datum::Json(Cow::Borrowed("{}"))),
            (Datum::Date(0), PgType::Text, text("1970-01-01")),
            (Datum::Null, PgType::Uuid, Datum::Null),
        ];
        for (datum, target, expected) in cases {
            assert_eq!(datum.cast(target, Tz::UTC).unwrap(), expected);
        }
        let refused = [
            (text("3000000000"), PgType::Int4, Fault::NumericValueOutOfRange),
            (text("x"), PgType::Uuid, Fault::InvalidTextRepresentation),
            (Datum::Bool(true), PgType::Numeric, Fault::DatatypeMismatch),
            (text("40000"), PgType::Int2, Fault::NumericValueOutOfRange),
        ];
        for (datum, target, fault) in refused {
            assert_eq!(*datum.cast(target, Tz::UTC).unwrap_err().fault(), fault, "{target:?}");
        }
    }
}
