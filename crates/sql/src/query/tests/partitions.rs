//! Whatever threads share a scan, it is the same rows.

use super::super::fixture::Fixture;
use store::AccountKind;

/// More postings than one thread is given: 20,000 transfers of 1, 2, 3…, in four accounts.
fn large() -> Fixture {
    let fixture = Fixture::empty();
    fixture.asset("EUR", 2);
    for path in ["a", "b", "c", "d"] {
        fixture.account("shop", path, AccountKind::Clearing);
    }
    fixture.post_many("shop", "first", 20_000);
    fixture
}

#[tokio::test]
async fn threads_that_share_a_scan_lose_nothing_and_give_nothing_twice() {
    let large = large();
    let plan = large.explain("SELECT amount FROM postings").await;
    let several = std::thread::available_parallelism().is_ok_and(|threads| threads.get() > 1);
    assert_eq!(plan.contains("partitions="), several, "{plan}");
    for (query, expected) in [
        ("SELECT count(*) FROM postings", "40000"),
        ("SELECT count(*) FROM transactions", "20000"),
        ("SELECT count(*) FROM transfers", "20000"),
        ("SELECT count(*) FROM postings WHERE amount > 10000", "20000"),
        ("SELECT sum(amount) FROM postings", "400020000"),
        ("SELECT sum(amount) FROM postings WHERE account = 'a'", "100010000"),
        ("SELECT count(*) FROM (SELECT DISTINCT seq, idx FROM postings) legs", "40000"),
        ("SELECT count(*) FROM (SELECT * FROM postings LIMIT 39999) some", "39999"),
        ("SELECT count(*) FROM (SELECT * FROM postings OFFSET 39998) rest", "2"),
        // Both sides of a join, and a plan that is executed again and again.
        ("SELECT count(*) FROM postings a JOIN postings b ON a.seq = b.seq", "80000"),
        (
            "WITH RECURSIVE steps(step, found) AS (SELECT 0, 0::bigint UNION ALL
               SELECT step + 1, (SELECT count(amount) FROM postings) FROM steps WHERE step < 3)
             SELECT sum(found) FROM steps",
            "120000",
        ),
    ] {
        assert_eq!(large.value(query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn an_old_cut_stays_what_it_was() {
    let large = large();
    let before = large.ledger.view();
    large.post_many("shop", "second", 5_000);
    let count = "SELECT count(*) FROM postings";
    let sum = "SELECT sum(amount) FROM postings";
    assert_eq!(large.value(count).await, "50000");
    let old = |query| large.ask_at(query, before.clone());
    assert_eq!(old(count).await.expect("an answer").rows, [["40000"]]);
    assert_eq!(old(sum).await.expect("an answer").rows, [["400020000"]]);
}
