//! Intervals from text, in every way Postgres reads them: `1 year 2 mons`, `1.5 hours`, `1-2`,
//! `3 4:05:06`, `@ 1 day ago`, `P1Y2M3DT4H5M6S`.

use super::super::interval::with_parts;
use super::DAY_MICROS;
use crate::{Error, Fault, Result};
use datafusion::arrow::datatypes::IntervalMonthDayNano;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
    Decade,
    Century,
    Millennium,
}

impl Unit {
    fn named(word: &str) -> Option<Unit> {
        Some(match word {
            "us" | "usec" | "usecs" | "microsecond" | "microseconds" => Unit::Microsecond,
            "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => Unit::Millisecond,
            "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
            "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
            "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
            "d" | "day" | "days" => Unit::Day,
            "w" | "week" | "weeks" => Unit::Week,
            "mon" | "mons" | "month" | "months" => Unit::Month,
            "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
            "dec" | "decs" | "decade" | "decades" => Unit::Decade,
            "c" | "cent" | "century" | "centuries" => Unit::Century,
            "mil" | "mils" | "millennium" | "millennia" => Unit::Millennium,
            _ => return None,
        })
    }

    /// How many months, days or microseconds one is.
    fn size(self) -> Size {
        match self {
            Unit::Microsecond => Size::Micros(1),
            Unit::Millisecond => Size::Micros(1_000),
            Unit::Second => Size::Micros(1_000_000),
            Unit::Minute => Size::Micros(60_000_000),
            Unit::Hour => Size::Micros(3_600_000_000),
            Unit::Day => Size::Days(1),
            Unit::Week => Size::Days(7),
            Unit::Month => Size::Months(1),
            Unit::Year => Size::Months(12),
            Unit::Decade => Size::Months(120),
            Unit::Century => Size::Months(1_200),
            Unit::Millennium => Size::Months(12_000),
        }
    }
}

enum Size {
    Micros(i64),
    Days(i64),
    Months(i64),
}

/// What has been read so far.
#[derive(Default)]
struct Sum {
    months: i64,
    days: i64,
    micros: i64,
}

/// A number as it is written: whole part and fraction, both with the sign of the number.
#[derive(Clone, Copy)]
struct Number {
    whole: i64,
    fraction: f64,
}

impl Sum {
    /// Adds so many of a unit. Parts of months become days, parts of days time.
    fn add(&mut self, number: Number, unit: Unit) -> Option<()> {
        let Number { whole, fraction } = number;
        match unit.size() {
            Size::Micros(each) => self.add_micros(whole.checked_mul(each)?, fraction * each as f64),
            Size::Days(each) => {
                self.days = self.days.checked_add(whole.checked_mul(each)?)?;
                self.add_days(fraction * each as f64)
            }
            Size::Months(each) => {
                self.months = self.months.checked_add(whole.checked_mul(each)?)?;
                let months = fraction * each as f64;
                // Parts of years count in whole months only.
                if each > 1 {
                    self.months = self.months.checked_add(months.round_ties_even() as i64)?;
                    return Some(());
                }
                self.add_days(months * 30.0)
            }
        }
    }

    fn add_days(&mut self, days: f64) -> Option<()> {
        self.days = self.days.checked_add(days.trunc() as i64)?;
        self.add_micros(0, days.fract() * DAY_MICROS as f64)
    }

    fn add_micros(&mut self, whole: i64, part: f64) -> Option<()> {
        let part = part.round_ties_even() as i64;
        self.micros = self.micros.checked_add(whole)?.checked_add(part)?;
        Some(())
    }

    fn negated(self) -> Option<Sum> {
        Some(Sum {
            months: self.months.checked_neg()?,
            days: self.days.checked_neg()?,
            micros: self.micros.checked_neg()?,
        })
    }

    fn finish(self, text: &str) -> Result<IntervalMonthDayNano> {
        with_parts(self.months, self.days, self.micros).map_err(|_| out_of_range(text))
    }
}

fn out_of_range(text: &str) -> Error {
    Error::new(
        Fault::IntervalFieldOverflow,
        format!("interval field value out of range: \"{text}\""),
    )
}

