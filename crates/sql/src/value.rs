//! A single value on its way in: a bound parameter, a literal, a field of COPY.

use uuid::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    /// int2, int4, int8, oid.
    Int(i64),
    /// float4, float8. Money never takes this road: such a parameter for an amount is refused.
    Float(f64),
    Numeric(Numeric),
    /// text, varchar, name, unknown, and any type whose text form the receiver parses itself.
    Text(String),
    Uuid(Uuid),
    /// The text of a json or jsonb value.
    Json(String),
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    TimestampTz(i64),
    /// Days since 1970-01-01.
    Date(i32),
    Bytes(Vec<u8>),
    Array(Vec<Value>),
}

impl Value {
    /// About what it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let content = match self {
            Value::Text(text) | Value::Json(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Array(values) => values.iter().map(Value::bytes).sum(),
            _ => 0,
        };
        size_of::<Value>() + content
    }
}

/// An exact decimal: `unscaled × 10^-scale`, at most 38 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numeric {
    pub unscaled: i128,
    pub scale: u8,
}

/// Why a text or a wire value is not a [`Numeric`] that tallybook can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumericError {
    /// Not a number at all, or NaN or infinity.
    Malformed,
    /// More than 38 digits.
    OutOfRange,
}

impl Numeric {
    pub fn integer(value: i128) -> Self {
        Numeric { unscaled: value, scale: 0 }
    }

    /// Reads what Postgres reads as numeric: sign, digits, fraction, exponent.
    pub fn parse(text: &str) -> Result<Self, NumericError> {
        let text = text.trim();
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.parse::<i32>().map_err(|_| NumericError::Malformed)?)
            }
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NumericError::Malformed);
        }
        let scale = fraction.len() as i64 - i64::from(exponent);
        Self::from_digits(negative, &digits, scale)
    }

    /// `±digits × 10^-scale`, for readers of text and of the binary wire format.
    pub fn from_digits(negative: bool, digits: &str, scale: i64) -> Result<Self, NumericError> {
        let mut digits = digits.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Ok(Numeric { unscaled: 0, scale: scale.clamp(0, 38) as u8 });
        }
        if scale < 0 {
            if scale < -38 {
                return Err(NumericError::OutOfRange);
            }
            digits.push_str(&"0".repeat(scale.unsigned_abs() as usize));
        }
        let mut scale = scale.max(0);
        // Zeros at the end of a long fraction carry nothing.
        while (digits.len() > 38 || scale > 38) && scale > 0 && digits.ends_with('0') {
            digits.pop();
            scale -= 1;
        }
        if digits.len() > 38 || scale > 38 {
            return Err(NumericError::OutOfRange);
        }
        let magnitude: i128 = digits.parse().map_err(|_| NumericError::Malformed)?;
        Ok(Numeric { unscaled: if negative { -magnitude } else { magnitude }, scale: scale as u8 })
    }

    /// The value if its fraction is zero.
    pub fn to_integer(self) -> Option<i128> {
        let power = 10i128.pow(u32::from(self.scale));
        (self.unscaled % power == 0).then_some(self.unscaled / power)
    }
}

impl std::fmt::Display for Numeric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.scale == 0 {
            return self.unscaled.fmt(f);
        }
        let width = usize::from(self.scale) + 1;
        let digits = format!("{:0width$}", self.unscaled.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(self.scale));
        let sign = if self.unscaled < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}.{fraction}")
    }
}
