//! Blocks and pipelines, message by message: the status byte, what is answered, what is written.

use crate::books::{shop, transfer, value};
use tests::{Message, RawClient};

const WRITE: &str = "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
    amount) VALUES ('shop', 'k', 'cash', 'sales', 5)";

/// The kinds of the messages, such as `TDCZ`.
fn kinds(messages: &[Message]) -> String {
    messages.iter().map(|message| message.kind).collect()
}

/// The transaction status in ReadyForQuery.
fn status(messages: &[Message]) -> char {
    let ready = messages.last().expect("ReadyForQuery is the last message");
    char::from(ready.body[0])
}

fn tags(messages: &[Message]) -> Vec<String> {
    messages.iter().filter(|message| message.kind == 'C').map(Message::text).collect()
}

#[track_caller]
fn error(messages: &[Message]) -> String {
    let errors: Vec<String> =
        messages.iter().filter(|message| message.kind == 'E').map(Message::sqlstate).collect();
    assert_eq!(errors.len(), 1, "one error in {messages:?}");
    errors[0].clone()
}

#[tokio::test]
async fn a_block_of_reads() {
    let (server, _client) = shop().await;
    let mut raw = RawClient::start(server.address());
    let begun = raw.query("BEGIN");
    assert_eq!(
        (kinds(&begun).as_str(), status(&begun), tags(&begun)),
        ("CZ", 'T', vec!["BEGIN".to_owned()])
    );
    let read = raw.query("SELECT 1");
    assert_eq!((kinds(&read).as_str(), status(&read)), ("TDCZ", 'T'));
    let again = raw.query("BEGIN");
    assert_eq!((kinds(&again).as_str(), status(&again)), ("NCZ", 'T'), "a warning, as in Postgres");
    assert_eq!(again[0].sqlstate(), "25001");
    let ended = raw.query("COMMIT");
    assert_eq!((tags(&ended), status(&ended)), (vec!["COMMIT".to_owned()], 'I'));
    for (word, tag) in [("COMMIT", "COMMIT"), ("ROLLBACK", "ROLLBACK")] {
        let outside = raw.query(word);
        assert_eq!((kinds(&outside).as_str(), tags(&outside)), ("NCZ", vec![tag.to_owned()]));
        assert_eq!(outside[0].sqlstate(), "25P01");
    }
    for (begin, end) in [
        ("START TRANSACTION READ ONLY", "END"),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ", "ABORT"),
        ("begin transaction isolation level read committed, read only", "COMMIT WORK"),
    ] {
        assert_eq!(status(&raw.query(begin)), 'T', "{begin}");
        assert_eq!(status(&raw.query(end)), 'I', "{end}");
    }
}

#[tokio::test]
async fn a_failed_block_answers_nothing_until_it_ends() {
    let (server, _client) = shop().await;
    let mut raw = RawClient::start(server.address());
    raw.query("BEGIN");
    let failed = raw.query("SELECT 1/0");
    assert_eq!((error(&failed).as_str(), status(&failed)), ("22012", 'E'));
    for statement in ["SELECT 1", WRITE, "BEGIN", "nonsense"] {
        let refused = raw.query(statement);
        let expected = if statement == "nonsense" { "42601" } else { "25P02" };
        assert_eq!((error(&refused).as_str(), status(&refused)), (expected, 'E'), "{statement}");
    }
    raw.pipeline("SELECT 1");
    let refused = raw.sync();
    assert_eq!((error(&refused).as_str(), status(&refused)), ("25P02", 'E'));
    let ended = raw.query("COMMIT");
    assert_eq!((tags(&ended), status(&ended)), (vec!["ROLLBACK".to_owned()], 'I'));
    assert_eq!(kinds(&raw.query("SELECT 1")), "TDCZ");
}

#[tokio::test]
async fn a_query_of_many_statements() {
    let (server, client) = shop().await;
    let mut raw = RawClient::start(server.address());
    let reads = raw.query("SELECT 1; SELECT 2;; SELECT 3;");
    assert_eq!(kinds(&reads), "TDCTDCTDCZ");

    let broken = raw.query("SELECT 1; SELECT 1/0; SELECT 2");
    assert!(kinds(&broken).starts_with("TDC"), "{broken:?}");
    assert_eq!((error(&broken).as_str(), status(&broken)), ("22012", 'I'));
    assert_eq!(tags(&broken), ["SELECT 1"], "nothing runs after the error");

    let last = raw.query(&format!("SELECT 1; {WRITE}"));
    assert_eq!(kinds(&last), "TDCCZ");
    assert_eq!(value(&client, "SELECT count(*) FROM transactions").await, "1");

    assert_eq!(kinds(&raw.query("")), "IZ");
    assert_eq!(kinds(&raw.query(" ; -- nothing\n ")), "IZ");
}

#[tokio::test]
async fn everything_up_to_a_sync_is_one_block() {
    let (server, client) = shop().await;
    let mut raw = RawClient::start(server.address());
    let count = "SELECT count(*) FROM transactions";

    raw.pipeline(WRITE);
    raw.pipeline(&WRITE.replace("'k'", "'l'"));
    raw.pipeline(count);
    let accepted = raw.sync();
    assert_eq!(tags(&accepted), ["INSERT 0 1", "INSERT 0 1", "SELECT 1"]);
    let seen = accepted.iter().find(|message| message.kind == 'D').unwrap();
    assert_eq!(seen.row(), ["2"], "a read in the block sees what it wrote");
    assert_eq!(value(&client, count).await, "2");

    raw.pipeline(&WRITE.replace("'k'", "'m'"));
    raw.pipeline("SELECT 1/0");
    let refused = raw.sync();
    assert_eq!((error(&refused).as_str(), status(&refused)), ("22012", 'I'));
    assert_eq!(tags(&refused), ["INSERT 0 1"]);
    assert_eq!(value(&client, count).await, "2", "nothing of it is written");
}

