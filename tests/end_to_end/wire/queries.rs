//! The questions a bookkeeper asks, answered by SQL at one cut.

use crate::books::{rows, shop, sqlstate, told, transfer, value};
use tests::Money;

#[tokio::test]
async fn balances_postings_and_the_trial_balance_tell_one_story() {
    let (_server, client) = shop().await;
    transfer(&client, "1", "cash", "sales", 1000).await.unwrap();
    transfer(&client, "2", "cash", "wallet", 300).await.unwrap();
    transfer(&client, "3", "wallet", "sales", 50).await.unwrap();

    assert_eq!(
        rows(
            &client,
            "SELECT path, normal_side, balance, debits, credits, updated_seq \
             FROM accounts WHERE book = 'shop' ORDER BY path"
        )
        .await,
        [
            ["cash", "debit", "1300", "1300", "0", "6"],
            ["sales", "credit", "1050", "0", "1050", "7"],
            ["till:eur", "debit", "0", "0", "0", "3"],
            ["wallet", "credit", "250", "50", "300", "7"],
        ]
    );
    assert_eq!(
        rows(
            &client,
            "SELECT seq, idx, direction, amount, balance_after FROM postings \
             WHERE book = 'shop' AND account = 'wallet' ORDER BY seq"
        )
        .await,
        [["6", "1", "credit", "300", "300"], ["7", "0", "debit", "50", "250"]]
    );
    assert_eq!(
        rows(&client, "SELECT * FROM trial_balance WHERE asset = 'USD'").await,
        [["shop", "USD", "1350", "1350"]]
    );
    assert_eq!(
        rows(&client, "SELECT book, head_seq, accounts, transactions FROM books").await,
        [["shop", "7", "4", "3"]]
    );
    assert_eq!(
        rows(
            &client,
            "SELECT debit_account, credit_account, asset, amount FROM transfers \
             ORDER BY seq DESC LIMIT 1"
        )
        .await,
        [["wallet", "sales", "USD", "50"]]
    );
}

#[tokio::test]
async fn a_transaction_of_many_legs_is_no_transfer() {
    let (_server, client) = shop().await;
    client
        .simple_query(
            r#"INSERT INTO transactions (book, idempotency_key, postings) VALUES ('shop', 'split',
            '[{"account":"cash","amount":"30","direction":"debit"},
              {"account":"sales","amount":"10","direction":"credit"},
              {"account":"wallet","amount":"20","direction":"credit"}]')"#,
        )
        .await
        .unwrap();
    assert_eq!(value(&client, "SELECT count(*) FROM transfers").await, "0");
    assert_eq!(value(&client, "SELECT count(*) FROM postings").await, "3");
}

#[tokio::test]
async fn events_are_the_whole_history() {
    let (_server, client) = shop().await;
    transfer(&client, "1", "cash", "sales", 1000).await.unwrap();
    let kinds =
        rows(&client, "SELECT kind, count(*) FROM events GROUP BY kind ORDER BY kind").await;
    assert_eq!(
        kinds,
        [["account_opened", "4"], ["asset_registered", "3"], ["transaction_posted", "1"]]
    );
    assert_eq!(
        rows(&client, "SELECT count(*), min(lsn), max(lsn), count(DISTINCT lsn) FROM events").await,
        [["8", "1", "8", "8"]]
    );
    let unordered = "SELECT count(*) FROM events a JOIN events b ON b.lsn = a.lsn + 1 \
        WHERE b.at < a.at";
    assert_eq!(value(&client, unordered).await, "0");
}

