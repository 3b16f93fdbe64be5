//! PREPARE and EXECUTE, read from tokens.

use super::cursor::Cursor;
use super::{Statement, parse_one, with_parser};
use crate::expression::pg_type;
use crate::{Error, Fault, PgType, Result};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// `PREPARE name (types) AS statement`.
#[derive(Debug, Clone)]
pub(crate) struct PrepareCommand {
    pub(crate) name: String,
    pub(crate) parameter_types: Vec<Option<PgType>>,
    pub(crate) statement: Box<Statement>,
}

/// `EXECUTE name (arguments)`.
#[derive(Debug, Clone)]
pub(crate) struct ExecuteCommand {
    pub(crate) name: String,
    pub(crate) arguments: Vec<ast::Expr>,
}

/// `cursor` stands behind PREPARE.
pub(super) fn parse_prepare(
    text: &str,
    tokens: &[TokenWithSpan],
    cursor: &mut Cursor<'_>,
) -> Result<PrepareCommand> {
    let name = cursor.expect_name()?;
    let mut parameter_types = Vec::new();
    if cursor.peek() == Some(&Token::LParen) {
        let list = cursor.take_parentheses(tokens)?;
        let types = with_parser(text, list, |parser| {
            parser.parse_comma_separated(Parser::parse_data_type)
        })?;
        parameter_types = types.iter().map(parameter_type).collect::<Result<_>>()?;
    }
    cursor.expect_word("as")?;
    let statement = parse_one(text, cursor.rest(tokens))?.ok_or_else(|| cursor.unexpected())?;
    if !statement.can_be_prepared() {
        return Err(Error::new(
            Fault::SyntaxError,
            "only SELECT, VALUES, INSERT and UPDATE can be prepared",
        ));
    }
    Ok(PrepareCommand { name, parameter_types, statement: Box::new(statement) })
}

fn parameter_type(written: &ast::DataType) -> Result<Option<PgType>> {
    let found = pg_type(written).or_else(|| PgType::from_name(&written.to_string().to_lowercase()));
    match found {
        Some(PgType::Unknown) => Ok(None),
        Some(found) => Ok(Some(found)),
        None => Err(Error::unsupported(format!("parameters of type {written} are not supported"))
            .with_hint("Declare them as text and cast them in the statement.")),
    }
}

/// `cursor` stands behind EXECUTE.
pub(super) fn parse_execute(
    text: &str,
    tokens: &[TokenWithSpan],
    cursor: &mut Cursor<'_>,
) -> Result<ExecuteCommand> {
    let name = cursor.expect_name()?;
    let mut arguments = Vec::new();
    if cursor.peek() == Some(&Token::LParen) {
        let list = cursor.take_parentheses(tokens)?;
        arguments =
            with_parser(text, list, |parser| parser.parse_comma_separated(Parser::parse_expr))?;
    }
    cursor.expect_end()?;
    Ok(ExecuteCommand { name, arguments })
}
