//! Every kind of event survives the way to disk and back; what is not ours is refused.

use super::*;
use ledger::*;
use std::sync::Arc;

fn event(lsn: u64, body: EventBody) -> Event {
    Event {
        lsn: Lsn(lsn),
        book: BookName::new("b\"\\ü").unwrap(),
        seq: Seq(lsn),
        at: Timestamp(1_700_000_000_000_001),
        body,
    }
}

fn bodies() -> Vec<EventBody> {
    let path = AccountPath::new("cash:\"eur\"").unwrap();
    let asset = AssetId::new("EUR").unwrap();
    let posting = |direction, amount| Posting {
        account: path.clone(),
        asset: asset.clone(),
        direction,
        amount,
    };
    vec![
        EventBody::AssetRegistered(Arc::new(Asset {
            id: asset.clone(),
            class: AssetClass::Crypto,
            network: Some("net\n".into()),
            native_id: None,
            precision: 38,
            name: "Euro".into(),
        })),
        EventBody::AccountOpened(Arc::new(AccountOpening {
            path: path.clone(),
            asset: asset.clone(),
            kind: AccountKind::Clearing,
            min_balance: Some(-AMOUNT_MAX),
            metadata: JsonDocument::parse(r#"{"n":1.2300,"deep":[{"x":null}]}"#).unwrap(),
        })),
        EventBody::AccountChanged {
            path: path.clone(),
            change: AccountChange {
                min_balance: Some(None),
                metadata: Some(JsonDocument::default()),
                closed: Some(true),
            },
        },
        EventBody::AccountChanged {
            path: path.clone(),
            change: AccountChange { min_balance: Some(Some(0)), metadata: None, closed: None },
        },
        EventBody::TransactionPosted(Arc::new(Transaction {
            tx_id: Uuid::from_u128(7),
            idempotency_key: IdempotencyKey::new("k'\"").unwrap(),
            occurred_at: Some(Timestamp(-5)),
            metadata: JsonDocument::parse("[1e400]").unwrap(),
            external_refs: JsonDocument::parse(r#"{"invoice":"7"}"#).unwrap(),
            reverses: Some(Uuid::from_u128(6)),
            postings: vec![
                posting(Direction::Debit, AMOUNT_MAX),
                posting(Direction::Credit, AMOUNT_MAX),
            ],
        })),
    ]
}

#[test]
fn events_survive_the_way_to_disk_and_back() {
    let events: Vec<Event> =
        bodies().into_iter().zip(1..).map(|(body, lsn)| event(lsn, body)).collect();
    let encoded: Vec<EncodedEvent> = events
        .iter()
        .map(|event| EncodedEvent::new(event.book.as_str(), event.seq, &event.body))
        .collect();
    let mut payload = Vec::new();
    open_frame(&mut payload, events[0].at, events[0].lsn, encoded.iter());
    let bound: usize = encoded.iter().map(EncodedEvent::frame_bytes_max).sum();
    assert!(payload.len() <= bound);
    assert_eq!(first_lsn(&payload), Some(events[0].lsn));
    payload.extend_from_slice(frame_tail(Lsn(9)).as_bytes());
    let expected =
        Decoded::Events { durable: Lsn(9), events: events.into_iter().map(Arc::new).collect() };
    assert_eq!(decode(&payload), Ok(expected));
}

#[test]
fn a_closing_frame_survives() {
    let payload = closing_payload(Lsn(3));
    assert_eq!(decode(payload.as_bytes()), Ok(Decoded::Closed { durable: Lsn(3) }));
}

#[test]
fn what_this_version_cannot_have_written_is_refused() {
    let cases = [
        (r#"{"at":1,"events":[],"durable":0}"#, "without events"),
        (r#"{"events":[],"durable":0}"#, "without \"at\""),
        (
            r#"{"at":1,"events":[{"lsn":1,"book":"b","seq":1,"kind":"account_merged","body":{}}],"durable":0}"#,
            "unknown event kind \"account_merged\"",
        ),
        (
            r#"{"at":1,"events":[{"lsn":1,"book":"b","seq":1,"kind":"account_opened","body":{"colour":1}}],"durable":0}"#,
            "unknown field `colour`",
        ),
        (r#"{"at":1,"events":[{"lsn":1}],"durable":0}"#, "missing field"),
        ("garbage", "expected value"),
    ];
    for (payload, problem) in cases {
        let error = decode(payload.as_bytes()).unwrap_err();
        assert!(error.0.contains(problem), "{payload}: {error:?}");
    }
}

/// A reader's window ends anywhere: half a number is no number.
#[test]
fn the_first_lsn_of_a_cut_payload_is_right_or_unknown() {
    let payload = br#"{"at":-17,"events":[{"lsn":1689,"book":"b"}]}"#;
    let known_from = payload.len() - br#""book":"b"}]}"#.len();
    for end in 0..=payload.len() {
        let expected = (end >= known_from).then_some(Lsn(1689));
        assert_eq!(first_lsn(&payload[..end]), expected, "{end} bytes");
    }
}
