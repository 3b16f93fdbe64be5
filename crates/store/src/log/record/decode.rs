//! JSON back to events. Trusts nothing: every name, number and kind is checked again.

use ledger::{
    AccountChange, AccountKind, AccountOpening, AccountPath, Asset, AssetClass, AssetId, BookName,
    Direction, Event, EventBody, IdempotencyKey, JsonDocument, Lsn, Posting, Seq, Timestamp,
    Transaction, Uuid,
};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

/// What a frame's payload says.
#[derive(Debug, PartialEq)]
pub(crate) enum Decoded {
    Events {
        durable: Lsn,
        events: Vec<Arc<Event>>,
    },
    /// The closing frame of a clean stop.
    Closed {
        durable: Lsn,
    },
}

/// A payload with a good checksum that this version cannot have written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DecodeError(pub(crate) String);

impl<E: std::fmt::Display> From<E> for DecodeError {
    fn from(error: E) -> Self {
        DecodeError(error.to_string())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameRecord<'a> {
    #[serde(default)]
    closed: bool,
    at: Option<i64>,
    #[serde(borrow, default)]
    events: Vec<EventRecord<'a>>,
    durable: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventRecord<'a> {
    lsn: u64,
    #[serde(borrow)]
    book: Cow<'a, str>,
    seq: u64,
    kind: Cow<'a, str>,
    body: BodyRecord<'a>,
}

/// The fields of every kind of body; which ones belong is decided by the event's kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyRecord<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    class: Option<Cow<'a, str>>,
    network: Option<String>,
    native_id: Option<String>,
    precision: Option<u8>,
    name: Option<String>,
    path: Option<Cow<'a, str>>,
    asset: Option<Cow<'a, str>>,
    account_kind: Option<Cow<'a, str>>,
    min_balance: Option<Cow<'a, str>>,
    no_min_balance: Option<bool>,
    closed: Option<bool>,
    metadata: Option<serde_json::Value>,
    external_refs: Option<serde_json::Value>,
    tx_id: Option<Cow<'a, str>>,
    idempotency_key: Option<Cow<'a, str>>,
    occurred_at: Option<i64>,
    reverses: Option<Cow<'a, str>>,
    #[serde(default)]
    postings: Vec<PostingRecord<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostingRecord<'a> {
    #[serde(borrow)]
    account: Cow<'a, str>,
    asset: Cow<'a, str>,
    direction: Cow<'a, str>,
    amount: Cow<'a, str>,
}

pub(crate) fn decode(payload: &[u8]) -> Result<Decoded, DecodeError> {
    let record: FrameRecord<'_> = serde_json::from_slice(payload)?;
    let durable = Lsn(record.durable);
    if record.closed {
        return Ok(Decoded::Closed { durable });
    }
    let at = Timestamp(record.at.ok_or("a frame without \"at\"")?);
    if record.events.is_empty() {
        return Err(DecodeError::from("a frame without events"));
    }
    let events = record
        .events
        .into_iter()
        .map(|event| Ok(Arc::new(decode_event(event, at)?)))
        .collect::<Result<_, DecodeError>>()?;
    Ok(Decoded::Events { durable, events })
}

/// The time of a frame of events and where in its payload they begin, read off its first bytes
/// alone; `None` if they do not look like what [`super::open_frame`] writes.
pub(crate) fn frame_head(payload: &[u8]) -> Option<(Timestamp, usize)> {
    let rest = payload.strip_prefix(b"{\"at\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
    let at = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    let events = rest[digits..].strip_prefix(b",\"events\":[")?;
    Some((Timestamp(at), payload.len() - events.len()))
}

/// The first lsn of a frame of events, in the same way.
pub(crate) fn first_lsn(payload: &[u8]) -> Option<Lsn> {
    let (_, start) = frame_head(payload)?;
    let rest = payload[start..].strip_prefix(b"{\"lsn\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // What is at hand may end inside the number.
    rest.get(digits).filter(|byte| **byte == b',')?;
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok().map(Lsn)
}

/// The events of a frame one by one, without its head.
#[derive(Debug)]
pub(crate) struct Records<'a> {
    bytes: &'a [u8],
    position: usize,
}

/// Of a record that is stepped over.
#[derive(Deserialize)]
struct NumberedRecord {
    lsn: u64,
}

impl<'a> Records<'a> {
    /// Of bytes that begin with an event.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Records { bytes, position: 0 }
    }

    /// Where the next event begins, or they end.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Steps over an event; `None` behind the last.
    pub(crate) fn skip(&mut self) -> Result<Option<Lsn>, DecodeError> {
        Ok(self.next::<NumberedRecord>()?.map(|record| Lsn(record.lsn)))
    }

    /// The next event, of a frame of this time; `None` behind the last.
    pub(crate) fn read(&mut self, at: Timestamp) -> Result<Option<Event>, DecodeError> {
        self.next::<EventRecord<'a>>()?.map(|record| decode_event(record, at)).transpose()
    }

    fn next<T: Deserialize<'a>>(&mut self) -> Result<Option<T>, DecodeError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        if rest.first().is_none_or(|byte| *byte == b']') {
            return Ok(None);
        }
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<T>();
        let record = values.next().transpose()?;
        self.position += values.byte_offset();
        if self.bytes.get(self.position) == Some(&b',') {
            self.position += 1;
        }
        Ok(record)
    }
}

