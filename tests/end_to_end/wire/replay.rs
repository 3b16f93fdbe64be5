//! Posting the same thing twice, through every door, counts once.

use crate::books::{TRANSFER, rows, shop, sqlstate, transfer, value};
use tests::Money;
use tokio_postgres::SimpleQueryMessage;
use uuid::Uuid;

#[tokio::test]
async fn a_replay_is_answered_with_the_original() {
    let (_server, client) = shop().await;
    let statement = client.prepare(TRANSFER).await.unwrap();
    let amount = Money(1500);
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&"shop", &"k", &"cash", &"sales", &amount];
    let first = client.query_one(&statement, &parameters).await.unwrap();
    let again = client.query_one(&statement, &parameters).await.unwrap();
    assert_eq!(first.get::<_, Uuid>("tx_id"), again.get::<_, Uuid>("tx_id"));
    assert_eq!(first.get::<_, i64>("seq"), again.get::<_, i64>("seq"));
    assert!(!first.get::<_, bool>("deduplicated"));
    assert!(again.get::<_, bool>("deduplicated"));
    assert_eq!(value(&client, "SELECT count(*) FROM transactions").await, "1");
}

#[tokio::test]
async fn the_tag_counts_a_replay_as_a_row() {
    let (_server, client) = shop().await;
    let statement = "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
        amount) VALUES ('shop', 'k', 'cash', 'sales', 5)";
    for _ in 0..2 {
        let messages = client.simple_query(statement).await.unwrap();
        assert!(matches!(messages[..], [SimpleQueryMessage::CommandComplete(1)]), "{messages:?}");
    }
}

#[tokio::test]
async fn the_same_content_through_another_table_is_the_same() {
    let (_server, client) = shop().await;
    let seq = transfer(&client, "k", "cash", "sales", 5).await.unwrap();
    let as_postings = "INSERT INTO transactions (book, idempotency_key, postings) VALUES ('shop', \
        'k', '[{\"account\":\"sales\",\"amount\":5,\"direction\":\"credit\",\"asset\":\"USD\"},\
        {\"account\":\"cash\",\"amount\":\"5.00\",\"direction\":\"debit\"}]') \
        RETURNING seq, deduplicated";
    assert_eq!(rows(&client, as_postings).await, [[seq.to_string().as_str(), "t"]]);
}