fn malformed(text: &str) -> Error {
    Error::new(
        Fault::InvalidDatetimeFormat,
        format!("invalid input syntax for type interval: \"{text}\""),
    )
}

pub(crate) fn parse(text: &str) -> Result<IntervalMonthDayNano> {
    parse_with(text, Unit::Second, false)
}

/// `interval 'text' fields`, such as `day` or `hour to minute`: what a number without a unit
/// counts, and the smallest unit that is kept.
pub(crate) fn parse_fields(text: &str, fields: &str) -> Result<IntervalMonthDayNano> {
    let last = fields.rsplit(' ').next().unwrap_or(fields);
    let smallest = Unit::named(&last.to_ascii_lowercase()).ok_or_else(|| malformed(text))?;
    let minutes_first = fields.to_ascii_lowercase().starts_with("minute to");
    let interval = parse_with(text, smallest, minutes_first)?;
    let (months, days, micros) = super::parts(interval);
    let (months, days) = (i64::from(months), i64::from(days));
    let whole = |each: i64| micros / each * each;
    let (months, days, micros) = match smallest {
        Unit::Year => (months / 12 * 12, 0, 0),
        Unit::Month => (months, 0, 0),
        Unit::Day => (months, days, 0),
        Unit::Hour => (months, days, whole(3_600_000_000)),
        Unit::Minute => (months, days, whole(60_000_000)),
        _ => (months, days, micros),
    };
    Sum { months, days, micros }.finish(text)
}

fn parse_with(text: &str, default: Unit, minutes_first: bool) -> Result<IntervalMonthDayNano> {
    let lower = text.trim().to_ascii_lowercase();
    if lower.strip_prefix('-').unwrap_or(&lower).starts_with('p') {
        return iso(&lower).ok_or_else(|| malformed(text))?.finish(text);
    }
    let body = lower.strip_prefix('@').unwrap_or(&lower).trim_start();
    let (body, ago) = match body.strip_suffix("ago") {
        Some(before) => (before.trim_end(), true),
        None => (body, false),
    };
    if body.is_empty() {
        return Err(malformed(text));
    }
    let mut reader = Reader { rest: body, sum: Sum::default(), pending: None, minutes_first };
    while !reader.rest.is_empty() {
        reader.step().ok_or_else(|| malformed(text))?.ok_or_else(|| out_of_range(text))?;
    }
    let Reader { mut sum, pending, .. } = reader;
    if let Some(number) = pending {
        sum.add(number, default).ok_or_else(|| out_of_range(text))?;
    }
    let sum = if ago { sum.negated().ok_or_else(|| out_of_range(text))? } else { sum };
    sum.finish(text)
}

struct Reader<'a> {
    rest: &'a str,
    sum: Sum,
    /// A number whose unit has not come yet.
    pending: Option<Number>,
    /// Whether `1:30` is minutes and seconds.
    minutes_first: bool,
}

/// The longest beginning of which every character is one of these.
fn leading(text: &str, wanted: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|c| !wanted(c)).unwrap_or(text.len())]
}

impl Reader<'_> {
    /// One number, time of day or unit. `None`: not an interval. `Some(None)`: out of range.
    fn step(&mut self) -> Option<Option<()>> {
        let word = leading(self.rest, |c| c.is_ascii_alphabetic());
        if !word.is_empty() {
            let (number, unit) = (self.pending.take()?, Unit::named(word)?);
            self.rest = self.rest[word.len()..].trim_start();
            return Some(self.sum.add(number, unit));
        }
        let (negative, unsigned) = match self.rest.as_bytes()[0] {
            b'-' => (true, self.rest[1..].trim_start()),
            b'+' => (false, self.rest[1..].trim_start()),
            _ => (false, self.rest),
        };
        let item = leading(unsigned, |c| c.is_ascii_digit() || matches!(c, '.' | ':' | '-'));
        self.rest = unsigned[item.len()..].trim_start();
        if item.contains(':') {
            let micros = clock(item, self.minutes_first)?;
            // `3 4:05:06` is three days and a time.
            let days = self.pending.take();
            let micros = if negative { -micros } else { micros };
            let added = days.map_or(Some(()), |days| self.sum.add(days, Unit::Day));
            return Some(added.and_then(|()| self.sum.add_micros(micros, 0.0)));
        }
        if self.pending.is_some() {
            return None;
        }
        if let Some((years, months)) = item.split_once('-') {
            let (years, months) = (years.parse::<i64>().ok()?, months.parse::<i64>().ok()?);
            if months > 11 {
                return Some(None);
            }
            let months = years.checked_mul(12).and_then(|years| years.checked_add(months));
            let signed = months.map(|months| if negative { -months } else { months });
            let added = signed.and_then(|months| self.sum.months.checked_add(months));
            return Some(added.map(|months| self.sum.months = months));
        }
        self.pending = Some(number(item, negative)?);
        Some(Some(()))
    }
}

