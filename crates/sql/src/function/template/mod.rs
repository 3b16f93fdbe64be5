//! `to_char`, `to_number`, `to_date`, `to_timestamp`: values written and read by a pattern.
//!
//! DataFusion's functions of these names take patterns of another language, under which `YYYY-MM`
//! would be copied to the result as it is.

mod number_pattern;
mod number_reading;
mod number_writing;
mod time_pattern;
mod time_reading;
mod time_writing;

use super::own;
use super::typed::{
    Datum, Kind, Overload, Row, ScaleRule, gives_numeric, immutable, overload, zoned,
};
use crate::{Error, Fault, PgType};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

fn bad_pattern(message: &str) -> DataFusionError {
    own(Error::new(Fault::SyntaxError, message))
}

/// `st`, `nd`, `rd` or `th`.
fn ordinal(number: &str, upper: bool) -> String {
    let digits = number.as_bytes();
    let tens = digits.len().checked_sub(2).and_then(|at| digits.get(at));
    let ending = match (tens, digits.last()) {
        (Some(b'1'), _) => "th",
        (_, Some(b'1')) => "st",
        (_, Some(b'2')) => "nd",
        (_, Some(b'3')) => "rd",
        _ => "th",
    };
    if upper { ending.to_uppercase() } else { ending.to_owned() }
}

type Answer = Result<Option<Datum<'static>>>;

fn text(text: String) -> Answer {
    Ok(Some(Datum::text(text)))
}

pub(super) fn all() -> Vec<ScalarUDF> {
    const INSTANT: &[Kind] = &[Kind::Text, Kind::Text];
    let decimals: ScaleRule = |_, constants| match constants.get(1).copied().flatten() {
        Some(ScalarValue::Utf8(Some(pattern))) => number_reading::decimals(pattern),
        _ => crate::exact::DIVISION_SCALE,
    };
    vec![
        zoned("to_char", &to_char()),
        immutable(
            "to_number",
            &[gives_numeric(&[Kind::Text, Kind::Text], decimals, |row| {
                number_reading::read(row.text(0), row.text(1))
                    .map(|number| Some(Datum::Numeric(number)))
            })],
        ),
        immutable(
            "to_date",
            &[overload(&[Kind::Text, Kind::Text], PgType::Date, |row| {
                time_reading::date(row.text(0), row.text(1)).map(|days| Some(Datum::Date(days)))
            })],
        ),
        zoned(
            "to_timestamp",
            &[
                overload(INSTANT, PgType::TimestampTz, |row| {
                    let instant = time_reading::instant(row.text(0), row.text(1), row.zone)?;
                    Ok(Some(Datum::Timestamp(instant)))
                }),
                overload(&[Kind::Float], PgType::TimestampTz, of_seconds),
            ],
        ),
    ]
}

fn to_char() -> Vec<Overload> {
    const TEXT: PgType = PgType::Text;
    vec![
        overload(&[Kind::TimestampTz, Kind::Text], TEXT, |row| {
            text(time_writing::timestamp(row.micros(0), Some(row.zone), row.text(1))?)
        }),
        overload(&[Kind::Timestamp, Kind::Text], TEXT, |row| {
            text(time_writing::timestamp(row.micros(0), None, row.text(1))?)
        }),
        overload(&[Kind::Interval, Kind::Text], TEXT, |row| {
            text(time_writing::interval(row.interval(0), row.text(1))?)
        }),
        overload(&[Kind::Int, Kind::Text], TEXT, |row| {
            let number = crate::Numeric::integer(row.int(0).into());
            text(number_writing::numeric(number, row.text(1))?)
        }),
        overload(&[Kind::Numeric, Kind::Text], TEXT, |row| {
            text(number_writing::numeric(row.numeric(0), row.text(1))?)
        }),
        overload(&[Kind::Float, Kind::Text], TEXT, |row| {
            text(number_writing::float(row.float(0), row.text(1))?)
        }),
    ]
}

/// Seconds since 1970.
fn of_seconds(row: &Row<'_>) -> Answer {
    let micros = (row.float(0) * 1e6).round_ties_even();
    if micros.is_finite() && crate::timestamp::is_in_range(micros as i64) {
        return Ok(Some(Datum::Timestamp(micros as i64)));
    }
    let message = format!("timestamp out of range: \"{}\"", row.float(0));
    Err(own(Error::new(Fault::DatetimeFieldOverflow, message)))
}
