//! Short ways to say what the tests are about.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::*;

pub(crate) fn asset(id: &str) -> Draft {
    Draft::RegisterAsset(Arc::new(Asset {
        id: AssetId::new(id).unwrap(),
        class: AssetClass::Fiat,
        network: None,
        native_id: None,
        precision: 2,
        name: id.to_owned(),
    }))
}

pub(crate) fn account(book: &str, path: &str, kind: AccountKind, min: Option<i128>) -> Draft {
    Draft::OpenAccount {
        book: BookName::user(book).unwrap(),
        opening: Arc::new(AccountOpening {
            path: AccountPath::new(path).unwrap(),
            asset: AssetId::new("EUR").unwrap(),
            kind,
            min_balance: min,
            metadata: JsonDocument::default(),
        }),
    }
}

pub(crate) fn transfer(book: &str, key: &str, debit: &str, credit: &str, amount: i128) -> Draft {
    let leg = |path: &str, direction| PostingDraft {
        account: AccountPath::new(path).unwrap(),
        asset: None,
        direction,
        amount,
    };
    Draft::PostTransaction(TransactionDraft {
        book: BookName::user(book).unwrap(),
        tx_id: Uuid::now_v7(),
        idempotency_key: IdempotencyKey::new(key).unwrap(),
        occurred_at: None,
        metadata: JsonDocument::default(),
        external_refs: JsonDocument::default(),
        content: TransactionContent::Postings(vec![
            leg(debit, Direction::Debit),
            leg(credit, Direction::Credit),
        ]),
    })
}

/// EUR, and in each book an asset account `cash` and an income account `sales`.
pub(crate) fn open_books(ledger: &Ledger, books: &[&str]) {
    ledger.submit(&[asset("EUR")]).wait().unwrap();
    for book in books {
        let accounts = [
            account(book, "cash", AccountKind::Asset, None),
            account(book, "sales", AccountKind::Income, None),
        ];
        ledger.submit(&accounts).wait().unwrap();
    }
}

pub(crate) fn sell(ledger: &Ledger, book: &str, key: &str, amount: i128) -> Arc<Event> {
    match ledger.submit(&[transfer(book, key, "cash", "sales", amount)]).wait().as_deref() {
        Ok([Outcome::Committed(event)]) => event.clone(),
        other => panic!("{key}: {other:?}"),
    }
}

pub(crate) fn balance(view: &View, book: &str, path: &str) -> i128 {
    view.account(book, path).unwrap().unwrap().totals.balance()
}

/// The directory as a SIGKILL would leave it: a copy, while the ledger is open.
pub(crate) fn crash_copy(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join("log")).unwrap();
    for file in segments(dir) {
        let to = copy.path().join("log").join(file.file_name().unwrap());
        std::fs::copy(file, to).unwrap();
    }
    copy
}

/// The segments of a directory, in order.
pub(crate) fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Offsets where frames begin in a segment, and where the last one ends.
pub(crate) fn frame_offsets(bytes: &[u8]) -> Vec<usize> {
    let mut offsets = vec![0];
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + 4) {
        let length = u32::from_le_bytes(header.try_into().unwrap()) as usize;
        if length == 0 {
            break;
        }
        at += 8 + length;
        offsets.push(at);
    }
    offsets
}

pub(crate) fn all_events(ledger: &Ledger) -> Vec<Arc<Event>> {
    let mut frames = ledger.subscribe(Following::All { from: Lsn(1) });
    std::iter::from_fn(move || frames.try_next().unwrap()).flat_map(|frame| frame.events).collect()
}
