//! From text to statements.
//!
//! Owns the split at semicolons, the choice of who reads a statement (sqlparser for queries and
//! INSERT, [`Cursor`] for commands whose Postgres syntax sqlparser does not have), the bound on
//! nesting, and syntax errors as Postgres words them.
//!
//! Refuses to know what a statement means: names are not looked up here.

mod block_command;
mod cursor;
mod dialect;
mod gaps;
mod insert_form;
mod lexical;
mod nesting;
mod placeholders;
mod prepare_command;
mod setting_command;
mod shape;
mod table_form;
mod unsupported;

pub(crate) use block_command::{BlockCommand, BlockModes, Isolation};
pub(crate) use cursor::Cursor;
pub(crate) use placeholders::PARAMETERS_MAX;
pub(crate) use prepare_command::{ExecuteCommand, PrepareCommand};
pub(crate) use setting_command::{Scope, SettingCommand, ShowCommand};
pub(crate) use shape::Shape;
pub(crate) use unsupported::update_refused;

use crate::copy::{CopyCommand, CopyToCommand, parse_copy};
use crate::cursor::{DeclareCommand, FetchCommand, parse_close, parse_declare, parse_fetch};
use crate::{Error, Fault, Result};
use cursor::{byte_offset, character_position, syntax_error_at, syntax_error_at_end};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use dialect::BoundedDialect;
use std::sync::Arc;

/// One statement, read but not understood yet.
#[derive(Debug, Clone)]
pub struct Statement {
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// SELECT, WITH, VALUES, TABLE or EXPLAIN.
    Query(Box<ast::Statement>),
    Insert(Box<ast::Insert>),
    /// EXPLAIN of an INSERT or UPDATE.
    ExplainWrite(Box<ast::Statement>),
    Update(Box<ast::Update>),
    Copy(Arc<CopyCommand>),
    CopyTo(Arc<CopyToCommand>),
    Declare(DeclareCommand),
    Fetch(FetchCommand),
    CloseCursor {
        name: Option<String>,
    },
    Block(BlockCommand),
    Setting(SettingCommand),
    Show(ShowCommand),
    Prepare(PrepareCommand),
    Execute(ExecuteCommand),
    Deallocate {
        name: String,
    },
    DeallocateAll,
    DiscardAll,
    /// Asks for what is so already.
    Nothing {
        tag: &'static str,
    },
    /// Understood and refused, once its turn comes.
    Unsupported(Error),
}

/// What a statement is, as far as a protocol needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    Query,
    Insert,
    Update,
    CopyFrom,
    CopyTo,
    /// DECLARE of a cursor. WITH HOLD it needs no block around it.
    Declare {
        is_hold: bool,
    },
    /// FETCH and MOVE.
    Fetch,
    CloseCursor,
    Begin,
    Commit,
    Rollback,
    Savepoint,
    ReleaseSavepoint,
    RollbackToSavepoint,
    Show,
    /// SET, RESET, PREPARE, DEALLOCATE, DISCARD of caches: answers with a tag.
    Command,
    DiscardAll,
    /// An EXECUTE, which becomes what it stands for when it is prepared.
    Execute,
    Unsupported,
}

impl StatementKind {
    pub fn is_write(self) -> bool {
        matches!(self, StatementKind::Insert | StatementKind::Update | StatementKind::CopyFrom)
    }

    /// COMMIT, ROLLBACK and ROLLBACK TO: all that a failed block takes.
    pub fn is_for_failed_block(self) -> bool {
        matches!(
            self,
            StatementKind::Commit | StatementKind::Rollback | StatementKind::RollbackToSavepoint
        )
    }
}

impl Statement {
    pub fn kind(&self) -> StatementKind {
        match &self.body {
            Body::Query(_) | Body::ExplainWrite(_) => StatementKind::Query,
            Body::Insert(_) => StatementKind::Insert,
            Body::Update(_) => StatementKind::Update,
            Body::Copy(_) => StatementKind::CopyFrom,
            Body::CopyTo(_) => StatementKind::CopyTo,
            Body::Declare(declare) => StatementKind::Declare { is_hold: declare.options.is_hold },
            Body::Fetch(_) => StatementKind::Fetch,
            Body::CloseCursor { .. } => StatementKind::CloseCursor,
            Body::Block(BlockCommand::Begin { .. }) => StatementKind::Begin,
            Body::Block(BlockCommand::Commit { .. }) => StatementKind::Commit,
            Body::Block(BlockCommand::Rollback { .. }) => StatementKind::Rollback,
            Body::Block(BlockCommand::Savepoint { .. }) => StatementKind::Savepoint,
            Body::Block(BlockCommand::Release { .. }) => StatementKind::ReleaseSavepoint,
            Body::Block(BlockCommand::RollbackTo { .. }) => StatementKind::RollbackToSavepoint,
            Body::Setting(_)
            | Body::Prepare(_)
            | Body::Deallocate { .. }
            | Body::DeallocateAll
            | Body::Nothing { .. } => StatementKind::Command,
            Body::Execute(_) => StatementKind::Execute,
            Body::Show(_) => StatementKind::Show,
            Body::DiscardAll => StatementKind::DiscardAll,
            Body::Unsupported(_) => StatementKind::Unsupported,
        }
    }

