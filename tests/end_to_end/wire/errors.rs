//! DESIGN's table of SQLSTATEs and constraint names, row by row, over the wire.

use crate::books::{shop, sqlstate, told, transfer, value};
use tokio_postgres::Client;

/// A statement, the SQLSTATE it must end with, and the constraint it must name (or none).
type Case = (&'static str, &'static str, Option<&'static str>);

async fn check(client: &Client, cases: &[Case]) {
    for (statement, code, constraint) in cases {
        let error = match client.simple_query(statement).await {
            Err(error) => error,
            Ok(messages) => panic!("{statement}\nwas accepted: {messages:?}"),
        };
        let Some(said) = error.as_db_error() else { panic!("{statement}\n{error}") };
        assert_eq!(said.code().code(), *code, "{statement}\n{}", told(&error));
        assert_eq!(said.constraint(), *constraint, "{statement}\n{}", told(&error));
        assert_eq!(said.severity(), "ERROR", "{statement}");
    }
    let left = value(client, "SELECT count(*) FROM transactions").await;
    assert_eq!(left, "1", "a refused statement leaves nothing");
}

macro_rules! posting {
    ($postings:literal) => {
        concat!(
            "INSERT INTO transactions (book, idempotency_key, postings) VALUES ('shop', 'k', '",
            $postings,
            "')"
        )
    };
}

#[tokio::test]
async fn what_the_rules_refuse() {
    let (_server, client) = shop().await;
    transfer(&client, "first", "cash", "sales", 100).await.unwrap();
    check(
        &client,
        &[
            (
                posting!(
                    r#"[{"account":"cash","amount":"2","direction":"debit"},{"account":"sales","amount":"1","direction":"credit"}]"#
                ),
                "23514",
                Some("transactions_balanced"),
            ),
            (
                posting!(r#"[{"account":"cash","amount":"2","direction":"debit"}]"#),
                "23514",
                Some("transactions_balanced"),
            ),
            (
                "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
                 VALUES ('shop', 'k', 'wallet', 'sales', 1)",
                "23514",
                Some("accounts_min_balance"),
            ),
            (
                "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
                 VALUES ('shop', 'k', 'cash', 'sales', 0)",
                "23514",
                Some("postings_amount_positive"),
            ),
            (
                "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
                 VALUES ('shop', 'k', 'cash', 'sales', -5)",
                "23514",
                Some("postings_amount_positive"),
            ),
            (
                "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, asset, \
                 amount) VALUES ('shop', 'k', 'cash', 'sales', 'EUR', 5)",
                "23514",
                Some("postings_asset_matches_account"),
            ),
            (
                "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
                 VALUES ('shop', 'k', 'cash', 'nobody', 5)",
                "23503",
                Some("postings_account_fkey"),
            ),
            (
                "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
                 VALUES ('no such book', 'k', 'cash', 'sales', 5)",
                "23503",
                Some("postings_account_fkey"),
            ),
            (
                "INSERT INTO accounts (book, path, asset, kind) VALUES ('shop', 'x', 'XAU', 'asset')",
                "23503",
                Some("accounts_asset_fkey"),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_exists_already() {
    let (_server, client) = shop().await;
    let first = "INSERT INTO transactions (tx_id, book, idempotency_key, postings) VALUES \
        ('01890000-0000-7000-8000-000000000001', 'shop', 'first', \
        '[{\"account\":\"cash\",\"amount\":\"5\",\"direction\":\"debit\"},\
          {\"account\":\"sales\",\"amount\":\"5\",\"direction\":\"credit\"}]')";
    client.simple_query(first).await.unwrap();
    check(
        &client,
        &[
            (
                "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
                 VALUES ('shop', 'first', 'cash', 'sales', 6)",
                "23505",
                Some("transactions_idempotency_key"),
            ),
            (
                "INSERT INTO transfers (tx_id, book, idempotency_key, debit_account, credit_account, \
                 amount) VALUES ('01890000-0000-7000-8000-000000000001', 'shop', 'k', 'cash', \
                 'sales', 6)",
                "23505",
                Some("transactions_pkey"),
            ),
            (
                "INSERT INTO accounts (book, path, asset, kind) VALUES ('shop', 'cash', 'EUR', 'asset')",
                "23505",
                Some("accounts_pkey"),
            ),
            (
                "INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 3, 'US dollar')",
                "23505",
                Some("assets_pkey"),
            ),
        ],
    )
    .await;

    let reversal = "INSERT INTO transactions (book, idempotency_key, reverses) VALUES \
        ('shop', '{}', '01890000-0000-7000-8000-000000000001') RETURNING tx_id";
    let by = value(&client, &reversal.replace("{}", "undo")).await;
    let error = client.simple_query(&reversal.replace("{}", "undo again")).await.unwrap_err();
    let said = error.as_db_error().unwrap();
    assert_eq!(said.code().code(), "23505");
    assert_eq!(said.constraint(), Some("transactions_reverses_key"));
    assert!(told(&error).contains(&by), "names the first reversal: {}", told(&error));
}

#[tokio::test]
async fn values_that_cannot_be() {
    let (_server, client) = shop().await;
    transfer(&client, "first", "cash", "sales", 100).await.unwrap();
    check(
        &client,
        &[
            (
                "INSERT INTO transfers (book, debit_account, credit_account, amount) \
                 VALUES ('shop', 'cash', 'sales', 5)",
                "23502",
                None,
            ),
            (
                "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
                 VALUES ('shop', 'k', 'cash', 'sales', NULL)",
                "23502",
                None,
            ),
            (
                "INSERT INTO transfers (idempotency_key, debit_account, credit_account, amount) \
                 VALUES ('k', 'cash', 'sales', 5)",
                "23502",
                None,
            ),
            (
                "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
                 VALUES ('shop', 'k', 'cash', 'sales', 100000000000000000000000000000000000000)",
                "22003",
                None,
            ),
            (
                "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
                 VALUES ('shop', 'k', 'cash', 'sales', 1.5)",
                "22003",
                None,
            ),
            (posting!(r#"[{"account":"cash","amount":"#), "22P02", None),
            (posting!(r#"[{"account":"cash","amount":"x","direction":"debit"}]"#), "22P02", None),
            (
                "INSERT INTO transactions (book, idempotency_key, postings, metadata) VALUES ('shop', \
                 'k', '[]', '{\"a\":\"\\u0000\"}')",
                "22P05",
                None,
            ),
            (
                "INSERT INTO accounts (book, path, asset, kind) VALUES ('_mine', 'a', 'USD', 'asset')",
                "42602",
                None,
            ),
            (
                "INSERT INTO accounts (book, path, asset, kind) VALUES ('shop', '', 'USD', 'asset')",
                "42602",
                None,
            ),
        ],
    )
    .await;
    let no_time = "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
        amount, occurred_at) VALUES ('shop', 'k', 'cash', 'sales', 5, 'yesterday-ish')";
    let error = client.simple_query(no_time).await.unwrap_err();
    assert!(["22007", "22P02"].contains(&sqlstate(&error).as_str()), "{}", told(&error));
}

#[tokio::test]
async fn limits() {
    let (_server, client) = shop().await;
    transfer(&client, "first", "cash", "sales", 100).await.unwrap();
    let leg = |account: &str, direction: &str| {
        format!(r#"{{"account":"{account}","amount":"1","direction":"{direction}"}}"#)
    };
    let pair = [leg("cash", "debit"), leg("sales", "credit")].join(",");
    let postings = vec![pair; 2_048].join(",");
    let too_many = format!(
        "INSERT INTO transactions (book, idempotency_key, postings) VALUES ('shop', 'k', '[{postings}]')"
    );
    let too_long = format!(
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, \
         metadata) VALUES ('shop', 'k', 'cash', 'sales', 5, '{{\"a\":\"{}\"}}')",
        "x".repeat(70_000)
    );
    for statement in [too_many, too_long] {
        let error = client.simple_query(&statement).await.unwrap_err();
        assert_eq!(sqlstate(&error), "54000", "{}", told(&error));
    }
    let long_name = format!(
        "INSERT INTO accounts (book, path, asset, kind) VALUES ('shop', '{}', 'USD', 'asset')",
        "x".repeat(256)
    );
    let error = client.simple_query(&long_name).await.unwrap_err();
    assert!(["42602", "54000"].contains(&sqlstate(&error).as_str()), "{}", told(&error));
}

#[tokio::test]
async fn statements_that_make_no_sense() {
    let (_server, client) = shop().await;
    transfer(&client, "first", "cash", "sales", 100).await.unwrap();
    check(
        &client,
        &[
            ("SELEC 1", "42601", None),
            ("SELECT * FROM nothing", "42P01", None),
            ("SELECT nothing FROM accounts", "42703", None),
            ("SELECT nothing(1)", "42883", None),
            ("SELECT 1/0", "22012", None),
            ("SELECT 'x'::int", "22P02", None),
            ("INSERT INTO accounts (nothing) VALUES (1)", "42703", None),
            ("INSERT INTO nothing (a) VALUES (1)", "42P01", None),
            ("INSERT INTO accounts (book, path) VALUES ('a', 'b', 'c')", "42601", None),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_a_ledger_does_not_do_is_refused_with_a_hint() {
    let (_server, client) = shop().await;
    transfer(&client, "first", "cash", "sales", 100).await.unwrap();
    for statement in [
        "UPDATE transactions SET metadata = '{}'",
        "UPDATE accounts SET balance = 0",
        "DELETE FROM postings",
        "DELETE FROM transactions WHERE book = 'shop'",
        "TRUNCATE transactions",
        "DROP TABLE accounts",
        "ALTER TABLE accounts ADD COLUMN x int",
        "CREATE TABLE x (a int)",
        "CREATE INDEX ON accounts (path)",
        "INSERT INTO books (book) VALUES ('x')",
        "INSERT INTO events (lsn) VALUES (1)",
        "COPY accounts TO '/tmp/accounts'",
        "COPY transfers FROM '/etc/passwd'",
        "LISTEN posted",
    ] {
        let error = client.simple_query(statement).await.unwrap_err();
        let said = error.as_db_error().unwrap_or_else(|| panic!("{statement}: {error}"));
        assert_eq!(said.code().code(), "0A000", "{statement}: {}", told(&error));
        assert!(said.hint().is_some_and(|hint| !hint.is_empty()), "{statement}: {}", told(&error));
    }
    assert_eq!(value(&client, "SELECT sum(debits) FROM accounts").await, "100");
}

#[tokio::test]
async fn an_error_says_where_and_what_to_do() {
    let (_server, client) = shop().await;
    let seq = transfer(&client, "first", "cash", "sales", 100).await.unwrap();
    let error = transfer(&client, "first", "cash", "sales", 7).await.unwrap_err();
    let said = error.as_db_error().unwrap();
    let detail = said.detail().unwrap_or_default();
    assert!(detail.contains("postings") && detail.contains(&seq.to_string()), "{}", told(&error));
    assert_eq!(said.table(), Some("transactions"), "{}", told(&error));
}
