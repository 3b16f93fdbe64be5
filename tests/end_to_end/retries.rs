//! Clients that race for one key through every door: one of them posts, and all of them are told so.

use crate::books::{ACCOUNTS, ASSETS};
use std::collections::BTreeMap;
use std::sync::Barrier;
use tests::{Message, RawClient, Server};

/// A way to post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Door {
    Transfers,
    Transactions,
    Copy,
    Block,
    Assembled,
    Query,
    Pipeline,
}

const DOORS: [Door; 7] = [
    Door::Transfers,
    Door::Transactions,
    Door::Copy,
    Door::Block,
    Door::Assembled,
    Door::Query,
    Door::Pipeline,
];

/// What a racer was told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    /// tx_id and whether it was there already, where the door says so.
    Posted(Option<(String, bool)>),
    Refused {
        code: String,
        constraint: String,
        detail: String,
    },
}

impl Door {
    fn post(self, client: &mut RawClient, key: &str, amount: u64, id: &str) -> Told {
        let transfer = format!(
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
             VALUES ('shop', '{key}', 'cash', 'sales', {amount})"
        );
        let returning = "RETURNING tx_id, deduplicated";
        match self {
            Door::Transfers => told(&client.query(&format!("{transfer} {returning}")), true),
            Door::Transactions => {
                let insert = format!(
                    "INSERT INTO transactions (book, idempotency_key, postings) VALUES ('shop', \
                     '{key}', '[{{\"account\":\"sales\",\"amount\":{amount},\"direction\":\"credit\"}}, \
                     {{\"account\":\"cash\",\"amount\":\"{amount}.0\",\"direction\":\"debit\"}}]') {returning}"
                );
                told(&client.query(&insert), true)
            }
            Door::Copy => {
                let copy = "COPY transfers (book, idempotency_key, debit_account, credit_account, \
                    amount) FROM STDIN\0";
                client.send('Q', copy.as_bytes());
                assert_eq!(client.read().unwrap().kind, 'G');
                client.send('d', format!("shop\t{key}\tcash\tsales\t{amount}\n").as_bytes());
                client.send('c', &[]);
                told(&client.until_ready(), false)
            }
            // The id that a block is told before COMMIT is its own handle.
            Door::Block => in_block(client, &[&transfer]),
            Door::Assembled => {
                let head = format!(
                    "INSERT INTO transactions (tx_id, book, idempotency_key) VALUES \
                     ('{id}', 'shop', '{key}')"
                );
                let legs = format!(
                    "INSERT INTO postings (tx_id, account, amount, direction) VALUES \
                     ('{id}', 'cash', {amount}, 'debit'), ('{id}', 'sales', {amount}, 'credit')"
                );
                in_block(client, &[&head, &legs])
            }
            Door::Query => {
                told(&client.query(&format!("{transfer} {returning}; SELECT 1 WHERE false")), true)
            }
            Door::Pipeline => {
                client.pipeline(&format!("{transfer} {returning}"));
                client.pipeline("SELECT 1 WHERE false");
                told(&client.sync(), true)
            }
        }
    }
}

fn in_block(client: &mut RawClient, statements: &[&str]) -> Told {
    client.query("BEGIN");
    for statement in statements {
        if let refused @ Told::Refused { .. } = told(&client.query(statement), false) {
            client.query("ROLLBACK");
            return refused;
        }
    }
    told(&client.query("COMMIT"), false)
}

fn told(messages: &[Message], is_answered: bool) -> Told {
    if let Some(error) = messages.iter().find(|message| message.kind == 'E') {
        let mut fields = error.fields();
        let mut field = |letter| fields.remove(&letter).unwrap_or_default();
        return Told::Refused { code: field('C'), constraint: field('n'), detail: field('D') };
    }
    let row = messages.iter().find(|message| message.kind == 'D').map(Message::row);
    Told::Posted(row.filter(|_| is_answered).map(|row| (row[0].clone(), row[1] == "t")))
}

fn shop() -> (Server, RawClient) {
    let server = Server::start();
    let mut client = RawClient::start(server.address());
    client.query(ASSETS);
    client.query(ACCOUNTS);
    (server, client)
}