fn decode_event(record: EventRecord<'_>, at: Timestamp) -> Result<Event, DecodeError> {
    let body = match &*record.kind {
        "asset_registered" => EventBody::AssetRegistered(Arc::new(decode_asset(record.body)?)),
        "account_opened" => EventBody::AccountOpened(Arc::new(decode_opening(record.body)?)),
        "account_changed" => {
            let path = AccountPath::new(&required(record.body.path.clone(), "path")?)?;
            EventBody::AccountChanged { path, change: decode_change(record.body)? }
        }
        "transaction_posted" => {
            EventBody::TransactionPosted(Arc::new(decode_transaction(record.body)?))
        }
        kind => return Err(DecodeError(format!("unknown event kind \"{kind}\""))),
    };
    Ok(Event {
        lsn: Lsn(record.lsn),
        book: BookName::new(&record.book)?,
        seq: Seq(record.seq),
        at,
        body,
    })
}

fn decode_asset(body: BodyRecord<'_>) -> Result<Asset, DecodeError> {
    let class = required(body.class, "class")?;
    Ok(Asset {
        id: AssetId::new(&required(body.id, "id")?)?,
        class: AssetClass::parse(&class).ok_or_else(|| format!("unknown class \"{class}\""))?,
        network: body.network,
        native_id: body.native_id,
        precision: required(body.precision, "precision")?,
        name: required(body.name, "name")?,
    })
}

fn decode_opening(body: BodyRecord<'_>) -> Result<AccountOpening, DecodeError> {
    let kind = required(body.account_kind, "account_kind")?;
    Ok(AccountOpening {
        path: AccountPath::new(&required(body.path, "path")?)?,
        asset: AssetId::new(&required(body.asset, "asset")?)?,
        kind: AccountKind::parse(&kind).ok_or_else(|| format!("unknown kind \"{kind}\""))?,
        min_balance: body.min_balance.map(|text| decode_amount(&text)).transpose()?,
        metadata: decode_document(body.metadata)?.unwrap_or_default(),
    })
}

fn decode_change(body: BodyRecord<'_>) -> Result<AccountChange, DecodeError> {
    let min_balance = match (body.min_balance, body.no_min_balance) {
        (None, None | Some(false)) => None,
        (None, Some(true)) => Some(None),
        (Some(text), None | Some(false)) => Some(Some(decode_amount(&text)?)),
        (Some(_), Some(true)) => return Err(DecodeError::from("min_balance is set and removed")),
    };
    Ok(AccountChange {
        min_balance,
        metadata: decode_document(body.metadata)?,
        closed: body.closed,
    })
}

fn decode_transaction(body: BodyRecord<'_>) -> Result<Transaction, DecodeError> {
    let postings = body
        .postings
        .into_iter()
        .map(|record| {
            Ok(Posting {
                account: AccountPath::new(&record.account)?,
                asset: AssetId::new(&record.asset)?,
                direction: Direction::parse(&record.direction)
                    .ok_or_else(|| format!("unknown direction \"{}\"", record.direction))?,
                amount: decode_amount(&record.amount)?,
            })
        })
        .collect::<Result<_, DecodeError>>()?;
    Ok(Transaction {
        tx_id: Uuid::parse_str(&required(body.tx_id, "tx_id")?)?,
        idempotency_key: IdempotencyKey::new(&required(body.idempotency_key, "idempotency_key")?)?,
        occurred_at: body.occurred_at.map(Timestamp),
        metadata: decode_document(body.metadata)?.unwrap_or_default(),
        external_refs: decode_document(body.external_refs)?.unwrap_or_default(),
        reverses: body.reverses.map(|text| Uuid::parse_str(&text)).transpose()?,
        postings,
    })
}

fn decode_amount(text: &str) -> Result<i128, DecodeError> {
    Ok(text.parse()?)
}

fn decode_document(value: Option<serde_json::Value>) -> Result<Option<JsonDocument>, DecodeError> {
    Ok(value.as_ref().map(JsonDocument::from_value).transpose()?)
}

fn required<T>(value: Option<T>, field: &str) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError(format!("\"{field}\" is missing")))
}
