//! `to_char` of times and of intervals.

use super::super::interval::parts;
use super::super::own;
use super::ordinal;
use super::time_pattern::{DAYS, Field, Item, Letters, MONTHS, ROMAN_MONTHS, cased, parse};
use crate::{Error, Fault};
use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone, Timelike};
use chrono_tz::{OffsetName, Tz};
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::error::Result;

/// What is written: fields of the calendar and of the clock.
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    /// Absent for an interval.
    date: Option<NaiveDate>,
    /// Offset from UTC in seconds, and the zone's name, where there is a zone.
    zone: Option<(i32, String)>,
}

fn beyond() -> datafusion::error::DataFusionError {
    own(Error::new(Fault::DatetimeFieldOverflow, "timestamp out of range"))
}

/// A point in time as the zone's clocks show it; without a zone as local time.
pub(super) fn timestamp(micros: i64, zone: Option<Tz>, pattern: &str) -> Result<String> {
    let utc = DateTime::from_timestamp_micros(micros).ok_or_else(beyond)?;
    let (local, zone) = match zone {
        None => (utc.naive_utc(), None),
        Some(zone) => {
            let offset = zone.offset_from_utc_datetime(&utc.naive_utc());
            let name = offset.abbreviation().unwrap_or_default().to_owned();
            (utc.with_timezone(&zone).naive_local(), Some((offset.fix().local_minus_utc(), name)))
        }
    };
    let parts = Parts {
        year: local.year().into(),
        month: local.month().into(),
        day: local.day().into(),
        hour: local.hour().into(),
        minute: local.minute().into(),
        second: local.second().into(),
        micros: i64::from(local.nanosecond()) / 1_000,
        date: Some(local.date()),
        zone,
    };
    written(&parts, pattern)
}

pub(super) fn interval(interval: IntervalMonthDayNano, pattern: &str) -> Result<String> {
    let (months, days, micros) = parts(interval);
    let seconds = micros / 1_000_000;
    let parts = Parts {
        year: i64::from(months) / 12,
        month: i64::from(months) % 12,
        day: days.into(),
        hour: seconds / 3_600,
        minute: seconds / 60 % 60,
        second: seconds % 60,
        micros: micros % 1_000_000,
        date: None,
        zone: None,
    };
    written(&parts, pattern)
}

fn written(parts: &Parts, pattern: &str) -> Result<String> {
    let mut text = String::new();
    for item in parse(pattern).iter() {
        match item {
            Item::Literal(literal) => text.push_str(literal),
            Item::Field(field) => {
                let shown = parts.field(*field)?;
                if let Some(letters) = field.ordinal.filter(|_| is_number(&shown)) {
                    let digits = ordinal(&shown, letters == Letters::Upper);
                    text.push_str(&shown);
                    text.push_str(&digits);
                } else {
                    text.push_str(&shown);
                }
            }
        }
    }
    Ok(text)
}

fn is_number(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_digit())
}

/// With zeros before it; a minus needs a place of its own.
fn padded(value: i64, width: usize, fill: bool) -> String {
    match fill {
        true => value.to_string(),
        false => {
            let width = width + usize::from(value < 0);
            format!("{value:0width$}")
        }
    }
}

fn offset(seconds: i32) -> (char, i32, i32) {
    let sign = if seconds < 0 { '-' } else { '+' };
    (sign, seconds.abs() / 3_600, seconds.abs() / 60 % 60)
}

impl Parts {
    /// A field that an interval does not have.
    fn date(&self) -> Result<NaiveDate> {
        self.date.ok_or_else(|| {
            own(Error::new(
                Fault::InvalidDatetimeFormat,
                "invalid format specification for an interval value",
            )
            .with_hint("Intervals are not tied to specific calendar dates."))
        })
    }

    /// The year as it is counted: there is none before 1, but 1 BC.
    fn shown_year(&self, year: i64) -> i64 {
        if self.date.is_some() && year <= 0 { 1 - year } else { year }
    }

    fn field(&self, field: Field) -> Result<String> {
        let Field { name, letters, fill, .. } = field;
        Ok(match name {
            "HH24" => padded(self.hour, 2, fill),
            "HH12" | "HH" => {
                let hour = self.hour % 12;
                padded(if hour == 0 { 12 } else { hour }, 2, fill)
            }
            "MI" => padded(self.minute, 2, fill),
            "SS" => padded(self.second, 2, fill),
            "MS" | "FF3" => padded(self.micros / 1_000, 3, fill),
            "US" | "FF6" => padded(self.micros, 6, fill),
            "FF1" => padded(self.micros / 100_000, 1, fill),
            "FF2" => padded(self.micros / 10_000, 2, fill),
            "FF4" => padded(self.micros / 100, 4, fill),
            "FF5" => padded(self.micros / 10, 5, fill),
            "SSSS" | "SSSSS" => (self.hour * 3_600 + self.minute * 60 + self.second).to_string(),
            "AM" | "PM" | "A.M." | "P.M." => {
                let half = if self.hour % 24 >= 12 { "pm" } else { "am" };
                let dotted = if half == "pm" { "p.m." } else { "a.m." };
                cased(if name.contains('.') { dotted } else { half }, letters)
            }
            "TZ" | "TZH" | "TZM" | "OF" => self.zone(name, letters)?,
            "AD" | "BC" | "A.D." | "B.C." => {
                let era = if self.date()?.year() <= 0 { "bc" } else { "ad" };
                let dotted = if era == "bc" { "b.c." } else { "a.d." };
                cased(if name.contains('.') { dotted } else { era }, letters)
            }
            _ => self.calendar(field)?,
        })
    }

