//! Events come out of stretches as they come out of whole frames; nothing else comes out.

use super::*;
use crate::log::record::{Decoded, EncodedEvent, decode, frame_tail, open_frame};
use ledger::{
    AccountPath, AssetId, Direction, EventBody, IdempotencyKey, JsonDocument, Posting, Seq,
    Transaction, Uuid,
};

const FIRST: Lsn = Lsn(1_000);
const AT: Timestamp = Timestamp(1_700_000_000_000_001);

/// Each with metadata that looks like the end of an event and another one behind it.
fn bodies(count: u64) -> Vec<EventBody> {
    let posting = |direction| Posting {
        account: AccountPath::new("cash").unwrap(),
        asset: AssetId::new("EUR").unwrap(),
        direction,
        amount: 7,
    };
    let body = |index: u64| {
        let forged = FIRST.0 + index + 1;
        let metadata = format!(
            r#"{{"text":"}}}},{{\"lsn\":{forged},\"book\":","list":[{{"lsn":1}},{{"lsn":{forged},"book":"b"}}]}}"#
        );
        EventBody::TransactionPosted(Arc::new(Transaction {
            tx_id: Uuid::from_u128(u128::from(index)),
            idempotency_key: IdempotencyKey::new(&"k".repeat(1 + index as usize % 200)).unwrap(),
            occurred_at: None,
            metadata: JsonDocument::parse(&metadata).unwrap(),
            external_refs: JsonDocument::default(),
            reverses: None,
            postings: vec![posting(Direction::Debit), posting(Direction::Credit)],
        }))
    };
    (0..count).map(body).collect()
}

fn payload(count: u64) -> Vec<u8> {
    let bodies = bodies(count);
    let events: Vec<EncodedEvent> =
        bodies.iter().zip(1..).map(|(body, seq)| EncodedEvent::new("b", Seq(seq), body)).collect();
    let mut payload = Vec::new();
    open_frame(&mut payload, AT, FIRST, events.iter());
    payload.extend_from_slice(frame_tail(Lsn(FIRST.0 - 1)).as_bytes());
    payload
}

const OFFSET: u64 = 300;

fn bytes_of(payload: &[u8], place: &StretchPlace) -> Vec<u8> {
    let within = |offset: u64| usize::try_from(offset - OFFSET).unwrap();
    payload[within(place.bytes.start)..within(place.bytes.end)].to_vec()
}

#[test]
fn every_event_is_in_its_stretch_alone_and_after_others() {
    for count in [1, 2, 50, 3_000] {
        let payload = payload(count);
        let Ok(Decoded::Events { events, .. }) = decode(&payload) else { panic!("{count}") };
        let frame = LargeFrame::of(&payload, Lsn(1), OFFSET).unwrap().unwrap();
        assert_eq!(frame.stretches.len() > 1, count > 20, "{count}");
        let mut open: Option<OpenStretch> = None;
        for (event, lsn) in events.iter().zip(FIRST.0..) {
            let place = frame.place_of(Lsn(lsn)).unwrap();
            assert!(bytes_of(&payload, &place).len() < 2 * STRETCH_BYTES);
            let mut alone = OpenStretch::new(&place, bytes_of(&payload, &place)).unwrap();
            assert_eq!(alone.take(Lsn(lsn)).unwrap().as_ref(), Some(event));
            assert_eq!(alone.take(Lsn(lsn)).unwrap(), None, "it was taken");
            // Two of three, the rest is stepped over.
            if lsn % 3 != 0 {
                let found = match &mut open {
                    Some(open) => open.take(Lsn(lsn)).unwrap(),
                    None => None,
                };
                let found = found.or_else(|| {
                    let bytes = bytes_of(&payload, &place);
                    let next = open.insert(OpenStretch::new(&place, bytes).unwrap());
                    next.take(Lsn(lsn)).unwrap()
                });
                assert_eq!(found.as_ref(), Some(event));
            }
        }
        assert!(frame.place_of(Lsn(FIRST.0 - 1)).is_none());
        assert!(frame.place_of(Lsn(FIRST.0 + count)).is_none());
    }
}

#[test]
fn a_stretch_that_has_changed_is_refused() {
    let payload = payload(200);
    let frame = LargeFrame::of(&payload, Lsn(1), OFFSET).unwrap().unwrap();
    let place = frame.place_of(Lsn(FIRST.0 + 100)).unwrap();
    let bytes = bytes_of(&payload, &place);
    for index in (0..bytes.len()).step_by(97) {
        let mut damaged = bytes.clone();
        damaged[index] ^= 1;
        assert_eq!(OpenStretch::new(&place, damaged).unwrap_err(), "the checksum does not match");
    }
    assert!(OpenStretch::new(&place, bytes[..bytes.len() - 1].to_vec()).is_err());
}

#[test]
fn what_is_no_frame_of_events_has_no_stretches() {
    let good = payload(3);
    let text = String::from_utf8(good.clone()).unwrap();
    for other in ["", "{}", "{\"closed\":true,\"durable\":1}", "{\"at\":1,\"events\":["] {
        assert!(LargeFrame::of(other.as_bytes(), Lsn(1), OFFSET).unwrap().is_none(), "{other}");
    }
    for (what, bad) in [
        (
            "a gap",
            text.replacen(
                "{\"lsn\":1001,\"book\":\"b\",\"seq\"",
                "{\"lsn\":1007,\"book\":\"b\",\"seq\"",
                1,
            ),
        ),
        (
            "no number",
            text.replacen(
                "{\"lsn\":1002,\"book\":\"b\",\"seq\"",
                "{\"lsm\":1002,\"book\":\"b\",\"seq\"",
                1,
            ),
        ),
        ("cut off", text[..text.len() / 2].to_owned()),
    ] {
        assert_ne!(bad, text, "{what}");
        assert!(LargeFrame::of(bad.as_bytes(), Lsn(1), OFFSET).is_err(), "{what}");
    }
}

#[test]
fn the_frames_that_were_read_first_are_forgotten_first() {
    let frames = LargeFrames::default();
    let stretches = STRETCHES_MAX / 2;
    let frame = |first: u64| LargeFrame {
        segment: Lsn(1),
        offset: 0,
        at: AT,
        first: Lsn(first),
        events: stretches as u32,
        stretches: (0..stretches as u32)
            .map(|index| Stretch { start: index, crc: 0, index })
            .collect(),
        end: stretches as u32,
    };
    let step = stretches as u64;
    let known = |number: u64| frames.place_of(Lsn(number * step + 5)).is_some();
    for (number, expected) in [
        (2, [false, true, false]),
        (1, [true, true, false]),
        (1, [true, true, false]),
        (3, [true, false, true]),
        // What was just read stays, however early it is in the log.
        (2, [false, true, true]),
        (1, [true, true, false]),
    ] {
        frames.keep(frame(number * step));
        assert_eq!([1, 2, 3].map(known), expected, "after {number}");
    }
}
