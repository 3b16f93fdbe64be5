//! Events to JSON.

use ledger::{
    AccountChange, AccountOpening, Asset, Event, EventBody, JsonDocument, Lsn, Posting, Seq,
    Timestamp, Transaction,
};
use std::fmt::Write as _;

/// An event's kind and body as JSON: all of it that does not depend on its place in the log.
#[derive(Debug)]
pub(crate) struct EncodedBody {
    kind: &'static str,
    json: String,
}

impl EncodedBody {
    /// An upper bound of the bytes this event adds to its frame.
    pub(crate) fn frame_bytes_max(&self, book: &str) -> usize {
        // Field names and three numbers take under 160 bytes; a control-free name can double at
        // most when its quotes and backslashes are escaped.
        self.json.len() + 2 * book.len() + 160
    }
}

pub(crate) fn encode_body(body: &EventBody) -> EncodedBody {
    EncodedBody { kind: body.kind(), json: body_json(body) }
}

/// An event's payload for readers: its body as it stands in the log.
pub fn event_payload(event: &Event) -> String {
    body_json(&event.body)
}

/// The postings of a transaction as a JSON array; amounts are strings.
pub fn postings_json(postings: &[Posting]) -> String {
    let mut json = String::with_capacity(postings.len() * 96);
    push_postings(&mut json, postings);
    json
}

/// Everything of a frame but the `durable` mark, which is known only when its cycle is written.
pub(crate) fn open_frame<'a>(
    out: &mut Vec<u8>,
    at: Timestamp,
    events: impl Iterator<Item = (Lsn, &'a str, Seq, &'a EncodedBody)>,
) {
    let mut json = String::with_capacity(512);
    let _ = write!(json, "{{\"at\":{},\"events\":[", at.0);
    for (index, (lsn, book, seq, body)) in events.enumerate() {
        if index > 0 {
            json.push(',');
        }
        let _ = write!(json, "{{\"lsn\":{lsn},\"book\":");
        push_string(&mut json, book);
        let _ = write!(json, ",\"seq\":{seq},\"kind\":\"{}\",\"body\":{}}}", body.kind, body.json);
    }
    json.push(']');
    out.extend_from_slice(json.as_bytes());
}

/// The end of a frame that [`open_frame`] began.
pub(crate) fn frame_tail(durable: Lsn) -> String {
    format!(",\"durable\":{durable}}}")
}

/// The frame that a clean stop leaves behind.
pub(crate) fn closing_payload(durable: Lsn) -> String {
    format!("{{\"closed\":true,\"durable\":{durable}}}")
}

fn body_json(body: &EventBody) -> String {
    let mut json = String::with_capacity(256);
    match body {
        EventBody::AssetRegistered(asset) => push_asset(&mut json, asset),
        EventBody::AccountOpened(opening) => push_opening(&mut json, opening),
        EventBody::AccountChanged { path, change } => {
            json.push_str("{\"path\":");
            push_string(&mut json, path.as_str());
            push_change(&mut json, change);
        }
        EventBody::TransactionPosted(transaction) => push_transaction(&mut json, transaction),
    }
    json.push('}');
    json
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
    json.push('[');
    for (index, posting) in postings.iter().enumerate() {
        json.push_str(if index > 0 { ",{\"account\":" } else { "{\"account\":" });
        push_string(json, posting.account.as_str());
        json.push_str(",\"asset\":");
        push_string(json, posting.asset.as_str());
        let _ = write!(
            json,
            ",\"direction\":\"{}\",\"amount\":\"{}\"}}",
            posting.direction, posting.amount
        );
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