fn number(text: &str, negative: bool) -> Option<Number> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: f64 =
        if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().ok()? };
    Some(match negative {
        true => Number { whole: -whole, fraction: -fraction },
        false => Number { whole, fraction },
    })
}

/// `04:05:06.7` in microseconds.
fn clock(text: &str, minutes_first: bool) -> Option<i64> {
    let parts: Vec<&str> = text.split(':').collect();
    let (hours, minutes, seconds) = match parts.as_slice() {
        [minutes, seconds] if minutes_first || seconds.contains('.') => ("0", *minutes, *seconds),
        [hours, minutes] => (*hours, *minutes, "0"),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        _ => return None,
    };
    let seconds = number(seconds, false)?;
    let (hours, minutes) = (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?);
    if minutes > 59 && hours != 0 || seconds.whole > 59 {
        return None;
    }
    let micros = (seconds.fraction * 1e6).round_ties_even() as i64;
    let whole = hours.checked_mul(3_600)?.checked_add(minutes * 60 + seconds.whole)?;
    whole.checked_mul(1_000_000)?.checked_add(micros)
}

/// `p1y2m3dt4h5m6.7s`, in lower case.
fn iso(text: &str) -> Option<Sum> {
    let (text, negative) = match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let mut rest = text.strip_prefix('p')?;
    let mut sum = Sum::default();
    let mut in_time = false;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('t').filter(|time| !in_time && !time.is_empty()) {
            in_time = true;
            rest = time;
        }
        let (below_zero, unsigned) = match rest.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, rest),
        };
        let digits = leading(unsigned, |c| c.is_ascii_digit() || c == '.');
        let number = number(digits, below_zero)?;
        let after = &unsigned[digits.len()..];
        let unit = match (after.chars().next()?, in_time) {
            ('y', false) => Unit::Year,
            ('m', false) => Unit::Month,
            ('w', false) => Unit::Week,
            ('d', false) => Unit::Day,
            ('h', true) => Unit::Hour,
            ('m', true) => Unit::Minute,
            ('s', true) => Unit::Second,
            _ => return None,
        };
        sum.add(number, unit)?;
        rest = &after[1..];
    }
    if negative { sum.negated() } else { Some(sum) }
}

#[cfg(test)]
mod tests {
    use super::super::written;
    use super::*;

    #[test]
    fn intervals_are_read_as_postgres_reads_them() {
        for (text, expected) in [
            ("1 year 2 mons 1 day 00:00:02", "1 year 2 mons 1 day 00:00:02"),
            ("-1 days +02:03:00.000004", "-1 days +02:03:00.000004"),
            ("00:00:00", "00:00:00"),
            ("-00:00:01.5", "-00:00:01.5"),
            ("3 weeks", "21 days"),
            ("1.5 hours", "01:30:00"),
            ("1.5 months", "1 mon 15 days"),
            ("1.5 years", "1 year 6 mons"),
            ("1.5 days", "1 day 12:00:00"),
            ("1-2", "1 year 2 mons"),
            ("3 4:05:06", "3 days 04:05:06"),
            ("@ 1 day 2 hours ago", "-1 days -02:00:00"),
            ("P1Y2M3DT4H5M6.5S", "1 year 2 mons 3 days 04:05:06.5"),
            ("P-1D", "-1 days"),
            ("90", "00:01:30"),
            ("15h 2m12s", "15:02:12"),
        ] {
            assert_eq!(parse(text).map(written).ok().as_deref(), Some(expected), "{text}");
        }
        for text in ["", "one day", "1 day day", "00:61:61", "1 2", "P", "PT", "1 fortnight"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
