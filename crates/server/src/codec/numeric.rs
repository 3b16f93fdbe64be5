//! `numeric` on the wire: exact, whatever its digits and scale.

use super::Unencodable;
use crate::report::Report;
use crate::sqlstate::SqlState;
use crate::wire::Malformed;
use bytes::{BufMut, BytesMut};
use sql::{Numeric, NumericError, PgType};
use std::fmt::Write as _;

const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xC000;
const POSITIVE_INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
/// The digits that one base-10,000 digit of the binary form stands for.
const GROUP: usize = 4;
/// More decimal digits on either side of the point than any value here has.
const DIGITS_MAX: i64 = 20_000;

/// A decimal taken apart: its digits before and behind the point.
struct Digits {
    negative: bool,
    /// Without leading zeros; empty for zero.
    whole: String,
    /// Exactly as many as the scale says.
    fraction: String,
}

impl Digits {
    /// `unscaled` is a decimal integer, perhaps with a sign.
    fn new(unscaled: &str, scale: i8) -> Self {
        let (negative, digits) = match unscaled.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, unscaled),
        };
        let digits = digits.trim_start_matches('0');
        if scale <= 0 {
            let mut whole = digits.to_owned();
            if !whole.is_empty() {
                whole.extend(std::iter::repeat_n('0', usize::from(scale.unsigned_abs())));
            }
            return Digits { negative, whole, fraction: String::new() };
        }
        let scale = usize::from(scale.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale));
        let fraction = format!("{fraction:0>scale$}");
        Digits { negative, whole: whole.to_owned(), fraction }
    }
}

pub(super) fn write_text_int(out: &mut BytesMut, value: i128) {
    write!(out, "{value}").expect("a buffer in memory takes any text");
}

pub(super) fn write_text(out: &mut BytesMut, unscaled: &str, scale: i8) {
    let Digits { negative, whole, fraction } = Digits::new(unscaled, scale);
    if negative && (!whole.is_empty() || fraction.bytes().any(|digit| digit != b'0')) {
        out.put_u8(b'-');
    }
    out.put_slice(if whole.is_empty() { b"0" } else { whole.as_bytes() });
    if !fraction.is_empty() {
        out.put_u8(b'.');
        out.put_slice(fraction.as_bytes());
    }
}

pub(super) fn write_binary(
    out: &mut BytesMut,
    unscaled: &str,
    scale: i8,
) -> Result<(), Unencodable> {
    let Digits { negative, mut whole, mut fraction } = Digits::new(unscaled, scale);
    let display_scale = fraction.len();
    // Groups are counted from the point in both directions.
    let missing = whole.len().next_multiple_of(GROUP) - whole.len();
    whole.insert_str(0, &"0".repeat(missing));
    let missing = fraction.len().next_multiple_of(GROUP) - fraction.len();
    fraction.extend(std::iter::repeat_n('0', missing));

    let whole_groups = whole.len() / GROUP;
    let mut groups: Vec<u16> =
        [whole, fraction].concat().as_bytes().chunks(GROUP).map(group_value).collect();
    let leading_zeros = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading_zeros);
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let too_long = |_| Unencodable::new("too many digits", PgType::Numeric);
    let is_zero = groups.is_empty();
    // The power of 10,000 of the first group.
    let weight = if is_zero { 0 } else { signed(whole_groups)? - signed(leading_zeros)? - 1 };
    out.put_u16(u16::try_from(groups.len()).map_err(too_long)?);
    out.put_i16(weight);
    out.put_u16(if negative && !is_zero { NEGATIVE } else { 0 });
    out.put_u16(u16::try_from(display_scale).map_err(too_long)?);
    groups.into_iter().for_each(|group| out.put_u16(group));
    Ok(())
}

fn signed(count: usize) -> Result<i16, Unencodable> {
    i16::try_from(count).map_err(|_| Unencodable::new("too many digits", PgType::Numeric))
}

fn group_value(digits: &[u8]) -> u16 {
    digits.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0'))
}

