//! `tallybook` as a program: how it starts, refuses to start, and stops.

use crate::books::{shop, sqlstate, transfer, value};
use std::process::{Command, Output};
use std::time::Instant;
use tests::{DEADLINE, Server, connect_to, connect_with_retry};

fn run(command: &mut Command) -> (Output, String) {
    let output = command.output().expect("the binary runs");
    let said = [&output.stdout[..], &output.stderr].concat();
    (output, String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn it_prints_one_line_with_its_address() {
    let server = Server::start();
    let line = server.ready_line();
    assert!(line.contains(&server.address().to_string()) && line.ends_with('\n'), "{line:?}");
}

#[tokio::test]
async fn terminate_and_interrupt_stop_it_cleanly_and_everything_is_there_again() {
    let (mut server, client) = shop().await;
    for (n, signal) in ["TERM", "INT"].into_iter().enumerate() {
        let idle = server.connect().await;
        let key = format!("k{n}");
        let poster = server.connect().await;
        transfer(&poster, &key, "cash", "sales", 5).await.unwrap();
        let status = server.stop(signal);
        assert!(status.success(), "{signal}: {status}");
        drop((idle, poster));
        server = server.start_again();
        let again = server.connect().await;
        let balance = "SELECT balance FROM accounts WHERE path = 'cash'";
        assert_eq!(value(&again, balance).await, (5 * (n + 1)).to_string());
    }
    drop(client);
}

#[tokio::test]
async fn a_clean_stop_tells_its_clients() {
    let (mut server, client) = shop().await;
    server.signal("TERM");
    let started = Instant::now();
    let error = loop {
        match client.simple_query("SELECT 1").await {
            Ok(_) => assert!(started.elapsed() < DEADLINE, "the server goes on answering"),
            Err(error) => break error,
        }
    };
    let code = error.code().map(|code| code.code().to_owned());
    assert!(error.is_closed() || code.as_deref() == Some("57P01"), "{error:?}");
    assert!(server.stop("TERM").success());
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_is_told_who_holds_it() {
    let server = Server::start();
    let (output, said) = run(Server::command(&server.data()).args(["--listen", "127.0.0.1:0"]));
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("in use"), "{said}");
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let server = Server::start();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:5433"] {
        let data = server.scratch().join("other");
        let (output, said) = run(Server::command(&data).args(["--listen", address]));
        assert!(!output.status.success(), "{address}: {said}");
        assert!(said.contains("loopback"), "{address}: {said}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let server = Server::start();
    let data = server.scratch().join("other");
    let address = server.address().to_string();
    let (output, said) = run(Server::command(&data).args(["--listen", &address]));
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(&address), "{said}");
}

#[tokio::test]
async fn the_demo_is_there_and_stays_the_same() {
    let server = Server::start();
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    drop(server);
    let mut counts = Vec::new();
    for _ in 0..2 {
        let mut server = Server::start_with(dir.clone(), &["--demo"]);
        let client = server.connect().await;
        counts.push(value(&client, "SELECT count(*) FROM events").await);
        let unbalanced = "SELECT count(*) FROM trial_balance WHERE debits <> credits";
        assert_eq!(value(&client, unbalanced).await, "0");
        let assets = value(&client, "SELECT count(DISTINCT asset) FROM accounts").await;
        assert!(assets.parse::<u32>().unwrap() > 1, "a multi-currency book");
        assert!(server.stop("TERM").success());
    }
    assert_eq!(counts[0], counts[1], "the second start adds nothing");
    assert_ne!(counts[0], "0");
}

#[tokio::test]
async fn too_many_connections_are_refused_and_places_are_given_back() {
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_with(dir, &["--max-connections", "2"]);
    let first = server.connect().await;
    let second = server.connect().await;
    let error = connect_to(server.address()).await.unwrap_err();
    assert_eq!(sqlstate(&error), "53300", "{error:?}");
    assert_eq!(value(&first, "SELECT 1").await, "1");
    drop(second);
    let again = connect_with_retry(server.address()).await;
    assert_eq!(value(&again, "SELECT 1").await, "1");
}

#[test]
fn help_says_how_to_begin() {
    let server = Server::start();
    let program = Server::command(&server.data()).get_program().to_owned();
    let (output, said) = run(Command::new(&program).arg("--help"));
    assert!(output.status.success());
    assert!(said.contains("serve"), "{said}");
    let (output, said) = run(Command::new(&program).args(["serve", "--help"]));
    assert!(output.status.success());
    for word in ["--data", "--listen", "--demo", "127.0.0.1:5433"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    let (output, _) = run(Command::new(&program).arg("--no-such-option"));
    assert_eq!(output.status.code(), Some(2));
}
