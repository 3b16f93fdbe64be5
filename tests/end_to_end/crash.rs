//! SIGKILL under load: what was acknowledged is there after a restart, exactly once, and no
//! position is missing. Keys that were sent but never answered may be there or not; posting them
//! again settles it.

use crate::books::{rows, sqlstate, told, value};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tests::{Dice, Money, Server, connect_to};
use tokio_postgres::Client;
use uuid::Uuid;

const POSTERS: u64 = 16;
const BOOKS: [&str; 2] = ["north", "south"];
const POST: &str = "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
    amount) VALUES ($1, $2, $3, $4, $5) RETURNING tx_id, seq, deduplicated";

#[derive(Debug, Clone)]
struct Sent {
    book: &'static str,
    key: String,
    debit: String,
    credit: String,
    amount: Money,
    /// tx_id and seq, if the server confirmed it.
    acknowledged: Option<(Uuid, i64)>,
}

async fn post(client: &Client, sent: &Sent) -> Result<(Uuid, i64, bool), tokio_postgres::Error> {
    let Sent { book, key, debit, credit, amount, .. } = sent;
    let row = client.query_one(POST, &[book, key, debit, credit, amount]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

async fn open_books(client: &Client) {
    client.simple_query(crate::books::ASSETS).await.unwrap();
    for book in BOOKS {
        let accounts: Vec<String> =
            (0..10).map(|n| format!("('{book}', 'a{n}', 'USD', 'clearing')")).collect();
        let open = "INSERT INTO accounts (book, path, asset, kind) VALUES";
        client.simple_query(&format!("{open} {}", accounts.join(", "))).await.unwrap();
    }
}

/// Posts until the server dies; gives everything it sent.
async fn poster(
    address: SocketAddr,
    name: String,
    mut dice: Dice,
    acknowledged: Arc<AtomicU64>,
) -> Vec<Sent> {
    let mut all = Vec::new();
    // The kill may come before this poster is connected.
    let Ok(client) = connect_to(address).await else { return all };
    for n in 0.. {
        let mut sent = Sent {
            book: BOOKS[dice.below(2) as usize],
            key: format!("{name}-{n}"),
            debit: format!("a{}", dice.below(5)),
            credit: format!("a{}", 5 + dice.below(5)),
            amount: Money(i128::from(dice.below(1_000) + 1)),
            acknowledged: None,
        };
        match post(&client, &sent).await {
            Ok((tx_id, seq, deduplicated)) => {
                assert!(!deduplicated, "{sent:?} is new");
                sent.acknowledged = Some((tx_id, seq));
                acknowledged.fetch_add(1, Ordering::Relaxed);
                all.push(sent);
            }
            Err(error) => {
                // Killed, it says nothing; stopped, it may say that it is shutting down.
                let code = error.code().map_or("57P01", |code| code.code());
                assert_eq!(code, "57P01", "{sent:?}: {}", told(&error));
                all.push(sent);
                return all;
            }
        }
    }
    all
}

/// One life of the server: load, an end somewhere in it, restart.
async fn live_and_die(
    server: &mut Server,
    round: u64,
    dice: &mut Dice,
    end: impl FnOnce(&mut Server),
) -> Vec<Sent> {
    let acknowledged = Arc::new(AtomicU64::new(0));
    let posters: Vec<_> = (0..POSTERS)
        .map(|n| {
            let dice = Dice::new(dice.roll());
            tokio::spawn(poster(
                server.address(),
                format!("r{round}-{n}"),
                dice,
                acknowledged.clone(),
            ))
        })
        .collect();
    let enough = dice.below(600) + 1;
    while acknowledged.load(Ordering::Relaxed) < enough {
        assert!(server.is_running(), "the server died by itself:\n{}", server.log());
        tokio::task::yield_now().await;
    }
    end(server);
    let mut all = Vec::new();
    for poster in posters {
        all.extend(poster.await.unwrap());
    }
    *server = server.start_again();
    all
}

/// The acknowledged postings that are not where the server said they were.
async fn lost<'a>(client: &Client, all: &'a [Sent]) -> Vec<&'a Sent> {
    let stored = client
        .query("SELECT book, idempotency_key, tx_id, seq, amount FROM transfers", &[])
        .await
        .unwrap();
    let mut by_key = BTreeMap::new();
    for row in &stored {
        let key: (String, String) = (row.get(0), row.get(1));
        let content: (Uuid, i64, Money) = (row.get(2), row.get(3), row.get(4));
        assert_eq!(by_key.insert(key.clone(), content), None, "{key:?} is there twice");
    }
    let is_lost = |sent: &&Sent| {
        sent.acknowledged.is_some_and(|(tx_id, seq)| {
            let found = by_key.get(&(sent.book.to_owned(), sent.key.clone()));
            found != Some(&(tx_id, seq, sent.amount))
        })
    };
    all.iter().filter(is_lost).collect()
}

async fn assert_kept(client: &Client, all: &[Sent]) {
    let lost = lost(client, all).await;
    assert!(lost.is_empty(), "acknowledged and lost: {lost:#?}");
}

