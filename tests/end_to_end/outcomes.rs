//! Connections that end, are cancelled or run out of time at every stage of a write. What was acknowledged is there once, what
//! was reported as not written is not there, and everything else is settled by its key.

use crate::books::{ACCOUNTS, ASSETS};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tests::{Dice, Message, RawClient, Server, until};

const CLIENTS: u64 = 6;
const WRITES: u64 = 120;

/// Long enough for a cancel to find it running.
const SLOW: &str =
    "SELECT count(*) FROM generate_series(1, 2000) AS a, generate_series(1, 2000) AS b";

/// What the client knows at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Written,
    NotWritten,
    Unknown,
}

struct Attempt {
    key: String,
    how: String,
    outcome: Outcome,
}

impl Attempt {
    fn told(&self) -> String {
        format!("{}: {}: {:?}", self.key, self.how, self.outcome)
    }
}

/// The bytes of one write: messages, one after the other.
fn messages(dice: &mut Dice, key: &str) -> (&'static str, Vec<u8>) {
    let insert = format!(
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
         VALUES ('shop', '{key}', 'cash', 'sales', 1)"
    );
    let mut bytes = Vec::new();
    let mut say = |kind: char, body: &[u8]| bytes.extend(RawClient::message(kind, body));
    let zero = |text: &str| [text.as_bytes(), b"\0"].concat();
    let run = |say: &mut dyn FnMut(char, &[u8]), sql: &str| {
        say('P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat());
        say('B', b"\0\0\0\0\0\0\0\0");
        say('E', b"\0\0\0\0\0");
    };
    let door = match dice.below(7) {
        0 => {
            say('Q', &zero(&insert));
            "a Query"
        }
        1 => {
            run(&mut say, &insert);
            say('S', b"");
            "a pipeline"
        }
        2 => {
            for sql in ["BEGIN", &insert, "COMMIT"] {
                run(&mut say, sql);
            }
            say('S', b"");
            "a block in a pipeline"
        }
        3 => {
            for sql in ["BEGIN", &insert, "COMMIT"] {
                say('Q', &zero(sql));
            }
            "a block of Queries"
        }
        4 => {
            for sql in [&insert, SLOW] {
                run(&mut say, sql);
            }
            say('S', b"");
            "a pipeline that reads for long"
        }
        5 => {
            say('Q', &zero(&format!("{insert}; {SLOW}")));
            "a Query that reads for long"
        }
        _ => {
            let copy = "COPY transfers (book, idempotency_key, debit_account, credit_account, \
                amount) FROM STDIN";
            say('Q', &zero(copy));
            say('d', format!("shop\t{key}\tcash\tsales\t1\n").as_bytes());
            say('c', b"");
            "COPY"
        }
    };
    (door, bytes)
}

/// Reads what comes and judges by it.
fn judge(client: &mut RawClient, readies: usize) -> (Outcome, Vec<Message>) {
    let mut said = Vec::new();
    let mut ready = 0;
    while ready < readies {
        match client.read() {
            Ok(message) => {
                ready += usize::from(message.kind == 'Z');
                said.push(message);
            }
            Err(_) => break,
        }
    }
    let errors: Vec<String> =
        said.iter().filter(|message| message.kind == 'E').map(Message::sqlstate).collect();
    let tags: Vec<String> =
        said.iter().filter(|message| message.kind == 'C').map(Message::text).collect();
    let outcome = if errors.iter().any(|code| code == "08007") {
        Outcome::Unknown
    } else if readies == 3 && tags.first().is_none_or(|tag| tag != "BEGIN") {
        // Without its BEGIN, the write stands alone.
        Outcome::Unknown
    } else if !errors.is_empty() || tags.iter().any(|tag| tag == "ROLLBACK") {
        Outcome::NotWritten
    } else if ready == readies {
        Outcome::Written
    } else {
        Outcome::Unknown
    };
    (outcome, said)
}

/// One write with something happening to it; none if the server is gone.
fn attempt(address: SocketAddr, dice: &mut Dice, key: String) -> Option<Attempt> {
    let mut client = RawClient::try_start(address).ok()?;
    let (door, bytes) = messages(dice, &key);
    let readies = if door == "a block of Queries" { 3 } else { 1 };
    let fate = dice.below(6);
    if fate == 0 {
        client.send('Q', b"SET statement_timeout = 1\0");
        if judge(&mut client, 1).0 != Outcome::Written {
            return None;
        }
    }
    let (outcome, how) = match fate {
        0 => {
            let sent = client.write(&bytes);
            (
                sent.map_or(Outcome::Unknown, |()| judge(&mut client, readies).0),
                "statement_timeout".to_owned(),
            )
        }
        1 => {
            let upto = dice.below(bytes.len() as u64 + 1) as usize;
            let _ = client.write(&bytes[..upto]);
            (Outcome::Unknown, format!("gone after {upto} of {} bytes", bytes.len()))
        }
        2 => {
            let _ = client.write(&bytes);
            let heard = dice.below(3);
            let heard = (0..heard).take_while(|_| client.read().is_ok()).count();
            (Outcome::Unknown, format!("gone after {heard} answers"))
        }
        3 | 4 => {
            let _ = client.write(&bytes);
            let cancels = dice.below(3) + 1;
            for _ in 0..cancels {
                RawClient::cancel(address, client.cancel_key());
            }
            (judge(&mut client, readies).0, format!("cancelled {cancels} times"))
        }
        _ => {
            let _ = client.write(&bytes);
            (judge(&mut client, readies).0, "left alone".to_owned())
        }
    };
    Some(Attempt { key, how: format!("{door}, {how}"), outcome })
}

fn stored(client: &mut RawClient) -> BTreeMap<String, u64> {
    let said = client.query("SELECT idempotency_key, count(*) FROM transactions GROUP BY 1");
    let rows = said.iter().filter(|message| message.kind == 'D').map(Message::row);
    rows.map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
}

/// The attempts whose outcome is not what their client was told.
fn broken_words<'a>(all: &'a [Attempt], stored: &BTreeMap<String, u64>) -> Vec<&'a Attempt> {
    let is_broken = |attempt: &&Attempt| match (stored.get(&attempt.key), attempt.outcome) {
        (None, Outcome::Written) | (Some(_), Outcome::NotWritten) => true,
        (count, _) => count.is_some_and(|count| *count != 1),
    };
    all.iter().filter(is_broken).collect()
}

