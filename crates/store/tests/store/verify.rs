//! Checking directories that are good, torn, damaged, foreign or in use.

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

/// What happens to a directory.
type Damage = fn(&Path);

/// The segment at an index, negative ones from behind.
fn segment(dir: &Path, index: isize) -> PathBuf {
    let all = segments(dir);
    let index = if index < 0 { all.len() as isize + index } else { index };
    all[index as usize].clone()
}

fn offsets(path: &Path) -> Vec<usize> {
    frame_offsets(&fs::read(path).unwrap())
}

fn replace_frame(path: &Path, index: usize, edit: impl FnOnce(String) -> String) {
    let offsets = offsets(path);
    let range = offsets[index]..offsets[index + 1];
    change(path, |bytes| {
        let payload = String::from_utf8(bytes[range.start + 8..range.end].to_vec()).unwrap();
        let payload = edit(payload);
        let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
        frame.extend(crc32fast::hash(payload.as_bytes()).to_le_bytes());
        frame.extend(payload.as_bytes());
        bytes.splice(range, frame);
    });
}

/// Damage to a log of many segments, what is said of it, and in which segment.
const DAMAGES: [(&str, Damage, isize, &str, Remedy); 16] = [
    (
        "a flipped bit in a sealed segment",
        |dir| change(&segment(dir, 1), |bytes| bytes[300] ^= 1),
        1,
        "the checksum does not match",
        Remedy::RestoreFile,
    ),
    (
        "a flipped bit in a length in the middle of the last segment",
        |dir| {
            let path = segment(dir, -1);
            let start = offsets(&path)[1];
            change(&path, |bytes| bytes[start + 2] ^= 0x10);
        },
        -1,
        "good frames go on at offset",
        Remedy::RestoreFile,
    ),
    (
        "a sealed segment cut inside a frame",
        |dir| change(&segment(dir, 1), |bytes| bytes.truncate(bytes.len() - 10)),
        1,
        "cut off",
        Remedy::RestoreFile,
    ),
    (
        "a sealed segment without its last frame",
        |dir| {
            let path = segment(dir, 1);
            let offsets = offsets(&path);
            change(&path, |bytes| bytes.truncate(offsets[offsets.len() - 2]));
        },
        1,
        "perhaps whole segments are",
        Remedy::RestoreFile,
    ),
    (
        "an empty segment",
        |dir| change(&segment(dir, 1), Vec::clear),
        1,
        "header is not readable",
        Remedy::RestoreFile,
    ),
    (
        "a missing segment",
        |dir| fs::remove_file(segment(dir, 1)).unwrap(),
        0,
        "perhaps whole segments are",
        Remedy::RestoreFile,
    ),
    (
        "the first segment is missing",
        |dir| fs::remove_file(segment(dir, 0)).unwrap(),
        0,
        "lsn 1 is due: a segment is missing",
        Remedy::RestoreFile,
    ),
    (
        "a frame that is there twice",
        |dir| {
            let path = segment(dir, 1);
            let offsets = offsets(&path);
            change(&path, |bytes| {
                let last = bytes[offsets[offsets.len() - 2]..].to_vec();
                bytes.extend(last);
            });
        },
        1,
        "is due",
        Remedy::RestoreFile,
    ),
    (
        "a zeroed frame",
        |dir| {
            let path = segment(dir, 2);
            let offsets = offsets(&path);
            change(&path, |bytes| bytes[offsets[1]..offsets[2]].fill(0));
        },
        2,
        "a gap of zeros",
        Remedy::RestoreFile,
    ),
    (
        "a newer version",
        |dir| {
            replace_frame(&segment(dir, 0), 0, |header| header.replace(":1,\"store", ":2,\"store"));
        },
        0,
        "log format version 2 is unknown",
        Remedy::UseOtherRelease,
    ),
    (
        "an event of a kind nobody knows",
        |dir| {
            replace_frame(&segment(dir, -1), 1, |text| text.replace("_posted", "_promised"));
        },
        -1,
        "unknown event kind",
        Remedy::UseOtherRelease,
    ),
    (
        "a leg that was made larger",
        |dir| {
            replace_frame(&segment(dir, 1), 1, |text| {
                text.replacen("\"amount\":\"1\"", "\"amount\":\"9\"", 1)
            });
        },
        1,
        "unbalanced in \"EUR\" by 8",
        Remedy::RestoreFile,
    ),
    (
        "a key that was used before",
        |dir| {
            replace_frame(&segment(dir, -1), 1, |text| {
                let (before, rest) = text.split_once("\"idempotency_key\":\"").unwrap();
                let (_, rest) = rest.split_once('"').unwrap();
                format!("{before}\"idempotency_key\":\"k0\"{rest}")
            });
        },
        -1,
        "idempotency key \"k0\" again",
        Remedy::RestoreFile,
    ),
    (
        "a seq that jumps",
        |dir| {
            replace_frame(&segment(dir, 1), 1, |text| text.replace("\"seq\":", "\"seq\":1"));
        },
        1,
        "follows",
        Remedy::RestoreFile,
    ),
    (
        "time that stands still",
        |dir| {
            replace_frame(&segment(dir, 1), 1, |text| text.replacen("\"at\":", "\"at\":-", 1));
        },
        1,
        "time does not rise",
        Remedy::RestoreFile,
    ),
    (
        "a torn last write",
        |dir| {
            let path = segment(dir, -1);
            let offsets = offsets(&path);
            let end = offsets[offsets.len() - 1];
            change(&path, |bytes| bytes[end - 5..end].fill(0));
        },
        -1,
        "torn by a crash",
        Remedy::CutOff,
    ),
];

