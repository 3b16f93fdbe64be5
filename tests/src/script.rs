//! Conversations on the wire, written one message a line, and held with any server.
//!
//! ```text
//! query SQL                     a simple Query, and the answers up to ReadyForQuery
//! send-query SQL                a simple Query; nothing is read
//! parse NAME SQL                `_` is the empty name, here and below
//! bind PORTAL STATEMENT VALUE…  parameters as text; NULL is null
//! describe S NAME               or P: a statement or a portal
//! execute PORTAL ROWS           0: all rows
//! close S NAME
//! run SQL                       parse, bind, describe, execute, all unnamed
//! flush
//! sync                          and the answers up to ReadyForQuery
//! send-sync                     nothing is read
//! read KIND                     the answers up to the first message of this kind
//! copy TEXT                     CopyData; \t and \n are understood
//! copy-done, copy-fail WHY
//! terminate                     the client says good-bye and does not listen any more
//! hang-up                       the client goes away without a word
//! finish                        sync, and all answers to everything before; an open block is rolled back
//! other STEP                    the same from a second connection
//! ```
//!
//! In a line, `{book}` is the book of the conversation, `{id N}` the Nth id that it gives, `{tx_id}` the last id that
//! it was given, `{post KEY AMOUNT}` a transfer from `sales` to `cash`, and `{fail}` a query that fails when it runs.

use crate::raw::{RawClient, zero_ended};
use crate::transcript::{CONNECTION_ENDS, GIVEN_ID, NOTHING_COMES, Transcript};
use std::time::Duration;

/// A server that says nothing for so long will say nothing; the transcript then says so.
const SILENCE: Duration = Duration::from_secs(15);

/// Sends `script` line by line and writes the answers down.
///
/// # Panics
/// If a line is not understood.
pub fn converse(
    client: &mut RawClient,
    other: &mut RawClient,
    script: &str,
    book: &str,
) -> Transcript {
    let mut transcript = Transcript::default();
    client.give_up_after(SILENCE);
    other.give_up_after(SILENCE);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let line = filled_in(line, book, &transcript.tx_id);
        match line.strip_prefix("other ") {
            Some(line) => step(other, line, &mut transcript),
            None => step(client, &line, &mut transcript),
        }
    }
    transcript
}

fn step(client: &mut RawClient, line: &str, transcript: &mut Transcript) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (first, tail) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut send = |kind: char, body: &[u8]| {
        if client.try_send(kind, body).is_err() {
            transcript.say("the connection is closed");
        }
    };
    match word {
        "query" | "send-query" => send('Q', &zero_ended(&[rest])),
        "parse" => send('P', &parse_body(first, tail)),
        "bind" => {
            let (statement, values) = tail.split_once(' ').unwrap_or((tail, ""));
            send('B', &bind_body(first, statement, values.split_whitespace()));
        }
        "describe" => send('D', &naming(first, tail)),
        "close" => send('C', &naming(first, tail)),
        "execute" => send('E', &execute_body(first, tail.parse().unwrap_or(0))),
        "run" => {
            send('P', &parse_body("_", rest));
            send('B', &bind_body("_", "_", std::iter::empty()));
            send('D', &naming("P", "_"));
            send('E', &execute_body("_", 0));
        }
        "flush" => send('H', &[]),
        "finish" => {
            send('S', &[]);
            // A failed block would refuse the SELECT alone.
            send('Q', &zero_ended(&["ROLLBACK; SELECT 1 AS finished"]));
        }
        "sync" | "send-sync" => send('S', &[]),
        "copy" => send('d', rest.replace("\\t", "\t").replace("\\n", "\n").as_bytes()),
        "copy-done" => send('c', &[]),
        "copy-fail" => send('f', &zero_ended(&[rest])),
        "terminate" => send('X', &[]),
        "hang-up" => {
            // The server may have closed the connection before.
            let _ = client.hang_up();
        }
        "read" => {}
        other => panic!("{other:?} is no step of a conversation"),
    }
    match word {
        "query" | "sync" => listen(client, 'Z', transcript),
        "finish" => {
            while transcript.lines.iter().all(|line| line != "DataRow finished=1") {
                listen(client, 'D', transcript);
                if transcript.has_ended() {
                    return;
                }
            }
            listen(client, 'Z', transcript);
        }
        "read" => listen(client, first.chars().next().expect("a kind"), transcript),
        // Whatever is still said, nobody hears it. No message has this kind: up to the end.
        "terminate" | "hang-up" => {
            let mut unheard = Transcript::default();
            listen(client, '\0', &mut unheard);
            transcript.lines.extend(unheard.lines.pop());
        }
        _ => {}
    }
}

