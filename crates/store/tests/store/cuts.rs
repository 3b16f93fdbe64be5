//! A view is a cut: it gives the same answers however much is committed after it.

use crate::fixture::*;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use store::*;

#[test]
fn an_old_view_keeps_its_answers() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a"]);
    let mut views = vec![(ledger.view(), 0)];
    for index in 1..=40 {
        sell(&ledger, "a", &format!("k{index}"), index);
        views.push((ledger.view(), (1..=index).sum()));
    }
    let everything = Selection::default();
    for (count, (view, expected)) in views.iter().enumerate() {
        assert_eq!(balance(view, "a", "cash"), *expected);
        assert_eq!(view.trial_balance("a").unwrap()[0].1.debits, *expected);
        assert_eq!(view.account_history("a", "cash", Seq(0), 100).unwrap().len(), count);
        assert_eq!(
            view.scan_postings(&everything, &[0])
                .unwrap()
                .map(|b| b.unwrap().num_rows())
                .sum::<usize>(),
            2 * count
        );
        assert_eq!(view.books().unwrap()[0].transactions, count as u64);
        let same = ledger.view_at(view.cut()).unwrap().unwrap();
        assert_eq!(balance(&same, "a", "cash"), *expected);
    }
}

#[test]
fn there_is_no_view_inside_a_frame_or_beyond_the_cut() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a"]);
    // lsn 1 is the asset; 2 and 3 are the accounts, in one frame.
    assert!(ledger.view_at(Lsn(0)).unwrap().is_some());
    assert!(ledger.view_at(Lsn(1)).unwrap().is_some());
    assert!(ledger.view_at(Lsn(2)).unwrap().is_none());
    assert!(ledger.view_at(Lsn(3)).unwrap().is_some());
    assert!(ledger.view_at(Lsn(4)).unwrap().is_none());
}

/// The bank test, in process: money moves between two books' accounts in single groups, and every
/// view holds the same total.
#[test]
fn the_total_never_moves_in_any_view() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a", "b"]);
    let stop = AtomicBool::new(false);
    // Each group moves the same amount in opposite directions in the two books.
    let torn = std::thread::scope(|scope| {
        for writer in 0..3 {
            let (ledger, stop) = (&ledger, &stop);
            scope.spawn(move || {
                for index in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let key = format!("w{writer}-{index}");
                    let group = [
                        transfer("a", &key, "cash", "sales", 1 + index % 7),
                        transfer("b", &key, "sales", "cash", 1 + index % 7),
                    ];
                    ledger.submit(&group).wait().unwrap();
                }
            });
        }
        let total = |a: &View, b: &View| balance(a, "a", "cash") + balance(b, "b", "cash");
        let mut cuts = 0;
        let mut last = ledger.view().cut();
        while cuts < 200 {
            let view = ledger.view();
            assert_eq!(total(&view, &view), 0, "at cut {}", view.cut());
            cuts += u32::from(view.cut() != last);
            last = view.cut();
        }
        // The planted bug: reading each book at its own cut. The checker must see it as soon as a
        // group came between, however long the disk takes for one.
        let first = ledger.view();
        let mut second = ledger.view();
        while second.cut() == first.cut() {
            second = ledger.view();
        }
        let torn = total(&first, &second) != 0;
        stop.store(true, Ordering::Relaxed);
        torn
    });
    assert!(torn, "reading without one cut went unnoticed: the test above proves nothing");
}

