//! A view is a cut: it gives the same answers however much is committed after it.

use crate::fixture::*;
use std::sync::atomic::{AtomicBool, Ordering};
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
    let cases = [
        (Selection::default(), ("full scan", 12_000)),
        (
            Selection { path: Some(PathSelection::Exact("cash".into())), ..in_a.clone() },
            ("account index", 2_000),
        ),
        (Selection { tx_id: Some(transaction.tx_id), ..Selection::default() }, ("tx_id index", 2)),
        (
            Selection { idempotency_key: Some("k3000".into()), ..in_a.clone() },
            ("idempotency_key index", 2),
        ),
        (Selection { seq: Some(3..=12), ..in_a.clone() }, ("book and seq index", 20)),
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
