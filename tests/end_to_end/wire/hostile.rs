//! Bytes that no client should send: the server answers or hangs up, keeps its memory, and serves
//! everyone else.

use crate::books::{shop, sqlstate, told, value};
use tests::{Dice, RawClient, Server};
use tokio_postgres::Client;

const MIB: u64 = 1024 * 1024;

/// The server lives, a new client gets an answer, and memory has not grown past `mib`.
async fn assert_well(server: &mut Server, client: &Client, before: u64, mib: u64) {
    assert!(server.is_running(), "the server is down:\n{}", server.log());
    assert_eq!(value(client, "SELECT count(*) FROM accounts").await, "4");
    let fresh = server.connect().await;
    assert_eq!(value(&fresh, "SELECT 1").await, "1");
    let grown = server.resident_bytes().saturating_sub(before) / MIB;
    assert!(grown < mib, "memory grew by {grown} MiB");
    let log = server.log();
    assert!(!log.contains("panicked"), "a task panicked:\n{log}");
}

/// Sends bytes as a first message and hears the server out; it must end the connection.
fn first_words(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut raw = RawClient::open(server.address());
    // The server may hang up in the middle.
    let _ = raw.write(bytes);
    raw.read_to_end().unwrap_or_else(|error| panic!("no end after {bytes:?}: {error}"))
}