    fn can_be_prepared(&self) -> bool {
        matches!(
            self.body,
            Body::Query(_) | Body::Insert(_) | Body::Update(_) | Body::Unsupported(_)
        )
    }
}

/// The statements of a text, empty ones left out.
pub(crate) fn parse(text: &str) -> Result<Vec<Statement>> {
    let dialect = BoundedDialect::for_text(text);
    let tokens = Tokenizer::new(&dialect, text)
        .tokenize_with_location()
        .map_err(|error| tokenizer_error(text, &error.message, error.location))?;
    let mut statements = Vec::new();
    let mut current = Vec::new();
    for token in tokens {
        match token.token {
            Token::SemiColon => statements.extend(parse_one(text, std::mem::take(&mut current))?),
            Token::EOF => {}
            _ => current.push(token),
        }
    }
    statements.extend(parse_one(text, current)?);
    Ok(statements)
}

/// The statement of these tokens; `None` if there is none.
fn parse_one(text: &str, tokens: Vec<TokenWithSpan>) -> Result<Option<Statement>> {
    nesting::check(&tokens)?;
    lexical::check(text, &tokens)?;
    placeholders::check(text, &tokens)?;
    let tokens = table_form::plain(tokens);
    let mut cursor = Cursor::new(text, &tokens);
    if cursor.is_at_end() {
        return Ok(None);
    }
    let keyword = match cursor.peek() {
        Some(Token::LParen) => "SELECT".to_owned(),
        _ => cursor.peek_word().ok_or_else(|| cursor.unexpected())?.to_ascii_uppercase(),
    };
    let body = match keyword.as_str() {
        "SELECT" | "WITH" | "VALUES" => parse_query(text, tokens)?,
        "EXPLAIN" => parse_explain(text, tokens)?,
        "INSERT" => parse_insert(text, tokens)?,
        "UPDATE" => parse_update(text, tokens)?,
        _ => deferred(parse_command(text, &tokens, &keyword, &mut cursor))?,
    };
    Ok(Some(Statement { body }))
}

fn parse_command(
    text: &str,
    tokens: &[TokenWithSpan],
    keyword: &str,
    cursor: &mut Cursor<'_>,
) -> Result<Body> {
    let no_such_command = cursor.unexpected();
    cursor.skip();
    match keyword {
        "BEGIN" | "START" => {
            block_command::parse_begin(cursor, keyword == "START").map(Body::Block)
        }
        "COMMIT" | "END" => block_command::parse_end(cursor, true).map(Body::Block),
        "ROLLBACK" | "ABORT" => block_command::parse_end(cursor, false).map(Body::Block),
        "SAVEPOINT" => block_command::parse_savepoint(cursor).map(Body::Block),
        "RELEASE" => block_command::parse_release(cursor).map(Body::Block),
        "SET" => setting_command::parse_set(cursor).map(Body::Setting),
        "RESET" => setting_command::parse_reset(cursor).map(Body::Setting),
        "SHOW" => setting_command::parse_show(cursor).map(Body::Show),
        "COPY" => parse_copy(cursor, tokens, |query| {
            parse_one(text, query)?.map(|query| query.body).ok_or_else(|| syntax_error_at_end(text))
        }),
        "DISCARD" => parse_discard(cursor),
        "DEALLOCATE" => parse_deallocate(cursor),
        "DECLARE" => parse_declaration(text, tokens, cursor),
        "FETCH" => parse_fetch(cursor, false).map(Body::Fetch),
        "MOVE" => parse_fetch(cursor, true).map(Body::Fetch),
        "CLOSE" => parse_close(cursor).map(|name| Body::CloseCursor { name }),
        "UNLISTEN" => parse_unlisten(cursor),
        "PREPARE" if cursor.take_word("transaction") => Err(block_command::two_phase()),
        "PREPARE" => prepare_command::parse_prepare(text, tokens, cursor).map(Body::Prepare),
        "EXECUTE" => prepare_command::parse_execute(text, tokens, cursor).map(Body::Execute),
        _ => Err(unsupported::refusal(keyword, cursor).unwrap_or(no_such_command)),
    }
}

