//! Parts whose checksums are right and whose content is not: what no reader would notice.

use super::shadow::Shadow;
use super::{Remedy, Severity, VerifyOptions, verify};
use crate::history::{HISTORY_DIR, PartContent, find_parts, write_part};
use crate::storage::Disk;
use crate::{Draft, Following, Ledger};
use ledger::{
    AccountKind, AccountOpening, AccountPath, Asset, AssetClass, AssetId, BookName, Direction,
    EventBody, IdempotencyKey, JsonDocument, Lsn, PostingDraft, Seq, TransactionContent,
    TransactionDraft, Uuid,
};
use std::path::Path;
use std::sync::Arc;

fn post(ledger: &Ledger) {
    let eur = AssetId::new("EUR").unwrap();
    let book = BookName::user("shop").unwrap();
    let path = |text| AccountPath::new(text).unwrap();
    let asset = Asset {
        id: eur.clone(),
        class: AssetClass::Fiat,
        network: None,
        native_id: None,
        precision: 2,
        name: "Euro".to_owned(),
    };
    ledger.submit(&[Draft::RegisterAsset(Arc::new(asset))]).wait().unwrap();
    for name in ["cash", "sales"] {
        let opening = AccountOpening {
            path: path(name),
            asset: eur.clone(),
            kind: AccountKind::Clearing,
            min_balance: None,
            metadata: JsonDocument::default(),
        };
        let open = Draft::OpenAccount { book: book.clone(), opening: Arc::new(opening) };
        ledger.submit(&[open]).wait().unwrap();
    }
    for index in 0..20 {
        let leg = |name, direction| PostingDraft {
            account: path(name),
            asset: None,
            direction,
            amount: 5,
        };
        let draft = TransactionDraft {
            book: book.clone(),
            tx_id: Uuid::now_v7(),
            idempotency_key: IdempotencyKey::new(&format!("k{index}")).unwrap(),
            occurred_at: None,
            metadata: JsonDocument::default(),
            external_refs: JsonDocument::default(),
            content: TransactionContent::Postings(vec![
                leg("cash", Direction::Debit),
                leg("sales", Direction::Credit),
            ]),
        };
        ledger.submit(&[Draft::PostTransaction(draft)]).wait().unwrap();
    }
}

/// What the only part of a directory holds, as it is written.
fn content_in(dir: &Path) -> PartContent {
    let ledger = Ledger::open(dir).unwrap();
    let mut frames = ledger.subscribe(Following::All { from: Lsn(1) });
    let frames = std::iter::from_fn(|| frames.try_next().unwrap());
    let events: Vec<_> = frames.flat_map(|frame| frame.events).collect();
    ledger.shutdown();
    drop(ledger);
    let store = store_in(dir);
    let found = find_parts(&Disk, &dir.join(HISTORY_DIR), &store).unwrap();
    let [part] = &found.chain[..] else { panic!("{} parts", found.chain.len()) };
    let mut shadow = Shadow::default();
    PartContent {
        store,
        first: part.first(),
        last: part.last(),
        end: part.end(),
        last_at: part.last_at(),
        postings: events.iter().flat_map(|event| shadow.apply(event).unwrap()).collect(),
        events,
        accounts: part.accounts().unwrap().collect::<Result<_, _>>().unwrap(),
        assets: part.assets().to_vec(),
        positions: part.positions().to_vec(),
    }
}

fn store_in(dir: &Path) -> String {
    let report = verify(dir, &VerifyOptions::default(), &mut |_| {}).unwrap();
    report.store.expect("a good directory tells its store")
}

/// A mistake that a part could have been made with, and the tables that show it.
type Mistake = (fn(&mut PartContent), &'static [&'static str]);

const MISTAKES: [Mistake; 9] = [
    (|_| {}, &[]),
    (|content| content.postings[3].totals_after.debits += 1, &["postings"]),
    (|content| drop(content.postings.pop()), &["postings"]),
    (|content| content.accounts[0].totals.credits += 1, &["accounts"]),
    (
        |content| Arc::make_mut(&mut content.accounts[0].opening).min_balance = Some(7),
        &["accounts"],
    ),
    (|content| content.accounts[0].last_posting = Some((Lsn(4), Seq(3))), &["accounts"]),
    (|content| content.assets.clear(), &["assets"]),
    (|content| content.positions[0].offset += 1, &["positions"]),
    (
        |content| {
            let event = Arc::make_mut(&mut content.events[8]);
            let EventBody::TransactionPosted(transaction) = &mut event.body else { panic!() };
            let key = IdempotencyKey::new("another").unwrap();
            Arc::make_mut(transaction).idempotency_key = key;
        },
        &["transactions", "keys"],
    ),
];

#[test]
fn a_wrong_part_with_good_checksums_is_found_and_would_be_believed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    post(&ledger);
    drop(ledger);
    let right = content_in(dir.path());
    for (index, (mistake, tables)) in MISTAKES.into_iter().enumerate() {
        let mut content = right.clone();
        mistake(&mut content);
        write_part(&Disk, &dir.path().join(HISTORY_DIR), &content).unwrap();
        let report = verify(dir.path(), &VerifyOptions::default(), &mut |_| {}).unwrap();
        if tables.is_empty() {
            assert_eq!(report.findings, [], "mistake {index}");
            continue;
        }
        let [finding] = &report.findings[..] else { panic!("{index}: {:#?}", report.findings) };
        assert_eq!(finding.remedy, Remedy::DeleteHistory, "mistake {index}");
        assert_eq!(report.severity(), Some(Severity::Damage));
        let expected = format!("the log has other {}", tables.join(", "));
        assert!(finding.problem.ends_with(&expected), "{index}: {}", finding.problem);
        // What the finding says to do.
        std::fs::remove_dir_all(dir.path().join(HISTORY_DIR)).unwrap();
        drop(Ledger::open(dir.path()).unwrap());
        let report = verify(dir.path(), &VerifyOptions::default(), &mut |_| {}).unwrap();
        assert_eq!((report.findings, report.parts), (vec![], 1));
    }
}
