//! Reads that are stopped from outside, and writes that are not.

use crate::client::{Client, error, packet, zero_ended};
use crate::fixture::Fixture;

const FOREVER: &str = "SELECT count(*) FROM events a, events b, events c, events d, events e, \
    events f, events g, events h, events i, events j, events k, events l, events m, events n, \
    events o, events p, events q, events r, events s, events t \
    WHERE a.lsn + b.lsn + c.lsn + d.lsn + e.lsn + f.lsn + g.lsn + h.lsn + i.lsn + j.lsn > 0";
const CANCEL: i32 = 80_877_102;

/// Sends the request and waits for the bare close that answers it.
async fn cancel(fixture: &Fixture, key: &[u8]) {
    let mut canceller = Client::open(fixture.address).await;
    canceller.write(&packet(CANCEL, key)).await;
    assert!(canceller.until_end().await.is_empty());
}

#[tokio::test]
async fn a_cancel_request_stops_the_running_read() {
    let (fixture, mut client) = Fixture::shop().await;
    let key = client.key.clone();
    client.send('Q', &zero_ended(&[FOREVER])).await;
    // A request that comes before the read runs hits nothing, so it is sent until it does.
    let answers = {
        let mut answers = std::pin::pin!(client.until_ready());
        loop {
            tokio::select! {
                answers = &mut answers => break answers,
                () = cancel(&fixture, &key) => {}
            }
        }
    };
    assert_eq!(error(&answers), "57014");
    let next = client.query("SELECT 1").await;
    assert!(next.iter().all(|message| message.kind != 'E'), "{next:?}");
}

#[tokio::test]
async fn a_cancel_request_with_another_secret_stops_nothing() {
    let (fixture, mut client) = Fixture::shop().await;
    let mut key = client.key.clone();
    *key.last_mut().unwrap() ^= 1;
    client.send('Q', &zero_ended(&["SELECT count(*) FROM accounts"])).await;
    cancel(&fixture, &key).await;
    cancel(&fixture, &key[..4]).await;
    let answers = client.until_ready().await;
    assert!(answers.iter().all(|message| message.kind != 'E'), "{answers:?}");
}

#[tokio::test]
async fn a_statement_timeout_stops_reads_and_no_writes() {
    let (_fixture, mut client) = Fixture::shop().await;
    client.query("SET statement_timeout = 20").await;
    assert_eq!(error(&client.query(FOREVER).await), "57014");
    client.pipeline(FOREVER).await;
    assert_eq!(error(&client.sync().await), "57014");
    client.query("SET statement_timeout = 1").await;
    for n in 0..20 {
        let posted = client
            .query(&format!(
                "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
                 amount) VALUES ('shop', 'k{n}', 'cash', 'sales', 1)"
            ))
            .await;
        // Planning it may be stopped; then nothing is written, and the next line says so.
        if posted.iter().any(|message| message.kind == 'E') {
            assert_eq!(error(&posted), "57014");
        } else {
            assert_eq!(posted[0].text(), "INSERT 0 1");
        }
    }
}
