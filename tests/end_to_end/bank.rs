//! The bank test: money moves between two books from many connections, and whoever sums all
//! accounts in one statement always finds the same total.
//!
//! The same check is run once more with a fault planted, a reader that takes a new cut for every
//! account, and must then fail: a check that cannot fail shows nothing.

use crate::books::{rows, told, value};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tests::{DEADLINE, Dice, Money, Server, connect_to};
use tokio_postgres::Client;

const CLIENTS: u64 = 20;
const OPENING_BALANCE: i128 = 1_000;
const TOTAL: i128 = 2 * CLIENTS as i128 * OPENING_BALANCE;

/// How an auditor reads.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    /// All accounts in one statement, at one cut.
    OneStatement,
    /// The planted fault: a statement, and so a cut, for each account.
    StatementPerAccount,
}

/// Books `north` and `south` with twenty funded clients each.
async fn open_bank(client: &Client) {
    client.simple_query(crate::books::ASSETS).await.unwrap();
    let mut accounts = Vec::new();
    let mut funding = Vec::new();
    for book in ["north", "south"] {
        accounts.push(format!("('{book}', 'vault', 'USD', 'asset')"));
        accounts.push(format!("('{book}', 'between', 'USD', 'clearing')"));
        for n in 0..CLIENTS {
            accounts.push(format!("('{book}', 'client:{n}', 'USD', 'liability')"));
            funding
                .push(format!("('{book}', 'fund-{n}', 'vault', 'client:{n}', {OPENING_BALANCE})"));
        }
    }
    let open = "INSERT INTO accounts (book, path, asset, kind) VALUES";
    client.simple_query(&format!("{open} {}", accounts.join(", "))).await.unwrap();
    client.simple_query(&insert(&funding)).await.unwrap();
}

fn insert(transfers: &[String]) -> String {
    format!(
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
         VALUES {}",
        transfers.join(", ")
    )
}

/// Moves money at random, a third of the time from one book to the other in one statement.
async fn mover(address: SocketAddr, mut dice: Dice, name: usize, done: Arc<AtomicBool>, most: u64) {
    let client = connect_to(address).await.expect("a mover connects");
    for n in 0..most {
        if done.load(Ordering::Relaxed) {
            return;
        }
        let (from, to, amount) = (dice.below(CLIENTS), dice.below(CLIENTS), dice.below(90) + 1);
        let (home, away) = if dice.below(2) == 0 { ("north", "south") } else { ("south", "north") };
        let key = format!("m{name}-{n}");
        let transfers = if dice.below(3) == 0 {
            vec![
                format!("('{home}', '{key}', 'client:{from}', 'between', {amount})"),
                format!("('{away}', '{key}', 'between', 'client:{to}', {amount})"),
            ]
        } else if from == to {
            continue;
        } else {
            vec![format!("('{home}', '{key}', 'client:{from}', 'client:{to}', {amount})")]
        };
        if let Err(error) = client.simple_query(&insert(&transfers)).await {
            panic!("{transfers:?}: {}", told(&error));
        }
    }
}

/// What all clients of both books own together.
async fn total(client: &Client, reading: Reading) -> i128 {
    match reading {
        Reading::OneStatement => {
            let all = "SELECT sum(credits - debits) FROM accounts WHERE path LIKE 'client:%'";
            client.query_one(all, &[]).await.unwrap().get::<_, Money>(0).0
        }
        Reading::StatementPerAccount => {
            let one = "SELECT credits - debits FROM accounts WHERE book = $1 AND path = $2";
            let one = client.prepare(one).await.unwrap();
            let mut total = 0;
            for book in ["north", "south"] {
                for n in 0..CLIENTS {
                    let path = format!("client:{n}");
                    let row = client.query_one(&one, &[&book, &path]).await.unwrap();
                    total += row.get::<_, Money>(0).0;
                }
            }
            total
        }
    }
}

