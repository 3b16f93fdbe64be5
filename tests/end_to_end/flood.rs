//! A thousand connections that send more at once than the server may hold: what does not fit is refused with a hint, memory
//! stays within its budget, every connection goes on, and in the end everything is written once.

use crate::books::{ACCOUNTS, ASSETS};
use std::sync::Arc;
use tests::{Message, RawClient, Server};

const CONNECTIONS: usize = 1_000;
const ROWS: usize = 50;
/// A quarter of it may be held for clients, so the blocks of all of them are too many.
const MEMORY_BUDGET: &str = "512MiB";
const MEMORY_BYTES: u64 = 512 << 20;

/// One statement of about 200 KB.
fn insert(connection: usize) -> String {
    let padding = "x".repeat(4_000);
    let rows: Vec<String> = (0..ROWS)
        .map(|row| {
            format!(
                "('shop', 'k{connection}-{row}', 'cash', 'sales', 1, '{{\"a\": \"{padding}\"}}')"
            )
        })
        .collect();
    format!(
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, \
         metadata) VALUES {}",
        rows.join(", ")
    )
}

fn send(client: &mut RawClient, text: &str) {
    client.send('Q', &[text.as_bytes(), b"\0"].concat());
}

fn refused(answers: &[Message]) -> Option<&Message> {
    answers.iter().find(|message| message.kind == 'E')
}

#[test]
fn a_thousand_connections_that_send_too_much_lose_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let connections = CONNECTIONS.to_string();
    let arguments = ["--max-connections", &connections, "--memory-budget", MEMORY_BUDGET];
    let server = Server::start_with(Arc::new(dir), &arguments);
    let address = server.address();
    let mut clients: Vec<RawClient> = (0..CONNECTIONS).map(|_| RawClient::start(address)).collect();
    let one_more = RawClient::try_start(address).expect_err("there are as many as may be");
    assert_eq!(one_more.to_string(), "53300");
    for statement in [ASSETS, ACCOUNTS] {
        assert!(refused(&clients[0].query(statement)).is_none(), "{statement}");
    }

    // All of them hold a block open at once.
    for (connection, client) in clients.iter_mut().enumerate() {
        send(client, "BEGIN");
        send(client, &insert(connection));
    }
    let mut held = Vec::new();
    for (connection, client) in clients.iter_mut().enumerate() {
        client.until_ready();
        let answers = client.until_ready();
        held.push(refused(&answers).is_none());
        if let Some(error) = refused(&answers) {
            assert_eq!(error.sqlstate(), "53000", "{connection}: {error:?}");
            assert!(error.fields().contains_key(&'H'), "{connection}: {error:?}");
        }
    }
    let resident = server.resident_bytes();
    let taken = held.iter().filter(|held| **held).count();
    println!("{taken} of {CONNECTIONS} blocks were taken; {} MB resident", resident >> 20);
    assert!(taken > 0 && taken < CONNECTIONS, "{taken} blocks were taken");
    assert!(resident < MEMORY_BYTES, "{resident} bytes are resident");

    // What was taken is committed; what was refused is sent again, and now there is room.
    for (client, held) in clients.iter_mut().zip(&held) {
        let ended = client.query(if *held { "COMMIT" } else { "ROLLBACK" });
        assert!(refused(&ended).is_none(), "{ended:?}");
    }
    for (connection, client) in clients.iter_mut().enumerate().filter(|(at, _)| !held[*at]) {
        let answers = client.query(&insert(connection));
        assert!(refused(&answers).is_none(), "{connection}: {answers:?}");
    }
    let posted =
        clients[0].query("SELECT count(*), count(DISTINCT idempotency_key) FROM transfers");
    let row = posted.iter().find(|message| message.kind == 'D').map(Message::row);
    let all = (CONNECTIONS * ROWS).to_string();
    assert_eq!(row, Some(vec![all.clone(), all]));
    let resident = server.resident_bytes();
    println!("{} MB resident at the end", resident >> 20);
    assert!(resident < MEMORY_BYTES, "{resident} bytes are resident at the end");
}
