//! Events to JSON.

use ledger::{
    AccountChange, AccountOpening, Asset, Event, EventBody, JsonDocument, Lsn, Posting, Seq,
    Timestamp, Transaction,
};
use std::fmt::Write as _;

/// An event as JSON from behind its lsn on, which alone is not known before it is staged.
#[derive(Debug)]
pub(crate) struct EncodedEvent(String);

/// What stands in front of it in a frame: `{"lsn":` and the number, and a comma.
const LSN_BYTES_MAX: usize = 32;

impl EncodedEvent {
    pub(crate) fn new(book: &str, seq: Seq, body: &EventBody) -> Self {
        let mut json = String::with_capacity(384);
        json.push_str(",\"book\":");
        push_string(&mut json, book);
        let _ = write!(json, ",\"seq\":{seq},\"kind\":\"{}\",\"body\":", body.kind());
        push_body(&mut json, body);
        json.push('}');
        EncodedEvent(json)
    }

    /// The bytes this event adds to its frame, at most.
    pub(crate) fn frame_bytes_max(&self) -> usize {
        self.0.len() + LSN_BYTES_MAX
    }
}

/// An event's payload for readers: its body as it stands in the log.
pub fn event_payload(event: &Event) -> String {
    let mut json = String::new();
    push_body(&mut json, &event.body);
    json
}

/// The postings of a transaction as a JSON array; amounts are strings.
pub fn postings_json(postings: &[Posting]) -> String {
    let mut json = String::with_capacity(postings.len() * 96);
    push_postings(&mut json, postings);
    json
}

/// Everything of a frame but the `durable` mark, which is known only when its cycle is written.
/// Its events get lsns from `first` on.
pub(crate) fn open_frame<'a>(
    out: &mut Vec<u8>,
    at: Timestamp,
    first: Lsn,
    events: impl Iterator<Item = &'a EncodedEvent>,
) {
    let mut numbers = itoa::Buffer::new();
    out.extend_from_slice(b"{\"at\":");
    out.extend_from_slice(numbers.format(at.0).as_bytes());
    out.extend_from_slice(b",\"events\":[");
    for (EncodedEvent(json), lsn) in events.zip(first.0..) {
        if lsn > first.0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"lsn\":");
        out.extend_from_slice(numbers.format(lsn).as_bytes());
        out.extend_from_slice(json.as_bytes());
    }
    out.push(b']');
}

/// The end of a frame that [`open_frame`] began.
pub(crate) fn frame_tail(durable: Lsn) -> String {
    format!(",\"durable\":{durable}}}")
}

/// The frame that a clean stop leaves behind.
pub(crate) fn closing_payload(durable: Lsn) -> String {
    format!("{{\"closed\":true,\"durable\":{durable}}}")
}

fn push_body(json: &mut String, body: &EventBody) {
    match body {
        EventBody::AssetRegistered(asset) => push_asset(json, asset),
        EventBody::AccountOpened(opening) => push_opening(json, opening),
        EventBody::AccountChanged { path, change } => {
            json.push_str("{\"path\":");
            push_string(json, path.as_str());
            push_change(json, change);
        }
        EventBody::TransactionPosted(transaction) => push_transaction(json, transaction),
    }
    json.push('}');
}

fn push_asset(json: &mut String, asset: &Asset) {
    json.push_str("{\"id\":");
    push_string(json, asset.id.as_str());
    let _ = write!(json, ",\"class\":\"{}\"", asset.class);
    for (name, text) in [("network", &asset.network), ("native_id", &asset.native_id)] {
        if let Some(text) = text {
            let _ = write!(json, ",\"{name}\":");
            push_string(json, text);
        }
    }
    let _ = write!(json, ",\"precision\":{},\"name\":", asset.precision);
    push_string(json, &asset.name);
}

fn push_opening(json: &mut String, opening: &AccountOpening) {
    json.push_str("{\"path\":");
    push_string(json, opening.path.as_str());
    json.push_str(",\"asset\":");
    push_string(json, opening.asset.as_str());
    let _ = write!(json, ",\"account_kind\":\"{}\"", opening.kind);
    if let Some(min_balance) = opening.min_balance {
        let _ = write!(json, ",\"min_balance\":\"{min_balance}\"");
    }
    push_document(json, "metadata", &opening.metadata);
}

fn push_change(json: &mut String, change: &AccountChange) {
    match change.min_balance {
        None => {}
        Some(None) => json.push_str(",\"no_min_balance\":true"),
        Some(Some(min_balance)) => {
            let _ = write!(json, ",\"min_balance\":\"{min_balance}\"");
        }
    }
    if let Some(metadata) = &change.metadata {
        let _ = write!(json, ",\"metadata\":{}", metadata.as_str());
    }
    if let Some(closed) = change.closed {
        let _ = write!(json, ",\"closed\":{closed}");
    }
}

fn push_transaction(json: &mut String, transaction: &Transaction) {
    let _ = write!(json, "{{\"tx_id\":\"{}\",\"idempotency_key\":", transaction.tx_id);
    push_string(json, transaction.idempotency_key.as_str());
    if let Some(occurred_at) = transaction.occurred_at {
        let _ = write!(json, ",\"occurred_at\":{}", occurred_at.0);
    }
    push_document(json, "metadata", &transaction.metadata);
    push_document(json, "external_refs", &transaction.external_refs);
    if let Some(reverses) = transaction.reverses {
        let _ = write!(json, ",\"reverses\":\"{reverses}\"");
    }
    json.push_str(",\"postings\":");
    push_postings(json, &transaction.postings);
}

fn push_postings(json: &mut String, postings: &[Posting]) {
    let mut numbers = itoa::Buffer::new();
    json.push('[');
    for (index, posting) in postings.iter().enumerate() {
        json.push_str(if index > 0 { ",{\"account\":" } else { "{\"account\":" });
        push_string(json, posting.account.as_str());
        json.push_str(",\"asset\":");
        push_string(json, posting.asset.as_str());
        json.push_str(",\"direction\":\"");
        json.push_str(posting.direction.as_str());
        json.push_str("\",\"amount\":\"");
        json.push_str(numbers.format(posting.amount));
        json.push_str("\"}");
    }
    json.push(']');
}

/// A document is left out where it is the default, an empty object.
fn push_document(json: &mut String, name: &str, document: &JsonDocument) {
    if document.as_str() != "{}" {
        let _ = write!(json, ",\"{name}\":{}", document.as_str());
    }
}

fn push_string(json: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        json.push_str(&serde_json::Value::from(text).to_string());
    } else {
        json.push('"');
        json.push_str(text);
        json.push('"');
    }
}
