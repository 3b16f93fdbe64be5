//! Whether a text is a value of a setting, and how it is kept.

use super::definition::{Definition, Kind};
use crate::{Error, Fault, Result, moment};
use chrono_tz::Tz;
use ledger::BookName;
use std::fmt::Write;

/// The value as it is kept and shown.
pub(super) fn normalise(definition: &Definition, value: &str, zone: Tz) -> Result<String> {
    let name = definition.name;
    match definition.kind {
        Kind::Bool => {
            boolean(value).map(|on| if on { "on" } else { "off" }.to_owned()).ok_or_else(|| {
                Error::new(
                    Fault::InvalidParameterValue,
                    format!("parameter \"{name}\" requires a Boolean value"),
                )
            })
        }
        Kind::Integer { min, max } => integer(name, value, min, max),
        Kind::Duration => duration(name, value),
        Kind::Memory => memory(name, value),
        Kind::Word(words) => word(name, value, words),
        Kind::Text | Kind::NameList => Ok(value.to_owned()),
        Kind::Checked(check) => check(name, value),
        Kind::Zoned(check) => check(name, value, zone),
        Kind::Fixed => Err(Error::new(
            Fault::InvalidParameterValue,
            format!("parameter \"{name}\" cannot be changed"),
        )),
    }
}

pub(crate) fn invalid(name: &str, value: &str) -> Error {
    Error::new(
        Fault::InvalidParameterValue,
        format!("invalid value for parameter \"{name}\": \"{value}\""),
    )
}

/// What Postgres takes for a boolean: the words, and any unambiguous beginning of them.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    let begins = |word: &str| !text.is_empty() && word.starts_with(&text);
    match text.as_str() {
        "on" | "1" => Some(true),
        "of" | "off" | "0" => Some(false),
        _ if begins("true") || begins("yes") => Some(true),
        _ if begins("false") || begins("no") => Some(false),
        _ => None,
    }
}

fn integer(name: &str, value: &str, min: i64, max: i64) -> Result<String> {
    let number: i64 = value.trim().parse().map_err(|_| invalid(name, value))?;
    if number < min || number > max {
        return Err(Error::new(
            Fault::InvalidParameterValue,
            format!(
                "{number} is outside the valid range for parameter \"{name}\" ({min} .. {max})"
            ),
        ));
    }
    Ok(number.to_string())
}

fn word(name: &str, value: &str, words: &[&str]) -> Result<String> {
    // `SET standard_conforming_strings = true` and `= 1` mean `on`.
    let spelled = match boolean(value) {
        Some(true) if words.contains(&"on") => "on",
        Some(false) if words.contains(&"off") => "off",
        _ => value,
    };
    words
        .iter()
        .find(|word| word.eq_ignore_ascii_case(spelled))
        .map(|word| (*word).to_owned())
        .ok_or_else(|| {
            invalid(name, value).with_hint(format!("Available values: {}.", words.join(", ")))
        })
}

const UNITS: [(&str, i64); 5] =
    [("ms", 1), ("s", 1_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Milliseconds of a text such as `5000`, `5s` or `1min`.
pub(super) fn milliseconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "" => 1,
        unit => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    let milliseconds = number.trim().parse::<i64>().ok()?.checked_mul(factor)?;
    (0..=i64::from(i32::MAX)).contains(&milliseconds).then_some(milliseconds)
}

fn duration(name: &str, value: &str) -> Result<String> {
    let milliseconds = milliseconds(value).ok_or_else(|| {
        invalid(name, value).with_hint(
            "Valid units for this parameter are \"ms\", \"s\", \"min\", \"h\" and \"d\".",
        )
    })?;
    if milliseconds == 0 {
        return Ok("0".to_owned());
    }
    let (unit, factor) = UNITS
        .iter()
        .rev()
        .find(|(_, factor)| milliseconds % factor == 0)
        .expect("every number of milliseconds is one of milliseconds");
    Ok(format!("{}{unit}", milliseconds / factor))
}

const KILOBYTE: u64 = 1 << 10;
const MEMORY_UNITS: [(&str, u64); 5] =
    [("B", 1), ("kB", KILOBYTE), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1 << 40)];

/// Bytes of a text such as `4096` (kilobytes), `64MB` or `1 GB`.
pub(super) fn bytes(text: &str) -> Option<usize> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "" => KILOBYTE,
        unit => MEMORY_UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    let bytes = number.trim().parse::<u64>().ok()?.checked_mul(factor)?;
    usize::try_from(bytes).ok()
}

/// Bytes as they are shown: whole kilobytes, in the largest unit that takes no fraction.
pub(super) fn memory_text(bytes: usize) -> String {
    let kilobytes = bytes as u64 / KILOBYTE * KILOBYTE;
    let (unit, factor) = MEMORY_UNITS
        .iter()
        .rev()
        .find(|(_, factor)| kilobytes.is_multiple_of(*factor))
        .expect("every number of bytes is one of bytes");
    format!("{}{unit}", kilobytes / factor)
}

fn memory(name: &str, value: &str) -> Result<String> {
    bytes(value).map(memory_text).ok_or_else(|| {
        invalid(name, value).with_hint(
            "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".",
        )
    })
}

