//! The grammar of Postgres where sqlparser's has gaps: `BETWEEN SYMMETRIC`, `COLLATE` behind any
//! expression, `TRIM (trailing FROM …)`, `SUBSTRING (… SIMILAR … ESCAPE …)`.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, TrimWhereField, UnaryOperator};
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

const OWN: PostgreSqlDialect = PostgreSqlDialect {};

/// Above every operator, as in Postgres' table of them; only `::` and `.` bind closer.
const COLLATE_PRECEDENCE: u8 = 120;

/// How closely the next word binds, if it is one of ours.
pub(super) fn next_precedence(parser: &Parser<'_>) -> Option<u8> {
    match keyword(&parser.peek_token_ref().token) {
        Some(Keyword::COLLATE) => Some(COLLATE_PRECEDENCE),
        _ => None,
    }
}

/// The expression that begins here, if it is of a form that sqlparser does not read.
pub(super) fn prefix(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    let open = parser.peek_nth_token(1).token == Token::LParen;
    match keyword(&parser.peek_token_ref().token) {
        Some(Keyword::TRIM) if open => trimmed(parser),
        Some(Keyword::SUBSTRING) if open && has_similar(parser) => Some(similar_part(parser)),
        _ => None,
    }
}

/// What goes on behind the expression, if it is of a form that sqlparser does not read.
pub(super) fn infix(parser: &mut Parser<'_>, expr: &Expr) -> Option<Result<Expr, ParserError>> {
    if parser.parse_keyword(Keyword::COLLATE) {
        let collation = parser.parse_object_name(false);
        let expr = Box::new(expr.clone());
        return Some(collation.map(|collation| Expr::Collate { expr, collation }));
    }
    let negated = keyword(&parser.peek_token_ref().token) == Some(Keyword::NOT);
    let between = usize::from(negated);
    let symmetric = [Keyword::BETWEEN, Keyword::SYMMETRIC];
    let follow = (0..2).all(|index| {
        keyword(&parser.peek_nth_token(between + index).token) == Some(symmetric[index])
    });
    follow.then(|| between_symmetric(parser, expr, negated))
}

fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

/// `x BETWEEN SYMMETRIC a AND b`: between them, whichever of them is less.
fn between_symmetric(
    parser: &mut Parser<'_>,
    expr: &Expr,
    negated: bool,
) -> Result<Expr, ParserError> {
    for _ in 0..2 + usize::from(negated) {
        parser.advance_token();
    }
    let precedence = OWN.prec_value(Precedence::Between);
    let one = parser.parse_subexpr(precedence)?;
    parser.expect_keyword_is(Keyword::AND)?;
    let other = parser.parse_subexpr(precedence)?;
    let between = |low: &Expr, high: &Expr| Expr::Between {
        expr: Box::new(expr.clone()),
        negated: false,
        low: Box::new(low.clone()),
        high: Box::new(high.clone()),
    };
    let either = Expr::Nested(Box::new(Expr::BinaryOp {
        left: Box::new(between(&one, &other)),
        op: BinaryOperator::Or,
        right: Box::new(between(&other, &one)),
    }));
    Ok(match negated {
        true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(either) },
        false => either,
    })
}

/// `TRIM (trailing FROM x)`, and without a side `TRIM (FROM x)`.
fn trimmed(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    let side = match keyword(&parser.peek_nth_token(2).token) {
        Some(Keyword::BOTH) => Some(TrimWhereField::Both),
        Some(Keyword::LEADING) => Some(TrimWhereField::Leading),
        Some(Keyword::TRAILING) => Some(TrimWhereField::Trailing),
        _ => None,
    };
    let from = 2 + usize::from(side.is_some());
    if keyword(&parser.peek_nth_token(from).token) != Some(Keyword::FROM) {
        return None;
    }
    for _ in 0..=from {
        parser.advance_token();
    }
    let mut trim = || {
        let expr = Box::new(parser.parse_expr()?);
        parser.expect_token(&Token::RParen)?;
        Ok(Expr::Trim { trim_where: side, trim_what: None, expr, trim_characters: None })
    };
    Some(trim())
}

/// Whether SIMILAR stands in the parentheses that begin after the next token. Looking is cheaper
/// than trying, which would be done again at every level that nests.
fn has_similar(parser: &Parser<'_>) -> bool {
    let mut depth = 0;
    for index in 1.. {
        match parser.peek_nth_token(index).token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            Token::EOF => return false,
            token if depth == 1 && keyword(&token) == Some(Keyword::SIMILAR) => return true,
            _ => {}
        }
        if depth == 0 {
            return false;
        }
    }
    false
}

/// `SUBSTRING (x SIMILAR pattern ESCAPE mark)` is `SUBSTRING (x FROM pattern FOR mark)`.
fn similar_part(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    let precedence = OWN.prec_value(Precedence::Like);
    let expr = Box::new(parser.parse_subexpr(precedence)?);
    parser.expect_keyword_is(Keyword::SIMILAR)?;
    let pattern = Box::new(parser.parse_subexpr(precedence)?);
    parser.expect_keyword_is(Keyword::ESCAPE)?;
    let mark = Box::new(parser.parse_expr()?);
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Substring {
        expr,
        substring_from: Some(pattern),
        substring_for: Some(mark),
        special: false,
        shorthand: false,
    })
}
