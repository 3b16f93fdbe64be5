//! The extended protocol where drivers rarely go.

use crate::client::{Client, error, kinds, zero_ended};
use crate::fixture::Fixture;

const WRITE: &str = "INSERT INTO transfers (book, idempotency_key, debit_account, \
    credit_account, amount) VALUES ('shop', 'k', 'cash', 'sales', 5) RETURNING seq";

async fn parse(client: &mut Client, name: &str, statement: &str) {
    client.send('P', &[zero_ended(&[name, statement]), vec![0, 0]].concat()).await;
}

#[tokio::test]
async fn names_are_given_once_and_the_unnamed_ones_again_and_again() {
    let (_fixture, mut client) = Fixture::shop().await;
    parse(&mut client, "one", "SELECT 1").await;
    parse(&mut client, "", "SELECT 2").await;
    parse(&mut client, "", "SELECT 3").await;
    assert_eq!(kinds(&client.sync().await), "111Z");
    parse(&mut client, "one", "SELECT 1").await;
    assert_eq!(error(&client.sync().await), "42P05");
    let bind = [zero_ended(&["p", "one"]), vec![0; 6]].concat();
    client.send('B', &bind).await;
    client.send('B', &bind).await;
    assert_eq!(error(&client.sync().await), "42P03");
    // Outside of a block a portal ends with its pipeline.
    client.send('B', &bind).await;
    assert_eq!(kinds(&client.sync().await), "2Z");
    parse(&mut client, "", "SELECT 1; SELECT 2").await;
    assert_eq!(error(&client.sync().await), "42601");
}

#[tokio::test]
async fn wrong_counts_are_violations_of_the_protocol() {
    let (_fixture, mut client) = Fixture::shop().await;
    parse(&mut client, "one", "SELECT $1::int4").await;
    let target = zero_ended(&["", "one"]);
    // No parameter; two formats for one parameter; two result formats for one column.
    for rest in [
        &[0, 0, 0, 0, 0, 0][..],
        &[0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, b'1', 0, 0],
        &[0, 0, 0, 1, 0, 0, 0, 1, b'1', 0, 2, 0, 0, 0, 0],
    ] {
        client.send('B', &[&target[..], rest].concat()).await;
        assert_eq!(error(&client.sync().await), "08P01", "{rest:?}");
    }
}

#[tokio::test]
async fn an_empty_statement_has_its_own_answer() {
    let (_fixture, mut client) = Fixture::shop().await;
    parse(&mut client, "", " -- nothing").await;
    client.send('D', b"S\0").await;
    client.send('B', &[0; 8]).await;
    client.send('D', b"P\0").await;
    client.send('E', &[0; 5]).await;
    assert_eq!(kinds(&client.sync().await), "1tn2nIZ");
}

#[tokio::test]
async fn a_finished_portal_gives_no_more_rows() {
    let (_fixture, mut client) = Fixture::shop().await;
    client.pipeline("SELECT 1").await;
    client.send('E', &[0; 5]).await;
    let answers = client.sync().await;
    assert_eq!(kinds(&answers), "12DCCZ");
    assert_eq!(answers[4].text(), "SELECT 0");
    client.pipeline("SET application_name = 'x'").await;
    client.send('E', &[0; 5]).await;
    assert_eq!(error(&client.sync().await), "55000");
}

#[tokio::test]
async fn a_portal_of_a_block_goes_on_after_sync() {
    let (_fixture, mut client) = Fixture::shop().await;
    client.query("BEGIN").await;
    parse(&mut client, "", "SELECT path FROM accounts ORDER BY path").await;
    client.send('B', &[zero_ended(&["p", ""]), vec![0; 6]].concat()).await;
    client.send('E', b"p\0\0\0\0\x01").await;
    assert_eq!(kinds(&client.sync().await), "12DsZ");
    client.send('E', b"p\0\0\0\0\0").await;
    let rest = client.sync().await;
    assert_eq!((kinds(&rest).as_str(), rest[1].text().as_str()), ("DCZ", "SELECT 1"));
    client.query("COMMIT").await;
    client.send('E', b"p\0\0\0\0\0").await;
    assert_eq!(error(&client.sync().await), "34000");
}

#[tokio::test]
async fn a_write_is_answered_in_its_place_and_may_be_closed_behind() {
    let (_fixture, mut client) = Fixture::shop().await;
    parse(&mut client, "w", WRITE).await;
    client.send('D', b"Sw\0").await;
    client.send('B', &[zero_ended(&["p", "w"]), vec![0; 6]].concat()).await;
    client.send('E', b"p\0\0\0\0\0").await;
    client.send('C', b"Pp\0").await;
    client.send('C', b"Sw\0").await;
    assert_eq!(kinds(&client.sync().await), "1tT2DC33Z");
    client.send('D', b"Sw\0").await;
    assert_eq!(error(&client.sync().await), "26000");
}

#[tokio::test]
async fn a_query_behind_a_held_write_ends_its_block() {
    let (_fixture, mut client) = Fixture::shop().await;
    client.pipeline(WRITE).await;
    let answers = client.query("SELECT count(*) FROM transactions").await;
    assert_eq!(kinds(&answers), "12DCTDCZ");
    assert_eq!(answers[5].body[6..], *b"1");
}

#[tokio::test]
async fn text_that_is_not_utf8_is_refused_where_it_stands() {
    let (_fixture, mut client) = Fixture::shop().await;
    client.send('Q', b"SELECT '\xff'\0").await;
    assert_eq!(error(&client.until_ready().await), "22021");
    client.send('P', b"\0SELECT '\xc3'\0\0\0").await;
    assert_eq!(error(&client.sync().await), "22021");
    client.send('F', b"whatever").await;
    assert_eq!(error(&client.until_ready().await), "0A000");
}
