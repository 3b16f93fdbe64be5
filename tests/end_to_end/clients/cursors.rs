//! Results in pieces through real clients: named cursors, fetch sizes, `FETCH_COUNT`, `\copy … to`.

use crate::books::{ACCOUNTS, ASSETS, shop};
use tests::{Server, jdbc_script, psql, psycopg_script};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psycopg_reads_through_named_cursors_and_copies_out() {
    let (server, _client) = shop().await;
    let said = psycopg_script(&server, "psycopg_cursors.py", &[]).ok();
    assert!(said.trim_end().ends_with("all fine"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jdbc_fetches_in_pieces_and_copies_out() {
    let (server, _client) = shop().await;
    let said = jdbc_script(&server, "JdbcCursors.java", &[]).ok();
    assert!(said.trim_end().ends_with("all fine"), "{said}");
}

#[test]
fn psql_fetches_in_pieces() {
    let script = "\\set FETCH_COUNT 3\n\
        SELECT n FROM generate_series(1, 10) AS s(n) ORDER BY n;\n\
        BEGIN;\nSELECT n FROM generate_series(11, 14) AS s(n) ORDER BY n;\nCOMMIT;\n";
    let said = psql(&Server::start(), &["-At"], script).ok();
    let numbers = |range: std::ops::RangeInclusive<u32>| -> String {
        range.map(|n| format!("{n}\n")).collect()
    };
    assert_eq!(said, format!("{}BEGIN\n{}COMMIT\n", numbers(1..=10), numbers(11..=14)));
}

/// What `\copy … to` writes, `\copy … from` takes into an empty ledger, which then has the same.
#[test]
fn psql_copies_a_ledger_out_and_in_again() {
    const TABLES: [&str; 3] = ["assets", "accounts", "transactions"];
    const SHOWN: &str = "SELECT path, asset, kind, min_balance, balance, debits, credits FROM accounts \
        ORDER BY path;\nSELECT tx_id, book, seq, idempotency_key, occurred_at, metadata, postings \
        FROM transactions ORDER BY seq;\n";
    let source = Server::start();
    let filled = format!(
        "{ASSETS};\n{ACCOUNTS};\nINSERT INTO transactions (book, idempotency_key, postings, metadata, occurred_at) VALUES \
         ('shop', 'comma, \"quote\" and \\', '[{{\"account\":\"cash\",\"amount\":\"1500\",\"direction\":\"debit\"}},\
         {{\"account\":\"sales\",\"amount\":\"1500\",\"direction\":\"credit\"}}]', '{{\"n\":1.50,\"t\":\"tab\\t, \\\\ and \\n\"}}', '2026-01-02 03:04:05Z'), \
         ('shop', 'two', '[{{\"account\":\"cash\",\"amount\":\"99999999999999999999999999\",\"direction\":\"debit\"}},\
         {{\"account\":\"sales\",\"amount\":\"99999999999999999999999999\",\"direction\":\"credit\"}}]', NULL, NULL);\n"
    );
    psql(&source, &["-v", "ON_ERROR_STOP=1"], &filled).ok();
    let expected = psql(&source, &["-At"], SHOWN).ok();
    let directory = tempfile::tempdir().unwrap();
    for options in ["", "(format csv, header)", "(format binary)"] {
        let script = |direction: &str| -> String {
            let line = |table: &str| {
                let file = directory.path().join(table);
                format!("\\copy {table} {direction} '{}' {options}\n", file.display())
            };
            TABLES.iter().map(|table| line(table)).collect()
        };
        let written = psql(&source, &[], &script("to")).ok();
        assert_eq!(written, "COPY 3\nCOPY 4\nCOPY 2\n", "{options}");
        let copy = Server::start();
        assert_eq!(psql(&copy, &[], &script("from")).ok(), written, "{options}");
        assert_eq!(psql(&copy, &["-At"], SHOWN).ok(), expected, "{options}");
    }
}
