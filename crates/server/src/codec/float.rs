//! Floats as Postgres prints them: the shortest digits that read back the same.

use bytes::{BufMut, BytesMut};
use std::fmt::Write as _;

/// A finite float as digits: `d.ddd × 10^exponent`.
struct Scientific {
    negative: bool,
    digits: String,
    exponent: i32,
}

impl Scientific {
    /// `shown` is what Rust's `{:e}` gives: `-1.25e-7`.
    fn parse(shown: &str) -> Self {
        let (negative, shown) = match shown.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, shown),
        };
        let (mantissa, exponent) = shown.split_once('e').unwrap_or((shown, "0"));
        let digits = mantissa.replace('.', "");
        Scientific { negative, digits, exponent: exponent.parse().unwrap_or(0) }
    }

    /// `scientific_from` is the exponent from which Postgres writes `1e+15`.
    fn write(&self, out: &mut BytesMut, scientific_from: i32) {
        if self.negative {
            out.put_u8(b'-');
        }
        if self.exponent < -4 || self.exponent >= scientific_from {
            let (first, rest) = self.digits.split_at(1);
            out.put_slice(first.as_bytes());
            if !rest.is_empty() {
                out.put_u8(b'.');
                out.put_slice(rest.as_bytes());
            }
            let sign = if self.exponent < 0 { '-' } else { '+' };
            write!(out, "e{sign}{:02}", self.exponent.unsigned_abs())
                .expect("a buffer in memory takes any text");
            return;
        }
        match usize::try_from(self.exponent) {
            Ok(exponent) => {
                let whole = exponent + 1;
                if self.digits.len() <= whole {
                    out.put_slice(self.digits.as_bytes());
                    out.put_bytes(b'0', whole - self.digits.len());
                } else {
                    out.put_slice(&self.digits.as_bytes()[..whole]);
                    out.put_u8(b'.');
                    out.put_slice(&self.digits.as_bytes()[whole..]);
                }
            }
            Err(_) => {
                out.put_slice(b"0.");
                let zeros = self.exponent.unsigned_abs() as usize - 1;
                out.put_bytes(b'0', zeros);
                out.put_slice(self.digits.as_bytes());
            }
        }
    }
}

/// What is not a finite number.
fn write_special(out: &mut BytesMut, value: f64) -> bool {
    let shown: &[u8] = if value.is_nan() {
        b"NaN"
    } else if value == f64::INFINITY {
        b"Infinity"
    } else if value == f64::NEG_INFINITY {
        b"-Infinity"
    } else {
        return false;
    };
    out.put_slice(shown);
    true
}

pub(super) fn write_float8(out: &mut BytesMut, value: f64, extra_digits: i32) {
    if write_special(out, value) {
        return;
    }
    if extra_digits > 0 {
        Scientific::parse(&format!("{value:e}")).write(out, 15);
    } else {
        write_rounded(out, value, 15 + extra_digits);
    }
}

pub(super) fn write_float4(out: &mut BytesMut, value: f32, extra_digits: i32) {
    if write_special(out, value.into()) {
        return;
    }
    if extra_digits > 0 {
        Scientific::parse(&format!("{value:e}")).write(out, 6);
    } else {
        write_rounded(out, value.into(), 6 + extra_digits);
    }
}

/// `%.*g` of C, which is what `extra_float_digits` at or below zero asks for.
fn write_rounded(out: &mut BytesMut, value: f64, digits: i32) {
    let digits = digits.max(1);
    let behind_point = digits.unsigned_abs() as usize - 1;
    let mut shown = Scientific::parse(&format!("{value:.behind_point$e}"));
    let kept = shown.digits.trim_end_matches('0').len().max(1);
    shown.digits.truncate(kept);
    shown.write(out, digits);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float8(value: f64, extra: i32) -> String {
        let mut out = BytesMut::new();
        write_float8(&mut out, value, extra);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn float8_prints_as_in_postgres() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (123_456.789, "123456.789"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (1.234_567_890_123_456_8e17, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e300, "1e+300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, expected) in cases {
            assert_eq!(float8(value, 1), expected);
        }
    }

    #[test]
    fn fewer_digits_are_rounded_when_asked_for() {
        assert_eq!(float8(0.1 + 0.2, 1), "0.30000000000000004");
        assert_eq!(float8(0.1 + 0.2, 0), "0.3");
        assert_eq!(float8(1.0 / 3.0, -10), "0.33333");
        assert_eq!(float8(100.0, 0), "100");
    }

    #[test]
    fn float4_prints_its_own_shortest_digits() {
        for (value, expected) in [(0.1f32, "0.1"), (123_456.0, "123456"), (1e6, "1e+06")] {
            let mut out = BytesMut::new();
            write_float4(&mut out, value, 1);
            assert_eq!(out, expected);
        }
    }
}
