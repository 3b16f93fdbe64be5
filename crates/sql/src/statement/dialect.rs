//! The grammar of Postgres where sqlparser's has gaps: `BETWEEN SYMMETRIC`, `COLLATE` behind any
//! expression, `TRIM (trailing FROM …)`, `SUBSTRING (… SIMILAR … ESCAPE …)`.
//!
//! Everything else is sqlparser's own dialect, which this one also says that it is.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, TrimWhereField, UnaryOperator};
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;
use std::any::TypeId;

#[derive(Debug)]
pub(super) struct Grammar;

const OWN: PostgreSqlDialect = PostgreSqlDialect {};

/// Above every operator, as in Postgres' table of them; only `::` and `.` bind closer.
const COLLATE_PRECEDENCE: u8 = 120;

macro_rules! as_postgres {
    ($($name:ident),* $(,)?) => {
        $(fn $name(&self) -> bool {
            OWN.$name()
        })*
    };
}

impl Dialect for Grammar {
    fn dialect(&self) -> TypeId {
        TypeId::of::<PostgreSqlDialect>()
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        OWN.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        OWN.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        OWN.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        OWN.is_identifier_part(ch)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        OWN.is_reserved_for_identifier(keyword)
    }

    fn is_custom_operator_part(&self, ch: char) -> bool {
        OWN.is_custom_operator_part(ch)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        OWN.prec_value(precedence)
    }

    as_postgres!(
        supports_unicode_string_literal,
        supports_filter_during_aggregation,
        supports_group_by_expr,
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_create_index_with_clause,
        supports_explain_with_utility_options,
        supports_listen_notify,
        supports_factorial_operator,
        supports_bitwise_shift_operators,
        supports_comment_on,
        supports_load_extension,
        supports_named_fn_args_with_colon_operator,
        supports_named_fn_args_with_expr_name,
        supports_empty_projections,
        supports_nested_comments,
        supports_string_escape_constant,
        supports_numeric_literal_underscores,
        supports_array_typedef_with_brackets,
        supports_geometric_types,
        supports_set_names,
        supports_alter_column_type_using,
        supports_notnull_operator,
        supports_interval_options,
        supports_insert_table_alias,
        supports_create_table_like_parenthesized,
        supports_select_wildcard_with_alias,
        supports_comma_separated_trim,
        supports_xml_expressions,
        supports_comment_optimizer_hint,
    );

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        match keyword(&parser.peek_token_ref().token) {
            Some(Keyword::COLLATE) => Some(Ok(COLLATE_PRECEDENCE)),
            _ => OWN.get_next_precedence(parser),
        }
    }

    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let open = parser.peek_nth_token(1).token == Token::LParen;
        match keyword(&parser.peek_token_ref().token) {
            Some(Keyword::TRIM) if open => trimmed(parser),
            Some(Keyword::SUBSTRING) if open => parser.maybe_parse(similar_part).transpose(),
            _ => OWN.parse_prefix(parser),
        }
    }

    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        expr: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
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
        if follow {
            return Some(between_symmetric(parser, expr, negated));
        }
        OWN.parse_infix(parser, expr, precedence)
    }
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
