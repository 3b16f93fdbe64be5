//! What a server takes of memory and of the disk for reads, and how large reads get by with it.

use std::sync::Arc;
use tempfile::TempDir;
use tests::{RawClient, Server, until};

const MIB: u64 = 1024 * 1024;

fn directory() -> Arc<TempDir> {
    let dir = tempfile::Builder::new().prefix("tallybook-test-").tempdir();
    Arc::new(dir.expect("a temporary directory"))
}

/// The first row's columns, or SQLSTATE and detail of the error.
fn ask(client: &mut RawClient, query: &str) -> Result<Vec<String>, (String, String)> {
    let answers = client.query(query);
    if let Some(error) = answers.iter().find(|message| message.kind == 'E') {
        return Err((error.sqlstate(), error.fields().remove(&'D').unwrap_or_default()));
    }
    let row = answers.iter().find(|message| message.kind == 'D').expect("a row");
    Ok(row.row())
}

/// Five million numbers in an order that no index has, each compared with the one before it.
const SORTED: &str = "SELECT count(*), count(before), bool_and(k >= before) FROM (
    SELECT k, lag(k) OVER (ORDER BY k) AS before FROM (
        SELECT (n::int8 * 7919) % 5000011 AS k FROM generate_series(1, 5000000) AS s(n)) keys) pairs";

/// Files of running queries.
fn temporary_files(server: &Server) -> usize {
    let dirs = std::fs::read_dir(server.data().join("temporary")).expect("the folder is there");
    let files = |dir: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_dir(dir.expect("a folder of its own").path()).expect("it can be read").count()
    };
    dirs.map(files).sum()
}

/// They go with their query, which may still be ending when its answer is here.
fn until_no_temporary_files(server: &Server) {
    until("temporary files to be gone", || (temporary_files(server) == 0).then_some(()));
}

#[test]
fn a_sort_larger_than_memory_goes_through_files() {
    let server = Server::start_with(directory(), &["--memory-budget", "128MiB"]);
    let mut client = RawClient::start(server.address());
    assert_eq!(ask(&mut client, SORTED), Ok(vec!["5000000".into(), "4999999".into(), "t".into()]));
    until_no_temporary_files(&server);
}

#[test]
fn temporary_files_are_bounded() {
    for (limit, told) in [("0", "held by sorting"), ("1MiB", "--temp-limit")] {
        let arguments = ["--memory-budget", "128MiB", "--temp-limit", limit];
        let server = Server::start_with(directory(), &arguments);
        let mut client = RawClient::start(server.address());
        let (state, detail) = ask(&mut client, SORTED).expect_err("it does not fit");
        assert_eq!(state, "53200", "{limit}: {detail}");
        assert!(detail.contains(told), "{limit}: {detail}");
        if limit != "0" {
            until_no_temporary_files(&server);
        }
        assert_eq!(ask(&mut client, "SELECT 1"), Ok(vec!["1".into()]));
    }
}

fn copy_transfers(client: &mut RawClient, transfers: u64) {
    let copy = "COPY transfers (book, idempotency_key, debit_account, credit_account, amount) \
        FROM STDIN WITH (commit_every 10000)";
    client.send('Q', format!("{copy}\0").as_bytes());
    assert_eq!(client.read().expect("it begins").kind, 'G');
    for batch in 0..transfers.div_ceil(1_000) {
        let mut rows = String::new();
        for n in batch * 1_000..((batch + 1) * 1_000).min(transfers) {
            let (debit, credit) = (n % 1_000, (n % 1_000 + 1 + n % 997) % 1_000);
            rows += &format!("b\tkey-{n}\tacct:{debit}\tacct:{credit}\t{}\n", 1 + n % 5_000);
        }
        client.send('d', rows.as_bytes());
    }
    client.send('c', b"");
    assert!(client.until_ready().iter().all(|message| message.kind != 'E'));
}

/// Every column of a history that is larger than the budget, read often enough to be kept.
#[test]
fn scans_of_all_columns_stay_within_the_budget() {
    const TRANSFERS: u64 = 600_000;
    let dir = directory();
    let mut server = Server::start_with(dir.clone(), &[]);
    let mut client = RawClient::start(server.address());
    client.query(
        "INSERT INTO assets (id, class, precision, name) VALUES ('USD', 'fiat', 2, 'US dollar')",
    );
    client.query(
        "INSERT INTO accounts (book, path, asset, kind)
         SELECT 'b', 'acct:' || n, 'USD', 'liability' FROM generate_series(0, 999) AS s(n)",
    );
    copy_transfers(&mut client, TRANSFERS);
    drop(client);
    server.stop("TERM");
    let server = Server::start_with(dir, &["--memory-budget", "128MiB"]);
    let mut client = RawClient::start(server.address());
    let columns = "tx_id idx book seq lsn account asset amount direction balance_after occurred_at \
        committed_at";
    for column in columns.split_whitespace() {
        for _ in 0..3 {
            let answer = ask(&mut client, &format!("SELECT count(*), max({column}) FROM postings"));
            assert_eq!(answer.expect("it fits")[0], (2 * TRANSFERS).to_string(), "{column}");
        }
    }
    client.send('Q', b"COPY postings TO STDOUT\0");
    let mut rows = 0;
    while client.read().expect("the rows go on").kind != 'Z' {
        rows += 1;
    }
    assert!(rows > 2 * TRANSFERS);
    let peak = server.peak_resident_bytes();
    println!("{} MiB at most", peak / MIB);
    // The budget, and what the program itself takes, its code among it.
    assert!(peak < (128 + 48) * MIB, "{} MiB", peak / MIB);
}