    fn zone(&self, name: &str, letters: Letters) -> Result<String> {
        if self.date.is_none() {
            self.date()?;
        }
        let Some((seconds, abbreviation)) = &self.zone else {
            return Ok(match name {
                "TZ" => String::new(),
                "TZM" => "00".to_owned(),
                _ => "+00".to_owned(),
            });
        };
        let (sign, hours, minutes) = offset(*seconds);
        Ok(match name {
            "TZ" => cased(abbreviation, letters),
            "TZH" => format!("{sign}{hours:02}"),
            "TZM" => format!("{minutes:02}"),
            _ if minutes == 0 => format!("{sign}{hours:02}"),
            _ => format!("{sign}{hours:02}:{minutes:02}"),
        })
    }

    fn calendar(&self, field: Field) -> Result<String> {
        let Field { name, letters, fill, .. } = field;
        let blank = |text: String, width: usize| match fill {
            true => text,
            false => format!("{text:<width$}"),
        };
        let month = usize::try_from(self.month - 1).ok();
        let weekday = |date: NaiveDate| date.weekday().num_days_from_sunday() as usize;
        let year = self.shown_year(self.year);
        Ok(match name {
            "MONTH" | "MON" => {
                self.date()?;
                let long = month.and_then(|month| MONTHS.get(month)).copied().unwrap_or_default();
                match name {
                    "MONTH" => blank(cased(long, letters), 9),
                    _ => cased(long.get(..3).unwrap_or_default(), letters),
                }
            }
            "DAY" => blank(cased(DAYS[weekday(self.date()?)], letters), 9),
            "DY" => cased(&DAYS[weekday(self.date()?)][..3], letters),
            "RM" => {
                // An interval counts its months backwards below zero.
                let month = (self.month - 1).rem_euclid(12);
                let roman = usize::try_from(month).ok().and_then(|at| ROMAN_MONTHS.get(at));
                match (self.date, self.month) {
                    (None, 0) => String::new(),
                    _ => blank(cased(roman.copied().unwrap_or_default(), letters), 4),
                }
            }
            "MM" => padded(self.month, 2, fill),
            "DD" if self.day < 0 => self.day.to_string(),
            "DD" => padded(self.day, 2, fill),
            "DDD" => match self.date {
                Some(date) => padded(date.ordinal().into(), 3, fill),
                None => padded(self.year * 360 + self.month * 30 + self.day, 3, fill),
            },
            "IDDD" => {
                let date = self.date()?;
                let day = (date.iso_week().week() - 1) * 7 + date.weekday().number_from_monday();
                padded(day.into(), 3, fill)
            }
            "D" => (weekday(self.date()?) + 1).to_string(),
            "ID" => self.date()?.weekday().number_from_monday().to_string(),
            "WW" => padded((i64::from(self.date()?.ordinal()) - 1) / 7 + 1, 2, fill),
            "IW" => padded(self.date()?.iso_week().week().into(), 2, fill),
            "W" => ((self.date()?.day() - 1) / 7 + 1).to_string(),
            "Q" => match (self.date, self.month) {
                (None, 0) => String::new(),
                _ => ((self.month - 1) / 3 + 1).to_string(),
            },
            "J" => {
                let days = i64::from(self.date()?.num_days_from_ce());
                (days + 1_721_425).to_string()
            }
            "CC" => {
                let century = match self.date {
                    None => self.year / 100,
                    Some(_) if self.year > 0 => (self.year - 1) / 100 + 1,
                    Some(_) => self.year / 100 - 1,
                };
                let two_digits = (-99..=99).contains(&century);
                if two_digits { padded(century, 2, fill) } else { century.to_string() }
            }
            "Y,YYY" => format!("{},{:03}", year / 1_000, year % 1_000),
            _ => self.year_field(name, year, fill)?,
        })
    }

    fn year_field(&self, name: &str, year: i64, fill: bool) -> Result<String> {
        let iso = match name.starts_with('I') {
            true => self.shown_year(self.date()?.iso_week().year().into()),
            false => year,
        };
        Ok(match name {
            "YYYY" | "IYYY" => padded(iso, 4, fill),
            "YYY" | "IYY" => padded(iso % 1_000, 3, fill),
            "YY" | "IY" => padded(iso % 100, 2, fill),
            _ => (iso % 10).to_string(),
        })
    }
}