/// Sending everything again settles it: each key is there once.
fn settle(client: &mut RawClient, all: &[Attempt]) {
    for attempt in all {
        let said = client.query(&format!(
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
             VALUES ('shop', '{}', 'cash', 'sales', 1)",
            attempt.key
        ));
        assert!(said.iter().all(|message| message.kind != 'E'), "{}: {said:?}", attempt.told());
    }
    let stored = stored(client);
    assert_eq!(stored.len(), all.len(), "nothing but what was sent");
    assert!(broken_words(&[], &stored).is_empty() && stored.values().all(|count| *count == 1));
    let balance = client.query("SELECT balance FROM accounts WHERE path = 'cash'");
    let balance = balance.iter().find(|message| message.kind == 'D').expect("a balance").row();
    assert_eq!(balance, [all.len().to_string()]);
}

fn shop() -> Server {
    let server = Server::start();
    let mut client = RawClient::start(server.address());
    client.query(ASSETS);
    client.query(ACCOUNTS);
    server
}

fn report(all: &[Attempt]) {
    for outcome in [Outcome::Written, Outcome::NotWritten, Outcome::Unknown] {
        let count = all.iter().filter(|attempt| attempt.outcome == outcome).count();
        println!("{outcome:?}: {count}");
    }
}

/// Writes from many connections, until each has had enough or the server is gone; meanwhile something may happen
/// to the server.
fn attempts(
    address: SocketAddr,
    dice: &mut Dice,
    round: &str,
    meanwhile: impl FnOnce(&AtomicUsize),
) -> Vec<Attempt> {
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let done = &done;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|name| {
                let mut dice = Dice::new(dice.roll());
                scope.spawn(move || {
                    (0..WRITES)
                        .map_while(|n| attempt(address, &mut dice, format!("{round}-{name}-{n}")))
                        .inspect(|_| {
                            done.fetch_add(1, Ordering::Relaxed);
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        meanwhile(done);
        clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect()
    })
}

fn told(attempts: &[&Attempt]) -> String {
    attempts.iter().map(|attempt| attempt.told()).collect::<Vec<_>>().join("\n")
}

#[test]
fn nobody_is_told_what_is_not_so() {
    let (_, mut dice) = Dice::seeded();
    let server = shop();
    let all = attempts(server.address(), &mut dice, "r", |_| {});
    report(&all);
    let mut client = RawClient::start(server.address());
    let stored = stored(&mut client);
    let broken = broken_words(&all, &stored);
    assert!(broken.is_empty(), "{}", told(&broken));
    let written = all.iter().filter(|attempt| attempt.outcome == Outcome::Written).count();
    assert!(written > all.len() / 4, "only {written} of {} were left to happen", all.len());
    for outcome in [Outcome::NotWritten, Outcome::Unknown] {
        let count = all.iter().filter(|attempt| attempt.outcome == outcome).count();
        assert!(count > 0, "nothing was cancelled, or nobody was left in the dark");
    }
    settle(&mut client, &all);
}

/// The same, with a server that is stopped or killed in the middle.
#[test]
fn a_server_that_ends_keeps_its_word() {
    let (_, mut dice) = Dice::seeded();
    let mut server = shop();
    let mut all = Vec::new();
    for (round, signal) in ["TERM", "KILL", "TERM", "KILL"].into_iter().enumerate() {
        let enough = dice.below(CLIENTS * WRITES / 2) as usize;
        let address = server.address();
        all.extend(attempts(address, &mut dice, &round.to_string(), |done| {
            until("enough writes", || (done.load(Ordering::Relaxed) >= enough).then_some(()));
            if signal == "TERM" {
                assert!(server.stop("TERM").success());
            } else {
                server.kill();
            }
        }));
        server = server.start_again();
        let stored = stored(&mut RawClient::start(server.address()));
        let broken = broken_words(&all, &stored);
        assert!(broken.is_empty(), "after {signal}:\n{}", told(&broken));
    }
    report(&all);
    settle(&mut RawClient::start(server.address()), &all);
}

/// The check must see a word that was not kept.
#[test]
fn a_broken_word_is_found_out() {
    let server = shop();
    let mut client = RawClient::start(server.address());
    let attempt = |key: &str, outcome| Attempt { key: key.to_owned(), how: String::new(), outcome };
    for key in ["there", "also there"] {
        client.query(&format!(
            "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
             VALUES ('shop', '{key}', 'cash', 'sales', 1)"
        ));
    }
    let all = [
        attempt("there", Outcome::Written),
        attempt("also there", Outcome::NotWritten),
        attempt("not there", Outcome::Written),
        attempt("nor there", Outcome::Unknown),
    ];
    let stored = stored(&mut client);
    let keys: Vec<&str> = broken_words(&all, &stored).iter().map(|attempt| &*attempt.key).collect();
    assert_eq!(keys, ["also there", "not there"]);
}
