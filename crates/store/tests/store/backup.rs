//! Backups taken from under a ledger's feet, and what becomes of them.

use crate::fixture::*;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use store::*;

const SEGMENT: u64 = 4_000;

fn back_up(from: &Path, to: &Path) -> Result<BackupReport, BackupError> {
    backup(from, to, &BackupOptions::default(), &mut |_| {})
}

fn bring_back(from: &Path, to: &Path) -> Result<BackupReport, BackupError> {
    restore(from, to, &BackupOptions::default(), &mut |_| {})
}

fn ledger_in(dir: &Path) -> Ledger {
    let options = Options { segment_bytes: SEGMENT, ..Options::default() };
    Ledger::open_with(dir, options).unwrap()
}

#[track_caller]
fn told(result: Result<BackupReport, BackupError>) -> String {
    result.expect_err("refused").to_string()
}

/// The events of two ledgers are the same, up to the shorter one's head.
#[track_caller]
fn assert_prefix(restored: &Ledger, original: &Ledger) {
    let (short, long) = (all_events(restored), all_events(original));
    assert!(short.len() <= long.len());
    assert!(short[..] == long[..short.len()], "a prefix");
    let head = restored.view().cut();
    assert_eq!(head.0, short.len() as u64);
    let then = original.view_at(head).unwrap().expect("a backup ends with a whole group");
    for book in ["a", "b"] {
        let now = restored.view();
        assert_eq!(now.trial_balance(book).unwrap(), then.trial_balance(book).unwrap());
        for path in ["cash", "sales"] {
            assert_eq!(balance(&now, book, path), balance(&then, book, path), "{book} {path}");
        }
    }
}

