//! What a client is told about columns, parameters and mistakes.

use super::super::fixture::Fixture;
use crate::{Fault, MONEY_TYPMOD, PgType, Value};

#[tokio::test]
async fn columns_are_named_and_typed_like_postgres() {
    let shop = Fixture::shop();
    for (query, name, pg_type) in [
        ("SELECT 1", "?column?", PgType::Int4),
        ("SELECT 'x'", "?column?", PgType::Text),
        ("SELECT count(*) FROM books", "count", PgType::Int8),
        ("SELECT sum(amount) FROM postings WHERE book = 'shop'", "sum", PgType::Numeric),
        ("SELECT tx_id FROM postings", "tx_id", PgType::Uuid),
        ("SELECT p.tx_id FROM (SELECT * FROM postings) p ORDER BY amount", "tx_id", PgType::Uuid),
        ("SELECT max(tx_id) FROM postings", "max", PgType::Uuid),
        ("SELECT tx_id::text FROM postings", "tx_id", PgType::Text),
        ("SELECT '5'::int", "int4", PgType::Int4),
        ("SELECT metadata FROM accounts", "metadata", PgType::Jsonb),
        ("SELECT metadata->>'a' FROM accounts", "?column?", PgType::Text),
        ("SELECT occurred_at FROM postings", "occurred_at", PgType::TimestampTz),
        ("SELECT CASE WHEN true THEN 1 END", "case", PgType::Int4),
        ("SELECT CASE WHEN true THEN tx_id END FROM postings", "case", PgType::Uuid),
        ("SELECT 1 UNION SELECT 9223372036854775807", "?column?", PgType::Int8),
        ("SELECT coalesce(NULL, 3)", "coalesce", PgType::Int4),
        ("SELECT current_user", "current_user", PgType::Name),
        ("SELECT row_number() OVER () FROM books", "row_number", PgType::Int8),
        ("SELECT NULL", "?column?", PgType::Text),
        ("SELECT now()", "now", PgType::TimestampTz),
        (
            "SELECT '1993-01-02'::timestamptz - '1993-01-01'::timestamptz",
            "?column?",
            PgType::Interval,
        ),
        ("SELECT true", "bool", PgType::Bool),
        ("SELECT 1.5", "?column?", PgType::Numeric),
        ("SELECT ARRAY['a']", "array", PgType::TextArray),
        ("SELECT '{}'::jsonb", "jsonb", PgType::Jsonb),
    ] {
        let answered = shop.ask(query).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        let column = &answered.columns[0];
        assert_eq!((column.name.as_str(), column.pg_type), (name, pg_type), "{query}");
    }
}

#[tokio::test]
async fn columns_of_tables_say_where_they_come_from() {
    let shop = Fixture::shop();
    let answered = shop
        .ask("SELECT a.balance, a.balance + 1, b.book FROM accounts a JOIN books b ON b.book = a.book
              WHERE b.book = 'shop'")
        .await
        .expect("a join");
    let [balance, computed, book] = answered.columns.as_slice() else { panic!("three columns") };
    assert_eq!((balance.table_oid, balance.attribute_number), (16_403, 7));
    assert_eq!(balance.typmod, MONEY_TYPMOD);
    assert_eq!((computed.table_oid, computed.attribute_number), (0, 0));
    assert_eq!((book.table_oid, book.attribute_number), (16_402, 1));
}

#[tokio::test]
async fn repeated_names_are_allowed() {
    let shop = Fixture::shop();
    let answered = shop.ask("SELECT 1, 1, book, book, * FROM books WHERE book = 'shop'").await;
    let answered = answered.expect("names may repeat");
    let names: Vec<&str> = answered.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names[..5], ["?column?", "?column?", "book", "book", "book"]);
}

#[tokio::test]
async fn parameters_get_types_from_their_surroundings() {
    let shop = Fixture::shop();
    for (query, types) in [
        ("SELECT $1", vec![PgType::Text]),
        ("SELECT $1::int", vec![PgType::Int4]),
        (
            "SELECT * FROM accounts WHERE book = $1 AND balance > $2",
            vec![PgType::Text, PgType::Numeric],
        ),
        ("SELECT * FROM postings WHERE tx_id = $1", vec![PgType::Uuid]),
        (
            "SELECT * FROM postings WHERE occurred_at BETWEEN $1 AND $2",
            vec![PgType::TimestampTz; 2],
        ),
        ("SELECT * FROM postings WHERE seq > $1 LIMIT $2", vec![PgType::Int8, PgType::Int8]),
        ("SELECT amount + $1 FROM postings", vec![PgType::Numeric]),
        ("SELECT * FROM accounts WHERE path LIKE $1", vec![PgType::Text]),
    ] {
        assert_eq!(shop.parameter_types(query).await, types, "{query}");
    }
    let answered = shop
        .ask_with(
            "SELECT path FROM accounts WHERE book = $1 AND balance > $2 ORDER BY 1 LIMIT $3",
            &[None, None, None],
            &[
                Value::Text("shop".into()),
                Value::Numeric(crate::Numeric::integer(50)),
                Value::Int(1),
            ],
        )
        .await
        .expect("a bound query");
    assert_eq!(answered.rows, [["cash"]]);
}