#[test]
fn indexes_and_scans_agree() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a", "b"]);
    // More than one chunk of postings.
    let groups: Vec<Vec<Draft>> = (0..6_000)
        .map(|index| {
            let book = if index % 3 == 0 { "a" } else { "b" };
            vec![transfer(book, &format!("k{index}"), "cash", "sales", 1)]
        })
        .collect();
    for ticket in ledger.batch(&groups) {
        ticket.wait().unwrap();
    }
    let view = ledger.view();
    let rows = |selection: Selection| {
        let scan = view.scan_postings(&selection, &[3]).unwrap();
        (scan.access_path(), scan.map(|batch| batch.unwrap().num_rows()).sum::<usize>())
    };
    let event = view.transaction_by_key("a", "k3000").unwrap().unwrap();
    let EventBody::TransactionPosted(transaction) = &event.body else { panic!("{event:?}") };
    let in_a = Selection { book: Some("a".into()), ..Selection::default() };
    let in_b = Selection { book: Some("b".into()), ..Selection::default() };
    let cash = Some(PathSelection::exact("cash"));
    let keys = ["k3000", "k0", "k1", "nothing"].into_iter().map(str::to_owned).collect();
    let cases = [
        (Selection::default(), ("full scan", 12_000)),
        (
            Selection { path: Some(PathSelection::exact("cash")), ..in_a.clone() },
            ("account index", 2_000),
        ),
        (
            Selection { tx_id: Some(OneOf::value(transaction.tx_id)), ..Selection::default() },
            ("tx_id index", 2),
        ),
        (
            Selection { idempotency_key: Some(OneOf::value("k3000".into())), ..in_a.clone() },
            ("idempotency_key index", 2),
        ),
        (Selection { seq: Some(3..=12), ..in_a.clone() }, ("book and seq index", 20)),
        // From the third transaction on; two accounts are opened before the first.
        (Selection { seq: Some(5..=u64::MAX), ..in_a.clone() }, ("book and seq index", 3_996)),
        (
            Selection { seq: Some(1_003..=u64::MAX), path: cash.clone(), ..in_a.clone() },
            ("account index", 1_000),
        ),
        (Selection { seq: Some(3..=u64::MAX), ..in_b.clone() }, ("book and seq index", 8_000)),
        (
            Selection { seq: Some(RangeInclusive::new(3_004, 2)), ..in_b.clone() },
            ("book and seq index", 0),
        ),
        (
            Selection { seqs: Some(OneOf::from_iter([9, 3, 4, 8_000])), ..in_a.clone() },
            ("book and seq index", 6),
        ),
        (
            Selection { seqs: Some(OneOf::from_iter([])), path: cash, ..in_a.clone() },
            ("book and seq index", 0),
        ),
        (Selection { idempotency_key: Some(keys), ..in_a.clone() }, ("idempotency_key index", 4)),
        (
            Selection { lsn: Some(event.lsn.0..=event.lsn.0), ..Selection::default() },
            ("lsn range", 2),
        ),
        (
            Selection { committed_at: Some(event.at.0..=event.at.0), ..Selection::default() },
            ("committed_at range", 2),
        ),
    ];
    for (selection, expected) in cases {
        assert_eq!(rows(selection.clone()), expected, "{selection:?}");
    }
}

/// A ledger whose clock stands still until it is told.
fn ledger_at(dir: &std::path::Path, now: &Arc<AtomicI64>, memory_budget_bytes: u64) -> Ledger {
    let now = now.clone();
    let clock = Arc::new(move || Timestamp(now.load(Ordering::SeqCst)));
    let options = Options { clock, memory_budget_bytes, ..Options::default() };
    Ledger::open_with(dir, options).unwrap()
}

fn cut_at(ledger: &Ledger, at: i64) -> Option<u64> {
    let view = futures::executor::block_on(ledger.view_as_of(Timestamp(at)));
    view.unwrap().map(|view| view.cut().0)
}

#[test]
fn a_time_is_the_end_of_the_last_frame_recorded_by_then() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_000));
    let check = |ledger: &Ledger| {
        let expected =
            [(-5, 0), (999, 0), (1_000, 1), (1_001, 3), (1_500, 3), (2_000, 4), (2_001, 5)];
        for (at, cut) in expected {
            assert_eq!(cut_at(ledger, at), Some(cut), "at {at}");
        }
    };
    {
        let ledger = ledger_at(dir.path(), &now, 1 << 30);
        // lsn 1 is the asset at 1000; 2 and 3 are the accounts, in one frame at 1001.
        open_books(&ledger, &["a"]);
        now.store(2_000, Ordering::SeqCst);
        sell(&ledger, "a", "k1", 1);
        sell(&ledger, "a", "k2", 1);
        check(&ledger);
        ledger.checkpoint().unwrap();
        check(&ledger);
    }
    // With everything in parts, and a clock that has gone back.
    now.store(1_200, Ordering::SeqCst);
    let ledger = ledger_at(dir.path(), &now, 1 << 20);
    check(&ledger);
    // The log's time is ahead of the clock, up to what was noted for the readers of 2001.
    assert_eq!(cut_at(&ledger, 102_002), None);
}

