//! The expressions of INSERT … VALUES and RETURNING that need no query planner.
//!
//! An expression is analysed once, when its statement is prepared, and evaluated for every
//! execution. What is not known here is left to DataFusion ([`Expression::Computed`]); nothing is
//! evaluated differently by the two, because this side does literals, parameters, `||` and casts
//! that keep the value, and no more.

use crate::insert::Datum;
use crate::statement::PARAMETERS_MAX;
use crate::{Error, Fault, Numeric, PgType, Result, Value};
use chrono_tz::Tz;
use datafusion::sql::sqlparser::ast;
use std::borrow::Cow;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    /// The column's default.
    Default,
    Literal(Value),
    /// By place, from 0.
    Parameter(usize),
    /// Null as soon as one part is.
    Concat(Vec<Expression>),
    Cast(Box<Expression>, PgType),
    /// By place among the expressions that DataFusion evaluates.
    Computed(usize),
    /// A column of the row that RETURNING shows.
    Column(usize),
}

/// What an expression is evaluated with.
pub(crate) struct Scope<'a> {
    pub(crate) parameters: &'a [Value],
    pub(crate) computed: &'a [Value],
    pub(crate) column: &'a dyn Fn(usize) -> Datum<'a>,
    pub(crate) zone: Tz,
}

/// For expressions that see no row.
pub(crate) fn no_columns<'a>(_: usize) -> Datum<'a> {
    Datum::Null
}

impl Expression {
    pub(crate) fn evaluate<'a>(&'a self, scope: &Scope<'a>) -> Result<Datum<'a>> {
        match self {
            Expression::Default => Ok(Datum::Absent),
            Expression::Literal(value) => Ok(Datum::from(value)),
            Expression::Parameter(index) => match scope.parameters.get(*index) {
                Some(value) => Ok(Datum::from(value)),
                None => Err(missing_parameter(*index)),
            },
            Expression::Computed(index) => {
                Ok(scope.computed.get(*index).map_or(Datum::Null, Datum::from))
            }
            Expression::Column(index) => Ok((scope.column)(*index)),
            Expression::Cast(inner, target) => inner.evaluate(scope)?.cast(*target, scope.zone),
            Expression::Concat(parts) => {
                let mut joined = String::new();
                for part in parts {
                    let datum = part.evaluate(scope)?;
                    match datum.to_text(scope.zone)? {
                        Some(text) => joined.push_str(&text),
                        None => return Ok(Datum::Null),
                    }
                }
                Ok(Datum::Text(Cow::Owned(joined)))
            }
        }
    }
}

fn missing_parameter(index: usize) -> Error {
    Error::new(
        Fault::InvalidParameterValue,
        format!("there is no value for parameter ${}", index + 1),
    )
}

/// What the parameters of a statement are, as far as that is known.
#[derive(Debug, Default)]
pub(crate) struct ParameterTypes {
    types: Vec<Option<PgType>>,
}

impl ParameterTypes {
    /// `given` is what the client said; unknown counts as not said.
    pub(crate) fn new(given: &[Option<PgType>]) -> Self {
        let types =
            given.iter().map(|given| given.filter(|given| *given != PgType::Unknown)).collect();
        ParameterTypes { types }
    }

    pub(crate) fn as_slice(&self) -> &[Option<PgType>] {
        &self.types
    }

    /// A parameter stands where a value of `wanted` goes. The first place decides: later ones
    /// convert, as an assignment would.
    pub(crate) fn note(&mut self, index: usize, wanted: Option<PgType>) {
        if self.types.len() <= index {
            self.types.resize(index + 1, None);
        }
        if self.types[index].is_none() {
            self.types[index] = wanted;
        }
    }

    pub(crate) fn finish(self) -> Result<Vec<PgType>> {
        let numbered = self.types.into_iter().enumerate();
        numbered
            .map(|(index, found)| {
                found.ok_or_else(|| {
                    Error::new(
                        Fault::IndeterminateDatatype,
                        format!("could not determine data type of parameter ${}", index + 1),
                    )
                })
            })
            .collect()
    }
}

/// Reads expressions, and collects those that it leaves to DataFusion.
#[derive(Debug, Default)]
pub(crate) struct Analysis {
    pub(crate) parameters: ParameterTypes,
    pub(crate) computed: Vec<ast::Expr>,
}

impl Analysis {
    /// `expression` as the value of something that is `wanted`, where that is known.
    pub(crate) fn value(
        &mut self,
        expression: &ast::Expr,
        wanted: Option<PgType>,
    ) -> Result<Expression> {
        if let Some(simple) = self.simple(expression, wanted)? {
            return Ok(simple);
        }
        self.computed.push(expression.clone());
        Ok(Expression::Computed(self.computed.len() - 1))
    }

