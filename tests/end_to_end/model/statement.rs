//! The statements of the random sessions: made by dice, told as SQL.

use super::books::{Direction, Leg, Named};
use tests::Dice;

pub(crate) const BOOKS: [&str; 2] = ["north", "south"];
/// Opened at the start: `a…` are clearing accounts, `wallet` must not fall below zero.
pub(crate) const PATHS: [&str; 4] = ["a0", "a1", "a2", "wallet"];

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement {
    Begin,
    Commit,
    Rollback,
    Savepoint(u64),
    RollbackTo(u64),
    Release(u64),
    Post {
        at: Named,
        legs: Vec<Leg>,
        as_json: bool,
        skips: bool,
        returning: bool,
    },
    /// A transaction without postings, and a handle to it.
    Head(Named, u64),
    /// Postings for a transaction begun before.
    Legs(u64, Vec<Leg>),
    Open(Named),
    Balance(Named),
    Count(&'static str),
    Fail,
}

impl Statement {
    /// A statement for a session that knows the given handles.
    pub(crate) fn random(dice: &mut Dice, in_block: bool, handles: &[u64]) -> Statement {
        let book = BOOKS[dice.below(2) as usize];
        let name = dice.below(3);
        match dice.below(100) {
            0..8 if in_block => Statement::Commit,
            0..8 => Statement::Begin,
            8..10 => Statement::Rollback,
            10..11 => Statement::Begin,
            11..12 => Statement::Commit,
            12..20 if in_block => Statement::Savepoint(name),
            20..28 if in_block => Statement::RollbackTo(name),
            28..31 if in_block => Statement::Release(name),
            31..32 => Statement::Savepoint(name),
            32..38 => Statement::Head((book, new_key(dice)), dice.roll() >> 16),
            38..50 if !handles.is_empty() => {
                let handle = handles[dice.below(handles.len() as u64) as usize];
                Statement::Legs(handle, legs_for_a_head(dice))
            }
            50..54 => Statement::Open((book, format!("n{}", dice.below(6)))),
            54..66 => Statement::Balance((book, random_path(dice))),
            66..70 => Statement::Count(book),
            70..73 => Statement::Fail,
            _ => Self::random_post(dice, book),
        }
    }

    fn random_post(dice: &mut Dice, book: &'static str) -> Statement {
        let is_new = dice.below(3) > 0;
        let key = if is_new { new_key(dice) } else { format!("k{}", dice.below(40)) };
        // The same key mostly comes with the same content.
        let mut content = Dice::new(
            key.bytes()
                .fold(7u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte))),
        );
        let mut legs = balanced_legs(&mut content);
        match dice.below(12) {
            0 if is_new => {
                // One fault at a time: which is told first is nobody's promise.
                let leg =
                    |path: &str, direction| Leg { path: path.to_owned(), direction, amount: 0 };
                legs = vec![leg("a0", Direction::Debit), leg("a1", Direction::Credit)];
            }
            1 if is_new => legs[0].path = "nobody".to_owned(),
            2 => {
                for leg in &mut legs {
                    leg.amount += 1;
                }
            }
            _ => {}
        }
        let is_transfer = legs.len() == 2 && legs[0].amount == legs[1].amount;
        Statement::Post {
            at: (book, key),
            as_json: !is_transfer || dice.below(2) == 0,
            legs,
            skips: dice.below(6) == 0,
            returning: dice.below(2) == 0,
        }
    }

    pub(crate) fn sql(&self) -> String {
        match self {
            Statement::Begin => "BEGIN".to_owned(),
            Statement::Commit => "COMMIT".to_owned(),
            Statement::Rollback => "ROLLBACK".to_owned(),
            Statement::Savepoint(name) => format!("SAVEPOINT s{name}"),
            Statement::RollbackTo(name) => format!("ROLLBACK TO s{name}"),
            Statement::Release(name) => format!("RELEASE s{name}"),
            Statement::Post { at: (book, key), legs, as_json, skips, returning } => {
                let insert = if *as_json {
                    format!(
                        "INSERT INTO transactions (book, idempotency_key, postings) VALUES \
                         ('{book}', '{key}', '[{}]')",
                        legs.iter().map(leg_as_json).collect::<Vec<_>>().join(",")
                    )
                } else {
                    format!(
                        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
                         amount) VALUES ('{book}', '{key}', '{}', '{}', {})",
                        legs[0].path, legs[1].path, legs[0].amount
                    )
                };
                let on_conflict =
                    if *skips { " ON CONFLICT (book, idempotency_key) DO NOTHING" } else { "" };
                let returning = if *returning { " RETURNING seq, deduplicated" } else { "" };
                format!("{insert}{on_conflict}{returning}")
            }
            Statement::Head((book, key), handle) => format!(
                "INSERT INTO transactions (tx_id, book, idempotency_key) VALUES \
                 ('{}', '{book}', '{key}')",
                uuid(*handle)
            ),
            Statement::Legs(handle, legs) => {
                let rows = legs.iter().map(|leg| {
                    format!(
                        "('{}', '{}', {}, '{}')",
                        uuid(*handle),
                        leg.path,
                        leg.amount,
                        word(leg.direction)
                    )
                });
                format!(
                    "INSERT INTO postings (tx_id, account, amount, direction) VALUES {}",
                    rows.collect::<Vec<_>>().join(", ")
                )
            }
            Statement::Open((book, path)) => format!(
                "INSERT INTO accounts (book, path, asset, kind) VALUES \
                 ('{book}', '{path}', 'USD', 'clearing')"
            ),
            Statement::Balance((book, path)) => format!(
                "SELECT debits, credits FROM accounts WHERE book = '{book}' AND path = '{path}'"
            ),
            Statement::Count(book) => {
                format!("SELECT count(*) FROM transactions WHERE book = '{book}'")
            }
            Statement::Fail => "SELECT 1/0".to_owned(),
        }
    }
}

