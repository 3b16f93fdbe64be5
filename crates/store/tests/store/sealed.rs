//! History out of memory gives the same answers as history in memory: before and after parts are
//! written, rows are evicted, the ledger is opened again, and files are deleted or corrupted.

use crate::fixture::*;
use arrow_array::{
    Array as _, ArrayRef, Decimal128Array, FixedSizeBinaryArray, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::*;

/// A clock that stands still: recorded times follow from the order of commits alone, so that two
/// ledgers that are given the same groups hold the same events.
fn options(memory_budget_bytes: u64, checkpoint_every_events: u64) -> Options {
    Options {
        segment_bytes: 200_000,
        memory_budget_bytes,
        checkpoint_every_events,
        idempotency_hot_cap: 100,
        clock: Arc::new(|| Timestamp(0)),
        ..Options::default()
    }
}

fn everything_in_memory() -> Options {
    options(1 << 40, u64::MAX)
}

const PATHS: [&str; 5] = ["cash", "fees", "sales", "stock:a", "stock:b"];

fn sale(index: u64) -> Vec<Draft> {
    let book = if index.is_multiple_of(3) { "a" } else { "b" };
    let path = |salt: u64| PATHS[((index / 7 + salt) % 5) as usize];
    let mut draft = transfer(book, &format!("k{index}"), path(0), path(1 + index % 4), 1);
    if let Draft::PostTransaction(transaction) = &mut draft {
        transaction.tx_id = Uuid::from_u128(u128::from(index) + 1);
        transaction.metadata = JsonDocument::parse(&format!(r#"{{"n":{index}}}"#)).unwrap();
        transaction.occurred_at = index.is_multiple_of(2).then_some(Timestamp(index as i64));
    }
    match index % 50 {
        // One group over both books.
        7 => vec![draft, numbered_transfer("a", index, "x"), numbered_transfer("b", index, "y")],
        11 => vec![Draft::ChangeAccount(AccountChangeDraft {
            book: BookName::user("a").unwrap(),
            path: AccountPath::new("stock:b").unwrap(),
            change: AccountChange {
                metadata: Some(JsonDocument::parse(&format!(r#"{{"at":{index}}}"#)).unwrap()),
                ..AccountChange::default()
            },
        })],
        _ => vec![draft],
    }
}

fn numbered_transfer(book: &str, index: u64, suffix: &str) -> Draft {
    let mut draft = transfer(book, &format!("k{index}{suffix}"), "cash", "sales", 2);
    if let Draft::PostTransaction(transaction) = &mut draft {
        transaction.tx_id = Uuid::from_u128((1 << 64) + u128::from(index));
    }
    draft
}

fn fill(ledger: &Ledger, groups: std::ops::Range<u64>) {
    if groups.start == 0 {
        ledger.submit(&[asset("EUR")]).wait().unwrap();
        for book in ["a", "b"] {
            let accounts = PATHS.map(|path| account(book, path, AccountKind::Clearing, None));
            ledger.submit(&accounts).wait().unwrap();
        }
    }
    let groups: Vec<Vec<Draft>> = groups.map(sale).collect();
    for chunk in groups.chunks(100) {
        for ticket in ledger.batch(chunk) {
            ticket.wait().unwrap();
        }
    }
}

/// All that a reader can ask, at a few cuts, as text.
fn answers(ledger: &Ledger, groups: u64) -> BTreeSet<String> {
    let head = ledger.view().cut().0;
    let mut answers = BTreeSet::new();
    let cuts = [1, 11, head / 5, head / 2, head];
    for cut in cuts {
        let Some(view) = ledger.view_at(Lsn(cut)).unwrap() else { continue };
        answers.insert(format!("{cut} assets {:?}", view.assets()));
        answers.insert(format!("{cut} books {:?}", view.books().unwrap()));
        answers
            .insert(format!("{cut} accounts {:?}", view.accounts(&Selection::default()).unwrap()));
        for book in ["a", "b", "none"] {
            answers.insert(format!("{cut} {book} {:?}", view.trial_balance(book).unwrap()));
            for from in [1, 5, cut / 3, cut / 2] {
                let events = view.events_from(book, Seq(from), 7).unwrap();
                answers.insert(format!("{cut} {book} from {from} {events:?}"));
                for path in ["cash", "stock:b", "none"] {
                    let page = view.account_history(book, path, Seq(from), 5).unwrap();
                    answers.insert(format!("{cut} {book} {path} from {from} {page:?}"));
                }
            }
        }
        for index in [0, 7, 11, groups / 3, groups / 2, groups - 1, groups + 5] {
            for book in ["a", "b"] {
                let by_key = view.transaction_by_key(book, &format!("k{index}")).unwrap();
                answers.insert(format!("{cut} {book} key {index} {by_key:?}"));
            }
            let by_id = view.transactions_by_id(Uuid::from_u128(u128::from(index) + 1)).unwrap();
            answers.insert(format!("{cut} id {index} {by_id:?}"));
        }
        for (name, selection) in selections(cut) {
            answers.extend(rows(
                &format!("{cut} postings {name}"),
                &view,
                &selection,
                View::scan_postings,
                0..12,
            ));
            answers.extend(rows(
                &format!("{cut} transactions {name}"),
                &view,
                &selection,
                View::scan_transactions,
                0..11,
            ));
            answers.extend(rows(
                &format!("{cut} events {name}"),
                &view,
                &selection,
                View::scan_events,
                0..6,
            ));
        }
    }
    answers
}

fn selections(cut: u64) -> Vec<(&'static str, Selection)> {
    let all = Selection::default();
    let in_b = Selection { book: Some("b".into()), ..all.clone() };
    // Of the oldest and the newest, and one that is not there.
    let few = |middle: u64| OneOf::from_iter([1, 2, 3, middle, cut / 2, cut, u64::MAX]);
    let keys = few(cut / 3).values().iter().map(|number| format!("k{number}")).collect();
    let ids = few(cut / 3).values().iter().map(|id| Uuid::from_u128(u128::from(*id))).collect();
    let no_key = OneOf::from_iter([]);
    let paths = |paths: &[&str]| {
        PathSelection::OneOf(paths.iter().map(|path| (*path).to_owned()).collect())
    };
    vec![
        ("of an account", Selection { path: Some(PathSelection::exact("cash")), ..in_b.clone() }),
        (
            "by prefix",
            Selection { path: Some(PathSelection::Prefix("stock:".into())), ..in_b.clone() },
        ),
        ("by seq", Selection { seq: Some(cut / 4..=cut / 4 + 9), ..in_b.clone() }),
        ("by many seqs", Selection { seq: Some(cut / 9..=u64::MAX), ..in_b.clone() }),
        (
            "by key",
            Selection {
                idempotency_key: Some(OneOf::value(format!("k{}", cut / 2))),
                ..in_b.clone()
            },
        ),
        (
            "by id",
            Selection {
                tx_id: Some(OneOf::value(Uuid::from_u128(u128::from(cut / 2)))),
                ..all.clone()
            },
        ),
        (
            "of accounts",
            Selection { path: Some(paths(&["cash", "sales", "nowhere"])), ..in_b.clone() },
        ),
        (
            "of an account from a seq on",
            Selection {
                path: Some(PathSelection::exact("cash")),
                seq: Some(cut / 4..=u64::MAX),
                ..in_b.clone()
            },
        ),
        ("by seqs", Selection { seqs: Some(few(cut / 3)), ..in_b.clone() }),
        ("by keys", Selection { idempotency_key: Some(keys), ..in_b.clone() }),
        ("by ids", Selection { tx_id: Some(ids), ..all.clone() }),
        ("by no key", Selection { idempotency_key: Some(no_key), ..in_b.clone() }),
        ("by lsn", Selection { lsn: Some(cut / 2..=cut / 2 + 20), ..all.clone() }),
        ("by time", Selection { committed_at: Some(5..=20), ..all.clone() }),
        ("all", all),
    ]
}

/// The rows of a scan that the selection means: it may give more. Long answers are digested.
///
/// They are the same however the pieces of the scan are read.
pub(crate) fn rows(
    name: &str,
    view: &View,
    selection: &Selection,
    scan: impl Fn(&View, &Selection, &[usize]) -> Result<Scan, ReadError>,
    columns: impl IntoIterator<Item = usize>,
) -> BTreeSet<String> {
    let projection: Vec<usize> = columns.into_iter().collect();
    let scan = scan(view, selection, &projection).unwrap();
    let counted = scan.is_exact().then_some(scan.rows_max());
    let mut rows = Vec::new();
    let mut pieces = scan.into_pieces();
    // A batch of the last, then one of the first: as if several threads read them.
    while let Some(mut piece) = pieces.pop_back() {
        if let Some(batch) = piece.next() {
            rows.extend(lines(&batch.unwrap()));
            pieces.push_front(piece);
        }
    }
    assert!(counted.is_none_or(|counted| counted == rows.len()), "{name}: {counted:?}");
    let wanted = |row: &String| {
        let has = |text: &str| row.contains(&format!("\"{text}\""));
        let path = match &selection.path {
            Some(PathSelection::OneOf(paths)) => paths.values().iter().any(|path| has(path)),
            Some(PathSelection::Prefix(prefix)) => row.contains(&format!("\"{prefix}")),
            None => true,
        };
        path && selection.book.as_ref().is_none_or(|book| has(book))
    };
    rows.retain(wanted);
    rows.sort_unstable();
    if rows.len() > 50 {
        let mut digest = std::hash::DefaultHasher::new();
        std::hash::Hash::hash(&rows, &mut digest);
        let digest = std::hash::Hasher::finish(&digest);
        return BTreeSet::from([format!("{name}: {} rows, {digest:x}", rows.len())]);
    }
    rows.into_iter().map(|row| format!("{name}: {row}")).collect()
}

fn lines(batch: &RecordBatch) -> impl Iterator<Item = String> {
    (0..batch.num_rows()).map(|row| {
        let cells: Vec<String> = batch.columns().iter().map(|column| cell(column, row)).collect();
        cells.join(" ")
    })
}

fn cell(column: &ArrayRef, row: usize) -> String {
    let any = column.as_any();
    if column.is_null(row) {
        return "null".to_owned();
    }
    if let Some(texts) = any.downcast_ref::<StringArray>() {
        format!("{:?}", texts.value(row))
    } else if let Some(numbers) = any.downcast_ref::<Int64Array>() {
        numbers.value(row).to_string()
    } else if let Some(numbers) = any.downcast_ref::<Int32Array>() {
        numbers.value(row).to_string()
    } else if let Some(numbers) = any.downcast_ref::<Decimal128Array>() {
        numbers.value(row).to_string()
    } else if let Some(times) = any.downcast_ref::<TimestampMicrosecondArray>() {
        times.value(row).to_string()
    } else if let Some(bytes) = any.downcast_ref::<FixedSizeBinaryArray>() {
        format!("{:x?}", bytes.value(row))
    } else {
        panic!("a column of {}", column.data_type())
    }
}

#[track_caller]
fn assert_same(answers: &BTreeSet<String>, expected: &BTreeSet<String>, when: &str) {
    let missing = expected.difference(answers).next();
    let other = answers.difference(expected).next();
    assert!(
        missing.is_none() && other.is_none(),
        "{when}:\n  due:   {missing:?}\n  found: {other:?}"
    );
}

fn part_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(dir.join("history")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn sealing_evicting_and_opening_again_change_no_answer() {
    const GROUPS: u64 = 20_000;
    let reference_dir = tempfile::tempdir().unwrap();
    let reference = Ledger::open_with(reference_dir.path(), everything_in_memory()).unwrap();
    fill(&reference, 0..GROUPS);
    let expected = answers(&reference, GROUPS);

    let dir = tempfile::tempdir().unwrap();
    let small = options(8 << 20, 3_000);
    let ledger = Ledger::open_with(dir.path(), small.clone()).unwrap();
    fill(&ledger, 0..GROUPS);
    assert_same(&answers(&ledger, GROUPS), &expected, "while parts are made");
    ledger.checkpoint().unwrap();
    assert_same(&answers(&ledger, GROUPS), &expected, "after a checkpoint");
    assert_eq!(all_events(&ledger), all_events(&reference));
    drop(ledger);
    let ledger = Ledger::open_with(dir.path(), small.clone()).unwrap();
    assert_same(&answers(&ledger, GROUPS), &expected, "after opening again");
    assert_eq!(all_events(&ledger), all_events(&reference));
    drop(ledger);

    // Without parts, everything is read from the log, within the same budget.
    fs::remove_dir_all(dir.path().join("history")).unwrap();
    let ledger = Ledger::open_with(dir.path(), small).unwrap();
    assert_same(&answers(&ledger, GROUPS), &expected, "after the parts were deleted");
}

#[test]
fn keys_ids_and_reversals_are_known_for_ever() {
    const GROUPS: u64 = 3_000;
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_with(dir.path(), options(4 << 20, 500)).unwrap();
    fill(&ledger, 0..GROUPS);
    let reverse = |key: &str, reversed: u64| {
        let mut draft = transfer("a", key, "cash", "sales", 1);
        if let Draft::PostTransaction(transaction) = &mut draft {
            transaction.content =
                TransactionContent::Reversal(Uuid::from_u128(u128::from(reversed) + 1));
        }
        draft
    };
    ledger.submit(&[reverse("undo", 3)]).wait().unwrap();
    let before = ledger.view().cut();
    drop(ledger);
    let ledger = Ledger::open_with(dir.path(), options(4 << 20, 500)).unwrap();
    for index in (0..GROUPS).filter(|index| index % 50 != 11) {
        let outcomes = ledger.submit(&sale(index)).wait().unwrap();
        let replayed = |outcome: &Outcome| matches!(outcome, Outcome::Replayed(_));
        assert!(outcomes.iter().all(replayed), "{index}: {outcomes:?}");
    }
    let rejection = |draft: Draft| match ledger.submit(&[draft]).wait() {
        Err(CommitError::Rejected { rejection, .. }) => rejection,
        other => panic!("{other:?}"),
    };
    let twice = rejection(reverse("again", 3));
    assert!(matches!(twice, Rejection::AlreadyReversed { .. }), "{twice:?}");
    let conflict = rejection(transfer("a", "k3", "cash", "sales", 99));
    assert!(matches!(conflict, Rejection::IdempotencyKeyConflict { .. }), "{conflict:?}");
    let mut taken = transfer("a", "new", "cash", "sales", 1);
    if let Draft::PostTransaction(transaction) = &mut taken {
        transaction.tx_id = Uuid::from_u128(4);
    }
    let taken = rejection(taken);
    assert!(matches!(taken, Rejection::TxIdTaken { .. }), "{taken:?}");
    assert_eq!(ledger.view().cut(), before, "nothing was posted");
}

#[test]
fn a_corrupted_file_costs_time_and_no_answer() {
    const GROUPS: u64 = 300;
    let dir = tempfile::tempdir().unwrap();
    let setup = || options(1 << 30, u64::MAX);
    let ledger = Ledger::open_with(dir.path(), setup()).unwrap();
    // Three parts, of which later ones rest on the sums of earlier ones.
    for third in 0..3 {
        fill(&ledger, third * GROUPS / 3..(third + 1) * GROUPS / 3);
        ledger.checkpoint().unwrap();
    }
    let expected = answers(&ledger, GROUPS);
    drop(ledger);
    let flip = |path: &Path, place: usize| {
        let mut bytes = fs::read(path).unwrap();
        let place = place.min(bytes.len() - 1);
        bytes[place] ^= 0x40;
        // In place: an open ledger reads the same file.
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).unwrap();
    };
    let suffixes =
        ["accounts", "keys", "positions", "postings", "sequence", "transactions", "json"];
    for (suffix, place) in suffixes.iter().flat_map(|suffix| [(suffix, 700), (suffix, usize::MAX)])
    {
        // What was made again may have another range, so the file is looked for each time.
        let first_of_kind = || {
            let mut files = part_files(dir.path()).into_iter();
            files.find(|path| path.extension().is_some_and(|found| found == *suffix)).unwrap()
        };
        flip(&first_of_kind(), place);
        let ledger = Ledger::open_with(dir.path(), setup()).unwrap();
        let when = format!("{suffix} corrupted at {place} before the start");
        assert_same(&answers(&ledger, GROUPS), &expected, &when);
        drop(ledger);
        let ledger = Ledger::open_with(dir.path(), setup()).unwrap();
        flip(&first_of_kind(), place);
        let when = format!("{suffix} corrupted at {place} under an open ledger");
        assert_same(&answers(&ledger, GROUPS), &expected, &when);
        drop(ledger);
    }
}

#[test]
fn everything_at_once_corrupted_or_deleted_under_an_open_ledger() {
    const GROUPS: u64 = 1_500;
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_with(dir.path(), options(1 << 30, u64::MAX)).unwrap();
    for third in 0..3 {
        fill(&ledger, third * GROUPS / 3..(third + 1) * GROUPS / 3);
        ledger.checkpoint().unwrap();
    }
    let expected = answers(&ledger, GROUPS);
    drop(ledger);
    let ledger = Ledger::open_with(dir.path(), options(1 << 30, u64::MAX)).unwrap();
    for path in part_files(dir.path()) {
        let length = fs::metadata(&path).unwrap().len() as usize;
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &vec![0xff; length], 0).unwrap();
    }
    assert_same(&answers(&ledger, GROUPS), &expected, "all parts overwritten");
    fs::remove_dir_all(dir.path().join("history")).unwrap();
    assert_same(&answers(&ledger, GROUPS), &expected, "the folder deleted");
}

/// A budget smaller than what leaves memory at once must not make a part of every frame.
#[test]
fn a_start_without_parts_makes_few_of_them_however_small_the_budget() {
    use crate::hostile::disk::{FakeDisk, Loss};
    const GROUPS: u64 = 1_000;
    let disk = FakeDisk::default();
    let on = |disk: &FakeDisk, options: Options| {
        Ledger::open_with("/data", Options { storage: Arc::new(disk.clone()), ..options }).unwrap()
    };
    let ledger = on(&disk, everything_in_memory());
    fill(&ledger, 0..GROUPS);
    let killed = disk.after(Loss::Process);
    let restarted = on(&killed, options(1 << 20, GROUPS / 10));
    assert_eq!(all_events(&restarted), all_events(&ledger));
    let is_manifest =
        |operation: &&String| operation.starts_with("rename") && operation.ends_with(".json");
    let parts = killed.operations().iter().filter(is_manifest).count();
    assert!(parts < 50, "{parts} parts of {GROUPS} groups");
}
