//! EXPLAIN and EXPLAIN ANALYZE: what they show, and which options they take.

use super::super::fixture::Fixture;
use crate::Fault;

const HISTORY: &str = "SELECT amount + 0 FROM postings WHERE book = 'shop' AND account = 'cash'";

#[tokio::test]
async fn analyze_counts_rows_and_time_of_every_operator() {
    let shop = Fixture::shop();
    let query = "SELECT account, count(*) FROM postings WHERE book = 'shop' AND amount > 100 GROUP BY account";
    let plan = shop.rows(&format!("EXPLAIN ANALYZE {query}")).await.concat();
    let scan = plan.iter().find(|line| line.contains("LedgerScan")).expect("a scan");
    assert!(scan.contains("(actual rows=90 time="), "{scan}");
    let filter = plan.iter().find(|line| line.contains("Filter: ")).expect("a filter");
    assert!(filter.contains("(actual rows=78 time="), "{filter}");
    let indent = |line: &str| line.len() - line.trim_start().len();
    assert!(indent(scan) > indent(filter), "{plan:?}");
    let [.., time, rows] = plan.as_slice() else { panic!("{plan:?}") };
    assert!(time.starts_with("Execution Time: ") && time.ends_with(" ms"), "{time}");
    assert_eq!(rows, "Rows: 2");
}

#[tokio::test]
async fn options_are_those_of_postgres() {
    let shop = Fixture::shop();
    let cases: [(&str, &[&str], &[&str]); 7] = [
        ("(ANALYZE, TIMING off, SUMMARY off)", &["rows=40", "Rows: 40"], &["time=", "Time"]),
        ("(ANALYZE, TIMING off)", &["Execution Time"], &["time="]),
        ("(ANALYZE off, VERBOSE on)", &["TableScan: ", "LedgerScan: "], &["actual", "Rows"]),
        ("(ANALYZE 'on', COSTS false)", &["actual rows=40"], &[]),
        ("ANALYZE VERBOSE", &["TableScan: ", "actual rows=40"], &[]),
        ("(FORMAT text)", &["access=account index"], &["actual"]),
        ("(BUFFERS, SETTINGS, COSTS)", &["access=account index"], &["actual"]),
    ];
    for (options, shown, hidden) in cases {
        let plan = shop.rows(&format!("EXPLAIN {options} {HISTORY}")).await.concat().join("\n");
        for text in shown {
            assert!(plan.contains(text), "{options}: no {text} in\n{plan}");
        }
        for text in hidden {
            assert!(!plan.contains(text), "{options}: {text} in\n{plan}");
        }
    }
    let refused = [
        ("(FORMAT json)", Fault::FeatureNotSupported),
        ("(TIMING)", Fault::InvalidParameterValue),
        ("(SPEED)", Fault::SyntaxError),
        ("(ANALYZE perhaps)", Fault::SyntaxError),
    ];
    for (options, fault) in refused {
        let error = shop.error(&format!("EXPLAIN {options} {HISTORY}")).await;
        assert_eq!(error.fault(), &fault, "{options}: {error:?}");
    }
}

#[tokio::test]
async fn sealed_parts_that_are_passed_over_are_shown() {
    let shop = Fixture::shop();
    let in_memory = shop.explain(HISTORY).await;
    assert!(!in_memory.contains("parts="), "{in_memory}");
    let shop = shop.reopened();
    let cases = [
        ("postings WHERE amount > 0", "full scan", "parts=1 of 1, blocks=1 of 1"),
        (
            "postings WHERE book = 'shop' AND account = 'cash'",
            "account index",
            "parts=1 of 1, blocks=1 of 1",
        ),
        (
            "postings WHERE book = 'zoo' AND account = 'cash'",
            "account index",
            "parts=0 of 1, blocks=0 of 1",
        ),
        ("postings WHERE lsn > 1000000", "lsn range", "parts=0 of 1"),
        ("transactions WHERE committed_at < '2000-01-01'", "committed_at range", "parts=0 of 1"),
        ("transfers WHERE seq > 0", "full scan", "parts=1 of 1"),
    ];
    for (source, access, reach) in cases {
        let plan = shop.explain(&format!("SELECT *, 1 FROM {source}")).await;
        assert!(plan.contains(&format!("access={access}")), "{source}: {plan}");
        assert!(plan.contains(reach), "{source}: {plan}");
    }
    let query = "SELECT * FROM transfers WHERE book = 'shop' AND idempotency_key = 'sale-5'";
    let by_key = shop.explain(query).await;
    assert!(by_key.contains("idempotency_key index") && !by_key.contains("parts="), "{by_key}");
}
