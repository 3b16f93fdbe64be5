//! The deliberate differences from PostgreSQL in what a SELECT answers, all of them, and why each
//! is there. Fifteen at most.

use super::answer::{Answer, Column};

/// A class of answers that differ on purpose.
#[derive(Debug)]
pub(crate) struct Difference {
    /// As `skipif tallybook # name` names it.
    pub(crate) name: &'static str,
    /// For the user.
    pub(crate) reason: &'static str,
    /// Whether two different answers differ in this way only.
    explains: fn(ours: &Answer, theirs: &Answer) -> bool,
}

pub(crate) const ALL: [Difference; 8] = [
    Difference {
        name: "38 digits",
        reason: "A numeric has at most 38 digits, decimals included. What needs more is `22003`, never rounded.",
        explains: |ours, theirs| fails_with(ours, "22003") && has_rows(theirs),
    },
    Difference {
        name: "scale",
        reason: "All values of a numeric column have one number of decimals: `/` and `avg` give at least 16, \
                 where Postgres gives every value a scale of its own. The values are the same up to that.",
        explains: |ours, theirs| {
            same_rows(ours, theirs, same_number) && same_types(ours, theirs, |a, b| a == b)
        },
    },
    Difference {
        name: "float functions",
        reason: "`power`, `sqrt`, `exp`, `ln` and `log` compute in float8, for numerics too.",
        explains: |ours, theirs| {
            same_rows(ours, theirs, close)
                && same_types(ours, theirs, |a, b| a == b || (a == FLOAT8 && b == NUMERIC))
        },
    },
    Difference {
        name: "float overflow",
        reason: "float8 goes to infinity or NaN where Postgres says `22003` or `2201E`. Money is never a float.",
        explains: |ours, theirs| {
            has_rows(ours) && (fails_with(theirs, "22003") || fails_with(theirs, "2201E"))
        },
    },
    Difference {
        name: "wider integers",
        reason: "Some functions answer int8 where Postgres answers int4.",
        explains: |ours, theirs| {
            same_rows(ours, theirs, |a, b| a == b)
                && same_types(ours, theirs, |a, b| a == b || is_wider(a, b))
        },
    },
    Difference {
        name: "description",
        reason: "A computed column does not always tell the name, the size, or the type (`varchar`, `regtype`) that Postgres \
                 tells; its values are the same.",
        explains: |ours, theirs| {
            let texts = [TEXT, VARCHAR, NAME, REGTYPE];
            same_rows(ours, theirs, |a, b| a == b)
                && type_oids(ours).zip(type_oids(theirs)).is_some_and(|(ours, theirs)| {
                    let same =
                        |(a, b): (&u32, &u32)| a == b || texts.contains(a) && texts.contains(b);
                    ours.iter().zip(&theirs).all(same)
                })
        },
    },
    Difference {
        name: "more is accepted",
        reason: "A statement that Postgres refuses for its grammar or for the type of an argument, and that can mean one thing only, is answered.",
        explains: |ours, theirs| {
            has_rows(ours) && (fails_with(theirs, "42601") || fails_with(theirs, "42883"))
        },
    },
    Difference {
        name: "other error",
        reason: "Both refuse a value; which of the data exceptions (class 22) it is differs.",
        explains: |ours, theirs| {
            matches!((ours, theirs),
                (Answer::Error { sqlstate: ours, .. }, Answer::Error { sqlstate: theirs, .. })
                    if ours.starts_with("22") && theirs.starts_with("22"))
        },
    },
];

const FLOAT8: u32 = 701;
const NUMERIC: u32 = 1700;
const TEXT: u32 = 25;
const VARCHAR: u32 = 1043;
const NAME: u32 = 19;
const REGTYPE: u32 = 2206;

impl Difference {
    pub(crate) fn named(name: &str) -> Option<&'static Difference> {
        ALL.iter().find(|difference| difference.name == name)
    }

    pub(crate) fn explains(&self, ours: &Answer, theirs: &Answer) -> bool {
        (self.explains)(ours, theirs)
    }

    /// The first class that explains two answers, if any does.
    pub(crate) fn between(ours: &Answer, theirs: &Answer) -> Option<&'static Difference> {
        ALL.iter().find(|difference| difference.explains(ours, theirs))
    }
}