pub(super) fn parse_text(text: &str) -> Result<Numeric, Report> {
    Numeric::parse(text).map_err(|error| match error {
        NumericError::OutOfRange => out_of_range(),
        NumericError::Malformed if is_special(text) => not_a_number(text.trim()),
        NumericError::Malformed => Report::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("invalid input syntax for type numeric: \"{text}\""),
        ),
    })
}

fn is_special(text: &str) -> bool {
    let text = text.trim().trim_start_matches(['+', '-']);
    ["nan", "inf", "infinity"].iter().any(|special| text.eq_ignore_ascii_case(special))
}

fn out_of_range() -> Report {
    Report::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "value is out of range for type numeric: at most 38 digits",
    )
}

fn not_a_number(shown: &str) -> Report {
    Report::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("numeric value \"{shown}\" is not supported"),
    )
}

pub(super) fn parse_binary(bytes: &[u8]) -> Result<Numeric, Report> {
    let mut words = bytes.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]]));
    let (Some(count), Some(weight), Some(sign), Some(scale)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Malformed::TooShort.into());
    };
    let wanted = 8 + 2 * usize::from(count);
    if bytes.len() < wanted {
        return Err(Malformed::TooShort.into());
    }
    let malformed = |what: &str| {
        Report::new(
            SqlState::INVALID_BINARY_REPRESENTATION,
            format!("invalid {what} in external \"numeric\" value"),
        )
    };
    if bytes.len() > wanted {
        return Err(malformed("length"));
    }
    let negative = match sign {
        0 => false,
        NEGATIVE => true,
        NOT_A_NUMBER => return Err(not_a_number("NaN")),
        POSITIVE_INFINITY => return Err(not_a_number("Infinity")),
        NEGATIVE_INFINITY => return Err(not_a_number("-Infinity")),
        _ => return Err(malformed("sign")),
    };
    let mut digits = String::with_capacity(GROUP * usize::from(count));
    for group in words {
        if group > 9_999 {
            return Err(malformed("digit"));
        }
        write!(digits, "{group:04}").expect("a String takes any text");
    }
    if scale > 0x3FFF {
        return Err(malformed("scale"));
    }
    // The digits are an integer; behind the point are all groups below weight 0.
    let weight = i64::from(weight.cast_signed());
    let fraction_digits = (i64::from(count) - 1 - weight) * i64::try_from(GROUP).unwrap_or(4);
    if fraction_digits.abs() > DIGITS_MAX {
        return Err(out_of_range());
    }
    let value = from_digits(negative, digits, fraction_digits, i64::from(scale));
    value.map_err(|error| match error {
        NumericError::OutOfRange => out_of_range(),
        NumericError::Malformed => malformed("digit"),
    })
}

