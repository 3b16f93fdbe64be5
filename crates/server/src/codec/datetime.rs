//! Dates and times as text in ISO style, and the epochs of the binary form.

use super::Unencodable;
use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use sql::PgType;
use std::fmt::Write as _;

pub(super) const SECOND_MICROS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;
/// From 1970-01-01, where arrow counts from, to 2000-01-01, where Postgres does.
pub(super) const EPOCH_DAYS: i32 = 10_957;
pub(super) const EPOCH_MICROS: i64 = 10_957 * DAY_SECONDS * SECOND_MICROS;

/// Year (0 is 1 BC), month and day of a day since 1970 in the Gregorian calendar.
fn civil(days: i64) -> (i64, u32, u32) {
    // Years start in March here, so that a leap day is the last of its year; eras have 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u32, day as u32)
}

fn two(out: &mut BytesMut, value: u32) {
    out.put_slice(&[b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]);
}

/// Writes the date; `true` if ` BC` has to follow at the very end.
fn write_civil(out: &mut BytesMut, days: i64) -> bool {
    let (year, month, day) = civil(days);
    let (shown, is_bc) = if year > 0 { (year, false) } else { (1 - year, true) };
    write!(out, "{shown:04}-").expect("a buffer in memory takes any text");
    two(out, month);
    out.put_u8(b'-');
    two(out, day);
    is_bc
}

fn write_bc(out: &mut BytesMut, is_bc: bool) {
    if is_bc {
        out.put_slice(b" BC");
    }
}

/// `.5` for half a second: without the zeros at the end, nothing for none.
pub(super) fn write_fraction(out: &mut BytesMut, micros: u32) {
    if micros != 0 {
        let digits = format!(".{micros:06}");
        out.put_slice(digits.trim_end_matches('0').as_bytes());
    }
}

fn write_clock(out: &mut BytesMut, micros_of_day: i64) {
    let seconds = (micros_of_day / SECOND_MICROS) as u32;
    two(out, seconds / 3_600);
    out.put_u8(b':');
    two(out, seconds / 60 % 60);
    out.put_u8(b':');
    two(out, seconds % 60);
    write_fraction(out, (micros_of_day % SECOND_MICROS) as u32);
}

pub(super) fn write_date(out: &mut BytesMut, days: i32) {
    let is_bc = write_civil(out, days.into());
    write_bc(out, is_bc);
}

pub(super) fn write_time(out: &mut BytesMut, micros: i64) -> Result<(), Unencodable> {
    if !(0..=DAY_SECONDS * SECOND_MICROS).contains(&micros) {
        return Err(Unencodable::new(format!("{micros} µs as a time of day"), PgType::Time));
    }
    write_clock(out, micros);
    Ok(())
}

pub(super) fn write_timestamp(out: &mut BytesMut, micros: i64) {
    write_local(out, micros, |_| ());
}

/// `between` writes what stands between the time and ` BC`.
fn write_local(out: &mut BytesMut, micros: i64, between: impl FnOnce(&mut BytesMut)) {
    const DAY_MICROS: i64 = DAY_SECONDS * SECOND_MICROS;
    let is_bc = write_civil(out, micros.div_euclid(DAY_MICROS));
    out.put_u8(b' ');
    write_clock(out, micros.rem_euclid(DAY_MICROS));
    between(out);
    write_bc(out, is_bc);
}

/// A point in time as the zone's local time with its offset from UTC.
pub(super) fn write_timestamptz(out: &mut BytesMut, micros: i64, zone: Tz) {
    let offset = match zone {
        Tz::UTC => 0,
        zone => DateTime::from_timestamp_micros(micros).map_or(0, |utc| {
            zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc()
        }),
    };
    let local = micros.saturating_add(i64::from(offset) * SECOND_MICROS);
    write_local(out, local, |out| write_offset(out, offset));
}

/// `+02`, `-03:30`: minutes and seconds only where they are.
fn write_offset(out: &mut BytesMut, offset: i32) {
    out.put_u8(if offset < 0 { b'-' } else { b'+' });
    let offset = offset.unsigned_abs();
    two(out, offset / 3_600);
    if !offset.is_multiple_of(3_600) {
        out.put_u8(b':');
        two(out, offset / 60 % 60);
    }
    if !offset.is_multiple_of(60) {
        out.put_u8(b':');
        two(out, offset % 60);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_print_as_in_postgres() {
        let cases = [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (EPOCH_DAYS, "2000-01-01"),
            (11_016, "2000-02-29"),
            (20_513, "2026-03-01"),
            (-719_162, "0001-01-01"),
            (-719_163, "0001-12-31 BC"),
            (2_932_897, "10000-01-01"),
        ];
        for (days, expected) in cases {
            let mut out = BytesMut::new();
            write_date(&mut out, days);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn points_in_time_print_in_the_session_zone() {
        let summer = 1_783_245_600_250_000; // 2026-07-05 10:00:00.25 UTC
        let cases = [
            (summer, Tz::UTC, "2026-07-05 10:00:00.25+00"),
            (summer, Tz::Europe__Prague, "2026-07-05 12:00:00.25+02"),
            (summer, Tz::Asia__Kolkata, "2026-07-05 15:30:00.25+05:30"),
            (summer, Tz::America__St_Johns, "2026-07-05 07:30:00.25-02:30"),
            (0, Tz::Europe__Prague, "1970-01-01 01:00:00+01"),
            (-1, Tz::UTC, "1969-12-31 23:59:59.999999+00"),
            (-3_000_000_000_000_000, Tz::Europe__Prague, "1874-12-07 19:37:44+00:57:44"),
            (-62_135_596_800_000_001, Tz::UTC, "0001-12-31 23:59:59.999999+00 BC"),
        ];
        for (micros, zone, expected) in cases {
            let mut out = BytesMut::new();
            write_timestamptz(&mut out, micros, zone);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn the_calendar_agrees_with_chrono() {
        for days in (-800_000i64..3_000_000).step_by(17) {
            let date = DateTime::from_timestamp(days * DAY_SECONDS, 0).unwrap().date_naive();
            let (year, month, day) = civil(days);
            assert_eq!(
                format!("{date}"),
                format!("{}", chrono::NaiveDate::from_ymd_opt(year as i32, month, day).unwrap())
            );
        }
    }
}