/// Reads the total until the movers are done, or until it is wrong. Gives the number of audits,
/// and the wrong total if there was one.
async fn auditor(
    address: SocketAddr,
    reading: Reading,
    done: Arc<AtomicBool>,
) -> (usize, Option<i128>) {
    let client = connect_to(address).await.expect("an auditor connects");
    let started = Instant::now();
    let mut audits = 0;
    while !done.load(Ordering::Relaxed) {
        assert!(started.elapsed() < 2 * DEADLINE, "the movers do not get done");
        let found = total(&client, reading).await;
        audits += 1;
        if found != TOTAL {
            done.store(true, Ordering::Relaxed);
            return (audits, Some(found));
        }
    }
    (audits, None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_total_never_moves() {
    let server = Server::start();
    let client = server.connect().await;
    open_bank(&client).await;
    let (_, mut dice) = Dice::seeded();
    let done = Arc::new(AtomicBool::new(false));
    let auditors: Vec<_> = (0..3)
        .map(|_| tokio::spawn(auditor(server.address(), Reading::OneStatement, done.clone())))
        .collect();
    let movers: Vec<_> = (0..8)
        .map(|name| {
            let dice = Dice::new(dice.roll());
            tokio::spawn(mover(server.address(), dice, name, done.clone(), 400))
        })
        .collect();
    for mover in movers {
        mover.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let mut audits = 0;
    for auditor in auditors {
        let (count, wrong) = auditor.await.unwrap();
        assert_eq!(wrong, None, "the total is {TOTAL}");
        audits += count;
    }
    println!("{audits} audits");
    assert!(audits >= 20, "only {audits} audits while money moved");
    assert_the_books_agree(&client).await;
}

/// Accounts, postings and the trial balance tell the same, each pair in one statement.
async fn assert_the_books_agree(client: &Client) {
    let pairs = "SELECT (SELECT sum(debits) FROM accounts), (SELECT sum(credits) FROM accounts), \
        (SELECT sum(amount) FROM postings WHERE direction = 'debit'), \
        (SELECT sum(amount) FROM postings WHERE direction = 'credit'), \
        (SELECT sum(debits) FROM trial_balance), (SELECT sum(credits) FROM trial_balance)";
    let sums = rows(client, pairs).await.remove(0);
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
    let between = "SELECT sum(debits - credits) FROM accounts WHERE path = 'between'";
    assert_eq!(value(client, between).await, "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_read_in_one_statement_are_read_at_one_cut() {
    let server = Server::start();
    let client = server.connect().await;
    open_bank(&client).await;
    let (_, mut dice) = Dice::seeded();
    let done = Arc::new(AtomicBool::new(false));
    let movers: Vec<_> = (0..4)
        .map(|name| {
            let dice = Dice::new(dice.roll());
            tokio::spawn(mover(server.address(), dice, name, done.clone(), u64::MAX))
        })
        .collect();
    for _ in 0..30 {
        assert_the_books_agree(&client).await;
    }
    done.store(true, Ordering::Relaxed);
    for mover in movers {
        mover.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_without_one_cut_is_found_out() {
    let server = Server::start();
    let client = server.connect().await;
    open_bank(&client).await;
    let (_, mut dice) = Dice::seeded();
    let done = Arc::new(AtomicBool::new(false));
    let planted =
        tokio::spawn(auditor(server.address(), Reading::StatementPerAccount, done.clone()));
    let movers: Vec<_> = (0..8)
        .map(|name| {
            let dice = Dice::new(dice.roll());
            tokio::spawn(mover(server.address(), dice, name, done.clone(), u64::MAX))
        })
        .collect();
    let (audits, wrong) = planted.await.unwrap();
    println!("found out at audit {audits}: {wrong:?} instead of {TOTAL}");
    assert!(wrong.is_some(), "{audits} audits at mixed cuts all gave the right total");
    for mover in movers {
        mover.await.unwrap();
    }
    assert_eq!(total(&client, Reading::OneStatement).await, TOTAL, "the books were right");
}
