//! Faults planted in a good history: the auditor names each one, and where.

use crate::book::{
    asset, asset_id, change, credit, debit, event, id_of, json, note, open, path, post, register,
    reverse,
};
use ledger::{
    AMOUNT_MAX, AccountChange, AccountKind, AssetRegister, Auditor, BookState, Event, EventBody,
    Posting, Timestamp, Transaction, TransactionIndex,
};
use std::sync::Arc;

/// Seven good events: three accounts, three transactions of which one reverses, and a change.
fn history() -> Vec<Event> {
    let mut book = crate::book::Book::default();
    book.accept(&register(asset("USD")));
    book.accept(&open("cash", "USD", AccountKind::Asset, Some(0)));
    book.accept(&open("sales", "USD", AccountKind::Income, None));
    book.accept(&post("one", &[debit("cash", 10), credit("sales", 10)]));
    book.accept(&post("two", &[debit("cash", 5), credit("sales", 5)]));
    book.accept(&reverse("undo", "two"));
    let note = AccountChange { metadata: Some(json(r#"{"note":1}"#)), ..Default::default() };
    book.accept(&change("cash", note));
    book.events
}

fn audit(events: &[Event]) -> Result<Auditor, (u64, String)> {
    let mut auditor = Auditor::default();
    let mut past = TransactionIndex::default();
    for event in events {
        auditor.check(event, &past).map_err(|finding| (finding.seq.0, finding.problem))?;
        note(&mut past, event);
    }
    Ok(auditor)
}

/// Expects the finding to be at `seq` and to say `words`.
fn expect(events: &[Event], seq: u64, words: &str) {
    let (at, problem) = audit(events).expect_err(words);
    assert_eq!(at, seq, "{problem}");
    assert!(problem.contains(words), "{problem:?} does not say {words:?}");
}

/// The history with one more transaction, made of `one` by `fault`.
fn with_transaction(fault: impl FnOnce(&mut Transaction)) -> Vec<Event> {
    let mut events = history();
    let EventBody::TransactionPosted(one) = &events[3].body else { panic!("not a transaction") };
    let mut planted = Transaction::clone(one);
    planted.tx_id = id_of("planted");
    planted.idempotency_key = crate::book::key("planted");
    fault(&mut planted);
    events.push(event(8, EventBody::TransactionPosted(Arc::new(planted))));
    events
}

fn with_event(body: EventBody) -> Vec<Event> {
    let mut events = history();
    events.push(event(8, body));
    events
}

#[test]
fn a_good_history_passes_and_agrees_with_its_state() {
    let events = history();
    let mut state = BookState::default();
    for event in &events {
        state.apply(event);
    }
    audit(&events).unwrap().agrees_with(&state).unwrap();
    audit(&with_transaction(|_| {})).unwrap();
}

#[test]
fn an_auditor_goes_on_behind_a_restored_state() {
    let events = history();
    let mut state = BookState::default();
    let mut past = TransactionIndex::default();
    for event in &events[..5] {
        state.apply(event);
        note(&mut past, event);
    }
    let restored = BookState::restore(state.head(), state.accounts().cloned()).unwrap();
    assert_eq!(restored, state);
    let mut auditor = Auditor::resume(&restored, &AssetRegister::default());
    for event in &events[5..] {
        auditor.check(event, &past).unwrap();
        state.apply(event);
        note(&mut past, event);
    }
    auditor.agrees_with(&state).unwrap();
}

#[test]
fn a_state_that_is_not_the_end_of_the_history_is_told() {
    let events = history();
    let auditor = audit(&events).unwrap();
    let mut behind = BookState::default();
    for event in &events[..6] {
        behind.apply(event);
    }
    assert!(auditor.agrees_with(&behind).is_err(), "one event is missing");

    let mut other = behind.clone();
    other.apply(&event(
        7,
        EventBody::AccountChanged {
            path: path("cash"),
            change: AccountChange { closed: Some(true), ..AccountChange::default() },
        },
    ));
    assert!(auditor.agrees_with(&other).is_err(), "the last event is another one");
}

#[test]
fn gaps_repeats_and_time() {
    let mut gap = history();
    gap.remove(2);
    expect(&gap, 4, "seq 4 follows 2");

    let mut repeated = history();
    repeated.insert(3, repeated[2].clone());
    expect(&repeated, 3, "seq 3 follows 3");

    let mut first_missing = history();
    first_missing.remove(0);
    expect(&first_missing, 2, "seq 2 follows 0");

    let mut backwards = history();
    backwards[4].at = Timestamp(backwards[3].at.0 - 1);
    expect(&backwards, 5, "time went backwards");

    let mut one_frame = history();
    one_frame[4].at = one_frame[3].at;
    audit(&one_frame).expect("events of one frame share their time");
}

#[test]
fn amounts_and_balance() {
    expect(&with_transaction(|planted| planted.postings[0].amount = 11), 8, "unbalanced");
    expect(&with_transaction(|planted| planted.postings.truncate(1)), 8, "1 postings");
    expect(&with_transaction(|planted| planted.postings.clear()), 8, "0 postings");
    for amount in [0, -10, AMOUNT_MAX + 1, i128::MIN] {
        let both = |planted: &mut Transaction| {
            planted.postings.iter_mut().for_each(|posting| posting.amount = amount);
        };
        expect(&with_transaction(both), 8, "out of range");
    }
    let too_many = |planted: &mut Transaction| {
        let pair = planted.postings.clone();
        planted.postings = pair.iter().cycle().take(ledger::POSTINGS_MAX + 1).cloned().collect();
    };
    expect(&with_transaction(too_many), 8, "4096 postings");

    let beyond = |planted: &mut Transaction| {
        planted.postings.iter_mut().for_each(|posting| posting.amount = AMOUNT_MAX);
    };
    expect(&with_transaction(beyond), 8, "out of range");
}

#[test]
fn the_totals_of_the_book_are_bounded_too() {
    // Each account stays within its bound; together they do not, and apply would stop there.
    let mut events = history();
    for (seq, name) in [(8, "a"), (9, "b")] {
        let draft = open(name, "USD", AccountKind::Clearing, None);
        let ledger::Draft::OpenAccount { opening, .. } = draft else { panic!("not an opening") };
        events.push(event(seq, EventBody::AccountOpened(opening)));
    }
    let EventBody::TransactionPosted(one) = &events[3].body else { panic!("not a transaction") };
    let mut planted = Transaction::clone(one);
    planted.tx_id = id_of("planted");
    planted.idempotency_key = crate::book::key("planted");
    for (posting, name) in planted.postings.iter_mut().zip(["a", "b"]) {
        *posting = Posting { account: path(name), amount: AMOUNT_MAX, ..posting.clone() };
    }
    events.push(event(10, EventBody::TransactionPosted(Arc::new(planted))));
    expect(&events, 10, "book");
}

#[test]
fn keys_ids_and_reversals() {
    let again = |planted: &mut Transaction| planted.idempotency_key = crate::book::key("one");
    expect(&with_transaction(again), 8, "idempotency key \"one\" again");
    expect(&with_transaction(|planted| planted.tx_id = id_of("one")), 8, "again");

    let turned = |planted: &mut Transaction, reversed: &str| {
        planted.reverses = Some(id_of(reversed));
        for posting in &mut planted.postings {
            posting.direction = posting.direction.opposite();
        }
    };
    audit(&with_transaction(|planted| turned(planted, "one"))).expect("a true reversal");
    expect(&with_transaction(|planted| turned(planted, "nothing")), 8, "not in the book");
    expect(&with_transaction(|planted| turned(planted, "planted")), 8, "not in the book");
    let again = |planted: &mut Transaction| {
        turned(planted, "two");
        planted.postings.iter_mut().for_each(|posting| posting.amount = 5);
    };
    expect(&with_transaction(again), 8, "second time");
    let not_turned = |planted: &mut Transaction| planted.reverses = Some(id_of("one"));
    expect(&with_transaction(not_turned), 8, "mirror");
}

#[test]
fn accounts() {
    let elsewhere = |planted: &mut Transaction| planted.postings[0].account = path("nobody");
    expect(&with_transaction(elsewhere), 8, "never opened");
    let other_asset = |planted: &mut Transaction| {
        planted.postings.iter_mut().for_each(|posting| posting.asset = asset_id("EUR"));
    };
    expect(&with_transaction(other_asset), 8, "does not hold");
    let draw = |planted: &mut Transaction| {
        for posting in &mut planted.postings {
            posting.direction = posting.direction.opposite();
            posting.amount = 11;
        }
    };
    expect(&with_transaction(draw), 8, "falls to -1, below 0");

    let mut twice = history();
    twice.push(event(8, twice[1].body.clone()));
    expect(&twice, 8, "opened twice");

    let change_of = |at: &str, change: AccountChange| {
        with_event(EventBody::AccountChanged { path: path(at), change })
    };
    let closing = AccountChange { closed: Some(true), ..AccountChange::default() };
    expect(&change_of("nobody", closing.clone()), 8, "never opened");
    let raising = AccountChange { min_balance: Some(Some(11)), ..AccountChange::default() };
    expect(&change_of("cash", raising), 8, "below 11");

    let ledger::Draft::OpenAccount { opening, .. } =
        open("rich", "USD", AccountKind::Asset, Some(1))
    else {
        panic!("not an opening")
    };
    expect(&with_event(EventBody::AccountOpened(opening)), 8, "below 1");

    let mut closed = history();
    closed.push(event(8, EventBody::AccountChanged { path: path("cash"), change: closing }));
    let EventBody::TransactionPosted(one) = closed[3].body.clone() else { panic!("not posted") };
    let planted = Transaction {
        tx_id: id_of("planted"),
        idempotency_key: crate::book::key("planted"),
        ..Transaction::clone(&one)
    };
    closed.push(event(9, EventBody::TransactionPosted(Arc::new(planted))));
    expect(&closed, 9, "closed");
}

#[test]
fn an_asset_is_registered_once() {
    expect(&with_event(EventBody::AssetRegistered(Arc::new(asset("USD")))), 8, "registered twice");
}
