//! Checking directories that are good, torn, damaged, foreign or in use.

mod damages;
mod parts;

use crate::fixture::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use store::verify::{Remedy, Severity, Step};
use store::*;

const ONE_SEGMENT: u64 = 1 << 30;

fn options(segment_bytes: u64) -> Options {
    Options { segment_bytes, ..Options::default() }
}

/// A ledger of some sales and a reversal, cleanly closed: with a closing frame and parts.
fn written(sales: usize, segment_bytes: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_with(dir.path(), options(segment_bytes)).unwrap();
    open_books(&ledger, &["a", "b"]);
    change_account(&ledger);
    for index in 0..sales {
        sell(&ledger, if index % 3 == 0 { "b" } else { "a" }, &format!("k{index}"), 1);
        if index == sales / 2 {
            ledger.checkpoint().unwrap();
        }
    }
    let sold = sell(&ledger, "a", "to be reversed", 7);
    reverse(&ledger, "back", &sold);
    dir
}

fn change_account(ledger: &Ledger) {
    let draft = Draft::ChangeAccount(AccountChangeDraft {
        book: BookName::user("a").unwrap(),
        path: AccountPath::new("cash").unwrap(),
        change: AccountChange {
            min_balance: Some(Some(0)),
            metadata: Some(JsonDocument::parse(r#"{"b": 1.50, "a": [true, "x"]}"#).unwrap()),
            closed: None,
        },
    });
    ledger.submit(&[draft]).wait().unwrap();
}

fn reverse(ledger: &Ledger, key: &str, event: &Event) {
    let EventBody::TransactionPosted(transaction) = &event.body else { panic!("{event:?}") };
    let draft = Draft::PostTransaction(TransactionDraft {
        book: event.book.clone(),
        tx_id: Uuid::now_v7(),
        idempotency_key: IdempotencyKey::new(key).unwrap(),
        occurred_at: Some(Timestamp(5)),
        metadata: JsonDocument::default(),
        external_refs: JsonDocument::default(),
        content: TransactionContent::Reversal(transaction.tx_id),
    });
    ledger.submit(&[draft]).wait().unwrap();
}

/// The log of a ledger as a SIGKILL leaves it, without parts.
fn killed(sales: usize, segment_bytes: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open_with(dir.path(), options(segment_bytes)).unwrap();
    open_books(&ledger, &["a"]);
    for index in 0..sales {
        sell(&ledger, "a", &format!("k{index}"), 1);
    }
    crash_copy(dir.path())
}

fn whole_copy(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for (path, bytes) in files(dir) {
        let to = copy.path().join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
    copy
}

/// Every file below a directory, by its path in it.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert(path.strip_prefix(dir).unwrap().to_owned(), bytes);
            }
        }
    }
    found
}

/// Checks, and checks that checking changed nothing.
fn checked(dir: &Path) -> VerifyReport {
    let before = files(dir);
    let mut last = 0;
    let report = verify(dir, &VerifyOptions::default(), &mut |progress| {
        assert!(progress.done_bytes > last && progress.done_bytes <= progress.total_bytes);
        last = progress.done_bytes;
    });
    assert!(files(dir) == before, "only read");
    report.unwrap()
}

#[track_caller]
fn assert_good(report: &VerifyReport) {
    assert_eq!(report.findings, [], "{report:#?}");
    assert_eq!((report.severity(), report.audited), (None, report.head));
    assert_eq!((report.events, report.parts_compared), (report.head.0, report.parts));
}

