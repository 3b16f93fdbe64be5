//! The syntax of DECLARE, FETCH, MOVE and CLOSE, as Postgres 15 has it.

use super::position::Direction;
use crate::statement::Cursor;
use crate::{Error, Fault, Result};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Token;

/// `DECLARE name … CURSOR … FOR query`.
#[derive(Debug, Clone)]
pub(crate) struct DeclareCommand {
    pub(crate) name: String,
    pub(crate) options: CursorOptions,
    pub(crate) query: Box<ast::Statement>,
}

/// What a cursor was declared to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CursorOptions {
    /// A simple Query fetches from it in the binary format.
    pub is_binary: bool,
    /// It can go back. Without a word about it, a cursor goes forward only.
    pub is_scroll: bool,
    /// WITH HOLD: it outlives its block.
    pub is_hold: bool,
}

/// `FETCH` or `MOVE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchCommand {
    pub name: String,
    pub direction: Direction,
    /// MOVE: as FETCH, without giving the rows.
    pub is_move: bool,
}

/// After DECLARE, up to and with FOR: the query is read by who calls this.
pub(crate) fn parse_declare(cursor: &mut Cursor<'_>) -> Result<(String, CursorOptions)> {
    let name = cursor.expect_name()?;
    let mut options = CursorOptions::default();
    let (mut scroll, mut no_scroll) = (false, false);
    let (mut sensitive, mut insensitive) = (false, false);
    loop {
        if cursor.take_word("binary") {
            options.is_binary = true;
        } else if cursor.take_word("asensitive") {
            sensitive = true;
        } else if cursor.take_word("insensitive") {
            insensitive = true;
        } else if cursor.take_word("scroll") {
            scroll = true;
        } else if cursor.take_word("no") {
            cursor.expect_word("scroll")?;
            no_scroll = true;
        } else {
            break;
        }
    }
    cursor.expect_word("cursor")?;
    if cursor.take_words(&["with", "hold"]) {
        options.is_hold = true;
    } else {
        cursor.take_words(&["without", "hold"]);
    }
    cursor.expect_word("for")?;
    if scroll && no_scroll {
        return Err(contradiction("SCROLL", "NO SCROLL"));
    }
    if sensitive && insensitive {
        return Err(contradiction("ASENSITIVE", "INSENSITIVE"));
    }
    options.is_scroll = scroll;
    Ok((name, options))
}

fn contradiction(one: &str, other: &str) -> Error {
    Error::new(Fault::InvalidCursorDefinition, format!("cannot specify both {one} and {other}"))
}

/// After FETCH or MOVE.
pub(crate) fn parse_fetch(cursor: &mut Cursor<'_>, is_move: bool) -> Result<FetchCommand> {
    let direction = parse_direction(cursor)?;
    if !cursor.take_word("from") {
        cursor.take_word("in");
    }
    let name = cursor.expect_name()?;
    cursor.expect_end()?;
    Ok(FetchCommand { name, direction, is_move })
}

/// The words of a direction may also be the name of the cursor, if nothing follows them.
fn parse_direction(cursor: &mut Cursor<'_>) -> Result<Direction> {
    const NEXT: Direction = Direction::Forward(Some(1));
    if cursor.is_last() {
        return Ok(NEXT);
    }
    if let Some(count) = cursor.take_signed_integer()? {
        return Ok(Direction::Forward(Some(count)));
    }
    let Some(word) = cursor.peek_word().map(str::to_ascii_lowercase) else { return Ok(NEXT) };
    let known =
        ["next", "prior", "first", "last", "absolute", "relative", "all", "forward", "backward"];
    if !known.contains(&word.as_str()) {
        return Ok(NEXT);
    }
    cursor.skip();
    Ok(match word.as_str() {
        "prior" => Direction::Backward(Some(1)),
        "first" => Direction::Absolute(1),
        "last" => Direction::Absolute(-1),
        "absolute" => Direction::Absolute(expect_integer(cursor)?),
        "relative" => Direction::Relative(expect_integer(cursor)?),
        "all" => Direction::Forward(None),
        "forward" => Direction::Forward(optional_count(cursor)?),
        "backward" => Direction::Backward(optional_count(cursor)?),
        _ => NEXT,
    })
}

fn expect_integer(cursor: &mut Cursor<'_>) -> Result<i64> {
    cursor.take_signed_integer()?.ok_or_else(|| cursor.unexpected())
}

/// Behind FORWARD and BACKWARD: a number, ALL, or nothing for one.
fn optional_count(cursor: &mut Cursor<'_>) -> Result<Option<i64>> {
    if !cursor.is_last() && cursor.take_word("all") {
        return Ok(None);
    }
    Ok(Some(cursor.take_signed_integer()?.unwrap_or(1)))
}

/// After CLOSE: the name, or `None` for all.
pub(crate) fn parse_close(cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    let name = match cursor.take_word("all") {
        true => None,
        false => Some(cursor.expect_name()?),
    };
    cursor.expect_end()?;
    Ok(name)
}

impl Cursor<'_> {
    /// A whole number with or without a sign, of four bytes as in Postgres.
    fn take_signed_integer(&mut self) -> Result<Option<i64>> {
        let sign = match self.peek() {
            Some(Token::Minus) => Some(-1),
            Some(Token::Plus) => Some(1),
            _ => None,
        };
        if sign.is_some() {
            self.skip();
        }
        match self.peek() {
            Some(Token::Number(digits, false)) => {
                let number: i32 = digits.parse().map_err(|_| self.unexpected())?;
                self.skip();
                Ok(Some(i64::from(number) * sign.unwrap_or(1)))
            }
            _ if sign.is_some() => Err(self.unexpected()),
            _ => Ok(None),
        }
    }
}
