//! `to_char` of numbers.

use super::number_pattern::{Anchor, Item, Pattern};
use super::ordinal;
use crate::Numeric;
use crate::exact::exact_rescale;
use datafusion::error::Result;

/// A number as text, without sign, with as many decimals as the pattern asks for.
struct Digits {
    negative: bool,
    text: String,
}

pub(super) fn numeric(number: Numeric, text: &str) -> Result<String> {
    let pattern = Pattern::parse(text)?;
    let negative = number.unscaled < 0;
    if pattern.roman {
        let whole = exact_rescale(number.unscaled, number.scale as i8, 0);
        return Ok(laid_out(&pattern, Digits { negative, text: roman(whole) }));
    }
    if pattern.exponent {
        return Ok(scientific(number, pattern.behind));
    }
    let shifted = Numeric {
        unscaled: number.unscaled,
        scale: number.scale.saturating_sub(pattern.shifted.min(38) as u8),
    };
    let missing = pattern.shifted.saturating_sub(usize::from(number.scale));
    let decimals = i8::try_from(pattern.behind).unwrap_or(38).min(38);
    let rounded = 10i128
        .checked_pow(missing as u32)
        .and_then(|power| shifted.unscaled.checked_mul(power))
        .and_then(|unscaled| exact_rescale(unscaled, shifted.scale as i8, decimals));
    // What has more than 38 digits has more than the pattern, unless that is as long.
    let digits = match rounded {
        Some(unscaled) => {
            Numeric { unscaled: unscaled.saturating_abs(), scale: decimals.unsigned_abs() }
                .to_string()
        }
        None => {
            let number = Numeric { unscaled: number.unscaled.saturating_abs(), ..number };
            let text = number.to_string();
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            format!("{whole}.{fraction:0<width$}", width = pattern.behind)
        }
    };
    let negative = negative && digits.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    Ok(laid_out(&pattern, Digits { negative, text: digits }))
}

/// Floats have 15 digits; what the pattern asks for beyond them is left out.
pub(super) fn float(number: f64, text: &str) -> Result<String> {
    const DIGITS: usize = 15;
    let pattern = Pattern::parse(text)?;
    let negative = number < 0.0;
    if pattern.roman {
        let whole = number.round_ties_even();
        let whole = (whole.abs() < 1e15).then_some(whole as i128);
        return Ok(laid_out(&pattern, Digits { negative, text: roman(whole) }));
    }
    if pattern.exponent {
        let sign = if negative { "-" } else { " " };
        return Ok(format!("{sign}{}", exponential(number.abs(), pattern.behind)));
    }
    let value = number.abs() * 10f64.powi(pattern.shifted as i32);
    let whole = format!("{value:.0}").len();
    let decimals = pattern.behind.min(DIGITS.saturating_sub(whole));
    Ok(laid_out(&pattern, Digits { negative, text: format!("{value:.decimals$}") }))
}

