//! Long results: what they take in memory, and how reads end early.

use std::sync::Arc;
use tests::{RawClient, Server, connect_with_retry};

const MIB: u64 = 1024 * 1024;

/// A result that does not end in this life.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 10000000) AS a(n), \
    generate_series(1, 10000000) AS b(n), generate_series(1, 10000000) AS c(n) \
    WHERE a.n + b.n + c.n > 0";

fn small_server(arguments: &[&str]) -> Server {
    let dir = tempfile::Builder::new().prefix("tallybook-test-").tempdir();
    Server::start_with(Arc::new(dir.expect("a temporary directory")), arguments)
}

/// Sends a query and reads its rows, unkept; `at_row` is told of each.
fn read_rows(client: &mut RawClient, query: &str, mut at_row: impl FnMut(u64)) -> u64 {
    client.send('Q', &[query.as_bytes(), b"\0"].concat());
    let mut rows = 0;
    loop {
        let message = client.read().expect("the rows go on");
        match message.kind {
            'D' | 'd' => {
                rows += 1;
                at_row(rows);
            }
            'E' => panic!("{:?}", message.fields()),
            'Z' => return rows,
            _ => {}
        }
    }
}

/// Ten million rows, and a reader that stops in the middle while the server has time to run ahead.
#[test]
fn ten_million_rows_take_no_memory() {
    let server = Server::start();
    let mut client = RawClient::start(server.address());
    let mut witness = RawClient::start(server.address());
    for (rows, query) in [
        (10_000_000, "SELECT n FROM generate_series(1, {n}) AS s(n)"),
        (2_000_000, "COPY (SELECT n FROM generate_series(1, {n}) AS s(n)) TO STDOUT"),
    ] {
        read_rows(&mut client, &query.replace("{n}", "200000"), |_| {});
        let before = server.resident_bytes();
        let mut most = before;
        let read = read_rows(&mut client, &query.replace("{n}", &rows.to_string()), |row| {
            if row == rows / 2 {
                witness.query("SELECT sum(n) FROM generate_series(1, 2000000) AS s(n)");
            }
            if row % 250_000 == 0 {
                most = most.max(server.resident_bytes());
            }
        });
        assert_eq!(read, rows);
        let grown = most.saturating_sub(before);
        println!("{query}: {} MiB more at most", grown / MIB);
        assert!(grown < 48 * MIB, "{query}: {} MiB more than before", grown / MIB);
    }
}

/// A portal and a cursor of as many rows, read in pieces.
#[test]
fn a_cursor_takes_no_memory() {
    let server = Server::start();
    let mut client = RawClient::start(server.address());
    client.query("BEGIN; DECLARE c CURSOR FOR SELECT n FROM generate_series(1, 1500000) AS s(n)");
    read_rows(&mut client, "FETCH 200000 FROM c", |_| {});
    let before = server.resident_bytes();
    let mut most = before;
    while read_rows(&mut client, "FETCH 200000 FROM c", |_| {}) > 0 {
        most = most.max(server.resident_bytes());
    }
    let grown = most.saturating_sub(before);
    assert!(grown < 48 * MIB, "{} MiB more than before", grown / MIB);
}

/// The only connection there may be is free again once the query of a client that left has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_ends_its_query() {
    let server = small_server(&["--max-connections", "1"]);
    let mut client = RawClient::start(server.address());
    client.send('Q', &[ENDLESS.as_bytes(), b"\0"].concat());
    drop(client);
    let next = connect_with_retry(server.address()).await;
    next.simple_query("SELECT 1").await.unwrap();
}

/// How long a cancel takes is printed, and no matter of this test.
#[test]
fn a_cancelled_read_is_answered_while_it_would_run_on() {
    let server = Server::start();
    let mut client = RawClient::start(server.address());
    let key = client.cancel_key().to_vec();
    for query in [
        ENDLESS.to_owned(),
        format!("COPY ({ENDLESS}) TO STDOUT"),
        format!("BEGIN; DECLARE c CURSOR FOR {ENDLESS}; FETCH c"),
        format!("DECLARE c CURSOR WITH HOLD FOR {ENDLESS}"),
        format!("EXPLAIN ANALYZE {ENDLESS}"),
    ] {
        client.send('Q', &[query.as_bytes(), b"\0"].concat());
        // A request that comes before the read runs hits nothing, so it is sent until it does.
        let (done, is_done) = std::sync::mpsc::channel();
        let canceller = std::thread::spawn({
            let (address, key) = (server.address(), key.clone());
            move || loop {
                let sent = std::time::Instant::now();
                RawClient::cancel(address, &key);
                if is_done.recv_timeout(std::time::Duration::from_millis(50)).is_ok() {
                    return sent.elapsed();
                }
            }
        });
        let answers = client.until_ready();
        done.send(()).expect("the canceller waits for it");
        let took = canceller.join().expect("the canceller does not panic");
        let error = answers.iter().find(|message| message.kind == 'E').expect("an error");
        assert_eq!(error.sqlstate(), "57014", "{query}");
        println!("answered {took:?} after the last request");
        client.query("ROLLBACK");
    }
}

