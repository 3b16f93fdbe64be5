//! Names as 64-bit numbers, the same on every machine and for ever.

use ledger::{Event, EventBody, Lsn, Uuid};
use std::hash::Hasher as _;
use twox_hash::XxHash64;

/// Keeps the kinds of names apart; on disk, so never changed.
const IDEMPOTENCY_KEY_SEED: u64 = 1;
const TX_ID_SEED: u64 = 2;
const REVERSAL_SEED: u64 = 3;

/// The hash of a name, as `docs/format.md` defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KeyHash(pub(super) u64);

impl KeyHash {
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn of_key(book: &str, idempotency_key: &str) -> Self {
        in_book(IDEMPOTENCY_KEY_SEED, book, idempotency_key.as_bytes())
    }

    pub(crate) fn of_tx_id(tx_id: &Uuid) -> Self {
        KeyHash(XxHash64::oneshot(TX_ID_SEED, tx_id.as_bytes()))
    }

    /// Everything an event is found by: a transaction's key, its id, and what it reverses.
    pub(crate) fn names_of(event: &Event) -> impl Iterator<Item = KeyHash> + use<'_> {
        let transaction = match &event.body {
            EventBody::TransactionPosted(transaction) => Some(transaction),
            _ => None,
        };
        let book = event.book.as_str();
        transaction.into_iter().flat_map(move |transaction| {
            let key = KeyHash::of_key(book, transaction.idempotency_key.as_str());
            let reversal = transaction.reverses.map(|id| KeyHash::of_reversal(book, &id));
            [Some(key), Some(KeyHash::of_tx_id(&transaction.tx_id)), reversal].into_iter().flatten()
        })
    }

    /// Names the reversal of a transaction by what it reverses.
    pub(crate) fn of_reversal(book: &str, reversed: &Uuid) -> Self {
        in_book(REVERSAL_SEED, book, reversed.as_bytes())
    }
}

fn in_book(seed: u64, book: &str, name: &[u8]) -> KeyHash {
    let mut hasher = XxHash64::with_seed(seed);
    hasher.write(book.as_bytes());
    hasher.write(&[0]);
    hasher.write(name);
    KeyHash(hasher.finish())
}

/// A name's hash and the place of the event that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KeyEntry {
    pub(crate) hash: KeyHash,
    pub(crate) lsn: Lsn,
}

impl KeyEntry {
    pub(super) const BYTES: usize = 16;

    pub(in crate::history) fn to_bytes(self) -> [u8; Self::BYTES] {
        ((u128::from(self.lsn.0) << 64) | u128::from(self.hash.0)).to_le_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let both = u128::from_le_bytes(bytes);
        KeyEntry { hash: KeyHash(both as u64), lsn: Lsn((both >> 64) as u64) }
    }
}
