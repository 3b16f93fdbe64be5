//! `to_date` and `to_timestamp`: a text read by a pattern.

use super::super::own;
use super::time_pattern::{DAYS, Field, Item, MONTHS, ROMAN_MONTHS, parse};
use crate::timestamp::instant_of_local;
use crate::{Error, Fault};
use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use chrono_tz::Tz;
use datafusion::error::{DataFusionError, Result};

/// What a text said.
#[derive(Debug, Default)]
struct Said {
    year: Option<i64>,
    century: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    week_of_year: Option<i64>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    iso_day: Option<i64>,
    julian: Option<i64>,
    hour: Option<i64>,
    minute: i64,
    second: i64,
    seconds_of_day: Option<i64>,
    micros: i64,
    twelve_hours: bool,
    afternoon: Option<bool>,
    before_christ: bool,
    /// Offset from UTC: its sign, hours and minutes.
    offset: Option<(i64, i64, i64)>,
}

pub(super) fn date(text: &str, pattern: &str) -> Result<i32> {
    const DAYS_CE_TO_1970: i32 = 719_163;
    let local = said(text, pattern)?.local(text)?;
    Ok(local.date().num_days_from_ce() - DAYS_CE_TO_1970)
}

pub(super) fn instant(text: &str, pattern: &str, zone: Tz) -> Result<i64> {
    let said = said(text, pattern)?;
    let local = said.local(text)?.and_utc().timestamp_micros();
    match said.offset {
        Some((sign, hours, minutes)) => {
            Ok(local - sign * (hours * 3_600 + minutes * 60) * 1_000_000)
        }
        None => instant_of_local(local, zone).map_err(own),
    }
}

fn invalid(value: &str, field: &str) -> DataFusionError {
    let message = format!("invalid value \"{value}\" for \"{field}\"");
    own(Error::new(Fault::InvalidDatetimeFormat, message))
}

fn beyond(text: &str) -> DataFusionError {
    let message = format!("date/time field value out of range: \"{text}\"");
    own(Error::new(Fault::DatetimeFieldOverflow, message))
}

fn said(text: &str, pattern: &str) -> Result<Said> {
    let items = parse(pattern);
    let mut said = Said::default();
    let mut rest = text.trim_start();
    for (index, item) in items.iter().enumerate() {
        match item {
            Item::Literal(literal) => rest = behind_literal(rest, literal),
            Item::Field(field) => {
                rest = rest.trim_start();
                // A separator more than the pattern has does not matter.
                if !matches!(field.name, "TZH" | "OF") {
                    rest = rest.trim_start_matches(is_separator);
                }
                if rest.is_empty() {
                    break;
                }
                let digits_follow =
                    matches!(items.get(index + 1), Some(Item::Field(next)) if is_digits(next));
                rest = said.read(rest, *field, digits_follow)?;
                if field.ordinal.is_some() {
                    rest = rest.get(2..).unwrap_or_default();
                }
            }
        }
    }
    Ok(said)
}

fn is_separator(c: char) -> bool {
    c.is_ascii_punctuation()
}

/// Separators and blanks stand for any of their kind; each other letter for one.
fn behind_literal<'a>(text: &'a str, literal: &str) -> &'a str {
    let mut rest = text;
    for wanted in literal.chars() {
        if wanted.is_whitespace() {
            rest = rest.trim_start();
        } else if is_separator(wanted) {
            let blank = rest.trim_start();
            rest = match blank.strip_prefix(is_separator) {
                // A sign may belong to what comes.
                Some(after) => after,
                None => blank,
            };
        } else {
            let mut chars = rest.chars();
            chars.next();
            rest = chars.as_str();
        }
    }
    rest
}

fn is_digits(field: &Field) -> bool {
    !matches!(
        field.name,
        "AM" | "PM"
            | "A.M."
            | "P.M."
            | "AD"
            | "BC"
            | "A.D."
            | "B.C."
            | "MONTH"
            | "MON"
            | "DAY"
            | "DY"
            | "RM"
            | "TZ"
            | "TZH"
            | "OF"
    )
}