    /// `None` for what has to be computed. Then nothing has been noted that would be wrong.
    fn simple(
        &mut self,
        expression: &ast::Expr,
        wanted: Option<PgType>,
    ) -> Result<Option<Expression>> {
        match expression {
            ast::Expr::Nested(inner) => self.simple(inner, wanted),
            ast::Expr::Value(value) => self.literal(&value.value, wanted),
            ast::Expr::TypedString(typed) => match pg_type(&typed.data_type) {
                Some(target) => Ok(self
                    .literal(&typed.value.value, None)?
                    .map(|literal| Expression::Cast(Box::new(literal), target))),
                None => Ok(None),
            },
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => match expr.as_ref() {
                ast::Expr::Value(value) => match &value.value {
                    ast::Value::Number(digits, _) => number(&format!("-{digits}")).map(Some),
                    _ => Ok(None),
                },
                _ => Ok(None),
            },
            ast::Expr::Cast {
                kind: ast::CastKind::Cast | ast::CastKind::DoubleColon,
                expr,
                data_type,
                array: false,
                format: None,
            } => {
                let Some(target) = pg_type(data_type) else { return Ok(None) };
                let inner = self.simple(expr, Some(target))?;
                Ok(inner.map(|inner| Expression::Cast(Box::new(inner), target)))
            }
            ast::Expr::BinaryOp { left, op: ast::BinaryOperator::StringConcat, right } => {
                self.concat(left, right)
            }
            _ => Ok(None),
        }
    }

    fn concat(&mut self, left: &ast::Expr, right: &ast::Expr) -> Result<Option<Expression>> {
        // `||` is also how jsonb and arrays are joined: only what is certainly text is text here.
        if !(is_text(left) && is_text(right)) {
            return Ok(None);
        }
        let mut parts = Vec::new();
        for side in [left, right] {
            match self.simple(side, Some(PgType::Text))? {
                Some(Expression::Concat(inner)) => parts.extend(inner),
                Some(part) => parts.push(part),
                None => return Ok(None),
            }
        }
        Ok(Some(Expression::Concat(parts)))
    }

    fn literal(
        &mut self,
        value: &ast::Value,
        wanted: Option<PgType>,
    ) -> Result<Option<Expression>> {
        Ok(Some(match value {
            ast::Value::Null => Expression::Literal(Value::Null),
            ast::Value::Boolean(flag) => Expression::Literal(Value::Bool(*flag)),
            ast::Value::Number(digits, _) => number(digits)?,
            ast::Value::SingleQuotedString(text)
            | ast::Value::EscapedStringLiteral(text)
            | ast::Value::UnicodeStringLiteral(text)
            | ast::Value::NationalStringLiteral(text) => {
                Expression::Literal(Value::Text(text.clone()))
            }
            ast::Value::DollarQuotedString(quoted) => {
                Expression::Literal(Value::Text(quoted.value.clone()))
            }
            ast::Value::Placeholder(name) => {
                let index = parameter_index(name)?;
                self.parameters.note(index, wanted);
                Expression::Parameter(index)
            }
            _ => return Ok(None),
        }))
    }
}

fn parameter_index(name: &str) -> Result<usize> {
    name.strip_prefix('$')
        .and_then(|digits| digits.parse::<usize>().ok())
        .filter(|number| (1..=PARAMETERS_MAX).contains(number))
        .map(|number| number - 1)
        .ok_or_else(|| Error::new(Fault::UndefinedObject, format!("there is no parameter {name}")))
}

fn number(digits: &str) -> Result<Expression> {
    if let Ok(small) = digits.parse::<i64>() {
        return Ok(Expression::Literal(Value::Int(small)));
    }
    let number: Numeric = crate::insert::parse_numeric(digits)?;
    Ok(Expression::Literal(Value::Numeric(number)))
}

/// Whether an operand of `||` is text, or may be taken for text as Postgres takes an untyped one.
fn is_text(expression: &ast::Expr) -> bool {
    match expression {
        ast::Expr::Nested(inner) => is_text(inner),
        ast::Expr::Value(value) => !matches!(value.value, ast::Value::Boolean(_)),
        ast::Expr::Cast { data_type, .. } => {
            !matches!(pg_type(data_type), None | Some(PgType::Json | PgType::Jsonb | PgType::Bool))
        }
        ast::Expr::BinaryOp { left, op: ast::BinaryOperator::StringConcat, right } => {
            is_text(left) && is_text(right)
        }
        _ => false,
    }
}