#[test]
fn damage_is_found_named_and_agrees_with_what_a_start_does() {
    let whole = killed(28, 2_000);
    assert!(segments(whole.path()).len() > 4);
    assert!(offsets(&segment(whole.path(), -1)).len() > 4, "header, two frames and more");
    for (what, damage, index, problem, remedy) in DAMAGES {
        let dir = crash_copy(whole.path());
        damage(dir.path());
        let report = checked(dir.path());
        let file = segment(dir.path(), index);
        let found = report.findings.iter().find(|finding| {
            finding.file == file && finding.remedy == remedy && finding.problem.contains(problem)
        });
        assert!(found.is_some(), "{what}: {:#?}", report.findings);
        assert_eq!(report.severity(), Some(remedy.severity()), "{what}: {:#?}", report.findings);
        let found = found.unwrap();
        assert!(found.offset.is_some() && found.lsn.is_some(), "{what}");
        let refuses = report.next_start.iter().any(|step| matches!(step, Step::Refuse { .. }));
        let starts = Ledger::open(dir.path());
        assert_eq!(refuses, starts.is_err(), "{what}: {:#?}", report.next_start);
        if let Ok(ledger) = starts {
            assert_eq!(ledger.view().cut(), report.head, "{what}");
            drop(ledger);
            assert_good(&checked(dir.path()));
        }
    }
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

/// Files of parts.
fn history(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(dir.join("history")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_flipped_bit_in_any_file_of_a_part_is_found_and_no_damage_of_the_ledger() {
    let whole = written(40, 2_000);
    let count = history(whole.path()).len();
    assert_eq!(count % 7, 0, "parts of seven files");
    for index in 0..count {
        for place in [0.1, 0.5, 0.99] {
            let dir = whole_copy(whole.path());
            let path = history(dir.path())[index].clone();
            change(&path, |bytes| {
                let place = (bytes.len() as f64 * place) as usize;
                bytes[place] ^= 4;
            });
            let report = checked(dir.path());
            let named = report.findings.iter().any(|finding| finding.file == path);
            let name = path.display();
            assert!(named, "{name}: {:#?}", report.findings);
            assert_eq!(report.severity(), Some(Severity::Mended), "{name}: {report:#?}");
            assert_eq!(report.audited, report.head, "{name}");
            assert!(!report.next_start.is_empty(), "{name}");
            let ledger = Ledger::open(dir.path()).unwrap();
            assert_eq!(balance(&ledger.view(), "b", "cash"), 14, "{name}");
        }
    }
}

#[test]
fn parts_of_another_log_and_of_another_store_are_dropped() {
    let (whole, other) = (written(20, ONE_SEGMENT), written(20, ONE_SEGMENT));
    let with_parts = |log: &Path, parts: &Path| {
        let dir = crash_copy(log);
        fs::create_dir(dir.path().join("history")).unwrap();
        for file in history(parts) {
            let name = file.file_name().unwrap();
            fs::copy(&file, dir.path().join("history").join(name)).unwrap();
        }
        dir
    };
    // Another store: its parts are not even opened.
    let dir = with_parts(whole.path(), other.path());
    let report = checked(dir.path());
    assert_eq!((report.severity(), report.parts), (Some(Severity::Mended), 0));
    assert!(report.findings[0].problem.contains("another store"), "{:#?}", report.findings);
    // The same store, but the log ends before the parts do.
    let dir = with_parts(whole.path(), whole.path());
    let path = segment(dir.path(), 0);
    let offsets = offsets(&path);
    change(&path, |bytes| bytes.truncate(offsets[offsets.len() - 4]));
    let report = checked(dir.path());
    assert_eq!(report.severity(), Some(Severity::Mended), "{:#?}", report.findings);
    let dropped = |step: &Step| matches!(step, Step::DropPart { .. });
    assert!(report.next_start.iter().any(dropped), "{:#?}", report.next_start);
    let ledger = Ledger::open(dir.path()).unwrap();
    assert_eq!(ledger.view().cut(), report.head);
}

#[test]
fn damage_before_a_checkpoint_is_found_though_a_start_passes_it_by() {
    let dir = written(60, 2_000);
    change(&segment(dir.path(), 2), |bytes| bytes[400] ^= 1);
    let report = checked(dir.path());
    assert_eq!(report.severity(), Some(Severity::Damage));
    assert!(report.parts_compared < report.parts);
}
