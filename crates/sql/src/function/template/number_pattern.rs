//! The patterns of `to_char` and `to_number` for numbers: `FM9,999.00`, `S99`, `99PR`.
//!
//! Owns: what a pattern means as a whole. Signs, currency and separators are those of the locale C.

use super::bad_pattern;
use datafusion::error::Result;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Nine,
    Zero,
    /// `.` or `D`.
    Point,
    /// `,` or `G`.
    Group,
    Minus,
    Plus,
    PlusOrMinus,
    /// `L`: the currency, a space in the locale C.
    Currency,
    Roman {
        upper: bool,
    },
    Ordinal {
        upper: bool,
    },
    Literal(char),
}

/// Where the sign of `S` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Before,
    After,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Pattern {
    pub(super) items: Vec<Item>,
    /// Digits before and behind the point.
    pub(super) before: usize,
    pub(super) behind: usize,
    /// Places that `V` moves the point by.
    pub(super) shifted: usize,
    /// How many digits come before the first `0`, if there is one.
    pub(super) zero_from: Option<usize>,
    /// How many digits come up to the last `0`.
    pub(super) zero_to: usize,
    pub(super) fill: bool,
    pub(super) point: bool,
    pub(super) anchored: Option<Anchor>,
    pub(super) brackets: bool,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) roman: bool,
    pub(super) exponent: bool,
    multiplied: bool,
    /// Digits before the `S`.
    sign_at: usize,
}

/// What a pattern is made of; the longest first where one begins with another.
const WORDS: [&str; 20] = [
    "EEEE", "FM", "MI", "PL", "PR", "RN", "SG", "SP", "TH", "th", "B", "C", "D", "G", "L", "S",
    "V", "9", "0", ",",
];

thread_local! {
    /// The last pattern and what it means: all rows of a column mostly have one.
    static LAST: RefCell<Option<(String, Rc<Pattern>)>> = const { RefCell::new(None) };
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Rc<Pattern>> {
        LAST.with_borrow_mut(|last| match last {
            Some((known, pattern)) if known == text => Ok(Rc::clone(pattern)),
            _ => {
                let pattern = Rc::new(Pattern::read(text)?);
                *last = Some((text.to_owned(), Rc::clone(&pattern)));
                Ok(pattern)
            }
        })
    }

    fn read(text: &str) -> Result<Pattern> {
        let mut pattern = Pattern::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '"' {
                let quoted = &rest[1..];
                let end = quoted.find('"').unwrap_or(quoted.len());
                pattern.items.extend(quoted[..end].chars().map(Item::Literal));
                rest = quoted.get(end + 1..).unwrap_or_default();
                continue;
            }
            if first == '.' {
                pattern.word("D")?;
                rest = &rest[1..];
                continue;
            }
            let known = WORDS.iter().find(|word| {
                let begins = rest.get(..word.len());
                // Ordinals tell their letters' case, all else is taken in any.
                match **word {
                    "TH" | "th" => begins == Some(**word),
                    word => begins.is_some_and(|begins| begins.eq_ignore_ascii_case(word)),
                }
            });
            match known {
                Some(&"RN") => {
                    pattern.roman = true;
                    pattern.items.push(Item::Roman { upper: rest.starts_with('R') });
                }
                Some(word) => pattern.word(word)?,
                None => pattern.items.push(Item::Literal(first)),
            }
            rest = &rest[known.map_or(first.len_utf8(), |word| word.len())..];
        }
        if pattern.anchored == Some(Anchor::Before) && pattern.sign_at == pattern.before {
            pattern.anchored = Some(Anchor::After);
        }
        Ok(pattern)
    }

    fn word(&mut self, word: &str) -> Result<()> {
        let digits = self.before + self.behind;
        match word {
            "9" | "0" if self.brackets => {
                return Err(bad_pattern(&format!("\"{word}\" must be ahead of \"PR\"")));
            }
            "9" if self.multiplied => {
                self.shifted += 1;
                self.items.push(Item::Nine);
            }
            "9" | "0" => {
                if word == "0" {
                    if !self.point && self.zero_from.is_none() {
                        self.zero_from = Some(digits);
                    }
                    self.zero_to = digits + 1;
                }
                self.items.push(if word == "9" { Item::Nine } else { Item::Zero });
                if self.point {
                    self.behind += 1;
                } else {
                    self.before += 1;
                }
            }
            "D" => {
                if self.point {
                    return Err(bad_pattern("multiple decimal points"));
                }
                if self.multiplied {
                    return Err(bad_pattern("cannot use \"V\" and decimal point together"));
                }
                self.point = true;
                self.items.push(Item::Point);
            }
            "," | "G" => self.items.push(Item::Group),
            "L" => self.items.push(Item::Currency),
            "FM" => self.fill = true,
            "S" | "MI" | "PL" | "SG" | "PR" => self.sign(word)?,
            "V" => {
                if self.point {
                    return Err(bad_pattern("cannot use \"V\" and decimal point together"));
                }
                self.multiplied = true;
            }
            "EEEE" => self.exponent = true,
            "TH" | "th" => self.items.push(Item::Ordinal { upper: word == "TH" }),
            // Of `SP`, `C` and `B` Postgres makes nothing.
            _ => {}
        }
        Ok(())
    }

    fn sign(&mut self, word: &str) -> Result<()> {
        match word {
            "S" => {
                if self.anchored.is_some() {
                    return Err(bad_pattern("cannot use \"S\" twice"));
                }
                if self.plus || self.minus || self.brackets {
                    return Err(bad_pattern(
                        "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together",
                    ));
                }
                self.anchored = Some(if self.point { Anchor::After } else { Anchor::Before });
                self.sign_at = self.before;
            }
            "MI" | "PL" | "SG" => {
                if self.anchored.is_some() {
                    return Err(bad_pattern(&format!("cannot use \"S\" and \"{word}\" together")));
                }
                self.minus |= word != "PL";
                self.plus |= word != "MI";
                self.items.push(match word {
                    "MI" => Item::Minus,
                    "PL" => Item::Plus,
                    _ => Item::PlusOrMinus,
                });
            }
            _ => {
                if self.anchored.is_some() || self.plus || self.minus {
                    return Err(bad_pattern(
                        "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together",
                    ));
                }
                self.brackets = true;
            }
        }
        Ok(())
    }
}