fn change(path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    edit(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// The segment at an index, negative ones from behind.
fn segment(dir: &Path, index: isize) -> PathBuf {
    let all = segments(dir);
    let index = if index < 0 { all.len() as isize + index } else { index };
    all[index as usize].clone()
}

fn offsets(path: &Path) -> Vec<usize> {
    frame_offsets(&fs::read(path).unwrap())
}

#[test]
fn a_clean_directory_has_no_findings() {
    for segment_bytes in [2_000, ONE_SEGMENT] {
        let dir = written(40, segment_bytes);
        let report = checked(dir.path());
        assert_good(&report);
        assert_eq!((report.transactions, report.books, report.accounts), (42, 3, 4));
        assert!(report.parts >= 2, "{report:#?}");
        // It ends with a closing frame, which is written again before anybody is answered.
        let steps: Vec<&Step> = report.next_start.iter().collect();
        assert!(matches!(steps[..], [Step::Rewrite { .. }]), "{steps:?}");
        Ledger::open(dir.path()).unwrap();
    }
}

#[test]
fn what_a_kill_leaves_is_good() {
    let report = checked(killed(20, 2_000).path());
    assert_good(&report);
    assert!(report.segments > 3);
    let does = |step: &Step| matches!(step, Step::Cut { .. } | Step::Rewrite { .. });
    assert!(report.next_start.iter().all(does), "{:?}", report.next_start);
}

#[test]
fn a_running_ledger_is_not_checked() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let check = || verify(dir.path(), &VerifyOptions::default(), &mut |_| {});
    let error = check().unwrap_err().to_string();
    assert!(error.ends_with(&format!("is in use by process {}", std::process::id())), "{error}");
    drop(ledger);
    check().unwrap();
}

#[test]
fn where_there_is_no_log_nothing_can_be_checked() {
    let dir = tempfile::tempdir().unwrap();
    let check = |dir: &Path| verify(dir, &VerifyOptions::default(), &mut |_| {});
    assert!(matches!(check(&dir.path().join("none")), Err(OpenError::Io { .. })));
    fs::create_dir(dir.path().join("log")).unwrap();
    assert!(matches!(check(dir.path()), Err(OpenError::Io { .. })));
}

#[test]
fn a_check_goes_on_behind_what_it_finds() {
    let dir = killed(30, 2_000);
    for index in [1, 3] {
        change(&segment(dir.path(), index), |bytes| bytes[300] ^= 1);
    }
    let report = checked(dir.path());
    let damaged: Vec<&Path> = report.findings.iter().map(|finding| &*finding.file).collect();
    assert_eq!(damaged, [segment(dir.path(), 1), segment(dir.path(), 3)]);
    assert!(report.audited < report.head, "what comes behind cannot be judged");
    let plan: Vec<String> = report.next_start.iter().map(Step::to_json).collect();
    assert!(plan[0].contains(r#""do":"refuse""#), "{plan:?}");
}

#[test]
fn every_flipped_bit_below_a_mark_is_found() {
    let whole = killed(4, ONE_SEGMENT);
    let path = segment(whole.path(), 0);
    let offsets = offsets(&path);
    let last_vouched = offsets[offsets.len() - 2];
    for place in (0..last_vouched).step_by(7) {
        let dir = crash_copy(whole.path());
        change(&segment(dir.path(), 0), |bytes| bytes[place] ^= 1 << (place % 8));
        let report = checked(dir.path());
        assert_eq!(report.severity(), Some(Severity::Damage), "byte {place}");
        let start = *offsets.iter().rfind(|offset| **offset <= place).unwrap();
        assert_eq!(report.findings[0].offset, Some(start as u64), "byte {place}");
    }
}

#[test]
fn a_torn_creation_and_a_torn_tail_are_foretold() {
    let whole = killed(5, ONE_SEGMENT);
    let (path, expected) = (segment(whole.path(), 0), ["keep_aside", "cut", "rewrite"]);
    let end = *offsets(&path).last().unwrap();
    change(&path, |bytes| bytes[end - 5..end].fill(0));
    let report = checked(whole.path());
    let done: Vec<String> = report.next_start.iter().map(Step::to_json).collect();
    for (step, name) in done.iter().zip(expected) {
        assert!(step.contains(&format!("\"do\":\"{name}\"")), "{done:?}");
    }
    let [Step::KeepAside { bytes, to, .. }, Step::Cut { length, .. }, ..] = &report.next_start[..]
    else {
        panic!("{done:?}")
    };
    drop(Ledger::open(whole.path()).unwrap());
    assert_eq!(fs::metadata(to).unwrap().len(), *bytes);
    let frames = offsets(&path);
    assert!(frames.contains(&(*length as usize)), "cut at {length}: {frames:?}");

    let next = checked(whole.path()).head.next();
    fs::write(whole.path().join("log").join(format!("segment-{:020}.log", next.0)), b"xx").unwrap();
    let report = checked(whole.path());
    assert_eq!(report.severity(), Some(Severity::Mended));
    assert!(matches!(report.next_start[..], [Step::KeepAside { .. }, Step::CreateAgain { .. }]));
    drop(Ledger::open(whole.path()).unwrap());
    assert_good(&checked(whole.path()));
}

#[test]
fn a_foreign_file_is_worth_a_word_and_no_more() {
    let dir = killed(1, ONE_SEGMENT);
    fs::write(dir.path().join("log/notes.txt"), "mine").unwrap();
    let report = checked(dir.path());
    assert_eq!(report.severity(), Some(Severity::Notice));
    assert_eq!(report.findings[0].remedy, Remedy::LeaveIt);
}