/// Writes answers down up to the first of a kind, or to the end of the connection.
fn listen(client: &mut RawClient, kind: char, transcript: &mut Transcript) {
    loop {
        match client.read() {
            Ok(message) => {
                transcript.hear(&message);
                if message.kind == kind {
                    return;
                }
            }
            Err(error) => {
                let ended = matches!(
                    error.kind(),
                    std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset
                );
                let end = if ended { CONNECTION_ENDS } else { NOTHING_COMES };
                return transcript.say(end);
            }
        }
    }
}

fn filled_in(line: &str, book: &str, tx_id: &str) -> String {
    let mut filled = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('{') {
        let (inside, after) = behind.split_once('}').unwrap_or((behind, ""));
        filled.push_str(before);
        let words: Vec<&str> = inside.split(' ').collect();
        match words[..] {
            ["book"] => filled.push_str(book),
            ["fail"] => filled.push_str(FAILING),
            ["tx_id"] => filled.push_str(tx_id),
            ["id", n] => filled.push_str(&given_id(book, n)),
            ["post", key, amount] => filled.push_str(&post(book, key, amount)),
            // JSON has braces too.
            _ => {
                filled.push('{');
                rest = behind;
                continue;
            }
        }
        rest = after;
    }
    filled + rest
}

/// Not `SELECT 1/0`: when constants are computed is everybody's own business.
const FAILING: &str = "SELECT 1 / (count(*) - count(*)) AS one FROM assets";

fn post(book: &str, key: &str, amount: &str) -> String {
    format!(
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount) \
         VALUES ('{book}', '{key}', 'cash', 'sales', {amount})"
    )
}

/// An id that only this book has: PostgreSQL keeps all books in one table.
fn given_id(book: &str, n: &str) -> String {
    let hash = book.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let n: u8 = n.parse().expect("ids are small numbers");
    format!("{GIVEN_ID}{:010x}{n:02x}", hash >> 24)
}

/// The names of a conversation: `_` stands for no name.
fn named(name: &str) -> &str {
    if name == "_" { "" } else { name }
}

fn parse_body(name: &str, sql: &str) -> Vec<u8> {
    let mut body = zero_ended(&[named(name), sql]);
    body.extend([0, 0]);
    body
}

fn bind_body<'a>(
    portal: &str,
    statement: &str,
    values: impl Iterator<Item = &'a str> + Clone,
) -> Vec<u8> {
    let mut body = zero_ended(&[named(portal), named(statement)]);
    body.extend([0, 0]);
    body.extend((values.clone().count() as i16).to_be_bytes());
    for value in values {
        if value == "NULL" {
            body.extend((-1i32).to_be_bytes());
        } else {
            body.extend((value.len() as i32).to_be_bytes());
            body.extend(value.as_bytes());
        }
    }
    body.extend([0, 0]);
    body
}

fn execute_body(portal: &str, rows: i32) -> Vec<u8> {
    let mut body = zero_ended(&[named(portal)]);
    body.extend(rows.to_be_bytes());
    body
}

/// The body of Describe and Close: `S` or `P`, and a name.
fn naming(kind: &str, name: &str) -> Vec<u8> {
    [kind.as_bytes(), named(name).as_bytes(), b"\0"].concat()
}