fn uuid(handle: u64) -> String {
    format!("01890000-0000-7000-8000-{handle:012x}")
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Debit => "debit",
        Direction::Credit => "credit",
    }
}

fn leg_as_json(leg: &Leg) -> String {
    format!(
        r#"{{"account":"{}","amount":"{}","direction":"{}"}}"#,
        leg.path,
        leg.amount,
        word(leg.direction)
    )
}

fn new_key(dice: &mut Dice) -> String {
    format!("new-{:x}", dice.roll())
}

fn random_path(dice: &mut Dice) -> String {
    match dice.below(5) {
        0 => format!("n{}", dice.below(6)),
        n => PATHS[n as usize - 1].to_owned(),
    }
}

/// Two legs or three that balance; mostly between accounts that are there.
fn balanced_legs(dice: &mut Dice) -> Vec<Leg> {
    let leg = |path: &str, direction, amount| Leg { path: path.to_owned(), direction, amount };
    let amount = dice.below(50) as i64 + 2;
    let path = |n: u64| if n < 4 { PATHS[n as usize].to_owned() } else { format!("n{}", n - 4) };
    let first = dice.below(10);
    let second = (first + 1 + dice.below(9)) % 10;
    let mut legs = vec![leg(&path(first), Direction::Debit, amount)];
    if dice.below(4) == 0 {
        legs.push(leg(&path(second), Direction::Credit, amount - 1));
        legs.push(leg("a0", Direction::Credit, 1));
    } else {
        legs.push(leg(&path(second), Direction::Credit, amount));
    }
    legs
}

/// Legs of an assembled transaction, between accounts without a minimum: it is checked when the
/// transaction is whole, and what a block may do meanwhile is another test.
fn legs_for_a_head(dice: &mut Dice) -> Vec<Leg> {
    let leg = |path: &str, direction, amount| Leg { path: path.to_owned(), direction, amount };
    let amount = dice.below(50) as i64 + 1;
    let mut legs = vec![leg("a1", Direction::Debit, amount), leg("a2", Direction::Credit, amount)];
    match dice.below(12) {
        0 => legs.truncate(1),
        1 => legs[1].path = "nobody".to_owned(),
        2 => legs[1].amount = 0,
        _ => {}
    }
    legs
}