#[tokio::test]
async fn other_protocols_and_garbage_instead_of_a_startup() {
    let (mut server, client) = shop().await;
    let before = server.resident_bytes();
    first_words(&server, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    first_words(&server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls without asking");
    for length in [0, 3, 4, 7, -1, i32::MIN, i32::MAX, 10_001, 0x0100_0000] {
        let mut bytes = i32::to_be_bytes(length).to_vec();
        bytes.extend(196_608i32.to_be_bytes());
        let mut raw = RawClient::open(server.address());
        let _ = raw.write(&bytes);
        if !(0..=10_000).contains(&length) || length < 8 {
            raw.read_to_end().unwrap_or_else(|error| panic!("length {length}: {error}"));
        }
    }
    let (seed, mut dice) = Dice::seeded();
    for _ in 0..200 {
        // The first byte makes the length absurd, so the server need not wait for more.
        let mut bytes: Vec<u8> = (0..dice.below(200) + 8).map(|_| dice.roll() as u8).collect();
        bytes[0] |= 0x40;
        first_words(&server, &bytes);
    }
    println!("seed {seed}");
    assert_well(&mut server, &client, before, 64).await;
}

#[tokio::test]
async fn startup_messages_that_are_almost_right() {
    let (mut server, client) = shop().await;
    let before = server.resident_bytes();
    let message = |body: &[u8]| {
        let length = (body.len() as i32 + 4).to_be_bytes();
        [&length, body].concat()
    };
    // Version 2.0 of long ago, no user, no ends, no text at all, another database.
    let version = 196_608i32.to_be_bytes();
    for body in [
        [&131_072i32.to_be_bytes()[..], b"user\0ada\0\0"].concat(),
        [&version[..], b"\0"].concat(),
        [&version[..], b"user\0ada"].concat(),
        [&version[..], b"user"].concat(),
        version.to_vec(),
        [&version[..], b"user\0ada\0database\0\xff\xfe\0\0"].concat(),
    ] {
        let mut raw = RawClient::open(server.address());
        raw.write(&message(&body)).unwrap();
        // Refused or let in, but not left hanging.
        let answer = raw.read().map(|message| message.kind);
        assert!(matches!(answer, Ok('E' | 'R' | 'v') | Err(_)), "{body:?}: {answer:?}");
        assert!(
            !matches!(&answer, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock),
            "{body:?}"
        );
    }
    let mut raw = RawClient::open(server.address());
    raw.write(&RawClient::startup("nothing")).unwrap();
    let mut answer = raw.read().unwrap();
    while answer.kind != 'E' {
        assert_ne!(answer.kind, 'Z', "a database of that name was let in");
        answer = raw.read().unwrap();
    }
    assert_eq!(answer.sqlstate(), "3D000");
    let mut raw = RawClient::open(server.address());
    raw.write(&RawClient::startup("postgres")).unwrap();
    assert_eq!(raw.read().unwrap().kind, 'R', "tools ask for the database postgres");

    // SSL and GSS encryption are asked for and declined; then the same connection starts.
    for request in [80_877_103i32, 80_877_104] {
        let mut raw = RawClient::open(server.address());
        raw.write(&message(&request.to_be_bytes())).unwrap();
        assert_eq!(raw.read_byte().unwrap(), b'N');
        raw.write(&RawClient::startup("tallybook")).unwrap();
        assert_eq!(raw.until_ready().last().unwrap().kind, 'Z');
    }
    // A cancel request for nobody.
    first_words(&server, &message(&[80_877_102i32.to_be_bytes(), [1; 4], [2; 4]].concat()));
    assert_well(&mut server, &client, before, 64).await;
}

#[tokio::test]
async fn a_startup_that_comes_byte_by_byte() {
    let (server, _client) = shop().await;
    let mut raw = RawClient::open(server.address());
    for byte in RawClient::startup("tallybook") {
        raw.write(&[byte]).unwrap();
    }
    assert_eq!(raw.until_ready().last().unwrap().kind, 'Z');
    for byte in b"Q\0\0\0\x0dSELECT 1\0" {
        raw.write(&[*byte]).unwrap();
    }
    let kinds: String = raw.until_ready().iter().map(|message| message.kind).collect();
    assert_eq!(kinds, "TDCZ");
}

#[tokio::test]
async fn many_sockets_that_say_nothing() {
    let (mut server, client) = shop().await;
    let before = server.resident_bytes();
    let silent: Vec<RawClient> = (0..300).map(|_| RawClient::open(server.address())).collect();
    let halves: Vec<RawClient> = (0..300)
        .map(|_| {
            let mut raw = RawClient::open(server.address());
            raw.write(&RawClient::startup("tallybook")[..9]).unwrap();
            raw
        })
        .collect();
    assert_well(&mut server, &client, before, 128).await;
    drop((silent, halves));
    assert_well(&mut server, &client, before, 128).await;
}

#[tokio::test]
async fn message_lengths_that_lie() {
    let (mut server, client) = shop().await;
    let before = server.resident_bytes();
    let mut open = Vec::new();
    for kind in ['Q', 'P', 'B', 'E', 'd', 'D', 'p', 'X', 'S', 'H', '\u{1}', '~'] {
        for length in [0, 3, -5, i32::MIN, i32::MAX, 0x4000_0000] {
            let mut raw = RawClient::start(server.address());
            let mut bytes = vec![kind as u8];
            bytes.extend(i32::to_be_bytes(length));
            bytes.extend(b"some");
            let _ = raw.write(&bytes);
            open.push(raw);
        }
    }
    assert_well(&mut server, &client, before, 256).await;
    drop(open);
    assert_well(&mut server, &client, before, 256).await;
}

#[tokio::test]
async fn bodies_that_lie() {
    let (mut server, client) = shop().await;
    let before = server.resident_bytes();
    let bodies: [(char, &[u8]); 14] = [
        ('Q', b""),
        ('Q', b"SELECT 1"),
        ('Q', b"SELECT '\xff\xfe'\0"),
        ('P', b"\0SELECT 1\0\x7f\xff"),
        ('P', b"\0SELECT 1\0\xff\xff"),
        ('P', b"\0SELECT 1"),
        ('B', b"\0\0\x7f\xff"),
        ('B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff"),
        ('B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe"),
        ('B', b"\0"),
        ('D', b"?x\0"),
        ('C', b""),
        ('E', b"\0"),
        ('d', b"data without a COPY"),
    ];
    for (kind, body) in bodies {
        let mut raw = RawClient::start(server.address());
        raw.send(kind, body);
        // An error and then order again, or the end of the connection: both are honest.
        let _ = raw.write(b"S\0\0\0\x04");
        while let Ok(message) = raw.read() {
            if message.kind == 'Z' {
                break;
            }
        }
    }
    assert_well(&mut server, &client, before, 64).await;
}

#[tokio::test]
async fn binary_parameters_of_the_wrong_size() {
    let (mut server, client) = shop().await;
    let before = server.resident_bytes();
    for (cast, value) in [
        ("int8", &b"\0\0\0\x01"[..]),
        ("int4", b""),
        ("bool", b"\0\0"),
        ("uuid", b"short"),
        ("timestamptz", b"\0"),
        ("numeric", b"\0\x01"),
        ("numeric", b"\x7f\xff\0\0\0\0\0\0"),
        ("numeric", b"\0\x01\0\0\0\0\0\0\x7f\xff"),
        ("jsonb", b"\x02{}"),
        ("jsonb", b""),
        ("text", b"\xff\xfe"),
        ("text", b"nul \0 inside"),
    ] {
        let mut raw = RawClient::start(server.address());
        raw.parse(&format!("SELECT $1::{cast}"));
        let mut bind = b"\0\0\0\x01\0\x01\0\x01".to_vec();
        bind.extend((value.len() as i32).to_be_bytes());
        bind.extend(value);
        bind.extend(b"\0\0");
        raw.send('B', &bind);
        raw.send('E', b"\0\0\0\0\0");
        let answers = raw.sync();
        assert!(answers.iter().any(|message| message.kind == 'E'), "{cast} {value:?}: {answers:?}");
    }
    assert_well(&mut server, &client, before, 64).await;
}

#[tokio::test]
async fn statements_that_are_too_deep_or_too_long() {
    let (mut server, client) = shop().await;
    let before = server.resident_bytes();
    let deep = format!("SELECT {}1{}", "(".repeat(50_000), ")".repeat(50_000));
    let long = format!("SELECT 1{}", " + 1".repeat(50_000));
    let not = format!("SELECT {} true", "NOT ".repeat(50_000));
    let arrays = format!(
        "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, amount, \
         metadata) VALUES ('shop', 'k', 'cash', 'sales', 5, '{}{}')",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    let unions = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(5_000));
    for statement in [deep, long, not, arrays, unions] {
        match client.simple_query(&statement).await {
            Ok(_) => {}
            Err(error) => {
                let known = ["54001", "54000", "42601", "22P02", "53200"];
                let code = sqlstate(&error);
                assert!(known.contains(&code.as_str()), "{}…: {}", &statement[..30], told(&error));
            }
        }
        assert!(server.is_running(), "{}… ended the server:\n{}", &statement[..30], server.log());
    }
    assert_well(&mut server, &client, before, 512).await;
}
