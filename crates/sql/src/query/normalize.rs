//! Postgres syntax that DataFusion does not plan, put into words it does, on the syntax tree.
//!
//! Never by printing and parsing again: the tree keeps its positions for error messages.
//!
//! Owns: casts to types DataFusion has no equal of, COLLATE and OPERATOR(), functions without
//! parentheses, names of result columns, and the few shapes of catalog queries that tools send.

use super::calls;
use super::catalog_query;
use super::grammar;
use super::literals;
use super::merged_columns;
use super::naming::{check_ambiguous, name_columns};
use super::operators;
use super::rows;
use super::set_functions;
use super::set_operations::check_body;
use super::sql_function;
use super::table_functions;
use super::ties;
use super::types::pg_type;
use super::values;
use super::whole_row::{self, ScalarFunction};
use crate::{Error, Fault, PgType};
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, CastKind, CharacterLength, DataType as SqlType, ExactNumberInfo, Expr,
    Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    LimitClause, ObjectName, Query, Select, SelectItem, SetExpr, Statement, TableAliasColumnDef,
    TableFactor, TableSampleKind, Value, VisitMut, VisitorMut,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Types that the statement itself gives to its parameters, by number.
pub(super) type ParameterHints = BTreeMap<usize, PgType>;

/// What a statement says of itself.
#[derive(Debug)]
pub(super) struct Normalized {
    pub(super) hints: ParameterHints,
    /// Functions in FROM whose name is also that of their value.
    pub(super) functions: Vec<ScalarFunction>,
}

/// Rewrites the statement in place.
pub(super) fn normalize(statement: &mut Statement) -> Result<Normalized, Error> {
    let (hints, functions) = (ParameterHints::new(), Vec::new());
    let mut rewriter = Rewriter { hints, functions, scopes: Vec::new() };
    match statement.visit(&mut rewriter) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => {
            Ok(Normalized { hints: rewriter.hints, functions: rewriter.functions })
        }
    }
}

struct Rewriter {
    hints: ParameterHints,
    functions: Vec<ScalarFunction>,
    /// The tables of each SELECT around what is visited, by the names they have there.
    scopes: Vec<Vec<(Ident, String)>>,
}