#[tokio::test]
async fn the_sql_of_reports() {
    let (_server, client) = shop().await;
    for (n, amount) in [(1, 100), (2, 250), (3, 50)] {
        let insert = format!(
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, \
             occurred_at, metadata) VALUES ('shop', 'k{n}', 'cash', 'sales', {amount}, \
             '2026-0{n}-15T12:00:00Z', '{{\"channel\":\"web\"}}')"
        );
        client.simple_query(&insert).await.unwrap();
    }
    let monthly = "SELECT date_trunc('month', occurred_at) AS month, sum(amount) AS turnover \
        FROM postings WHERE account = 'sales' GROUP BY 1 HAVING sum(amount) > 50 ORDER BY 1";
    assert_eq!(
        rows(&client, monthly).await,
        [["2026-01-01 00:00:00+00", "100"], ["2026-02-01 00:00:00+00", "250"]]
    );
    let running = "SELECT amount, sum(amount) OVER (ORDER BY seq) FROM postings \
        WHERE account = 'cash' ORDER BY seq";
    assert_eq!(rows(&client, running).await, [["100", "100"], ["250", "350"], ["50", "400"]]);
    let joined = "SELECT t.idempotency_key, a.kind FROM transactions t \
        JOIN postings p ON p.tx_id = t.tx_id JOIN accounts a ON a.book = p.book AND a.path = p.account \
        WHERE p.amount = 250 ORDER BY a.path";
    assert_eq!(rows(&client, joined).await, [["k2", "asset"], ["k2", "income"]]);
    let by_metadata = "SELECT count(*) FROM transactions WHERE metadata->>'channel' = 'web'";
    assert_eq!(value(&client, by_metadata).await, "3");
    let cte = "WITH big AS (SELECT * FROM transfers WHERE amount >= 100) SELECT count(*) FROM big";
    assert_eq!(value(&client, cte).await, "2");
}

#[tokio::test]
async fn prepared_reads_find_one_thing() {
    let (_server, client) = shop().await;
    let seq = transfer(&client, "k", "cash", "sales", 1000).await.unwrap();
    let balance = client
        .prepare("SELECT balance FROM accounts WHERE book = 'shop' AND path = 'ca' || $1")
        .await
        .unwrap_or_else(|error| panic!("{}", told(&error)));
    for _ in 0..3 {
        let row = client.query_one(&balance, &[&"sh"]).await.unwrap();
        assert_eq!(row.get::<_, Money>(0), Money(1000));
    }
    assert!(client.query_opt(&balance, &[&"nothing"]).await.unwrap().is_none());
    let by_seq = "SELECT idempotency_key FROM transactions WHERE book = $1 AND seq = $2";
    let row = client.query_one(by_seq, &[&"shop", &seq]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "k");
    let by_key = "SELECT seq FROM transactions WHERE book = $1 AND idempotency_key = $2";
    let row = client.query_one(by_key, &[&"shop", &"k"]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), seq);
}

#[tokio::test]
async fn a_statement_reads_its_own_sessions_writes() {
    let (server, client) = shop().await;
    let other = server.connect().await;
    for n in 1..=20 {
        transfer(&client, &format!("k{n}"), "cash", "sales", 1).await.unwrap();
        for reader in [&client, &other] {
            let balance = "SELECT balance FROM accounts WHERE book = 'shop' AND path = 'cash'";
            assert_eq!(value(reader, balance).await, n.to_string());
        }
    }
}

#[tokio::test]
async fn the_default_book_is_a_setting() {
    let (_server, client) = shop().await;
    client.simple_query("SET tallybook.book = 'shop'").await.unwrap();
    assert_eq!(value(&client, "SHOW tallybook.book").await, "shop");
    client
        .simple_query(
            "INSERT INTO transfers (idempotency_key, debit_account, credit_account, amount) \
             VALUES ('k', 'cash', 'sales', 5)",
        )
        .await
        .unwrap();
    assert_eq!(value(&client, "SELECT book FROM transfers").await, "shop");
}

#[tokio::test]
async fn a_read_that_takes_too_long_is_cancelled() {
    let (_server, client) = shop().await;
    let forever = "SELECT count(*) FROM events a, events b, events c, events d, events e, \
        events f, events g, events h, events i, events j, events k, events l \
        WHERE a.lsn + b.lsn + c.lsn + d.lsn + e.lsn + f.lsn + g.lsn + h.lsn + i.lsn + j.lsn > 0";
    client.simple_query("SET statement_timeout = '100ms'").await.unwrap();
    let error = client.simple_query(forever).await.unwrap_err();
    assert_eq!(sqlstate(&error), "57014", "{}", told(&error));
    client.simple_query("SET statement_timeout = 0").await.unwrap();

    let token = client.cancel_token();
    let read = client.simple_query(forever);
    tokio::pin!(read);
    let error = loop {
        // Cancelling says nothing about whether it hit: ask until the statement has ended.
        token.cancel_query(tokio_postgres::NoTls).await.unwrap();
        let moment = std::time::Duration::from_millis(20);
        if let Ok(outcome) = tokio::time::timeout(moment, &mut read).await {
            break outcome.unwrap_err();
        }
    };
    assert_eq!(sqlstate(&error), "57014", "{}", told(&error));
    assert_eq!(value(&client, "SELECT 1").await, "1", "the session goes on");
}
