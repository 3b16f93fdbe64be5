//! Intervals as Postgres prints them and drivers send them: `1 year 2 mons 1 day 00:00:02.5`.

use datafusion::arrow::datatypes::IntervalMonthDayNano;

/// The interval, if the text is in that form with whole numbers.
pub(super) fn parse(text: &str) -> Option<IntervalMonthDayNano> {
    let (mut months, mut days, mut nanos) = (0i32, 0i32, 0i64);
    let mut words = text.split_whitespace();
    let mut any = false;
    while let Some(word) = words.next() {
        any = true;
        if word.contains(':') {
            nanos = nanos.checked_add(clock(word)?)?;
            continue;
        }
        let number: i32 = word.parse().ok()?;
        match words.next()?.trim_end_matches('s') {
            "year" => months = months.checked_add(number.checked_mul(12)?)?,
            "mon" | "month" => months = months.checked_add(number)?,
            "week" => days = days.checked_add(number.checked_mul(7)?)?,
            "day" => days = days.checked_add(number)?,
            "hour" => nanos = nanos.checked_add(seconds(i64::from(number), 3_600)?)?,
            "min" | "minute" => nanos = nanos.checked_add(seconds(i64::from(number), 60)?)?,
            "sec" | "second" => nanos = nanos.checked_add(seconds(i64::from(number), 1)?)?,
            _ => return None,
        }
    }
    any.then(|| IntervalMonthDayNano::new(months, days, nanos))
}

fn seconds(number: i64, each: i64) -> Option<i64> {
    number.checked_mul(each)?.checked_mul(1_000_000_000)
}

/// `-01:02:03.000004` in nanoseconds.
fn clock(word: &str) -> Option<i64> {
    let (sign, word) = match word.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, word.strip_prefix('+').unwrap_or(word)),
    };
    let mut parts = word.split(':');
    let (hours, minutes, rest) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || ![hours, minutes, whole, fraction].into_iter().all(plain) {
        return None;
    }
    let (minutes, whole) = (minutes.parse::<i64>().ok()?, whole.parse::<i64>().ok()?);
    if minutes > 59 || whole > 59 || fraction.len() > 6 {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
    let hours = seconds(hours.parse().ok()?, 3_600)?;
    let nanos = hours.checked_add(seconds(minutes * 60 + whole, 1)?)?;
    nanos.checked_add(micros * 1_000)?.checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn what_postgres_prints_is_read() {
        for (text, parts) in [
            ("1 year 2 mons 1 day 00:00:02", (14, 1, 2_000_000_000)),
            ("-1 days +02:03:00.000004", (0, -1, 7_380_000_004_000)),
            ("00:00:00", (0, 0, 0)),
            ("-00:00:01.5", (0, 0, -1_500_000_000)),
            ("3 weeks", (0, 21, 0)),
        ] {
            let interval = parse(text).map(|each| (each.months, each.days, each.nanoseconds));
            assert_eq!(interval, Some(parts), "{text}");
        }
        for text in ["", "1", "one day", "1 day 25", "00:61:00", "1.5 days"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