/// All doors at once, each `each` times, with the amount that a racer's number gives.
fn race(
    server: &Server,
    round: usize,
    each: usize,
    amount: impl Fn(usize) -> u64 + Sync,
) -> Vec<(Door, u64, Told)> {
    let key = &key_of(round);
    let racers: Vec<Door> = (0..each).flat_map(|_| DOORS).collect();
    let start = Barrier::new(racers.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = racers
            .iter()
            .enumerate()
            .map(|(number, door)| {
                let (start, amount) = (&start, amount(number));
                scope.spawn(move || {
                    let mut client = RawClient::start(server.address());
                    start.wait();
                    let id = format!("01890000-0000-7000-8000-{round:06}{number:06}");
                    (*door, amount, door.post(&mut client, key, amount, &id))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a racer ends")).collect()
    })
}

fn key_of(round: usize) -> String {
    format!("race-{round}")
}

fn rows(client: &mut RawClient, query: &str) -> Vec<Vec<String>> {
    let said = client.query(query);
    said.iter().filter(|message| message.kind == 'D').map(Message::row).collect()
}

#[test]
fn the_same_content_through_every_door_is_posted_once() {
    let (server, mut client) = shop();
    for round in 0..5 {
        let key = key_of(round);
        let all = race(&server, round, 2, |_| 5);
        let stored = rows(
            &mut client,
            &format!("SELECT tx_id FROM transactions WHERE idempotency_key = '{key}'"),
        );
        assert_eq!(stored.len(), 1, "{all:#?}");
        let mut firsts = 0;
        for (door, _, told) in &all {
            match told {
                Told::Posted(None) => {}
                Told::Posted(Some((tx_id, deduplicated))) => {
                    assert_eq!(*tx_id, stored[0][0], "{door:?} of {all:#?}");
                    firsts += usize::from(!deduplicated);
                }
                Told::Refused { .. } => panic!("{door:?} was refused: {all:#?}"),
            }
        }
        assert!(firsts <= 1, "{all:#?}");
    }
    let sums = rows(&mut client, "SELECT count(*), sum(amount) FROM transfers");
    assert_eq!(sums, [["5", "25"]]);
}

#[test]
fn of_different_contents_one_wins_and_the_others_are_told_the_difference() {
    let (server, mut client) = shop();
    for round in 0..5 {
        let key = key_of(round);
        let all = race(&server, round, 1, |number| 10 + number as u64);
        let stored = rows(
            &mut client,
            &format!("SELECT amount, seq FROM transfers WHERE idempotency_key = '{key}'"),
        );
        assert_eq!(stored.len(), 1, "{all:#?}");
        for (door, amount, told) in &all {
            match told {
                Told::Posted(_) => {
                    assert_eq!(amount.to_string(), stored[0][0], "{door:?} of {all:#?}")
                }
                Told::Refused { code, constraint, detail } => {
                    assert_eq!(
                        (code.as_str(), constraint.as_str()),
                        ("23505", "transactions_idempotency_key"),
                        "{door:?} of {all:#?}"
                    );
                    assert!(
                        detail.contains("postings") && detail.contains(&stored[0][1]),
                        "{door:?} is told the field and the seq {}: {detail}",
                        stored[0][1]
                    );
                }
            }
        }
        let posted = all.iter().filter(|(_, _, told)| matches!(told, Told::Posted(_))).count();
        assert_eq!(posted, 1, "{all:#?}");
    }
}

#[test]
fn every_field_that_differs_is_named() {
    let (_server, mut client) = shop();
    let columns =
        "(book, idempotency_key, debit_account, credit_account, amount, metadata, occurred_at)";
    let original = "'cash', 'sales', 5, '{\"n\": 1}', '2026-01-01T00:00:00Z'";
    client.query(&format!("INSERT INTO transfers {columns} VALUES ('shop', 'k', {original})"));
    let others = BTreeMap::from([
        ("'cash', 'sales', 6, '{\"n\": 1}', '2026-01-01T00:00:00Z'", vec!["postings"]),
        ("'sales', 'cash', 5, '{\"n\": 1}', '2026-01-01T00:00:00Z'", vec!["postings"]),
        ("'cash', 'sales', 5, '{\"n\": 2}', '2026-01-01T00:00:00Z'", vec!["metadata"]),
        ("'cash', 'sales', 5, '{\"n\": 1}', '2026-01-02T00:00:00Z'", vec!["occurred_at"]),
        ("'cash', 'sales', 5, '{\"n\": 1}', NULL", vec!["occurred_at"]),
        ("'cash', 'sales', 6, '{}', NULL", vec!["postings", "metadata", "occurred_at"]),
    ]);
    for (content, differs) in others {
        for (before, after) in [("", ""), ("BEGIN; ", "; COMMIT")] {
            let insert = format!("INSERT INTO transfers {columns} VALUES ('shop', 'k', {content})");
            let said = client.query(&format!("{before}{insert}{after}"));
            let Told::Refused { code, detail, .. } = told(&said, false) else {
                panic!("{insert} was accepted");
            };
            assert_eq!(code, "23505");
            for field in ["postings", "metadata", "occurred_at", "external_refs", "reverses"] {
                assert_eq!(detail.contains(field), differs.contains(&field), "{insert}: {detail}");
            }
            client.query("ROLLBACK");
        }
    }
}
