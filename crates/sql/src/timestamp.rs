//! Points in time as text, read and written the way Postgres does in ISO style.
//!
//! A text without a zone is local time of the session's zone. Nothing is guessed: day and month
//! are never swapped, and infinity is refused, because a posting happened at some time.

use crate::{Error, Fault, Result};
use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, Offset, TimeZone, Timelike};
use chrono_tz::Tz;
use std::fmt::Write;
use std::ops::RangeInclusive;

/// Microseconds since 1970 of a text such as `2026-01-01`, `2026-01-01 10:00:00+02` or
/// `2026-01-01T10:00:00.5Z`.
pub(crate) fn parse_timestamptz(text: &str, zone: Tz) -> Result<i64> {
    const NAME: &str = "timestamp with time zone";
    let (local, mut reader) = local_time(text, NAME)?;
    let malformed = || malformed(text, NAME);
    let utc = match reader.offset() {
        Some(offset) => local.checked_sub_signed(offset).ok_or_else(|| out_of_range(text))?,
        None => {
            let name = reader.rest.trim_start();
            reader.rest = "";
            match name {
                "" => local_to_utc(local, zone),
                name => local_to_utc(local, named_zone(name).ok_or_else(malformed)?),
            }
        }
    };
    if !reader.rest.is_empty() {
        return Err(malformed());
    }
    Ok(utc.and_utc().timestamp_micros())
}

/// Microseconds since 1970 at the start of a day in `zone`.
pub(crate) fn start_of_day(days: i32, zone: Tz) -> Result<i64> {
    let midnight = NaiveDate::from_num_days_from_ce_opt(days.saturating_add(DAYS_CE_TO_1970))
        .filter(|date| YEARS.contains(&date.year()))
        .and_then(|date| date.and_hms_opt(0, 0, 0))
        .ok_or_else(|| out_of_range(&days.to_string()))?;
    Ok(local_to_utc(midnight, zone).and_utc().timestamp_micros())
}

const DAYS_CE_TO_1970: i32 = 719_163;

/// Local time of a zone, in microseconds since 1970, as an instant.
pub(crate) fn instant_of_local(micros: i64, zone: Tz) -> Result<i64> {
    let local = DateTime::from_timestamp_micros(micros).filter(|at| YEARS.contains(&at.year()));
    let local = local.ok_or_else(|| out_of_range(&micros.to_string()))?;
    Ok(local_to_utc(local.naive_utc(), zone).and_utc().timestamp_micros())
}

/// An instant as local time of a zone, in microseconds since 1970.
pub(crate) fn local_of_instant(micros: i64, zone: Tz) -> Result<i64> {
    let at = DateTime::from_timestamp_micros(micros).filter(|at| YEARS.contains(&at.year()));
    let at = at.ok_or_else(|| out_of_range(&micros.to_string()))?;
    Ok(at.with_timezone(&zone).naive_local().and_utc().timestamp_micros())
}

/// Microseconds since 1970 of a text as local time; a zone behind it is left out, as in Postgres.
pub(crate) fn parse_timestamp(text: &str) -> Result<i64> {
    let (local, _) = local_time(text, "timestamp")?;
    Ok(local.and_utc().timestamp_micros())
}

/// Days since 1970 of a text such as `2026-01-31`.
pub(crate) fn parse_date(text: &str) -> Result<i32> {
    let (local, _) = local_time(text, "date")?;
    Ok(local.date().num_days_from_ce() - DAYS_CE_TO_1970)
}

/// Microseconds since midnight of a text such as `10:11:12.5`; a zone behind it is left out.
pub(crate) fn parse_time(text: &str) -> Result<i64> {
    let mut reader = Reader { rest: text.trim() };
    let malformed = || {
        let message = format!("invalid input syntax for type time: \"{text}\"");
        Error::new(Fault::InvalidDatetimeFormat, message)
    };
    let time = reader.time().ok_or_else(malformed)?.ok_or_else(|| out_of_range(text))?;
    match reader.rest.is_empty() || reader.offset().is_some() && reader.rest.is_empty() {
        true => time.num_microseconds().ok_or_else(|| out_of_range(text)),
        false => Err(malformed()),
    }
}

