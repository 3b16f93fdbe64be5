//! From the first byte to the first ReadyForQuery.

use crate::client::{Client, VERSION_3_0, error, kinds, packet, startup, zero_ended};
use crate::fixture::Fixture;
use server::Limits;
use std::time::Duration;

const TESTER: [&str; 4] = ["user", "tester", "database", "tallybook"];

async fn greeted(fixture: &Fixture, bytes: &[u8]) -> Vec<crate::client::Message> {
    let mut client = Client::open(fixture.address).await;
    client.write(bytes).await;
    client.until_ready().await
}

#[tokio::test]
async fn each_minor_version_gets_what_it_understands() {
    let fixture = Fixture::start().await;
    let key_length = |messages: &[crate::client::Message]| {
        messages.iter().find(|message| message.kind == 'K').map(|message| message.body.len() - 4)
    };
    let old = greeted(&fixture, &startup(VERSION_3_0, &TESTER)).await;
    assert_eq!((old[0].kind, key_length(&old)), ('R', Some(4)));
    let new = greeted(&fixture, &startup(VERSION_3_0 + 2, &TESTER)).await;
    assert_eq!((new[0].kind, key_length(&new)), ('R', Some(32)));

    let newer = greeted(&fixture, &startup(VERSION_3_0 + 9_999, &TESTER)).await;
    let expected = [&(VERSION_3_0 + 2).to_be_bytes()[..], &[0, 0, 0, 0]].concat();
    assert_eq!((newer[0].kind, &newer[0].body), ('v', &expected));

    let parameters = [&TESTER[..], &["_pq_.wishes", "many"]].concat();
    let wishing = greeted(&fixture, &startup(VERSION_3_0, &parameters)).await;
    let expected =
        [&VERSION_3_0.to_be_bytes()[..], &[0, 0, 0, 1], &zero_ended(&["_pq_.wishes"])].concat();
    assert_eq!((wishing[0].kind, &wishing[0].body), ('v', &expected));
}

#[tokio::test]
async fn drivers_learn_what_they_ask_for() {
    let fixture = Fixture::start().await;
    let parameters =
        [&TESTER[..], &["application_name", "a test", "options", "-c TimeZone=Europe/Prague"]]
            .concat();
    let greeting = greeted(&fixture, &startup(VERSION_3_0, &parameters)).await;
    let told: Vec<String> = greeting
        .iter()
        .filter(|message| message.kind == 'S')
        .map(|message| message.text().replace('\0', "="))
        .collect();
    for expected in [
        "server_encoding=UTF8",
        "client_encoding=UTF8",
        "integer_datetimes=on",
        "standard_conforming_strings=on",
        "DateStyle=ISO, MDY",
        "IntervalStyle=postgres",
        "TimeZone=Europe/Prague",
        "application_name=a test",
        "session_authorization=tester",
    ] {
        assert!(told.iter().any(|line| line == expected), "{expected} in {told:?}");
    }
    assert!(told.iter().any(|line| line.starts_with("server_version=1")), "{told:?}");
}

#[tokio::test]
async fn who_is_refused_is_told_why_and_nothing_more() {
    let fixture = Fixture::start().await;
    for (bytes, state) in [
        (startup(VERSION_3_0, &["user", "tester", "database", "shop"]), "3D000"),
        (startup(VERSION_3_0, &["database", "tallybook"]), "28000"),
        (startup(VERSION_3_0, &["user", "tester", "replication", "database"]), "0A000"),
        (startup(VERSION_3_0, &["user", "tester", "no_such_setting", "1"]), "42704"),
        (startup(2 << 16, &["user", "tester"]), "0A000"),
    ] {
        let mut client = Client::open(fixture.address).await;
        client.write(&bytes).await;
        let answers = client.until_end().await;
        assert_eq!(
            (kinds(&answers).trim_start_matches('v'), error(&answers).as_str()),
            ("E", state)
        );
        assert_eq!(answers.last().unwrap().fields()[&'S'], "FATAL");
    }
    // No database is ours; GSS and SSL are declined on one connection, each once.
    let mut client = Client::open(fixture.address).await;
    for code in [80_877_104, 80_877_103] {
        client.write(&packet(code, &[])).await;
        assert_eq!(client.read_byte().await, Some(b'N'));
    }
    client.write(&startup(VERSION_3_0, &["user", "tester"])).await;
    assert_eq!(client.until_ready().await[0].kind, 'R');
}

#[tokio::test]
async fn one_too_many_is_refused_until_another_leaves() {
    let limits = Limits { max_connections: 1, ..Limits::default() };
    let fixture = Fixture::start_with(limits).await;
    let mut first = Client::start(fixture.address).await;
    let mut second = Client::open(fixture.address).await;
    second.write(&startup(VERSION_3_0, &TESTER)).await;
    assert_eq!(error(&second.until_end().await), "53300");
    first.send('X', &[]).await;
    assert!(first.read().await.is_none());
    // The place is free once the server has let go of the first, which it says by closing.
    Client::start(fixture.address).await;
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let limits = Limits { startup_timeout: Duration::from_millis(20), ..Limits::default() };
    let fixture = Fixture::start_with(limits).await;
    let mut silent = Client::open(fixture.address).await;
    assert!(silent.until_end().await.is_empty());
    let mut slow = Client::open(fixture.address).await;
    slow.write(&startup(VERSION_3_0, &TESTER)[..9]).await;
    assert!(slow.until_end().await.is_empty());
}
