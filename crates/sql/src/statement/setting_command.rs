//! SET, RESET and SHOW, read from tokens.

use super::block_command::{BlockModes, parse_modes};
use super::cursor::Cursor;
use crate::{Error, Result};
use datafusion::sql::sqlparser::tokenizer::Token;

/// How long a SET holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Session,
    /// Until the end of the block.
    Local,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SettingCommand {
    /// `values` is `None` for DEFAULT.
    Set {
        name: String,
        values: Option<Vec<String>>,
        scope: Scope,
    },
    SetTransaction(BlockModes),
    /// What is checked at the end of a block is checked there anyway.
    DeferConstraints,
    /// The defaults of later blocks.
    SetDefaultModes(BlockModes),
    Reset {
        name: String,
    },
    ResetAll,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ShowCommand {
    One(String),
    All,
}

/// After SET CONSTRAINTS. Balance is checked when a block commits, which is what DEFERRED asks for.
fn parse_set_constraints(cursor: &mut Cursor<'_>) -> Result<SettingCommand> {
    if !cursor.take_word("all") {
        cursor.expect_dotted_name()?;
        while cursor.take(&Token::Comma) {
            cursor.expect_dotted_name()?;
        }
    }
    if cursor.take_word("immediate") {
        return Err(Error::unsupported("SET CONSTRAINTS … IMMEDIATE is not supported")
            .with_hint("Transactions are checked when their block commits."));
    }
    cursor.expect_word("deferred")?;
    cursor.expect_end()?;
    Ok(SettingCommand::DeferConstraints)
}

/// After SET.
pub(super) fn parse_set(cursor: &mut Cursor<'_>) -> Result<SettingCommand> {
    if cursor.take_words(&["session", "characteristics", "as", "transaction"]) {
        let modes = parse_modes(cursor)?;
        cursor.expect_end()?;
        return Ok(SettingCommand::SetDefaultModes(modes));
    }
    if cursor.take_word("constraints") {
        return parse_set_constraints(cursor);
    }
    if cursor.take_words(&["transaction", "snapshot"]) {
        return Err(Error::unsupported("SET TRANSACTION SNAPSHOT is not supported"));
    }
    if cursor.take_word("transaction") {
        let modes = parse_modes(cursor)?;
        cursor.expect_end()?;
        return Ok(SettingCommand::SetTransaction(modes));
    }
    if cursor.take_word("constraints") {
        return Err(Error::unsupported("SET CONSTRAINTS is not supported"));
    }
    let scope = match cursor.take_word("local") {
        true => Scope::Local,
        false => {
            // `SET SESSION AUTHORIZATION x` is the one place where SESSION is part of the name.
            if !cursor.take_words(&["session", "authorization"]) {
                cursor.take_word("session");
                Scope::Session
            } else {
                return parse_role(cursor, "session_authorization", Scope::Session);
            }
        }
    };
    if cursor.take_word("role") {
        return parse_role(cursor, "role", scope);
    }
    if cursor.take_words(&["time", "zone"]) {
        let values = match cursor.take_word("local") {
            true => None,
            false => parse_values(cursor)?,
        };
        return Ok(SettingCommand::Set { name: "timezone".to_owned(), values, scope });
    }
    if cursor.take_word("names") {
        let values = parse_values(cursor)?;
        return Ok(SettingCommand::Set { name: "client_encoding".to_owned(), values, scope });
    }
    let name = cursor.expect_dotted_name()?.join(".");
    if !cursor.take_word("to") {
        cursor.expect(&Token::Eq)?;
    }
    let values = parse_values(cursor)?;
    Ok(SettingCommand::Set { name, values, scope })
}

/// The name after `SET ROLE` or `SET SESSION AUTHORIZATION`, with or without `=` or TO.
fn parse_role(cursor: &mut Cursor<'_>, name: &str, scope: Scope) -> Result<SettingCommand> {
    if !cursor.take_word("to") {
        cursor.take(&Token::Eq);
    }
    let values = parse_values(cursor)?;
    Ok(SettingCommand::Set { name: name.to_owned(), values, scope })
}

/// One value or a list of them; `None` for DEFAULT.
fn parse_values(cursor: &mut Cursor<'_>) -> Result<Option<Vec<String>>> {
    if cursor.take_word("default") {
        cursor.expect_end()?;
        return Ok(None);
    }
    let mut values = vec![parse_value(cursor)?];
    while cursor.take(&Token::Comma) {
        values.push(parse_value(cursor)?);
    }
    cursor.expect_end()?;
    Ok(Some(values))
}

fn parse_value(cursor: &mut Cursor<'_>) -> Result<String> {
    if let Some(text) = cursor.take_string() {
        return Ok(text);
    }
    let sign = if cursor.take(&Token::Minus) {
        "-"
    } else {
        cursor.take(&Token::Plus);
        ""
    };
    match cursor.peek() {
        Some(Token::Number(digits, _)) => {
            cursor.skip();
            Ok(format!("{sign}{digits}"))
        }
        Some(Token::Word(word)) if sign.is_empty() => {
            cursor.skip();
            Ok(word.value.clone())
        }
        _ => Err(cursor.unexpected()),
    }
}

/// After RESET.
pub(super) fn parse_reset(cursor: &mut Cursor<'_>) -> Result<SettingCommand> {
    let command = match cursor.take_word("all") {
        true => SettingCommand::ResetAll,
        false => SettingCommand::Reset { name: parse_spoken_name(cursor)? },
    };
    cursor.expect_end()?;
    Ok(command)
}

/// After SHOW.
pub(super) fn parse_show(cursor: &mut Cursor<'_>) -> Result<ShowCommand> {
    let command = match cursor.take_word("all") {
        true => ShowCommand::All,
        false => ShowCommand::One(parse_spoken_name(cursor)?),
    };
    cursor.expect_end()?;
    Ok(command)
}

/// A setting's name, or the words that SQL has for some of them.
fn parse_spoken_name(cursor: &mut Cursor<'_>) -> Result<String> {
    let spoken: [(&[&str], &str); 3] = [
        (&["time", "zone"], "timezone"),
        (&["transaction", "isolation", "level"], "transaction_isolation"),
        (&["session", "authorization"], "session_authorization"),
    ];
    for (words, name) in spoken {
        if cursor.take_words(words) {
            return Ok(name.to_owned());
        }
    }
    Ok(cursor.expect_dotted_name()?.join("."))
}
