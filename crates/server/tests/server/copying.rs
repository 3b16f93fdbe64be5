//! COPY … FROM STDIN in both protocols, with data, without, and with the wrong messages.

use crate::client::{Client, error, kinds};
use crate::fixture::Fixture;

const COPY: &str = "COPY transfers (book, idempotency_key, debit_account, credit_account, amount) \
    FROM STDIN";
const LINE: &[u8] = b"shop\tk1\tcash\tsales\t5\n";

async fn posted(client: &mut Client) -> String {
    let answers = client.query("SELECT count(*) FROM transactions").await;
    let row = answers.iter().find(|message| message.kind == 'D').unwrap();
    String::from_utf8(row.body[6..].to_vec()).unwrap()
}

async fn begin(client: &mut Client) {
    client.send('Q', &[COPY.as_bytes(), b"\0"].concat()).await;
    let answer = client.read().await.unwrap();
    assert_eq!((answer.kind, &answer.body[..3]), ('G', &[0, 0, 5][..]));
}

#[tokio::test]
async fn a_copy_in_the_simple_protocol() {
    let (_fixture, mut client) = Fixture::shop().await;
    begin(&mut client).await;
    // Cut in the middle of a line: messages are not lines.
    client.send('d', &LINE[..7]).await;
    client.send('d', &LINE[7..]).await;
    client.send('c', &[]).await;
    let answers = client.until_ready().await;
    assert_eq!((kinds(&answers).as_str(), answers[0].text().as_str()), ("CZ", "COPY 1"));
    assert_eq!(posted(&mut client).await, "1");
}

#[tokio::test]
async fn a_copy_that_fails_skips_the_rest_of_its_data() {
    let (_fixture, mut client) = Fixture::shop().await;
    begin(&mut client).await;
    client.send('d', LINE).await;
    client.send('d', b"too\tfew\n").await;
    client.send('d', LINE).await;
    client.send('c', &[]).await;
    assert_eq!(error(&client.until_ready().await), "22P04");
    assert_eq!(posted(&mut client).await, "0");

    begin(&mut client).await;
    client.send('d', LINE).await;
    client.send('f', b"changed my mind\0").await;
    let answers = client.until_ready().await;
    let failed = answers[0].fields();
    assert_eq!((failed[&'C'].as_str(), failed[&'M'].contains("changed my mind")), ("57014", true));
    assert_eq!(posted(&mut client).await, "0");
}

#[tokio::test]
async fn a_message_that_is_no_copy_data_ends_the_copy() {
    let (_fixture, mut client) = Fixture::shop().await;
    begin(&mut client).await;
    client.send('d', LINE).await;
    assert_eq!(error(&client.query("SELECT 1").await), "08P01");
    assert_eq!(posted(&mut client).await, "0");
}

#[tokio::test]
async fn a_copy_in_a_pipeline_is_written_at_its_sync() {
    let (_fixture, mut client) = Fixture::shop().await;
    client.pipeline(COPY).await;
    // As drivers do: the Sync of the Execute comes before the data, and is ignored.
    client.send('S', &[]).await;
    assert_eq!(kinds(&client.until('G').await), "12G");
    client.send('d', LINE).await;
    client.send('c', &[]).await;
    let answers = client.sync().await;
    assert_eq!((kinds(&answers).as_str(), answers[0].text().as_str()), ("CZ", "COPY 1"));
    assert_eq!(posted(&mut client).await, "1");

    // An error skips up to the Sync behind the data; that is the one ReadyForQuery.
    client.pipeline(COPY).await;
    client.send('S', &[]).await;
    client.send('d', b"nonsense\n").await;
    client.send('c', &[]).await;
    let answers = client.sync().await;
    assert_eq!((kinds(&answers).as_str(), error(&answers).as_str()), ("12GEZ", "22P04"));
    assert_eq!(posted(&mut client).await, "1");
}

#[tokio::test]
async fn copy_messages_outside_of_a_copy_are_ignored() {
    let (_fixture, mut client) = Fixture::shop().await;
    for (kind, body) in [('d', LINE), ('c', &[]), ('f', b"why\0")] {
        client.send(kind, body).await;
    }
    assert_eq!(kinds(&client.query("SELECT 1").await), "TDCZ");
}

const BINARY: &str = "COPY transfers (book, idempotency_key, debit_account, credit_account, amount) \
    FROM STDIN (FORMAT binary)";

/// A tuple of the five columns; the amount is a numeric of one digit group.
fn tuple(key: &str, amount: u8) -> Vec<u8> {
    let amount = [0, 1, 0, 0, 0, 0, 0, 0, 0, amount];
    let fields = [&b"shop"[..], key.as_bytes(), b"cash", b"sales", &amount];
    let mut bytes = vec![0, 5];
    for field in fields {
        bytes.extend((field.len() as i32).to_be_bytes());
        bytes.extend(field);
    }
    bytes
}

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: &[u8] = &[0xff, 0xff];

