//! Joins of the ledger's own tables: the same rows, whatever is left out of them or done before.

use super::super::fixture::{Fixture, NEW_YEAR_1993};
use store::AccountKind;

/// Transactions 1, 2, 3… of two postings each, of which every third has no `kind`, in books of as
/// many names.
fn ledger(books: &[&str]) -> Fixture {
    let fixture = Fixture::empty();
    fixture.asset("EUR", 2);
    for book in books {
        fixture.account(book, "a", AccountKind::Clearing);
        fixture.account(book, "b", AccountKind::Clearing);
        for nr in 1..=6 {
            let metadata = match nr % 3 {
                0 => format!(r#"{{"nr":{nr}}}"#),
                other => format!(r#"{{"nr":{nr},"kind":"{other}","in":{{"deep":{nr}}}}}"#),
            };
            let key = format!("{book}-{nr}");
            fixture.post(book, &key, "a", "b", nr, NEW_YEAR_1993, &metadata);
        }
    }
    fixture
}

/// With what is answered for one book of the ledger.
const QUERIES: [(&str, &[&[&str]]); 14] = [
    (
        "SELECT t.metadata->>'kind', count(*), sum(p.amount) FROM postings p
         JOIN transactions t ON t.book = p.book AND t.seq = p.seq GROUP BY 1 ORDER BY 1",
        &[&["1", "4", "10"], &["2", "4", "14"], &["", "4", "18"]],
    ),
    (
        "SELECT t.metadata->>'kind', t.metadata->'in'->>'deep', p.amount FROM postings p
         JOIN transactions t ON t.book = p.book AND t.seq = p.seq
         WHERE p.account = 'a' AND p.amount < 4 ORDER BY 3",
        &[&["1", "1", "1"], &["2", "2", "2"], &["", "", "3"]],
    ),
    (
        "SELECT t.metadata->>'kind', t.metadata->>'nr', t.metadata->>'kind', p.idx, t.seq = p.seq
         FROM transactions t JOIN postings p ON t.book = p.book AND t.seq = p.seq
         WHERE p.amount > 4 ORDER BY 2, 4",
        &[
            &["2", "5", "2", "0", "true"],
            &["2", "5", "2", "1", "true"],
            &["", "6", "", "0", "true"],
            &["", "6", "", "1", "true"],
        ],
    ),
    // Rows without a partner, on either side and on both.
    (
        "SELECT t.metadata->>'nr', p.amount FROM transactions t
         LEFT JOIN postings p ON t.book = p.book AND t.seq = p.seq AND p.amount > 4 AND p.idx = 0
         ORDER BY 1",
        &[&["1", ""], &["2", ""], &["3", ""], &["4", ""], &["5", "5"], &["6", "6"]],
    ),
    (
        "SELECT t.metadata->>'nr', p.amount FROM postings p
         LEFT JOIN transactions t ON t.book = p.book AND t.seq = p.seq + 3 WHERE p.idx = 0
         ORDER BY 2",
        &[&["4", "1"], &["5", "2"], &["6", "3"], &["", "4"], &["", "5"], &["", "6"]],
    ),
    (
        "SELECT t.metadata->>'nr', u.metadata->>'nr' FROM transactions t
         FULL JOIN transactions u ON t.book = u.book AND t.seq = u.seq + 4 ORDER BY 1, 2",
        &[
            &["1", ""],
            &["2", ""],
            &["3", ""],
            &["4", ""],
            &["5", "1"],
            &["6", "2"],
            &["", "3"],
            &["", "4"],
            &["", "5"],
            &["", "6"],
        ],
    ),
    // The document is wanted whole, or compared, beside a value of it.
    (
        "SELECT t.metadata->>'kind', t.metadata FROM postings p
         JOIN transactions t ON t.book = p.book AND t.seq = p.seq WHERE p.amount = 3 AND p.idx = 0",
        &[&["", r#"{"nr": 3}"#]],
    ),
    (
        "SELECT t.metadata->>'nr' FROM transactions t
         JOIN transactions u ON t.book = u.book AND t.metadata = u.metadata AND t.seq = u.seq
         ORDER BY 1",
        &[&["1"], &["2"], &["3"], &["4"], &["5"], &["6"]],
    ),
    (
        "SELECT t.metadata->>'kind', count(t.metadata->>'nr') FROM postings p
         JOIN transactions t ON t.book = p.book AND t.seq = p.seq GROUP BY 1 ORDER BY 1",
        &[&["1", "4"], &["2", "4"], &["", "4"]],
    ),
    // The join itself looks into the document.
    (
        "SELECT t.metadata->>'kind', count(*) FROM postings p
         JOIN transactions t ON t.book = p.book AND t.seq = p.seq
          AND t.metadata->>'nr' <= p.amount::text GROUP BY 1 ORDER BY 1",
        &[&["1", "4"], &["2", "4"], &["", "4"]],
    ),
    (
        "SELECT t.metadata->>'kind', count(*) FROM postings p
         JOIN transactions t ON t.book = p.book AND t.metadata->>'nr' = p.amount::text
         GROUP BY 1 ORDER BY 1",
        &[&["1", "4"], &["2", "4"], &["", "4"]],
    ),
    // Nothing but the book, books that are none, and three tables.
    ("SELECT count(*) FROM transactions t JOIN postings p ON t.book = p.book", &[&["72"]]),
    (
        "SELECT count(*) FROM postings p JOIN transactions t ON t.book = p.account AND t.seq = p.seq",
        &[&["0"]],
    ),
    (
        "SELECT t.metadata->>'kind', a.kind, count(*) FROM postings p
         JOIN transactions t ON t.book = p.book AND t.seq = p.seq
         JOIN accounts a ON a.book = p.book AND a.path = p.account
         WHERE t.seq > 0 GROUP BY 1, 2 ORDER BY 1",
        &[&["1", "clearing", "4"], &["2", "clearing", "4"], &["", "clearing", "4"]],
    ),
];

async fn assert_answers(ledger: &Fixture, book: Option<&str>) {
    for (query, expected) in QUERIES {
        let query = match book {
            None => query.to_owned(),
            // Every table of the query is cut to the book.
            Some(book) => ["transactions", "postings", "accounts"].iter().fold(
                query.to_owned(),
                |query, table| {
                    let cut = format!("(SELECT * FROM {table} WHERE book = '{book}')");
                    query.replace(&format!(" {table} "), &format!(" {cut} "))
                },
            ),
        };
        assert_eq!(ledger.rows(&query).await, *expected, "{query}");
    }
}

#[tokio::test]
async fn one_book_answers_as_it_does_among_others() {
    let alone = ledger(&["shop"]);
    assert_answers(&alone, None).await;
    assert_answers(&alone, Some("shop")).await;
    assert_answers(&alone.reopened(), None).await;
    let among = ledger(&["shop", "bank"]);
    assert_answers(&among, Some("shop")).await;
    assert_answers(&among.reopened(), Some("bank")).await;
}

#[tokio::test]
async fn books_that_several_have_are_compared() {
    let both = ledger(&["shop", "bank"]);
    let of = |condition: &str| {
        format!("SELECT count(*) FROM transactions t JOIN postings p ON {condition}")
    };
    for (condition, expected) in [
        ("t.book = p.book AND t.seq = p.seq", "24"),
        ("t.seq = p.seq", "48"),
        ("t.book = p.book AND t.seq = p.seq AND p.book = 'bank'", "12"),
        ("t.seq = p.seq AND t.book = 'shop' AND p.book = 'bank'", "12"),
        ("t.book = p.book AND t.seq = p.seq WHERE t.book = 'shop' AND p.book = 'bank'", "0"),
    ] {
        assert_eq!(both.value(&of(condition)).await, expected, "{condition}");
    }
}

#[tokio::test]
async fn a_cut_before_the_second_book_has_one() {
    let fixture = ledger(&["shop"]);
    let before = fixture.ledger.view();
    fixture.account("bank", "a", AccountKind::Clearing);
    fixture.account("bank", "b", AccountKind::Clearing);
    fixture.post("bank", "first", "a", "b", 7, NEW_YEAR_1993, "{}");
    let joined = "SELECT count(*) FROM transactions t
                  JOIN postings p ON t.book = p.book AND t.seq = p.seq";
    assert_eq!(fixture.value(joined).await, "14");
    let old = fixture.ask_at(joined, before).await.expect("an answer");
    assert_eq!(old.rows, [["12"]]);
}

#[tokio::test]
async fn plans_show_what_is_done_early_and_what_is_left_out() {
    let joined = "FROM postings p JOIN transactions t ON t.book = p.book AND t.seq = p.seq";
    let by_kind = format!("SELECT t.metadata->>'kind', count(*) {joined} GROUP BY 1");
    let early = "Project: book, seq, metadata ->> 'kind'";
    let (one, several) = (ledger(&["shop"]), ledger(&["shop", "bank"]));
    for (ledger, query, shown, hidden) in [
        (&one, by_kind.clone(), vec!["on seq = seq", early], vec!["book = book"]),
        (&several, by_kind.clone(), vec!["on book = book AND seq = seq"], vec![]),
        (
            &several,
            by_kind.replace("GROUP", "WHERE p.book = 'bank' GROUP"),
            vec!["on seq = seq", early],
            vec!["book = book"],
        ),
        // Few postings meet few of the transactions.
        (
            &one,
            by_kind.replace("GROUP", "WHERE p.amount = 3 GROUP"),
            vec!["on seq = seq"],
            vec![early],
        ),
    ] {
        let plan = ledger.explain(&query).await;
        for text in shown {
            assert!(plan.contains(text), "no {text} in\n{plan}");
        }
        for text in hidden {
            assert!(!plan.contains(text), "{text} in\n{plan}");
        }
    }
}
