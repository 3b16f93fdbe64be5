//! The patterns of `to_char`, `to_date` and `to_timestamp` for times: `YYYY-MM-DD HH24:MI`.

use std::cell::RefCell;
use std::rc::Rc;

/// A field of a time, in capitals; `style` tells how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) letters: Letters,
    /// FM: neither blanks nor zeros before it.
    pub(super) fill: bool,
    /// TH, th.
    pub(super) ordinal: Option<Letters>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    Upper,
    /// `Month`.
    Initial,
    Lower,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Field(Field),
    /// Between quotes, or no field.
    Literal(String),
}

/// In capitals; the longest first where one begins with another.
const NAMES: [&str; 48] = [
    "SSSSS", "A.D.", "A.M.", "B.C.", "HH12", "HH24", "IDDD", "IYYY", "MONTH", "P.M.", "SSSS",
    "Y,YYY", "YYYY", "DAY", "DDD", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "IYY", "MON", "TZH",
    "TZM", "YYY", "AD", "AM", "BC", "CC", "DD", "DY", "HH", "ID", "IW", "IY", "MI", "MM", "MS",
    "OF", "PM", "RM", "SS", "TZ", "US", "WW", "YY", "D",
];
const SHORT: [&str; 6] = ["I", "J", "Q", "W", "Y", "FX"];

fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().chain(SHORT)
}

/// How a name is written where the text begins with it; mixed letters only as `Month`.
fn letters(text: &str, name: &str) -> Option<Letters> {
    let written = text.get(..name.len())?;
    if written == name {
        return Some(Letters::Upper);
    }
    if written == name.to_lowercase() {
        return Some(Letters::Lower);
    }
    let initial = format!("{}{}", &name[..1], name[1..].to_lowercase());
    let named = matches!(name, "MONTH" | "MON" | "DAY" | "DY");
    (named && written == initial).then_some(Letters::Initial)
}

thread_local! {
    /// The last pattern and what it is made of: all rows of a column mostly have one.
    static LAST: RefCell<Option<(String, Rc<[Item]>)>> = const { RefCell::new(None) };
}

pub(super) fn parse(text: &str) -> Rc<[Item]> {
    LAST.with_borrow_mut(|last| match last {
        Some((known, items)) if known == text => Rc::clone(items),
        _ => {
            let items: Rc<[Item]> = items(text).into();
            *last = Some((text.to_owned(), Rc::clone(&items)));
            items
        }
    })
}

fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let mut quoted = String::new();
            let mut chars = rest[1..].char_indices();
            let mut end = rest.len();
            while let Some((at, c)) = chars.next() {
                match c {
                    '"' => {
                        end = at + 2;
                        break;
                    }
                    '\\' => quoted.extend(chars.next().map(|(_, c)| c)),
                    c => quoted.push(c),
                }
            }
            items.push(Item::Literal(quoted));
            rest = &rest[end..];
            continue;
        }
        let mut fill = false;
        let mut after = rest;
        while let Some(marked) = ["FM", "fm", "TM", "tm"].iter().find(|m| after.starts_with(**m)) {
            fill |= marked.eq_ignore_ascii_case("FM");
            after = &after[2..];
        }
        let found = names().find_map(|name| Some((name, letters(after, name)?)));
        match found {
            Some(("FX", _)) => rest = &after[2..],
            Some((name, letters)) => {
                after = &after[name.len()..];
                let ordinal = match after.get(..2) {
                    Some("TH") => Some(Letters::Upper),
                    Some("th") => Some(Letters::Lower),
                    _ => None,
                };
                rest = if ordinal.is_some() { &after[2..] } else { after };
                items.push(Item::Field(Field { name, letters, fill, ordinal }));
            }
            None if after.len() < rest.len() => rest = after,
            None => {
                items.push(Item::Literal(first.to_string()));
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    items
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From Sunday.
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) const ROMAN_MONTHS: [&str; 12] =
    ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

pub(super) fn cased(name: &str, letters: Letters) -> String {
    match letters {
        Letters::Upper => name.to_uppercase(),
        Letters::Lower => name.to_lowercase(),
        Letters::Initial => name.to_owned(),
    }
}