fn fails_with(answer: &Answer, code: &str) -> bool {
    matches!(answer, Answer::Error { sqlstate, .. } if sqlstate == code)
}

fn type_oids(answer: &Answer) -> Option<Vec<u32>> {
    match answer {
        Answer::Rows { columns, .. } => {
            Some(columns.iter().map(|column| column.type_oid).collect())
        }
        _ => None,
    }
}

fn has_rows(answer: &Answer) -> bool {
    matches!(answer, Answer::Rows { .. })
}

fn is_wider(ours: u32, theirs: u32) -> bool {
    // int8 for int4 and int2, and the same for arrays of them.
    matches!((ours, theirs), (20, 23 | 21) | (23, 21) | (1016, 1007 | 1005) | (20, 1700))
}

fn same_rows(ours: &Answer, theirs: &Answer, same: fn(&str, &str) -> bool) -> bool {
    let (Answer::Rows { rows: ours, .. }, Answer::Rows { rows: theirs, .. }) = (ours, theirs)
    else {
        return false;
    };
    let same_row = |(ours, theirs): (&String, &String)| {
        let (ours, theirs): (Vec<&str>, Vec<&str>) =
            (ours.split('\t').collect(), theirs.split('\t').collect());
        ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| same(a, b))
    };
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(same_row)
}

fn same_types(ours: &Answer, theirs: &Answer, same: fn(u32, u32) -> bool) -> bool {
    let (Answer::Rows { columns: ours, .. }, Answer::Rows { columns: theirs, .. }) = (ours, theirs)
    else {
        return false;
    };
    let same = |(a, b): (&Column, &Column)| a.name == b.name && same(a.type_oid, b.type_oid);
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(same)
}

/// Whether two numbers are the same as far as the shorter one has decimals, at least 10 of them.
fn same_number(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let array = |text: &str| text.starts_with('{') && text.ends_with('}');
    if array(a) && array(b) {
        let (a, b) = (a[1..a.len() - 1].split(','), b[1..b.len() - 1].split(','));
        return a.clone().count() == b.clone().count() && a.zip(b).all(|(a, b)| same_number(a, b));
    }
    let (Some(a), Some(b)) = (decimal(a), decimal(b)) else { return false };
    let decimals = a.1.trim_end_matches('0').len().min(b.1.trim_end_matches('0').len());
    let exact = a.1.trim_end_matches('0') == b.1.trim_end_matches('0');
    if a.0 == b.0 && exact {
        return true;
    }
    // The last decimal of the shorter one may have been rounded.
    let shorter = decimals.min(a.1.len()).min(b.1.len());
    shorter >= 10 && within_one(&scaled(a, shorter), &scaled(b, shorter))
}

/// Whole part with its sign, and decimals.
fn decimal(text: &str) -> Option<(&str, &str)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let all = digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    (all && !digits.is_empty()).then_some((whole, fraction))
}

fn scaled((whole, fraction): (&str, &str), decimals: usize) -> Option<i128> {
    format!("{whole}{}", &fraction[..decimals]).parse().ok()
}

fn within_one(a: &Option<i128>, b: &Option<i128>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a.abs_diff(*b) <= 1)
}

fn close(a: &str, b: &str) -> bool {
    a == b
        || match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(a), Ok(b)) => (a - b).abs() <= a.abs().max(b.abs()) * 1e-12,
            _ => false,
        }
}

#[test]
fn there_are_few_differences_and_none_explains_other_numbers() {
    assert!(ALL.len() <= 15);
    assert!(same_number("0.3333333333333333", "0.33333333333333333333"));
    assert!(same_number("837737.0000000000000000", "837737.000000000000"));
    assert!(same_number("2.0", "2") && same_number("{1.0,2.5}", "{1,2.5}"));
    for (a, b) in
        [("1", "2"), ("1.5", "1"), ("0.34", "0.33"), ("x", "y"), ("NULL", "0"), ("-0.5", "0.5")]
    {
        assert!(!same_number(a, b), "{a} {b}");
        assert!(!close(a, b), "{a} {b}");
    }
}