/// The types that a cast here can reach without changing a value.
pub(crate) fn pg_type(data_type: &ast::DataType) -> Option<PgType> {
    use ast::{DataType, ExactNumberInfo, TimezoneInfo};
    Some(match data_type {
        DataType::Text
        | DataType::Varchar(None)
        | DataType::CharacterVarying(None)
        | DataType::CharVarying(None) => PgType::Text,
        DataType::Uuid => PgType::Uuid,
        DataType::JSON => PgType::Json,
        DataType::JSONB => PgType::Jsonb,
        DataType::Numeric(ExactNumberInfo::None)
        | DataType::Decimal(ExactNumberInfo::None)
        | DataType::Dec(ExactNumberInfo::None) => PgType::Numeric,
        DataType::SmallInt(None) | DataType::Int2(None) => PgType::Int2,
        DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => PgType::Int4,
        DataType::BigInt(None) | DataType::Int8(None) => PgType::Int8,
        DataType::Bool | DataType::Boolean => PgType::Bool,
        DataType::Timestamp(None, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => {
            PgType::TimestampTz
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    fn analysed(text: &str, wanted: Option<PgType>) -> (Expression, Analysis) {
        let expression =
            Parser::new(&PostgreSqlDialect {}).try_with_sql(text).unwrap().parse_expr().unwrap();
        let mut analysis = Analysis::default();
        let expression = analysis.value(&expression, wanted).unwrap();
        (expression, analysis)
    }

    fn evaluated(text: &str, parameters: &[Value]) -> Result<Value> {
        let (expression, _) = analysed(text, None);
        let scope = Scope { parameters, computed: &[], column: &no_columns, zone: Tz::UTC };
        expression.evaluate(&scope).map(|datum| match datum {
            Datum::Text(text) => Value::Text(text.into_owned()),
            Datum::Json(text) => Value::Json(text.into_owned()),
            Datum::Int(number) => Value::Int(number),
            Datum::Numeric(number) => Value::Numeric(number),
            Datum::Bool(flag) => Value::Bool(flag),
            Datum::Uuid(id) => Value::Uuid(id),
            Datum::TimestampTz(micros) => Value::TimestampTz(micros),
            _ => Value::Null,
        })
    }

    #[test]
    fn simple_expressions_are_evaluated_here() {
        let text = |text: &str| Value::Text(text.to_owned());
        let cases = [
            ("'a'", text("a")),
            ("E'a\\n'", text("a\n")),
            ("$$a$$", text("a")),
            ("1", Value::Int(1)),
            ("-1", Value::Int(-1)),
            ("1.50", Value::Numeric(Numeric { unscaled: 150, scale: 2 })),
            ("NULL", Value::Null),
            ("('a')", text("a")),
            ("'acct:' || $1", text("acct:7")),
            ("'a' || $1 || 'b' || 5", text("a7b5")),
            ("'a' || NULL", Value::Null),
            ("$1::numeric", Value::Numeric(Numeric::integer(7))),
            ("CAST($1 AS int)", Value::Int(7)),
            ("'{}'::jsonb", Value::Json("{}".to_owned())),
            ("timestamptz '1970-01-01 00:00:01Z'", Value::TimestampTz(1_000_000)),
            ("(7)::text || 'x'", text("7x")),
        ];
        for (expression, expected) in cases {
            assert_eq!(evaluated(expression, &[text("7")]).unwrap(), expected, "{expression}");
        }
    }

    #[test]
    fn the_rest_is_left_to_the_planner() {
        for expression in
            ["1 + 1", "now()", "lower('A')", "1.5::numeric(10,0)", "'{}'::jsonb || '{}'", "x"]
        {
            let (analysed, analysis) = analysed(expression, None);
            assert_eq!(analysed, Expression::Computed(0), "{expression}");
            assert_eq!(analysis.computed.len(), 1, "{expression}");
        }
    }

    #[test]
    fn parameters_take_the_type_of_their_place() {
        let cases = [
            ("$1", Some(PgType::Numeric), PgType::Numeric),
            ("'k' || $1", Some(PgType::Numeric), PgType::Text),
            ("$1::uuid", Some(PgType::Text), PgType::Uuid),
        ];
        for (expression, wanted, expected) in cases {
            let (_, analysis) = analysed(expression, wanted);
            assert_eq!(analysis.parameters.finish().unwrap(), [expected], "{expression}");
        }
        let (_, analysis) = analysed("$2", Some(PgType::Text));
        let error = analysis.parameters.finish().unwrap_err();
        assert_eq!(*error.fault(), Fault::IndeterminateDatatype);
    }
}
