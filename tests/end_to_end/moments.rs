//! Moments of the past and the present of everybody, with real clients on a real server: what one
//! client was answered every other sees, and a moment is the same in every session, before and
//! after a restart.

use crate::books::{rows, value};
use std::sync::Arc;
use tests::{Server, connect_to, psql};
use tokio_postgres::Client;

const WRITERS: usize = 8;
const READERS: usize = 8;
const POSTS: usize = 25;

async fn open(client: &Client) {
    client.simple_query(crate::books::ASSETS).await.unwrap();
    let accounts = "INSERT INTO accounts (book, path, asset, kind)
                    VALUES ('shop', 'cash', 'USD', 'asset'), ('shop', 'sales', 'USD', 'income')";
    client.simple_query(accounts).await.unwrap();
}

fn sale(key: &str) -> String {
    format!(
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount)
         VALUES ('shop', '{key}', 'cash', 'sales', 1) RETURNING seq"
    )
}

/// Each acknowledged post is looked up at once from another connection, in three ways.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_client_was_answered_every_other_sees() {
    let server = Server::start();
    let address = server.address();
    open(&connect_to(address).await.unwrap()).await;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(connect_to(address).await.unwrap());
    }
    let readers = Arc::new(readers);
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let readers = readers.clone();
        let client = connect_to(address).await.unwrap();
        writers.push(tokio::spawn(async move {
            for n in 0..POSTS {
                let key = format!("k{writer}-{n}");
                let seq = value(&client, &sale(&key)).await;
                let reader = &readers[(writer + n + 1) % READERS];
                let by_key = format!(
                    "SELECT seq FROM transactions WHERE book = 'shop' AND idempotency_key = '{key}'"
                );
                assert_eq!(value(reader, &by_key).await, seq);
                let by_scan =
                    format!("SELECT count(*) FROM postings WHERE seq = {seq} AND amount > 0");
                assert_eq!(value(reader, &by_scan).await, "2");
                let balance = "SELECT balance FROM accounts WHERE book = 'shop' AND path = 'cash'";
                let balance: usize = value(reader, balance).await.parse().unwrap();
                // Each sale is one cent; the first three events opened things.
                assert!(balance + 2 >= seq.parse::<usize>().unwrap(), "{balance} after seq {seq}");
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_moment_is_the_same_in_every_session_and_after_a_restart() {
    const ALL: &str = "SELECT * FROM events ORDER BY lsn";
    let mut server = Server::start();
    let client = connect_to(server.address()).await.unwrap();
    open(&client).await;
    for n in 0..5 {
        client.simple_query(&sale(&format!("k{n}"))).await.unwrap();
    }
    let now = value(&client, "SELECT now()").await;
    client.simple_query(&format!("SET tallybook.as_of = '{now}'")).await.unwrap();
    let then = rows(&client, ALL).await;
    let lsn = value(&client, "SELECT max(lsn) FROM events").await;
    let writer = connect_to(server.address()).await.unwrap();
    writer.simple_query(&sale("later")).await.unwrap();
    assert_eq!(rows(&client, ALL).await, then);
    server.stop("TERM");
    let server = server.start_again();
    let client = connect_to(server.address()).await.unwrap();
    for setting in [format!("as_of = '{now}'"), format!("as_of_lsn = {lsn}")] {
        client.simple_query("RESET ALL").await.unwrap();
        client.simple_query(&format!("SET tallybook.{setting}")).await.unwrap();
        assert_eq!(rows(&client, ALL).await, then, "{setting}");
    }
    let refused = client.simple_query(&sale("at a moment")).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "25006");
    // A connection may start there.
    let database = format!("dbname=tallybook options='-c tallybook.as_of_lsn={lsn}'");
    let counted = psql(&server, &["-d", &database, "-At"], "SELECT count(*) FROM events").ok();
    assert_eq!(counted.trim(), then.len().to_string());
}

/// What a block reads while another session writes.
#[tokio::test]
async fn blocks_read_their_own_moment() {
    const COUNT: &str = "SELECT count(*) FROM transactions";
    let cases = [
        // Modes of the block; what it sees before and after the other session's post.
        ("BEGIN", ["1", "2"]),
        ("BEGIN READ ONLY", ["1", "2"]),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ", ["1", "1"]),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", ["1", "1"]),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY", ["1", "1"]),
    ];
    for (begin, seen) in cases {
        let server = Server::start();
        let client = connect_to(server.address()).await.unwrap();
        let other = connect_to(server.address()).await.unwrap();
        open(&client).await;
        client.simple_query(&sale("k1")).await.unwrap();
        client.simple_query(begin).await.unwrap();
        assert_eq!(value(&client, COUNT).await, seen[0], "{begin}");
        other.simple_query(&sale("k2")).await.unwrap();
        // Every table of the block's view, also through views and joins.
        for query in [
            COUNT,
            "SELECT count(*) FROM transfers",
            "SELECT balance FROM accounts WHERE path = 'cash'",
            "SELECT debits FROM trial_balance",
            "SELECT transactions FROM books",
            "SELECT count(*) / 2 FROM postings",
            "SELECT count(*) FROM events WHERE kind = 'transaction_posted'",
            "SELECT count(*) FROM transactions t JOIN account_statement s USING (book, seq)
              WHERE s.account = 'cash'",
        ] {
            assert_eq!(value(&client, query).await, seen[1], "{begin}: {query}");
        }
        let write = client.simple_query(&sale("k3")).await;
        match begin.contains("READ ONLY") {
            true => assert_eq!(write.unwrap_err().code().unwrap().code(), "25006", "{begin}"),
            false => drop(write.unwrap()),
        }
        client.simple_query("ROLLBACK").await.unwrap();
        assert_eq!(value(&client, COUNT).await, "2", "{begin}");
    }
}
