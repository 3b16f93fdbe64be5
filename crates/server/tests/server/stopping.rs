//! How a server ends: everyone is told, everything acknowledged stays.

use crate::client::{Client, error, zero_ended};
use crate::fixture::Fixture;
use server::{Database, Limits};
use std::time::Duration;

#[tokio::test]
async fn idle_sessions_are_told_and_the_directory_is_free_again() {
    let (fixture, mut poster) = Fixture::shop().await;
    let mut idle = Client::start(fixture.address).await;
    let mut in_block = Client::start(fixture.address).await;
    in_block.query("BEGIN").await;
    let posted = poster
        .query(
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
             VALUES ('shop', 'k', 'cash', 'sales', 5)",
        )
        .await;
    assert_eq!(posted[0].text(), "INSERT 0 1");
    let (dir, served) = fixture.ask_to_stop();
    for client in [&mut idle, &mut in_block, &mut poster] {
        let answers = client.until_end().await;
        assert_eq!(error(&answers), "57P01");
        assert_eq!(answers[0].fields()[&'S'], "FATAL");
    }
    served.await.unwrap().unwrap();
    Database::open(dir.path()).unwrap().close();
}

#[tokio::test]
async fn a_read_that_does_not_end_is_ended() {
    let limits = Limits { drain_timeout: Duration::from_millis(50), ..Limits::default() };
    let fixture = Fixture::start_with(limits).await;
    let mut client = Client::start(fixture.address).await;
    let mut witness = Client::start(fixture.address).await;
    let joins: Vec<String> = (0..24).map(|n| format!("pg_catalog.pg_type t{n}")).collect();
    let forever = format!("SELECT count(*) FROM {} WHERE t0.oid + t1.oid > 0", joins.join(", "));
    client.send('Q', &zero_ended(&[&forever])).await;
    // Answered behind it or beside it: either way the server is at work by then.
    witness.query("SELECT 1").await;
    let (_dir, served) = fixture.ask_to_stop();
    served.await.unwrap().unwrap();
    let answers = client.until_end().await;
    assert_eq!(error(&answers), "57P01");
}