impl VisitorMut for Rewriter {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        if !query.locks.is_empty() {
            return ControlFlow::Break(Error::unsupported(
                "SELECT … FOR UPDATE/SHARE is not supported",
            ));
        }
        let checked = plain_limit(query)
            .and_then(|()| check_body(&query.body))
            .and_then(|()| check_ambiguous(query))
            .and_then(|()| merged_columns::rewrite(query));
        if let Err(error) = checked {
            return ControlFlow::Break(error);
        }
        values::type_columns(&mut query.body);
        for limit in limits_mut(query) {
            self.hint(limit, PgType::Int8);
            if let Err(error) = read_count(limit) {
                return ControlFlow::Break(error);
            }
        }
        values::with_floats(&mut query.body);
        catalog_query::simplify(query);
        // Before casts become functions: the names of columns come from what was written.
        name_columns(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        literals::bare_in_query(query);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        self.scopes.pop();
        literals::bare_in_select(select);
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                show_name_of_oid(expr);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        if let Err(error) = grammar::check_select(select) {
            return ControlFlow::Break(error);
        }
        self.scopes.push(set_functions::tables_of(select));
        if let Some(selection) = &mut select.selection {
            rows::rows_in_subquery(selection);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<Error> {
        let checked = grammar::check_table(table);
        if let Err(error) = checked.and_then(|()| sql_function::expand(table)) {
            return ControlFlow::Break(error);
        }
        set_functions::table_function(table);
        match table_functions::rewrite(table) {
            Ok(function) => self.functions.extend(function),
            Err(error) => return ControlFlow::Break(error),
        }
        name_column_of_function(table);
        // The planner would leave these out without a word.
        if let TableFactor::Table {
            sample:
                Some(
                    TableSampleKind::BeforeTableAlias(sample)
                    | TableSampleKind::AfterTableAlias(sample),
                ),
            ..
        }
        | TableFactor::Derived {
            sample:
                Some(
                    TableSampleKind::BeforeTableAlias(sample)
                    | TableSampleKind::AfterTableAlias(sample),
                ),
            ..
        } = table
        {
            return ControlFlow::Break(grammar::sample_error(sample));
        }
        let left_out = match table {
            TableFactor::Table { with_ordinality: true, .. }
            | TableFactor::Function { with_ordinality: true, .. } => Some("WITH ORDINALITY"),
            TableFactor::Table { version: Some(_), .. } => Some("FOR SYSTEM_TIME AS OF"),
            TableFactor::Table { partitions, with_hints, index_hints, .. }
                if !(partitions.is_empty() && with_hints.is_empty() && index_hints.is_empty()) =>
            {
                Some("a hint behind a table")
            }
            TableFactor::Table { json_path: Some(_), .. } => Some("a path behind a table"),
            _ => None,
        };
        match left_out {
            Some(what) => {
                ControlFlow::Break(Error::unsupported(format!("{what} is not supported")))
            }
            None => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        whole_row::name_row(expr);
        if let Err(error) = grammar::check_expr(expr) {
            return ControlFlow::Break(error);
        }
        if let Some(known) = catalog_query::known_value(expr) {
            *expr = known;
            return ControlFlow::Continue(());
        }
        catalog_query::without_types_nothing_has(expr);
        if let Some(query) = catalog_query::array_of(expr) {
            if let Some(rows) = set_functions::array_of_rows(query) {
                *expr = rows;
                return ControlFlow::Continue(());
            }
            return ControlFlow::Break(
                Error::unsupported(
                    "ARRAY(SELECT …) of a grouped or limited query is not supported",
                )
                .with_hint("Use array_agg over a subquery."),
            );
        }
        catalog_query::at_most_one(expr);
        if let Some(oid) = set_functions::oid_of_table(expr, &self.scopes) {
            *expr = oid;
            return ControlFlow::Continue(());
        }
        set_functions::select_list_function(expr);
        set_functions::field_of_row(expr);
        if let Err(error) = operators::before(expr) {
            return ControlFlow::Break(error);
        }
        match expr {
            Expr::Collate { expr: inner, collation } => {
                if let Err(error) = known_collation(collation) {
                    return ControlFlow::Break(error);
                }
                let inner = std::mem::replace(inner.as_mut(), null());
                *expr = inner;
                return self.pre_visit_expr(expr);
            }
            Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
                plain_escape(pattern, escape_char);
            }
            Expr::BinaryOp { op: op @ BinaryOperator::PGCustomBinaryOperator(_), .. } => {
                if let Err(error) = plain_operator(op) {
                    return ControlFlow::Break(error);
                }
            }
            Expr::Cast { expr: inner, data_type, .. } => {
                float_as_written(inner, data_type);
                if let Some(pg_type) = written_type(data_type) {
                    self.hint(inner, pg_type);
                    literals::float_as_text(inner, pg_type);
                }
            }
            Expr::Identifier(ident) if ident.quote_style.is_none() => {
                if let Some(name) = parenthesisless(&ident.value) {
                    *expr = call(name, Vec::new());
                }
            }
            Expr::Function(function) => qualified_function(function),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        literals::type_number(expr);
        if let Err(error) = operators::after(expr) {
            return ControlFlow::Break(error);
        }
        calls::rewrite(expr);
        match expr {
            Expr::Cast {
                data_type: SqlType::Char(Some(_)) | SqlType::Character(Some(_)), ..
            } => {
                return ControlFlow::Break(
                    Error::unsupported("char(n) is not supported").with_hint("Use text."),
                );
            }
            Expr::Cast {
                data_type: SqlType::Varchar(size) | SqlType::CharacterVarying(size),
                ..
            } => {
                let size = *size;
                shortened(expr, size);
            }
            Expr::Cast { kind, expr: inner, data_type, .. } => {
                let kind = kind.clone();
                let inner = std::mem::replace(inner.as_mut(), null());
                match cast_function(&inner, data_type, &kind) {
                    // Only a cast reads an array that is written as a text.
                    Some(name @ "uuid_array") => {
                        *data_type = texts();
                        put_back(expr, inner);
                        *expr = call(name, vec![expr.clone()]);
                    }
                    Some(name) => *expr = call(name, vec![inner]),
                    None if matches!(data_type, SqlType::Text) && has_own_type(&inner) => {
                        put_back(expr, inner);
                        *expr = call("unmarked", vec![expr.clone()]);
                    }
                    None => put_back(expr, inner),
                }
            }
            Expr::TypedString(typed) => {
                let value = Expr::Value(typed.value.clone());
                if let Some(name) = cast_function(&value, &typed.data_type, &CastKind::Cast) {
                    *expr = call(name, vec![value]);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Rewriter {
    fn hint(&mut self, expr: &Expr, pg_type: PgType) {
        if let Expr::Value(value) = expr
            && let Value::Placeholder(name) = &value.value
            && let Some(number) = name.strip_prefix('$').and_then(|digits| digits.parse().ok())
        {
            self.hints.entry(number).or_insert(pg_type);
        }
    }
}

/// A number that becomes a float is read as one: it may be beyond what a numeric holds.
fn float_as_written(number: &mut Expr, data_type: &SqlType) {
    let float = matches!(
        data_type,
        SqlType::Float(_) | SqlType::Float8 | SqlType::DoublePrecision | SqlType::Double(_)
    );
    if float
        && let Expr::Value(value) = number
        && let Value::Number(digits, _) = &value.value
    {
        value.value = Value::SingleQuotedString(digits.clone());
    }
}

/// Texts have one order here, that of their bytes.
fn known_collation(collation: &ObjectName) -> Result<(), Error> {
    const BYTES: [&str; 5] = ["C", "POSIX", "default", "ucs_basic", "C.UTF-8"];
    let name = collation.0.last().and_then(|part| part.as_ident());
    match name.is_some_and(|name| BYTES.contains(&name.value.as_str())) {
        true => Ok(()),
        false => Err(Error::unsupported(format!("the collation {collation} is not supported"))
            .with_hint("Texts are ordered as by the collation \"C\".")),
    }
}

/// A cast to varchar: to text, and to so many characters of it.
fn shortened(cast: &mut Expr, size: Option<CharacterLength>) {
    if let Expr::Cast { data_type, .. } = cast {
        *data_type = SqlType::Text;
    }
    let text = cast.clone();
    *cast = match size {
        Some(CharacterLength::IntegerLength { length, .. }) => {
            let length = Value::Number(length.to_string(), false).with_empty_span();
            call("varchar_of", vec![text, Expr::Value(length)])
        }
        _ => call("varchar", vec![text]),
    };
}

fn put_back(cast: &mut Expr, operand: Expr) {
    if let Expr::Cast { expr, .. } = cast {
        **expr = operand;
    }
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
fn plain_limit(query: &mut Query) -> Result<(), Error> {
    let Some(fetch) = query.fetch.take() else { return Ok(()) };
    if fetch.percent {
        return Err(Error::unsupported("FETCH FIRST … PERCENT is not supported"));
    }
    let one = Expr::Value(Value::Number("1".to_owned(), false).with_empty_span());
    let rows = fetch.quantity.unwrap_or(one);
    if fetch.with_ties {
        return ties::rewrite(query, rows);
    }
    let rows = Some(rows);
    match &mut query.limit_clause {
        None => {
            let (offset, limit_by) = (None, Vec::new());
            query.limit_clause = Some(LimitClause::LimitOffset { limit: rows, offset, limit_by });
            Ok(())
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => {
            *limit = rows;
            Ok(())
        }
        Some(_) => Err(Error::new(Fault::SyntaxError, "LIMIT and FETCH FIRST at once")),
    }
}

/// A text where rows are counted is read as a number.
fn read_count(limit: &mut Expr) -> Result<(), Error> {
    let Expr::Value(value) = limit else { return Ok(()) };
    let Value::SingleQuotedString(text) = &value.value else { return Ok(()) };
    let Ok(count) = text.trim().parse::<i64>() else {
        let message = format!("invalid input syntax for type bigint: \"{text}\"");
        return Err(Error::new(Fault::InvalidTextRepresentation, message));
    };
    value.value = Value::Number(count.to_string(), false);
    Ok(())
}

fn limits_mut(query: &mut Query) -> Vec<&mut Expr> {
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            limit.iter_mut().chain(offset.as_mut().map(|offset| &mut offset.value)).collect()
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => vec![offset, limit],
        None => Vec::new(),
    }
}

pub(super) fn null() -> Expr {
    Expr::Value(Value::Null.with_empty_span())
}

/// `FROM generate_series(1, 3) AS n`: the alias of a function that gives one column names that too.
fn name_column_of_function(table: &mut TableFactor) {
    let (TableFactor::Table { name, args: Some(_), alias: Some(alias), .. }
    | TableFactor::Function { name, alias: Some(alias), .. }) = table
    else {
        return;
    };
    let function = name.0.last().and_then(|part| part.as_ident());
    let gives_one_column =
        function.is_some_and(|name| name.value.eq_ignore_ascii_case("generate_series"));
    if gives_one_column && alias.columns.is_empty() {
        alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
    }
}

pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args =
        args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// A pattern with an escape of its own, as one whose escape is the backslash.
fn plain_escape(pattern: &mut Expr, escape: &mut Option<ast::ValueWithSpan>) {
    let is_plain = match escape.as_ref().map(|escape| &escape.value) {
        None => true,
        Some(Value::SingleQuotedString(text)) => text == "\\",
        Some(_) => false,
    };
    if is_plain {
        return;
    }
    if let Some(escape) = escape.take() {
        let written = std::mem::replace(pattern, null());
        *pattern = call("like_pattern", vec![written, Expr::Value(escape)]);
    }
}

/// `OPERATOR(pg_catalog.~)` is `~`.
fn plain_operator(op: &mut BinaryOperator) -> Result<(), Error> {
    let BinaryOperator::PGCustomBinaryOperator(parts) = op else { return Ok(()) };
    let plain = match parts.last().map(String::as_str) {
        Some("~") => BinaryOperator::PGRegexMatch,
        Some("~*") => BinaryOperator::PGRegexIMatch,
        Some("!~") => BinaryOperator::PGRegexNotMatch,
        Some("!~*") => BinaryOperator::PGRegexNotIMatch,
        Some("~~") => BinaryOperator::PGLikeMatch,
        Some("!~~") => BinaryOperator::PGNotLikeMatch,
        Some("=") => BinaryOperator::Eq,
        Some("<>") => BinaryOperator::NotEq,
        Some("<") => BinaryOperator::Lt,
        Some(">") => BinaryOperator::Gt,
        Some("<=") => BinaryOperator::LtEq,
        Some(">=") => BinaryOperator::GtEq,
        Some("||") => BinaryOperator::StringConcat,
        Some("+") => BinaryOperator::Plus,
        Some("-") => BinaryOperator::Minus,
        Some("*") => BinaryOperator::Multiply,
        Some("/") => BinaryOperator::Divide,
        _ => {
            return Err(Error::unsupported(format!(
                "OPERATOR({}) is not supported",
                parts.join(".")
            )));
        }
    };
    *op = plain;
    Ok(())
}

/// Functions that the grammar lets stand without parentheses.
fn parenthesisless(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 7] = [
        "current_user",
        "session_user",
        "current_role",
        "user",
        "current_catalog",
        "current_schema",
        "current_database",
    ];
    NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// `pg_catalog.f(…)` is `f(…)`; a function without parentheses gets them.
fn qualified_function(function: &mut Function) {
    let parts = &mut function.name.0;
    let in_catalog = parts.len() == 2
        && parts[0]
            .as_ident()
            .is_some_and(|schema| schema.value.eq_ignore_ascii_case("pg_catalog"));
    if in_catalog {
        parts.remove(0);
    }
    let bare =
        parts.last().and_then(|part| part.as_ident()).and_then(|name| parenthesisless(&name.value));
    if bare.is_some() && matches!(function.args, FunctionArguments::None) {
        function.args = FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: Vec::new(),
            clauses: Vec::new(),
        });
    }
}

/// The type a cast names, for the parameter inside it.
pub(super) fn written_type(data_type: &SqlType) -> Option<PgType> {
    Some(match data_type {
        SqlType::Int(_) | SqlType::Integer(_) | SqlType::Int4(_) => PgType::Int4,
        SqlType::BigInt(_) | SqlType::Int8(_) => PgType::Int8,
        SqlType::SmallInt(_) | SqlType::Int2(_) => PgType::Int2,
        SqlType::Text => PgType::Text,
        SqlType::Varchar(_) | SqlType::CharacterVarying(_) => PgType::Varchar,
        SqlType::Numeric(_) | SqlType::Decimal(_) | SqlType::Dec(_) => PgType::Numeric,
        SqlType::Boolean | SqlType::Bool => PgType::Bool,
        SqlType::Real | SqlType::Float4 => PgType::Float4,
        SqlType::Float(_) | SqlType::Float8 | SqlType::DoublePrecision | SqlType::Double(_) => {
            PgType::Float8
        }
        SqlType::Uuid => PgType::Uuid,
        SqlType::JSON => PgType::Json,
        SqlType::JSONB => PgType::Jsonb,
        SqlType::Date => PgType::Date,
        SqlType::Bytea => PgType::Bytea,
        SqlType::Timestamp(_, zone) => match zone {
            ast::TimezoneInfo::Tz | ast::TimezoneInfo::WithTimeZone => PgType::TimestampTz,
            _ => PgType::Timestamp,
        },
        SqlType::Interval { .. } => PgType::Interval,
        SqlType::Regclass => PgType::Text,
        SqlType::Custom(name, _) => pg_type(name)?,
        SqlType::Array(ast::ArrayElemTypeDef::SquareBracket(element, _)) => {
            written_type(element)?.array()?
        }
        _ => return None,
    })
}

const REG_CASTS: [(&str, &str, &str); 6] = [
    ("regclass", "regclass", "regclass_name"),
    ("regtype", "regtype", "regtype_name"),
    ("regproc", "regproc", "regproc_name"),
    ("regprocedure", "regprocedure", "regprocedure_name"),
    ("regnamespace", "regnamespace", "regnamespace_name"),
    ("regrole", "regrole", "regrole_name"),
];

/// The function that does a cast DataFusion cannot.
fn cast_function(operand: &Expr, data_type: &SqlType, _kind: &CastKind) -> Option<&'static str> {
    match data_type {
        SqlType::Array(ast::ArrayElemTypeDef::SquareBracket(element, None))
            if matches!(**element, SqlType::Uuid) =>
        {
            Some("uuid_array")
        }
        SqlType::Uuid => Some("uuid"),
        SqlType::JSON => Some("json"),
        SqlType::JSONB => Some("jsonb"),
        SqlType::Numeric(ExactNumberInfo::None)
        | SqlType::Decimal(ExactNumberInfo::None)
        | SqlType::Dec(ExactNumberInfo::None) => Some("numeric"),
        SqlType::Timestamp(_, ast::TimezoneInfo::Tz | ast::TimezoneInfo::WithTimeZone) => {
            Some("timestamptz")
        }
        SqlType::Regclass => Some("regclass"),
        SqlType::Bytea => Some("bytea"),
        SqlType::Text => name_function(operand),
        SqlType::Custom(name, _) => {
            let last = name.0.last()?.as_ident()?.value.to_ascii_lowercase();
            if let Some((_, function, _)) = REG_CASTS.iter().find(|(known, ..)| *known == last) {
                return Some(function);
            }
            match pg_type(name)? {
                PgType::Uuid => Some("uuid"),
                PgType::Json => Some("json"),
                PgType::Jsonb => Some("jsonb"),
                PgType::Numeric => Some("numeric"),
                PgType::TimestampTz => Some("timestamptz"),
                PgType::Oid => Some("oid"),
                PgType::Text | PgType::Name => name_function(operand),
                _ => None,
            }
        }
        _ => None,
    }
}

fn texts() -> SqlType {
    SqlType::Array(ast::ArrayElemTypeDef::SquareBracket(Box::new(SqlType::Text), None))
}

/// Whether it is more than a literal or parameter, which a cast gives its type.
fn has_own_type(operand: &Expr) -> bool {
    match operand {
        Expr::Value(_) | Expr::Cast { .. } | Expr::TypedString(_) => false,
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => has_own_type(inner),
        _ => true,
    }
}

/// A reg* value as text is the name of what it points to.
fn name_function(operand: &Expr) -> Option<&'static str> {
    let Expr::Function(function) = operand else { return None };
    let name = &function.name.0.first()?.as_ident()?.value;
    REG_CASTS.iter().find(|(_, oid, _)| oid == name).map(|(_, _, name)| *name)
}

/// A reg* value in the select list is shown as a name.
fn show_name_of_oid(expr: &mut Expr) {
    if let Some(name) = name_function(expr) {
        let oid = std::mem::replace(expr, null());
        *expr = call(name, vec![oid]);
    }
}

/// Whether a set expression is a plain SELECT.
pub(super) fn as_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}
