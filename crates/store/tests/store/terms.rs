//! Groups that commit on terms: conflicts that are stepped over, and books that must not move.

use crate::fixture::*;
use crate::staged::reversal;
use std::collections::BTreeSet;
use store::*;

fn ledger() -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a", "b"]);
    (dir, ledger)
}

fn skipping(skips: &[(usize, Conflict)]) -> Terms {
    Terms { skip_conflicts: skips.to_vec(), unmoved: None }
}

fn unmoved(since: Lsn, books: BooksRead) -> Terms {
    Terms { skip_conflicts: Vec::new(), unmoved: Some(Unmoved { since, books }) }
}

fn named(books: &[&str]) -> BooksRead {
    BooksRead::Named(
        books.iter().map(|book| BookName::user(book).unwrap()).collect::<BTreeSet<_>>(),
    )
}

/// What each draft came to, in a word.
fn words(outcomes: &[Outcome]) -> Vec<&'static str> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Committed(_) => "committed",
        Outcome::Replayed(_) => "replayed",
        Outcome::Unchanged => "unchanged",
        Outcome::Skipped => "skipped",
    };
    outcomes.iter().map(word).collect()
}

#[test]
fn conflicts_are_stepped_over_where_the_terms_say_so() {
    let (_dir, ledger) = ledger();
    let first = sell(&ledger, "a", "used", 5);
    let EventBody::TransactionPosted(posted) = &first.body else { unreachable!() };
    ledger.submit(&[reversal("a", "undo", posted.tx_id)]).wait().unwrap();
    let with_id = |key: &str| {
        let Draft::PostTransaction(draft) = transfer("a", key, "cash", "sales", 5) else {
            unreachable!()
        };
        Draft::PostTransaction(TransactionDraft { tx_id: posted.tx_id, ..draft })
    };
    let any = Conflict::Any;
    let on = Conflict::On;
    let used = || transfer("a", "used", "cash", "sales", 6);
    let cases = [
        ("any key", used(), any, Some("skipped")),
        ("its key", used(), on(UniqueKey::IdempotencyKey), Some("skipped")),
        ("another", used(), on(UniqueKey::TxId), None),
        ("a replay", transfer("a", "used", "cash", "sales", 5), any, Some("replayed")),
        ("an id", with_id("new"), on(UniqueKey::TxId), Some("skipped")),
        ("an id, asked for keys", with_id("new"), on(UniqueKey::IdempotencyKey), None),
        ("reversed", reversal("a", "r", posted.tx_id), on(UniqueKey::Reverses), Some("skipped")),
        (
            "an account",
            account("a", "cash", AccountKind::Expense, None),
            on(UniqueKey::Account),
            Some("skipped"),
        ),
        ("no conflict", transfer("a", "x", "cash", "nowhere", 5), any, None),
    ];
    for (what, draft, conflict, expected) in cases {
        let before = ledger.view().cut();
        let outcome = ledger.submit_on(&[draft], &skipping(&[(0, conflict)])).wait();
        match (outcome, expected) {
            (Ok(outcomes), Some(expected)) => assert_eq!(words(&outcomes), [expected], "{what}"),
            (Err(CommitError::Rejected { index: 0, .. }), None) => {}
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(ledger.view().cut(), before, "{what}: nothing was written");
    }
}

#[test]
fn what_is_not_skipped_commits_and_what_may_not_be_skipped_rejects() {
    let (_dir, ledger) = ledger();
    sell(&ledger, "a", "used", 5);
    let group = [
        transfer("a", "new", "cash", "sales", 1),
        transfer("a", "used", "cash", "sales", 2),
        transfer("b", "new", "cash", "sales", 3),
        transfer("a", "new", "cash", "sales", 4),
    ];
    let refused = ledger.submit_on(&group, &skipping(&[(1, Conflict::Any)])).wait();
    assert!(matches!(refused, Err(CommitError::Rejected { index: 3, .. })), "{refused:?}");
    let terms = skipping(&[(1, Conflict::Any), (3, Conflict::Any)]);
    let outcomes = ledger.submit_on(&group, &terms).wait().unwrap();
    assert_eq!(words(&outcomes), ["committed", "skipped", "committed", "skipped"]);
    assert_eq!(balance(&ledger.view(), "a", "cash"), 6);
}

#[test]
fn a_book_that_moved_refuses_the_group() {
    let (_dir, ledger) = ledger();
    let since = ledger.view().cut();
    sell(&ledger, "b", "meanwhile", 5);
    let group = [transfer("a", "k", "cash", "sales", 1)];
    let b = Some(BookName::user("b").unwrap());
    let cases =
        [(named(&["a", "none"]), None), (named(&["b"]), Some(b)), (BooksRead::All, Some(None))];
    for (number, (books, moved)) in cases.into_iter().enumerate() {
        let before = ledger.view().cut();
        let outcome = ledger.submit_on(&group, &unmoved(since, books.clone())).wait();
        match moved {
            None => assert_eq!(words(&outcome.unwrap()), ["committed"], "{books:?}"),
            Some(book) => {
                assert_eq!(outcome, Err(CommitError::Moved { book }), "case {number}");
                assert_eq!(ledger.view().cut(), before);
            }
        }
    }
    let now = ledger.view().cut();
    let outcome = ledger.submit_on(&group, &unmoved(now, BooksRead::All)).wait().unwrap();
    assert_eq!(words(&outcome), ["replayed"]);
}

/// Two blocks read both books and each writes one of them if both are empty: never both.
#[test]
fn write_skew_never_commits_twice() {
    let (_dir, ledger) = ledger();
    for round in 0..200 {
        let since = ledger.view().cut();
        let key = format!("k{round}");
        let books = |_| if round % 2 == 0 { named(&["a", "b"]) } else { BooksRead::All };
        let committed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = ["a", "b"]
                .into_iter()
                .map(|book| {
                    let (ledger, key, terms) = (&ledger, &key, unmoved(since, books(book)));
                    scope.spawn(move || {
                        let draft = transfer(book, key, "cash", "sales", 1);
                        match ledger.submit_on(&[draft], &terms).wait() {
                            Ok(_) => 1,
                            Err(CommitError::Moved { .. }) => 0,
                            Err(other) => panic!("{other:?}"),
                        }
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(committed, 1, "round {round}");
    }
}

/// A book that was not there when it was read cannot be locked: that it was made is noticed.
#[test]
fn a_book_that_appears_has_moved() {
    let (_dir, ledger) = ledger();
    for round in 0..100 {
        let (one, two) = (format!("new-{round}-1"), format!("new-{round}-2"));
        let since = ledger.view().cut();
        let books = named(&[&one, &two]);
        let committed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = [&one, &two]
                .into_iter()
                .map(|book| {
                    let (ledger, terms) = (&ledger, unmoved(since, books.clone()));
                    scope.spawn(move || {
                        let draft = account(book, "cash", AccountKind::Asset, None);
                        usize::from(ledger.submit_on(&[draft], &terms).wait().is_ok())
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!(committed <= 1, "round {round}: both saw the other's book missing");
    }
}