#[tokio::test]
async fn a_copy_in_the_binary_format() {
    let (_fixture, mut client) = Fixture::shop().await;
    client.send('Q', &[BINARY.as_bytes(), b"\0"].concat()).await;
    let answer = client.read().await.unwrap();
    assert_eq!(
        (answer.kind, &answer.body[..]),
        ('G', &[1, 0, 5, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1][..])
    );
    let data = [HEADER, &tuple("a", 5), &tuple("b", 6), TRAILER].concat();
    for byte in data.chunks(1) {
        client.send('d', byte).await;
    }
    client.send('c', &[]).await;
    let answers = client.until_ready().await;
    assert_eq!((kinds(&answers).as_str(), answers[0].text().as_str()), ("CZ", "COPY 2"));
    assert_eq!(posted(&mut client).await, "2");

    for (data, state, context) in [
        ([HEADER, &tuple("c", 5), &[0, 9]].concat(), "22P04", "COPY transfers, line 2"),
        (
            [HEADER, &tuple("c", 5), &tuple("d", 0), TRAILER].concat(),
            "23514",
            "COPY transfers, line 2, column amount: \"0\"",
        ),
        (
            [HEADER, &tuple("c", 5)[..12]].concat(),
            "22P04",
            "COPY transfers, line 1, column idempotency_key",
        ),
    ] {
        client.send('Q', &[BINARY.as_bytes(), b"\0"].concat()).await;
        client.send('d', &data).await;
        client.send('c', &[]).await;
        let answers = client.until_ready().await;
        let failed = answers.iter().find(|answer| answer.kind == 'E').unwrap().fields();
        assert_eq!((failed[&'C'].as_str(), failed[&'W'].as_str()), (state, context));
    }
    assert_eq!(posted(&mut client).await, "2");
}

#[tokio::test]
async fn a_copy_in_pieces_tells_what_it_committed() {
    let (_fixture, mut client) = Fixture::shop().await;
    let pieces = format!("{COPY} (commit_every 2)");
    let line = |key: u8| format!("shop\t{key}\tcash\tsales\t5\n");
    let lines = [line(1), line(2), line(3)].concat();

    client.send('Q', format!("{pieces}\0").as_bytes()).await;
    client.send('d', lines.as_bytes()).await;
    client.send('f', b"changed my mind\0").await;
    let answers = client.until_ready().await;
    assert_eq!(kinds(&answers), "GEZ");
    let failed = answers[1].fields();
    assert_eq!(failed[&'C'], "57014");
    assert_eq!(failed[&'D'], "2 rows were committed before it, up to line 2; nothing after.");
    assert_eq!(posted(&mut client).await, "2");

    client.pipeline(&pieces).await;
    client.send('d', lines.as_bytes()).await;
    client.send('c', &[]).await;
    let answers = client.sync().await;
    assert_eq!((kinds(&answers).as_str(), answers[3].text().as_str()), ("12GCZ", "COPY 3"));
    assert_eq!(posted(&mut client).await, "3");
}

#[tokio::test]
async fn a_copy_in_pieces_stands_alone() {
    let (_fixture, mut client) = Fixture::shop().await;
    let insert = "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
                  amount) VALUES ('shop', 'x', 'cash', 'sales', 1)";
    for text in
        [format!("{insert}; {COPY} (commit_every 2)"), format!("{COPY} (commit_every 2); {insert}")]
    {
        assert_eq!(error(&client.query(&text).await), "25001");
        assert_eq!(posted(&mut client).await, "0");
    }
}

#[tokio::test]
async fn what_follows_a_copy_in_pieces_before_its_sync_is_a_block_of_its_own() {
    let (_fixture, mut client) = Fixture::shop().await;
    let insert = |key: &str, amount: i32| {
        format!(
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
             VALUES ('shop', '{key}', 'cash', 'sales', {amount})"
        )
    };
    for (key, amount, rest, count) in [("k2", 0, "12EZ", "1"), ("k3", 1, "12CZ", "2")] {
        client.pipeline(&format!("{COPY} (commit_every 2)")).await;
        assert_eq!(kinds(&client.until('G').await), "12G");
        client.send('d', LINE).await;
        client.send('c', &[]).await;
        assert_eq!(client.until('C').await[0].text(), "COPY 1");
        client.pipeline(&insert(key, amount)).await;
        assert_eq!(kinds(&client.sync().await), rest);
        // Its pieces stay, whatever becomes of the block behind them.
        assert_eq!(posted(&mut client).await, count);
    }
}
