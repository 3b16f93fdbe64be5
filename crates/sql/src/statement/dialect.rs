//! The SQL that is parsed: sqlparser's PostgreSQL, with a bound on the work of parsing it.
//!
//! Where sqlparser cannot tell what comes next it tries one reading, starts over, and tries
//! another; nested, the tries multiply. Whatever form does that, a text of some length is not
//! worth more than a number of steps.

use super::gaps;
use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;
use std::any::TypeId;
use std::cell::Cell;

/// Expressions that a text may begin to be parsed for each of its bytes: the longest run of tries
/// that is of use starts over a few times, and most expressions have several bytes.
const STEPS_PER_BYTE: usize = 4;

const STEPS_FREE: usize = 1_000;

/// For one text.
#[derive(Debug)]
pub(crate) struct BoundedDialect {
    postgres: PostgreSqlDialect,
    steps_left: Cell<usize>,
}

impl BoundedDialect {
    pub(crate) fn for_text(text: &str) -> Self {
        let steps = text.len().saturating_mul(STEPS_PER_BYTE).saturating_add(STEPS_FREE);
        BoundedDialect { postgres: PostgreSqlDialect {}, steps_left: Cell::new(steps) }
    }
}

macro_rules! as_postgres {
    ($($feature:ident)*) => {
        $(fn $feature(&self) -> bool {
            self.postgres.$feature()
        })*
    };
}

impl Dialect for BoundedDialect {
    fn dialect(&self) -> TypeId {
        self.postgres.dialect()
    }

    /// Counts; the error is the one that ends all tries. `:x` is no parameter here.
    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let token = parser.peek_token_ref();
        if token.token == Token::Colon {
            return Some(parser.expected_ref("an expression", token));
        }
        match self.steps_left.get().checked_sub(1) {
            Some(left) => {
                self.steps_left.set(left);
                gaps::prefix(parser)
            }
            None => Some(Err(ParserError::RecursionLimitExceeded)),
        }
    }

    /// Arguments are named by words. With expressions, which only labels of PostgreSQL 16's
    /// `json_object('a': 1)` are, every argument would be parsed twice.
    fn supports_named_fn_args_with_expr_name(&self) -> bool {
        false
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        self.postgres.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, character: char) -> bool {
        self.postgres.is_delimited_identifier_start(character)
    }

    fn is_identifier_start(&self, character: char) -> bool {
        self.postgres.is_identifier_start(character)
    }

    fn is_identifier_part(&self, character: char) -> bool {
        self.postgres.is_identifier_part(character)
    }

    fn is_custom_operator_part(&self, character: char) -> bool {
        self.postgres.is_custom_operator_part(character)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        self.postgres.is_reserved_for_identifier(keyword)
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        match gaps::next_precedence(parser) {
            Some(precedence) => Some(Ok(precedence)),
            None => self.postgres.get_next_precedence(parser),
        }
    }

    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        expr: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        gaps::infix(parser, expr)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        self.postgres.prec_value(precedence)
    }

    as_postgres! {
        supports_unicode_string_literal
        supports_filter_during_aggregation
        supports_group_by_expr
        allow_extract_custom
        allow_extract_single_quotes
        supports_create_index_with_clause
        supports_explain_with_utility_options
        supports_listen_notify
        supports_factorial_operator
        supports_bitwise_shift_operators
        supports_comment_on
        supports_load_extension
        supports_named_fn_args_with_colon_operator
        supports_empty_projections
        supports_nested_comments
        supports_string_escape_constant
        supports_numeric_literal_underscores
        supports_array_typedef_with_brackets
        supports_geometric_types
        supports_set_names
        supports_alter_column_type_using
        supports_notnull_operator
        supports_interval_options
        supports_insert_table_alias
        supports_create_table_like_parenthesized
        supports_select_wildcard_with_alias
        supports_comma_separated_trim
        supports_xml_expressions
        supports_comment_optimizer_hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> usize {
        let dialect = BoundedDialect::for_text(text);
        let before = dialect.steps_left.get();
        let parser = Parser::new(&dialect).with_recursion_limit(400).try_with_sql(text);
        let read = parser.and_then(|mut parser| parser.parse_query());
        assert!(read.is_ok(), "{text}: {read:?}");
        before - dialect.steps_left.get()
    }

    #[test]
    fn nesting_costs_a_few_steps_a_level() {
        let forms = [
            ("(select ", "1", ")"),
            ("upper(", "'a'", ")"),
            ("coalesce(1, ", "2", ")"),
            ("coalesce((select ", "2", "), 1)"),
            ("case when ", "true", " then 1 end"),
            ("1 in (", "1", ")"),
            ("1 in (select ", "1", ")"),
            ("array[", "1", "]"),
            ("exists (select ", "1", ")"),
            ("cast(", "1", " as int)"),
            ("sum(", "1", ") over (order by 1)"),
            ("(", "1", ")"),
            ("(1, ", "1", ")"),
            ("- ", "1", ""),
            ("not ", "true", ""),
            ("substring(", "'a'", " from 1)"),
            ("trim(both 'x' from ", "'a'", ")"),
            ("extract(year from ", "now()", ")"),
            ("position('a' in ", "'b'", ")"),
        ];
        for (open, core, close) in forms {
            let nested =
                |depth| format!("SELECT {}{core}{}", open.repeat(depth), close.repeat(depth));
            let (at_10, at_20) = (steps(&nested(10)), steps(&nested(20)));
            assert!(at_20 <= 2 * at_10 + 10, "{open}: {at_10} steps, then {at_20}");
        }
    }
}
