//! Groups: all or nothing, over one or more books, and the idempotency rule.

use crate::fixture::*;
use store::*;

#[test]
fn a_group_over_two_books_is_one_frame_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a", "b"]);
    let outcomes = ledger
        .submit(&[transfer("b", "k1", "cash", "sales", 5), transfer("a", "k1", "cash", "sales", 7)])
        .wait()
        .unwrap();
    let [Outcome::Committed(first), Outcome::Committed(second)] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(first.at, second.at);
    assert_eq!(second.lsn, first.lsn.next());
    assert_eq!((first.seq, second.seq), (Seq(3), Seq(3)));

    let before = ledger.view();
    let refused = ledger
        .submit(&[
            transfer("a", "k2", "cash", "sales", 1),
            transfer("b", "k2", "cash", "nowhere", 1),
        ])
        .wait();
    assert_eq!(
        refused,
        Err(CommitError::Rejected {
            index: 1,
            rejection: Rejection::UnknownAccount { path: AccountPath::new("nowhere").unwrap() },
        })
    );
    assert_eq!(ledger.view().cut(), before.cut());
    assert_eq!(balance(&ledger.view(), "a", "cash"), 7);
}

#[test]
fn drafts_of_a_group_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let group = [
        account("new", "cash", AccountKind::Asset, Some(0)),
        transfer("new", "k1", "cash", "sales", 5),
        transfer("new", "k2", "sales", "cash", 5),
        transfer("new", "k1", "cash", "sales", 5),
    ];
    let with_asset: Vec<Draft> =
        [vec![group[0].clone(), asset("EUR")], group[1..].to_vec()].concat();
    // The account comes before its asset: refused, whatever follows.
    assert!(matches!(
        ledger.submit(&with_asset).wait(),
        Err(CommitError::Rejected { index: 0, rejection: Rejection::UnknownAsset { .. } })
    ));
    let mut ordered = vec![asset("EUR"), account("new", "sales", AccountKind::Income, None)];
    ordered.extend(group);
    let outcomes = ledger.submit(&ordered).wait().unwrap();
    // The fourth draft of the story repeats the first transfer of the same group.
    let [.., Outcome::Committed(original), _, Outcome::Replayed(replayed)] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(original, replayed);
    assert_eq!(balance(&ledger.view(), "new", "cash"), 0);
}

#[test]
fn a_key_posts_once_however_many_race_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a"]);
    for round in 0..50 {
        let key = format!("race-{round}");
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let draft = transfer("a", &key, "cash", "sales", 3);
                        ledger.submit(&[draft]).wait().unwrap().remove(0)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let committed: Vec<&Outcome> =
            outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Committed(_))).collect();
        assert_eq!(committed.len(), 1);
        let Outcome::Committed(original) = committed[0] else { unreachable!() };
        for outcome in &outcomes {
            let (Outcome::Committed(event) | Outcome::Replayed(event)) = outcome else {
                panic!("{outcome:?}")
            };
            assert_eq!(event, original);
        }
    }
    assert_eq!(balance(&ledger.view(), "a", "cash"), 150);
}

#[test]
fn seeds_are_replayed_whatever_changed_since() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a"]);
    let change = |change| {
        Draft::ChangeAccount(AccountChangeDraft {
            book: BookName::user("a").unwrap(),
            path: AccountPath::new("cash").unwrap(),
            change,
        })
    };
    let closed = AccountChange { closed: Some(true), ..AccountChange::default() };
    assert!(matches!(
        ledger.submit(&[change(closed.clone())]).wait().as_deref(),
        Ok([Outcome::Committed(_)])
    ));
    assert!(matches!(ledger.submit(&[change(closed)]).wait().as_deref(), Ok([Outcome::Unchanged])));
    let seed = [asset("EUR"), account("a", "cash", AccountKind::Asset, None)];
    assert!(matches!(
        ledger.submit(&seed).wait().as_deref(),
        Ok([Outcome::Replayed(_), Outcome::Replayed(_)])
    ));
    let refused = ledger.submit(&[transfer("a", "k", "cash", "sales", 1)]).wait();
    assert!(matches!(
        refused,
        Err(CommitError::Rejected { rejection: Rejection::AccountClosed { .. }, .. })
    ));
}

#[test]
fn a_group_beyond_the_frame_limit_is_refused_whole() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a"]);
    let key = "k".repeat(200);
    let group: Vec<Draft> = (0..200_000)
        .map(|index| transfer("a", &format!("{key}{index}"), "cash", "sales", 1))
        .collect();
    assert!(matches!(ledger.submit(&group).wait(), Err(CommitError::FrameTooLarge { .. })));
    assert_eq!(balance(&ledger.view(), "a", "cash"), 0);
}

#[test]
fn a_large_group_is_replayed_and_may_repeat_itself() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a", "b"]);
    let once: Vec<Draft> = (0..20_000)
        .map(|n| transfer(["a", "b"][n % 2], &format!("k{}", n / 2), "cash", "sales", 1))
        .collect();
    // Every draft again, in the same group and then in another.
    let twice = [once.clone(), once.clone()].concat();
    let outcomes = ledger.submit(&twice).wait().unwrap();
    let (first, second) = outcomes.split_at(once.len());
    let again = ledger.submit(&once).wait().unwrap();
    for ((first, second), again) in first.iter().zip(second).zip(&again) {
        let Outcome::Committed(event) = first else { panic!("{first:?}") };
        assert_eq!([second, again], [&Outcome::Replayed(event.clone()); 2]);
    }
    assert_eq!(balance(&ledger.view(), "a", "cash"), 10_000);
}

#[test]
fn the_groups_of_a_batch_stand_alone_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    open_books(&ledger, &["a", "b"]);
    let groups = vec![
        vec![transfer("a", "k1", "cash", "sales", 1)],
        vec![transfer("a", "k2", "cash", "nowhere", 1)],
        Vec::new(),
        vec![transfer("a", "k1", "cash", "sales", 1)],
        vec![account("new", "till", AccountKind::Asset, Some(0))],
        vec![transfer("a", "k3", "cash", "sales", 2), transfer("b", "k3", "cash", "sales", 2)],
        vec![transfer("b", "k4", "cash", "sales", 4)],
        vec![transfer("none", "k5", "cash", "sales", 4)],
    ];
    let outcomes: Vec<String> = ledger
        .batch(&groups)
        .into_iter()
        .map(|ticket| match ticket.wait() {
            Ok(outcomes) => outcomes
                .iter()
                .map(|outcome| match outcome {
                    Outcome::Committed(event) => format!("{} {}", event.book, event.seq),
                    Outcome::Replayed(event) => format!("again {} {}", event.book, event.seq),
                    other => format!("{other:?}"),
                })
                .collect::<Vec<_>>()
                .join(", "),
            Err(error) => error.to_string(),
        })
        .collect();
    let unknown = |path: &str| format!("account \"{path}\" does not exist in this book");
    assert_eq!(
        outcomes,
        [
            "a 3".to_owned(),
            unknown("nowhere"),
            String::new(),
            "again a 3".to_owned(),
            "new 1".to_owned(),
            "a 4, b 3".to_owned(),
            "b 4".to_owned(),
            unknown("cash"),
        ]
    );
}
