//! What is not supported says so; what is too large is refused.

use super::super::fixture::Fixture;
use crate::Fault;
use futures::TryStreamExt;

#[tokio::test]
async fn what_is_missing_is_named() {
    let shop = Fixture::shop();
    for query in [
        "SELECT ARRAY(SELECT path FROM accounts LIMIT 2)",
        "EXPLAIN (FORMAT JSON) SELECT 1",
        "SELECT * FROM accounts TABLESAMPLE SYSTEM (10)",
        "SELECT DISTINCT path FROM accounts ORDER BY path FETCH FIRST 2 ROWS WITH TIES",
        "SELECT to_number('XIV', 'RN')",
        "SELECT 1::numeric(50, 2)",
        "SELECT * FROM accounts FOR UPDATE",
    ] {
        let error = shop.error(query).await;
        assert_eq!(error.fault(), &Fault::FeatureNotSupported, "{query}: {error:?}");
    }
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

/// Sorts, groups or joins more than 8 MB.
const GREEDY: [&str; 5] = [
    "SELECT n FROM generate_series(1, 2000000) AS s(n) ORDER BY n DESC",
    "SELECT n * 7 % 2000003, count(*) FROM generate_series(1, 2000000) AS s(n) GROUP BY 1",
    "SELECT a.n FROM generate_series(1, 2000000) AS a(n) JOIN generate_series(1, 2000000) AS b(n) \
     ON a.n = b.n + 1",
    "SELECT n, sum(n) OVER (PARTITION BY n % 3) FROM generate_series(1, 2000000) AS s(n)",
    "WITH RECURSIVE r AS (SELECT n FROM generate_series(1, 500000) AS s(n) \
     UNION ALL SELECT n + 500000 FROM r WHERE n < 2500000) SELECT count(DISTINCT n) FROM r",
];

/// Waits for tasks that were told to end.
async fn until_all_is_given_back(shop: &Fixture) {
    while shop.memory_used() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_greedy_query_is_refused_while_others_run_on() {
    let mut shop = Fixture::shop();
    let sorted = "SELECT n FROM generate_series(1, 300000) AS s(n) ORDER BY n DESC";
    let mut other = shop.stream(sorted).await;
    let mut rows = other.try_next().await.unwrap().unwrap().num_rows();
    let held = shop.memory_used();
    assert!(held > 0, "a sort holds its rows");
    shop.set_work_mem("8MB");
    for query in GREEDY {
        let error = shop.error(query).await;
        assert_eq!(error.fault(), &Fault::OutOfMemory, "{query}: {error:?}");
        assert!(error.message().contains("(8 MB)"), "{query}: {error:?}");
        assert!(error.hint().unwrap().contains("work_mem"), "{query}: {error:?}");
        while shop.memory_used() > held {
            tokio::task::yield_now().await;
        }
    }
    while let Some(batch) = other.try_next().await.unwrap() {
        rows += batch.num_rows();
    }
    assert_eq!(rows, 300_000);
    drop(other);
    until_all_is_given_back(&shop).await;
}

#[tokio::test]
async fn memory_is_given_back_however_a_query_ends() {
    let shop = Fixture::shop();
    let rows = shop
        .rows("SELECT a.value FROM generate_series(1, 100000) AS a(value) ORDER BY 1 DESC LIMIT 1");
    assert_eq!(rows.await, [["100000"]]);
    until_all_is_given_back(&shop).await;
    for query in GREEDY {
        // Somebody stops reading.
        let mut stream = shop.stream(query).await;
        stream.try_next().await.unwrap();
        drop(stream);
        until_all_is_given_back(&shop).await;
    }
    for query in GREEDY {
        let failing = format!("SELECT 1 / (q.n - q.n) FROM ({query}) AS q(n)");
        shop.ask(&failing).await.err().unwrap();
        until_all_is_given_back(&shop).await;
    }
}
