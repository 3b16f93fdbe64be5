//! What is not supported says so; what is too large is refused.

use super::super::fixture::Fixture;
use crate::Fault;

#[tokio::test]
async fn what_is_missing_is_named() {
    let shop = Fixture::shop();
    for query in [
        "SELECT ARRAY(SELECT path FROM accounts LIMIT 2)",
        "SELECT (SELECT path FROM accounts a WHERE a.book = b.book) FROM books b",
        "EXPLAIN (FORMAT JSON) SELECT 1",
        "SELECT * FROM accounts TABLESAMPLE SYSTEM (10)",
        "SELECT * FROM generate_series(1, 2) WITH ORDINALITY",
        "SELECT * FROM accounts FETCH FIRST 2 ROWS WITH TIES",
        "SELECT to_char(5, '999')",
        "SELECT 1::numeric(50, 2)",
        "SELECT * FROM accounts FOR UPDATE",
    ] {
        let error = shop.error(query).await;
        assert_eq!(error.fault(), &Fault::FeatureNotSupported, "{query}: {error:?}");
    }
}

#[tokio::test]
async fn a_query_cannot_take_all_memory() {
    let shop = Fixture::shop();
    let query = "SELECT count(*) FROM (
        SELECT DISTINCT a.value + 1000000000000 * b.value
          FROM generate_series(1, 20000) AS a(value), generate_series(1, 20000) AS b(value)) x";
    let error = shop.error(query).await;
    assert_eq!(error.fault(), &Fault::OutOfMemory, "{error:?}");
}

#[tokio::test]
async fn a_function_asks_for_the_memory_of_its_result() {
    let shop = Fixture::shop();
    let hundred = "FROM generate_series(1, 100) AS n(n)";
    for (query, fault) in [
        ("SELECT repeat('x', 2000000000)", Fault::ProgramLimitExceeded),
        ("SELECT rpad('x', 1900000000, 'y')", Fault::ProgramLimitExceeded),
        (&format!("SELECT max(repeat('x', 9000000 + n::int)) {hundred}"), Fault::OutOfMemory),
    ] {
        let error = shop.error(query).await;
        assert_eq!(error.fault(), &fault, "{query}: {error:?}");
    }
    // A constant is not spread over the rows.
    let query = "SELECT sum(length(replace(n::text, 'z', repeat('y', 1000000))))
                   FROM generate_series(1, 1000) AS n(n)";
    assert_eq!(shop.value(query).await, "2893");
    let query = "SELECT sum(length(s || s)) FROM (SELECT repeat('ab', n::int) s
                   FROM generate_series(1, 1000) AS n(n)) x";
    assert_eq!(shop.value(query).await, "2002000");
}

#[tokio::test]
async fn explain_analyze_runs_the_query() {
    let shop = Fixture::shop();
    let plan = shop.rows("EXPLAIN ANALYZE SELECT * FROM accounts WHERE book = 'shop'").await;
    let plan = plan.concat().join("\n");
    assert!(plan.contains("LedgerScan"), "{plan}");
    assert!(plan.ends_with("Rows: 3"), "{plan}");
    let plan = shop.explain("(VERBOSE true, COSTS off) SELECT 1").await;
    assert!(plan.contains("Projection"), "{plan}");
}

#[tokio::test]
async fn memory_is_given_back() {
    let shop = Fixture::shop();
    for _ in 0..3 {
        let rows = shop.rows(
            "SELECT a.value FROM generate_series(1, 100000) AS a(value) ORDER BY 1 DESC LIMIT 1",
        );
        assert_eq!(rows.await, [["100000"]]);
    }
}