/// What a query may hold, within what the server gives to one.
pub(super) fn query_bytes(name: &str, text: &str, most: usize) -> Result<usize> {
    const LEAST: usize = 64 << 10;
    let bytes = bytes(text).ok_or_else(|| invalid(name, text))?;
    // The server's own limit may be no whole number of kilobytes.
    if bytes == bytes_shown(most) {
        return Ok(most);
    }
    if (LEAST..=most).contains(&bytes) {
        return Ok(bytes);
    }
    Err(Error::new(
        Fault::InvalidParameterValue,
        format!(
            "{} kB is outside the valid range for parameter \"{name}\" ({} kB .. {} kB)",
            bytes >> 10,
            LEAST >> 10,
            most >> 10
        ),
    )
    .with_hint(
        "The most that a query may hold is what the server was started with: --query-memory.",
    ))
}

fn bytes_shown(bytes: usize) -> usize {
    bytes >> 10 << 10
}

pub(super) fn application_name(_: &str, value: &str) -> Result<String> {
    // As in Postgres, what cannot be printed is replaced, so that logs stay one line.
    Ok(value.chars().map(|c| if c.is_control() { '?' } else { c }).take(255).collect())
}

pub(super) fn client_encoding(name: &str, value: &str) -> Result<String> {
    let letters: String =
        value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    match letters.as_str() {
        "utf8" | "unicode" => Ok("UTF8".to_owned()),
        _ => Err(invalid(name, value).with_hint("All text is UTF-8: set client_encoding to UTF8.")),
    }
}

pub(super) fn date_style(name: &str, value: &str) -> Result<String> {
    let mut order = "MDY";
    for part in value.split(',').map(|part| part.trim().to_ascii_lowercase()) {
        order = match part.as_str() {
            "iso" | "default" | "" => order,
            "mdy" | "us" | "noneuro" | "noneuropean" => "MDY",
            "dmy" | "euro" | "european" => "DMY",
            "ymd" => "YMD",
            _ => {
                return Err(invalid(name, value)
                    .with_hint("Times are always printed in ISO style: set DateStyle to ISO."));
            }
        };
    }
    Ok(format!("ISO, {order}"))
}

pub(super) fn zone(text: &str) -> Option<Tz> {
    let text = text.trim();
    match text.to_ascii_lowercase().as_str() {
        "utc" | "gmt" | "z" | "zulu" | "local" | "localtime" | "default" => return Some(Tz::UTC),
        _ => {}
    }
    if let Ok(zone) = text.parse::<Tz>() {
        return Some(zone);
    }
    if let Some(zone) = whole_hours(text) {
        return Some(zone);
    }
    chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(text)).copied()
}

/// `SET TIME ZONE 2`: hours east of Greenwich. The zones of that name count westward.
fn whole_hours(text: &str) -> Option<Tz> {
    let hours: i32 = text.parse().ok()?;
    match hours {
        0 => Some(Tz::UTC),
        1..=14 => format!("Etc/GMT-{hours}").parse().ok(),
        -12..=-1 => format!("Etc/GMT+{}", -hours).parse().ok(),
        _ => None,
    }
}

pub(super) fn time_zone(name: &str, value: &str) -> Result<String> {
    zone(value).map(|zone| zone.name().to_owned()).ok_or_else(|| {
        invalid(name, value).with_hint("Use a name of the IANA database, such as Europe/Prague.")
    })
}

pub(super) fn role(name: &str, value: &str) -> Result<String> {
    if name == "role" && (value.is_empty() || value.eq_ignore_ascii_case("none")) {
        return Ok("none".to_owned());
    }
    Err(Error::unsupported(format!("changing {name} is not supported"))
        .with_hint("Roles are not supported yet."))
}

pub(super) fn empty_only(name: &str, value: &str) -> Result<String> {
    if value.is_empty() { Ok(String::new()) } else { Err(invalid(name, value)) }
}

/// A time of the record; one without an offset is local time of the session.
pub(super) fn as_of(name: &str, value: &str, zone: Tz) -> Result<String> {
    if value.is_empty() {
        return Ok(String::new());
    }
    moment::time_text(value, zone)
        .map_err(|error| invalid(name, value).with_detail(error.message()))
}

pub(super) fn as_of_lsn(name: &str, value: &str) -> Result<String> {
    if value.is_empty() {
        return Ok(String::new());
    }
    moment::lsn_text(value).ok_or_else(|| invalid(name, value))
}

pub(super) fn book(_: &str, value: &str) -> Result<String> {
    if !value.is_empty() {
        BookName::user(value).map_err(|error| crate::insert::name_error(&error))?;
    }
    Ok(value.to_owned())
}

/// The names of a list such as `"$user", public`.
pub(super) fn split_names(list: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = list.trim();
    if rest.is_empty() {
        return Some(names);
    }
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => take_quoted(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let name = rest[..end].trim();
                if name.is_empty() || name.contains(['"', ' ']) {
                    return None;
                }
                (name.to_lowercase(), &rest[end..])
            }
        };
        names.push(name);
        match after.trim_start().strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => return after.trim().is_empty().then_some(names),
        }
    }
}

fn take_quoted(quoted: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if c != '"' {
            name.push(c);
        } else if characters.peek().is_some_and(|(_, next)| *next == '"') {
            name.push('"');
            characters.next();
        } else {
            return Some((name, &quoted[at + 1..]));
        }
    }
    None
}

/// A list of names as one text that [`split_names`] reads back.
pub(super) fn join_names(names: &[String]) -> String {
    let mut list = String::new();
    for name in names {
        if !list.is_empty() {
            list.push_str(", ");
        }
        let plain = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if plain {
            list.push_str(name);
        } else {
            write!(list, "\"{}\"", name.replace('"', "\"\"")).expect("a String takes any text");
        }
    }
    list
}
