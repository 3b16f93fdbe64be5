//! Subqueries that look at the row around them.

use super::super::fixture::Fixture;
use crate::Fault;

#[tokio::test]
async fn a_subquery_may_look_at_the_row_around_it() {
    let shop = Fixture::shop();
    for (query, answer) in [
        // Rows go down as they are.
        ("SELECT sum(y) FROM (VALUES (1), (1)) x (a), LATERAL (SELECT x.a + 1 AS y) l", "4"),
        ("SELECT sum(b.m) FROM generate_series(1, 3) a (n), generate_series(1, a.n) b (m)", "10"),
        // Their different values do, and what comes up is joined again.
        (
            "SELECT sum(l.n) FROM (VALUES (1), (1), (NULL)) x (a) \
             LEFT JOIN LATERAL (SELECT count(*) AS n FROM accounts WHERE x.a = 1) l ON true",
            "10",
        ),
        (
            "SELECT string_agg(l.path, ' ' ORDER BY b.book) FROM books b, \
             LATERAL (SELECT path FROM accounts a WHERE a.book = b.book ORDER BY path LIMIT 1) l",
            "capital cash",
        ),
        (
            "SELECT sum(c) FROM (SELECT (SELECT seq FROM postings p WHERE p.book = b.book \
             ORDER BY seq DESC LIMIT 1 OFFSET 1) - b.head_seq AS c FROM books b WHERE book = 'bank') s",
            "0",
        ),
        // Of no rows, a count is 0 and everything else NULL.
        (
            "SELECT count(*) FROM (SELECT (SELECT count(*) + max(seq) FROM postings p \
             WHERE p.seq > b.head_seq + length(b.book)) AS n FROM books b) s WHERE n IS NULL",
            "1",
        ),
        ("SELECT 2 IN (SELECT n FROM (VALUES (1), (NULL)) v (n)) IS NULL", "true"),
        ("SELECT 1 < ALL (SELECT n FROM (VALUES (2), (3)) v (n))", "true"),
        (
            "SELECT count(*) FROM books b WHERE (book, 1) NOT IN \
             (SELECT a.book, 1 FROM accounts a WHERE a.path < b.book) OR b.book = 'x'",
            "1",
        ),
    ] {
        assert_eq!(shop.rows(query).await, [[answer]], "{query}");
    }
}

#[tokio::test]
async fn a_value_has_one_row() {
    let shop = Fixture::shop();
    let query = "SELECT (SELECT path FROM accounts a WHERE a.book = b.book) FROM books b";
    assert_eq!(shop.error(query).await.fault(), &Fault::CardinalityViolation);
}

/// The partitions of the inner join once waited for one that the outer join never asked.
#[tokio::test]
async fn joins_over_an_empty_partition_end() {
    let shop = Fixture::shop();
    let query = "SELECT count(*) FROM (SELECT (p.balance_after, p.asset) IN \
        (SELECT i.balance, i.path FROM accounts i) AS found FROM postings p \
        WHERE p.balance_after IN (SELECT i.amount FROM postings i WHERE i.seq < p.seq) \
        OR 'a' > p.asset) s WHERE found IS NOT NULL";
    assert_eq!(shop.rows(query).await.len(), 1);
}
