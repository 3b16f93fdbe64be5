//! `to_number`: a text read by a pattern.

use super::super::own;
use super::number_pattern::{Item, Pattern};
use crate::{Error, Fault, Numeric};
use datafusion::error::Result;

/// Decimals that the pattern gives the number.
pub(super) fn decimals(pattern: &str) -> i8 {
    let behind = Pattern::parse(pattern).map_or(0, |pattern| pattern.behind);
    i8::try_from(behind.min(38)).unwrap_or(38)
}

pub(super) fn read(text: &str, pattern: &str) -> Result<Numeric> {
    let pattern = Pattern::parse(pattern)?;
    if pattern.roman || pattern.exponent {
        return Err(own(Error::unsupported("to_number of this pattern is not supported")));
    }
    let mut rest = text.trim_start();
    let mut number = String::new();
    let (mut negative, mut fraction, mut behind) = (false, false, 0);
    for item in &pattern.items {
        if let Some(after) = rest.strip_prefix(['-', '<']) {
            negative = true;
            rest = after;
        } else if let Some(after) = rest.strip_prefix('+') {
            rest = after;
        }
        match item {
            Item::Nine | Item::Zero | Item::Point => {
                rest = rest.trim_start();
                if let Some(after) = rest.strip_prefix('.').filter(|_| pattern.point && !fraction) {
                    number.push('.');
                    fraction = true;
                    rest = after;
                    if *item == Item::Point {
                        continue;
                    }
                }
                let digit = rest.chars().next().filter(char::is_ascii_digit);
                if let Some(digit) = digit.filter(|_| *item != Item::Point) {
                    behind += usize::from(fraction);
                    if behind <= pattern.behind {
                        number.push(digit);
                    }
                    rest = &rest[1..];
                }
            }
            Item::Group => rest = rest.strip_prefix(',').unwrap_or(rest),
            // Anything else stands for one letter, if that is no part of a number.
            _ => {
                let skipped = rest.chars().next().filter(|c| !c.is_ascii_digit() && *c != '.');
                rest = &rest[skipped.map_or(0, char::len_utf8)..];
            }
        }
    }
    negative |= rest.trim_start().starts_with('-');
    let text = format!("{}{number}", if negative { "-" } else { "" });
    let divided = Numeric::parse(&text).map_err(|_| {
        own(Error::new(
            Fault::InvalidTextRepresentation,
            format!("invalid input syntax for type numeric: \"{}\"", number.trim()),
        ))
    })?;
    let shifted = u8::try_from(pattern.shifted.min(38)).unwrap_or(38);
    Ok(Numeric { unscaled: divided.unscaled, scale: divided.scale.saturating_add(shifted).min(38) })
}