/// Date and time of a text, and what is behind them.
fn local_time<'a>(text: &'a str, type_name: &str) -> Result<(NaiveDateTime, Reader<'a>)> {
    let trimmed = text.trim();
    match trimmed.to_ascii_lowercase().as_str() {
        "epoch" => return Ok((DateTime::UNIX_EPOCH.naive_utc(), Reader { rest: "" })),
        "infinity" | "+infinity" | "-infinity" => {
            let message = format!("the time \"{trimmed}\" is not supported: a time is finite");
            return Err(Error::unsupported(message));
        }
        "now" | "today" | "tomorrow" | "yesterday" => {
            return Err(Error::unsupported(format!("the time \"{trimmed}\" is not supported"))
                .with_hint("Use now() or current_date."));
        }
        _ => {}
    }
    let malformed = || malformed(text, type_name);
    let mut reader = Reader { rest: trimmed };
    let date = reader.date().ok_or_else(malformed)?;
    let date = date.ok_or_else(|| out_of_range(text))?;
    let time = match reader.separator() {
        true => reader.time().ok_or_else(malformed)?,
        false => Some(Duration::zero()),
    };
    let local = date
        .and_hms_opt(0, 0, 0)
        .zip(time)
        .and_then(|(midnight, time)| midnight.checked_add_signed(time))
        .ok_or_else(|| out_of_range(text))?;
    let mut behind = Reader { rest: reader.rest };
    let zone_follows = behind.offset().is_some() && behind.rest.is_empty()
        || named_zone(reader.rest.trim_start()).is_some();
    match reader.rest.trim_start().is_empty() || zone_follows {
        true => Ok((local, reader)),
        false => Err(malformed()),
    }
}

/// Other ways to write a date are known to Postgres, and not here.
fn malformed(text: &str, type_name: &str) -> Error {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let lower = text.to_ascii_lowercase();
    let has_digit = lower.contains(|c: char| c.is_ascii_digit());
    let is_date = MONTHS.iter().any(|month| lower.contains(month))
        || lower.trim().bytes().all(|byte| byte.is_ascii_digit() || b"/.-".contains(&byte));
    if has_digit && is_date {
        return Error::unsupported(format!("the date \"{text}\" is not supported"))
            .with_hint("Write dates as 2026-01-31.");
    }
    Error::new(
        Fault::InvalidDatetimeFormat,
        format!("invalid input syntax for type {type_name}: \"{text}\""),
    )
}

/// Far enough from the ends of the calendar that shifting by a zone cannot pass them.
const YEARS: RangeInclusive<i32> = -4_712..=200_000;

/// Whether a point in time, as the wire's binary format has it, is one that can be shown. The two
/// infinities are not.
pub(crate) fn is_in_range(micros: i64) -> bool {
    DateTime::from_timestamp_micros(micros).is_some_and(|at| YEARS.contains(&at.year()))
}

pub(crate) fn named_zone(name: &str) -> Option<Tz> {
    match name {
        "UTC" | "utc" | "GMT" | "gmt" => Some(Tz::UTC),
        name => name.parse().ok(),
    }
}

fn out_of_range(text: &str) -> Error {
    Error::new(
        Fault::DatetimeFieldOverflow,
        format!("date/time field value out of range: \"{text}\""),
    )
}

/// Local times that the clocks skip are read with the offset before the change, those they repeat
/// as the later one: as Postgres does.
fn local_to_utc(local: NaiveDateTime, zone: Tz) -> NaiveDateTime {
    if zone == Tz::UTC {
        return local;
    }
    match zone.from_local_datetime(&local) {
        chrono::LocalResult::Single(found) => found.naive_utc(),
        chrono::LocalResult::Ambiguous(_, later) => later.naive_utc(),
        chrono::LocalResult::None => {
            let day_before = zone.offset_from_utc_datetime(&(local - Duration::days(1)));
            local - Duration::seconds(day_before.fix().local_minus_utc().into())
        }
    }
}

/// The day of these numbers, if there is one.
fn day_of(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    let year = i32::try_from(year).ok().filter(|year| YEARS.contains(year))?;
    NaiveDate::from_ymd_opt(year, month, day)
}

