//! `interval`: months, days and microseconds, which do not turn into each other.

use super::datetime::{SECOND_MICROS, write_fraction};
use bytes::BytesMut;
use std::fmt::Write as _;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) months: i32,
    pub(super) days: i32,
    pub(super) micros: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IntervalStyle {
    /// `1 year 2 mons 3 days 04:05:06.789`
    Postgres,
    /// `P1Y2M3DT4H5M6.789S`
    Iso8601,
}

/// Hours, minutes, seconds and microseconds, all with the sign of the whole.
struct Clock {
    negative: bool,
    hours: u64,
    minutes: u64,
    seconds: u64,
    micros: u32,
}

impl Interval {
    fn clock(self) -> Clock {
        let micros = self.micros.unsigned_abs();
        let seconds = micros / SECOND_MICROS.unsigned_abs();
        Clock {
            negative: self.micros < 0,
            hours: seconds / 3_600,
            minutes: seconds / 60 % 60,
            seconds: seconds % 60,
            micros: (micros % SECOND_MICROS.unsigned_abs()) as u32,
        }
    }

    pub(super) fn write(self, out: &mut BytesMut, style: IntervalStyle) {
        let written = match style {
            IntervalStyle::Postgres => self.write_postgres(out),
            IntervalStyle::Iso8601 => self.write_iso(out),
        };
        written.expect("a buffer in memory takes any text");
    }

    fn write_postgres(self, out: &mut BytesMut) -> std::fmt::Result {
        let parts = [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")];
        let mut separator = "";
        // A positive part behind a negative one gets a sign, so that it is not read as negative.
        let mut behind_negative = false;
        for (value, unit) in parts.into_iter().filter(|(value, _)| *value != 0) {
            let plus = if behind_negative && value > 0 { "+" } else { "" };
            let plural = if value == 1 { "" } else { "s" };
            write!(out, "{separator}{plus}{value} {unit}{plural}")?;
            separator = " ";
            behind_negative = value < 0;
        }
        if self.micros == 0 && !separator.is_empty() {
            return Ok(());
        }
        let Clock { negative, hours, minutes, seconds, micros } = self.clock();
        let sign = match (negative, behind_negative) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        write!(out, "{separator}{sign}{hours:02}:{minutes:02}:{seconds:02}")?;
        write_fraction(out, micros);
        Ok(())
    }

    fn write_iso(self, out: &mut BytesMut) -> std::fmt::Result {
        if self == (Interval { months: 0, days: 0, micros: 0 }) {
            return write!(out, "PT0S");
        }
        write!(out, "P")?;
        let parts = [(self.months / 12, 'Y'), (self.months % 12, 'M'), (self.days, 'D')];
        for (value, unit) in parts.into_iter().filter(|(value, _)| *value != 0) {
            write!(out, "{value}{unit}")?;
        }
        if self.micros == 0 {
            return Ok(());
        }
        let Clock { negative, hours, minutes, seconds, micros } = self.clock();
        let sign = if negative { "-" } else { "" };
        write!(out, "T")?;
        for (value, unit) in [(hours, 'H'), (minutes, 'M')].into_iter().filter(|part| part.0 != 0) {
            write!(out, "{sign}{value}{unit}")?;
        }
        if seconds != 0 || micros != 0 {
            write!(out, "{sign}{seconds}")?;
            write_fraction(out, micros);
            write!(out, "S")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600 * SECOND_MICROS;

    #[test]
    fn both_styles_print_as_in_postgres() {
        let cases = [
            ((0, 0, 0), "00:00:00", "PT0S"),
            ((1, 1, 0), "1 mon 1 day", "P1M1D"),
            ((14, 3, 4 * HOUR + 5_500_000), "1 year 2 mons 3 days 04:00:05.5", "P1Y2M3DT4H5.5S"),
            ((0, 0, -HOUR), "-01:00:00", "PT-1H"),
            ((-1, 2, HOUR), "-1 mons +2 days 01:00:00", "P-1M2DT1H"),
            ((0, -2, HOUR), "-2 days +01:00:00", "P-2DT1H"),
            ((24, 0, 0), "2 years", "P2Y"),
            ((0, 0, 100 * HOUR + 1), "100:00:00.000001", "PT100H0.000001S"),
        ];
        for ((months, days, micros), postgres, iso) in cases {
            let interval = Interval { months, days, micros };
            for (style, expected) in
                [(IntervalStyle::Postgres, postgres), (IntervalStyle::Iso8601, iso)]
            {
                let mut out = BytesMut::new();
                interval.write(&mut out, style);
                assert_eq!(out, expected, "{interval:?}");
            }
        }
    }
}