fn exponential(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `1.23e+04`, exactly.
fn scientific(number: Numeric, decimals: usize) -> String {
    let sign = if number.unscaled < 0 { "-" } else { " " };
    let digits = number.unscaled.unsigned_abs().to_string();
    let mut exponent = digits.len() as i32 - 1 - i32::from(number.scale);
    if number.unscaled == 0 {
        exponent = 0;
    }
    // One digit before the point, the rest rounded to so many behind it.
    let scale = digits.len() as i8 - 1;
    let kept = decimals.min(37) as i8;
    let rounded = exact_rescale(number.unscaled.saturating_abs(), scale, kept).unwrap_or(0);
    let mut mantissa = Numeric { unscaled: rounded, scale: kept.unsigned_abs() };
    if rounded >= 10i128.pow(kept as u32 + 1) {
        mantissa.unscaled /= 10;
        exponent += 1;
    }
    let power = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{mantissa}e{power}{:02}", exponent.abs())
}

fn roman(number: Option<i128>) -> String {
    const PARTS: [(i128, &str); 13] = [
        (1_000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let Some(mut rest) = number.filter(|number| (1..4_000).contains(number)) else {
        return "###############".to_owned();
    };
    let mut text = String::new();
    for (value, letters) in PARTS {
        while rest >= value {
            text.push_str(letters);
            rest -= value;
        }
    }
    text
}

fn laid_out(pattern: &Pattern, digits: Digits) -> String {
    let mut text = digits.text;
    let width = if pattern.roman { text.len() } else { pattern.before + pattern.shifted };
    let whole = text.find('.').unwrap_or(text.len());
    let blanks = width.saturating_sub(whole);
    if whole > width && !pattern.roman {
        text = format!("{}.{}", "#".repeat(width), "#".repeat(pattern.behind));
    }
    let mut layout = Layout {
        pattern,
        negative: digits.negative,
        number: text.as_bytes(),
        at: 0,
        place: 0,
        blanks,
        kept: None,
        sign_written: false,
        digit_written: false,
        out: String::new(),
    };
    layout.sign_written = match (pattern.plus, pattern.minus) {
        (true, false) => false,
        (_, true) => true,
        (false, false) => !digits.negative && pattern.fill && pattern.anchored.is_none(),
    };
    layout.kept = layout.last_kept();
    for item in &pattern.items {
        layout.item(*item);
    }
    layout.out
}

/// A number on its way into a pattern.
struct Layout<'a> {
    pattern: &'a Pattern,
    negative: bool,
    number: &'a [u8],
    /// The next byte of the number.
    at: usize,
    /// Digits of the pattern that were passed, the point among them.
    place: usize,
    /// Places of the pattern before the number's first digit.
    blanks: usize,
    /// The last byte that is written under FM.
    kept: Option<usize>,
    sign_written: bool,
    /// Whether the last place held a digit.
    digit_written: bool,
    out: String,
}

impl Layout<'_> {
    /// Under FM zeros at the end are left out, as far as no `0` of the pattern asks for them.
    fn last_kept(&self) -> Option<usize> {
        if !self.pattern.fill || !self.pattern.point {
            return None;
        }
        let point = self.number.iter().position(|byte| *byte == b'.')?;
        let digits = self.number[point..].iter().rposition(|byte| !matches!(byte, b'0' | b'.'));
        let mut last = point + digits.unwrap_or(0);
        if self.pattern.zero_to > self.blanks {
            last = last.max((self.number.len() - 1).min(self.pattern.zero_to - self.blanks));
        }
        Some(last)
    }

    fn brackets(&self) -> bool {
        self.pattern.brackets && (self.negative || !self.pattern.fill)
    }

    /// Whether the digit that comes is the lonely zero before a point, which `9.9` does not show.
    fn lonely_zero(&self) -> bool {
        self.pattern.zero_from.is_none()
            && self.at == 0
            && self.number.first() == Some(&b'0')
            && self.pattern.behind != 0
    }

    fn keeps_only_point(&self) -> bool {
        self.kept.is_some_and(|kept| self.number.get(kept) == Some(&b'.'))
    }

    fn item(&mut self, item: Item) {
        let fill = self.pattern.fill;
        match item {
            Item::Nine | Item::Zero | Item::Point if self.pattern.roman => {}
            Item::Nine | Item::Zero | Item::Point => self.digit(item == Item::Zero),
            Item::Group if self.digit_written => self.out.push(','),
            Item::Group if fill => {}
            Item::Group | Item::Currency => self.out.push(' '),
            Item::Minus if self.negative => self.out.push('-'),
            Item::Plus if !self.negative => self.out.push('+'),
            Item::Minus | Item::Plus if fill => {}
            Item::Minus | Item::Plus => self.out.push(' '),
            Item::PlusOrMinus => self.out.push(if self.negative { '-' } else { '+' }),
            Item::Roman { upper } => {
                let letters = String::from_utf8_lossy(self.number);
                let letters =
                    if upper { letters.into_owned() } else { letters.to_ascii_lowercase() };
                let width = if fill { 0 } else { 15 };
                self.out.push_str(&format!("{letters:>width$}"));
            }
            Item::Ordinal { upper } => {
                let plain = !self.pattern.roman && !self.negative && !self.pattern.point;
                if plain && self.number.first() != Some(&b'#') {
                    self.out.push_str(&ordinal(&String::from_utf8_lossy(self.number), upper));
                }
            }
            Item::Literal(letter) => self.out.push(letter),
        }
    }

    fn sign(&mut self) {
        match (self.pattern.anchored, self.brackets()) {
            (Some(Anchor::After), _) => return,
            (Some(Anchor::Before), _) => self.out.push(if self.negative { '-' } else { '+' }),
            (None, true) => self.out.push(if self.negative { '<' } else { ' ' }),
            (None, false) if self.negative => self.out.push('-'),
            (None, false) if !self.pattern.fill => self.out.push(' '),
            (None, false) => {}
        }
        self.sign_written = true;
    }

    fn digit(&mut self, is_zero: bool) {
        self.digit_written = false;
        let zero_from = self.pattern.zero_from;
        let begins = self.place >= self.blanks || zero_from == Some(self.place);
        if !self.sign_written && begins && (!self.lonely_zero() || self.keeps_only_point()) {
            self.sign();
        }
        if self.place < self.blanks {
            if zero_from.is_some_and(|from| from <= self.place) {
                self.out.push('0');
                self.digit_written = true;
            } else if !self.pattern.fill {
                self.out.push(' ');
            }
        } else {
            self.number_byte(is_zero);
        }
        self.end_of_number();
        self.place += 1;
    }

    fn number_byte(&mut self, is_zero: bool) {
        match self.number.get(self.at) {
            None => return,
            Some(b'.') => self.out.push('.'),
            Some(_) if self.kept.is_some_and(|kept| self.at > kept) && !is_zero => {}
            Some(_) if self.lonely_zero() => {
                if !self.pattern.fill {
                    self.out.push(' ');
                } else if self.keeps_only_point() {
                    self.out.push('0');
                }
            }
            Some(digit) => {
                self.out.push(char::from(*digit));
                self.digit_written = true;
            }
        }
        self.at += 1;
    }

    /// Behind the last digit come a closing bracket and the sign of `S`.
    fn end_of_number(&mut self) {
        let unsigned = usize::from(!self.sign_written_at_start() && self.blanks == 0);
        let digits = self.pattern.before + self.pattern.shifted + self.pattern.behind;
        let others = usize::from(self.blanks != 0) + usize::from(self.pattern.point);
        let past_last = digits + unsigned + others;
        if self.kept == Some(self.at) || self.place + 2 != past_last {
            return;
        }
        if self.sign_written && self.brackets() {
            self.out.push(if self.negative { '>' } else { ' ' });
        } else if self.pattern.anchored == Some(Anchor::After) {
            self.out.push(if self.negative { '-' } else { '+' });
        }
    }

    /// Whether no sign had to be written when the number began.
    fn sign_written_at_start(&self) -> bool {
        match (self.pattern.plus, self.pattern.minus) {
            (true, false) => false,
            (_, true) => true,
            (false, false) => {
                !self.negative && self.pattern.fill && self.pattern.anchored.is_none()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fill_patterns_as_in_postgres() {
        for (number, pattern, expected) in [
            ("125", "999", " 125"),
            ("125.8", "999D9", " 125.8"),
            ("-125.8", "999D99", "-125.80"),
            ("1234567.891", "9,999,999.99", " 1,234,567.89"),
            ("12", "0000", " 0012"),
            ("12.5", "FM999990.00", "12.50"),
            ("0.5", "0.99", " 0.50"),
            ("0.5", "9.99", "  .50"),
            ("1234.5", "FM9,999.00", "1,234.50"),
            ("-5", "S99", " -5"),
            ("5", "99PR", "  5 "),
            ("-5", "99PR", " <5>"),
            ("12345", "999", " ###"),
            ("12345", "FM9.999EEEE", " 1.235e+04"),
        ] {
            let number = Numeric::parse(number).expect("a number of the test");
            assert_eq!(numeric(number, pattern).unwrap(), expected, "{number} {pattern}");
        }
    }
}
