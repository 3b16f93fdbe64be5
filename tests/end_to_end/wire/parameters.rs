//! Parameters of every type a driver may send, one by one: declared or left open, in text and in
//! binary, in a SELECT and in an INSERT. The same messages go to PostgreSQL 15, and the answers must
//! be the same, bytes and all.

use crate::books::{ACCOUNTS, ASSETS};
use tests::{Message, Postgres, RawClient, Server};

const TEXT: i16 = 0;
const BINARY: i16 = 1;

/// A value in both of its forms.
struct Sample {
    /// As a cast writes it.
    kind: &'static str,
    oid: u32,
    text: String,
    binary: Vec<u8>,
}

fn sample(kind: &'static str, oid: u32, text: &str, binary: impl Into<Vec<u8>>) -> Sample {
    Sample { kind, oid, text: text.to_owned(), binary: binary.into() }
}

/// Base-10,000 digits with the weight of the first, sign 0, as many decimals.
fn numeric(weight: i16, decimals: i16, digits: &[i16]) -> Vec<u8> {
    let count = i16::try_from(digits.len()).expect("a number has few digits");
    let head = [count, weight, 0, decimals];
    head.iter().chain(digits).flat_map(|each| each.to_be_bytes()).collect()
}

fn array(element: u32, values: &[Option<Vec<u8>>]) -> Vec<u8> {
    let has_nulls = i32::from(values.iter().any(Option::is_none));
    let length = i32::try_from(values.len()).expect("arrays of tests are short");
    let mut bytes: Vec<u8> = [1i32, has_nulls].iter().flat_map(|each| each.to_be_bytes()).collect();
    bytes.extend(element.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(1i32.to_be_bytes());
    values.iter().for_each(|value| push_value(&mut bytes, value.as_deref()));
    bytes
}

fn push_value(out: &mut Vec<u8>, value: Option<&[u8]>) {
    let length = value.map_or(-1, |value| i32::try_from(value.len()).expect("values are short"));
    out.extend(length.to_be_bytes());
    out.extend(value.unwrap_or_default());
}

const UUID: [u8; 16] = [1, 0x8f, 0x2b, 0x6e, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 7];

fn samples() -> Vec<Sample> {
    let most = numeric(9, 0, &[99, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999]);
    let micros = |value: i64| value.to_be_bytes().to_vec();
    let interval = [&2_000_000i64.to_be_bytes()[..], &1i32.to_be_bytes(), &14i32.to_be_bytes()];
    vec![
        sample("bool", 16, "t", [1]),
        sample("bytea", 17, "\\x00ff", [0, 255]),
        sample("int2", 21, "-7", (-7i16).to_be_bytes()),
        sample("int4", 23, "2147483647", i32::MAX.to_be_bytes()),
        sample("int8", 20, "-9223372036854775808", i64::MIN.to_be_bytes()),
        sample("float4", 700, "1.5", 1.5f32.to_be_bytes()),
        sample("float8", 701, "-2.25", (-2.25f64).to_be_bytes()),
        sample("numeric", 1700, "99999999999999999999999999999999999999", most.clone()),
        sample("numeric", 1700, "0.000001", numeric(-2, 6, &[100])),
        sample("numeric", 1700, "1500.00", numeric(0, 2, &[1500])),
        sample("text", 25, "účet", "účet".as_bytes()),
        sample("varchar", 1043, "x y", *b"x y"),
        sample("uuid", 2950, "018f2b6e-0000-7000-8000-000000000007", UUID),
        sample("json", 114, "{\"n\":  1}", *b"{\"n\":  1}"),
        sample("jsonb", 3802, "[1]", *b"\x01[1]"),
        sample("date", 1082, "1993-01-02", (-2555i32).to_be_bytes()),
        sample("timestamp", 1114, "2000-01-01 00:00:01.000002", micros(1_000_002)),
        sample("timestamptz", 1184, "2000-01-01 00:00:01.000002+00", micros(1_000_002)),
        sample("interval", 1186, "1 year 2 mons 1 day 00:00:02", interval.concat()),
        sample("text[]", 1009, "{a,NULL,\"b,c\"}", {
            array(25, &[Some(b"a".to_vec()), None, Some(b"b,c".to_vec())])
        }),
        sample("int4[]", 1007, "{1,NULL}", array(23, &[Some(1i32.to_be_bytes().into()), None])),
        sample("int8[]", 1016, "{-1}", array(20, &[Some((-1i64).to_be_bytes().into())])),
        sample("numeric[]", 1231, "{99999999999999999999999999999999999999,NULL}", {
            array(1700, &[Some(most), None])
        }),
        sample("bool[]", 1000, "{t,f}", array(16, &[Some(vec![1]), Some(vec![0])])),
    ]
}

/// Parse, Describe, Bind, Execute and Sync of a statement with one parameter.
fn ask(
    client: &mut RawClient,
    statement: &str,
    oid: u32,
    value: (i16, Option<&[u8]>),
    result: i16,
) -> Vec<String> {
    let zero_ended = |texts: &[&str]| -> Vec<u8> {
        texts.iter().flat_map(|text| text.bytes().chain([0])).collect()
    };
    let mut parse = zero_ended(&["", statement]);
    parse.extend(1i16.to_be_bytes());
    parse.extend(oid.to_be_bytes());
    client.send('P', &parse);
    client.send('D', b"S\0");
    let mut bind = zero_ended(&["", ""]);
    bind.extend([1i16, value.0, 1].iter().flat_map(|each| each.to_be_bytes()));
    push_value(&mut bind, value.1);
    bind.extend([1i16, result].iter().flat_map(|each| each.to_be_bytes()));
    client.send('B', &bind);
    client.send('E', &[0, 0, 0, 0, 0]);
    client.sync().iter().map(told).collect()
}

/// A varchar without a length may be called a text.
fn plain((name, oid): (String, u32)) -> (String, u32) {
    (name, if oid == 1043 { 25 } else { oid })
}

/// What must be the same on both servers.
fn told(message: &Message) -> String {
    match message.kind {
        'E' => format!("error {}", message.sqlstate()),
        'T' => {
            format!("columns {:?}", message.columns().into_iter().map(plain).collect::<Vec<_>>())
        }
        kind => format!("{kind} {:?}", message.body),
    }
}

#[test]
fn a_parameter_of_every_type_comes_back_as_postgres_sends_it() {
    let (server, postgres) = (Server::start(), Postgres::shared());
    let (mut ours, mut theirs) = (RawClient::start(server.address()), postgres.raw());
    let mut wrong = Vec::new();
    for sample in samples() {
        let statement = format!("SELECT $1::{} AS value", sample.kind);
        for oid in [0, sample.oid] {
            for result in [TEXT, BINARY] {
                for value in [
                    (TEXT, Some(sample.text.as_bytes())),
                    (BINARY, Some(sample.binary.as_slice())),
                    (TEXT, None),
                ] {
                    let expected = ask(&mut theirs, &statement, oid, value, result);
                    let got = ask(&mut ours, &statement, oid, value, result);
                    if got != expected {
                        wrong.push(format!(
                            "{statement} of {:?}, declared {oid}, result format {result}:\n  \
                             expected {expected:?}\n  got      {got:?}",
                            value
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// A column of `transfers`, and the types that its parameter may be declared with.
const COLUMNS: [(&str, &[&str]); 5] = [
    ("idempotency_key", &["text", "varchar"]),
    ("amount", &["int2", "int4", "int8", "numeric"]),
    ("occurred_at", &["timestamptz", "timestamp", "date"]),
    ("metadata", &["jsonb"]),
    ("tx_id", &["uuid"]),
];

/// What a column takes: not the extremes that other rules refuse.
fn taken(column: &str, sample: &Sample) -> bool {
    match column {
        "amount" => matches!(sample.text.as_str(), "2147483647" | "1500.00"),
        _ => true,
    }
}

/// A key is taken once only.
fn unrepeated(column: &str, sample: &Sample, number: u8) -> Sample {
    let (kind, oid) = (sample.kind, sample.oid);
    let (text, binary) = match column {
        "idempotency_key" => {
            let text = format!("{}{number}", sample.text);
            (text.clone(), text.into_bytes())
        }
        "tx_id" => {
            let mut id = UUID;
            id[15] = number;
            (format!("018f2b6e-0000-7000-8000-0000000000{number:02x}"), id.to_vec())
        }
        _ => (sample.text.clone(), sample.binary.clone()),
    };
    Sample { kind, oid, text, binary }
}

#[test]
fn a_parameter_of_every_type_is_posted_as_postgres_stores_it() {
    let (server, postgres) = (Server::start(), Postgres::shared());
    let (mut ours, mut theirs) = (RawClient::start(server.address()), postgres.raw());
    // The reference ledger has the assets already.
    for answers in [ours.query(ASSETS), ours.query(ACCOUNTS), theirs.query(ACCOUNTS)] {
        assert!(answers.iter().all(|message| message.kind != 'E'), "{answers:?}");
    }
    let mut wrong = Vec::new();
    let mut number = 0u8;
    for (column, kinds) in COLUMNS {
        let fitting = samples().into_iter().filter(|sample| kinds.contains(&sample.kind));
        for sample in fitting.filter(|sample| taken(column, sample)) {
            for (oid, format) in [(0, TEXT), (sample.oid, TEXT), (sample.oid, BINARY)] {
                number += 1;
                let key = format!("key-{number}");
                let sample = unrepeated(column, &sample, number);
                let value = |name: &str, other: &str| {
                    if name == column { "$1".to_owned() } else { other.to_owned() }
                };
                let statement = format!(
                    "INSERT INTO transfers (book, idempotency_key, debit_account, credit_account, \
                     amount, occurred_at, metadata, tx_id) \
                     VALUES ('shop', {}, 'cash', 'sales', {}, {}, {}, {})",
                    value("idempotency_key", &format!("'{key}'")),
                    value("amount", "5"),
                    value("occurred_at", "NULL"),
                    value("metadata", "'{}'"),
                    value("tx_id", &format!("'018f2b6e-0000-7000-8000-00000001{number:04}'")),
                );
                let sent: &[u8] =
                    if format == TEXT { sample.text.as_bytes() } else { &sample.binary };
                let read = format!(
                    "SELECT amount, occurred_at, metadata FROM transfers \
                     WHERE idempotency_key IN ('{key}', '{}')",
                    sample.text.replace('\'', "''")
                );
                let mut both = Vec::new();
                for client in [&mut theirs, &mut ours] {
                    let mut answers = ask(client, &statement, oid, (format, Some(sent)), TEXT);
                    answers.extend(client.query(&read).iter().map(told));
                    both.push(answers);
                }
                if both[0] != both[1] {
                    wrong.push(format!(
                        "{column} as {} (declared {oid}, format {format}):\n  expected {:?}\n  \
                         got      {:?}",
                        sample.kind, both[0], both[1]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