#[tokio::test]
async fn a_write_whose_sync_never_comes_is_not_written() {
    let (server, client) = shop().await;
    {
        let mut raw = RawClient::start(server.address());
        raw.pipeline(WRITE);
        // Terminate in place of Sync.
        raw.send('X', &[]);
        raw.read_to_end().unwrap();
    }
    assert_eq!(value(&client, "SELECT count(*) FROM transactions").await, "0");
}

#[tokio::test]
async fn after_an_error_a_pipeline_is_skipped_up_to_sync() {
    let (server, client) = shop().await;
    let mut raw = RawClient::start(server.address());
    raw.pipeline("SELECT 1/0");
    raw.pipeline(WRITE);
    let skipped = raw.sync();
    assert_eq!(error(&skipped), "22012");
    assert_eq!(tags(&skipped), Vec::<String>::new());
    assert_eq!(value(&client, "SELECT count(*) FROM transactions").await, "0");
}

#[tokio::test]
async fn unknown_statements_and_portals() {
    let (server, _client) = shop().await;
    let mut raw = RawClient::start(server.address());
    raw.send('B', b"\0nothing\0\0\0\0\0\0\0");
    assert_eq!(error(&raw.sync()), "26000");
    raw.send('D', b"Snothing\0");
    assert_eq!(error(&raw.sync()), "26000");
    raw.send('E', b"nothing\0\0\0\0\0");
    assert_eq!(error(&raw.sync()), "34000");
    // Closing what is not there is no error.
    raw.send('C', b"Snothing\0");
    assert_eq!(kinds(&raw.sync()), "3Z");
}

#[tokio::test]
async fn a_portal_gives_its_rows_in_pieces() {
    let (server, _client) = shop().await;
    let mut raw = RawClient::start(server.address());
    raw.parse("SELECT path FROM accounts ORDER BY path");
    raw.send('B', b"\0\0\0\0\0\0\0\0");
    for _ in 0..3 {
        raw.send('E', b"\0\0\0\0\x02");
    }
    let messages = raw.sync();
    assert_eq!(kinds(&messages), "12DDsDDsCZ", "{messages:?}");
    assert_eq!(messages[2].row(), ["cash"]);
    assert_eq!(messages[6].row(), ["wallet"]);
}

#[tokio::test]
async fn pools_reset_their_connections() {
    let (server, _client) = shop().await;
    let mut raw = RawClient::start(server.address());
    raw.send('P', b"named\0SELECT 1\0\0\0");
    assert_eq!(kinds(&raw.sync()), "1Z");
    assert_eq!(tags(&raw.query("DEALLOCATE ALL")), ["DEALLOCATE ALL"]);
    raw.send('D', b"Snamed\0");
    assert_eq!(error(&raw.sync()), "26000");
    assert_eq!(tags(&raw.query("DISCARD ALL")), ["DISCARD ALL"]);
}

#[tokio::test]
async fn repeatable_read_stays_at_its_cut() {
    let (server, client) = shop().await;
    let reader = server.connect().await;
    let sum = "SELECT sum(debits) FROM accounts";
    for (begin, sees_later_writes) in
        [("BEGIN", true), ("BEGIN ISOLATION LEVEL REPEATABLE READ", false)]
    {
        reader.simple_query(begin).await.unwrap();
        let before = value(&reader, sum).await;
        transfer(&client, begin, "cash", "sales", 5).await.unwrap();
        let after = value(&reader, sum).await;
        assert_eq!(before != after, sees_later_writes, "{begin}");
        reader.simple_query("COMMIT").await.unwrap();
        assert_ne!(value(&reader, sum).await, before, "the block is over");
    }
}

#[tokio::test]
async fn a_copy_that_is_not_ended_writes_nothing() {
    let (server, client) = shop().await;
    let copy =
        "COPY transfers (book, idempotency_key, debit_account, credit_account, amount) FROM STDIN";
    let row = b"shop\tlost\tcash\tsales\t5\n";
    let begin = || {
        let mut raw = RawClient::start(server.address());
        raw.send('Q', &[copy.as_bytes(), b"\0"].concat());
        let answer = raw.read().unwrap();
        assert_eq!(answer.kind, 'G', "{answer:?}");
        raw.send('d', row);
        raw
    };
    let mut failed = begin();
    failed.send('f', b"changed my mind\0");
    let answers = failed.until_ready();
    assert_eq!((error(&answers).as_str(), status(&answers)), ("57014", 'I'));

    let mut confused = begin();
    confused.send('Q', b"SELECT 1\0");
    assert_eq!(error(&confused.until_ready()), "08P01");

    drop(begin());
    let count = "SELECT count(*) FROM transactions";
    assert_eq!(value(&client, count).await, "0");

    // Rows may be cut anywhere between messages.
    let mut whole = begin();
    for byte in b"shop\tk\tcash\tsales\t7\n" {
        whole.send('d', &[*byte]);
    }
    whole.send('c', b"");
    assert_eq!(tags(&whole.until_ready()), ["COPY 2"]);
    assert_eq!(value(&client, count).await, "2");
}