#[test]
fn a_time_that_was_read_does_not_get_more_history() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_000));
    let ledger = ledger_at(dir.path(), &now, 1 << 30);
    open_books(&ledger, &["a"]);
    assert!(!ledger.has_come(Timestamp(3_000)));
    assert_eq!(cut_at(&ledger, 3_000), None);
    now.store(3_000, Ordering::SeqCst);
    assert_eq!(cut_at(&ledger, 3_000), Some(3));
    // The clock goes back: what is recorded next is later all the same.
    now.store(2_000, Ordering::SeqCst);
    sell(&ledger, "a", "k1", 1);
    assert_eq!(cut_at(&ledger, 3_000), Some(3));
    let event = ledger.view().event("a", Seq(3)).unwrap().unwrap();
    assert_eq!(event.at, Timestamp(3_001));
}

/// A restart with a clock that has gone back, after a read of a time that nothing had come after.
#[test]
fn a_time_that_was_read_gets_no_more_history_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_000));
    let open = || ledger_at(dir.path(), &now, 1 << 30);
    open_books(&open(), &["a"]);
    now.store(3_000, Ordering::SeqCst);
    assert_eq!(cut_at(&open(), 2_500), Some(3));
    now.store(2_000, Ordering::SeqCst);
    let ledger = open();
    sell(&ledger, "a", "k1", 1);
    assert_eq!(cut_at(&ledger, 2_500), Some(3));
    assert!(ledger.view().event("a", Seq(3)).unwrap().unwrap().at > Timestamp(2_500));
}

/// Reads of the past that the log itself has passed need no note of it.
#[test]
fn only_what_nothing_has_come_after_is_noted() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_000));
    let ledger = ledger_at(dir.path(), &now, 1 << 30);
    open_books(&ledger, &["a"]);
    assert_eq!(cut_at(&ledger, 1_000), Some(1));
    assert!(!dir.path().join("settled").exists());
    assert_eq!(cut_at(&ledger, 1_001), Some(3));
    assert!(dir.path().join("settled").exists());
}

#[test]
fn a_damaged_note_of_what_was_read_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_000));
    let ledger = ledger_at(dir.path(), &now, 1 << 30);
    open_books(&ledger, &["a"]);
    assert_eq!(cut_at(&ledger, 1_001), Some(3));
    drop(ledger);
    let file = dir.path().join("settled");
    let bytes = std::fs::read(&file).unwrap();
    for length in 0..bytes.len() {
        std::fs::write(&file, &bytes[..length]).unwrap();
        let refused = Ledger::open(dir.path());
        assert!(matches!(refused, Err(OpenError::UnknownFormat { .. })), "{length} bytes");
    }
    let report = verify::verify(dir.path(), &verify::VerifyOptions::default(), &mut |_| {});
    let report = report.unwrap();
    assert!(report.findings.iter().any(|finding| finding.remedy == verify::Remedy::CheckClock));
    assert!(matches!(&report.next_start[..], [verify::Step::Refuse { .. }, ..]), "{report:?}");
    std::fs::remove_file(&file).unwrap();
    Ledger::open(dir.path()).unwrap();
}

/// Writers commit while readers ask for the present moment: the answer to a moment never changes.
#[test]
fn what_is_on_its_way_belongs_to_its_moment() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a"]);
    let mut asked = Vec::new();
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let ledger = &ledger;
            scope.spawn(move || {
                for index in 0..150 {
                    sell(ledger, "a", &format!("k{writer}-{index}"), 1);
                }
            });
        }
        for _ in 0..300 {
            let now = std::time::SystemTime::now();
            let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64;
            asked.push((now, cut_at(&ledger, now)));
        }
    });
    for (at, cut) in asked {
        assert!(cut.is_some());
        assert_eq!(cut_at(&ledger, at), cut, "at {at}");
    }
}