async fn assert_gapless_and_balanced(client: &Client) {
    for row in rows(
        client,
        "SELECT book, count(*), min(seq), max(seq), count(DISTINCT seq) \
         FROM events GROUP BY book",
    )
    .await
    {
        assert_eq!(row[2], "1", "{row:?}");
        assert!(row[1] == row[3] && row[1] == row[4], "a seq is missing or double: {row:?}");
    }
    let lsns = "SELECT count(*), max(lsn), count(DISTINCT lsn) FROM events";
    let row = rows(client, lsns).await.remove(0);
    assert!(row[0] == row[1] && row[0] == row[2], "an lsn is missing or double: {row:?}");
    let sums = "SELECT sum(debits - credits) FROM accounts GROUP BY book";
    assert_eq!(rows(client, sums).await, [["0"], ["0"]]);
    let from_postings = "SELECT (SELECT sum(debits) FROM accounts) - (SELECT sum(amount) \
        FROM postings WHERE direction = 'debit')";
    assert_eq!(value(client, from_postings).await, "0");
}

/// Posting everything again: what was acknowledged is a replay, the rest is settled now.
async fn assert_replayable(client: &Client, all: &mut [Sent]) {
    for sent in all {
        let (tx_id, seq, deduplicated) = match post(client, sent).await {
            Ok(answer) => answer,
            Err(error) => panic!("{sent:?}: {} {}", sqlstate(&error), told(&error)),
        };
        if let Some(acknowledged) = sent.acknowledged {
            assert!(deduplicated, "{sent:?}");
            assert_eq!(acknowledged, (tx_id, seq), "{sent:?}");
        }
        sent.acknowledged = Some((tx_id, seq));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_posting_survives_sigkill_once() {
    let rounds = match std::env::var("TALLYBOOK_CRASH_ROUNDS") {
        Ok(text) => text.parse().expect("TALLYBOOK_CRASH_ROUNDS is a number"),
        Err(_) => 5,
    };
    let (_, mut dice) = Dice::seeded();
    let mut server = Server::start();
    open_books(&server.connect().await).await;
    let mut all = Vec::new();
    for round in 0..rounds {
        let mut sent = live_and_die(&mut server, round, &mut dice, Server::kill).await;
        let client = server.connect().await;
        assert_kept(&client, &all).await;
        assert_kept(&client, &sent).await;
        assert_gapless_and_balanced(&client).await;
        assert_replayable(&client, &mut sent).await;
        println!("round {round}: {} sent", sent.len());
        all.extend(sent);
    }
    let client = server.connect().await;
    assert_kept(&client, &all).await;
    assert_gapless_and_balanced(&client).await;
    let count = value(&client, "SELECT count(*) FROM transfers").await;
    assert_eq!(count, all.len().to_string(), "nothing but what was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_stop_under_load_keeps_its_word() {
    let (_, mut dice) = Dice::seeded();
    let mut server = Server::start();
    open_books(&server.connect().await).await;
    for round in 0..2 {
        let mut sent = live_and_die(&mut server, round, &mut dice, |server| {
            let status = server.stop("TERM");
            assert!(status.success(), "{status}");
        })
        .await;
        let client = server.connect().await;
        assert_kept(&client, &sent).await;
        assert_gapless_and_balanced(&client).await;
        assert_replayable(&client, &mut sent).await;
    }
}

/// A posting from `a1` to `a2`.
fn simple(key: String) -> Sent {
    let (debit, credit) = ("a1".to_owned(), "a2".to_owned());
    Sent { book: "north", key, debit, credit, amount: Money(1), acknowledged: None }
}

/// The planted fault: the last frame of the log is torn after it was acknowledged, which no
/// recovery can tell from a frame that never was. The check above must see it.
#[tokio::test]
async fn a_lost_acknowledgement_is_found_out() {
    let mut server = Server::start();
    let client = server.connect().await;
    open_books(&client).await;
    let mut all = Vec::new();
    for n in 0..10 {
        let mut sent = simple(format!("k{n}"));
        let (tx_id, seq, _) = post(&client, &sent).await.unwrap();
        sent.acknowledged = Some((tx_id, seq));
        all.push(sent);
    }
    assert!(lost(&client, &all).await.is_empty());
    server.kill();
    tear_the_last_frame(&server.data().join("log"));
    server = server.start_again();
    let client = server.connect().await;
    let missing: Vec<&str> = lost(&client, &all).await.iter().map(|sent| &*sent.key).collect();
    assert_eq!(missing, ["k9"]);
    assert_gapless_and_balanced(&client).await;
}

fn tear_the_last_frame(log: &Path) {
    let segments = std::fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path());
    let last = segments.max().expect("a log has a segment");
    let mut bytes = std::fs::read(&last).unwrap();
    // Behind the last frame the file may be zeros, made ahead.
    let end = bytes.iter().rposition(|byte| *byte != 0).expect("a segment has a frame");
    bytes[end - 5..=end].fill(0);
    std::fs::write(&last, bytes).unwrap();
}

#[tokio::test]
async fn a_kill_right_after_the_answer_loses_nothing() {
    let mut server = Server::start();
    open_books(&server.connect().await).await;
    for n in 0..10 {
        let client = server.connect().await;
        let sent = simple(format!("k{n}"));
        post(&client, &sent).await.unwrap();
        server.kill();
        server = server.start_again();
        let client = server.connect().await;
        assert!(post(&client, &sent).await.unwrap().2, "k{n} is a replay");
        let debits = "SELECT debits FROM accounts WHERE book = 'north' AND path = 'a1'";
        assert_eq!(value(&client, debits).await, (n + 1).to_string());
    }
}