/// A refusal waits until its statement's turn comes; a syntax error fails the whole text.
fn deferred(body: Result<Body>) -> Result<Body> {
    match body {
        Err(error) if *error.fault() != Fault::SyntaxError => Ok(Body::Unsupported(error)),
        other => other,
    }
}

fn parse_discard(cursor: &mut Cursor<'_>) -> Result<Body> {
    let body = if cursor.take_word("all") {
        Body::DiscardAll
    } else if cursor.take_word("plans") {
        Body::Nothing { tag: "DISCARD PLANS" }
    } else if cursor.take_word("sequences") {
        Body::Nothing { tag: "DISCARD SEQUENCES" }
    } else if cursor.take_word("temp") || cursor.take_word("temporary") {
        Body::Nothing { tag: "DISCARD TEMP" }
    } else {
        return Err(cursor.unexpected());
    };
    cursor.expect_end()?;
    Ok(body)
}

fn parse_deallocate(cursor: &mut Cursor<'_>) -> Result<Body> {
    cursor.take_word("prepare");
    let body = match cursor.take_word("all") {
        true => Body::DeallocateAll,
        false => Body::Deallocate { name: cursor.expect_name()? },
    };
    cursor.expect_end()?;
    Ok(body)
}

fn parse_declaration(
    text: &str,
    tokens: &[TokenWithSpan],
    cursor: &mut Cursor<'_>,
) -> Result<Body> {
    let (name, options) = parse_declare(cursor)?;
    let inner = parse_one(text, cursor.rest(tokens))?.ok_or_else(|| cursor.unexpected())?;
    match inner.body {
        Body::Query(query) if matches!(*query, ast::Statement::Query(_)) => {
            Ok(Body::Declare(DeclareCommand { name, options, query }))
        }
        Body::Unsupported(error) => Err(error),
        _ => Err(cursor.unexpected()),
    }
}

/// Nothing can be listened to yet, so there is nothing to stop; pools do it on return.
fn parse_unlisten(cursor: &mut Cursor<'_>) -> Result<Body> {
    if !cursor.take(&Token::Mul) {
        cursor.expect_name()?;
    }
    cursor.expect_end()?;
    Ok(Body::Nothing { tag: "UNLISTEN" })
}

/// How deep sqlparser may recurse. Its default of 50 is short for queries that tools nest.
const RECURSION_LIMIT: usize = 100;

fn with_parser<T>(
    text: &str,
    tokens: Vec<TokenWithSpan>,
    read: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>,
) -> Result<T> {
    let dialect = BoundedDialect::for_text(text);
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(tokens);
    let read = read(&mut parser).map_err(|error| parser_error(text, &error))?;
    match parser.peek_token() {
        TokenWithSpan { token: Token::EOF, .. } => Ok(read),
        token => Err(syntax_error_at(text, &token)),
    }
}

fn parse_query(text: &str, tokens: Vec<TokenWithSpan>) -> Result<Body> {
    let query = with_parser(text, tokens, |parser| parser.parse_query())?;
    let query = match insert_form::of_with(query) {
        Ok(insert) => return deferred(check_insert(insert)),
        Err(query) => query,
    };
    deferred(check_query(&query).map(|()| Body::Query(Box::new(ast::Statement::Query(query)))))
}

fn parse_explain(text: &str, tokens: Vec<TokenWithSpan>) -> Result<Body> {
    let statement = with_parser(text, tokens, |parser| parser.parse_statement())?;
    let checked = match &statement {
        ast::Statement::Explain { statement: explained, analyze, options, .. } => {
            match explained.as_ref() {
                ast::Statement::Query(query) => check_query(query),
                ast::Statement::Insert(_) | ast::Statement::Update(_) => {
                    let analyzes = |option: &ast::UtilityOption| {
                        option.name.value.eq_ignore_ascii_case("analyze")
                    };
                    let explained = match *analyze || options.iter().flatten().any(analyzes) {
                        true => Err(unsupported::explain_analyze_write()),
                        false => Ok(Body::ExplainWrite(Box::new(statement))),
                    };
                    return deferred(explained);
                }
                _ => Err(Error::unsupported("EXPLAIN of a statement that is not a query")),
            }
        }
        _ => Err(Error::unsupported("this form of EXPLAIN is not supported")),
    };
    deferred(checked.map(|()| Body::Query(Box::new(statement))))
}

