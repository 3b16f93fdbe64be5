//! Intervals as text, in the styles `postgres` (`1 year 2 mons -3 days +04:05:06.5`) and `iso_8601`
//! (`P1Y2M-3DT4H5M6.5S`).

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use std::fmt::Write;

/// How intervals are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IntervalStyle {
    Postgres,
    Iso8601,
}

/// The time of an interval by its parts, each without a sign.
struct Clock {
    hours: u64,
    minutes: u64,
    seconds: u64,
    micros: u64,
}

impl Clock {
    fn of(micros: i64) -> Self {
        let (seconds, micros) =
            (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
        Clock { hours: seconds / 3_600, minutes: seconds / 60 % 60, seconds: seconds % 60, micros }
    }

    /// `.5`, or nothing.
    fn fraction(&self) -> String {
        match self.micros {
            0 => String::new(),
            micros => format!(".{micros:06}").trim_end_matches('0').to_owned(),
        }
    }
}

pub(super) fn shown(interval: IntervalMonthDayNano, style: IntervalStyle) -> String {
    let mut text = String::new();
    let written = match style {
        IntervalStyle::Postgres => write_postgres(interval, &mut text),
        IntervalStyle::Iso8601 => write_iso(interval, &mut text),
    };
    written.expect("a String takes any text");
    text
}

fn write_postgres(interval: IntervalMonthDayNano, text: &mut String) -> std::fmt::Result {
    let IntervalMonthDayNano { months, days, nanoseconds } = interval;
    let micros = nanoseconds / 1_000;
    // What is positive behind something negative says so.
    let mut behind_negative = false;
    for (value, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if value == 0 {
            continue;
        }
        let space = if text.is_empty() { "" } else { " " };
        let plus = if behind_negative && value > 0 { "+" } else { "" };
        let plural = if value == 1 { "" } else { "s" };
        write!(text, "{space}{plus}{value} {unit}{plural}")?;
        behind_negative = value < 0;
    }
    if micros == 0 && !text.is_empty() {
        return Ok(());
    }
    let space = if text.is_empty() { "" } else { " " };
    let sign = match (micros < 0, behind_negative) {
        (true, _) => "-",
        (false, true) => "+",
        (false, false) => "",
    };
    let clock = Clock::of(micros);
    let Clock { hours, minutes, seconds, .. } = clock;
    write!(text, "{space}{sign}{hours:02}:{minutes:02}:{seconds:02}{}", clock.fraction())
}

fn write_iso(interval: IntervalMonthDayNano, text: &mut String) -> std::fmt::Result {
    let IntervalMonthDayNano { months, days, nanoseconds } = interval;
    let micros = nanoseconds / 1_000;
    if (months, days, micros) == (0, 0, 0) {
        return write!(text, "PT0S");
    }
    write!(text, "P")?;
    for (value, unit) in [(months / 12, 'Y'), (months % 12, 'M'), (days, 'D')] {
        if value != 0 {
            write!(text, "{value}{unit}")?;
        }
    }
    if micros == 0 {
        return Ok(());
    }
    let clock = Clock::of(micros);
    let sign = if micros < 0 { "-" } else { "" };
    write!(text, "T")?;
    for (value, unit) in [(clock.hours, 'H'), (clock.minutes, 'M')] {
        if value != 0 {
            write!(text, "{sign}{value}{unit}")?;
        }
    }
    if clock.seconds != 0 || clock.micros != 0 {
        write!(text, "{sign}{}{}S", clock.seconds, clock.fraction())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_are_those_of_postgres() {
        const HOUR: i64 = 3_600_000_000_000;
        for ((months, days, nanoseconds), postgres, iso) in [
            ((0, 0, 0), "00:00:00", "PT0S"),
            ((1, 0, HOUR), "1 mon 01:00:00", "P1MT1H"),
            (
                (14, 3, 4 * HOUR + 5_500_000_000),
                "1 year 2 mons 3 days 04:00:05.5",
                "P1Y2M3DT4H5.5S",
            ),
            ((-1, 2, HOUR), "-1 mons +2 days 01:00:00", "P-1M2DT1H"),
            ((0, -2, HOUR), "-2 days +01:00:00", "P-2DT1H"),
            ((0, 0, -HOUR), "-01:00:00", "PT-1H"),
        ] {
            let interval = IntervalMonthDayNano { months, days, nanoseconds };
            assert_eq!(shown(interval, IntervalStyle::Postgres), postgres);
            assert_eq!(shown(interval, IntervalStyle::Iso8601), iso);
        }
    }
}