/// How many digits a field has at most.
fn width(name: &str) -> usize {
    match name {
        "Y,YYY" => 9,
        "HH24" | "HH12" | "FF2" | "TZM" => 2,
        "FF1" => 1,
        "FF3" => 3,
        "FF4" => 4,
        "FF5" => 5,
        "FF6" | "US" => 6,
        "MS" => 3,
        "J" => 9,
        other => other.len(),
    }
}

/// A name that the text begins with, by its place in a list.
fn named(text: &str, names: &[&str], letters: usize) -> Option<(usize, usize)> {
    let matched = names.iter().enumerate().filter_map(|(index, name)| {
        let name = &name[..letters.min(name.len())];
        let begins = text.get(..name.len())?.eq_ignore_ascii_case(name);
        begins.then_some((index, name.len()))
    });
    matched.max_by_key(|(_, length)| *length)
}

impl Said {
    /// Reads one field, and gives what is behind it.
    fn read<'a>(&mut self, text: &'a str, field: Field, digits_follow: bool) -> Result<&'a str> {
        let name = field.name;
        if !is_digits(&field) {
            return self.read_word(text, name);
        }
        // Where no digits follow, a number may be longer than its pattern.
        let most = match digits_follow {
            true => width(name),
            false if matches!(name, "MS" | "US" | "Y,YYY") || name.starts_with("FF") => width(name),
            false => usize::MAX,
        };
        let accepted = |c: char| c.is_ascii_digit() || name == "Y,YYY" && c == ',';
        let end = text.char_indices().take(most).find(|(_, c)| !accepted(*c));
        let length = end.map_or(text.len().min(most), |(at, _)| at);
        let (digits, rest) = text.split_at(length);
        let number: i64 =
            digits.replace(',', "").parse().map_err(|_| invalid(first(text, width(name)), name))?;
        match name {
            // Digits behind the point: `5` is half a second.
            "MS" | "US" | "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => {
                self.micros = number * 10i64.pow(6u32.saturating_sub(digits.len() as u32));
            }
            _ => self.take(name, number, digits.len())?,
        }
        Ok(rest)
    }

    fn take(&mut self, name: &str, number: i64, digits: usize) -> Result<()> {
        let within = |low: i64, high: i64| match (low..=high).contains(&number) {
            true => Ok(Some(number)),
            false => Err(beyond(&number.to_string())),
        };
        match name {
            "YYYY" | "Y,YYY" => self.year = Some(number),
            "YYY" | "YY" | "Y" => self.year = Some(near(number, digits)),
            "IYYY" => self.iso_year = Some(number),
            "IYY" | "IY" | "I" => self.iso_year = Some(near(number, digits)),
            "CC" => self.century = Some(number),
            "MM" => self.month = within(1, 12)?,
            "DD" => self.day = within(1, 31)?,
            "DDD" => self.day_of_year = within(1, 366)?,
            "WW" => self.week_of_year = within(1, 53)?,
            "IW" => self.iso_week = within(1, 53)?,
            "ID" => self.iso_day = within(1, 7)?,
            "J" => self.julian = Some(number),
            "HH24" => self.hour = within(0, 24)?,
            "HH12" | "HH" => {
                if !(1..=12).contains(&number) {
                    let message = format!("hour \"{number}\" is invalid for the 12-hour clock");
                    return Err(own(Error::new(Fault::InvalidDatetimeFormat, message)
                        .with_hint("Use the 24-hour clock, or give an hour between 1 and 12.")));
                }
                self.twelve_hours = true;
                self.hour = Some(number);
            }
            "MI" => self.minute = within(0, 59)?.unwrap_or(0),
            "SS" => self.second = within(0, 59)?.unwrap_or(0),
            "SSSS" | "SSSSS" => self.seconds_of_day = within(0, 86_399)?,
            "TZM" => {
                let (sign, hours, _) = self.offset.unwrap_or((1, 0, 0));
                self.offset = Some((sign, hours, number));
            }
            // Quarters, weeks of months and days of weeks say nothing on their own.
            "Q" | "W" | "D" => {}
            other => {
                let message = format!("the pattern \"{other}\" is not supported for reading");
                return Err(own(Error::unsupported(message)));
            }
        }
        Ok(())
    }

    fn read_word<'a>(&mut self, text: &'a str, name: &str) -> Result<&'a str> {
        let letters = if matches!(name, "MON" | "DY") { 3 } else { usize::MAX };
        let length = match name {
            "MONTH" | "MON" | "DAY" | "DY" | "RM" => {
                let names: &[&str] = match name {
                    "MONTH" | "MON" => &MONTHS,
                    "RM" => &ROMAN_MONTHS,
                    _ => &DAYS,
                };
                let found = named(text, names, letters);
                let (index, length) =
                    found.ok_or_else(|| invalid(first(text, name.len()), name))?;
                if !name.starts_with('D') {
                    self.month = Some(index as i64 + 1);
                }
                length
            }
            "AM" | "PM" | "A.M." | "P.M." => {
                let found = named(text, &["am", "pm", "a.m.", "p.m."], usize::MAX);
                let (index, length) =
                    found.ok_or_else(|| invalid(first(text, name.len()), name))?;
                self.afternoon = Some(index % 2 == 1);
                length
            }
            "AD" | "BC" | "A.D." | "B.C." => {
                let found = named(text, &["ad", "bc", "a.d.", "b.c."], usize::MAX);
                let (index, length) =
                    found.ok_or_else(|| invalid(first(text, name.len()), name))?;
                self.before_christ = index % 2 == 1;
                length
            }
            "TZH" => {
                let sign = if text.starts_with('-') { -1 } else { 1 };
                let digits = text.trim_start_matches(['+', '-']);
                let skipped = text.len() - digits.len();
                let length = digits.bytes().take(2).take_while(u8::is_ascii_digit).count();
                let hours = digits[..length].parse().map_err(|_| invalid(first(text, 2), name))?;
                self.offset = Some((sign, hours, 0));
                skipped + length
            }
            other => {
                let message = format!("formatting field \"{other}\" is only supported in to_char");
                return Err(own(Error::unsupported(message)));
            }
        };
        Ok(&text[length..])
    }

    fn local(&self, text: &str) -> Result<NaiveDateTime> {
        let date = self.day().ok_or_else(|| beyond(text))?;
        let mut hour = self.hour.unwrap_or(0);
        if let Some(afternoon) = self.afternoon {
            hour = hour % 12 + if afternoon { 12 } else { 0 };
        } else if self.twelve_hours && hour == 12 {
            hour = 0;
        }
        let seconds = match self.seconds_of_day {
            Some(seconds) => seconds,
            None => hour * 3_600 + self.minute * 60 + self.second,
        };
        let since_midnight = Duration::seconds(seconds) + Duration::microseconds(self.micros);
        let local = date.and_time(NaiveTime::MIN).checked_add_signed(since_midnight);
        local.ok_or_else(|| beyond(text))
    }

    fn day(&self) -> Option<NaiveDate> {
        if let Some(julian) = self.julian {
            return NaiveDate::from_num_days_from_ce_opt(i32::try_from(julian - 1_721_425).ok()?);
        }
        if let (Some(year), Some(week)) = (self.iso_year, self.iso_week) {
            let day = Weekday::try_from((self.iso_day.unwrap_or(1) - 1) as u8).ok()?;
            return NaiveDate::from_isoywd_opt(i32::try_from(year).ok()?, week as u32, day);
        }
        let year = match (self.year, self.century) {
            (Some(year), Some(century)) if year < 100 => (century - 1) * 100 + year,
            (Some(year), _) => year,
            (None, Some(century)) => (century - 1) * 100 + 1,
            (None, None) => 0,
        };
        // Before 1 AD comes 1 BC, which chrono calls 0.
        let year = i32::try_from(if self.before_christ { 1 - year } else { year }).ok()?;
        let day_of_year = self.day_of_year.or(self.week_of_year.map(|week| (week - 1) * 7 + 1));
        if let Some(ordinal) = day_of_year.filter(|_| self.month.is_none()) {
            return NaiveDate::from_yo_opt(year, ordinal as u32);
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        NaiveDate::from_ymd_opt(year, month as u32, day as u32)
    }
}

/// The year next to 2020 that ends with these digits.
fn near(number: i64, digits: usize) -> i64 {
    match digits {
        ..=2 if number < 70 => number + 2_000,
        ..=2 => number + 1_900,
        3 if number < 520 => number + 2_000,
        3 => number + 1_000,
        _ => number,
    }
}

fn first(text: &str, letters: usize) -> &str {
    let end = text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at);
    &text[..end]
}