/// An UPDATE of anything but accounts is refused without a look at its syntax.
fn parse_update(text: &str, tokens: Vec<TokenWithSpan>) -> Result<Body> {
    let mut cursor = Cursor::new(text, &tokens);
    cursor.skip();
    // No table has children, so ONLY says nothing; sqlparser does not know it.
    let only = cursor.take_word("only");
    let table = cursor.expect_dotted_name()?.pop().unwrap_or_default();
    if table != "accounts" {
        return Ok(Body::Unsupported(update_refused(&table)));
    }
    let mut tokens = tokens;
    if only && let Some(place) = tokens.iter().position(is_only) {
        tokens.remove(place);
    }
    match with_parser(text, tokens, |parser| parser.parse_statement())? {
        ast::Statement::Update(update) => Ok(Body::Update(Box::new(update))),
        _ => deferred(Err(Error::unsupported("this form of UPDATE is not supported"))),
    }
}

fn is_only(token: &TokenWithSpan) -> bool {
    matches!(&token.token, Token::Word(word)
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("only"))
}

fn parse_insert(text: &str, tokens: Vec<TokenWithSpan>) -> Result<Body> {
    let tokens = insert_form::without_overriding(tokens);
    match with_parser(text, tokens, |parser| parser.parse_statement())? {
        ast::Statement::Insert(insert) => deferred(check_insert(insert)),
        _ => deferred(Err(Error::unsupported("this form of INSERT is not supported"))),
    }
}

fn check_insert(insert: ast::Insert) -> Result<Body> {
    if let Some(source) = &insert.source {
        check_query(source)?;
    }
    Ok(Body::Insert(Box::new(insert)))
}

/// Refuses what a query would promise and not keep.
fn check_query(query: &ast::Query) -> Result<()> {
    if !query.locks.is_empty() {
        return Err(unsupported::row_locks());
    }
    for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
        check_query(&cte.query)?;
    }
    check_set_expression(&query.body)
}

fn check_set_expression(body: &ast::SetExpr) -> Result<()> {
    match body {
        ast::SetExpr::Select(select) if select.into.is_some() => Err(unsupported::select_into()),
        ast::SetExpr::Select(_) | ast::SetExpr::Values(_) | ast::SetExpr::Table(_) => Ok(()),
        ast::SetExpr::Query(query) => check_query(query),
        ast::SetExpr::SetOperation { left, right, .. } => {
            check_set_expression(left)?;
            check_set_expression(right)
        }
        ast::SetExpr::Insert(_)
        | ast::SetExpr::Update(_)
        | ast::SetExpr::Delete(_)
        | ast::SetExpr::Merge(_) => Err(unsupported::data_modifying_with()),
    }
}

/// Words the tokenizer's complaint as Postgres does.
fn tokenizer_error(text: &str, message: &str, location: Location) -> Error {
    let start = byte_offset(text, location);
    let near = &text[start..];
    let lower = message.to_ascii_lowercase();
    let what = if lower.contains("comment") {
        "unterminated /* comment"
    } else if lower.contains("dollar") {
        "unterminated dollar-quoted string"
    } else if lower.contains("unterminated") {
        "unterminated quoted string"
    } else if lower.contains("close delimiter") {
        "unterminated quoted identifier"
    } else {
        "syntax error"
    };
    Error::new(Fault::SyntaxError, format!("{what} at or near \"{near}\""))
        .at_position(character_position(text, start))
}

/// sqlparser says `Expected: X, found: Y at Line: 1, Column: 8`: the place is taken from it, and
/// what it expected goes into the detail.
fn parser_error(text: &str, error: &ParserError) -> Error {
    let message = match error {
        ParserError::RecursionLimitExceeded => return nesting::too_deep(),
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
    };
    let (what, place) = match message.rsplit_once(" at Line: ") {
        Some((what, place)) => (what, parse_place(place)),
        None => (message.as_str(), None),
    };
    // The parser has taken the tokens, and an error may cost a second look at the text.
    let tokens = Tokenizer::new(&BoundedDialect::for_text(text), text).tokenize_with_location();
    let mut tokens = tokens.unwrap_or_default().into_iter();
    let token = place.and_then(|place| tokens.find(|token| token.span.start == place));
    let syntax_error = match token {
        Some(token) => syntax_error_at(text, &token),
        None => syntax_error_at_end(text),
    };
    let expected = what.split(", found:").next().unwrap_or(what);
    syntax_error.with_detail(expected.replacen("Expected: ", "Expected ", 1))
}

fn parse_place(place: &str) -> Option<Location> {
    let (line, column) = place.split_once(", Column: ")?;
    Some(Location { line: line.parse().ok()?, column: column.parse().ok()? })
}

#[cfg(test)]
mod tests;