/// `scale` is how many digits behind the point the sender shows. Groups are padded with zeros
/// beyond it; digits there that are not zero would be cut by Postgres, and are kept here.
fn from_digits(
    negative: bool,
    mut digits: String,
    mut fraction_digits: i64,
    scale: i64,
) -> Result<Numeric, NumericError> {
    while fraction_digits > scale && digits.ends_with('0') {
        digits.pop();
        fraction_digits -= 1;
    }
    if digits.is_empty() {
        digits.push('0');
        fraction_digits = 0;
    }
    while fraction_digits < scale && fraction_digits < 38 {
        digits.push('0');
        fraction_digits += 1;
    }
    Numeric::from_digits(negative, &digits, fraction_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: &str = "99999999999999999999999999999999999999";

    fn text(unscaled: &str, scale: i8) -> String {
        let mut out = BytesMut::new();
        write_text(&mut out, unscaled, scale);
        String::from_utf8(out.to_vec()).unwrap()
    }

    fn words(unscaled: &str, scale: i8) -> Vec<i16> {
        let mut out = BytesMut::new();
        write_binary(&mut out, unscaled, scale).unwrap();
        out.chunks(2).map(|word| i16::from_be_bytes([word[0], word[1]])).collect()
    }

    fn bytes(words: &[i16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn texts_are_exact_at_any_scale() {
        let cases = [
            ("0", 0, "0"),
            ("0", 2, "0.00"),
            ("5", 2, "0.05"),
            ("-5", 2, "-0.05"),
            ("12345", 2, "123.45"),
            ("-12345", 5, "-0.12345"),
            ("12", -3, "12000"),
            ("0", -3, "0"),
        ];
        for (unscaled, scale, expected) in cases {
            assert_eq!(text(unscaled, scale), expected);
        }
        assert_eq!(text(MAX, 0), MAX);
        assert_eq!(text(&format!("-{MAX}"), 0), format!("-{MAX}"));
        assert_eq!(text(MAX, 38), format!("0.{MAX}"));
        assert_eq!(text(&format!("{MAX}{MAX}"), 38), format!("{MAX}.{MAX}"));
    }

    #[test]
    fn binary_is_what_postgres_sends() {
        // As `SELECT x::numeric` answers in Postgres 15: count, weight, sign, scale, digits.
        let cases: [(&str, i8, &[i16]); 9] = [
            ("0", 0, &[0, 0, 0, 0]),
            ("0", 2, &[0, 0, 0, 2]),
            ("1", 0, &[1, 0, 0, 0, 1]),
            ("-1", 0, &[1, 0, 0x4000, 0, 1]),
            ("10000", 0, &[1, 1, 0, 0, 1]),
            ("12345678", 0, &[2, 1, 0, 0, 1234, 5678]),
            ("12345", 2, &[2, 0, 0, 2, 123, 4500]),
            ("1", 5, &[1, -2, 0, 5, 1000]),
            ("100010000", 4, &[2, 1, 0, 4, 1, 1]),
        ];
        for (unscaled, scale, expected) in cases {
            assert_eq!(words(unscaled, scale), expected, "{unscaled} scale {scale}");
        }
    }

    #[test]
    fn binary_and_text_survive_the_way_there_and_back() {
        for unscaled in ["0", "1", "-1", "9999", "10000", "-123456789", MAX, &format!("-{MAX}")] {
            for scale in 0..=38 {
                let value = Numeric { unscaled: unscaled.parse().unwrap(), scale };
                let mut out = BytesMut::new();
                write_binary(&mut out, unscaled, scale.try_into().unwrap()).unwrap();
                assert_eq!(parse_binary(&out).unwrap(), value, "{unscaled} scale {scale}");
                let shown = text(unscaled, scale.try_into().unwrap());
                assert_eq!(parse_text(&shown).unwrap(), value, "{shown}");
            }
        }
    }

    #[test]
    fn what_is_no_number_or_does_not_fit_is_refused() {
        let cases: [(&[i16], &str); 9] = [
            (&[0, 0, 0xC000u16 as i16, 0], "22003"),
            (&[0, 0, 0xD000u16 as i16, 0], "22003"),
            (&[0, 0, 0xF000u16 as i16, 0], "22003"),
            (&[0, 0, 1, 0], "22P03"),
            (&[1, 0, 0, 0, 10_000], "22P03"),
            (&[1, 0, 0, 0, -1], "22P03"),
            (&[1, 9, 0, 0, 1000], "22003"),
            (&[1, 32_767, 0, 0, 1], "22003"),
            (&[1, -32_768, 0, 0, 1], "22003"),
        ];
        for (words, state) in cases {
            assert_eq!(
                parse_binary(&bytes(words)).unwrap_err().state().as_str(),
                state,
                "{words:?}"
            );
        }
        assert_eq!(parse_binary(&[0, 0, 0]).unwrap_err().state().as_str(), "08P01");
        assert_eq!(parse_binary(&bytes(&[2, 0, 0, 0, 1])).unwrap_err().state().as_str(), "08P01");
        assert_eq!(parse_binary(&bytes(&[0, 0, 0, 0, 1])).unwrap_err().state().as_str(), "22P03");
        for (text, state) in
            [("NaN", "22003"), ("-infinity", "22003"), ("1,5", "22P02"), ("", "22P02")]
        {
            assert_eq!(parse_text(text).unwrap_err().state().as_str(), state, "{text}");
        }
        assert_eq!(parse_text(&format!("{MAX}9")).unwrap_err().state().as_str(), "22003");
    }
}
