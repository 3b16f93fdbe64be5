//! BEGIN, COMMIT, ROLLBACK, savepoints and transaction modes, read from tokens.

use super::cursor::Cursor;
use crate::{Error, Result};
use datafusion::sql::sqlparser::tokenizer::Token;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    ReadCommitted,
    RepeatableRead,
    Serializable,
    /// Reads as READ COMMITTED does, under its own name.
    ReadUncommitted,
}

impl Isolation {
    /// As `transaction_isolation` and its default spell it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "read committed" => Some(Isolation::ReadCommitted),
            "read uncommitted" => Some(Isolation::ReadUncommitted),
            "repeatable read" => Some(Isolation::RepeatableRead),
            "serializable" => Some(Isolation::Serializable),
            _ => None,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Isolation::ReadCommitted => "read committed",
            Isolation::RepeatableRead => "repeatable read",
            Isolation::Serializable => "serializable",
            Isolation::ReadUncommitted => "read uncommitted",
        }
    }
}

/// What BEGIN or SET TRANSACTION asks for; `None` leaves a thing as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BlockModes {
    pub(crate) isolation: Option<Isolation>,
    pub(crate) read_only: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BlockCommand {
    Begin { modes: BlockModes, tag: &'static str },
    Commit { chain: bool },
    Rollback { chain: bool },
    Savepoint { name: String },
    Release { name: String },
    RollbackTo { name: String },
}

/// After BEGIN or START.
pub(super) fn parse_begin(cursor: &mut Cursor<'_>, start: bool) -> Result<BlockCommand> {
    if start {
        cursor.expect_word("transaction")?;
    } else if !cursor.take_word("transaction") {
        cursor.take_word("work");
    }
    let modes = parse_modes(cursor)?;
    cursor.expect_end()?;
    Ok(BlockCommand::Begin { modes, tag: if start { "START TRANSACTION" } else { "BEGIN" } })
}

/// After COMMIT or END (`commit`), or after ROLLBACK or ABORT.
pub(super) fn parse_end(cursor: &mut Cursor<'_>, commit: bool) -> Result<BlockCommand> {
    if cursor.take_word("prepared") {
        return Err(two_phase());
    }
    if !cursor.take_word("transaction") {
        cursor.take_word("work");
    }
    if !commit && cursor.take_word("to") {
        cursor.take_word("savepoint");
        let name = savepoint_name(cursor)?;
        cursor.expect_end()?;
        return Ok(BlockCommand::RollbackTo { name });
    }
    let mut chain = false;
    if cursor.take_word("and") {
        chain = !cursor.take_word("no");
        cursor.expect_word("chain")?;
    }
    cursor.expect_end()?;
    Ok(if commit { BlockCommand::Commit { chain } } else { BlockCommand::Rollback { chain } })
}

/// The longest name of a savepoint, in bytes: Postgres cuts longer ones, everywhere alike.
const NAME_BYTES_MAX: usize = 63;

fn savepoint_name(cursor: &mut Cursor<'_>) -> Result<String> {
    let mut name = cursor.expect_name()?;
    name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
    name.shrink_to_fit();
    Ok(name)
}

/// After SAVEPOINT.
pub(super) fn parse_savepoint(cursor: &mut Cursor<'_>) -> Result<BlockCommand> {
    let name = savepoint_name(cursor)?;
    cursor.expect_end()?;
    Ok(BlockCommand::Savepoint { name })
}

/// After RELEASE.
pub(super) fn parse_release(cursor: &mut Cursor<'_>) -> Result<BlockCommand> {
    cursor.take_word("savepoint");
    let name = savepoint_name(cursor)?;
    cursor.expect_end()?;
    Ok(BlockCommand::Release { name })
}

pub(super) fn two_phase() -> Error {
    Error::unsupported("two-phase commit is not supported")
}

/// Transaction modes, with or without commas between them.
pub(super) fn parse_modes(cursor: &mut Cursor<'_>) -> Result<BlockModes> {
    let mut modes = BlockModes::default();
    let mut after_comma = false;
    loop {
        if cursor.take_words(&["isolation", "level"]) {
            modes.isolation = Some(parse_isolation(cursor)?);
        } else if cursor.take_words(&["read", "only"]) {
            modes.read_only = Some(true);
        } else if cursor.take_words(&["read", "write"]) {
            modes.read_only = Some(false);
        } else if cursor.take_words(&["not", "deferrable"]) || cursor.take_word("deferrable") {
            // A view never waits for anything, so there is nothing to defer.
        } else if after_comma {
            return Err(cursor.unexpected());
        } else {
            return Ok(modes);
        }
        after_comma = cursor.take(&Token::Comma);
    }
}

fn parse_isolation(cursor: &mut Cursor<'_>) -> Result<Isolation> {
    if cursor.take_word("serializable") {
        Ok(Isolation::Serializable)
    } else if cursor.take_words(&["repeatable", "read"]) {
        Ok(Isolation::RepeatableRead)
    } else if cursor.take_words(&["read", "committed"]) {
        Ok(Isolation::ReadCommitted)
    } else if cursor.take_words(&["read", "uncommitted"]) {
        Ok(Isolation::ReadUncommitted)
    } else {
        Err(cursor.unexpected())
    }
}
