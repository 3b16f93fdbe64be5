//! Nothing wraps, nothing is rounded without a word.

use super::super::fixture::Fixture;
use crate::Fault;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Decimal128Type;
use datafusion::prelude::SessionContext;
use ledger::AMOUNT_MAX;

const MAX: &str = "99999999999999999999999999999999999999";

#[tokio::test]
async fn datafusion_alone_would_wrap() {
    let context = SessionContext::new();
    let sum =
        format!("SELECT sum(v) FROM (VALUES ({MAX}::decimal(38,0)), ({MAX}::decimal(38,0))) t(v)");
    let batches = context.sql(&sum).await.unwrap().collect().await.unwrap();
    let wrapped = batches[0].column(0).as_primitive::<Decimal128Type>().value(0);
    assert_ne!(wrapped.checked_sub(AMOUNT_MAX), Some(AMOUNT_MAX), "no i128 holds the true sum");
    let batches = context
        .sql("SELECT sum(v) FROM (VALUES (9223372036854775807), (1)) t(v)")
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    let text = datafusion::arrow::util::pretty::pretty_format_batches(&batches).unwrap();
    assert!(text.to_string().contains("-9223372036854775808"), "{text}");
}

#[tokio::test]
async fn sums_are_exact_or_an_error() {
    let shop = Fixture::shop();
    let values = |list: &str| format!("FROM (VALUES {list}) AS t(v)");
    let max_twice = values(&format!("({MAX}::numeric), ({MAX}::numeric)"));
    let max_and_back = values(&format!("({MAX}::numeric), ({MAX}::numeric), (-{MAX}::numeric)"));
    for (query, expected) in [
        (format!("SELECT sum(v) {max_and_back}"), MAX),
        (format!("SELECT sum(DISTINCT v) {max_twice}"), MAX),
        (
            "SELECT sum(amount) FROM postings WHERE book = 'bank' AND direction = 'debit'"
                .to_owned(),
            MAX,
        ),
        (format!("SELECT sum(v) {}", values("(9223372036854775807), (1)")), "9223372036854775808"),
        (format!("SELECT sum(v) {}", values("(NULL::numeric)")), ""),
        (format!("SELECT avg(v) {}", values("(1), (2)")), "1.5000000000000000"),
        ("SELECT sum(idx) FROM postings WHERE book = 'bank'".to_owned(), "1"),
    ] {
        assert_eq!(shop.value(&query).await, expected, "{query}");
    }
    for query in [
        format!("SELECT sum(v) {max_twice}"),
        "SELECT sum(amount) FROM postings WHERE book = 'bank'".to_owned(),
        "SELECT sum(amount) FROM postings GROUP BY book".to_owned(),
        "SELECT sum(amount) OVER (PARTITION BY book ORDER BY seq, idx) FROM postings".to_owned(),
        "SELECT sum(amount) OVER (ORDER BY idx ROWS 1 PRECEDING) FROM postings WHERE book = 'bank'"
            .to_owned(),
        format!("SELECT avg(v) {max_twice}"),
    ] {
        let error = shop.error(&query).await;
        assert_eq!(error.fault(), &Fault::NumericValueOutOfRange, "{query}: {error}");
    }
}

#[tokio::test]
async fn operators_are_checked() {
    let shop = Fixture::shop();
    for (expression, expected) in [
        (format!("{MAX} - 1"), "99999999999999999999999999999999999998"),
        (format!("-{MAX}::numeric"), "-99999999999999999999999999999999999999"),
        ("1.5 * 2".to_owned(), "3.0"),
        ("10::numeric / 4".to_owned(), "2.5000000000000000"),
        ("10 / 4".to_owned(), "2"),
        ("10 % 4".to_owned(), "2"),
        ("-7.5 % 2".to_owned(), "-1.5"),
        ("0.1 + 0.2".to_owned(), "0.3"),
        ("1 + NULL".to_owned(), ""),
        ("2::smallint + 3".to_owned(), "5"),
        ("abs(-5::numeric)".to_owned(), "5"),
        ("9223372036854775807 + 0".to_owned(), "9223372036854775807"),
        ("1::numeric / 3".to_owned(), "0.3333333333333333"),
        ("2::numeric / 3".to_owned(), "0.6666666666666667"),
        ("'12.50'::numeric".to_owned(), "12.50"),
        ("round(2.5)".to_owned(), "3"),
        ("7::numeric(38,0)".to_owned(), "7"),
    ] {
        assert_eq!(shop.value(&format!("SELECT {expression}")).await, expected, "{expression}");
    }
    for expression in [
        format!("{MAX} + 1"),
        format!("-{MAX}::numeric - 1"),
        format!("{MAX} * 2"),
        format!("{MAX}::numeric / 0.1"),
        "9223372036854775807 + 1".to_owned(),
        "9223372036854775807 * 2".to_owned(),
        "-9223372036854775807 - 2".to_owned(),
        "3000000000::int".to_owned(),
    ] {
        let error = shop.error(&format!("SELECT {expression}")).await;
        assert_eq!(error.fault(), &Fault::NumericValueOutOfRange, "{expression}: {error}");
    }
    for query in [
        "SELECT balance + balance FROM accounts WHERE book = 'bank'",
        "SELECT balance * 2 FROM accounts WHERE book = 'bank'",
        "SELECT seq FROM postings WHERE amount + amount > 0",
    ] {
        let error = shop.error(query).await;
        assert_eq!(error.fault(), &Fault::NumericValueOutOfRange, "{query}: {error}");
    }
    for expression in ["1 / 0", "1::numeric / 0", "1 % 0", "1.0 % 0"] {
        let error = shop.error(&format!("SELECT {expression}")).await;
        assert_eq!(error.fault(), &Fault::DivisionByZero, "{expression}: {error}");
    }
}