#[tokio::test]
async fn metadata_compares_by_value() {
    let (_server, client) = shop().await;
    let post = |metadata: &str| {
        format!(
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, \
             metadata) VALUES ('shop', 'k', 'cash', 'sales', 5, '{metadata}') RETURNING deduplicated"
        )
    };
    assert_eq!(value(&client, &post(r#"{"a":1,"b":[]}"#)).await, "f");
    assert_eq!(value(&client, &post(r#"{ "b": [], "a": 1.0 }"#)).await, "t");
    let error = client.simple_query(&post(r#"{"a":2,"b":[]}"#)).await.unwrap_err();
    assert_eq!(sqlstate(&error), "23505");
    assert!(error.as_db_error().unwrap().detail().unwrap_or_default().contains("metadata"));
}

#[tokio::test]
async fn a_seed_file_may_run_again_after_accounts_were_used() {
    let (_server, client) = shop().await;
    transfer(&client, "k", "cash", "sales", 5).await.unwrap();
    client.simple_query(crate::books::ASSETS).await.unwrap();
    client.simple_query(crate::books::ACCOUNTS).await.unwrap();
    assert_eq!(value(&client, "SELECT balance FROM accounts WHERE path = 'cash'").await, "5");
    assert_eq!(value(&client, "SELECT count(*) FROM events WHERE book = 'shop'").await, "5");
}

#[tokio::test]
async fn a_refused_statement_does_not_burn_its_keys() {
    let (_server, client) = shop().await;
    transfer(&client, "k", "cash", "nobody", 5).await.unwrap_err();
    transfer(&client, "k", "cash", "sales", 5).await.unwrap();
}

#[tokio::test]
async fn many_rows_are_one_statement_all_or_nothing() {
    let (_server, client) = shop().await;
    let rows_of = |last: &str| {
        format!(
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
             VALUES ('shop', 'a', 'cash', 'sales', 5), ('shop', 'b', 'cash', 'sales', 6), \
             ('shop', 'c', 'cash', '{last}', 7) RETURNING seq"
        )
    };
    let error = client.simple_query(&rows_of("nobody")).await.unwrap_err();
    assert_eq!(sqlstate(&error), "23503");
    assert_eq!(value(&client, "SELECT count(*) FROM transactions").await, "0");
    let seqs = rows(&client, &rows_of("sales")).await;
    assert_eq!(seqs, [["5"], ["6"], ["7"]], "after four account openings");
    let times = "SELECT count(DISTINCT committed_at) FROM transactions";
    assert_eq!(value(&client, times).await, "1", "one frame has one time");
}

#[tokio::test]
async fn a_reversal_replays_too() {
    let (_server, client) = shop().await;
    transfer(&client, "k", "cash", "sales", 5).await.unwrap();
    let reversal = "INSERT INTO transactions (book, idempotency_key, reverses) \
        VALUES ('shop', 'undo', $1) RETURNING seq, deduplicated";
    let tx_id: Uuid = client.query_one("SELECT tx_id FROM transactions", &[]).await.unwrap().get(0);
    let first = client.query_one(reversal, &[&tx_id]).await.unwrap();
    let again = client.query_one(reversal, &[&tx_id]).await.unwrap();
    assert_eq!(first.get::<_, i64>(0), again.get::<_, i64>(0));
    assert!(!first.get::<_, bool>(1) && again.get::<_, bool>(1));
    let balances = rows(&client, "SELECT DISTINCT balance FROM accounts").await;
    assert_eq!(balances, [["0"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_clients_racing_for_one_key_one_posts() {
    let (server, client) = shop().await;
    for round in 0..5 {
        let racers: Vec<_> = (0..16)
            .map(|_| {
                let address = server.address();
                tokio::spawn(async move {
                    let client = tests::connect_to(address).await.unwrap();
                    let key = format!("race-{round}");
                    let row = client
                        .query_one(TRANSFER, &[&"shop", &key, &"cash", &"sales", &Money(5)])
                        .await
                        .unwrap();
                    (row.get::<_, Uuid>(0), row.get::<_, i64>(1), row.get::<_, bool>(2))
                })
            })
            .collect();
        let mut answers = Vec::new();
        for racer in racers {
            answers.push(racer.await.unwrap());
        }
        let (tx_id, seq, _) = answers[0];
        assert!(answers.iter().all(|answer| (answer.0, answer.1) == (tx_id, seq)), "{answers:?}");
        let first = answers.iter().filter(|answer| !answer.2).count();
        assert_eq!(first, 1, "{answers:?}");
    }
    assert_eq!(value(&client, "SELECT count(*) FROM transactions").await, "5");
}

#[tokio::test]
async fn of_many_clients_spending_the_same_money_one_does() {
    let (server, client) = shop().await;
    transfer(&client, "fill", "cash", "wallet", 100).await.unwrap();
    let address = server.address();
    let spenders = (0..16).map(|n| async move {
        let client = tests::connect_to(address).await.unwrap();
        transfer(&client, &format!("spend-{n}"), "wallet", "sales", 60)
            .await
            .map_err(|error| sqlstate(&error))
    });
    let mut outcomes = Vec::new();
    for spender in spenders.map(tokio::spawn).collect::<Vec<_>>() {
        outcomes.push(spender.await.unwrap());
    }
    let spent = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(spent, 1, "{outcomes:?}");
    assert!(outcomes.iter().flat_map(|outcome| outcome.as_ref().err()).all(|code| code == "23514"));
    assert_eq!(value(&client, "SELECT balance FROM accounts WHERE path = 'wallet'").await, "40");
}
