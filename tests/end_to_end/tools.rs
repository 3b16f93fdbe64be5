//! The offline tools: a backup taken under load is a ledger again, and verify tells good
//! directories from bad ones by its exit status.

use crate::books::{ACCOUNTS, ASSETS, rows, shop, transfer, value};
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tests::{Server, tallybook};

const CLIENTS: u64 = 64;

fn run(command: &str, arguments: &[(&str, &Path)]) -> Output {
    let mut tallybook = tallybook(command);
    for (option, path) in arguments {
        tallybook.arg(option).arg(path);
    }
    tallybook.output().expect("the program runs")
}

#[track_caller]
fn assert_status(output: &Output, status: i32) -> String {
    assert_eq!(output.status.code(), Some(status), "{output:#?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn verified(data: &Path) -> Output {
    run("verify", &[("--data", data)])
}

/// Posts until it is told to stop.
async fn poster(server: Arc<Server>, name: u64, stop: Arc<AtomicBool>, posted: Arc<AtomicU64>) {
    let client = server.connect().await;
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        transfer(&client, &format!("c{name}-{n}"), "cash", "sales", 100).await.unwrap();
        posted.fetch_add(1, Ordering::Relaxed);
    }
}

const BALANCES: &str = "SELECT account, sum(CASE direction WHEN 'debit' THEN amount ELSE -amount END) \
     FROM postings WHERE lsn <= ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_while_64_clients_post_is_a_ledger_again() {
    let server = Arc::new(Server::start());
    let client = server.connect().await;
    client.simple_query(ASSETS).await.unwrap();
    client.simple_query(ACCOUNTS).await.unwrap();
    let (stop, posted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let posters: Vec<_> = (0..CLIENTS)
        .map(|name| tokio::spawn(poster(server.clone(), name, stop.clone(), posted.clone())))
        .collect();
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let copy = dir.path().join("backup");
    let mut last = 0;
    // The second time carries the first on.
    for round in 1..=2 {
        while posted.load(Ordering::Relaxed) < round * 500 {
            tokio::task::yield_now().await;
        }
        let before: u64 =
            value(&client, "SELECT max(lsn) FROM events").await.parse().expect("a number");
        let (data, to) = (server.data(), copy.clone());
        let backup = move || run("backup", &[("--data", &data), ("--to", &to)]);
        let output = tokio::task::spawn_blocking(backup).await.unwrap();
        let said = assert_status(&output, 0);
        let head = said.split("up to lsn ").nth(1).and_then(|rest| rest.split(',').next());
        let head: u64 = head.and_then(|head| head.parse().ok()).expect("it says the head");
        assert!(head >= before && head > last, "{before} {last} {said}");
        last = head;
    }
    stop.store(true, Ordering::Relaxed);
    for poster in posters {
        poster.await.unwrap();
    }
    assert_status(&verified(&server.data()), 3);

    assert_status(&run("restore", &[("--from", &copy), ("--data", &dir.path().join("data"))]), 0);
    assert_status(&verified(&dir.path().join("data")), 0);
    let restored = Server::start_with(dir.clone(), &[]);
    let again = restored.connect().await;
    assert_eq!(value(&again, "SELECT max(lsn) FROM events").await, last.to_string());
    for query in [
        format!(
            "SELECT lsn, book, seq, at, kind, payload FROM events WHERE lsn <= {last} ORDER BY lsn"
        ),
        format!(
            "SELECT book, seq, tx_id, idempotency_key FROM transactions WHERE lsn <= {last} \
             ORDER BY book, seq"
        ),
        format!("{BALANCES} {last} GROUP BY account ORDER BY account"),
    ] {
        assert_eq!(rows(&again, &query).await, rows(&client, &query).await, "{query}");
    }
    let cash = value(&again, "SELECT balance FROM accounts WHERE path = 'cash'").await;
    let balances = format!("{BALANCES} {last} GROUP BY account ORDER BY account");
    let of_postings = rows(&client, &balances).await;
    assert_eq!(of_postings[0], ["cash".to_owned(), cash]);
    transfer(&again, "goes on", "cash", "sales", 1).await.unwrap();
}

#[tokio::test]
async fn verify_tells_by_its_status() {
    let (mut server, client) = shop().await;
    for n in 0..20 {
        transfer(&client, &format!("k{n}"), "cash", "sales", 1).await.unwrap();
    }
    let data = server.data();
    let in_use = verified(&data);
    assert_status(&in_use, 3);
    assert!(String::from_utf8_lossy(&in_use.stderr).contains("is in use by process"));
    drop(client);
    assert!(server.stop("TERM").success());
    assert!(assert_status(&verified(&data), 0).contains("result   good"));

    // A torn last write.
    let segment = std::fs::read_dir(data.join("log")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, [&whole[..], b"\x10\0\0\0torn"].concat()).unwrap();
    assert!(assert_status(&verified(&data), 2).contains("torn by a crash"));
    let mut report = tallybook("verify");
    let report = report.arg("--data").arg(&data).arg("--repair-report").output().unwrap();
    let steps: Vec<serde_json::Value> = assert_status(&report, 2)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let done: Vec<&str> = steps.iter().filter_map(|step| step["do"].as_str()).collect();
    assert!(done.contains(&"keep_aside") && done.contains(&"cut"), "{done:?}");

    // Damage: verify says where, and a start refuses.
    let mut flipped = whole.clone();
    flipped[300] ^= 1;
    std::fs::write(&segment, flipped).unwrap();
    let said = assert_status(&verified(&data), 1);
    assert!(said.contains("DAMAGE: ") && said.contains(", offset "), "{said}");
    assert!(said.contains("restore this file from a backup"), "{said}");

    std::fs::write(&segment, whole).unwrap();
    assert_status(&verified(&data), 0);
    assert_status(&verified(&data.join("nowhere")), 3);
    assert_status(&tallybook("verify").arg("--colour").output().unwrap(), 3);
}

#[tokio::test]
async fn a_restore_goes_nowhere_else() {
    let (server, _client) = shop().await;
    let (data, copy) = (server.data(), server.scratch().join("backup"));
    let unfinished = run("restore", &[("--from", &copy), ("--data", &data)]);
    assert_status(&unfinished, 1);
    assert_status(&run("backup", &[("--data", &data), ("--to", &copy)]), 0);
    let refused = run("restore", &[("--from", &copy), ("--data", &data)]);
    assert_status(&refused, 1);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("not empty"), "{said}");
}
