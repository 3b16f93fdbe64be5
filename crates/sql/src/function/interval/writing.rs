//! Intervals as text, in the style `postgres`: `1 year 2 mons -3 days +04:05:06.5`.

use super::parts;
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use std::fmt::Write;

pub(crate) fn written(interval: IntervalMonthDayNano) -> String {
    let (months, days, micros) = parts(interval);
    let mut text = String::new();
    // What is positive behind something negative says so.
    let mut behind_negative = false;
    for (value, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if value == 0 {
            continue;
        }
        let space = if text.is_empty() { "" } else { " " };
        let plus = if behind_negative && value > 0 { "+" } else { "" };
        let plural = if value == 1 { "" } else { "s" };
        write!(text, "{space}{plus}{value} {unit}{plural}").expect("a String takes any text");
        behind_negative = value < 0;
    }
    if micros == 0 && !text.is_empty() {
        return text;
    }
    let space = if text.is_empty() { "" } else { " " };
    let sign = match (micros < 0, behind_negative) {
        (true, _) => "-",
        (false, true) => "+",
        (false, false) => "",
    };
    let (seconds, fraction) =
        (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    write!(text, "{space}{sign}{hours:02}:{minutes:02}:{seconds:02}")
        .expect("a String takes any text");
    if fraction != 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    text
}