/// As Postgres 15 has them in `pg_prepared_statements.parameter_types`.
#[tokio::test]
async fn parameters_get_types_from_the_words_around_them() {
    let shop = Fixture::shop();
    let mut differing = Vec::new();
    use PgType::{Bool, Float8, Int4, Interval, Jsonb, Numeric, Text};
    for (query, types) in [
        ("SELECT $1 BETWEEN 1 AND 2", vec![Int4]),
        ("SELECT 1 WHERE $1 IN (1, 2)", vec![Int4]),
        ("SELECT CASE WHEN $1 THEN 1 END", vec![Bool]),
        ("SELECT coalesce($1, 9)", vec![Int4]),
        ("SELECT coalesce($1, 2.5)", vec![Numeric]),
        ("SELECT coalesce($1, balance) FROM accounts", vec![Numeric]),
        ("SELECT nullif($1, 9)", vec![Int4]),
        ("SELECT greatest($1, 9)", vec![Int4]),
        ("SELECT greatest($1, 'x')", vec![Text]),
        ("SELECT ARRAY[$1, 2]", vec![Int4]),
        ("VALUES ($1), (2)", vec![Int4]),
        ("SELECT left('abc', $1)", vec![Int4]),
        ("SELECT ntile($1) OVER (ORDER BY path) FROM accounts", vec![Int4]),
        ("SELECT lag(path, $1) OVER (ORDER BY path) FROM accounts", vec![Int4]),
        ("SELECT abs($1)", vec![Float8]),
        ("SELECT path FROM accounts WHERE $1", vec![Bool]),
        ("SELECT NOT $1", vec![Bool]),
        ("SELECT * FROM generate_series(1, $1)", vec![Int4]),
        ("SELECT occurred_at + $1 FROM transactions", vec![Interval]),
        ("SELECT metadata ->> $1 FROM accounts", vec![Text]),
        ("SELECT metadata -> $1 FROM accounts", vec![Text]),
        ("SELECT $1 || $2", vec![Text, Text]),
        ("SELECT upper($1 || $1)", vec![Text]),
        ("SELECT metadata || $1 FROM accounts", vec![Jsonb]),
        ("SELECT path FROM accounts WHERE balance > $1 OR coalesce($1, 9) > 3", vec![Numeric]),
    ] {
        let found = shop.parameter_types(query).await;
        if found != types {
            differing.push(format!("{query}: {found:?}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[tokio::test]
async fn mistakes_are_named() {
    let shop = Fixture::shop();
    for (query, fault, message) in [
        ("SELECT * FROM nothing", Fault::UndefinedTable, "relation \"nothing\" does not exist"),
        ("SELECT nothing FROM books", Fault::UndefinedColumn, "column \"nothing\" does not exist"),
        (
            "SELECT b.nothing FROM books b",
            Fault::UndefinedColumn,
            "column b.nothing does not exist",
        ),
        ("SELECT nothing(1)", Fault::UndefinedFunction, "function nothing does not exist"),
        (
            "SELECT book FROM books JOIN accounts ON true",
            Fault::AmbiguousColumn,
            "column reference \"book\" is ambiguous",
        ),
        ("SELECT 'x'::int", Fault::InvalidTextRepresentation, ""),
        (
            "SELECT 'x'::numeric",
            Fault::InvalidTextRepresentation,
            "invalid input syntax for type numeric: \"x\"",
        ),
        (
            "SELECT 'x'::uuid",
            Fault::InvalidTextRepresentation,
            "invalid input syntax for type uuid: \"x\"",
        ),
        (
            "SELECT * FROM postings WHERE tx_id = 'x'",
            Fault::InvalidTextRepresentation,
            "invalid input syntax for type uuid: \"x\"",
        ),
        ("SELECT book, count(*) FROM accounts", Fault::GroupingError, ""),
        ("SELECT 'x'::nothing", Fault::UndefinedObject, "type \"nothing\" does not exist"),
        ("SELECT * FROM other.public.books", Fault::FeatureNotSupported, ""),
        ("SELECT 'NaN'::numeric", Fault::FeatureNotSupported, ""),
        (
            "SELECT sum(path) FROM accounts",
            Fault::UndefinedFunction,
            "function sum(text) does not exist",
        ),
    ] {
        let error = shop.error(query).await;
        assert_eq!(error.fault(), &fault, "{query}: {error:?}");
        if !message.is_empty() {
            assert_eq!(error.message(), message, "{query}");
        }
    }
    let error = shop.error("SELECT nothing FROM books").await;
    assert_eq!(error.position(), Some(8));
}

#[tokio::test]
async fn sessions_are_asked() {
    let shop = Fixture::shop();
    assert_eq!(shop.value("SELECT current_user").await, "tester");
    assert_eq!(shop.value("SELECT current_database()").await, "tallybook");
    assert_eq!(shop.value("SELECT current_schema()").await, "public");
    assert_eq!(shop.value("SELECT current_setting('nothing.here', true)").await, "");
    assert!(shop.value("SELECT version()").await.starts_with("PostgreSQL 15."));
}