/// Steps through a text; every method leaves `rest` where it stopped.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn digits(&mut self, min: usize, max: usize) -> Option<u32> {
        let length = self.rest.bytes().take(max).take_while(u8::is_ascii_digit).count();
        if length < min {
            return None;
        }
        let number = self.rest[..length].parse().ok()?;
        self.rest = &self.rest[length..];
        Some(number)
    }

    fn take(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// `None`: not a date. `Some(None)`: no such day.
    fn date(&mut self) -> Option<Option<NaiveDate>> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 8 {
            let number = self.digits(8, 8)?;
            return Some(day_of(number / 10_000, number / 100 % 100, number % 100));
        }
        if digits < 4 {
            return self.date_with_name();
        }
        let year = self.digits(4, 6)?;
        if !self.take('-') {
            return None;
        }
        let month = self.digits(1, 2)?;
        if !self.take('-') {
            return None;
        }
        let day = self.digits(1, 2)?;
        Some(day_of(year, month, day))
    }

    /// `Jan 31, 2026` or `31 January 2026`.
    fn date_with_name(&mut self) -> Option<Option<NaiveDate>> {
        let separators = [' ', ',', '-', '.'];
        let day_first = self.digits(1, 2);
        self.rest = self.rest.trim_start_matches(separators);
        let month = self.month()?;
        self.rest = self.rest.trim_start_matches(separators);
        let day = match day_first {
            Some(day) => day,
            None => self.digits(1, 2)?,
        };
        self.rest = self.rest.trim_start_matches(separators);
        Some(day_of(self.digits(4, 6)?, month, day))
    }

    fn month(&mut self) -> Option<u32> {
        const MONTHS: [&str; 12] = [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ];
        let length = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.rest.split_at(length);
        let word = word.to_ascii_lowercase();
        let found = (1..).zip(MONTHS).find(|(_, name)| word == *name || word == name[..3]);
        self.rest = rest;
        found.map(|(number, _)| number)
    }

    /// Whether a time of day follows, and steps over what is before it.
    fn separator(&mut self) -> bool {
        let after = self.rest.strip_prefix(['T', 't']).unwrap_or(self.rest).trim_start();
        let time = after.len() < self.rest.len() && after.starts_with(|c: char| c.is_ascii_digit());
        if time {
            self.rest = after;
        }
        time
    }

    /// Time of day since midnight. `None`: not a time. `Some(None)`: no such time.
    fn time(&mut self) -> Option<Option<Duration>> {
        let hour = self.digits(1, 2)?;
        if !self.take(':') {
            return None;
        }
        let minute = self.digits(2, 2)?;
        let mut second = 0;
        let mut micros = 0;
        if self.take(':') {
            second = self.digits(2, 2)?;
            if self.take('.') {
                micros = self.fraction()?;
            }
        }
        let in_day = hour < 24 || (hour == 24 && minute == 0 && second == 0 && micros == 0);
        let valid = in_day && minute < 60 && second <= 60;
        Some(valid.then(|| {
            Duration::seconds(i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second))
                + Duration::microseconds(micros)
        }))
    }

    /// Digits behind the point as microseconds, rounded half up as Postgres does: this is time,
    /// not money.
    fn fraction(&mut self) -> Option<i64> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        if length == 0 {
            return Some(0);
        }
        let mut seven: i64 = 0;
        for place in 0..7 {
            let digit = digits.as_bytes().get(place).map_or(0, |digit| digit - b'0');
            seven = seven * 10 + i64::from(digit);
        }
        Some((seven + 5) / 10)
    }

    /// `Z`, `+02`, `-0530`, `+05:30` or `+05:30:15`, with or without a space before it.
    fn offset(&mut self) -> Option<Duration> {
        let before = self.rest;
        self.rest = self.rest.trim_start();
        if self.take('Z') || self.take('z') {
            if self.rest.is_empty() {
                return Some(Duration::zero());
            }
        } else if let Some(offset) = self.numeric_offset() {
            return Some(offset);
        }
        self.rest = before;
        None
    }

    fn numeric_offset(&mut self) -> Option<Duration> {
        let sign = match (self.take('+'), self.take('-')) {
            (true, false) => 1,
            (false, true) => -1,
            _ => return None,
        };
        let hours = self.digits(1, 2)?;
        let colon = self.take(':');
        let minutes = match self.digits(2, 2) {
            Some(minutes) => minutes,
            None if colon => return None,
            None => 0,
        };
        let seconds = match self.take(':') {
            true => self.digits(2, 2)?,
            false => 0,
        };
        if hours > 15 || minutes > 59 || seconds > 59 {
            return None;
        }
        let total = i64::from(hours) * 3_600 + i64::from(minutes) * 60 + i64::from(seconds);
        Some(Duration::seconds(sign * total))
    }
}