#[test]
fn what_is_kept_for_a_cursor_is_bounded() {
    let server = small_server(&["--memory-budget", "128MiB"]);
    let mut client = RawClient::start(server.address());
    let wide = "SELECT n, repeat('x', 1000) AS x FROM generate_series(1, 200000) AS s(n)";
    let told = |messages: &[tests::Message]| -> (String, String) {
        let error = messages.iter().find(|message| message.kind == 'E').expect("an error");
        (error.sqlstate(), error.fields().remove(&'D').unwrap_or_default())
    };
    client.query("BEGIN");
    client.query(&format!("DECLARE c CURSOR WITH HOLD FOR {wide}"));
    let (state, detail) = told(&client.query("COMMIT"));
    assert_eq!(state, "53200");
    assert!(detail.contains("rows kept for cursor \"c\""), "{detail}");
    assert_eq!(client.query("SELECT 1").last().expect("an answer").text(), "I");
    client.query("BEGIN");
    client.query(&format!("DECLARE d SCROLL CURSOR FOR {wide}"));
    let (state, _) = told(&client.query("MOVE LAST FROM d"));
    assert_eq!(state, "53200");
    client.query("ROLLBACK");
    // What was kept is free again.
    client.query("BEGIN");
    client.query("DECLARE e SCROLL CURSOR FOR SELECT n FROM generate_series(1, 10000) AS s(n)");
    assert_eq!(client.query("MOVE LAST FROM e")[0].text(), "MOVE 1");
    client.query("ROLLBACK");
}

/// A client that has read the first row of a long result, and reads on only when it is told to.
fn stalled(server: &Server, query: &str) -> RawClient {
    let mut client = RawClient::start(server.address());
    client.send('Q', &[query.as_bytes(), b"\0"].concat());
    loop {
        let message = client.read().expect("rows come");
        assert!(message.kind != 'E', "{query}: {message:?}");
        if matches!(message.kind, 'D' | 'd') {
            return client;
        }
    }
}

/// Reads on to the end; gives the number of rows and the error.
fn rest(client: &mut RawClient) -> (u64, Option<String>) {
    let (mut rows, mut error) = (0, None);
    loop {
        let message = client.read().expect("the rows go on");
        match message.kind {
            'D' | 'd' => rows += 1,
            'E' => error = Some(message.sqlstate()),
            'Z' => return (rows, error),
            _ => {}
        }
    }
}

/// The query waits for its client when the request comes, and not the client for the query.
#[test]
fn a_read_that_waits_for_its_client_can_be_cancelled() {
    let server = Server::start();
    let wide = "SELECT n, repeat('x', 200) FROM generate_series(1, 1000000) AS s(n)";
    for query in [wide.to_owned(), format!("COPY ({wide}) TO STDOUT")] {
        let mut client = stalled(&server, &query);
        RawClient::cancel(server.address(), client.cancel_key());
        let (rows, error) = rest(&mut client);
        assert_eq!(error.as_deref(), Some("57014"), "{query} after {rows} rows");
        let next = client.query("SELECT 1");
        assert!(next.iter().all(|message| message.kind != 'E'), "{next:?}");
    }
}

/// One session sorts more than it may, another less; `work_mem` decides for each.
#[test]
fn a_greedy_query_is_told_its_limit_while_another_runs_on() {
    let server = small_server(&["--query-memory", "16MiB", "--temp-limit", "0"]);
    let mut modest = stalled(
        &server,
        "SELECT n, repeat('x', 200) FROM generate_series(1, 20000) AS s(n) ORDER BY n DESC",
    );
    let mut greedy = RawClient::start(server.address());
    let sorts = "SELECT n FROM generate_series(1, 3000000) AS s(n) ORDER BY n DESC";
    for (setting, limit) in [("", "16 MB"), ("SET work_mem = '4MB'", "4 MB")] {
        greedy.query(setting);
        let answers = greedy.query(sorts);
        let error = answers.iter().find(|message| message.kind == 'E').expect("an error");
        assert_eq!(error.sqlstate(), "53200");
        let mut fields = error.fields();
        let message = fields.remove(&'M').unwrap_or_default();
        assert!(message.contains(&format!("({limit})")), "{message}");
        let hint = fields.remove(&'H').unwrap_or_default();
        assert!(hint.contains("work_mem") && hint.contains("--query-memory"), "{hint}");
    }
    let beyond = greedy.query("SET work_mem = '17MB'");
    assert_eq!(beyond[0].sqlstate(), "22023");
    assert_eq!(rest(&mut modest), (19_999, None));
}