#[test]
fn a_restored_ledger_has_the_same_head_and_balances_and_goes_on() {
    let [dir, copy, target] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let ledger = ledger_in(dir.path());
    open_books(&ledger, &["a", "b"]);
    for index in 0..40 {
        sell(&ledger, "a", &format!("k{index}"), 3);
    }
    let report = back_up(dir.path(), copy.path()).unwrap();
    assert_eq!((report.head, report.epoch), (ledger.view().cut(), 1));
    assert!(report.files > 3);
    let restored = bring_back(copy.path(), target.path()).unwrap();
    assert_eq!((restored.head, restored.epoch, &restored.store), (report.head, 2, &report.store));
    let again = ledger_in(target.path());
    assert_prefix(&again, &ledger);
    assert_eq!(again.view().cut(), ledger.view().cut());
    // Keys are remembered, and both go on by themselves.
    let replay = again.submit(&[transfer("a", "k7", "cash", "sales", 3)]).wait().unwrap();
    assert!(matches!(replay[..], [Outcome::Replayed(_)]));
    sell(&again, "a", "new", 5);
    drop(again);
    let report = verify(target.path(), &VerifyOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((report.findings, report.epoch), (vec![], 2));
    assert_eq!(balance(&ledger_in(target.path()).view(), "a", "cash"), 125);
}

#[test]
fn ledgers_of_every_small_size_come_back() {
    for sales in 0..16 {
        let [dir, copy, target] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let options = Options { segment_bytes: 900, ..Options::default() };
        let ledger = Ledger::open_with(dir.path(), options).unwrap();
        if sales > 0 {
            open_books(&ledger, &["a", "b"]);
        }
        for index in 1..sales {
            sell(&ledger, "a", &format!("k{index}"), 1);
        }
        let head = ledger.view().cut();
        // Of a ledger that is open, and of one that was closed, into the same directory.
        assert_eq!(back_up(dir.path(), copy.path()).unwrap().head, head, "{sales}");
        let events = all_events(&ledger);
        drop(ledger);
        assert_eq!(back_up(dir.path(), copy.path()).unwrap().head, head, "{sales}");
        let restored = bring_back(copy.path(), target.path()).unwrap();
        assert_eq!((restored.head, restored.epoch), (head, 2), "{sales}");
        assert!(all_events(&Ledger::open(target.path()).unwrap()) == events, "{sales}");
    }
}

#[test]
fn a_backup_while_many_post_holds_all_that_was_acknowledged_before() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger_in(dir.path());
    open_books(&ledger, &["a", "b"]);
    let stop = AtomicBool::new(false);
    let posted = AtomicU64::new(0);
    let until_posted = |count: u64| {
        while posted.load(Ordering::Relaxed) < count {
            std::thread::yield_now();
        }
    };
    let copy = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (ledger, stop, posted) = (&ledger, &stop, &posted);
            scope.spawn(move || {
                let book = if thread % 2 == 0 { "a" } else { "b" };
                for index in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    // Groups over both books: a backup must not hold half of one.
                    let key = format!("t{thread}-{index}");
                    let mut group = vec![transfer(book, &key, "cash", "sales", 2)];
                    if index % 3 == 0 {
                        let other = if book == "a" { "b" } else { "a" };
                        group.push(transfer(other, &key, "sales", "cash", 1));
                    }
                    ledger.submit(&group).wait().unwrap();
                    posted.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut last = Lsn(0);
        for round in 1..=5 {
            until_posted(round * 200);
            let before = ledger.view().cut();
            let report = back_up(dir.path(), copy.path()).unwrap();
            assert!(report.head >= before && report.head > last, "{report:?}");
            last = report.head;
            let target = tempfile::tempdir().unwrap();
            let restored = bring_back(copy.path(), target.path()).unwrap();
            assert_eq!(restored.head, report.head);
            assert_prefix(&ledger_in(target.path()), &ledger);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_second_backup_copies_what_is_new() {
    let [dir, copy] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let ledger = ledger_in(dir.path());
    open_books(&ledger, &["a"]);
    for index in 0..60 {
        sell(&ledger, "a", &format!("k{index}"), 1);
    }
    let first = back_up(dir.path(), copy.path()).unwrap();
    assert_eq!(first.copied_bytes, first.bytes);
    sell(&ledger, "a", "one more", 1);
    let second = back_up(dir.path(), copy.path()).unwrap();
    assert_eq!(second.head, first.head.next());
    assert_eq!(second.copied_bytes, second.bytes - first.bytes);
    let third = back_up(dir.path(), copy.path()).unwrap();
    assert_eq!((third.copied_bytes, third.head), (0, second.head));
}

#[test]
fn a_backup_goes_only_where_nothing_is_lost_by_it() {
    let [dir, other, copy] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let (ledger, stranger) = (ledger_in(dir.path()), ledger_in(other.path()));
    for ledger in [&ledger, &stranger] {
        open_books(ledger, &["a"]);
        sell(ledger, "a", "k", 1);
    }
    fs::write(copy.path().join("thesis.tex"), "mine").unwrap();
    assert!(told(back_up(dir.path(), copy.path())).contains("not empty and holds no backup"));
    fs::remove_file(copy.path().join("thesis.tex")).unwrap();
    back_up(dir.path(), copy.path()).unwrap();
    assert!(told(back_up(other.path(), copy.path())).contains("a backup of another store"));
    // Nor where a ledger lives.
    assert!(told(back_up(dir.path(), other.path())).contains("cannot be written to"));
    let nowhere = dir.path().join("nowhere");
    assert!(told(back_up(&nowhere, copy.path())).contains("nowhere"));
    // The same store, restored and carried on, is another history.
    let restored = tempfile::tempdir().unwrap();
    bring_back(copy.path(), restored.path()).unwrap();
    sell(&ledger, "a", "only here", 1);
    back_up(dir.path(), copy.path()).unwrap();
    let again = ledger_in(restored.path());
    sell(&again, "a", "only there", 1);
    let refused = told(back_up(restored.path(), copy.path()));
    assert!(refused.contains("another history"), "{refused}");
    // A restore goes to a directory of its own.
    assert!(told(bring_back(copy.path(), restored.path())).contains("not empty"));
}

fn segment_of(copy: &Path, index: usize) -> std::path::PathBuf {
    segments(copy).remove(index)
}

#[test]
fn a_backup_that_was_not_finished_or_not_kept_is_not_restored() {
    let [dir, copy] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let ledger = ledger_in(dir.path());
    open_books(&ledger, &["a", "b"]);
    for index in 0..30 {
        sell(&ledger, "a", &format!("k{index}"), 1);
    }
    back_up(dir.path(), copy.path()).unwrap();
    let manifest = copy.path().join("backup.json");
    let edited = |edit: &dyn Fn(&str) -> String| {
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, edit(&text)).unwrap();
        text
    };
    let refused = |problem: &str| {
        let target = tempfile::tempdir().unwrap();
        let told = told(bring_back(copy.path(), target.path()));
        assert!(told.contains(problem), "{problem}: {told}");
        // Whatever was restored before that was noticed is not taken for a ledger.
        let leftovers = segments_if_any(target.path());
        assert!(leftovers == 0 || Ledger::open(target.path()).is_err(), "{problem}");
    };
    // A flipped bit in each file.
    for index in 0..segments(copy.path()).len() {
        let path = segment_of(copy.path(), index);
        let bytes = fs::read(&path).unwrap();
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        fs::write(&path, flipped).unwrap();
        refused("is not what was copied there");
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        refused("is not what was copied there");
        fs::write(&path, bytes).unwrap();
    }
    let text = edited(&|text| text.replace("\"tallybook_backup\": 1", "\"tallybook_backup\": 2"));
    refused("version 2 is unknown");
    fs::write(&manifest, &text[..text.len() / 2]).unwrap();
    refused("manifest is not readable");
    fs::write(&manifest, text.replace("\"log/segment-0", "\"../segment-0")).unwrap();
    refused("does not name the segments");
    // As an interrupted first backup leaves it, half a file included.
    fs::remove_file(&manifest).unwrap();
    fs::remove_file(copy.path().join("LOCK")).unwrap();
    let store = all_events(&ledger).len();
    refused("was not finished");
    fs::remove_file(segment_of(copy.path(), 1)).unwrap();
    fs::write(copy.path().join("log/segment-00000000000000000001.log.tmp"), "half").unwrap();
    assert!(told(back_up(dir.path(), copy.path())).contains("holds no backup"));
    let header = fs::read_to_string(dir.path().join("LOCK")).unwrap();
    assert!(!header.is_empty() && store > 30);
}

fn segments_if_any(dir: &Path) -> usize {
    fs::read_dir(dir.join("log")).map_or(0, Iterator::count)
}

#[test]
fn an_interrupted_backup_is_carried_on() {
    let [dir, copy, target] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let ledger = ledger_in(dir.path());
    open_books(&ledger, &["a", "b"]);
    for index in 0..30 {
        sell(&ledger, "a", &format!("k{index}"), 1);
    }
    let report = back_up(dir.path(), copy.path()).unwrap();
    // As a SIGKILL leaves it: the marker, some segments, half of the next under another name.
    fs::remove_file(copy.path().join("backup.json")).unwrap();
    let marker = format!("{{\"tallybook_backup_of\":\"{}\"}}", report.store);
    fs::write(copy.path().join("unfinished.json"), marker).unwrap();
    for path in segments(copy.path()).split_off(2) {
        fs::remove_file(path).unwrap();
    }
    fs::write(copy.path().join("log/segment-00000000000000000077.log.tmp"), "half").unwrap();
    assert!(told(bring_back(copy.path(), target.path())).contains("was not finished"));
    sell(&ledger, "a", "later", 1);
    let carried_on = back_up(dir.path(), copy.path()).unwrap();
    assert_eq!(carried_on.head, report.head.next());
    assert!(carried_on.copied_bytes < carried_on.bytes);
    let names: Vec<_> =
        fs::read_dir(copy.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name == "unfinished.json"), "{names:?}");
    bring_back(copy.path(), target.path()).unwrap();
    assert_prefix(&ledger_in(target.path()), &ledger);
}

#[test]
fn an_older_backup_stays_good_when_a_later_one_is_interrupted() {
    let [dir, copy, target] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let ledger = ledger_in(dir.path());
    open_books(&ledger, &["a", "b"]);
    sell(&ledger, "a", "k", 1);
    let first = back_up(dir.path(), copy.path()).unwrap();
    let manifest = fs::read(copy.path().join("backup.json")).unwrap();
    for index in 0..30 {
        sell(&ledger, "a", &format!("k{index}"), 1);
    }
    back_up(dir.path(), copy.path()).unwrap();
    // Everything was copied but the manifest.
    fs::write(copy.path().join("backup.json"), manifest).unwrap();
    let restored = bring_back(copy.path(), target.path()).unwrap();
    assert_eq!(restored.head, first.head);
    assert_prefix(&ledger_in(target.path()), &ledger);
}

#[test]
fn a_damaged_log_makes_no_backup() {
    let [dir, copy] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let ledger = ledger_in(dir.path());
    open_books(&ledger, &["a"]);
    for index in 0..30 {
        sell(&ledger, "a", &format!("k{index}"), 1);
    }
    for index in [1, segments(dir.path()).len() - 1] {
        let path = segment_of(dir.path(), index);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        let frame = frame_offsets(&whole)[1];
        flipped[frame + 30] ^= 1;
        fs::write(&path, flipped).unwrap();
        let refused = told(back_up(dir.path(), copy.path()));
        assert!(refused.contains("checksum does not match"), "{refused}");
        assert!(!copy.path().join("backup.json").exists());
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn an_interrupted_restore_is_not_a_ledger() {
    let [dir, copy, target] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let ledger = ledger_in(dir.path());
    open_books(&ledger, &["a"]);
    for index in 0..30 {
        sell(&ledger, "a", &format!("k{index}"), 1);
    }
    back_up(dir.path(), copy.path()).unwrap();
    bring_back(copy.path(), target.path()).unwrap();
    // Files come from the last to the first.
    let all = segments(target.path());
    for missing in &all[..all.len() - 1] {
        fs::remove_file(missing).unwrap();
        let copy = crash_copy(target.path());
        let refused = Ledger::open(copy.path()).map(drop).unwrap_err().to_string();
        assert!(refused.contains("a segment is missing"), "{refused}");
    }
}