/// `2026-01-01 10:00:00.5+02`: the text form of a timestamptz in ISO style.
pub(crate) fn format_timestamptz(micros: i64, zone: Tz) -> String {
    let Some(utc) = DateTime::from_timestamp_micros(micros) else { return micros.to_string() };
    let local = utc.with_timezone(&zone);
    let mut text = format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second()
    );
    let fraction = local.nanosecond() / 1_000;
    if fraction != 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    let offset = local.offset().fix().local_minus_utc();
    let (sign, offset) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
    let (hours, minutes, seconds) = (offset / 3_600, offset / 60 % 60, offset % 60);
    write!(text, "{sign}{hours:02}").expect("a String takes any text");
    if minutes != 0 || seconds != 0 {
        write!(text, ":{minutes:02}").expect("a String takes any text");
    }
    if seconds != 0 {
        write!(text, ":{seconds:02}").expect("a String takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, zone: &str) -> Result<String> {
        parse_timestamptz(text, zone.parse().expect("a zone of the test"))
            .map(|micros| format_timestamptz(micros, Tz::UTC))
    }

    #[test]
    fn texts_are_read_as_postgres_reads_them() {
        let cases = [
            ("2026-01-01", "UTC", "2026-01-01 00:00:00+00"),
            ("2026-01-01", "Europe/Prague", "2025-12-31 23:00:00+00"),
            ("2026-01-01 10:00:00+02", "Europe/Prague", "2026-01-01 08:00:00+00"),
            ("2026-01-01T10:00:00.5Z", "Europe/Prague", "2026-01-01 10:00:00.5+00"),
            ("2026-07-01 10:00", "Europe/Prague", "2026-07-01 08:00:00+00"),
            ("2026-01-01 10:00:00 -05:30", "UTC", "2026-01-01 15:30:00+00"),
            ("2026-01-01 10:00:00 Europe/Prague", "UTC", "2026-01-01 09:00:00+00"),
            ("2026-01-01 10:00:00.1234567", "UTC", "2026-01-01 10:00:00.123457+00"),
            ("2026-01-01 24:00:00", "UTC", "2026-01-02 00:00:00+00"),
            ("2026-01-01 UTC", "Europe/Prague", "2026-01-01 00:00:00+00"),
            ("2026-01-01+03", "Europe/Prague", "2025-12-31 21:00:00+00"),
            ("1993-1-5", "UTC", "1993-01-05 00:00:00+00"),
            // Clocks skip 02:30 that night, and repeat 02:30 in October.
            ("2026-03-29 02:30", "Europe/Prague", "2026-03-29 01:30:00+00"),
            ("2026-10-25 02:30", "Europe/Prague", "2026-10-25 01:30:00+00"),
            ("epoch", "UTC", "1970-01-01 00:00:00+00"),
            ("20260131", "UTC", "2026-01-31 00:00:00+00"),
            ("Jan 31, 2026 10:00", "UTC", "2026-01-31 10:00:00+00"),
            ("31 January 2026", "UTC", "2026-01-31 00:00:00+00"),
            ("31-Jan-2026", "UTC", "2026-01-31 00:00:00+00"),
        ];
        for (text, zone, expected) in cases {
            assert_eq!(shown(text, zone).unwrap(), expected, "{text} in {zone}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        let malformed = Fault::InvalidDatetimeFormat;
        let unsupported = Fault::FeatureNotSupported;
        let overflow = Fault::DatetimeFieldOverflow;
        let cases = [
            ("", &malformed),
            ("yesterday", &unsupported),
            ("01/02/2026", &unsupported),
            ("2026-01-01 10", &malformed),
            ("2026-01-01 10:00 Nowhere/City", &malformed),
            ("2026-01-01x", &malformed),
            ("2026-02-30", &overflow),
            ("2026-13-01", &overflow),
            ("2026-01-01 25:00", &overflow),
            ("infinity", &unsupported),
            ("Jan 2026 31", &unsupported),
            ("20260230", &overflow),
            ("Feb 30, 2026", &overflow),
            ("262142-12-31 24:00", &overflow),
            ("999999-01-01", &overflow),
        ];
        for (text, fault) in cases {
            assert_eq!(shown(text, "UTC").unwrap_err().fault(), fault, "{text}");
        }
    }

    #[test]
    fn days_and_binary_times_have_an_end_too() {
        assert_eq!(start_of_day(0, Tz::UTC).unwrap(), 0);
        assert_eq!(start_of_day(1, Tz::Europe__Prague).unwrap(), 82_800_000_000);
        assert!(
            start_of_day(i32::MAX, Tz::UTC).is_err() && start_of_day(i32::MIN, Tz::UTC).is_err()
        );
        assert!(is_in_range(0) && !is_in_range(i64::MAX) && !is_in_range(i64::MIN));
    }

    #[test]
    fn local_times_are_shown_with_their_offset() {
        let micros = parse_timestamptz("2026-07-01 10:00:00.25Z", Tz::UTC).unwrap();
        assert_eq!(format_timestamptz(micros, Tz::Asia__Kolkata), "2026-07-01 15:30:00.25+05:30");
        assert_eq!(format_timestamptz(micros, Tz::America__New_York), "2026-07-01 06:00:00.25-04");
    }
}
