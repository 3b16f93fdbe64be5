//! Casts that DataFusion has no equal of, as calls of the functions that do them.
//!
//! Knows which function that is, and refuses to know what it gives.

use super::syntax::{call, null};
use super::types::pg_type;
use crate::{Error, PgType};
use datafusion::sql::sqlparser::ast::{
    self, CharacterLength, DataType as SqlType, ExactNumberInfo, Expr, Value,
};

/// A cast, or a literal with a type, once what is inside of it has been rewritten.
pub(super) fn rewrite(expr: &mut Expr) -> Result<(), Error> {
    match expr {
        Expr::Cast { data_type: SqlType::Char(Some(_)) | SqlType::Character(Some(_)), .. } => {
            return Err(Error::unsupported("char(n) is not supported").with_hint("Use text."));
        }
        Expr::Cast {
            data_type: SqlType::Varchar(size) | SqlType::CharacterVarying(size), ..
        } => {
            let size = *size;
            shortened(expr, size);
        }
        Expr::Cast { expr: inner, data_type, .. } => {
            let inner = std::mem::replace(inner.as_mut(), null());
            match cast_function(&inner, data_type) {
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
            if let Some(name) = cast_function(&value, &typed.data_type) {
                *expr = call(name, vec![value]);
            }
        }
        _ => {}
    }
    Ok(())
}

/// A number that becomes a float is read as one: it may be beyond what a numeric holds.
pub(super) fn float_as_written(number: &mut Expr, data_type: &SqlType) {
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
fn cast_function(operand: &Expr, data_type: &SqlType) -> Option<&'static str> {
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
pub(super) fn show_name_of_oid(expr: &mut Expr) {
    if let Some(name) = name_function(expr) {
        let oid = std::mem::replace(expr, null());
        *expr = call(name, vec![oid]);
    }
}
